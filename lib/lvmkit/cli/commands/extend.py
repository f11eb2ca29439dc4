"""lvmkit extend: let a hierarchy run on another server, too, or show what that would do and what speaks against it."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line, write
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import (
    JSON,
    SERVER,
    dry_run_option,
    format_option,
    pass_session,
    quiet_option,
    resource_argument,
)
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.peer.answers import Preview
    from lvmkit.plan import Kit
    from lvmkit.workflow.elsewhere import ExtendOrder

_PRIORITIES = click.IntRange(1, 999)


@click.command(
    "extend", epilog="Example: lvmkit extend /data --to node2 --dry-run", short_help="Let it run on another server."
)
@resource_argument
@click.option(
    "--to", "server", type=SERVER, metavar="SERVER", required=True, help="The server that it may run on, too."
)
@click.option(
    "--priority", type=_PRIORITIES, metavar="N", help="1 to 999, 1 is the highest; below all others by default."
)
@dry_run_option
@format_option
@quiet_option
@pass_session
def command(session: Session, word: str, server: str, priority: int | None, dry_run: bool, form: str) -> int:
    """Extend the hierarchy, with all that stands on the same volume group, to a further server of the cluster.

    That server is asked first what speaks against it, and all of it is shown. Then it does the work itself, over ssh.
    The tags that it got are printed on stdout.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow.elsewhere import ExtendOrder

        order = ExtendOrder(tag_of(word, kit.port.overview().union()), server, priority or 0)
        return _previewed(order, kit, form) if dry_run else _extended(order, kit, form)

    return session.work("extend", word, job)


def _extended(order: ExtendOrder, kit: Kit, form: str) -> int:
    from lvmkit.workflow.elsewhere import extend

    tags = extend(order, kit)
    if form != JSON:
        write(one_a_line(tags))
        return 0
    from lvmkit.view.document import document
    from lvmkit.view.extend import extension_facts

    write(document(extension_facts(order.tag, order.server, tags)))
    return 0


def _previewed(order: ExtendOrder, kit: Kit, form: str) -> int:
    from lvmkit.workflow.elsewhere import preview
    from lvmkit.workflow.extend import refusal, refusals

    extension = preview(order, kit)
    against = refusals(extension.readiness)
    for message in extension.readiness.messages:
        if message not in against:
            kit.tell(message)
    write(_as_json(order, extension) if form == JSON else _as_text(extension))
    if against:
        raise refusal(Failure(*against), order.tag, order.server)
    return 0


def _as_json(order: ExtendOrder, extension: Preview) -> str:
    from lvmkit.view.document import document
    from lvmkit.view.extend import extension_preview

    return document(extension_preview(order.tag, extension))


def _as_text(extension: Preview) -> str:
    """The steps, and what the cluster would do at once."""
    from lvmkit.cli.layout import columns

    rows = [(f"{number}.", step) for number, step in enumerate(extension.steps, 1)]
    for line in extension.foreseen:
        rows.append(("then", line))
    return columns(rows)

"""lvmkit extend: let a hierarchy run on another server, too, or show what that would do and what speaks against it."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line
from lvmkit.cli.layout import columns
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import (
    SERVER,
    dry_run_option,
    event_format_option,
    pass_session,
    quiet_option,
    resource_argument,
)
from lvmkit.model.messages import Failure
from lvmkit.model.phrase import Phrase
from lvmkit.view.extend import extension_facts, extension_preview

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
@event_format_option
@quiet_option
@pass_session
def command(session: Session, word: str, server: str, priority: int | None, dry_run: bool) -> int:
    """Extend the hierarchy, with all that stands on the same volume group, to a further server of the cluster.

    That server is asked first what speaks against it, and all of it is shown. Then it does the work itself, over ssh.
    The tags that it got are printed on stdout.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow import elsewhere

        order = elsewhere.ExtendOrder(tag_of(word, kit.port.overview().union()), server, priority or 0)
        if dry_run:
            _show_preview(order, elsewhere.preview(order, kit), kit, session)
        else:
            tags = elsewhere.extend(order, kit)
            session.answer(lambda: extension_facts(order.tag, server, tags), lambda: one_a_line(tags))
        return 0

    return session.work("extend", word, job)


def _show_preview(order: ExtendOrder, extension: Preview, kit: Kit, session: Session) -> None:
    """Warnings are told, what forbids the extension is raised in the end."""
    from lvmkit.workflow.extend import refusal

    for message in extension.readiness.warnings:
        kit.tell(message)
    session.answer(lambda: extension_preview(order.tag, extension), lambda: _as_text(extension))
    if not extension.readiness.is_ready:
        raise refusal(Failure(*extension.readiness.refusals), order.tag, order.server)


def _as_text(extension: Preview) -> str:
    """The steps, and what the cluster would do at once."""
    rows: list[tuple[str, str]] = [(f"{number}.", step) for number, step in enumerate(extension.steps, 1)]
    for line in extension.foreseen:
        rows.append((Phrase("then"), line))
    return columns(rows)

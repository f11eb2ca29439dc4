"""lvmkit extend: let a hierarchy run on another server, too, or show what that would do and what speaks against it."""

from __future__ import annotations

import click

from lvmkit.cli.console import write
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
from lvmkit.model.messages.guide import WrongServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit
    from lvmkit.workflow.elsewhere import Order
    from lvmkit.workflow.extend import Preview

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
@click.option("--from", "template", type=SERVER, metavar="SERVER", hidden=True, help="Whose hierarchy; this is SERVER.")
@click.option("--check", "only_check", is_flag=True, hidden=True, help="Only say whether this server is ready.")
@click.option("--relay", is_flag=True, hidden=True, help="Speak to the kit on another server.")
@format_option
@quiet_option
@pass_session
def command(
    session: Session,
    word: str,
    server: str,
    priority: int | None,
    dry_run: bool,
    template: str | None,
    only_check: bool,
    relay: bool,
    form: str,
) -> int:
    """Extend the hierarchy, with all that stands on the same volume group, to a further server of the cluster.

    That server is asked first what speaks against it, and all of it is shown. Then it does the work itself, over ssh.
    The tags that it got are printed on stdout.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow.elsewhere import Order

        tag = tag_of(word, kit.port.overview().union())
        order = Order(tag, server, priority or 0)
        if not relay:
            return _from_anywhere(order, kit, dry_run, form)
        return _on_target(order, template or "", kit, is_question=dry_run or only_check, only_check=only_check)

    if not relay:
        return session.work("extend", word, job)
    from lvmkit.cli.relay import relayed

    return relayed(session, "extend", word, job)


def _from_anywhere(order: Order, kit: Kit, dry_run: bool, form: str) -> int:
    from lvmkit.workflow import elsewhere, extend

    if not dry_run:
        write(_extended(order, elsewhere.extend(order, kit), form))
        return 0
    found = elsewhere.preview(order, kit)
    against = extend.refusals(found.readiness)
    for message in found.readiness.messages:
        if message not in against:
            kit.tell(message)
    write(_as_json(order, found) if form == JSON else _as_text(found))
    if against:
        raise extend.refusal(Failure(*against), order.tag, order.server)
    return 0


def _on_target(order: Order, template: str, kit: Kit, *, is_question: bool, only_check: bool) -> int:
    """What the kit of another server has asked this one. Raises Failure (110001) where another one was meant."""
    from lvmkit.workflow.extend import Extension, extend, preview

    if order.server != kit.port.local_server():
        raise Failure(WrongServer(order.server))
    wish = Extension(order.tag, template, order.priority)
    if is_question:
        write(_as_json(order, preview(wish, kit, only_check=only_check)))
    else:
        write(_extended(order, extend(wish, kit, is_told=True), JSON))
    return 0


def _extended(order: Order, tags: tuple[str, ...], form: str) -> str:
    if form != JSON:
        return "".join(f"{tag}\n" for tag in tags)
    from lvmkit.view.document import document
    from lvmkit.view.extend import extension_facts

    return document(extension_facts(order.tag, order.server, tags))


def _as_json(order: Order, found: Preview) -> str:
    from lvmkit.view.document import document
    from lvmkit.view.extend import extension_preview

    return document(extension_preview(order.tag, found))


def _as_text(found: Preview) -> str:
    """The steps, and what the cluster would do at once."""
    from lvmkit.cli.layout import columns

    rows = [(f"{number}.", step) for number, step in enumerate(found.steps, 1)]
    rows += [("then", line) for line in found.foreseen]
    return columns(rows) if rows else ""

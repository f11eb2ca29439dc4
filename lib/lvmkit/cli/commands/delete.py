"""lvmkit delete: end the protection of a hierarchy. Data, volumes and mounts stay."""

from __future__ import annotations

import click

from lvmkit.cli.console import confirms, is_interactive, one_a_line, write
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import JSON, dry_run_option, format_option, pass_session, quiet_option, resource_argument
from lvmkit.model.instance import tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotConfirmed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("delete", epilog="Example: lvmkit delete /data --dry-run", short_help="End the protection.")
@resource_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask, on a terminal.")
@dry_run_option
@format_option
@quiet_option
@pass_session
def command(session: Session, word: str, yes: bool, dry_run: bool, form: str) -> int:
    """Take the hierarchy below a root out of protection. Data, volumes and mounts stay exactly as they are.

    What another hierarchy requires stays protected. The tags that went are printed. On a terminal it asks first.
    """

    def job(kit: Kit) -> int:
        tag = tag_of(word, kit.port.hierarchy())
        if dry_run:
            write(_preview(tag, form, kit))
            return 0
        if not yes and is_interactive():
            _ask(tag, kit)
        from lvmkit.workflow.delete import delete

        write(_deleted(tag, delete(tag, kit), form))
        return 0

    return session.work("delete", word, job)


def _deleted(tag: str, gone: tuple[str, ...], form: str) -> str:
    if form != JSON:
        return one_a_line(gone)
    from lvmkit.view.delete import deletion_facts
    from lvmkit.view.document import document

    return document(deletion_facts(tag, gone))


def _ask(tag: str, kit: Kit) -> None:
    """Raises Failure (NotConfirmed, 110112) unless the answer is yes."""
    from lvmkit.workflow.delete import draft_deletion

    gone, _ = draft_deletion(tag, kit)
    if not confirms(f"End the protection of {', '.join(tags_of(gone))}?"):
        raise Failure(NotConfirmed(f"Deletion of {tag}"))


def _preview(tag: str, form: str, kit: Kit) -> str:
    from lvmkit.workflow.delete import draft_deletion

    gone, plan = draft_deletion(tag, kit)
    hierarchy = kit.port.hierarchy()
    going = tags_of(gone)
    staying = {}
    for kept in reversed(hierarchy.below(tag)):
        if kept not in going:
            staying[kept] = hierarchy.parents(kept)
    if form == JSON:
        from lvmkit.view.delete import deletion_preview
        from lvmkit.view.document import document

        return document(deletion_preview(tag, going, staying, plan.describe()))
    return _as_text(going, staying, plan.describe())


def _as_text(going: tuple[str, ...], staying: dict[str, tuple[str, ...]], steps: tuple[str, ...]) -> str:
    from lvmkit.cli.layout import columns, numbered

    rows = [("goes", tag, "") for tag in going]
    for tag, parents in staying.items():
        rows.append(("stays", tag, f"required by {', '.join(parents)}"))
    return f"{columns(rows)}\n{numbered(steps)}"

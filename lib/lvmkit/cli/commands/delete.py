"""lvmkit delete: end the protection of a hierarchy. Data, volumes and mounts stay."""

from __future__ import annotations

import click

from lvmkit.cli.console import confirms, is_interactive, one_a_line
from lvmkit.cli.layout import columns, numbered
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import dry_run_option, event_format_option, pass_session, quiet_option, resource_argument
from lvmkit.model.instance import tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotConfirmed
from lvmkit.model.phrase import Phrase
from lvmkit.view.delete import deletion_facts, deletion_preview

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lvmkit.cli.session import Session
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit, Plan


@click.command("delete", epilog="Example: lvmkit delete /data --dry-run", short_help="End the protection.")
@resource_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@dry_run_option
@event_format_option
@quiet_option
@pass_session
def command(session: Session, word: str, yes: bool, dry_run: bool) -> int:
    """Take the hierarchy below a root out of protection. Data, volumes and mounts stay exactly as they are.

    What another hierarchy requires stays protected. The tags that went are printed. On a terminal it asks first.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow import delete

        tag = tag_of(word, kit.port.hierarchy())
        if dry_run:
            _preview(tag, session, kit, *delete.draft_deletion(tag, kit))
            return 0
        if not yes and is_interactive():
            _ask(tag, delete.draft_deletion(tag, kit)[0])
        gone = delete.delete(tag, kit)
        session.answer(lambda: deletion_facts(tag, gone), lambda: one_a_line(gone))
        return 0

    return session.work("delete", word, job)


def _ask(tag: str, gone: tuple[Instance, ...]) -> None:
    """Raises Failure (NotConfirmed, 110112) unless the answer is yes."""
    if not confirms(Phrase("End the protection of {tags}?", tags=", ".join(tags_of(gone)))):
        raise Failure(NotConfirmed(Phrase("Deletion of {tag}", tag=tag)))


def _preview(tag: str, session: Session, kit: Kit, gone: tuple[Instance, ...], plan: Plan) -> None:
    hierarchy = kit.port.hierarchy()
    going, steps = tags_of(gone), plan.describe()
    staying = {}
    for kept in reversed(hierarchy.below(tag)):
        if kept not in going:
            staying[kept] = tuple(parent for parent in hierarchy.parents(kept) if parent not in going)
    session.answer(
        lambda: deletion_preview(tag, going, staying, steps), lambda: _as_text(going, staying) + f"\n{numbered(steps)}"
    )


def _as_text(going: Sequence[str], staying: Mapping[str, Sequence[str]]) -> str:
    rows: list[tuple[str, ...]] = [(Phrase("goes"), tag, "") for tag in going]
    for kept, parents in staying.items():
        why = Phrase("required by {tags}", tags=", ".join(parents)) if parents else Phrase("a service of its own")
        rows.append((Phrase("stays"), kept, why))
    return columns(rows)

"""lvmkit create: protect a file system or a logical volume, or show what that would do."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line
from lvmkit.cli.layout import columns, glyphs, head, numbered, twigs
from lvmkit.cli.options import PATH, TAG, dry_run_option, event_format_option, pass_session, quiet_option
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import INTELLIGENT, SWITCHBACKS
from lvmkit.model.phrase import Phrase
from lvmkit.model.settings import RESERVATIONS
from lvmkit.view.create import creation_facts, creation_preview

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit
    from lvmkit.workflow.create import CreateDraft


@click.command(
    "create", epilog="Example: lvmkit create /data --tag payroll-data --dry-run", short_help="Protect a file system."
)
@click.argument("path", metavar="MOUNTPOINT|DEVICE", type=PATH)
@click.option("-t", "--tag", type=TAG, metavar="TAG", help="Tag of the root; chosen from its name by default.")
@click.option(
    "-s",
    "--switchback",
    type=click.Choice(SWITCHBACKS, case_sensitive=False),
    default=INTELLIGENT,
    show_default=True,
    help="Whether it stays where it is or goes home when a failed server returns.",
)
@click.option(
    "--reservation",
    type=click.Choice(RESERVATIONS),
    help="Whether the disks refuse the writes of other servers (SCSI persistent reservations); by default as"
    " LVMKIT_RESERVATION says.",
)
@dry_run_option
@event_format_option
@quiet_option
@pass_session
def command(
    session: Session, path: str, tag: str | None, switchback: str, reservation: str | None, dry_run: bool
) -> int:
    """Put a mounted file system, or a logical volume, under protection with all that it stands on.

    The whole hierarchy is created and brought in service, or nothing is. The root's tag is printed on stdout.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow import create

        request = create.CreateRequest(path, tag or "", switchback, reservation=reservation or "")
        if dry_run:
            _preview(create.draft_creation(request, kit), kit, session)
        else:
            root = create.create(request, kit)
            session.answer(lambda: creation_facts(root), lambda: one_a_line([root]))
        return 0

    return session.work("create", tag or path, job)


def _preview(draft: CreateDraft, kit: Kit, session: Session) -> None:
    before = kit.port.hierarchy()
    after = _after(draft, before)
    session.answer(lambda: creation_preview(draft, before, after), lambda: _as_text(draft, before, after))


def _after(draft: CreateDraft, before: Hierarchy) -> Hierarchy:
    """The hierarchy as it would be."""
    from lvmkit.steps import Commit

    after = before
    for step in draft.plan.steps:
        if isinstance(step, Commit):
            instances = (*after.instances, *step.change.add)
            after = Hierarchy(instances, (*after.dependencies, *step.change.link))
    return after


def _as_text(draft: CreateDraft, before: Hierarchy, after: Hierarchy) -> str:
    rows = [head("TAG", "TYPE", "ID", "")]
    for twig in twigs((draft.root,), after.children, glyphs()):
        instance = after.by_tag(twig.tag)
        if instance is not None:
            novelty = Phrase("exists") if before.by_tag(twig.tag) else Phrase("new")
            rows.append((twig.labelled(twig.tag), instance.type, instance.id, novelty))
    return f"{columns(rows)}\n{numbered(draft.plan.describe())}"

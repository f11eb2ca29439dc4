"""lvmkit apply: make what is protected agree with a file, or show what that would do."""

from __future__ import annotations

import click

from lvmkit.cli.layout import numbered
from lvmkit.cli.options import DIGEST, PATH, event_format_option, pass_session, quiet_option
from lvmkit.model.messages.apply import LeftProtected, WouldApply
from lvmkit.model.messages.command import NothingToDo
from lvmkit.view.apply import agreement_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command(
    "apply", epilog="Example: lvmkit apply /root/db.json --yes", short_help="Make what is protected agree with a file."
)
@click.argument("path", metavar="FILE", type=PATH)
@click.option("-y", "--yes", is_flag=True, help="Do all that is to be done.")
@click.option(
    "--expect", "digest", type=DIGEST, metavar="DIGEST", help="Do it where it is still what was shown with this digest."
)
@click.option("--delete", "may_delete", is_flag=True, help="Also end the protection of what the file lacks.")
@event_format_option
@quiet_option
@pass_session
def command(session: Session, path: str, yes: bool, digest: str | None, may_delete: bool) -> int:
    """Compare what is protected with FILE, which 'lvmkit show --output-format json' has printed, and show the steps.

    With --yes or --expect they are done: hierarchies are created and extended, priorities, switchback and
    initialisation set. What speaks against any of it is said before anything is done. Where things run is not touched.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow.apply import carry_out_agreement, draft_agreement, refuse_another, wanted_of

        agreement = draft_agreement(wanted_of(path), kit, may_delete=may_delete)
        refuse_another(agreement, path, digest or "")
        is_applied = yes or bool(digest)
        if is_applied:
            carry_out_agreement(agreement, kit)
        steps = [action.describe() for action in agreement.actions]
        session.answer(lambda: agreement_facts(agreement, is_applied=is_applied), lambda: numbered(steps))
        if agreement.left:
            kit.tell(LeftProtected(agreement.left))
        if not steps:
            kit.tell(NothingToDo(path))
        elif not is_applied:
            kit.tell(WouldApply(path, len(steps), agreement.digest))
        return 0

    return session.work("apply", path, job)

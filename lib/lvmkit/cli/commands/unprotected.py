"""lvmkit unprotected: the mounted file systems that could be protected."""

from __future__ import annotations

import click

from lvmkit.cli.layout import columns
from lvmkit.cli.options import event_format_option, pass_session, quiet_option
from lvmkit.view.unprotected import unprotected_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("unprotected", epilog="Example: lvmkit unprotected", short_help="List what could be protected.")
@event_format_option
@quiet_option
@pass_session
def command(session: Session) -> int:
    """List mount points on logical volumes that are not protected, each with its volume and the type of file system.

    Whether one can be protected, 'lvmkit create MOUNTPOINT --dry-run' says.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow.unprotected import unprotected

        candidates = unprotected(kit)
        rows = [(each.mount_point, each.device, each.fstype) for each in candidates]
        session.answer(lambda: unprotected_facts(candidates), lambda: columns(rows))
        return 0

    return session.work("unprotected", "", job)

"""lvmkit removable: whether the kit may be removed from this server. Hidden: the package asks before it goes."""

from __future__ import annotations

import click

from lvmkit.cli.options import pass_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("removable", hidden=True, epilog="Example: lvmkit removable")
@pass_session
def command(session: Session) -> int:
    """Exit 0 where nothing on this server needs the kit; else say what does, and how to end that."""

    def job(kit: Kit) -> int:
        from lvmkit.workflow.removal import refuse_removal

        refuse_removal(kit)
        return 0

    return session.work("removable", "", job)

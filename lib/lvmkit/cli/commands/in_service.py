"""lvmkit in-service: bring a resource, and all that it requires, in service, here or on another server."""

from __future__ import annotations

import click

from lvmkit.cli.moves import show_actions, show_outcome
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import (
    SERVER,
    dry_run_option,
    event_format_option,
    pass_session,
    quiet_option,
    resource_argument,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command(
    "in-service", epilog="Example: lvmkit in-service /data --on node2", short_help="Bring a hierarchy in service."
)
@resource_argument
@click.option(
    "--on", "server", type=SERVER, metavar="SERVER", help="The server to bring it in service on; this one by default."
)
@dry_run_option
@event_format_option
@quiet_option
@pass_session
def command(session: Session, word: str, server: str | None, dry_run: bool) -> int:
    """Bring the resource and all that it requires in service, children first. From another server it moves.

    All that stands on the same volume group moves with it. What is already in service is left alone.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow import service
        from lvmkit.workflow.admission import refuse_lost_disks
        from lvmkit.workflow.bystanders import refuse_bystanders

        seen = kit.port.overview()
        tag = tag_of(word, seen.union())
        if dry_run:
            actions = service.way_in(tag, server or "", seen)
            refuse_lost_disks(service.groups_moving(tag, seen.union()), server or "", seen, kit)
            refuse_bystanders(service.moving_off(tag, server or "", seen), seen, kit)
            return show_actions(service.RESTORE, tag, actions, session)
        service.in_service(tag, kit, server or "")
        return show_outcome(service.RESTORE, tag, service.coming_along(tag, seen), kit, session)

    return session.work("in-service", word, job)

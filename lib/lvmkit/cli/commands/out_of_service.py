"""lvmkit out-of-service: take a resource, and all that requires it, out of service."""

from __future__ import annotations

import click

from lvmkit.cli.moves import show_actions, show_outcome
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import dry_run_option, event_format_option, pass_session, quiet_option, resource_argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command(
    "out-of-service", epilog="Example: lvmkit out-of-service vg1 --dry-run", short_help="Take it out of service."
)
@resource_argument
@dry_run_option
@event_format_option
@quiet_option
@pass_session
def command(session: Session, word: str, dry_run: bool) -> int:
    """Take the resource and all that requires it out of service, parents first, on whichever server it is.

    What is already out of service is left alone.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow import service
        from lvmkit.workflow.bystanders import refuse_bystanders

        seen = kit.port.overview()
        tag = tag_of(word, seen.union())
        if dry_run:
            refuse_bystanders(service.going_out(tag, seen), seen, kit)
            return show_actions(service.REMOVE, tag, service.way_out(tag, seen), session)
        service.out_of_service(tag, kit)
        return show_outcome(service.REMOVE, tag, seen.union().above(tag), kit, session)

    return session.work("out-of-service", word, job)

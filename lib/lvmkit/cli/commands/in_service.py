"""lvmkit in-service: bring a resource, and all that it requires, in service."""

from __future__ import annotations

import click

from lvmkit.cli.moves import show_order
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import dry_run_option, format_option, pass_session, quiet_option, resource_argument
from lvmkit.model.instance import ISP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("in-service", epilog="Example: lvmkit in-service /data", short_help="Bring a hierarchy in service.")
@resource_argument
@dry_run_option
@format_option
@quiet_option
@pass_session
def command(session: Session, word: str, dry_run: bool, form: str) -> int:
    """Bring the resource and all that it requires in service on this server, children first.

    What is in service already is left alone. --format is that of --dry-run.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow import service

        now = kit.port.hierarchy()
        tag = tag_of(word, now)
        if dry_run:
            order = [i for i in map(now.by_tag, now.below(tag)) if i and i.state != ISP]
            return show_order("restore", tag, order, form)
        service.in_service(tag, kit)
        return 0

    return session.work("in-service", word, job)

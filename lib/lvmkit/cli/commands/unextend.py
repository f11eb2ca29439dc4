"""lvmkit unextend: take a server from a hierarchy; data and disks stay."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line
from lvmkit.cli.layout import numbered
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import (
    SERVER,
    dry_run_option,
    event_format_option,
    pass_session,
    quiet_option,
    resource_argument,
)
from lvmkit.model.instance import tags_of
from lvmkit.view.unextend import unextension_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command(
    "unextend", epilog="Example: lvmkit unextend /data --from node2", short_help="Take a server from a hierarchy."
)
@resource_argument
@click.option(
    "--from", "server", type=SERVER, metavar="SERVER", required=True, help="The server that it may no longer run on."
)
@dry_run_option
@event_format_option
@quiet_option
@pass_session
def command(session: Session, word: str, server: str, dry_run: bool) -> int:
    """Take the server from the hierarchy and from all that stands on the same volume group.

    It must not be in service there, and must have another server. A server that is down is taken from the cluster's
    configuration only. The tags that it lost are printed on stdout.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow import elsewhere, unextend

        tag = tag_of(word, kit.port.overview().union())
        if dry_run:
            draft = unextend.draft_unextension(tag, server, kit)
            steps = draft.plan.describe()
            gone = tags_of(draft.gone)
            session.answer(lambda: unextension_facts(tag, server, gone, steps), lambda: numbered(steps))
        else:
            tags = elsewhere.unextend(tag, server, kit)
            session.answer(lambda: unextension_facts(tag, server, tags), lambda: one_a_line(tags))
        return 0

    return session.work("unextend", word, job)

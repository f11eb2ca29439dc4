"""lvmkit bystanders: who would make the stop of volume groups fail here. Hidden: the kit on another server asks."""

from __future__ import annotations

import click

from lvmkit.cli.console import write
from lvmkit.cli.options import TAG, pass_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("bystanders", hidden=True, epilog="Example: lvmkit bystanders /data vg1/data vg1")
@click.argument("tags", metavar="TAG...", type=TAG, nargs=-1, required=True)
@pass_session
def command(session: Session, tags: tuple[str, ...]) -> int:
    """Print, as JSON, who else uses volumes of the volume groups among the tags here. The tags leave together."""

    def job(kit: Kit) -> int:
        from lvmkit.view.document import document
        from lvmkit.workflow.bystanders import bystanders
        from lvmkit.workflow.wire import packed

        found = bystanders(tags, kit.port.hierarchy())
        write(document({"bystanders": [packed(message) for message in found]}))
        return 0

    return session.work("bystanders", tags[0], job)

"""lvmkit tags: all tags, one a line, for the completion of the shell. Hidden, as people have `status`."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line, write
from lvmkit.cli.options import pass_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("tags", hidden=True, epilog="Example: lvmkit tags --type lvmvg")
@click.option("--type", "kind", metavar="TYPE", help="Only those of this resource type.")
@pass_session
def command(session: Session, kind: str | None) -> int:
    """Print all tags, of all servers."""

    def job(kit: Kit) -> int:
        instances = kit.port.overview().union().instances
        write(one_a_line(instance.tag for instance in instances if kind in (None, instance.type)))
        return 0

    return session.work("tags", "", job)

"""lvmkit servers: the servers, one a line, for the completion of the shell. Hidden, as people have `status`."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line, write
from lvmkit.cli.options import pass_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("servers", hidden=True, epilog="Example: lvmkit servers")
@pass_session
def command(session: Session) -> int:
    """Print all servers of the cluster."""

    def job(kit: Kit) -> int:
        write(one_a_line(server.name for server in kit.port.servers()))
        return 0

    return session.work("servers", "", job)

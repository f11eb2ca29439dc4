"""lvmkit metrics: what monitoring reads, in Prometheus' text format."""

from __future__ import annotations

import click

from lvmkit.cli.console import write
from lvmkit.cli.options import pass_session, quiet_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command("metrics", epilog="Example: lvmkit metrics", short_help="Print metrics for Prometheus.")
@click.option("--write", "is_kept", is_flag=True, help="Write them into the folder LVMKIT_METRICS instead.")
@quiet_option
@pass_session
def command(session: Session, is_kept: bool) -> int:
    """Print metrics of this server and its resources in Prometheus' text format.

    They are there, too, while resources are out of service and while the cluster engine does not answer.
    """

    def job(kit: Kit) -> int:
        from lvmkit.entry.textfile import write_textfile
        from lvmkit.view.metrics import exposition
        from lvmkit.workflow.measure import measure

        if is_kept:
            write_textfile(kit)
        else:
            write(exposition(measure(kit)))
        return 0

    return session.work("metrics", "", job)

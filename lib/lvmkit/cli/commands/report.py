"""lvmkit report: one file with all that support needs to know of this server."""

from __future__ import annotations

import os

import click

from lvmkit.cli.console import one_a_line
from lvmkit.cli.options import PATH, event_format_option, pass_session, quiet_option
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotRoot
from lvmkit.view.report import report_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session


@click.command("report", epilog="Example: lvmkit report", short_help="Collect what support needs, in one file.")
@click.option("-o", "--output", type=PATH, metavar="FILE", help="The archive to make; by default one in /var/tmp.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    help="How long the system, the kit, LVM and the cluster are each waited for.",
)
@event_format_option
@quiet_option
@pass_session
def command(session: Session, output: str | None, seconds: float) -> int:
    """Collect states, findings, records, logs and versions of this server and its cluster in a compressed archive.

    Passwords and keys are left out. What hangs is given up after a while, so that the rest arrives. The path of the
    archive is printed on stdout. Run it on each server of a cluster.
    """

    def job() -> int:
        from lvmkit.model.messages.packages import ReportIncomplete
        from lvmkit.workflow.report import ReportRequest, report

        if os.geteuid() != 0:
            raise Failure(NotRoot("lvmkit report"))
        console = session.console("report")  # no engine: it may be what does not answer
        bundle = report(session.script, ReportRequest(output or "", seconds), session.paths, console.tell)
        if bundle.missing:
            console.tell(ReportIncomplete(bundle.path, bundle.missing))
        session.answer(lambda: report_facts(bundle), lambda: one_a_line([bundle.path]))
        return 0

    return session.guard("report", "", job)

"""lvmkit timeline: what the last move did on all servers, and how long each step took."""

from __future__ import annotations

import click

from lvmkit.cli.layout import columns, head
from lvmkit.cli.options import event_format_option, pass_session, quiet_option
from lvmkit.view.timeline import in_words, timeline_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit
    from lvmkit.workflow.timeline import Timeline


@click.command("timeline", epilog="Example: lvmkit timeline", short_help="Show what the last move took.")
@event_format_option
@quiet_option
@pass_session
def command(session: Session) -> int:
    """Show each step of the last move or failover, with the second at which it was done and how long it took.

    The journals of all servers of the cluster are read; those that do not answer are named.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow.timeline import timeline

        move = timeline(kit)
        for message in move.missing:
            kit.tell(message)
        session.answer(lambda: timeline_facts(move), lambda: _table(move))
        return 0

    return session.work("timeline", "", job)


def _table(move: Timeline) -> str:
    if not move.steps:
        return ""
    rows = [head("AT", "TOOK", "SERVER", "STEP")]
    for step in move.steps:
        rows.append((f"{step.end:.1f} s", f"{step.end - step.start:.1f} s", step.deed.server, in_words(step.deed)))
    return columns(rows)

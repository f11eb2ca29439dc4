"""The order in which resources would go in or out of service, printed."""

from __future__ import annotations

from lvmkit.cli.console import write
from lvmkit.cli.layout import columns
from lvmkit.cli.options import JSON
from lvmkit.view.document import document
from lvmkit.view.move import move_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.workflow.service import PlannedAction


def show_actions(action: str, tag: str, actions: Sequence[PlannedAction], form: str) -> int:
    """Print what a move would run, first to last; returns exit code 0. Nothing is printed for nothing.

    action: restore or remove, what was asked for.
    """
    rows = []
    for number, planned in enumerate(actions, 1):
        i = planned.instance
        rows.append((f"{number}.", planned.action, i.tag, i.type, i.state, f"on {i.server}"))
    write(document(move_facts(action, tag, actions)) if form == JSON else columns(rows))
    return 0

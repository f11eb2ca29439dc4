"""The order in which resources would go in or out of service, printed."""

from __future__ import annotations

from lvmkit.cli.console import write
from lvmkit.cli.options import JSON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.workflow.service import PlannedAction


def show_actions(action: str, tag: str, actions: Sequence[PlannedAction], form: str) -> int:
    """Print what a move would run, first to last; returns exit code 0. Nothing is printed for nothing.

    action: restore or remove, what was asked for.
    """
    if form == JSON:
        from lvmkit.view.document import document
        from lvmkit.view.move import move_facts

        write(document(move_facts(action, tag, actions)))
    else:
        from lvmkit.cli.layout import columns

        write(columns([(f"{number}.", *_cells(planned)) for number, planned in enumerate(actions, 1)]))
    return 0


def _cells(planned: PlannedAction) -> tuple[str, ...]:
    i = planned.instance
    return planned.action, i.tag, i.type, i.state, f"on {i.server}"

"""The order in which resources would go in or out of service, printed."""

from __future__ import annotations

from lvmkit.cli.console import write
from lvmkit.cli.options import JSON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.workflow.service import Leg


def show_legs(action: str, tag: str, legs: Sequence[Leg], form: str) -> int:
    """Print what a move would run, first to last; returns exit code 0. Nothing is printed for nothing.

    action: restore or remove, what was asked for.
    """
    if form == JSON:
        from lvmkit.view.document import document
        from lvmkit.view.move import move_facts

        write(document(move_facts(action, tag, legs)))
    else:
        from lvmkit.cli.layout import columns

        write(columns([(f"{number}.", *_cells(leg)) for number, leg in enumerate(legs, 1)]))
    return 0


def _cells(leg: Leg) -> tuple[str, ...]:
    i = leg.instance
    return leg.action, i.tag, i.type, i.state, f"on {i.server}"

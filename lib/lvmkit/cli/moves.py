"""The order in which resources would go in or out of service."""

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
        from lvmkit.cli.document import document

        write(document({"action": action, "tag": tag, "dry_run": True, "resources": [_facts(leg) for leg in legs]}))
    else:
        from lvmkit.cli.layout import columns

        write(columns([(f"{number}.", *_cells(leg)) for number, leg in enumerate(legs, 1)]))
    return 0


def _facts(leg: Leg) -> dict[str, str]:
    i = leg.instance
    return {"action": leg.action, "tag": i.tag, "type": i.type, "id": i.id, "state": i.state, "server": i.server}


def _cells(leg: Leg) -> tuple[str, ...]:
    i = leg.instance
    return leg.action, i.tag, i.type, i.state, f"on {i.server}"

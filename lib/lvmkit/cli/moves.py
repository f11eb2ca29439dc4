"""What in-service and out-of-service answer: what is where after a move, or what it would run, in order."""

from __future__ import annotations

from lvmkit.cli.layout import columns
from lvmkit.model.phrase import Phrase
from lvmkit.view.move import move_facts, move_preview

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lvmkit.cli.session import Session
    from lvmkit.cluster.port import Overview
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit
    from lvmkit.workflow.service import PlannedAction


def show_actions(action: str, tag: str, actions: Sequence[PlannedAction], session: Session) -> int:
    """Print what a move would run, first to last; returns exit code 0. As text nothing is printed for nothing.

    action: restore or remove, what was asked for.
    """
    session.answer(lambda: move_preview(action, tag, actions), lambda: _as_text(actions))
    return 0


def show_outcome(action: str, tag: str, tags: Iterable[str], kit: Kit, session: Session) -> int:
    """Print how all that a move was about stands after it; returns exit code 0. As text nothing is printed.

    The engine is asked again only where the answer is wanted.  action: as show_actions().
    """
    session.answer(lambda: move_facts(action, tag, _instances(tags, kit.port.overview())), str)
    return 0


def _instances(tags: Iterable[str], seen: Overview) -> Iterator[Instance]:
    """The tags on each server that has them."""
    for hierarchy in seen.hierarchies:
        yield from hierarchy.of_tags(tags)


def _as_text(actions: Sequence[PlannedAction]) -> str:
    rows = []
    for number, planned in enumerate(actions, 1):
        i = planned.instance
        rows.append((f"{number}.", planned.action, i.tag, i.type, i.state, Phrase("on {server}", server=i.server)))
    return columns(rows)

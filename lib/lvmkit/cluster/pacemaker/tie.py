"""A tie between two volume groups on which one thing stands: a colocation that keeps them on one server.

A file system in another one requires its own group and that of the outer one, each of which has a place of its own. The
colocations of a dependency carry the wishes of what requires a group down to it, but not from there to the other group:
without a tie the groups come up on different servers, and what stands on both nowhere. It weighs more than stickiness
and priorities and less than INFINITY, because one group goes on where the other one is out of service.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import dependency, elements, ids, primitive
from lvmkit.cluster.pacemaker.dependency import COLOCATION
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS
from lvmkit.cluster.pacemaker.record import facts_of
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SCORE = 500_000
"""five times primitive.STICKY, half of INFINITY"""


def settle(root: Element) -> None:
    """Make the ties that the dependencies call for, and drop those that none calls for any more. Changes root."""
    missing = _called_for(root)
    for element in [each for each in elements.children(root, CONSTRAINTS, COLOCATION) if _is_tie(each)]:
        pair = element.get("rsc", ""), element.get("with-rsc", "")
        if pair in missing:
            missing.remove(pair)
        else:
            elements.at(root, CONSTRAINTS).remove(element)
    for group, other in sorted(missing):
        elements.at(root, CONSTRAINTS).append(_make(group, other))


def _called_for(root: Element) -> set[tuple[str, str]]:
    """The IDs of (group, the group that it is placed with). The latter has the lesser ID, so that no loop comes up."""
    own = primitive.own(root)
    graph = Hierarchy((), tuple(dependency.links(root, own)))
    groups = {tag for tag, element in own.items() if facts_of(element).get("type") == LVMVG}
    pairs: set[tuple[str, str]] = set()
    for tag in own:
        if len(graph.children(tag)) > 1:
            first, *others = sorted(ids.resource_id(below) for below in graph.below(tag) if below in groups) or [""]
            pairs.update((other, first) for other in others)
    return pairs


def _make(group: str, other: str) -> Element:
    return elements.new(COLOCATION, id=_tie_id(group, other), rsc=group, with_rsc=other, score=str(SCORE))


def _is_tie(element: Element) -> bool:
    return element.get("id") == _tie_id(element.get("rsc", ""), element.get("with-rsc", ""))


def _tie_id(group: str, other: str) -> str:
    return f"{group}_tied-to_{other}"

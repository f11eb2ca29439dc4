"""Where a primitive may run and where it is drawn to: three constraints of ours, each with what recognises it.

* A *place* lets a tag run on a server. Places, with resource-discovery=exclusive, hold every primitive to its servers;
  only those of the volume group carry the score of a priority. Were there scores on all, Pacemaker would add up those
  of everything that is colocated, and the more volumes a group has the less its stickiness would weigh.
* A *move* draws a volume group, with all that stands on it, to a server for a while.
* A *left mark* keeps an AUTOMATIC group off a server that it was moved off, until that server joins anew.
"""

from __future__ import annotations

import copy

from lvmkit.cluster.pacemaker import elements, ids, primitive
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, INFINITY
from lvmkit.model.instance import AUTOMATIC, LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import PriorityInvalid
from lvmkit.model.servers import LOWEST_PRIORITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.model.instance import Instance

    Places = dict[tuple[str, str], Element]
    """(tag, server): constraint"""

KIND = "rsc_location"
DISCOVERY, EXCLUSIVE, NEVER = "resource-discovery", "exclusive", "never"
BEST_SCORE = 10_000
"""the score of priority p is this less p: positive also where LEFT_PENALTY is taken off"""
LEFT_PENALTY = 5_000
STEP = 10
"""between the priorities that servers are given in the order of their extension: 1, 11, 21 ..."""


def place_id(tag: str, server: str) -> str:
    """The ID of the constraint that lets a tag run on a server."""
    return ids.part_id(ids.resource_id(tag), "on", server)


def place(tag: str, server: str, score: int) -> Element:
    """A constraint that lets a tag run on a server."""
    made = elements.new(KIND, id=place_id(tag, server), rsc=ids.resource_id(tag), node=server, score=str(score))
    made.set(DISCOVERY, EXCLUSIVE)
    return made


def no_place(tag: str, server: str) -> Element:
    """A constraint under the ID of a place, by which a tag may neither run on a server nor be looked for there."""
    own = ids.resource_id(tag)
    made = elements.new(KIND, id=place_id(tag, server), rsc=own, node=server, score=f"-{INFINITY}")
    made.set(DISCOVERY, NEVER)
    return made


def tag_of_place(element: Element) -> str | None:
    """The tag whose place, or no place, an element is; None for one that is not ours."""
    tag = ids.tag_of(element.get("rsc", ""))
    is_ours = element.tag == KIND and tag and element.get("id") == place_id(tag, element.get("node", ""))
    return tag if is_ours else None


def places(root: Element) -> Places:
    """Every place where a primitive of ours may run."""
    own = primitive.own(root)
    known: Places = {}
    for element in elements.children(root, CONSTRAINTS, KIND):
        tag = tag_of_place(element)
        if tag and tag in own and score(element) >= 0:
            known[tag, element.get("node", "")] = element
    return known


def of_tag(root: Element, tag: str) -> dict[str, Element]:
    """By server what says where a tag may run, or for a while may not be looked for."""
    own = ids.resource_id(tag)
    each = (element for element in elements.children(root, CONSTRAINTS, KIND) if element.get("rsc") == own)
    return {element.get("node", ""): element for element in each if tag_of_place(element)}


def add_place(root: Element, known: Places, instance: Instance) -> None:
    """Let a tag run on the instance's server, with the next lower priority. Changes root and the known places.

    Raises Failure (110168).
    """
    tag, server = instance.tag, instance.server
    best = BEST_SCORE - _next_priority(known, instance) if instance.type == LVMVG else 0
    known[tag, server] = place(tag, server, best)
    add(root, known[tag, server])


def add(root: Element, constraint: Element) -> None:
    """Store a place, or no place. Changes root."""
    elements.at(root, CONSTRAINTS).append(constraint)


def remove(root: Element, constraint: Element) -> None:
    """Remove one that is there. Changes root."""
    elements.at(root, CONSTRAINTS).remove(constraint)


def score(element: Element) -> int:
    """A constraint's score."""
    return elements.score(element.get("score", "0"))


def priority(element: Element) -> int:
    """The priority that a place of a volume group gives."""
    return BEST_SCORE - score(element)


def set_priority(element: Element, wanted: int) -> None:
    """Give a place of a volume group another priority."""
    element.set("score", str(BEST_SCORE - wanted))


def draw(root: Element, group: str, server: str, until: str) -> Element:
    """The CIB that draws a volume group, with all that stands on it, to a server.

    until: ISO 8601; then it ends by itself, so that a move whose process was killed leaves nothing that still works.
    """
    made = copy.deepcopy(root)
    own = ids.resource_id(group)
    rule = elements.new("rule", id=f"{_move_id(own)}-rule", score=INFINITY, boolean_op="and")
    rule.append(_attribute(f"{_move_id(own)}-server", "#uname", server))
    rule.append(elements.new("date_expression", id=f"{_move_id(own)}-end", operation="lt", end=until))
    _replace(made, own, _move_id(own), rule)
    return made


def settle(root: Element) -> Element:
    """The CIB without anything that draws a group to a server. The admin lock must be held."""
    made = copy.deepcopy(root)
    own = {_move_id(element.get("id", "")) for element in primitive.own(made).values()}
    elements.drop(made, CONSTRAINTS, lambda element: element.tag == KIND and element.get("id") in own)
    return made


def left_attribute(group: str) -> str:
    """The transient node attribute by which an AUTOMATIC group stays away from a server that it was moved off.

    It ends when that server leaves the cluster, so the group goes back when it has joined again, not before.
    """
    return _left_id(ids.resource_id(group))


def heed_left(root: Element, instance: Instance) -> None:
    """Make the constraint that heeds left_attribute(), or drop it, as the group's switchback demands. Changes root."""
    own = ids.resource_id(instance.tag)
    elements.drop(root, CONSTRAINTS, lambda element: element.get("id") == _left_id(own))
    if instance.type == LVMVG and instance.switchback == AUTOMATIC:
        rule = elements.new("rule", id=f"{_left_id(own)}-rule", score=str(-LEFT_PENALTY))
        rule.append(_attribute(f"{_left_id(own)}-mark", left_attribute(instance.tag), "yes"))
        _replace(root, own, _left_id(own), rule)


def drop_of(root: Element, gone: set[str]) -> None:
    """Remove all our location constraints of primitives with these IDs. Changes root."""

    def is_going(element: Element) -> bool:
        own = element.get("rsc", "")
        if element.tag != KIND or own not in gone:
            return False
        return bool(tag_of_place(element)) or element.get("id") in (_move_id(own), _left_id(own))

    elements.drop(root, CONSTRAINTS, is_going)


def _replace(root: Element, own: str, name: str, rule: Element) -> None:
    section = elements.at(root, CONSTRAINTS)
    elements.drop(root, CONSTRAINTS, lambda element: element.get("id") == name)
    made = elements.new(KIND, id=name, rsc=own)
    made.append(rule)
    section.append(made)


def _attribute(name: str, attribute: str, value: str) -> Element:
    return elements.new("expression", id=name, attribute=attribute, operation="eq", value=value)


def _next_priority(known: Places, instance: Instance) -> int:
    taken = [priority(element) for (tag, _), element in known.items() if tag == instance.tag]
    wanted = max(taken) + STEP if taken else 1
    if wanted > LOWEST_PRIORITY:
        raise Failure(PriorityInvalid(instance.tag, instance.server, wanted))
    return wanted


def _move_id(own: str) -> str:
    return ids.part_id(own, "move")


def _left_id(own: str) -> str:
    return ids.part_id(own, "left")

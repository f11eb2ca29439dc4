"""Where resources may run: equivalencies with priorities, and the two constraints that a move makes.

Every primitive is held to its servers by location constraints with resource-discovery=exclusive; only those of the
volume group carry the score of a priority. Were there scores on all, Pacemaker would add up those of everything that
is colocated, and the more volumes a group has the less its stickiness would weigh.
"""

from __future__ import annotations

import copy

from lvmkit.cluster.pacemaker import cib, devices, elements, ids
from lvmkit.cluster.pacemaker.cib import BEST_SCORE, CONSTRAINTS, INFINITY, LEFT_PENALTY, Index
from lvmkit.model.instance import AUTOMATIC, LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import LastServer, NotExtended, PriorityInvalid
from lvmkit.model.servers import LOWEST_PRIORITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.model.instance import Instance

STEP = 10
"""between the priorities that servers are given in the order of their extension: 1, 11, 21 ..."""
DISCOVERY = "resource-discovery"


def add_place(index: Index, instance: Instance) -> None:
    """Let a tag run on the instance's server, with the next lower priority. Raises Failure (110168)."""
    own, server = ids.resource_id(instance.tag), instance.server
    score = BEST_SCORE - _next_priority(index, instance) if instance.type == LVMVG else 0
    made = elements.new("rsc_location", id=cib.location_id(instance.tag, server), rsc=own, node=server)
    made.set("score", str(score))
    made.set(DISCOVERY, "exclusive")
    index.section(CONSTRAINTS).append(made)
    index.places[instance.tag, server] = made


def forget_places(root: Element, gone: set[str]) -> None:
    """Remove our location constraints of primitives with these IDs. Changes root."""

    def is_going(constraint: Element) -> bool:
        own = constraint.get("rsc", "")
        ours = cib.is_place(constraint) or constraint.get("id") in (_move_id(own), _left_id(own))
        return constraint.tag == "rsc_location" and own in gone and ours

    elements.drop(root, CONSTRAINTS, is_going)


def unextend(root: Element, tags: tuple[str, ...], server: str) -> Element:
    """The CIB in which these tags may no longer run on a server, whose devices that only they require go too.

    Raises Failure: 110167 where one is not extended there, 110166 where it is its only server.
    """
    made = copy.deepcopy(root)
    for tag in tags:
        places = {place: element for name, place, element in cib.locations(made) if name == tag}
        if server not in places:
            raise Failure(NotExtended(tag, server))
        if len(places) == 1:
            raise Failure(LastServer(tag, server))
        elements.at(made, CONSTRAINTS).remove(places[server])
    devices.drop_of(made, server, set(tags))
    return made


def prioritised(root: Element, group: str, priorities: dict[str, int]) -> Element:
    """The CIB in which a volume group has these priorities by server. Raises Failure (110167, 110168)."""
    made = copy.deepcopy(root)
    places = {place: element for tag, place, element in cib.locations(made) if tag == group}
    for server, priority in priorities.items():
        if server not in places:
            raise Failure(NotExtended(group, server))
        if not 0 < priority <= LOWEST_PRIORITY:
            raise Failure(PriorityInvalid(group, server, priority))
        places[server].set("score", str(BEST_SCORE - priority))
    for server, element in places.items():
        if sum(element.get("score") == other.get("score") for other in places.values()) > 1:
            raise Failure(PriorityInvalid(group, server, BEST_SCORE - cib.score(element)))
    return made


def toward(root: Element, group: str, server: str, until: str) -> Element:
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


def settled(root: Element) -> Element:
    """The CIB without anything that draws a group to a server. The admin lock must be held."""
    made = copy.deepcopy(root)
    own = {_move_id(primitive.get("id", "")) for primitive in cib.own_primitives(made).values()}
    elements.drop(made, CONSTRAINTS, lambda e: e.tag == "rsc_location" and e.get("id") in own)
    return made


def left_attribute(group: str) -> str:
    """The transient node attribute by which an AUTOMATIC group stays away from a server that it was moved off.

    It ends when that server leaves the cluster, so the group goes back when it has joined again, not before.
    """
    return ids.part_id(ids.resource_id(group), "left")


def heed_left(root: Element, instance: Instance) -> None:
    """Make the constraint that heeds left_attribute(), or drop it, as the group's switchback demands. Changes root."""
    own = ids.resource_id(instance.tag)
    elements.drop(root, CONSTRAINTS, lambda e: e.get("id") == _left_id(own))
    if instance.type == LVMVG and instance.switchback == AUTOMATIC:
        rule = elements.new("rule", id=f"{_left_id(own)}-rule", score=str(-LEFT_PENALTY))
        rule.append(_attribute(f"{_left_id(own)}-mark", left_attribute(instance.tag), "yes"))
        _replace(root, own, _left_id(own), rule)


def _replace(root: Element, own: str, name: str, rule: Element) -> None:
    section = elements.at(root, CONSTRAINTS)
    elements.drop(root, CONSTRAINTS, lambda e: e.get("id") == name)
    made = elements.new("rsc_location", id=name, rsc=own)
    made.append(rule)
    section.append(made)


def _attribute(name: str, attribute: str, value: str) -> Element:
    return elements.new("expression", id=name, attribute=attribute, operation="eq", value=value)


def _next_priority(index: Index, instance: Instance) -> int:
    places = [(tag, element) for (tag, _), element in index.places.items() if tag == instance.tag]
    taken = [BEST_SCORE - cib.score(element) for _, element in places]
    wanted = max(taken) + STEP if taken else 1
    if wanted > LOWEST_PRIORITY:
        raise Failure(PriorityInvalid(instance.tag, instance.server, wanted))
    return wanted


def _move_id(own: str) -> str:
    return ids.part_id(own, "move")


def _left_id(own: str) -> str:
    return ids.part_id(own, "left")

"""What ties a volume group to the DRBD resource below it: an order (promote, then start) and a colocation by role.

The resource and its promotable clone are the administrator's and stay so. The pair of constraints is the kit's: it
comes with the first device of that resource below the group, and goes with the last. Where an administrator has written
a constraint that says the same, there is none of the kit's.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids, location, primitive, template
from lvmkit.cluster.pacemaker.dependency import COLOCATION, ORDER
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, INFINITY, RESOURCES
from lvmkit.cluster.pacemaker.record import facts_of
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG
from lvmkit.storage import drbd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

_FENCE = "drbd-fence-by-handler-"
_AGENT = ("ocf", "linbit", "drbd")
_PROMOTED, _OLD_PROMOTED = "Promoted", "Master"
_RENAMED_IN = (3, 7)
"""the schema from which the role is called Promoted; that of older ones is valid in all of them"""


def clone_of(root: Element, resource: str) -> str:
    """The ID of the promotable clone that runs a DRBD resource; '' where there is none."""
    for element in elements.children(root, RESOURCES):
        if _is_promotable(element) and any(_runs(each, root, resource) for each in element.iter("primitive")):
            return element.get("id", "")
    return ""


def fence_of(root: Element, resource: str, server: str) -> str:
    """The ID of the constraint by which DRBD's handler keeps a server from being promoted; '' where there is none.

    It names the one server that may be (crm-fence-peer.sh of drbd-utils: a rule with #uname ne SERVER).
    """
    for element in elements.children(root, CONSTRAINTS, location.KIND):
        allowed = [e.get("value") for e in element.iter("expression") if e.get("operation") == "ne"]
        if element.get("id", "").startswith(f"{_FENCE}{resource}-") and server not in allowed:
            return element.get("id", "")
    return ""


def settle(root: Element) -> None:
    """Make the constraints that the devices below volume groups call for, and drop those that none calls for any more.

    Changes root.
    """
    wanted = {_meaning(each): each for each in _called_for(root)}
    for element in list(elements.children(root, CONSTRAINTS)):
        if _meaning(element) in wanted:
            del wanted[_meaning(element)]
        elif _is_ours(element):
            elements.at(root, CONSTRAINTS).remove(element)
    elements.at(root, CONSTRAINTS).extend(wanted.values())


def _called_for(root: Element) -> Iterator[Element]:
    devices = template.devices(root)
    servers = dict.fromkeys(server for _, server in devices)
    graphs = {server: Hierarchy((), template.links(devices, server)) for server in servers}
    pairs: dict[tuple[str, str], None] = {}
    for (tag, server), device in devices.items():
        volume = drbd.volume_at(facts_of(device).get("id", ""))
        clone = clone_of(root, volume.resource) if volume else ""
        if clone:
            pairs.update(((group, clone), None) for group in graphs[server].above(tag))
    groups = {tag for tag, element in primitive.own(root).items() if facts_of(element).get("type") == LVMVG}
    for tag, clone in pairs:
        if tag in groups:
            yield from _pair(ids.resource_id(tag), clone, _role(root))


def _pair(group: str, clone: str, role: str) -> tuple[Element, Element]:
    when = {"first": clone, "first_action": "promote", "then": group, "then_action": "start", "kind": "Mandatory"}
    where = {"rsc": group, "with_rsc": clone, "with_rsc_role": role, "score": INFINITY}
    order = elements.new(ORDER, id=_order_id(group, clone), **when)
    return order, elements.new(COLOCATION, id=_colocation_id(group, clone), **where)


def _meaning(element: Element) -> tuple[object, ...]:
    """What a constraint says, whatever its ID, and whichever name it has for the role."""
    said = {key: value for key, value in element.attrib.items() if key != "id"}
    if said.get("with-rsc-role") == _OLD_PROMOTED:
        said["with-rsc-role"] = _PROMOTED
    if element.tag == ORDER:
        said.setdefault("kind", "Mandatory")
    return element.tag, len(element), frozenset(said.items())


def _is_ours(element: Element) -> bool:
    if element.tag == ORDER:
        return element.get("id") == _order_id(element.get("then", ""), element.get("first", ""))
    return element.get("id") == _colocation_id(element.get("rsc", ""), element.get("with-rsc", ""))


def _order_id(group: str, clone: str) -> str:
    return ids.part_id(group, "promoted-first", clone)


def _colocation_id(group: str, clone: str) -> str:
    return ids.part_id(group, "with-promoted", clone)


def _role(root: Element) -> str:
    """How the CIB's schema calls the promoted role."""
    version = root.get("validate-with", "").rpartition("-")[2].split(".")
    numbers = tuple(int(part) for part in version if part.isdecimal())
    return _PROMOTED if numbers >= _RENAMED_IN else _OLD_PROMOTED


def _is_promotable(element: Element) -> bool:
    """A clone that is set so, or what it was called before Pacemaker 2."""
    if element.tag == "master":
        return True
    meta: dict[str, str] = {}
    for holder in element.iterfind("meta_attributes"):
        meta.update(elements.values(holder))
    return element.tag == "clone" and meta.get("promotable", "false").lower() in ("true", "1", "yes", "on", "y")


def _runs(element: Element, root: Element, resource: str) -> bool:
    """Whether a primitive is DRBD's agent for a resource; it may have its parameters from a template."""
    basis = elements.with_id(root, RESOURCES, element.get("template", ""))
    parts = [element] if basis is None else [basis, element]
    given: dict[str, str] = {}
    for holder in (holder for part in parts for holder in part.iterfind("instance_attributes")):
        given.update(elements.values(holder))
    agent = tuple(parts[0].get(key) for key in ("class", "provider", "type"))
    return agent == _AGENT and given.get("drbd_resource") == resource

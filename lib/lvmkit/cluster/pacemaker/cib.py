"""Reading a CIB as a whole: its servers and version, and what our elements in it say together. All else is foreign."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import dependency, elements, ids, location, primitive, template
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, NODES
from lvmkit.cluster.pacemaker.record import facts_of, instance_of
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG, Dependency, Instance, tags_of
from lvmkit.model.servers import Equivalency
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element


_SIDES = {dependency.ORDER: ("first", "then"), dependency.COLOCATION: ("with-rsc", "rsc")}
"""attributes of a constraint: what is below, and what stands on it"""


class Version(Value):
    """Which state of the CIB this is; each change raises one of the numbers (Pacemaker Explained, 'CIB Properties')."""

    admin_epoch: int
    epoch: int
    num_updates: int


def version(root: Element) -> Version:
    """The version of a CIB."""
    return Version(*(int(root.get(name, "0")) for name in ("admin_epoch", "epoch", "num_updates")))


def servers(root: Element) -> tuple[str, ...]:
    """The servers of the cluster."""
    return tuple(node.get("uname", "") for node in elements.children(root, NODES, "node") if node.get("uname"))


def owners(root: Element) -> dict[tuple[str, str, str], str]:
    """{(server, type, ID): tag} of all that is ours. server: '' for a primitive, which is the whole cluster's."""
    tags: dict[tuple[str, str, str], str] = {}
    for tag, element in primitive.own(root).items():
        tags[("", *type_and_id(element))] = tag
    for (tag, server), element in template.devices(root).items():
        tags[(server, *type_and_id(element))] = tag
    return tags


def type_and_id(element: Element) -> tuple[str, str]:
    """Resource type and resource ID of a primitive or device of ours."""
    facts = facts_of(element)
    return facts["type"], facts.get("id", "")


def links(root: Element) -> tuple[Dependency, ...]:
    """The dependencies between primitives."""
    return tuple(dependency.links(root, primitive.own(root)))


def required_by_others(root: Element) -> frozenset[str]:
    """The tags of ours on which a resource that is not ours stands, by an order or a colocation."""
    own = {ids.resource_id(tag): tag for tag in primitive.own(root)}
    required: set[str] = set()
    for element in elements.children(root, CONSTRAINTS):
        below, above = _requirement(element)
        if above - own.keys():
            required |= {own[each] for each in below & own.keys()}
    return frozenset(required)


def _requirement(element: Element) -> tuple[set[str], set[str]]:
    """The IDs that a constraint has below and above; all on both sides where it is made of sets."""
    members = {each.get("id", "") for each in element.iter("resource_ref")}
    if members:
        return members, members
    below, above = _SIDES.get(element.tag, ("", ""))
    return {element.get(below, "")}, {element.get(above, "")} - {""}


def equivalencies(root: Element) -> tuple[Equivalency, ...]:
    """Where each tag may run. What stands on a volume group has the group's priorities; 0 where there is none."""
    places = location.places(root)
    graph = Hierarchy(tuple(_instances(root, None)), links(root))
    return tuple(Equivalency(tag, server, _priority(tag, server, graph, places)) for tag, server in places)


def hierarchy(root: Element, server: str) -> Hierarchy:
    """The instances of a server and their dependencies; all ILLSTATE, because the configuration holds no states."""
    instances = tuple(_instances(root, server))
    known = {instance.tag for instance in instances}
    every = (*links(root), *template.links(template.devices(root, server), server))
    return Hierarchy(instances, tuple(d for d in every if {d.parent, d.child} <= known))


def _instances(root: Element, server: str | None) -> Iterator[Instance]:
    here = {tag for tag, place in location.places(root) if server in (None, place)}
    for tag, element in primitive.own(root).items():
        if tag in here or server is None:
            yield instance_of(facts_of(element), tag, server or "")
    if server is not None:
        for (tag, _), device in template.devices(root, server).items():
            yield instance_of(facts_of(device), tag, server)


def _priority(tag: str, server: str, graph: Hierarchy, places: dict[tuple[str, str], Element]) -> int:
    groups = tags_of(graph.of_tags(graph.below(tag), LVMVG))
    priorities = [location.priority(places[group, server]) for group in groups if (group, server) in places]
    return max(priorities, default=0)

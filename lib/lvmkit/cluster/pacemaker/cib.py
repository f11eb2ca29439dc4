"""Reading a CIB: which instances are ours, what they require, where they may run. Everything else is foreign."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids
from lvmkit.cluster.pacemaker.primitives import meta_of
from lvmkit.cluster.pacemaker.record import facts_of, instance_of
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG, Dependency, Instance
from lvmkit.model.servers import Equivalency
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

RESOURCES, CONSTRAINTS, NODES = "configuration/resources", "configuration/constraints", "configuration/nodes"
BEST_SCORE = 10_000
"""the score of priority p is this less p: positive also where LEFT_PENALTY is taken off"""
LEFT_PENALTY = 5_000


INFINITY, INFINITE = "INFINITY", 1_000_000


class Version(Value):
    """Which state of the CIB this is; each change raises one of the numbers (Pacemaker Explained, 'CIB Properties')."""

    admin_epoch: int
    epoch: int
    num_updates: int


class Index:
    """What is ours in a CIB, looked up once; whoever changes the CIB keeps it true."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.servers = servers(root)
        self.primitives = own_primitives(root)
        self.templates = own_templates(root)
        self.places = {(tag, server): element for tag, server, element in locations(root)}
        self.links = dict.fromkeys(links(root))
        self.owners: dict[tuple[str, str, str], str] = {}
        for tag, element in self.primitives.items():
            self.own(tag, "", facts_of(element))
        for (tag, server), element in self.templates.items():
            self.own(tag, server, facts_of(element))

    def own(self, tag: str, server: str, facts: dict[str, str]) -> None:
        """Note who has a resource ID. server: '' for a primitive, which is the whole cluster's."""
        self.owners[server, facts["type"], facts.get("id", "")] = tag

    def section(self, path: str) -> Element:
        """Resources or constraints."""
        return elements.at(self.root, path)


def version(root: Element) -> Version:
    """The version of a CIB."""
    return Version(*(int(root.get(name, "0")) for name in ("admin_epoch", "epoch", "num_updates")))


def servers(root: Element) -> tuple[str, ...]:
    """The servers of the cluster."""
    return tuple(node.get("uname", "") for node in elements.children(root, NODES, "node") if node.get("uname"))


def own_primitives(root: Element) -> dict[str, Element]:
    """Our primitives by tag: with an ID that is spelled as ours and with our record."""
    marked = (p for p in elements.children(root, RESOURCES, "primitive") if facts_of(p))
    return {tag: p for p in marked for tag in [ids.tag_of(p.get("id", ""))] if tag}


def own_templates(root: Element, server: str | None = None) -> dict[tuple[str, str], Element]:
    """Our devices and disks by (tag, server); of one server or of all."""
    found = {}
    for template in elements.children(root, RESOURCES, "template"):
        facts = facts_of(template)
        if facts and template.get("id") == template_id(facts.get("tag", ""), facts.get("server", "")):
            found[facts["tag"], facts["server"]] = template
    return {key: template for key, template in found.items() if server in (None, key[1])}


def template_id(tag: str, server: str) -> str:
    """The ID under which a device or disk of one server is kept."""
    return ids.part_id(ids.resource_id(tag), "of", server)


def requirers(template: Element) -> tuple[str, ...]:
    """The tags that require a device or disk; no tag holds a blank."""
    return tuple(facts_of(template).get("parents", "").split())


def links(root: Element) -> tuple[Dependency, ...]:
    """The dependencies between primitives: our order constraints."""
    own = own_primitives(root)
    pairs = [
        (o.get("first", ""), o.get("then", ""), o.get("id")) for o in elements.children(root, CONSTRAINTS, "rsc_order")
    ]
    ours = [(ids.tag_of(first), ids.tag_of(then)) for first, then, name in pairs if name == order_id(first, then)]
    return tuple(Dependency(then, first) for first, then in ours if first in own and then in own and first and then)


def order_id(first: str, then: str) -> str:
    """The ID of an order constraint between two primitives."""
    return f"{first}_then_{then}"


def colocation_id(resource: str, with_resource: str) -> str:
    """The ID of a colocation constraint between two primitives."""
    return f"{resource}_with_{with_resource}"


def location_id(tag: str, server: str) -> str:
    """The ID of the constraint that lets a tag run on a server."""
    return ids.part_id(ids.resource_id(tag), "on", server)


def is_place(element: Element) -> bool:
    """Whether a constraint is ours and says where a primitive of ours may, or for a while may not, be looked for."""
    tag = ids.tag_of(element.get("rsc", ""))
    return bool(tag) and element.get("id") == location_id(tag or "", element.get("node", ""))


def locations(root: Element) -> Iterator[tuple[str, str, Element]]:
    """(tag, server, constraint) of every place where ours may run."""
    own = own_primitives(root)
    for element in elements.children(root, CONSTRAINTS, "rsc_location"):
        tag = ids.tag_of(element.get("rsc", ""))
        if tag in own and tag and is_place(element) and score(element) >= 0:
            yield tag, element.get("node", ""), element


def score(element: Element) -> int:
    """A constraint's score; what is no number counts as 0 (Pacemaker Explained, 'Scores')."""
    text = element.get("score", "0").lstrip("+")
    if text.lstrip("-") == INFINITY:
        return -INFINITE if text.startswith("-") else INFINITE
    return int(text) if text.lstrip("-").isdecimal() else 0


def equivalencies(root: Element) -> tuple[Equivalency, ...]:
    """Where each tag may run. What stands on a volume group has the group's priorities; 0 where there is none."""
    places = list(locations(root))
    graph = Hierarchy(tuple(_instances(root, None)), links(root))
    scores = {(tag, server): score(element) for tag, server, element in places}
    return tuple(Equivalency(tag, server, _priority(tag, server, graph, scores)) for tag, server, _ in places)


def hierarchy(root: Element, server: str) -> Hierarchy:
    """The instances of a server and their dependencies; all ILLSTATE, because the configuration holds no states."""
    instances = tuple(_instances(root, server))
    known = {instance.tag for instance in instances}
    held = own_templates(root, server).items()
    below = (Dependency(parent, tag) for (tag, _), template in held for parent in requirers(template))
    every = (*links(root), *below)
    return Hierarchy(instances, tuple(d for d in every if {d.parent, d.child} <= known))


def is_wanted(primitive: Element) -> bool:
    """Whether the cluster is to keep a primitive running."""
    meta = meta_of(primitive)
    return meta.get("target-role", "Started") != "Stopped" and meta.get("is-managed", "true") == "true"


def _instances(root: Element, server: str | None) -> Iterator[Instance]:
    own = own_primitives(root)
    here = {tag for tag, place, _ in locations(root) if server in (None, place)}
    for tag, primitive in own.items():
        if tag in here or server is None:
            yield instance_of(facts_of(primitive), tag, server or "")
    if server is not None:
        for (tag, _), template in own_templates(root, server).items():
            yield instance_of(facts_of(template), tag, server)


def _priority(tag: str, server: str, graph: Hierarchy, scores: dict[tuple[str, str], int]) -> int:
    groups = [i.tag for i in map(graph.by_tag, graph.below(tag)) if i is not None and i.type == LVMVG]
    found = [BEST_SCORE - scores[group, server] for group in groups if (group, server) in scores]
    return max(found, default=0)

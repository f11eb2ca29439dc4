"""A change of instances and dependencies as a new CIB, made from the one that was read; only what is ours differs."""

from __future__ import annotations

import copy

from lvmkit.cluster.checks import refuse_unstorable, require
from lvmkit.cluster.pacemaker import cib, dependency, elements, ids, location, primitive, promotion, template, tie
from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import AUTOMATIC, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import HasDependents, NotStored
from lvmkit.model.messages.guide import DependencyNotCreated, IdInUse, ResourceExists, ResourceNotFound
from lvmkit.model.messages.pacemaker import (
    LastServer,
    NoAgent,
    NotExtended,
    PriorityInvalid,
    UnknownServer,
    UsedByOthers,
)
from lvmkit.model.messages.replication import ReplicaSwitchback
from lvmkit.model.resource_types import has_agent, is_device
from lvmkit.model.servers import LOWEST_PRIORITY
from lvmkit.model.value import replace
from lvmkit.storage import drbd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.model.instance import Dependency, Instance
    from lvmkit.model.messages import Message

_NOT_IN_XML = "\ufffe\uffff"
"""beside control characters: XML 1.0, section 2.2"""
_REFERENCES = ("rsc", "with-rsc", "first", "then", "id", "template", "id-ref")


class Index:
    """Our elements by what they stand for; whoever changes the CIB keeps it true."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.servers = cib.servers(root)
        self.primitives = primitive.own(root)
        self.devices = template.devices(root)
        self.places = location.places(root)
        self.links = dict.fromkeys(dependency.links(root, self.primitives))
        self.owners = cib.owners(root)


def apply(root: Element, change: Change, server: str) -> Element:
    """The CIB with a change made; the given one stays as it is.

    server: whose hierarchy the change speaks of. Primitives and their links are the cluster's, so what is removed is
    removed everywhere; devices and disks are each server's own. An instance of another server in `add` extends its
    tag to that server. Raises Failure: 000014, 110003, 110004, 110034, 110086, 110087, 110100, 110155-110157.
    """
    index = Index(copy.deepcopy(root))
    for link in change.unlink:
        _unlink(index, link, server)
    _remove(index, change.remove, server)
    for instance in change.add:
        _add(index, instance)
    _vacate_ids(index, change.update)
    for instance in change.update:
        _update(index, instance)
    servers = tuple(dict.fromkeys((server, *(instance.server for instance in change.add))))
    for link in change.link:
        _link(index, link, servers)
    tie.settle(index.root)
    promotion.settle(index.root)
    return index.root


def amendment(root: Element, tag: str, facts: dict[str, str], server: str) -> Change:
    """The change that gives a server's instance other facts, by name. Raises Failure (000019, 110155, 110435)."""
    if server not in cib.servers(root):
        raise Failure(UnknownServer(server, cib.servers(root)))
    graph = cib.hierarchy(root, server)
    instance = graph.by_tag(tag)
    if instance is None:
        raise Failure(ResourceNotFound(f"tag {tag}"))
    if facts.get("switchback") == AUTOMATIC:
        _refuse_replicas(instance, graph)
    return Change(update=(replace(instance, **facts),))


def _refuse_replicas(instance: Instance, graph: Hierarchy) -> None:
    """Raises Failure (110435) for what must not go back by itself: a replica that comes back has old data first."""
    for device in graph.of_tags(graph.below(instance.tag)):
        if drbd.volume_at(device.id) is not None:
            raise Failure(ReplicaSwitchback(instance.tag, device.id))


def unextend(root: Element, tags: tuple[str, ...], server: str) -> Element:
    """The CIB in which these tags may no longer run on a server, whose devices that only they require go too.

    Raises Failure: 110167 where one is not extended there, 110166 where it is its only server.
    """
    made = copy.deepcopy(root)
    for tag in tags:
        places = _places_of(made, tag)
        if server not in places:
            raise Failure(NotExtended(tag, server))
        if len(places) == 1:
            raise Failure(LastServer(tag, server))
        location.remove(made, places[server])
    template.drop_of(made, server, set(tags))
    return made


def set_priorities(root: Element, group: str, priorities: dict[str, int]) -> Element:
    """The CIB in which a volume group has these priorities by server. Raises Failure (110167, 110168)."""
    made = copy.deepcopy(root)
    places = _places_of(made, group)
    for server, wanted in priorities.items():
        if server not in places:
            raise Failure(NotExtended(group, server))
        if not 0 < wanted <= LOWEST_PRIORITY:
            raise Failure(PriorityInvalid(group, server, wanted))
        location.set_priority(places[server], wanted)
    for server, element in places.items():
        if sum(element.get("score") == other.get("score") for other in places.values()) > 1:
            raise Failure(PriorityInvalid(group, server, location.priority(element)))
    return made


def _places_of(root: Element, tag: str) -> dict[str, Element]:
    return {server: element for (own, server), element in location.places(root).items() if own == tag}


def _add(index: Index, instance: Instance) -> None:
    _check(index, instance)
    key = instance.tag, instance.server
    if key in index.places or key in index.devices:
        raise Failure(ResourceExists(instance.tag))
    if is_device(instance.type):
        template.add(index.root, index.devices, instance)
        index.owners[_owned(instance)] = instance.tag
    elif instance.tag not in index.primitives:
        _add_primitive(index, instance)
    else:
        _refuse_other(index.primitives[instance.tag], instance)
        location.add_place(index.root, index.places, instance)


def _add_primitive(index: Index, instance: Instance) -> None:
    primitive.add(index.root, index.primitives, instance)
    index.owners[_owned(instance)] = instance.tag
    location.add_place(index.root, index.places, instance)
    location.heed_left(index.root, instance)


def _refuse_other(known: Element, instance: Instance) -> None:
    """A tag that is extended to a further server must be the same resource there."""
    if cib.type_and_id(known) != (instance.type, instance.id):
        raise Failure(ResourceExists(instance.tag))


def _update(index: Index, instance: Instance) -> None:
    _check(index, instance)
    if (instance.tag, instance.server) in index.devices:
        template.put(index.root, index.devices, instance)
        return
    if instance.tag not in index.primitives:
        raise Failure(NotStored(f"there is no resource {instance.tag}"))
    primitive.put(index.root, index.primitives, instance)
    index.owners[_owned(instance)] = instance.tag
    location.heed_left(index.root, instance)


def _vacate_ids(index: Index, updates: tuple[Instance, ...]) -> None:
    """What is updated in one change may take over each other's IDs."""
    tags, places = tags_of(updates), {"", *(instance.server for instance in updates)}
    for key, tag in tuple(index.owners.items()):
        if tag in tags and key[0] in places:
            del index.owners[key]


def _remove(index: Index, tags: tuple[str, ...], server: str) -> None:
    requirers: dict[str, list[str]] = {}
    for link in (*index.links, *template.links(index.devices, server)):
        requirers.setdefault(link.child, []).append(link.parent)
    for tag in tags:
        if tag not in index.primitives and (tag, server) not in index.devices:
            raise Failure(NotStored(f"there is no resource {tag}"))
        staying = tuple(parent for parent in requirers.get(tag, ()) if parent not in tags)
        if staying:
            raise Failure(HasDependents(tag, staying))
    primitives = {tag for tag in tags if tag in index.primitives}
    template.drop(index.root, index.devices, set(tags), primitives, server)
    _drop_primitives(index.root, {ids.resource_id(tag) for tag in primitives})
    _forget(index, tags)


def _forget(index: Index, tags: tuple[str, ...]) -> None:
    """Removed tags can be made anew in the same change."""
    fresh = Index(index.root) if tags else index
    index.__dict__.update(fresh.__dict__)


def _drop_primitives(root: Element, gone: set[str]) -> None:
    if not gone:
        return
    location.drop_of(root, gone)
    dependency.drop_of(root, gone)
    primitive.drop(root, gone)
    tie.settle(root)
    promotion.settle(root)
    _refuse_dangling(root, gone)


def _refuse_dangling(root: Element, gone: set[str]) -> None:
    """What is left in the configuration must not name what has gone. Raises Failure (110157)."""
    naming: dict[str, list[str]] = {}
    for element in elements.at(root, "configuration").iter():
        for own in {element.get(key, "") for key in _REFERENCES} & gone:
            naming.setdefault(own, []).append(element.get("id") or str(element.tag))
    if naming:
        raise Failure(*(UsedByOthers(ids.tag_of(own) or own, tuple(names)) for own, names in sorted(naming.items())))


def _unlink(index: Index, link: Dependency, server: str) -> None:
    child = link.child, server
    if child in index.devices:
        was_there = template.require(index.root, index.devices, link.parent, child, wanted=False)
    else:
        was_there = link in index.links
        index.links.pop(link, None)
        dependency.drop(index.root, link)
    if not was_there:
        raise Failure(NotStored(f"{link.parent} does not require {link.child}"))


def _link(index: Index, link: Dependency, servers: tuple[str, ...]) -> None:
    held = [(link.child, server) for server in servers if (link.child, server) in index.devices]
    if not held:
        _constrain(index, link, servers[0])
        return
    made = [_require(index, link, key) for key in held]
    if held and not any(made):
        raise _no_link(link, held[0][1], NotStored("it exists already"))


def _require(index: Index, link: Dependency, key: tuple[str, str]) -> bool:
    if (link.parent, key[1]) not in {**index.devices, **index.places}:
        raise _no_link(link, key[1], NotStored(f"there is no resource {link.parent}"))
    if Hierarchy((), template.links(index.devices, key[1])).would_loop(link):
        raise _no_link(link, key[1], NotStored(f"{link.parent} would require itself"))
    return template.require(index.root, index.devices, link.parent, key, wanted=True)


def _constrain(index: Index, link: Dependency, server: str) -> None:
    for tag in (link.parent, link.child):
        if tag not in index.primitives:
            unlike = (tag, server) in index.devices
            why = NoAgent(f"{link.parent} on {link.child}") if unlike else NotStored(f"there is no resource {tag}")
            raise _no_link(link, server, why)
    if link in index.links:
        raise _no_link(link, server, NotStored("it exists already"))
    if Hierarchy((), tuple(index.links)).would_loop(link):
        raise _no_link(link, server, NotStored(f"{link.parent} would require itself"))
    index.links[link] = None
    dependency.add(index.root, link)


def _no_link(link: Dependency, server: str, why: Message) -> Failure:
    return Failure(DependencyNotCreated(link.parent, link.child, server), why)


def _check(index: Index, instance: Instance) -> None:
    """Every field must be one that the CIB can carry, and the server one of the cluster's."""
    if instance.server not in index.servers:
        raise Failure(UnknownServer(instance.server, index.servers))
    refuse_unstorable(instance, _NOT_IN_XML)
    require(names.is_component(instance.app), instance.app, "application")
    require(names.is_component(instance.type), instance.type, "resource type")
    if index.owners.get(_owned(instance), instance.tag) != instance.tag:
        raise Failure(IdInUse(instance.id))


def _owned(instance: Instance) -> tuple[str, str, str]:
    """The resource ID of an instance with where it must be the only one, as in Index.owners."""
    place = "" if has_agent(instance.type) else instance.server
    return place, instance.type, instance.id

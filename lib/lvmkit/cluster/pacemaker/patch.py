"""A change of instances and dependencies as a new CIB, made from the one that was read; only what is ours differs."""

from __future__ import annotations

import copy

from lvmkit.cluster.pacemaker import cib, devices, elements, ids
from lvmkit.cluster.pacemaker.cib import CONSTRAINTS, INFINITY, RESOURCES, Index
from lvmkit.cluster.pacemaker.places import add_place, forget_places, heed_left
from lvmkit.cluster.pacemaker.primitives import primitive, updated
from lvmkit.cluster.pacemaker.record import facts_of
from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import INITIALISATIONS, SWITCHBACKS, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import HasDependents, NotStored
from lvmkit.model.messages.guide import DependencyNotCreated, IdInUse, ResourceExists
from lvmkit.model.messages.pacemaker import NoAgent, UnknownServer, UsedByOthers
from lvmkit.model.resource_types import has_agent, is_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.cluster.port import Change
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message

_REFERENCES = ("rsc", "with-rsc", "first", "then", "id", "template", "id-ref")


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
    for instance in change.update:
        _update(index, instance)
    servers = tuple(dict.fromkeys((server, *(instance.server for instance in change.add))))
    for link in change.link:
        _link(index, link, servers)
    return index.root


def _add(index: Index, instance: Instance) -> None:
    _check(index, instance)
    key = instance.tag, instance.server
    if key in index.places or key in index.templates:
        raise Failure(ResourceExists(instance.tag))
    if is_device(instance.type):
        index.templates[key] = devices.template(instance)
        index.section(RESOURCES).append(index.templates[key])
        index.own(instance.tag, instance.server, facts_of(index.templates[key]))
    elif instance.tag not in index.primitives:
        _add_primitive(index, instance)
    else:
        _refuse_other(facts_of(index.primitives[instance.tag]), instance)
        add_place(index, instance)


def _add_primitive(index: Index, instance: Instance) -> None:
    index.primitives[instance.tag] = primitive(instance)
    index.section(RESOURCES).append(index.primitives[instance.tag])
    index.own(instance.tag, "", facts_of(index.primitives[instance.tag]))
    add_place(index, instance)
    heed_left(index.root, instance)


def _refuse_other(known: dict[str, str], instance: Instance) -> None:
    """A tag that is extended to a further server must be the same resource there."""
    if (known["type"], known.get("id")) != (instance.type, instance.id):
        raise Failure(ResourceExists(instance.tag))


def _update(index: Index, instance: Instance) -> None:
    _check(index, instance)
    if (instance.tag, instance.server) in index.templates:
        devices.put(index, instance)
        return
    known = index.primitives.get(instance.tag)
    if known is None:
        raise Failure(NotStored(f"there is no resource {instance.tag}"))
    index.primitives[instance.tag] = updated(known, instance)
    elements.put_in_place(index.section(RESOURCES), known, index.primitives[instance.tag])
    heed_left(index.root, instance)


def _remove(index: Index, tags: tuple[str, ...], server: str) -> None:
    requirers: dict[str, list[str]] = {}
    for link in (*index.links, *_device_links(index, server)):
        requirers.setdefault(link.child, []).append(link.parent)
    for tag in tags:
        if tag not in index.primitives and (tag, server) not in index.templates:
            raise Failure(NotStored(f"there is no resource {tag}"))
        staying = tuple(parent for parent in requirers.get(tag, ()) if parent not in tags)
        if staying:
            raise Failure(HasDependents(tag, staying))
    primitives = {tag for tag in tags if tag in index.primitives}
    devices.drop(index, set(tags), primitives, server)
    _drop_primitives(index.root, {ids.resource_id(tag) for tag in primitives})
    _forget(index, tags)


def _device_links(index: Index, server: str) -> list[Dependency]:
    held = [(tag, template) for (tag, place), template in index.templates.items() if place == server]
    return [Dependency(parent, tag) for tag, template in held for parent in cib.requirers(template)]


def _forget(index: Index, tags: tuple[str, ...]) -> None:
    """Removed tags can be made anew in the same change."""
    fresh = Index(index.root) if tags else index
    index.__dict__.update(fresh.__dict__)


def _drop_primitives(root: Element, gone: set[str]) -> None:
    if not gone:
        return
    forget_places(root, gone)
    elements.drop(root, CONSTRAINTS, lambda constraint: bool(_ends(constraint) & gone))
    elements.drop(root, RESOURCES, lambda e: e.tag == "primitive" and e.get("id") in gone)
    _refuse_dangling(root, gone)


def _ends(constraint: Element) -> set[str]:
    """The two primitives that an order or colocation of ours is about; none for a constraint that is not ours."""
    first, then = constraint.get("first", ""), constraint.get("then", "")
    rsc, with_rsc = constraint.get("rsc", ""), constraint.get("with-rsc", "")
    name = constraint.get("id")
    if constraint.tag == "rsc_order" and name == cib.order_id(first, then):
        return {first, then}
    if constraint.tag == "rsc_colocation" and name == cib.colocation_id(rsc, with_rsc):
        return {rsc, with_rsc}
    return set()


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
    if child in index.templates:
        found = devices.require(index, link.parent, child, wanted=False)
    else:
        found = link in index.links
        index.links.pop(link, None)
        pair = {ids.resource_id(link.parent), ids.resource_id(link.child)}
        elements.drop(index.root, CONSTRAINTS, lambda constraint: _ends(constraint) == pair)
    if not found:
        raise Failure(NotStored(f"{link.parent} does not require {link.child}"))


def _link(index: Index, link: Dependency, servers: tuple[str, ...]) -> None:
    held = [(link.child, server) for server in servers if (link.child, server) in index.templates]
    if not held:
        _constrain(index, link, servers[0])
        return
    made = [_require(index, link, key) for key in held]
    if held and not any(made):
        raise _no_link(link, held[0][1], NotStored("it exists already"))


def _require(index: Index, link: Dependency, key: tuple[str, str]) -> bool:
    if (link.parent, key[1]) not in {**index.templates, **index.places}:
        raise _no_link(link, key[1], NotStored(f"there is no resource {link.parent}"))
    if Hierarchy((), tuple(_device_links(index, key[1]))).would_loop(link):
        raise _no_link(link, key[1], NotStored(f"{link.parent} would require itself"))
    return devices.require(index, link.parent, key, wanted=True)


def _constrain(index: Index, link: Dependency, server: str) -> None:
    for tag in (link.parent, link.child):
        if tag not in index.primitives:
            unlike = (tag, server) in index.templates
            why = NoAgent(f"{link.parent} on {link.child}") if unlike else NotStored(f"there is no resource {tag}")
            raise _no_link(link, server, why)
    if link in index.links:
        raise _no_link(link, server, NotStored("it exists already"))
    if Hierarchy((), tuple(index.links)).would_loop(link):
        raise _no_link(link, server, NotStored(f"{link.parent} would require itself"))
    index.links[link] = None
    parent, child = ids.resource_id(link.parent), ids.resource_id(link.child)
    order = elements.new("rsc_order", id=cib.order_id(child, parent), first=child, then=parent, kind="Mandatory")
    together = elements.new("rsc_colocation", id=cib.colocation_id(parent, child), rsc=parent, with_rsc=child)
    together.set("score", INFINITY)
    index.section(CONSTRAINTS).extend((order, together))


def _no_link(link: Dependency, server: str, why: Message) -> Failure:
    return Failure(DependencyNotCreated(link.parent, link.child, server), why)


def _check(index: Index, instance: Instance) -> None:
    """Every field must be one that the CIB can carry, and the server one of the cluster's."""
    if instance.server not in index.servers:
        raise Failure(UnknownServer(instance.server, index.servers))
    _must(names.is_tag(instance.tag), instance.tag, "tag")
    _must(bool(instance.id) and _is_storable(instance.id), instance.id, "ID")
    _must(_is_storable(instance.info.replace("\x02", "")), instance.info, "info field")
    _must(instance.initialisation in INITIALISATIONS, instance.initialisation, "initialisation")
    _must(instance.switchback in SWITCHBACKS, instance.switchback, "switchback")
    if not has_agent(instance.type) and not is_device(instance.type):
        raise Failure(NoAgent(f"{instance.tag}, a {instance.type},"))
    place = "" if has_agent(instance.type) else instance.server
    if index.owners.get((place, instance.type, instance.id), instance.tag) != instance.tag:
        raise Failure(IdInUse(instance.id))


def _is_storable(text: str) -> bool:
    """Whether text is UTF-8 without control characters and what else XML has not (XML 1.0, section 2.2)."""
    return not any(c < " " or c in "\x7f\ufffe\uffff" or "\ud800" <= c <= "\udfff" for c in text)


def _must(good: bool, given: str, what: str) -> None:
    if not good:
        raise Failure(InvalidName(given, what))

"""Templates of ours: what the cluster keeps and does not run, the devices and disks of each server and the admin lock.

A template that no primitive refers to is checked against the schema, kept, replicated and never becomes a resource:
it causes no action, is in no agent's environment and in no digest of parameters. Each server has devices of its own,
because the same disk has another path there. What requires a device is recorded with it.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids
from lvmkit.cluster.pacemaker.elements import RESOURCES
from lvmkit.cluster.pacemaker.record import facts_of, instance_of, pack, plain, record
from lvmkit.model.instance import Dependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from xml.etree.ElementTree import Element

    from lvmkit.model.instance import Instance

    Devices = dict[tuple[str, str], Element]
    """(tag, server): template"""
    Held = dict[tuple[str, str], tuple[str, ...]]
    """(tag, server): the tags that require it there"""

KIND = "template"
LOCK = "lvmkit-lock_held"


def element_id(tag: str, server: str) -> str:
    """The ID under which a device or disk of one server is kept."""
    return ids.part_id(ids.resource_id(tag), "of", server)


def make(instance: Instance, parents: Iterable[str] = ()) -> Element:
    """A device or disk of one server, with the tags that require it."""
    own = element_id(instance.tag, instance.server)
    made = elements.new(KIND, id=own, class_="ocf", provider="lvmkit", type=instance.type)
    made.append(record(own, instance, tag=instance.tag, server=instance.server, parents=" ".join(parents)))
    return made


def devices(root: Element, server: str | None = None) -> Devices:
    """Our devices and disks; of one server or of all."""
    templates: Devices = {}
    for element in elements.children(root, RESOURCES, KIND):
        facts = facts_of(element)
        tag, place = facts.get("tag", ""), facts.get("server", "")
        if facts and element.get("id") == element_id(tag, place) and server in (None, place):
            templates[tag, place] = element
    return templates


def requirers(device: Element) -> tuple[str, ...]:
    """The tags that require a device or disk; no tag holds a blank."""
    return tuple(facts_of(device).get("parents", "").split())


def links(known: Devices, server: str) -> tuple[Dependency, ...]:
    """The dependencies on the devices of a server."""
    held = [(tag, device) for (tag, place), device in known.items() if place == server]
    return tuple(Dependency(parent, tag) for tag, device in held for parent in requirers(device))


def add(root: Element, known: Devices, instance: Instance) -> None:
    """Store a new device. Changes root and the known devices."""
    key = instance.tag, instance.server
    known[key] = make(instance)
    elements.at(root, RESOURCES).append(known[key])


def put(root: Element, known: Devices, instance: Instance) -> None:
    """Store a device that has changed; what requires it stays so. Changes root and the known devices."""
    key = instance.tag, instance.server
    _exchange(root, known, key, make(instance, requirers(known[key])))


def require(root: Element, known: Devices, parent: str, key: tuple[str, str], *, wanted: bool) -> bool:
    """Note that a tag requires the device (tag, server), or no longer; False where it was so already."""
    before = requirers(known[key])
    if (parent in before) == wanted:
        return False
    _set_parents(root, known, key, (*before, parent) if wanted else tuple(p for p in before if p != parent))
    return True


def drop(root: Element, known: Devices, tags: set[str], primitives: set[str], server: str) -> None:
    """Remove the devices of a server among the tags, and on the other servers those that nothing requires any more.

    primitives: the tags that leave the whole cluster. On the server itself only what is named goes.
    """
    held = {key: requirers(device) for key, device in known.items()}
    going = {(tag, server) for tag in tags} & held.keys()
    _drop(root, known, held, primitives, _with_orphans(held, primitives, going, lambda place: place != server))


def drop_of(root: Element, server: str, tags: set[str]) -> None:
    """Remove the devices of one server that only these tags require there. Changes root."""
    known = devices(root, server)
    held = {key: requirers(device) for key, device in known.items()}
    _drop(root, known, held, tags, _with_orphans(held, tags, set(), lambda place: place == server))


def make_lock(server: str, purpose: str, process: str) -> Element:
    """The admin lock, with who holds it. process: so that each lock is another one."""
    made = elements.new(KIND, id=LOCK, class_="ocf", provider="lvmkit", type="lock")
    made.append(pack(LOCK, {"server": server, "purpose": purpose, "process": process}))
    return made


def lock_holder(root: Element) -> tuple[str, str] | None:
    """(server, purpose) of the admin lock in a CIB."""
    lock = elements.with_id(root, RESOURCES, LOCK)
    if lock is None:
        return None
    facts = elements.values(lock)
    return plain(facts.get("lvmkit-server", "")), plain(facts.get("lvmkit-purpose", ""))


def drop_lock(root: Element) -> None:
    """Remove the admin lock. Changes root."""
    elements.drop(root, RESOURCES, lambda element: element.get("id") == LOCK)


def _drop(root: Element, known: Devices, held: Held, primitives: set[str], going: set[tuple[str, str]]) -> None:
    for key, before in held.items():
        left = _left(key, held, primitives, going)
        if key in going:
            elements.at(root, RESOURCES).remove(known.pop(key))
        elif left != before:
            _set_parents(root, known, key, left)


def _with_orphans(
    held: Held, primitives: set[str], going: set[tuple[str, str]], included: Callable[[str], bool]
) -> set[tuple[str, str]]:
    """What goes, and what nothing requires once that has gone, on the included servers."""
    while True:
        may_go = (key for key in held if key not in going and included(key[1]) and held[key])
        orphans = {key for key in may_go if not _left(key, held, primitives, going)}
        if not orphans:
            return going
        going = going | orphans


def _left(key: tuple[str, str], held: Held, primitives: set[str], going: set[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(parent for parent in held[key] if parent not in primitives and (parent, key[1]) not in going)


def _set_parents(root: Element, known: Devices, key: tuple[str, str], parents: tuple[str, ...]) -> None:
    facts = facts_of(known[key])
    _exchange(root, known, key, make(instance_of(facts, *key), parents))


def _exchange(root: Element, known: Devices, key: tuple[str, str], fresh: Element) -> None:
    elements.put_in_place(elements.at(root, RESOURCES), known[key], fresh)
    known[key] = fresh

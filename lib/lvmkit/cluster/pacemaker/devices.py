"""Devices and disks in the CIB. Pacemaker does not run them, so they have no primitive; each is a resource template.

A template that no primitive refers to is checked against the schema, kept, replicated and never becomes a resource:
it causes no action, is in no agent's environment and in no digest of parameters. Each server has its own, because the
same disk has another path there. What requires it is recorded with it.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import cib, elements
from lvmkit.cluster.pacemaker.cib import RESOURCES, Index
from lvmkit.cluster.pacemaker.record import facts_of, instance_of, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from xml.etree.ElementTree import Element

    from lvmkit.model.instance import Instance

    Held = dict[tuple[str, str], tuple[str, ...]]


def template(instance: Instance, parents: Iterable[str] = ()) -> Element:
    """A device or disk of one server, with the tags that require it."""
    own = cib.template_id(instance.tag, instance.server)
    made = elements.new("template", id=own, class_="ocf", provider="lvmkit", type=instance.type)
    made.append(record(own, instance, tag=instance.tag, server=instance.server, parents=" ".join(parents)))
    return made


def put(index: Index, instance: Instance) -> None:
    """Store a device that has changed; what requires it stays so."""
    key = instance.tag, instance.server
    _exchange(index, key, template(instance, cib.requirers(index.templates[key])))


def require(index: Index, parent: str, key: tuple[str, str], wanted: bool) -> bool:
    """Note that a tag requires the device (tag, server), or no longer; False where it was so already."""
    old = index.templates[key]
    before = cib.requirers(old)
    if (parent in before) == wanted:
        return False
    _set_parents(index, key, (*before, parent) if wanted else tuple(p for p in before if p != parent))
    return True


def drop(index: Index, tags: set[str], primitives: set[str], server: str) -> None:
    """Remove the devices of a server among the tags, and on the other servers those that nothing requires any more.

    primitives: the tags that leave the whole cluster. On the server itself only what is named goes.
    """
    held = {key: cib.requirers(found) for key, found in index.templates.items()}
    going = {(tag, server) for tag in tags} & held.keys()
    _drop(index, held, primitives, _with_orphans(held, primitives, going, lambda place: place != server))


def drop_of(root: Element, server: str, tags: set[str]) -> None:
    """Remove the devices of one server that only these tags require there."""
    index = Index(root)
    held = {key: cib.requirers(found) for key, found in index.templates.items() if key[1] == server}
    _drop(index, held, tags, _with_orphans(held, tags, set(), lambda place: place == server))


def _drop(index: Index, held: Held, primitives: set[str], going: set[tuple[str, str]]) -> None:
    for key, before in held.items():
        left = _left(key, held, primitives, going)
        if key in going:
            index.section(RESOURCES).remove(index.templates.pop(key))
        elif left != before:
            _set_parents(index, key, left)


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


def _set_parents(index: Index, key: tuple[str, str], parents: tuple[str, ...]) -> None:
    facts = facts_of(index.templates[key])
    _exchange(index, key, template(instance_of(facts, *key), parents))


def _exchange(index: Index, key: tuple[str, str], fresh: Element) -> None:
    elements.put_in_place(index.section(RESOURCES), index.templates[key], fresh)
    index.templates[key] = fresh

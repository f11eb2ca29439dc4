"""What does not fit the records is refused before anything is changed: the core would take a part of it."""

from __future__ import annotations

from lvmkit.cluster.checks import refuse_unstorable, require
from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import STATES
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import HasDependents, NotStored
from lvmkit.model.messages.guide import DependencyNotCreated, IdInUse, ResourceExists, TypeNotInstalled
from lvmkit.model.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.port import Change
    from lvmkit.model.instance import Dependency, Instance


def on_server(change: Change, server: str, local: str) -> Change:
    """The part of a change that concerns one server.

    A tag that is removed has other tags elsewhere, and what is updated is each server's own: both are left out there.
    """
    add = tuple(instance for instance in change.add if instance.server == server)
    if server == local:
        return replace(change, add=add)
    return replace(change, add=add, unlink=(), remove=(), update=())


def refuse_unfit(change: Change, graph: Hierarchy, server: str, *, is_local: bool) -> Hierarchy:
    """What a server will have after a change. is_local: all links must hold there; else those whose ends are there.

    Raises Failure: 000014, 110003, 110004, 110086, 110087, 110100.
    """
    for link in change.unlink:
        if link not in graph.dependencies:
            raise Failure(NotStored(f"{link.parent} does not require {link.child}"))
    _refuse_removals(change, graph)
    stored = _after(change, graph)
    links = [link for link in graph.dependencies if link not in change.unlink and not _is_going(link, change)]
    after = Hierarchy(stored, tuple(links))
    for link in change.link:
        if is_local or {link.parent, link.child} <= set(after.tags):
            _refuse_link(link, after, server)
            after = Hierarchy(stored, (*after.dependencies, link))
    return after


def refuse_unknown_types(instances: Iterable[Instance], types: frozenset[tuple[str, str]], server: str) -> None:
    """Raise Failure (110000) for each type that a server's core does not have."""
    missing = {i.type: None for i in instances if (i.app, i.type) not in types}
    if missing:
        raise Failure(*(TypeNotInstalled(kind, server) for kind in missing))


def _refuse_removals(change: Change, graph: Hierarchy) -> None:
    for tag in change.remove:
        if graph.by_tag(tag) is None:
            raise Failure(NotStored(f"there is no resource {tag}"))
        parents = (p for p in graph.parents(tag) if not any(p == u.parent and tag == u.child for u in change.unlink))
        staying = tuple(parent for parent in parents if parent not in change.remove)
        if staying:
            raise Failure(HasDependents(tag, staying))


def _after(change: Change, graph: Hierarchy) -> tuple[Instance, ...]:
    """The instances after a change. What is updated in one change may take over each other's IDs."""
    instances = {instance.tag: instance for instance in graph.instances if instance.tag not in change.remove}
    for instance in change.add:
        _refuse_fields(instance)
        if instance.tag in instances:
            raise Failure(ResourceExists(instance.tag))
        instances[instance.tag] = instance
    for instance in change.update:
        _refuse_fields(instance)
        if instance.tag not in instances:
            raise Failure(NotStored(f"there is no resource {instance.tag}"))
        instances[instance.tag] = instance
    _refuse_taken_ids(instances.values())
    return tuple(instances.values())


def _refuse_fields(instance: Instance) -> None:
    refuse_unstorable(instance)
    require(names.is_component(instance.app), instance.app, "application")
    require(names.is_component(instance.type), instance.type, "resource type")
    require(instance.state in STATES, instance.state, "state")


def _refuse_taken_ids(instances: Iterable[Instance]) -> None:
    taken: set[tuple[str, str]] = set()
    for instance in instances:
        if (instance.type, instance.id) in taken:
            raise Failure(IdInUse(instance.id))
        taken.add((instance.type, instance.id))


def _is_going(link: Dependency, change: Change) -> bool:
    return link.parent in change.remove or link.child in change.remove


def _refuse_link(link: Dependency, after: Hierarchy, server: str) -> None:
    why = ""
    for tag in (link.parent, link.child):
        if after.by_tag(tag) is None:
            why = f"there is no resource {tag}"
    if not why and after.would_loop(link):
        why = f"{link.parent} would require itself"
    if why:
        raise Failure(NotStored(why), DependencyNotCreated(link.parent, link.child, server))

"""File systems within each other: the inner one requires every protected one that it lies in.

Mounted last, the outer one would hide the inner one; so it starts before it and stops after it. Each is its own
service all the same: one is deleted without the other. That an inner one requires all around it, not the nearest
alone, keeps the order when one between them is deleted.
"""

from __future__ import annotations

from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.instance import FILESYS, Dependency
from lvmkit.model.messages.mounts import NotMountedWithin
from lvmkit.resources import mounts
from lvmkit.storage import mountinfo
from lvmkit.storage.mountinfo import is_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.storage.mountinfo import Mount


def around(mount_point: str, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    """The protected file systems that a mount point lies in."""
    return tuple(each for each in _others(mount_point, hierarchy) if is_below(mount_point, each.id))


def within(mount_point: str, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    """The protected file systems that lie within a mount point."""
    return tuple(each for each in _others(mount_point, hierarchy) if is_below(each.id, mount_point))


def is_nesting(link: Dependency, hierarchy: Hierarchy) -> bool:
    """Whether a dependency is that of a file system on one that it lies in."""
    inner, outer = hierarchy.by_tag(link.parent), hierarchy.by_tag(link.child)
    if inner is None or outer is None or not inner.type == outer.type == FILESYS:
        return False
    return is_below(inner.id, outer.id)


def hidden(filesystem: FilesystemFacts, hierarchy: Hierarchy) -> Iterator[NotMountedWithin]:
    """What to say where a file system that is mounted would be hidden by one around it, once that is in service, or
    hides one within it."""
    for outer in around(filesystem.mount_point, hierarchy):
        if not _fits(filesystem, FilesystemFacts.noted(outer, hierarchy)):
            yield NotMountedWithin(filesystem.mount_point, outer.id)
    for inner in within(filesystem.mount_point, hierarchy):
        if not _fits(FilesystemFacts.noted(inner, hierarchy), filesystem):
            yield NotMountedWithin(inner.id, filesystem.mount_point)


def _fits(inner: FilesystemFacts, outer: FilesystemFacts) -> bool:
    """Whether the inner one is mounted on the outer one, or not at all."""
    seen, below = _mount(inner), _mount(outer)
    return seen is None or (below is not None and mountinfo.is_on(seen, below))


def _mount(filesystem: FilesystemFacts) -> Mount | None:
    return mounts.of(filesystem).here


def _others(mount_point: str, hierarchy: Hierarchy) -> Iterator[Instance]:
    return (each for each in hierarchy.instances if each.type == FILESYS and each.id != mount_point)

"""What always moves together: all that stands on a volume group, with all that it stands on."""

from __future__ import annotations

from lvmkit.model.instance import LVMVG
from lvmkit.model.resource_types import is_device, is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance


def family(tag: str, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    """The instances that move with a tag, children first, without devices and disks, also those of other kits.

    Two volume groups may lie on one disk without being tied to each other, so the search does not go through disks.
    """
    members: set[str] = set()
    storage = foreign_storage(hierarchy)
    waiting = [tag]
    while waiting:
        this = waiting.pop()
        for instance in hierarchy.of_tags((*hierarchy.below(this), *hierarchy.above(this))):
            if instance.tag not in members and not is_device(instance.type) and instance.tag not in storage:
                members.add(instance.tag)
                waiting.append(instance.tag)
    return hierarchy.of_tags(hierarchy.restore_order(members))


def foreign_storage(hierarchy: Hierarchy) -> frozenset[str]:
    """The tags of other kits' resources on which devices of ours stand, as a replica of LifeKeeper's own kit (netraid).

    They are depended on, and otherwise their own kit's: never made, extended or deleted.
    """
    tags = []
    for instance in hierarchy.instances:
        above = () if is_ours(instance.type) else hierarchy.of_tags(hierarchy.above(instance.tag))
        if any(is_device(each.type) for each in above):
            tags.append(instance.tag)
    return frozenset(tags)


def groups(instances: tuple[Instance, ...]) -> tuple[Instance, ...]:
    """The volume groups among them."""
    return tuple(instance for instance in instances if instance.type == LVMVG)


def coming_along(tag: str, members: tuple[Instance, ...], hierarchy: Hierarchy) -> tuple[str, ...]:
    """The roots among a tag's family that are neither above nor below it."""
    asked = {*hierarchy.below(tag), *hierarchy.above(tag)}
    return tuple(i.tag for i in members if i.tag not in asked and not hierarchy.parents(i.tag))

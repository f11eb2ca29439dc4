"""What always moves together: all that stands on a volume group, with all that it stands on."""

from __future__ import annotations

from lvmkit.model.instance import LVMVG
from lvmkit.model.resource_types import is_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance


def family(tag: str, now: Hierarchy) -> tuple[Instance, ...]:
    """The instances that move with a tag, children first, without devices and disks.

    Two volume groups may lie on one disk without being tied to each other, so the search does not go through disks.
    """
    found: set[str] = set()
    waiting = [tag]
    while waiting:
        for each in (*now.below(this := waiting.pop()), *now.above(this)):
            instance = now.by_tag(each)
            if each not in found and instance is not None and not is_device(instance.type):
                found.add(each)
                waiting.append(each)
    ordered = (now.by_tag(each) for each in now.restore_order(found))
    return tuple(instance for instance in ordered if instance is not None)


def groups(instances: tuple[Instance, ...]) -> tuple[Instance, ...]:
    """The volume groups among them."""
    return tuple(instance for instance in instances if instance.type == LVMVG)


def roots(instances: tuple[Instance, ...], now: Hierarchy) -> tuple[str, ...]:
    """The tags of those that nothing requires."""
    return tuple(instance.tag for instance in instances if not now.parents(instance.tag))

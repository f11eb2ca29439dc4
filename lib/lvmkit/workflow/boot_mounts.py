"""What the boot would do with a volume group that it no longer activates, and what to write instead."""

from __future__ import annotations

from lvmkit.model.facts import FilesystemFacts, VgFacts
from lvmkit.model.instance import FILESYS
from lvmkit.model.messages.command import FstabWillMount
from lvmkit.storage import boot_needs
from lvmkit.storage.boot_needs import InactiveGroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit
    from lvmkit.storage.fstab import BootEntry

_STOPS, _TRIES = "the boot would wait for it and then stop", "the boot would try it all the same"
_ON_USE = "systemd would mount it as soon as anybody goes there, in the way of the kit"


def boot_mounts(group: InactiveGroup, kit: Kit) -> Iterator[FstabWillMount]:
    """What is said of each entry that needs the group. Raises Failure (FileUnreadable) for a table."""
    for entry in boot_needs.needing(group, boot_needs.entries(kit.paths)):
        yield FstabWillMount(entry.place, group.name, entry.text, _effect(entry), entry.remedy)


def inactive_group(group: Instance, hierarchy: Hierarchy) -> InactiveGroup:
    """A protected volume group, with what its hierarchy knows of its file systems."""
    facts = VgFacts.noted(group)
    filesystems = [FilesystemFacts.noted(each) for each in hierarchy.of_tags(hierarchy.above(group.tag), FILESYS)]
    return InactiveGroup(
        facts.name,
        facts.uuid,
        tuple(each.mount_point for each in filesystems),
        tuple(each.uuid for each in filesystems if each.uuid),
        tuple(each.label for each in filesystems if each.label),
    )


def _effect(entry: BootEntry) -> str:
    if entry.is_automount:
        return _ON_USE
    return _TRIES if entry.may_fail else _STOPS

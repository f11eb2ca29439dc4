"""What of all that the boot does needs a volume group that the boot no longer activates?

A device is known by the kernel where it is there: by its number, its device-mapper UUID and what it stands on, from
udev's links and sysfs; nothing is opened. Where it is not, its name or its tag must say it.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.value import Value
from lvmkit.storage import files, fstab, mount_units, sysfs
from lvmkit.storage.mountinfo import is_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.settings import Paths
    from lvmkit.storage.fstab import BootEntry

_TAGS = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel", "ID": "id"}
"""what an entry may name a device by, and the folder below /dev/disk that has udev's links for it"""
_BY_DM_UUID, _BY_DM_NAME, _MAPPER = "/dev/disk/by-id/dm-uuid-", "/dev/disk/by-id/dm-name-", "/dev/mapper/"
_UNCHANGED = frozenset("#+-.:=@_")
"""besides letters and digits, what udev leaves as it is in a link (systemd, encode_devnode_name)"""
_DEVICE_FOLDER = "/dev/"
_WITHIN = ("lowerdir=", "upperdir=", "workdir=", "x-systemd.requires-mounts-for=")
"""options that name folders: of overlayfs, and systemd's own"""


class InactiveGroup(Value):
    """A volume group that is not active at boot, with what is known of its file systems."""

    name: str
    uuid: str
    mount_points: tuple[str, ...] = ()
    uuids: tuple[str, ...] = ()
    """of its file systems"""
    labels: tuple[str, ...] = ()


def entries(paths: Paths) -> tuple[BootEntry, ...]:
    """All that the boot is told to do with devices. Raises Failure (FileUnreadable) for a table that can't be read."""
    mounts = fstab.mounts(files.read(paths.fstab) or "", paths.fstab)
    unlocked = fstab.unlocked(files.read(paths.crypttab) or "", paths.crypttab)
    return (*mounts, *unlocked, *mount_units.mount_units())


def needing(group: InactiveGroup, among: Iterable[BootEntry]) -> tuple[BootEntry, ...]:
    """The entries that the boot acts on and that need the group: by its devices, or by a path on its file systems.

    What needs one of them needs the group too: systemd mounts what is above a path, noauto or not.
    """
    needs: list[BootEntry] = []
    left, count = list(among), -1
    places = list(group.mount_points)
    while len(left) != count:
        count = len(left)
        for entry in tuple(left):
            if _is_on_device(entry.source, group) or _is_within(entry, places):
                left.remove(entry)
                needs.append(entry)
                places.append(entry.target)
    return tuple(entry for entry in needs if entry.acts_at_boot or _lies_in_wait(entry, group))


def _lies_in_wait(entry: BootEntry, group: InactiveGroup) -> bool:
    """Whether it is an automount at a mount point of the group itself; one elsewhere waits without harm."""
    return entry.is_automount and _folder(entry.target) in group.mount_points


def _is_within(entry: BootEntry, places: Iterable[str]) -> bool:
    """Whether the entry takes something from one of these places, or mounts something there."""
    paths = [entry.target, entry.source, *entry.source.replace("#", ":").split(":")]
    for option in entry.options:
        if option.startswith(_WITHIN):
            paths += option.partition("=")[2].split(":")
    return any(is_below(path, place) for path in map(_folder, paths) for place in places if path.startswith("/"))


def _folder(path: str) -> str:
    return path.rstrip("/") or path[:1]


def _is_on_device(source: str, group: InactiveGroup) -> bool:
    """Whether a device is a volume of the group or stands on one, or, where it is not there, whether it is named so."""
    tag, equals, value = source.partition("=")
    path = source
    if equals and tag in _TAGS:
        path = f"/dev/disk/by-{_TAGS[tag]}/{_encoded(value)}"
    if not path.startswith(_DEVICE_FOLDER):
        return False
    number = sysfs.number_of(path)
    if number:
        return any(sysfs.dm_uuid(each).startswith(names.dm_uuid(group.uuid)) for each in sysfs.stack(number))
    return _is_named(path, group)


def _is_named(path: str, group: InactiveGroup) -> bool:
    """By the text of a path alone."""
    folder, _, name = path.rpartition("/")
    if folder == "/dev/disk/by-uuid":
        return name.lower() in map(str.lower, group.uuids)
    if folder == "/dev/disk/by-label":
        return name in map(_encoded, group.labels)
    if path.startswith(_BY_DM_UUID):
        return path.startswith(_BY_DM_UUID + names.dm_uuid(group.uuid))
    for start in (_BY_DM_NAME, _MAPPER):
        if path.startswith(start):
            parts = names.split_dm_name(path[len(start) :])
            return parts is not None and parts[0] == group.name
    return folder == f"/dev/{group.name}"


def _encoded(text: str) -> str:
    """A name as udev writes it into a link: blanks and the like become \\x20."""
    return "".join(c if c.isalnum() or c in _UNCHANGED or not c.isascii() else f"\\x{ord(c):02x}" for c in text)

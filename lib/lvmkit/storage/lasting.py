"""Names under which a block device is known after a reboot, too, and on every server that sees it."""

from __future__ import annotations

from lvmkit.storage import drbd, sysfs

_BY_ID = "/dev/disk/by-id"
_BEST_FIRST = ("dm-uuid-mpath-", "md-uuid-", "wwn-", "nvme-eui.", "nvme-uuid.", "scsi-3", "scsi-", "nvme-", "")
"""names under /dev/disk/by-id, those that the storage itself issues before those that name a vendor's model"""
_NEVER = ("lvm-pv-uuid-", "dm-name-", "dm-uuid-")
"""names that follow the content of a device, or repeat /dev/mapper"""


def name_of(device: str) -> str:
    """The best of these names; the given one where there is none."""
    number = sysfs.number_of(device)
    return best(number, links()) or device


def best(number: str, known: dict[str, tuple[str, ...]]) -> str:
    """The best name of a device (major:minor), '' where it has none. known: links(), read once for many devices."""
    volume = drbd.volume_of(number)
    if volume is not None:
        return volume.path
    for start in _BEST_FIRST:
        for name in known.get(number, ()):
            if name.startswith(start) and not (start == "" and name.startswith(_NEVER)):
                return f"{_BY_ID}/{name}"
    return ""


def links() -> dict[str, tuple[str, ...]]:
    """The names under /dev/disk/by-id for each device number."""
    names_of: dict[str, tuple[str, ...]] = {}
    for name in sysfs.entries(_BY_ID):
        number = sysfs.number_of(f"{_BY_ID}/{name}")
        names_of[number] = (*names_of.get(number, ()), name)
    return names_of

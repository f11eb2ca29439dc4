"""What a uevent of the kernel says: a device has come, changed or gone. Nothing is read here.

The form is that of lib/kobject_uevent.c: 'ACTION@PATH', then 'KEY=VALUE' each, all ended by a zero byte. What udev
sends on to its own listeners begins otherwise and is none.
"""

from __future__ import annotations

from lvmkit.model.value import Value

STORAGE = ("block", "nvme", "scsi")
"""subsystems of disks and of what leads to them; device-mapper's devices are block devices"""
_COMES = ("add", "online")
_MAPPED = "dm-"


class Uevent(Value):
    """One event of a device."""

    action: str
    """add, remove, change, move, online, offline, bind or unbind"""
    path: str
    """of the device, below /sys"""
    subsystem: str = ""
    number: str = ""
    """major:minor of a block device"""
    name: str = ""
    """below /dev; '' for what has no node"""

    @property
    def is_of_storage(self) -> bool:
        """Whether a resource may notice."""
        return self.subsystem in STORAGE

    @property
    def is_new_disk(self) -> bool:
        """Whether a disk, or a part of one, has come. A device of device-mapper is none: the kit makes those itself."""
        return self.action in _COMES and self.subsystem == "block" and not self.name.startswith(_MAPPED)


def parse(datagram: bytes) -> Uevent | None:
    """The event; None for anything of another form."""
    head, *pairs = datagram.decode("utf-8", "surrogateescape").split("\0")
    action, _, path = head.partition("@")
    if not action or not path.startswith("/"):
        return None
    facts = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        facts[key] = value
    number = f"{facts['MAJOR']}:{facts['MINOR']}" if {"MAJOR", "MINOR"} <= facts.keys() else ""
    return Uevent(action, path, facts.get("SUBSYSTEM", ""), number, facts.get("DEVNAME", ""))

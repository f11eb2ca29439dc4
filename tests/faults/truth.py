"""What is so, whatever anybody says: can the protected volume be read, and its file system be written to?"""

from __future__ import annotations

from dataclasses import dataclass

from faults.layouts import MOUNT
from lab.guests.guest import Guest

PATIENCE = 12.0
"""seconds after which a request counts as hanging"""
_OURS = 'for it in /sys/block/dm-*; do [ "$(cat $it/dm/uuid)" != "$(cat /root/uuid)" ] || cat $it/dev; done'
_TOP = f"""
at={MOUNT}
[ ! -L $at ] || at=$(readlink -f $at)
awk -v at=$at '$5 == at {{ top = $3 }} END {{ print top }}' /proc/self/mountinfo
"""
_NODE = "echo /dev/$(basename $(readlink /sys/dev/block/$1))"
"""of the kernel's own making: udev may not work"""
_ANYWHERE = 'grep -c " $1 " /proc/self/mountinfo || :'
READS, WRITES, HANGS, ABSENT, FOREIGN = "reads", "writes", "hangs", "absent", "another device"


@dataclass(frozen=True)
class Truth:
    """volume: READS, HANGS, ABSENT or why not.  filesystem: WRITES, HANGS, ABSENT, FOREIGN or why not.

    mounts: how often the volume's device is mounted in the server's own mount namespace.
    """

    volume: str
    filesystem: str
    mounts: int

    @property
    def usable(self) -> bool:
        """Whether the service can work."""
        return (self.volume, self.filesystem) == (READS, WRITES)

    @property
    def down(self) -> bool:
        """Whether the kernel has neither the volume nor a mount of it."""
        return self.volume == ABSENT and not self.mounts


def look(guest: Guest) -> Truth:
    """Ask the kernel, and then the volume and the file system themselves, by reading and writing past the cache."""
    device = guest.sh(_OURS).stdout.strip()
    if not device:
        return Truth(ABSENT, ABSENT, 0)
    mounts = int(guest.sh(_ANYWHERE, device).stdout)
    top = guest.sh(_TOP).stdout.strip()
    return Truth(_read(guest, device), _written(guest, top, device), mounts)


def _read(guest: Guest, device: str) -> str:
    node = guest.sh(_NODE, device).stdout.strip()
    return _tried(guest, READS, f"if={node}", "of=/dev/null", "iflag=direct", "bs=64k", "count=16")


def _written(guest: Guest, top: str, device: str) -> str:
    if not top:
        return ABSENT
    if top != device:
        return FOREIGN
    return _tried(guest, WRITES, "if=/dev/zero", f"of={MOUNT}/probe", "oflag=direct", "conv=fsync", "bs=4k", "count=1")


def _tried(guest: Guest, good: str, *words: str) -> str:
    done = guest.run("dd", "status=none", *words, timeout=PATIENCE, check=False)
    if done.returncode == 124:
        return HANGS
    return done.stderr.strip().rpartition(": ")[2] if done.returncode else good

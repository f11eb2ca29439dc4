"""Which mounted file systems could be put under protection: those on a logical volume that no resource has yet."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import FILESYS
from lvmkit.model.value import Value
from lvmkit.storage import mountinfo, sysfs
from lvmkit.storage.stack import SYSTEM_MOUNTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit
    from lvmkit.storage.mountinfo import Mount


class Candidate(Value):
    """A mounted file system on a logical volume. Whether it can be protected, a dry run of create says."""

    mount_point: str
    device: str
    """/dev/VG/LV"""
    vg: str
    fstype: str


def unprotected(kit: Kit) -> tuple[Candidate, ...]:
    """What is mounted on a logical volume on this server and not protected on any, in the order of the paths.

    Starts no program but the engine's. Raises Failure where the engine's records cannot be read.
    """
    instances = kit.port.overview().union().instances
    protected = {instance.id for instance in instances if instance.type == FILESYS}
    candidates = {}
    for mount in mountinfo.mounts():
        candidate = None if mount.mount_point in protected else _candidate(mount)
        if candidate:
            candidates[candidate.mount_point] = candidate
    return tuple(candidates[point] for point in sorted(candidates))


def _candidate(mount: Mount) -> Candidate | None:
    """None for what this server itself needs, for a part of a file system, and for what is on no logical volume."""
    if mount.mount_point in SYSTEM_MOUNTS or mount.root != "/":
        return None
    number = mountinfo.device_number(mount)
    parts = names.split_dm_name(sysfs.dm_name(number))
    if parts is None or not sysfs.dm_uuid(number).startswith(names.DM_PREFIX):
        return None
    vg, lv, _ = parts
    return Candidate(mount.mount_point, f"/dev/{vg}/{lv}", vg, mount.type)

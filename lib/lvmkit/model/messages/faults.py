"""What a check can find wrong with a resource that should be in service: 110040-110059."""

from __future__ import annotations

from lvmkit.model.messages import OCF_NOT_RUNNING, Caution, Message, Note


class LvGone(Message, number=110040):
    """The kernel holds no device for a logical volume that was brought up."""

    template = "Logical volume {lv} is not in device-mapper."
    action = (
        "If it was removed on purpose, run 'lvmkit reconfigure' for its volume group. Otherwise find out who"
        " deactivated it (log, 'journalctl -k'); 'lvmkit in-service' brings it back where recovery has not."
    )
    ocf_exit = OCF_NOT_RUNNING
    lv: str


class NotProtected(Note, number=110321):
    """A volume that no resource stands on is not as the start of its group left it: a snapshot that was removed, say.

    Its owner may do with it what he likes; no service notices.
    """

    template = "{fault} Nothing in service stands on it."
    fault: str


class LvSuspended(Message, number=110041):
    """All I/O to the logical volume waits because somebody suspended the device and did not resume it."""

    template = "Logical volume {lv} is suspended: all I/O to it waits."
    action = "Find out which LVM command was interrupted. 'dmsetup resume {name}' lets the I/O go on."
    lv: str
    name: str


class LvWrongTable(Message, number=110042):
    """The live table of the device is not what a logical volume of this kind has."""

    template = "Logical volume {lv} has a table of {found} where {expected} is expected."
    action = "Take it out of service and bring it back. An 'error' table means that a disk was cut off by hand."
    lv: str
    found: str
    expected: str


class PvGone(Message, number=110043):
    """The block device of a physical volume has left the kernel."""

    template = "Disk {device} (physical volume {uuid}) is gone from the kernel."
    action = "Check the disk, its cable, path or target."
    device: str
    uuid: str


class PvNotRunning(Message, number=110044):
    """The kernel has the disk, but has taken it offline or has lost all paths to it."""

    template = "Disk {device} (physical volume {uuid}) is {condition}."
    action = "Check the disk, its cable, path or target, and the kernel log."
    device: str
    uuid: str
    condition: str


class PvReadFailed(Message, number=110045):
    """A direct read of the disk failed."""

    template = "Reading disk {device} (physical volume {uuid}) failed: {why}."
    action = "Check the disk and the kernel log."
    device: str
    uuid: str
    why: str


class PvHung(Message, number=110046):
    """A direct read of the disk did not come back in time."""

    template = "Disk {device} (physical volume {uuid}) did not answer for {seconds} s."
    action = "Check the disk, its paths and the array behind it. The reader was abandoned."
    device: str
    uuid: str
    seconds: float


class LvUnhealthy(Message, number=110047):
    """The target itself reports that it cannot serve its data in full."""

    template = "Logical volume {lv} ({kind}) reports: {condition}."
    action = "See lvmraid(7), lvmthin(7) or 'lvs -o+lv_health_status'. The kit repairs nothing."
    lv: str
    kind: str
    condition: str


class LvDegraded(Caution, number=110048):
    """The volume serves its data but has lost redundancy or is close to a limit."""

    template = "Logical volume {lv} ({kind}) is degraded: {condition}."
    action = "Replace what failed, or extend the pool, before the next fault."
    lv: str
    kind: str
    condition: str


class NotMounted(Message, number=110049):
    """The protected file system is not mounted."""

    template = "{device} is not mounted on {mount_point}."
    action = "Find out who unmounted it (log); 'lvmkit in-service' mounts it again where recovery has not."
    ocf_exit = OCF_NOT_RUNNING
    device: str
    mount_point: str


class MountedReadOnly(Message, number=110050):
    """The kernel turned the file system read-only after an error."""

    template = "{mount_point} has become read-only."
    action = (
        "Look for I/O errors in the kernel log. When the disk is well, take it out of service, run fsck by hand, and"
        " bring it back in service."
    )
    mount_point: str


class RecordLost(Caution, number=110051):
    """What restore wrote about the volume group is missing, so the check compares with the hierarchy only."""

    template = "The record of what was brought up for {tag} is missing; the check compares with the hierarchy instead."
    action = "Bring the resource in service again. That writes a new record and changes nothing else."
    tag: str


class KernelUnreadable(Message, number=110052):
    """Device-mapper did not answer, so nothing is known about any volume."""

    template = "Device-mapper cannot be asked: {why}."
    action = "Check that the dm_mod module is loaded and that this runs as root."
    why: str


class DeviceMapperRefused(Message, number=110053):
    """Device-mapper would not change a device, for a reason other than use."""

    template = "Device-mapper would not {verb} the device {uuid}: {why}."
    action = "See the kernel log ('journalctl -k'); 'dmsetup info -u {uuid}' shows the device."
    verb: str
    uuid: str
    why: str


class PvDegraded(Caution, number=110054):
    """The disk serves, but a path to it or a leg of the array below it is lost."""

    template = "Disk {device} (physical volume {uuid}) is degraded: {condition}."
    action = "Bring back the path, or replace the leg, before the next fault."
    device: str
    uuid: str
    condition: str


class CheckFailed(Message, number=110421):
    """The quickCheck script of another kit's resource type ended with an error: the resource is not well."""

    template = "{tag} is not well: its quickCheck failed ({status})"
    action = "The kit of this resource type says what its checks look at; run the script by hand to see all it says."
    tag: str
    status: str

"""What may be wrong with the place of a file system, or with the device that it is on: 110310-110314, 110456."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, Caution, Message


class NotTheVolume(Message, number=110310):
    """The path of the logical volume leads to another device, and the volume is not up: a node that somebody made, or
    another volume that has got its name.
    """

    template = "{device} is not the logical volume that was protected, but {found}."
    action = (
        "It was not mounted. Bring the logical volume in service. See with 'ls -l {device}' and 'lvs -o+lv_uuid' what"
        " that device is; a node made by hand must be removed."
    )
    device: str
    found: str


class MountCovered(Message, number=110311):
    """Something else was mounted later over the file system or over a folder above it, so that nobody gets to it."""

    template = "{mount_point} is mounted, but hidden: {cover} was mounted over it on {where}."
    action = "Find out who mounted that, and unmount it ('umount {where}'). What is below goes on and was not touched."
    mount_point: str
    cover: str
    where: str


class AutomountInTheWay(Message, number=110312):
    """systemd waits at the mount point to mount there what /etc/fstab says, as soon as anybody goes there.

    It would do so behind the back of the cluster, also just after a stop.
    """

    template = "{mount_point} has an automount of systemd ({unit})."
    action = (
        "Take x-systemd.automount out of the line for {mount_point} in /etc/fstab, add 'noauto,nofail', and run"
        " 'systemctl daemon-reload'. With {mount_point} out of service, 'systemctl stop {unit}', or restart the server."
    )
    mount_point: str
    unit: str


class NotMountedWithin(Message, number=110420):
    """A file system is mounted at a place within another one, but not on it: it was mounted while that one was not."""

    template = "{inner} is not mounted within the file system of {outer}, which would hide it once it is in service."
    action = "Unmount {inner}, bring {outer} in service or mount it, then mount {inner} again, and create it then."
    lcdi_exit = LCDI_ARGUMENT
    inner: str
    outer: str


class WriteProtected(Message, number=110313):
    """The kernel writes nothing to the device: its volume or a disk of it is read-only."""

    template = "{device} is write-protected, so nothing can be written to {mount_point}."
    action = (
        "See 'lvs -o lv_name,lv_permissions' ('lvchange -p rw'), read_only_volume_list in lvm.conf, and 'blockdev"
        " --getro' for the disks; a replica must be promoted first. A file system that is to be read-only is protected"
        " while it is mounted with the option ro."
    )
    device: str
    mount_point: str


class BecameWriteProtected(Caution, number=110456):
    """The volume was made read-only, or a disk of it, while its file system was mounted to be written to.

    The kernel goes on writing for what is mounted already. Where the disk itself refuses, errors tell.
    """

    template = "{device} has become write-protected: {mount_point} is still written to, but cannot be mounted again."
    action = (
        "Before {mount_point} is stopped or moved, see 'lvs -o lv_name,lv_permissions' ('lvchange -p rw'), and"
        " 'blockdev --getro' for the volume and its disks."
    )
    device: str
    mount_point: str


class OtherFilesystem(Message, number=110314):
    """The logical volume is the right one, but it was formatted, or overwritten, since it was protected."""

    template = "The file system on {device} has UUID {found}; the protected one is {expected}."
    action = (
        "It was not mounted. Find out who wrote to the volume. If it was made anew on purpose, end the protection"
        " ('lvmkit delete'), mount it, and protect it again ('lvmkit create')."
    )
    device: str
    found: str
    expected: str

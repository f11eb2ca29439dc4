"""Messages about LVM commands, the stack below a mount point, and the kit's own files: 110060-110079."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, OCF_ERR_INSTALLED, Caution, Message


class CommandMissing(Message, number=110060):
    """A system tool that the kit needs is not installed."""

    template = "{path} is not installed."
    action = "Install the package that holds it (lvm2, util-linux, mount)."
    ocf_exit = OCF_ERR_INSTALLED
    path: str


class CommandFailed(Message, number=110061):
    """A system tool ended with an error."""

    template = "'{command}' ended with {status}: {why}"
    action = "What follows the colon is what the tool itself said."
    command: str
    status: str
    why: str


class CommandHung(Message, number=110062):
    """A system tool did not end in time and was killed, or abandoned where it could not be killed."""

    template = "'{command}' did not end within {seconds} s and was {fate}."
    action = "Look for a disk that does not answer ('lvmkit check --deep', the kernel log)."
    command: str
    seconds: float
    fate: str


class CommandGarbled(Message, number=110063):
    """A system tool succeeded, but its output is not as documented."""

    template = "The output of '{command}' cannot be understood: {why}"
    action = "Check that the tool is the one of the distribution and is undamaged."
    command: str
    why: str


class NotAMountPoint(Message, number=110064):
    """The path is neither a mount point nor a block device."""

    template = "{path} is neither a mount point nor a block device."
    action = "Mount the file system first, or name the device of the logical volume."
    lcdi_exit = LCDI_ARGUMENT
    path: str


class RawDriverGone(Message, number=110423):
    """A raw(8) device was named. Linux has had no driver for them since 5.14."""

    template = "{path} is a raw device, and this kernel has no driver for those: it was removed in Linux 5.14."
    action = "Protect the volume itself ('lvmkit create /dev/VG/LV'), and let the application open it with O_DIRECT."
    lcdi_exit = LCDI_ARGUMENT
    path: str


class MountsNested(Message, number=110071):
    """Two file systems within each other were protected on different servers, so neither requires the other.

    On a server that has both, the outer one may be mounted last and hide the inner one.
    """

    template = "{inner} lies within {outer}, and nothing orders the two."
    action = (
        "Extend one of them no further, or delete it, and create it on a server that has both: then {inner} requires"
        " {outer}."
    )
    lcdi_exit = LCDI_ARGUMENT
    inner: str
    outer: str


class MountedTwice(Message, number=110354):
    """One file system is mounted at two places, each with a resource of its own: whoever stops one ends the other."""

    template = "{first} and {second} are the same file system, on {volume}, and only one of them can be protected."
    action = (
        "Keep one of the two ('lvmkit delete' ends the protection of the other); what needs the other place can use a"
        " bind mount or a symbolic link."
    )
    lcdi_exit = LCDI_ARGUMENT
    first: str
    second: str
    volume: str


class NotOnLvm(Message, number=110065):
    """The file system or device does not stand on a logical volume."""

    template = "{path} does not stand on a logical volume but on {found}."
    action = "Choose a file system on a logical volume: this kit protects nothing else."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    found: str


class SystemStorage(Message, number=110066):
    """The volume group holds the running system itself."""

    template = "Volume group {vg} holds {use} of this server and cannot be protected."
    action = "Put data that is to move between servers in a volume group of its own."
    lcdi_exit = LCDI_ARGUMENT
    vg: str
    use: str


class FileUnreadable(Message, number=110067):
    """A file that the kit reads is there, but is not a readable regular file of a sensible size."""

    template = "{path} cannot be read: {why}."
    action = "See what is there ('ls -l {path}') and put the right file in its place."
    path: str
    why: str


class SettingIgnored(Caution, number=110068):
    """A tunable has a value that it cannot have, so its default is used."""

    template = "{path}: {key}={value} is not possible; {default} is used."
    action = "Correct that line."
    path: str
    key: str
    value: str
    default: str


class PartOfFilesystem(Message, number=110069):
    """The mount point shows only a part of a file system (bind mount, subvolume); its device would show all of it."""

    template = "{path} shows only {root} of the file system on {device}."
    action = "Name the mount point of the whole file system."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    root: str
    device: str


class Lvm1Metadata(Message, number=110440):
    """The volume group has the metadata of LVM1. LVM has not read them since 2.02.178 of 2018, so no volume of it can
    be activated here; the data are still there.
    """

    template = "Volume group {vg} on {disks} has the metadata of LVM1, which LVM no longer reads."
    action = (
        "Save the data first. Then convert it where an LVM before 2.02.178 runs, such as a rescue system of that time"
        " ('vgconvert -M2 {vg}', with its volumes down on all servers), or copy the data to a new volume group. Nothing"
        " was written."
    )
    vg: str
    disks: tuple[str, ...]


class VgNameAmbiguous(Message, number=110070):
    """Several volume groups have this name, so the name alone does not say which one is meant."""

    template = "More than one volume group is named {vg}: {uuids}."
    action = "Rename or disconnect the others ('vgrename UUID NEWNAME')."
    lcdi_exit = LCDI_ARGUMENT
    vg: str
    uuids: tuple[str, ...]

"""Messages about LVM commands, the stack below a mount point, and the kit's own files: 110060-110079."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, OCF_ERR_INSTALLED, WARN, Message


class CommandMissing(Message):
    """A system tool that the kit needs is not installed."""

    number = 110060
    template = "{path} is not installed."
    action = "Install the package that holds it (lvm2, util-linux, mount)."
    ocf_exit = OCF_ERR_INSTALLED
    path: str


class CommandFailed(Message):
    """A system tool ended with an error."""

    number = 110061
    template = "'{command}' ended with {status}: {why}"
    action = "What follows the colon is what the tool itself said."
    command: str
    status: str
    why: str


class CommandHung(Message):
    """A system tool did not end in time and was killed, or abandoned where it could not be killed."""

    number = 110062
    template = "'{command}' did not end within {seconds} s and was {fate}."
    action = "Look for a disk that does not answer ('lvmkit check --deep', the kernel log)."
    command: str
    seconds: float
    fate: str


class CommandGarbled(Message):
    """A system tool succeeded, but its output is not as documented."""

    number = 110063
    template = "The output of '{command}' cannot be understood: {why}"
    action = "Check that the tool is the one of the distribution and is undamaged."
    command: str
    why: str


class NotAMountPoint(Message):
    """The path is neither a mount point nor a block device."""

    number = 110064
    template = "{path} is neither a mount point nor a block device."
    action = "Mount the file system first, or name the device of the logical volume."
    lcdi_exit = LCDI_ARGUMENT
    path: str


class MountsNested(Message):
    """One protected file system is mounted within another; in the wrong order, one hides the other."""

    number = 110071
    template = "{inner} lies within {outer}, and nothing orders the two when both are protected."
    action = "Mount one of them elsewhere; a bind mount or a symbolic link can take its old place."
    lcdi_exit = LCDI_ARGUMENT
    inner: str
    outer: str


class NotOnLvm(Message):
    """The file system or device does not stand on a logical volume."""

    number = 110065
    template = "{path} does not stand on a logical volume but on {found}."
    action = "Choose a file system on a logical volume: this kit protects nothing else."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    found: str


class SystemStorage(Message):
    """The volume group holds the running system itself."""

    number = 110066
    template = "Volume group {vg} holds {use} of this server and cannot be protected."
    action = "Put data that is to move between servers in a volume group of its own."
    lcdi_exit = LCDI_ARGUMENT
    vg: str
    use: str


class FileUnreadable(Message):
    """A file that the kit reads is there, but is not a readable regular file of a sensible size."""

    number = 110067
    template = "{path} cannot be read: {why}."
    action = "See what is there ('ls -l {path}') and put the right file in its place."
    path: str
    why: str


class SettingIgnored(Message):
    """A tunable has a value that it cannot have, so its default is used."""

    number = 110068
    level = WARN
    template = "{path}: {key}={value} is not possible; {default} is used."
    action = "Correct that line."
    script_exit = lcdi_exit = ocf_exit = 0
    path: str
    key: str
    value: str
    default: str


class PartOfFilesystem(Message):
    """The mount point shows only a part of a file system (bind mount, subvolume); its device would show all of it."""

    number = 110069
    template = "{path} shows only {root} of the file system on {device}."
    action = "Name the mount point of the whole file system."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    root: str
    device: str


class VgNameAmbiguous(Message):
    """Several volume groups have this name, so the name alone does not say which one is meant."""

    number = 110070
    template = "More than one volume group is named {vg}: {uuids}."
    action = "Rename or disconnect the others ('vgrename UUID NEWNAME')."
    lcdi_exit = LCDI_ARGUMENT
    vg: str
    uuids: tuple[str, ...]

"""Messages about the command line: 110100 and up."""

from __future__ import annotations

from lvmkit.model.messages import (
    INFO,
    LCDI_ARGUMENT,
    LCDI_NO_OBJECT,
    LCDI_OK,
    OCF_ERR_ARGS,
    OCF_NOT_RUNNING,
    WARN,
    Message,
)


class InvalidName(Message):
    """The name has characters that no volume group, volume, tag or ID can have."""

    number = 110100
    template = "{given} is not a valid {what}."
    action = "Look up the name with 'lvmkit status' or 'lvs'."
    lcdi_exit = LCDI_ARGUMENT
    ocf_exit = OCF_ERR_ARGS
    given: str
    what: str


class NoSuchMessage(Message):
    """The number is not in the table of messages."""

    number = 110101
    template = "There is no message {given}."
    action = "'lvmkit explain --all' lists them."
    lcdi_exit = LCDI_NO_OBJECT
    given: str


class NothingToDo(Message):
    """The hierarchy already agrees with the storage."""

    number = 110102
    level = INFO
    template = "{tag}: nothing to do."
    script_exit = 0
    lcdi_exit = LCDI_OK
    ocf_exit = 0
    tag: str


class NotRoot(Message):
    """This needs the rights of root."""

    number = 110103
    template = "{what} needs root."
    action = "Run it as root."
    what: str


class FstabWillMount(Message):
    """The boot would try to mount a file system whose volume group the kit keeps inactive until it is in service."""

    number = 110104
    level = WARN
    template = "/etc/fstab mounts {mount_point} at boot; the boot would wait for it and then stop."
    action = "Add the options 'noauto,nofail' to that line: the kit mounts it."
    script_exit = lcdi_exit = ocf_exit = 0
    mount_point: str


class UnknownDevices(Message):
    """A device was named that is not part of the difference."""

    number = 110105
    template = "Not part of what changed in volume group {vg}: {devices}."
    action = "'adddelpv TAG' shows what changed."
    lcdi_exit = LCDI_ARGUMENT
    vg: str
    devices: tuple[str, ...]


class HierarchyDiffers(Message):
    """Hierarchy and volume group do not agree."""

    number = 110106
    level = WARN
    template = "{tag} differs from volume group {vg}: {changes}."
    action = "'adddelpv {tag} --yes' makes the hierarchy follow."
    script_exit = lcdi_exit = ocf_exit = 0
    tag: str
    vg: str
    changes: tuple[str, ...]


class NoUnextendHere(Message):
    """The embedded engine knows one server only, so the hierarchy could not stay on another one."""

    number = 110107
    template = "{tag} is on {server} only; it cannot be unextended."
    action = "To end its protection, use 'lvmkit delete {tag}'."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    server: str


class NotInService(Message):
    """A resource that was to be checked, or one that it requires, is not in service."""

    number = 110108
    template = "{tag} is not in service but {state}."
    action = "'lvmkit in-service {tag}' brings it in service; 'lvmkit status' says why it is not."
    ocf_exit = OCF_NOT_RUNNING
    tag: str
    state: str


class UpThoughOutOfService(Message):
    """The engine has the resource as out of service, but it is up in the kernel: somebody activated it by hand."""

    number = 110109
    level = WARN
    template = "{tag} is out of service, but the kernel has it: {what}."
    action = "Find out who uses it. Then deactivate it by hand, or bring the resource in service."
    script_exit = lcdi_exit = ocf_exit = 0
    tag: str
    what: tuple[str, ...]


class DeviceUnwell(Message):
    """A disk, or a device on disks, that a hierarchy stands on does not work."""

    number = 110110
    template = "Block device {device} is {condition}."
    action = "Check the disk, its cable, path or target, and the kernel log."
    device: str
    condition: str


class OutputNotWritten(Message):
    """The result could not be written to standard output (disk full, closed)."""

    number = 110111
    template = "The result cannot be written to standard output: {why}."
    action = "Check where the output goes, then run the command again. What the command has done stays done."
    why: str


class NotConfirmed(Message):
    """The deletion was not confirmed with yes."""

    number = 110112
    template = "{work} was not confirmed; nothing was changed."
    action = "Answer 'y', or give --yes."
    work: str

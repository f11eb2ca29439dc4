"""Messages about the command line: 110100 and up."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, LCDI_NO_OBJECT, OCF_ERR_ARGS, OCF_NOT_RUNNING, Caution, Message, Note


class InvalidName(Message, number=110100):
    """The name has characters that no volume group, volume, tag or ID can have."""

    template = "{given} is not a valid {what}."
    action = "Look up the name with 'lvmkit status' or 'lvs'."
    lcdi_exit = LCDI_ARGUMENT
    ocf_exit = OCF_ERR_ARGS
    given: str
    what: str


class NoSuchMessage(Message, number=110101):
    """The number is not in the table of messages."""

    template = "There is no message {given}."
    action = "'lvmkit explain --all' lists them."
    lcdi_exit = LCDI_NO_OBJECT
    given: str


class NothingToDo(Note, number=110102):
    """The hierarchy already agrees with the storage."""

    template = "{tag}: nothing to do."
    tag: str


class NotRoot(Message, number=110103):
    """This needs the rights of root."""

    template = "{what} needs root."
    action = "Run it as root."
    what: str


class FstabWillMount(Caution, number=110104):
    """Something that the boot does needs a volume group that the kit keeps inactive until it is in service.

    It may be a line of /etc/fstab or /etc/crypttab, or a unit of systemd; for a file system of the group, for swap,
    for what lies in such a file system (an image, a swap file, a bind mount), or for what stands on one of these.
    """

    template = "{place} needs volume group {vg}, which the boot does not activate; {effect}. It says: {entry}"
    action = "{remedy}. The kit mounts what it protects."
    place: str
    vg: str
    entry: str
    effect: str
    remedy: str


class ProtectedUnderOldName(Message, number=110342):
    """More of a volume group is to be protected, and its hierarchy still has the name that the group had before."""

    template = "Volume group {vg} is protected already, as {old}: it was renamed since."
    action = "'lvmkit reconfigure {tag} --yes' gives its hierarchy the new name; then try again."
    lcdi_exit = LCDI_ARGUMENT
    vg: str
    old: str
    tag: str


class UnknownDevices(Message, number=110105):
    """A device was named that is not part of the difference."""

    template = "Not part of what changed in volume group {vg}: {devices}."
    action = "'adddelpv TAG' shows what changed."
    lcdi_exit = LCDI_ARGUMENT
    vg: str
    devices: tuple[str, ...]


class HierarchyDiffers(Caution, number=110106):
    """Hierarchy and volume group do not agree."""

    template = "{tag} differs from volume group {vg}: {changes}."
    action = "'adddelpv {tag} --yes' makes the hierarchy follow; with '--expect {digest}' only where this is still all."
    tag: str
    vg: str
    changes: tuple[str, ...]
    digest: str


class NoUnextendHere(Message, number=110107):
    """The embedded engine knows one server only, so the hierarchy could not stay on another one."""

    template = "{tag} is on {server} only; it cannot be unextended."
    action = "To end its protection, use 'lvmkit delete {tag}'."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    server: str


class NotInService(Message, number=110108):
    """A resource that was to be checked, or one that it requires, is not in service."""

    template = "{tag} is not in service but {state}."
    action = "'lvmkit in-service {tag}' brings it in service; 'lvmkit status' says why it is not."
    ocf_exit = OCF_NOT_RUNNING
    tag: str
    state: str


class UpThoughOutOfService(Caution, number=110109):
    """The engine has the resource as out of service, but it is up in the kernel: somebody activated it by hand."""

    template = "{tag} is out of service, but the kernel has it: {what}."
    action = "Find out who uses it. Then deactivate it by hand, or bring the resource in service."
    tag: str
    what: tuple[str, ...]


class DeviceUnwell(Caution, number=110110):
    """A disk, or a device on disks, that a hierarchy stands on does not work.

    Whether volumes can do without it, as without one of several paths or a leg of a mirror, the check of their group
    says.
    """

    template = "Block device {device} is {condition}."
    action = "Check the disk, its cable, path or target, and the kernel log."
    device: str
    condition: str


class OutputNotWritten(Message, number=110111):
    """The result could not be written to standard output (disk full, closed)."""

    template = "The result cannot be written to standard output: {why}."
    action = "Check where the output goes, then run the command again. What the command has done stays done."
    why: str


class NotConfirmed(Message, number=110112):
    """The deletion was not confirmed with yes."""

    template = "{work} was not confirmed; nothing was changed."
    action = "Answer 'y', or give --yes."
    work: str


class DifferenceChanged(Message, number=110500):
    """Exactly what was shown was to be applied, and the volume group or its hierarchy has changed since."""

    template = "What differs of {tag} is not what was expected any more ({expected}, now {digest}); nothing is changed."
    action = "Look again with 'lvmkit reconfigure {tag}', and apply what it shows."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    expected: str
    digest: str


class SeenDifferently(Message, number=110501):
    """Exactly what was shown was to be applied on all servers, and LVM on one of them sees another volume group.

    It lacks a disk, has not noticed one, or has an older copy of the metadata.
    """

    template = "{server} sees other disks, names or volumes in the volume group of {tag}; nothing is changed."
    action = (
        "Compare 'pvs -o +vg_uuid,pv_uuid' here and on {server}. Let {server} see the disks ('pvscan --cache', a rescan"
        " of the bus), then try again; or follow on this server alone, with '--here'."
    )
    lcdi_exit = LCDI_ARGUMENT
    server: str
    tag: str

"""Messages about going in and out of service, and about who may do so: 110010-110039."""

from __future__ import annotations

from lvmkit.model.messages import OCF_ERR_CONFIGURED, OCF_ERR_INSTALLED, Caution, Message, Note


class Begin(Note, number=110010):
    """An action starts."""

    template = "BEGIN {action_name} of {tag} on server {server}"
    action_name: str
    tag: str
    server: str


class EndSuccessful(Note, number=110011):
    """An action ended and reached what it was for."""

    template = "END successful {action_name} of {tag} on server {server} ({detail})"
    action_name: str
    tag: str
    server: str
    detail: str


class EndFailed(Message, number=110012):
    """An action ended without reaching what it was for."""

    is_outcome = True
    template = "END failed {action_name} of {tag} on server {server}"
    action = "The previous message says why."
    action_name: str
    tag: str
    server: str


class VgNotFound(Message, number=110013):
    """No disk that this server can read carries the volume group."""

    template = "Volume group {vg} ({uuid}) is not on any disk this server can read{last_seen}."
    action = (
        "Check that its disks are connected ('lsblk') and that LVM's filter and devices file let them pass ('pvs'),"
        " then try again."
    )
    ocf_exit = OCF_ERR_INSTALLED
    vg: str
    uuid: str
    last_seen: str = ""


class PvsMissing(Message, number=110014):
    """Some physical volumes of the group cannot be found, and the policy asks for all of them."""

    template = "Volume group {vg} lacks {count} of its physical volumes: {missing}."
    action = (
        "Reconnect the disks and try again. Where every logical volume has a complete redundant copy, the policy"
        " 'degraded' (LVMKIT_MISSING_PV=degraded) brings it in service without them. Nothing is repaired or removed."
    )
    vg: str
    count: int
    missing: tuple[str, ...]


class VgExported(Message, number=110015):
    """The volume group is marked as exported, which forbids its use."""

    template = "Volume group {vg} is exported."
    action = "If it is meant to be used here: 'vgimport {vg}' by hand, then try again."
    ocf_exit = OCF_ERR_CONFIGURED
    vg: str


class VgForeign(Message, number=110016):
    """The system ID in the volume group's metadata names another host as its owner."""

    template = "Volume group {vg} belongs to host '{owner}'; this host is '{own}'."
    action = "Make sure that '{owner}' no longer uses it. To change the owner by hand, see lvmsystemid(7)."
    vg: str
    owner: str
    own: str


class VgImpostor(Message, number=110017):
    """The volume group found under the protected name has another UUID: it is not the one that was protected."""

    template = "Volume group {vg} has UUID {found}; the protected one is {expected}."
    action = "Disconnect the other group or rename it ('vgrename {found} NEWNAME'). It was not touched."
    ocf_exit = OCF_ERR_CONFIGURED
    vg: str
    found: str
    expected: str


class VgRenamed(Caution, number=110018):
    """The protected volume group was found by its UUID under another name."""

    template = "Volume group {old} is now named {new}; following it."
    action = "This works. 'lvmkit reconfigure lvmvg-{old} --yes' makes IDs and paths follow; data stays mounted."
    old: str
    new: str


class LvRenamed(Caution, number=110340):
    """The protected logical volume was found by its UUID under another name."""

    template = "Logical volume {old} of volume group {vg} is now named {new}; following it."
    action = "This works. 'lvmkit reconfigure' for the volume group makes IDs and paths follow; data stays mounted."
    vg: str
    old: str
    new: str


class DuplicatePv(Message, number=110019):
    """The same physical volume is on two devices (clone, snapshot, multipath leg); LVM cannot know which is right."""

    template = "Physical volume {uuid} of volume group {vg} is on more than one device: {devices}."
    action = "Hide all but the right device from LVM (devices file or filter), or disconnect the clone."
    vg: str
    uuid: str
    devices: tuple[str, ...]


class LvsNotUp(Message, number=110020):
    """After activation the kernel does not hold every logical volume that should be there."""

    template = "Logical volumes of {vg} that did not come up: {missing}.{why}"
    action = "See what LVM said in the log, and check volume_list in lvm.conf and the disks of these volumes."
    vg: str
    missing: tuple[str, ...]
    why: str = ""


class UnprotectedLvsNotUp(Caution, number=110322):
    """A start brought up all that is protected, but not a volume beside it, such as a snapshot that overflowed."""

    template = "Logical volumes of {vg} that did not come up, and that no resource stands on: {missing}.{why}"
    action = "See what LVM said, or remove them if they are of no use any more ('lvremove')."
    vg: str
    missing: tuple[str, ...]
    why: str = ""


class LvBusy(Message, number=110021):
    """Something still uses a logical volume, so it cannot be taken down."""

    template = "Logical volume {lv}{where} is in use: {holders}."
    action = "Stop or unmount what is named, then try again."
    lv: str
    holders: tuple[str, ...]
    where: str = ""
    """of another server: ' on SERVER'"""


class LvsStillUp(Message, number=110022):
    """After deactivation the kernel still holds devices of the volume group."""

    template = "Device-mapper still holds devices of {vg}: {left}."
    action = "The previous messages say what LVM and the kernel answered."
    vg: str
    left: tuple[str, ...]


class TakenDownWithoutLvm(Caution, number=110023):
    """LVM could not read the disks any more, so the dead devices were removed from the kernel by their UUIDs."""

    template = "LVM could not deactivate {vg} ({why}); its {count} devices were removed from device-mapper directly."
    action = "Check the disks of this volume group before it is used again."
    vg: str
    count: int
    why: str


class FilesystemBusy(Message, number=110024):
    """A file system could not be unmounted within the time and the attempts allowed."""

    template = "{mount_point} cannot be unmounted: {holders}."
    action = "Stop what is named, then take it out of service again."
    mount_point: str
    holders: tuple[str, ...]


class SignalledHolder(Caution, number=110025):
    """A process that kept a file system busy was sent a signal."""

    template = "Sent {signal} to {holder}, which uses {mount_point}."
    signal: str
    holder: str
    mount_point: str


class MountFailed(Message, number=110026):
    """The file system could not be mounted."""

    template = "Mounting {device} on {mount_point} failed: {why}"
    action = (
        "Fix the reported problem, then try again. A dirty file system needs its own fsck, run by hand. The device was"
        " seen to be the protected volume: 'wrong fs type' means that its content was damaged or overwritten."
    )
    device: str
    mount_point: str
    why: str


class MountPointTaken(Message, number=110027):
    """Another file system is mounted where this one belongs."""

    template = "{mount_point} carries {other}, not {device}."
    action = "Unmount the other file system; it was not touched."
    mount_point: str
    other: str
    device: str


class UnmountedBelow(Caution, number=110035):
    """What others mounted within a file system or over it, or the same file system at another place, goes with it.

    Else the stop would fail, and the server be fenced.
    """

    template = "{below}, which keeps {mount_point} in use, was unmounted with it."
    action = "Nothing mounts it again. What is to move with {mount_point} must be protected, at a place of its own."
    below: str
    mount_point: str


class MayBeActiveElsewhere(Message, number=110036):
    """A volume group without an owner is not up here, and nobody can say that it is not up on another server."""

    template = "Volume group {vg} is not active here, and {servers} did not say whether it is active there."
    action = "Make sure that no other server has it active, activate it here ('vgchange -ay {vg}'), then try again."
    vg: str
    servers: tuple[str, ...]


class LvNotInVg(Message, number=110028):
    """The protected logical volume is no longer in its volume group."""

    template = "Logical volume {lv} ({uuid}) is not in volume group {vg}."
    action = "If it was removed on purpose, run 'lvmkit reconfigure' for the volume group's tag."
    vg: str
    lv: str
    uuid: str


class DegradedActivation(Caution, number=110029):
    """The volume group was brought up although physical volumes are missing, as the policy allows."""

    template = "Volume group {vg} comes up degraded, without: {missing}."
    action = "Replace the disks and let LVM rebuild the copies (lvmraid(7)); the kit repairs nothing."
    vg: str
    missing: tuple[str, ...]


class UnmountFailed(Message, number=110030):
    """The kernel refused to unmount for a reason other than use."""

    template = "Unmounting {mount_point} failed: {why}"
    action = "Fix the reported problem, then take it out of service again."
    mount_point: str
    why: str


class AlreadyBusy(Message, number=110031):
    """Another process of the kit is working on the same resource."""

    template = "Process {pid} is working on {what}; waited {seconds} s."
    action = "Wait until it is done, or find out what that process is stuck in."
    what: str
    pid: int
    seconds: int


class OrphanAtWork(Message, number=110290):
    """A run of the kit was killed, and a program that it had started goes on: most of the time it waits for a disk.

    While it lives it may still bring up what is to be down, so nothing else is done with the volume group.
    """

    template = "{what} is held by what a killed run left behind (process {pids}), which did not end in {seconds} s."
    action = "Look at what the process waits for (/proc/PID/stack); if it is a dead disk, restart the server."
    what: str
    pids: tuple[int, ...]
    seconds: int


class RecordLeft(Caution, number=110441):
    """The volume group is protected no more, but its record below /run stays: a start still works on it, or it hangs.

    Until the next boot nothing takes the group down that the boot itself did not activate.
    """

    template = "What a start has noted of volume group {vg} was left: {why}"
    action = "When that start has ended, run 'lvmkit forget {vg}'."
    vg: str
    why: str


class AutoactivationUnchanged(Caution, number=110032):
    """The volume group's autoactivation property could not be written, usually because its disks cannot be."""

    template = "Autoactivation of volume group {vg} was left as it is: {why}"
    action = "When its disks are back, set it by hand with 'vgchange --setautoactivation y|n {vg}'."
    vg: str
    why: str


class ForeignTableInUse(Message, number=110320):
    """The volume's table was replaced, by hand or to end a stop (`error`), and something has the volume open.

    LVM takes the volume for active and leaves it as it is, so its table can only be made anew once it is down.
    """

    template = "Logical volume {lv} has a table of {found}, which is not LVM's, and is in use: {holders}."
    action = "Stop or unmount what is named, take the volume out of service, and bring it in service again."
    lv: str
    found: str
    holders: tuple[str, ...]


class NoRoomForUdev(Message, number=110352):
    """udev must write each new device to its database below /run, and LVM's activation waits for it without a limit.

    Where udev cannot write, the activation would be ended at its deadline, with half of the volumes up.
    """

    template = "Volume group {vg} cannot be activated: /run has no room for what udev notes of its volumes ({why})."
    action = "Make room in /run ('df /run', 'df -i /run'), then try again. Nothing was activated."
    vg: str
    why: str


class ActivationUnended(Caution, number=110355):
    """LVM brought all volumes up and then waited in vain for udev, which makes their names below /dev.

    udev does not run, or all that it has at work waits for a disk. What counts is that the kernel has the volumes.
    """

    template = "LVM brought up all that was to come up of {vg}, but did not end within {seconds} s and was killed."
    action = (
        "See whether udev works ('systemctl status systemd-udevd', 'udevadm settle'). Until it does, the names of new"
        " volumes below /dev are missing, and each start takes that long."
    )
    vg: str
    seconds: float


class StaleTables(Message, number=110033):
    """The kernel's volumes still point to disks that are gone, although the disks came back under other numbers."""

    template = "Logical volumes of {vg} still use disks that are gone: {lvs}."
    action = "Take the volume group out of service and in service again."
    vg: str
    lvs: tuple[str, ...]


class MissingInformation(Message, number=110034):
    """The instance lacks what the kit stores in it, so it was not made by this kit."""

    template = "Resource {tag} has no {what}."
    action = "Delete the resource and create it again with this kit."
    ocf_exit = OCF_ERR_CONFIGURED
    tag: str
    what: str

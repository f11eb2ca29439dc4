"""Messages about extend, unextend and what speaks against them, and about work on other servers: 110200-110229."""

from __future__ import annotations

from lvmkit.model.messages import (
    INFO,
    LCDI_ARGUMENT,
    LCDI_EXISTS,
    LCDI_NO_COMMUNICATION,
    WARN,
    Message,
)


class TransportMissing(Message):
    """The program that runs the kit on other servers is not there."""

    number = 110200
    template = "{path}, which runs the kit on other servers, is not installed."
    action = "Install openssh-client, or set LVMKIT_SSH in /etc/default/LifeKeeper to one that is called like ssh."
    lcdi_exit = LCDI_NO_COMMUNICATION
    path: str


class ServerUnreachable(Message):
    """No connection to the server could be made; nothing was run there."""

    number = 110201
    template = "{server} cannot be reached: {why}"
    action = "Try 'ssh {server} true' as root. If the name cannot be resolved, add it to /etc/hosts."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class LoginRefused(Message):
    """The server answers, but does not let root of this server in without a password, or its host key is not known."""

    number = 110202
    template = "{server} does not let root of this server in: {why}"
    action = (
        "'ssh -o BatchMode=yes {server} true' must work as root: put root's public key into root's authorized_keys on"
        " {server}, and its host key into known_hosts here (log in once by hand). Or work on {server} itself."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class ProgramMissingThere(Message):
    """The server was reached, but the program is not there: no kit, one at another place, or an older version."""

    number = 110203
    template = "{path} cannot be run on {server}: {why}"
    action = "Install the same version of the kit, at the same place, on that server; an older one lacks this program."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    path: str
    why: str


class ServerTooSlow(Message):
    """The other server did not finish in time, and the connection was given up."""

    number = 110204
    template = "{server} did not finish within {seconds} s."
    action = (
        "Find out what keeps that server busy. 'lvmkit status' shows how far it got; it takes back what is half done."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    seconds: float


class AnswerGarbled(Message):
    """The kit on the other server answered in a form that this version does not know."""

    number = 110205
    template = "The answer of {server} cannot be understood: {why}"
    action = (
        "Install the same version of the kit on both servers, and see that root's shell there prints nothing by itself."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class Relayed(Message):
    """A message from the other server, in its own words."""

    number = 110206
    level = INFO
    template = "{server}: {line}"
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    line: str


class RelayedWarning(Message):
    """A warning of the kit on the other server that this version of the kit does not know."""

    number = 110207
    level = WARN
    template = "{server}: {line}"
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    line: str


class RelayedError(Message):
    """An error of the kit on the other server that this version of the kit does not know."""

    number = 110208
    template = "{server}: {line}"
    action = "'lvmkit explain' on that server says more."
    server: str
    line: str


class OutcomeUnknown(Message):
    """The connection was lost or given up while the other server was working."""

    number = 110209
    level = WARN
    template = "Whether {work} was done is not known: {server} was at work when contact was lost."
    action = "See 'lvmkit status'. The other server takes back what is half done, now or with its next change."
    script_exit = lcdi_exit = ocf_exit = 0
    work: str
    server: str


class KitVersionDiffers(Message):
    """The two servers have different versions of the kit, which may understand the same records differently."""

    number = 110210
    template = "{server} has version {there} of the kit; this server has {here}."
    action = "Install the same version on both."
    server: str
    there: str
    here: str


class LvmVersionDiffers(Message):
    """The two servers have different releases of LVM; the older one may not know what the newer one makes."""

    number = 110211
    level = WARN
    template = "{server} has LVM {there}; this server has {here}."
    action = "Upgrade the older one before you make volumes of kinds that it does not know."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    there: str
    here: str


class ClockDiffers(Message):
    """The clocks of the servers differ so much that their logs do not show the order of events."""

    number = 110212
    level = WARN
    template = "The clock of {server} differs by {seconds} s from the one here."
    action = "Run chrony or another NTP client on all servers."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    seconds: float


class ClockFarOff(Message):
    """A move is a rule that ends by the clock, and failures are forgotten by the clock.

    One server writes these times and another one reads them; the kit has a margin of one minute.
    """

    number = 110213
    template = "The clock of {server} differs by {seconds} s from the one here; the cluster allows at most {limit} s."
    action = "Set the clock, and run chrony or another NTP client on all servers."
    server: str
    seconds: float
    limit: float


class VgNameTaken(Message):
    """The target server sees another volume group with the name of the protected one."""

    number = 110214
    template = "Another volume group on {server} is also named {vg}: {uuid}."
    action = "Rename it ('vgrename {uuid} NEWNAME' on {server}), or disconnect its disks."
    lcdi_exit = LCDI_EXISTS
    vg: str
    server: str
    uuid: str


class VgUuidTwice(Message):
    """Two volume groups have the same UUID: one is a copy of the other, and LVM cannot tell which."""

    number = 110215
    template = "The UUID of volume group {vg}, {uuid}, is seen more than once on {server}: {found}."
    action = "Disconnect the copy, or give it UUIDs of its own ('vgimportclone')."
    lcdi_exit = LCDI_EXISTS
    vg: str
    uuid: str
    server: str
    found: tuple[str, ...]


class DevicesNotAllowed(Message):
    """Disks of the volume group are connected to this server, but LVM is told not to look at them."""

    number = 110216
    template = "LVM on {server} does not look at {devices}, which hold volume group {vg}: {setting}."
    action = (
        "Where there is a devices file, run 'lvmdevices --adddev DEVICE' for each. Else correct filter in lvm.conf."
    )
    vg: str
    server: str
    devices: tuple[str, ...]
    setting: str


class ActiveOutsideCluster(Message):
    """The volume group is up on a server, though the cluster has not started it there.

    If it is in service elsewhere, both servers may be writing to it.
    """

    number = 110217
    template = "DANGER: volume group {vg} is active on {server}, where the cluster has not started it: {volumes}."
    action = "Find out at once what uses it there, stop that, and deactivate it ('vgchange -an {vg}' on {server})."
    vg: str
    server: str
    volumes: tuple[str, ...]


class MountPointUnusable(Message):
    """The file system could not be mounted there."""

    number = 110218
    template = "{path} cannot be a mount point on {server}: {why}."
    action = "Move away what is there. A missing folder is made."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    server: str
    why: str


class MountPointNotEmpty(Message):
    """What is in the folder disappears from view while the file system is mounted on it."""

    number = 110219
    level = WARN
    template = "{path} on {server} is not empty; what is in it is hidden while the file system is mounted there."
    action = "Check whether something wrote there while nothing was mounted, and move it away."
    script_exit = lcdi_exit = ocf_exit = 0
    path: str
    server: str


class FilesystemUnknown(Message):
    """Neither the running kernel nor its modules know the type of the file system."""

    number = 110220
    level = WARN
    template = "The kernel of {server} does not know the file system {type}, which {path} has."
    action = "Install the kernel module for it (on some distributions linux-modules-extra or kernel-modules-extra)."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    type: str
    path: str


class ServerSetAside(Message):
    """The server is in standby or maintenance; the hierarchy can be extended to it but does not run there yet."""

    number = 110221
    level = WARN
    template = "{server} is {why}: nothing is brought in service there until that ends."
    action = "End it with the tool that began it (crm_standby, pcs node unstandby, crm_attribute)."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    why: str


class MovesAlong(Message):
    """All that stands on a volume group moves together, so all of it must be able to run on the same servers."""

    number = 110222
    level = INFO
    template = "{others} stand on the same volume group as {tag} and come along."
    script_exit = lcdi_exit = ocf_exit = 0
    tag: str
    others: tuple[str, ...]


class WillMove(Message):
    """With AUTOMATIC switchback a hierarchy goes to the server with the highest priority as soon as it may."""

    number = 110223
    level = WARN
    template = "With priority {priority} {tag} moves from {source} to {server} at once (AUTOMATIC switchback)."
    action = "To keep it where it is, give a lower priority (a higher number)."
    script_exit = lcdi_exit = ocf_exit = 0
    tag: str
    source: str
    server: str
    priority: int


class StillListedThere(Message):
    """The server is down or cannot be reached, so only the cluster's configuration was changed."""

    number = 110224
    level = WARN
    template = "{server} could not be told: its /etc/lkvgs still names {vgs}."
    action = "When it is back, run 'lvmkit forget {vgs}' there. Until then its boot leaves these groups inactive."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    vgs: tuple[str, ...]


class SameTagEverywhere(Message):
    """A cluster has one set of resources for all servers, so a resource cannot have another tag on the target."""

    number = 110225
    template = "{tag} cannot be named {given} on another server: with this engine tags are the same everywhere."
    action = "Give -t {tag}."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    given: str


class ConnectionLost(Message):
    """The connection to the server broke while the kit was at work there."""

    number = 110226
    template = "The connection to {server} was lost: {why}"
    action = "Check whether that server is up. 'lvmkit status' shows how far it got."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class NotFollowedThere(Message):
    """The hierarchy follows its volume group on this server, but another server could not be told to do the same."""

    number = 110227
    level = WARN
    template = "{server} does not follow the disks of {tag} yet: {why}"
    action = "Run 'lvmkit reconfigure {tag} --yes --here' there. Meanwhile the hierarchy can run there."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    tag: str
    why: str


class StillProtected(Message):
    """Only a volume group whose protection has ended can be forgotten."""

    number = 110228
    template = "Volume group {vg} is protected on this server."
    action = "'lvmkit delete' ends the protection of a hierarchy; 'lvmkit unextend' takes one server from it."
    lcdi_exit = LCDI_ARGUMENT
    vg: str


class ActivityUnknown(Message):
    """A volume group is to be protected or activated, and another server did not say whether it is active there."""

    number = 110229
    level = WARN
    template = "Whether volume group {vg} is active on {server} is not known: {why}"
    action = (
        "Make sure that it is not ('dmsetup ls' on {server}). 'ssh -o BatchMode=yes {server} true' must work as root."
    )
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    server: str
    why: str

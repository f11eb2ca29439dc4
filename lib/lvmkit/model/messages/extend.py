"""Messages about extend, unextend and what speaks against them, and about work on other servers: 110200-110229."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, LCDI_EXISTS, LCDI_NO_COMMUNICATION, Caution, Message, Note


class TransportMissing(Message, number=110200):
    """The program that runs the kit on other servers is not there."""

    template = "{path}, which runs the kit on other servers, is not installed."
    action = "Install openssh-client, or set LVMKIT_SSH in /etc/default/lvmkit to one that is called like ssh."
    lcdi_exit = LCDI_NO_COMMUNICATION
    path: str


class ServerUnreachable(Message, number=110201):
    """No connection to the server could be made; nothing was run there."""

    template = "{server} cannot be reached: {why}"
    action = "Try 'ssh {server} true' as root. If the name cannot be resolved, add it to /etc/hosts."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class LoginRefused(Message, number=110202):
    """The server answers, but does not let root of this server in without a password, or its host key is not known."""

    template = "{server} does not let root of this server in: {why}"
    action = (
        "'ssh -o BatchMode=yes {server} true' must work as root: put root's public key into root's authorized_keys on"
        " {server}, and its host key into known_hosts here (log in once by hand). Or work on {server} itself."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class ProgramMissingThere(Message, number=110203):
    """The server was reached, but the program is not there: no kit, one at another place, or an older version."""

    template = "{path} cannot be run on {server}: {why}"
    action = "Install the same version of the kit, at the same place, on that server; an older one lacks this program."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    path: str
    why: str


class ServerTooSlow(Message, number=110204):
    """The other server did not finish in time, and the connection was given up."""

    template = "{server} did not finish within {seconds} s."
    action = (
        "Find out what keeps that server busy. 'lvmkit status' shows how far it got; it takes back what is half done."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    seconds: float


class AnswerGarbled(Message, number=110205):
    """The kit on the other server answered in a form that this version does not know."""

    template = "The answer of {server} cannot be understood: {why}"
    action = (
        "Install the same version of the kit on both servers, and see that root's shell there prints nothing by itself."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class Relayed(Note, number=110206):
    """A message from the other server, in its own words."""

    template = "{server}: {line}"
    server: str
    line: str


class RelayedWarning(Caution, number=110207):
    """A warning of the kit on the other server that this version of the kit does not know."""

    template = "{server}: {line}"
    server: str
    line: str


class RelayedError(Message, number=110208):
    """An error of the kit on the other server that this version of the kit does not know."""

    template = "{server}: {line}"
    action = "'lvmkit explain' on that server says more."
    server: str
    line: str


class OutcomeUnknown(Caution, number=110209):
    """The connection was lost or given up while the other server was working."""

    template = "Whether {work} was done is not known: {server} was at work when contact was lost."
    action = "See 'lvmkit status'. The other server takes back what is half done, now or with its next change."
    work: str
    server: str


class KitVersionDiffers(Message, number=110210):
    """The two servers have different versions of the kit, which may understand the same records differently."""

    template = "{server} has version {there} of the kit; this server has {here}."
    action = "Install the same version on both."
    server: str
    there: str
    here: str


class LvmVersionDiffers(Caution, number=110211):
    """The two servers have different releases of LVM; the older one may not know what the newer one makes."""

    template = "{server} has LVM {there}; this server has {here}."
    action = "Upgrade the older one before you make volumes of kinds that it does not know."
    server: str
    there: str
    here: str


class ClockDiffers(Caution, number=110212):
    """The clocks of the servers differ so much that their logs do not show the order of events."""

    template = "The clock of {server} differs by {seconds} s from the one here."
    action = "Run chrony or another NTP client on all servers."
    server: str
    seconds: float


class ClockFarOff(Message, number=110213):
    """A move is a rule that ends by the clock, and failures are forgotten by the clock.

    One server writes these times and another one reads them; the kit has a margin of one minute.
    """

    template = "The clock of {server} differs by {seconds} s from the one here; the cluster allows at most {limit} s."
    action = "Set the clock, and run chrony or another NTP client on all servers."
    server: str
    seconds: float
    limit: float


class VgNameTaken(Message, number=110214):
    """The target server sees another volume group with the name of the protected one."""

    template = "Another volume group on {server} is also named {vg}: {uuid}."
    action = "Rename it ('vgrename {uuid} NEWNAME' on {server}), or disconnect its disks."
    lcdi_exit = LCDI_EXISTS
    vg: str
    server: str
    uuid: str


class VgUuidTwice(Message, number=110215):
    """Two volume groups have the same UUID: one is a copy of the other, and LVM cannot tell which."""

    template = "The UUID of volume group {vg}, {uuid}, is seen more than once on {server}: {found}."
    action = "Disconnect the copy, or give it UUIDs of its own ('vgimportclone')."
    lcdi_exit = LCDI_EXISTS
    vg: str
    uuid: str
    server: str
    found: tuple[str, ...]


class DevicesNotAllowed(Message, number=110216):
    """Disks of the volume group are connected to this server, but LVM is told not to look at them."""

    template = "LVM on {server} does not look at {devices}, which hold volume group {vg}: {setting}."
    action = (
        "Where there is a devices file, run 'lvmdevices --adddev DEVICE' for each. Else correct filter in lvm.conf."
    )
    vg: str
    server: str
    devices: tuple[str, ...]
    setting: str


class ActiveOutsideCluster(Message, number=110217):
    """The volume group is up on a server, though the cluster has not started it there.

    If it is in service elsewhere, both servers may be writing to it.
    """

    template = "DANGER: volume group {vg} is active on {server}, where the cluster has not started it: {volumes}."
    action = "Find out at once what uses it there, stop that, and deactivate it ('vgchange -an {vg}' on {server})."
    vg: str
    server: str
    volumes: tuple[str, ...]


class MountPointUnusable(Message, number=110218):
    """The file system could not be mounted there."""

    template = "{path} cannot be a mount point on {server}: {why}."
    action = "Move away what is there. A missing folder is made."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    server: str
    why: str


class MountPointNotEmpty(Caution, number=110219):
    """What is in the folder disappears from view while the file system is mounted on it."""

    template = "{path} on {server} is not empty; what is in it is hidden while the file system is mounted there."
    action = "Check whether something wrote there while nothing was mounted, and move it away."
    path: str
    server: str


class FilesystemUnknown(Caution, number=110220):
    """Neither the running kernel nor its modules know the type of the file system."""

    template = "The kernel of {server} does not know the file system {type}, which {path} has."
    action = "Install the kernel module for it (on some distributions linux-modules-extra or kernel-modules-extra)."
    server: str
    type: str
    path: str


class ServerSetAside(Caution, number=110221):
    """The server is in standby or maintenance; the hierarchy can be extended to it but does not run there yet."""

    template = "{server} is {why}: nothing is brought in service there until that ends."
    action = "End it with the tool that began it (crm_standby, pcs node unstandby, crm_attribute)."
    server: str
    why: str


class MovesAlong(Note, number=110222):
    """All that stands on a volume group moves together, so all of it must be able to run on the same servers."""

    template = "{others} stand on the same volume group as {tag} and come along."
    tag: str
    others: tuple[str, ...]


class WillMove(Caution, number=110223):
    """With AUTOMATIC switchback a hierarchy goes to the server with the highest priority as soon as it may."""

    template = "With priority {priority} {tag} moves from {source} to {server} at once (AUTOMATIC switchback)."
    action = "To keep it where it is, give a lower priority (a higher number)."
    tag: str
    source: str
    server: str
    priority: int


class StillListedThere(Caution, number=110224):
    """The server is down or cannot be reached, so only the cluster's configuration was changed."""

    template = "{server} could not be told: its /etc/lkvgs still names {vgs}."
    action = "When it is back, run 'lvmkit forget {vgs}' there. Until then its boot leaves these groups inactive."
    server: str
    vgs: tuple[str, ...]


class SameTagEverywhere(Message, number=110225):
    """A cluster has one set of resources for all servers, so a resource cannot have another tag on the target."""

    template = "{tag} cannot be named {given} on another server: with this engine tags are the same everywhere."
    action = "Give -t {tag}."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    given: str


class ConnectionLost(Message, number=110226):
    """The connection to the server broke while the kit was at work there."""

    template = "The connection to {server} was lost: {why}"
    action = "Check whether that server is up. 'lvmkit status' shows how far it got."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    why: str


class NotFollowedThere(Caution, number=110227):
    """The hierarchy follows its volume group on this server, but another server could not be told to do the same."""

    template = "{server} does not follow the disks of {tag} yet: {why}"
    action = "Run 'lvmkit reconfigure {tag} --yes --here' there. Meanwhile the hierarchy can run there."
    server: str
    tag: str
    why: str


class StillProtected(Message, number=110228):
    """Only a volume group whose protection has ended can be forgotten."""

    template = "Volume group {vg} is protected on this server."
    action = "'lvmkit delete' ends the protection of a hierarchy; 'lvmkit unextend' takes one server from it."
    lcdi_exit = LCDI_ARGUMENT
    vg: str


class ActivityUnknown(Caution, number=110229):
    """A volume group is to be protected or activated, and another server did not say whether it is active there."""

    template = "Whether volume group {vg} is active on {server} is not known: {why}"
    action = (
        "Make sure that it is not ('dmsetup ls' on {server}). 'ssh -o BatchMode=yes {server} true' must work as root."
    )
    vg: str
    server: str
    why: str


class NotExtendedByKit(Message, number=110422):
    """The extend script of another kit's resource type ended well, but has not made the instance on the target."""

    template = "The extend script of {type} has not extended {tag} to {server}."
    action = "It must call ins_create on {server} with the tag {tag}; see what it says, and its kit's documentation."
    tag: str
    server: str
    type: str

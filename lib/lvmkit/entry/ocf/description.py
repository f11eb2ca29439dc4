"""What the agents offer: the one description from which the metadata is printed and parameters are checked.

On the path of every monitor, so nothing heavy is imported here.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG
from lvmkit.model.resource_types import ACTION, timings
from lvmkit.model.settings import MISSING_PV_POLICIES, NO_OWNER, NO_RESERVATION, OWNERSHIPS, RESERVATIONS
from lvmkit.model.value import Value, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Parameter(Value):
    """One parameter of an agent."""

    name: str
    short: str
    long: str
    fits: Callable[[str], bool]
    wanted: str
    """what a value must be, for the message about one that is not"""
    default: str = ""
    required: bool = False
    unique: bool = False
    """no two resources of this agent may have the same value"""


class Operation(Value):
    """One action of an agent with the timing that is recommended for it, in seconds."""

    name: str
    timeout: int
    interval: int = 0
    depth: str = ""


class Agent(Value):
    """One resource agent."""

    name: str
    short: str
    long: str
    parameters: tuple[Parameter, ...]
    named_by: tuple[str, ...]
    """the parameters that tell one resource of it from another"""
    operations: tuple[Operation, ...]


_VG = Parameter(
    "vg",
    "Name of the volume group",
    "Name of the volume group.",
    names.is_vg_name,
    "a name that LVM allows for a volume group",
    required=True,
)
_VG_UUID = Parameter(
    "vg_uuid",
    "UUID of the volume group",
    "UUID of the volume group, as 'vgs -o vg_uuid' prints it. With it a renamed volume group is followed, and"
    " another one of the same name is refused. Without it each start asks LVM which volume group has the"
    " name.",
    names.is_lvm_uuid,
    "an LVM UUID",
)
_MISSING_PV = Parameter(
    "missing_pv",
    "What missing physical volumes mean",
    "'complete': the start fails while a physical volume is missing. 'degraded': it goes on with the logical"
    " volumes whose redundancy makes up for it. Nothing is repaired or removed in either case. For a"
    " change of owner (see ownership) LVM asks for more than half of the physical volumes, and for all of them before"
    " version 2.03.17. Without it LVMKIT_MISSING_PV in the node's /etc/default/lvmkit decides, whose default is"
    " 'complete'.",
    lambda given: given in MISSING_PV_POLICIES,
    "'complete' or 'degraded'",
)
_OWNERSHIP = Parameter(
    "ownership",
    "Whether the start makes this node the owner in LVM's metadata",
    "'none': nothing is written; a volume group with a system ID starts only where LVM has that ID."
    " 'system_id': the start writes this node's name into the metadata as the system ID of the volume group"
    " and reads it back, so that LVM on all other hosts leaves it alone. It takes over from another node only"
    " when Pacemaker's history says that it stopped the resource there or found it down, or when that node"
    " was fenced and is not back, by a cluster that is able to fence or by 'stonith_admin --confirm'; and when no"
    " other node says that its kernel holds the volume group. It never takes over from a host that is not in"
    " the cluster. The ID is given to LVM command by command: lvm.conf may say"
    " system_id_source=none, but then 'vgs' by hand shows an inactive volume group only with '--foreign', and"
    " dmeventd cannot extend a pool or repair a mirror. system_id_source=uname avoids both where the node"
    " names are the host names.",
    lambda given: given in OWNERSHIPS,
    "'system_id' or 'none'",
    default=NO_OWNER,
)
_RESERVATION = Parameter(
    "reservation",
    "Whether the disks are reserved for this node",
    "'none': they are not. 'scsi': the start registers this node with the disks (SCSI persistent reservations, type 5),"
    " through every path, and takes the reservation from the node that had it, before it writes the owner. So the disks"
    " refuse the writes of a node that was fenced and does not know it. The stop gives it up; the monitor at"
    " OCF_CHECK_LEVEL 10 sees a reservation that was lost or taken. It needs ownership=system_id, vg_uuid, SCSI disks"
    " without dm-multipath, and a cluster that does not itself fence by reservations (fence_scsi, fence_mpath).",
    lambda given: given in RESERVATIONS,
    "'none' or 'scsi'",
    default=NO_RESERVATION,
)
_LV_OWNERSHIP = replace(
    _OWNERSHIP,
    short="As for the volume group",
    long="As given to the ocf:lvmkit:lvmvg resource of the volume group. This agent never changes the owner; with"
    " 'system_id' it starts the logical volume where this node is the owner.",
)
_LV = Parameter(
    "lv",
    "Name of the logical volume",
    "Name of the logical volume, without the volume group.",
    names.is_lv_name,
    "a name that LVM allows for a logical volume",
    required=True,
)
_LV_UUID = Parameter(
    "lv_uuid",
    "UUID of the logical volume",
    "UUID of the logical volume, as 'lvs -o lv_uuid' prints it. With it a renamed logical volume is followed.",
    names.is_lvm_uuid,
    "an LVM UUID",
    unique=True,
)

START, STOP, MONITOR, VALIDATE_ALL, META_DATA = "start", "stop", "monitor", "validate-all", "meta-data"


def _operations(resource_type: str) -> tuple[Operation, ...]:
    times = timings(resource_type)
    monitors = [Operation(MONITOR, times.monitor, interval=times.interval, depth="0")]
    if times.deep:
        monitors.append(Operation(MONITOR, times.deep, interval=times.deep, depth="10"))
    moves = Operation(START, times.start), Operation(STOP, times.stop)
    return (*moves, *monitors, Operation(VALIDATE_ALL, 20), Operation(META_DATA, 10))


_DEVICE = Parameter(
    "device",
    "Device of the file system",
    "Device of the file system, as /dev/vg/lv.",
    names.is_path,
    "an absolute path without '.', '..', '//', a '/' at its end and control characters",
    required=True,
)
_DIRECTORY = replace(
    _DEVICE,
    name="directory",
    short="Mount point",
    long="Folder at which the file system is mounted; it is made where it does not exist.",
    unique=True,
)
_FSTYPE = Parameter(
    "fstype",
    "Type of the file system",
    "Type of the file system, as mount -t has it.",
    names.is_filesystem_type,
    "the name of a file system",
    required=True,
)
_OPTIONS = Parameter(
    "options",
    "Mount options",
    "Options, as mount -o has them.",
    names.is_mount_options,
    "a list of mount options",
    default="defaults",
)

_FS_VG_UUID = Parameter(
    "vg_uuid",
    "UUID of the volume group",
    "UUID of the volume group that the logical volume is in. With it and lv_uuid the volume is known whatever its name"
    " is now, and another one that has got the name is not mounted. Without them, 'device' decides.",
    names.is_lvm_uuid,
    "an LVM UUID",
)
_FS_LV_UUID = Parameter(
    "lv_uuid",
    "UUID of the logical volume",
    "UUID of the logical volume that the file system is on, as 'lvs -o lv_uuid' prints it.",
    names.is_lvm_uuid,
    "an LVM UUID",
)
_FS_UUID = Parameter(
    "uuid",
    "UUID of the file system",
    "UUID of the file system, as 'lsblk -o UUID' prints it.",
    names.is_filesystem_uuid,
    "letters, digits and hyphens",
)

LVMVG_AGENT = Agent(
    LVMVG,
    "Activates an LVM volume group on one node",
    "Brings all logical volumes of a volume group up on one node, and takes them down.\n\n"
    "The start succeeds when device-mapper holds every logical volume that LVM's metadata names (but those"
    " with the activation-skip flag), on disks that are there, and keeps a record of them below /run/lvmkit."
    " The monitor compares device-mapper and sysfs with this record and starts no process: every volume must"
    " be up with its table, every disk must be there. What passes by itself, such as a suspended volume or a blocked"
    " disk, counts when it is so for six seconds. At OCF_CHECK_LEVEL 10 it also reads a block of every"
    " disk, past the page cache, for up to four fifths of its time. The stop succeeds when device-mapper holds"
    " nothing of the volume group, also where its disks are dead.\n\n"
    "A volume group that is up without a record (activated by hand or at boot) counts as running when all"
    " that the kernel holds of it is well; which volumes are lacking is not known until the next start. So"
    " keep the boot from activating it: 'vgchange --setautoactivation n'.\n\n"
    "A logical volume that no resource of the cluster names, as a volume or by the path of its device, may go: a"
    " snapshot, say. Where no resource names any, all of them count, and after one was removed on purpose the record"
    " must follow: 'crm_resource --force-start' on the node where the resource runs changes nothing else.",
    (replace(_VG, unique=True), replace(_VG_UUID, unique=True), _MISSING_PV, _OWNERSHIP, _RESERVATION),
    ("vg",),
    _operations(LVMVG),
)

LVMLV_AGENT = Agent(
    LVMLV,
    "Activates one LVM logical volume on one node",
    "Brings one logical volume up, and takes it down. Put it above the ocf:lvmkit:lvmvg resource of its"
    " volume group (order and colocation): that activates all volumes, so this start has nothing to do, and"
    " this stop takes the one volume down before the volume group goes. It also works alone.\n\n"
    "The monitor asks device-mapper and sysfs only, and starts no process. At OCF_CHECK_LEVEL 10 it also"
    " reads a block of every disk below the volume, past the page cache, for up to four fifths of its time.",
    (_VG, _LV, _VG_UUID, _LV_UUID, _MISSING_PV, _LV_OWNERSHIP),
    ("vg", "lv"),
    _operations(LVMLV),
)

FILESYS_AGENT = Agent(
    FILESYS,
    "Mounts a file system on one node",
    "Mounts the file system of a logical volume on one node, and unmounts it. Put it above the ocf:lvmkit:lvmlv"
    " resource of the volume (order and colocation).\n\n"
    "The start mounts the logical volume itself, never another device that has got its path, and only where it carries"
    " the file system with this UUID. A write-protected one is not mounted read-only in silence.\n\n"
    "The monitor reads the mount table and what the kernel shows of the file system, starts no process and waits for no"
    " disk: the file system must be mounted, with nothing over it, and writable unless its options say 'ro'. One that"
    " the kernel has given up after an error is a failure, though it is mounted still. At OCF_CHECK_LEVEL 10 the file"
    " system itself is asked, under a deadline, and one that is frozen all that time is a failure. The disks are the"
    " volume group's to watch.\n\n"
    "The stop tells those who use the file system to end: SIGTERM, then SIGKILL, as often as /etc/default/lvmkit"
    " says, and then names who is left. What others mounted within it or over it, or the same file system"
    " elsewhere, is unmounted, too. So are ended who keeps it in a mount namespace of their own, and a file system that"
    " is still frozen then is thawed. Another file system at the mount point is never touched. Nothing is repaired:"
    " a file system that needs fsck fails to start.",
    (_DEVICE, _DIRECTORY, _FSTYPE, _OPTIONS, _FS_VG_UUID, _FS_LV_UUID, _FS_UUID),
    ("directory",),
    _operations(FILESYS),
)


def _of_script(name: str, short: str, *, unique: bool = False) -> Parameter:
    return Parameter(
        name,
        short,
        f"{short}. The scripts are $LKROOT/subsys/APP/resources/TYPE/actions/restore, remove and quickCheck.",
        names.is_component,
        "letters, digits and '+', '_', '.', '-'",
        required=True,
        unique=unique,
    )


_TAG = Parameter(
    "tag",
    "Tag of the resource",
    "Tag of the resource, as the scripts are given it after -t.",
    names.is_tag,
    "a tag",
    required=True,
    unique=True,
)
_ID = Parameter(
    "id",
    "ID of the resource",
    "ID of the resource, as the scripts are given it after -i.",
    lambda given: given.isprintable(),
    "printable",
    required=True,
)

ACTION_AGENT = Agent(
    ACTION,
    "Runs the action scripts of a LifeKeeper-style recovery kit",
    "Lets a recovery kit that was written for LifeKeeper's script interface run in a cluster of Pacemaker: the start"
    " runs its restore, the stop its remove, each as SCRIPT -t TAG -i ID, with LKROOT in the environment.\n\n"
    "The scripts of the type must be on every node, in folders that root alone can write to. A start is noted below"
    " /run/lvmkit, so that a probe says 'not running' where there was none. The monitor runs quickCheck, where the kit"
    " has one: what does not end with 0 has failed.\n\n"
    "Put it above the resources that it requires (order and colocation), as ocf:lvmkit:filesys.",
    (_of_script("app", "Application, the folder below subsys"), _of_script("type", "Type of the resource"), _TAG, _ID),
    ("tag",),
    _operations(ACTION),
)

AGENTS = {agent.name: agent for agent in (LVMVG_AGENT, LVMLV_AGENT, FILESYS_AGENT, ACTION_AGENT)}

"""Messages about replicated devices below and above volume groups, DRBD first of all: 110424-110437."""

from __future__ import annotations

from lvmkit.model.messages import Caution, Message


class ReplicaSecondary(Message, number=110424):
    """The replicated device below the volume group is Secondary on this server, where nobody can read or write it.

    The kit never promotes: the cluster does it before it starts the volume group, or an administrator. Where a group
    that is in service meets this, something has demoted the device below it.
    """

    template = (
        "{device}, on which {vg} stands, is Secondary on this server: only the server where it is Primary can use it."
    )
    action = (
        "Bring {vg} in service where 'drbdadm role {resource}' says Primary, or let the cluster promote {resource} here"
        " first: an order (promote, then start) and a colocation with the promoted role. Nothing was written."
    )
    vg: str
    device: str
    resource: str


class ReplicaDown(Message, number=110425):
    """The replicated device below the volume group does not exist on this server: its resource is not up here."""

    template = "{device}, on which {vg} stands, does not exist on this server: DRBD resource {resource} is not up here."
    action = (
        "See 'drbdadm status {resource}'; where the cluster runs it, see why it is not started here, else 'drbdadm up"
        " {resource}'. If the resource is up, the device's name lacks: drbd-utils' udev rules make it."
    )
    vg: str
    device: str
    resource: str


class ReplicaUnmanaged(Message, number=110426):
    """The cluster does not run the replicated resource below the volume group, so it could not promote it for a start.

    As with every replicated device the replica is protected first, and then what stands on it. The kit adds the order
    and the colocation by itself; the resource and its promotable clone are the administrator's.
    """

    template = "The cluster has no promotable clone that runs DRBD resource {resource}, on which {vg} stands."
    action = (
        "Make it first. With pcs: 'pcs resource create drbd-{resource} ocf:linbit:drbd drbd_resource={resource}"
        " promotable notify=true promoted-max=1 clone-max=2'. With crmsh: 'crm configure primitive drbd-{resource}"
        " ocf:linbit:drbd params drbd_resource={resource} op monitor role=Promoted interval=29s op monitor"
        " role=Unpromoted interval=31s', then 'crm configure clone drbd-{resource}-clone drbd-{resource} meta"
        " promotable=true notify=true promoted-max=1 clone-max=2' (before Pacemaker 2.1 the roles are Master and Slave,"
        " and it is master-max). Wait until it is promoted here, and try again. Nothing was changed."
    )
    vg: str
    resource: str


class ReplicaNotReady(Message, number=110427):
    """The replica of a server is not one to go on with: not connected, or not with the newest data.

    The cluster would not promote it there, so a move would do nothing, or take the group out of service.
    """

    template = "{server} cannot take {vg}: DRBD resource {resource} is {connection}, its disk there {disk}."
    action = (
        "It must be Connected and UpToDate there: see 'drbdadm status {resource}' on both servers, 'drbdadm connect"
        " {resource}' where a side is StandAlone, and wait for the end of a resynchronisation. If the cluster keeps it"
        " off by a constraint of its fencing handler (drbd-fence-by-handler-...), that goes when the data are UpToDate."
    )
    server: str
    vg: str
    resource: str
    connection: str
    disk: str


class ReplicaFenced(Message, number=110437):
    """DRBD's fencing handler has left a constraint by which a server must not be promoted; a move would do nothing.

    It is made when the peer is lost, and goes when its data are the newest again (crm-unfence-peer).
    """

    template = "{server} cannot take {vg}: {constraint} keeps DRBD resource {resource} from being promoted there."
    action = (
        "See 'drbdadm status {resource}'. It goes by itself when the data on {server} are UpToDate. Where they are, and"
        " it stays, its handler (after-resync-target) is not set or has failed: remove the constraint by hand."
    )
    server: str
    vg: str
    resource: str
    constraint: str


class SplitBrain(Message, number=110428):
    """Both sides of a replicated resource were written without each other. DRBD does not connect them any more.

    Each server has changes that the other one lacks; those of one of them will be lost. Checks of the engine say only
    that the replica is lost (110429): a failure would make the engine start the other side's data in place of these.
    """

    template = (
        "DRBD resource {resource} below {vg} has a split brain: {server} and its peer have different data ({why})."
    )
    action = (
        "Keep {vg} where it is and move nothing. Decide whose data stay; on the other server: 'drbdadm secondary"
        " {resource}', 'drbdadm connect --discard-my-data {resource}', and on the one whose data stay 'drbdadm connect"
        " {resource}'. What was written on the other one since is lost then: save it first."
    )
    vg: str
    resource: str
    server: str
    why: str


class ReplicaAlone(Caution, number=110429):
    """The volume group goes on, but what is written now is not, or not yet, on two servers."""

    template = "{device}, on which {vg} stands, is not replicated now: {condition}. What is written exists once only."
    action = (
        "See 'drbdadm status' on both servers. WFConnection or Connecting: the peer or the network is away. StandAlone:"
        " it was disconnected by hand, or DRBD refuses to connect because both sides have changes (split brain):"
        " 'lvmkit doctor' tells. SyncSource: wait for its end."
    )
    vg: str
    device: str
    condition: str


class ReplicaFrozen(Caution, number=110430):
    """DRBD keeps all reads and writes waiting: for the fencing of its peer, for quorum, or because somebody said so.

    That passes when the peer is fenced. It is no failure: a stop of the group would wait for the same.
    """

    template = "DRBD keeps all reads and writes of {device} waiting, on which {vg} stands."
    action = (
        "See 'drbdadm status' and whether the cluster is fencing the peer. Where its handler has failed: 'drbdadm"
        " resume-io', but only when the peer is known to be dead."
    )
    vg: str
    device: str


class MixedReplicas(Message, number=110431):
    """A volume group stands on several replicated resources, or on one and on other disks besides.

    Each resource is promoted by itself, so they may be promoted on different servers, where the group could run on
    neither. Nor does one resource wait for the writes of the other: after a failover their states may not match.
    """

    template = "{vg} stands on more than one thing that fails over by itself: {parts}."
    action = (
        "Give it disks that are volumes of one DRBD resource: those keep the order of writes and are promoted together."
        " Move the data with pvmove, and take the others out with vgreduce."
    )
    vg: str
    parts: tuple[str, ...]


class LvBelowReplica(Message, number=110432):
    """The logical volume is itself the disk below a replica: DRBD's backing disk, a leg of an array, an nbd export.

    A start and a stop of its group would take the replica's disk away, and what it holds is the replica's, not a
    service's. The kit protects volume groups above replicated devices.
    """

    template = "Logical volume {lv} is the disk below {holder}: LVM below replication is not protected."
    action = (
        "Protect what stands on {holder} instead: a volume group whose physical volume is the replicated device. The"
        " volume below it belongs to its server alone and is activated by the boot."
    )
    lv: str
    holder: str


class DualPrimary(Message, number=110433):
    """A replicated resource is Primary on both servers, as for a cluster file system; a volume group has one owner."""

    template = "DRBD resource {resource}, on which {vg} stands, is Primary on more than one server."
    action = (
        "Make it Secondary where {vg} is not in use ('drbdadm secondary {resource}'), and leave 'allow-two-primaries'"
        " out of its configuration: two servers that use one volume group destroy it."
    )
    vg: str
    resource: str


class ReplicaWithoutName(Message, number=110434):
    """A DRBD device has no name below /dev/drbd/by-res, the only place whose names are the same on all servers."""

    template = "{device}, on which {vg} stands, has no name below /dev/drbd/by-res."
    action = "Install drbd-utils, whose udev rules make it, then 'udevadm trigger --action=change {device}'."
    vg: str
    device: str


class ReplicaSwitchback(Message, number=110435):
    """A volume group on a replicated device was to go back by itself to the server that comes back (AUTOMATIC).

    That one's data are old until they have been synchronised, so whoever moves it back must see that they have.
    """

    template = "{vg} stands on {device}, which is replicated: its switchback must be INTELLIGENT."
    action = "Leave --switchback at INTELLIGENT, and move it back when both sides are up to date."
    vg: str
    device: str


class ReplicaUnknown(Message, number=110436):
    """DRBD does not say what state a resource is in on this server."""

    template = "The state of DRBD resource {resource} on {server} is not known: {why}."
    action = "See 'drbdsetup events2 --now {resource}' there."
    resource: str
    server: str
    why: str

"""Messages about persistent reservations on the disks of a volume group: 110442, 110443, 110471-110489."""

from __future__ import annotations

from lvmkit.model.messages import OCF_ERR_CONFIGURED, Caution, Message, Note


class ReservationKeyNotInFile(Message, number=110442):
    """A disk of the volume group is reached through dm-multipath, and multipathd is not told to keep keys in its file.

    A path that comes back is not registered with the disk, and errors of its writes are not tried on another path.
    multipathd registers it before it uses it, where it knows the key; it takes one from mpathpersist where
    multipath.conf says so.
    """

    template = "{device}, on which {vg} is, is reached through dm-multipath, and its reservation_key is {setting}."
    action = (
        "On every server: write 'reservation_key file' into the section 'defaults' of /etc/multipath.conf, or into that"
        " disk's 'multipath' in the section 'multipaths', then 'multipathd reconfigure'. lvmkit does not change that"
        " file."
    )
    vg: str
    device: str
    setting: str


class MultipathdUntold(Message, number=110443):
    """multipathd could not be told the key of a disk, or does not answer, so it would not register paths that come
    back."""

    template = "multipathd could not be told of the reservation of {device}, on which {vg} is: {why}."
    action = (
        "Look at 'systemctl status multipathd' and 'multipathd show maps'; the disk must be one of its maps. Then try"
        " again."
    )
    vg: str
    device: str
    why: str


class NoReservations(Message, number=110471):
    """The volume group is to be guarded by persistent reservations, and one of its disks is none that carries them.

    SCSI disks do (Fibre Channel, iSCSI, SAS). md, DRBD and virtio-blk have none to offer, and NVMe has its own, which
    the kit does not use.
    """

    template = "{device}, on which {vg} is, carries no SCSI persistent reservations: it is {kind}."
    action = (
        "Protect {vg} without them ('--reservation none'), or move it to SCSI disks. All its physical volumes must be"
        " on such disks."
    )
    ocf_exit = OCF_ERR_CONFIGURED
    vg: str
    device: str
    kind: str


class ReservationForeign(Message, number=110472):
    """A disk has registrations or a reservation that are not of this volume group.

    Somebody else uses the disk, or another tool (fence_scsi, LVM's own --persist, a cluster file system) does it for
    this volume group. Two that manage the keys of one disk take them from each other.
    """

    template = "{device}, on which {vg} is, has registrations that are not of {vg}: {keys}. Nothing was registered."
    action = (
        "Find out whose they are ('sg_persist -s {device}'). Where that is a tool that is used no more, take them away"
        " by its own means, or by 'sg_persist --out --clear' with a key that is registered here."
    )
    vg: str
    device: str
    keys: str


class ReservationRefused(Message, number=110473):
    """A disk did not do what was asked for its reservation, or did not answer."""

    template = "{device}, on which {vg} is, could not be reserved: {why}."
    action = (
        "Try 'sg_persist -k {device}' and 'sg_persist -c {device}'. The disk must know type 5 (Write Exclusive,"
        " Registrants Only). Where it has no reservations: protect {vg} without them ('--reservation none')."
    )
    vg: str
    device: str
    why: str


class ReservationContested(Message, number=110474):
    """Another server has taken or removed this server's registration while this one was reserving the disk."""

    template = "Another server registered with {device}, on which {vg} is, at the same moment ({why})."
    action = "Look where {vg} is in service ('lvmkit status'), and who is registered ('lvmkit doctor'). Then try again."
    vg: str
    device: str
    why: str


class ReservationLost(Message, number=110475):
    """The volume group is in service here, and a disk of it is not reserved as its start has left it.

    Somebody cleared it, a path came back as another one, or the target was restarted and does not keep reservations
    (no APTPL). Where nothing is reserved every server can write, and nobody gets an error for it.
    """

    template = "{device}, on which {vg} is, is not reserved as it was at the start: {why}."
    action = (
        "A stop and a start reserve it again; the cluster does both, unless told otherwise. Find out who or what took"
        " it: a target that keeps reservations over a restart has PTPL_C in 'sg_persist -c {device}'."
    )
    vg: str
    device: str
    why: str


class ReservationTaken(Message, number=110476):
    """The volume group is in service here, and another server has reserved a disk of it: this one can write no more.

    That is what a takeover does with the disks of a server that the cluster counts as gone.
    """

    template = "{device}, on which {vg} is, is reserved by {holder}: this server can write to it no more."
    action = (
        "Look where {vg} is in service ('lvmkit status'). Stop what uses it here, and take it down; what it has not"
        " written by now is lost."
    )
    vg: str
    device: str
    holder: str


class ReservationKept(Caution, number=110477):
    """A stop could not take this server's registration from a disk. The volume group is down all the same."""

    template = "This server's registration with {device}, on which {vg} is, could not be taken away: {why}."
    action = "The next start on another server takes it away. By hand: 'sg_persist --out --register' with key {key}."
    vg: str
    device: str
    why: str
    key: str


class ReservationNotAlone(Message, number=110478):
    """The cluster fences with persistent reservations (fence_scsi, fence_mpath), which manages the keys of the disks.

    It registers each server with each disk, so that every server could write in spite of the kit's reservation, and it
    removes what it does not know.
    """

    template = (
        "{vg} is to be guarded by persistent reservations, and so do the cluster's fencing resources: {resources}."
    )
    action = (
        "Use one of the two. Fencing by reservations guards {vg} already: protect it with '--reservation none'. Else"
        " fence by power or by sbd."
    )
    vg: str
    resources: tuple[str, ...]


class ReservationByLvm(Message, number=110479):
    """LVM itself is to guard the volume group by persistent reservations (vgchange --setpersist, lvmpersist(8))."""

    template = "LVM's own persistent reservations are set for volume group {vg} ({setting})."
    action = (
        "Use one of the two: 'vgchange --persist stop {vg}' and 'vgchange --setpersist n {vg}', or"
        " '--reservation none'."
    )
    vg: str
    setting: str


class ReservationNeedsOwner(Message, number=110480):
    """Reservations are a guard between the servers of a cluster, over what has an owner in turn.

    Only where LVM's system ID names the server that had the volume group last does the cluster say whether that one may
    be shut out; and the key is made of the UUID of the group.
    """

    template = "{vg} cannot be guarded by persistent reservations: {why}."
    action = (
        "In a cluster give the volume group an owner (ownership=system_id, with vg_uuid), or do without reservations"
        " (reservation=none)."
    )
    ocf_exit = OCF_ERR_CONFIGURED
    vg: str
    why: str


class NodeNumberUnusable(Message, number=110481):
    """A key has room for 16 bits of the number that Corosync gives the server.

    Where corosync.conf does not say it, the number is made of an IP address, and is longer.
    """

    template = "The cluster's number of server '{server}' is {node}; a key of a reservation needs one from 1 to 65535."
    action = "Give each server a nodeid in the nodelist of corosync.conf, then try again."
    ocf_exit = OCF_ERR_CONFIGURED
    server: str
    node: int


class ReservationSeen(Note, number=110482):
    """Who is registered with a disk of a volume group that is guarded by reservations, and who holds it."""

    template = "{device}, on which {vg} is, is reserved by {holder}; registered: {registered}."
    vg: str
    device: str
    holder: str
    registered: tuple[str, ...]


class ReservationUnread(Caution, number=110483):
    """Who has reserved a disk could not be read; its reads may work all the same."""

    template = "Who has reserved {device}, on which {vg} is, could not be read: {why}."
    action = "Try 'sg_persist -r {device}'."
    vg: str
    device: str
    why: str


class ReservationOtherwise(Message, number=110484):
    """The volume group is protected already, and guarded otherwise than was asked for."""

    template = "Volume group {vg} is protected already, as {tag}, with reservation={reservation}."
    action = "To change that: 'lvmkit delete' what stands on it, and create it anew with '--reservation'."
    vg: str
    tag: str
    reservation: str

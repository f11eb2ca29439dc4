"""Messages of the guards, who may activate a volume group: 110240-110259, 110331, 110332, 110470."""

from __future__ import annotations

from lvmkit.model.messages import OCF_ERR_CONFIGURED, Caution, Message


class OwnerLeftRunning(Message, number=110240):
    """The server that had the volume group left the cluster without stopping it there, and was not fenced since."""

    template = (
        "Volume group {vg} belongs to '{owner}', which left the cluster without stopping {resource} and was not fenced"
        " ({why}): it may still use it."
    )
    action = (
        "Look at '{owner}' itself ('dmsetup ls', 'findmnt'). Where it runs, start Pacemaker there again. Only"
        " when it is switched off, or nothing of {vg} is up there: 'stonith_admin --confirm {owner}',"
        " then 'crm_resource --cleanup --resource {resource}'."
    )
    vg: str
    owner: str
    resource: str
    why: str


class OwnerNotFenced(Message, number=110241):
    """The server that had the volume group is out of sight, and nothing tells that it was fenced or let go of it."""

    template = (
        "Volume group {vg} belongs to '{owner}', which is out of sight, and the cluster knows neither of a fencing nor"
        " of a stop of {resource} there ({why})."
    )
    action = (
        "Look at '{owner}' itself ('dmsetup ls', 'findmnt'). Only when it is switched off, or nothing of {vg} is up"
        " there: 'stonith_admin --confirm {owner}', then 'crm_resource --cleanup --resource {resource}'. A cluster with"
        " working fencing (stonith-enabled=true) needs no hand for this."
    )
    vg: str
    owner: str
    resource: str
    why: str


class OwnerHistoryUnclear(Message, number=110242):
    """The server that had the volume group is in the cluster, whose history does not say that it stopped it there."""

    template = (
        "Volume group {vg} belongs to '{owner}', where {resource} is not known to be stopped ({why});"
        " {server} does not take it over."
    )
    action = (
        "Look on '{owner}' ('dmsetup ls', 'findmnt'), then let the cluster look: 'crm_resource --refresh --resource"
        " {resource} --node {owner}'. When nothing of {vg} is up there and the cluster cannot tell, change the owner by"
        ' hand: vgchange -y --systemid {server} {vg} --config \'global/system_id_source="lvmlocal"'
        ' local/system_id="{server}" local/extra_system_ids=["{owner}"]\''
    )
    vg: str
    owner: str
    resource: str
    why: str
    server: str


class PvHeldByOther(Message, number=110243):
    """A disk of the volume group is part of something else: DRBD, md, multipath, bcache, dm-crypt or another mapping.

    What is written to it directly goes past that, and replicas or copies differ without anybody's knowing.
    """

    template = "{device}, on which LVM sees physical volume {uuid} of {vg}, is in use by {holder}."
    action = (
        "See what 'lsblk {device}' shows. Where the volume group belongs on {holder}, keep LVM off {device}:"
        ' global_filter = [ "r|^{stable}$|" ] in the section devices of lvm.conf (beside what is there), or, with a'
        " devices file, 'lvmdevices --deldev {device}'. Nothing was written."
    )
    vg: str
    uuid: str
    device: str
    holder: str
    stable: str
    """the name of the device that stays"""


class PvBelowReplication(Message, number=110244):
    """A disk of the volume group carries DRBD's metadata: it is one side of a replica, and LVM belongs above that.

    What is written to it directly goes past DRBD, and the replicas differ without anybody's knowing.
    """

    template = "{device}, on which LVM sees physical volume {uuid} of {vg}, carries DRBD's metadata."
    action = (
        'Keep LVM off it: global_filter = [ "r|^{stable}$|" ] in the section devices of lvm.conf (beside what is'
        " there), or, with a devices file, 'lvmdevices --deldev {device}'; and use the volume group through DRBD's"
        " device where that is primary. Where DRBD is used no more: 'drbdadm wipe-md'. Nothing was written."
    )
    vg: str
    uuid: str
    device: str
    stable: str


class HeldTwice(Message, number=110245):
    """The kernels of several servers have volumes of one volume group active. LVM and file systems on one server do not
    know what the other one writes, so data are lost as soon as both write.

    The kit never brings this about, but LVM's own commands can. Servers that did not answer are not named.
    """

    template = "Volume group {vg} is active on more than one server: {holders}. In service it is on {in_service}."
    action = (
        "First stop everything that writes to it, on all of them. Then unmount it and take it down on {surplus}:"
        " 'vgchange -an {vg}', or 'dmsetup remove' for each volume where LVM refuses another host's group. If it was"
        " mounted on more than one server, unmount it everywhere and check the file systems before they are used again."
    )
    vg: str
    holders: tuple[str, ...]
    in_service: tuple[str, ...]
    surplus: tuple[str, ...]


class OwnerNeedsDisks(Message, number=110331):
    """The volume group lacks disks, and LVM does not write another owner into what is left of it.

    LVMKIT_MISSING_PV=degraded lets a server that owns the volume group start it without them. A change of owner is a
    change of the metadata: LVM wants more than half of the physical volumes for it (vgchange(8), --majoritypvs), and
    all of them before version 2.03.17.
    """

    template = (
        "Volume group {vg} lacks {missing} of its {count} physical volumes, and {server} cannot take it over from"
        " '{owner}': {why}."
    )
    action = (
        "Reconnect the disks and try again, or bring it in service on '{owner}', which owns it. Where neither is left:"
        " see that '{owner}' is switched off, replace the lost disks by hand ('lvconvert --repair' for each volume,"
        " then 'vgreduce --removemissing {vg}'), each with --config 'global/system_id_source=\"lvmlocal\""
        ' local/system_id="{owner}"\', and try again.'
    )
    vg: str
    owner: str
    server: str
    missing: int
    count: int
    why: str


class DegradedStaysHome(Caution, number=110332):
    """The policy 'degraded' is chosen for a volume group that another server could not take over without a site."""

    template = (
        "With disks lost, volume group {vg} comes up degraded on the server that owns it, but on no other one: {why}."
    )
    action = (
        "Spread it over an odd number of physical volumes, so that more than half are left when a site is lost (a small"
        " one at a third place will do), and use LVM 2.03.17 or newer on all servers."
    )
    vg: str
    why: str


class VgShared(Message, number=110470):
    """The volume group has a lock type: sanlock or dlm (lvmlockd), or clvm. A lock manager decides who may activate it.

    LVM refuses its own commands without that lock manager, and with it several servers may have volumes active at a
    time. The kit knows one owner only, so the two would not heed each other.
    """

    template = (
        "Volume group {vg} is shared: its lock type is {lock_type}, and the kit does not take part in such locking."
    )
    action = (
        "Make it one server's own: take its volumes down on all servers, 'vgchange --lockstop {vg}' on all but one, and"
        " there 'vgchange --locktype none {vg}'; where the lock manager is gone, 'vgchange --locktype none --lockopt"
        " force {vg}'. Or leave it to the cluster's own agent, ocf:heartbeat:LVM-activate with vg_access_mode=lvmlockd."
    )
    ocf_exit = OCF_ERR_CONFIGURED
    vg: str
    lock_type: str

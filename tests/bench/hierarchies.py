"""What both sides have the cluster do: the peer's as an expert writes it by hand, the kit's as its adapter makes it."""

from __future__ import annotations

from dataclasses import dataclass

from lvmkit.cluster.pacemaker import elements, ids, patch
from lvmkit.cluster.pacemaker.primitive import FORGIVEN_AFTER, LOCAL_RECOVERIES, STICKY
from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.instance import DISK, FILESYS, ISP, LVMLV, LVMVG, Dependency, Instance, pack_info
from lvmkit.model.resource_types import application

PEER, KIT = "peer", "kit"
SIDES = (PEER, KIT)
NODES = ("node1", "node2")
VG = "bench"
VOLUMES = 8
_OWNERSHIP = {"ownership": "system_id", "owner_before": ""}
GROUP, PEER_VG = "served", "served_vg"


@dataclass(frozen=True)
class Disks:
    """What is there to be served: UUIDs of the volume group and, by name, of its volumes; its disks by PV UUID."""

    vg_uuid: str
    volumes: dict[str, str]
    physical: dict[str, str]


def volume(number: int) -> str:
    """The name of a volume, from 1."""
    return f"lv{number}"


def mount_point(number: int) -> str:
    """Where the file system on a volume belongs."""
    return f"/srv/{volume(number)}"


def mounted(number: int) -> dict[str, str]:
    """The parameters of an agent that mounts the file system on a volume; both sides have the same names for them."""
    return {"device": f"/dev/{VG}/{volume(number)}", "directory": mount_point(number), "fstype": "ext4"}


# ---- the peer


def peer_resources(filesystems: int) -> str:
    """A group of LVM-activate and file systems, for the section `resources` of the CIB.

    Limits and intervals are those that the agents' metadata recommend; what decides about moves is as in the kit's.
    """
    members = "".join(_peer_filesystem(number) for number in range(1, filesystems + 1))
    meta = {
        "resource-stickiness": str(STICKY),
        "migration-threshold": str(LOCAL_RECOVERIES + 1),
        "failure-timeout": FORGIVEN_AFTER,
    }
    vg = _primitive(PEER_VG, "LVM-activate", {"vgname": VG, "vg_access_mode": "system_id"}, (90, 90, 30, 90))
    return f'<group id="{GROUP}">{_pairs("meta_attributes", GROUP, meta)}{vg}{members}</group>'


def peer_filesystem(number: int) -> str:
    """The ID of the peer's resource for a file system."""
    return f"{GROUP}_fs{number}"


def _peer_filesystem(number: int) -> str:
    return _primitive(peer_filesystem(number), "Filesystem", mounted(number), (60, 60, 20, 40))


def _primitive(own: str, agent: str, given: dict[str, str], times: tuple[int, int, int, int]) -> str:
    start, stop, interval, limit = times
    operations = "".join(
        f'<op id="{own}-{name}" name="{name}" interval="{every}s" timeout="{seconds}s"/>'
        for name, every, seconds in (("start", 0, start), ("stop", 0, stop), ("monitor", interval, limit))
    )
    return (
        f'<primitive id="{own}" class="ocf" provider="heartbeat" type="{agent}">'
        f"{_pairs('instance_attributes', own, given)}<operations>{operations}</operations></primitive>"
    )


def _pairs(kind: str, own: str, given: dict[str, str]) -> str:
    each = "".join(f'<nvpair id="{own}-{kind}-{n}" name="{n}" value="{value}"/>' for n, value in given.items())
    return f'<{kind} id="{own}-{kind}">{each}</{kind}>'


# ---- the kit


def kit_cib(cib: str, disks: Disks, filesystems: int) -> str:
    """The cluster's whole CIB with the hierarchy in it, extended to both nodes. cib: as cibadmin printed it."""
    root = elements.parse(cib, "cibadmin")
    for node in NODES:
        links = _links(disks, filesystems) if node == NODES[0] else _disk_links(disks)
        root = patch.apply(root, Change(add=_instances(node, disks, filesystems), link=links), NODES[0])
    return elements.written(root)


def kit_vg() -> str:
    """The ID of the kit's resource for the volume group."""
    return ids.resource_id(VG)


def kit_volume(number: int) -> str:
    """The ID of the kit's resource for a volume."""
    return ids.resource_id(_volume_tag(number))


def kit_filesystem(number: int) -> str:
    """The ID of the kit's resource for a file system."""
    return ids.resource_id(mount_point(number))


def _volume_tag(number: int) -> str:
    return f"{VG}_{volume(number)}"


def _instances(node: str, disks: Disks, filesystems: int) -> tuple[Instance, ...]:
    def made(kind: str, tag: str, resource_id: str, **facts: str) -> Instance:
        return Instance(node, application(kind), kind, tag, resource_id, pack_info(facts), ISP)

    group = made(LVMVG, VG, names.lvmvg_id(VG), vg_uuid=disks.vg_uuid, autoactivation="n", **_OWNERSHIP)
    below = [made(DISK, f"disk-{serial}", path, pv_uuid=serial) for serial, path in disks.physical.items()]
    above = []
    for number in range(1, filesystems + 1):
        lv = volume(number)
        identity = {**_OWNERSHIP, "vg_uuid": disks.vg_uuid, "lv_uuid": disks.volumes[lv]}
        above.append(made(LVMLV, _volume_tag(number), names.lvmlv_id(VG, lv), **identity))
        facts = {"device": f"/dev/{VG}/{lv}", "fstype": "ext4", "options": "rw,relatime"}
        above.append(made(FILESYS, mount_point(number), mount_point(number), **facts))
    return (group, *below, *above)


def _disk_links(disks: Disks) -> tuple[Dependency, ...]:
    return tuple(Dependency(VG, f"disk-{serial}") for serial in disks.physical)


def _links(disks: Disks, filesystems: int) -> tuple[Dependency, ...]:
    numbers = range(1, filesystems + 1)
    volumes = [Dependency(_volume_tag(number), VG) for number in numbers]
    mounts = [Dependency(mount_point(number), _volume_tag(number)) for number in numbers]
    return (*_disk_links(disks), *volumes, *mounts)

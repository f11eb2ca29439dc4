"""A server of a cluster as the OCF agents find it: a machine with a volume group, and what Pacemaker knows."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lvmkit.model import names
from tests.unit.machine import Machine, Network, SharedDisk, disks, make_group
from tests.unit.world import tools
from tests.unit.world.cluster import Cluster
from tests.unit.world.view import Fencing, History, Member, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.unit.machine import Answer, Mapped, Metadata

VG, VOLUMES = "my-vg", "data-x www"
NODE, PEER, RESOURCE = "n1", "n2", "res"
OTHER_UUID = "aZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
_GROUP = make_group(VG, (SharedDisk("A"),), VOLUMES)
VG_UUID, (DATA, WWW) = _GROUP.uuid, (volume.uuid for volume in _GROUP.volumes)
OK, FAILED, ARGUMENTS, UNIMPLEMENTED, INSTALLED, CONFIGURED, STOPPED = 0, 1, 2, 3, 5, 6, 7
"""OCF return codes"""


class Server:
    """One server, NODE, on which a volume group of two volumes is to be started; by default alone in its cluster."""

    def __init__(self, folder: Path, kind: str = "linear") -> None:
        """kind: of the volumes."""
        self.folder = folder
        self.machine = Machine(folder, NODE)
        self.paths = self.machine.paths
        self.disk = SharedDisk("A")
        self.machine.attach(self.disk)
        make_group(VG, (self.disk,), VOLUMES, kind=kind)
        self.given: dict[str, str] = {"vg": VG, "vg_uuid": VG_UUID}
        self.interval, self.level = "10000", ""
        self.form_cluster(NODE)

    def form_cluster(self, *servers: str) -> None:
        """Let these be the servers of the cluster."""
        self.cluster = Cluster(servers, lambda *_: (OK, ""), lambda _name: None, float)
        self.machine.install("crm_mon")
        for name in ("crm_mon", "cibadmin"):
            self.machine.programs[f"/usr/sbin/{name}"] = partial(self._tool, name)

    def _tool(self, name: str, words: Sequence[str], stdin: bytes | None) -> tuple[int, str, str]:
        return tools.answer(self.cluster, NODE, (f"/usr/sbin/{name}", *words), stdin)

    def add_peer(self, member: Member) -> Machine:
        """PEER, a server that sees the same disk; member: what the cluster knows of it."""
        self.form_cluster(NODE, PEER)
        self.cluster.nodes[NODE].view.members[PEER] = member
        self.peer = Machine(self.folder, PEER)
        self.peer.lvm.system_id = PEER
        self.peer.attach(self.disk)
        self.machine.install("ssh")
        self.network = Network(self.machine, self.peer)
        return self.peer

    # -- storage

    @property
    def metadata(self) -> Metadata:
        """What the disk says of the group."""
        assert self.disk.metadata is not None
        return self.disk.metadata

    @property
    def owner(self) -> str:
        """The system ID on the disk."""
        return self.metadata.system_id

    def write(self, **changes: Any) -> None:
        """Change the metadata on the disk, whoever does it."""
        disks.write(replace(self.metadata, **changes), (self.disk,))

    def put_group(self, uuid: str, serial: str = "B") -> SharedDisk:
        """Another disk with a group of the same name."""
        disk = SharedDisk(serial)
        make_group(VG, (disk,), VOLUMES, uuid=uuid)
        self.machine.attach(disk)
        return disk

    # -- kernel

    @property
    def up(self) -> list[str]:
        """UUIDs of all devices of device-mapper."""
        return [device.uuid for device in self.machine.dm.devices.values()]

    def activate_by_hand(self) -> None:
        """vgchange -ay, past the kit."""
        assert self.machine.by_hand("vgchange", "-ay", VG) == 0

    def device(self, volume: str = WWW) -> Mapped:
        """The device of a volume that is up."""
        device = self.machine.dm.by_uuid(names.dm_uuid(VG_UUID, volume))
        assert device is not None
        return device

    def add_device(self, vg_uuid: str, suffix: str = "") -> None:
        """A device named as www of the group, of a group of that UUID."""
        name, uuid = names.dm_name(VG, "www"), names.dm_uuid(vg_uuid, WWW)
        place = self.machine.place_of(self.disk)
        self.machine.dm.create(name + suffix, uuid + suffix, "linear", (place.number,), (self.disk,))

    def take_away(self, volumes: Iterable[str] = (DATA, WWW)) -> None:
        """Remove volumes from the kernel behind the kit's back."""
        for volume in volumes:
            self.machine.dm.discard(self.device(volume))

    # -- calling

    @property
    def commands(self) -> list[str]:
        """The commands of LVM and of the cluster that were run, each with what it changes; not whom they asked."""
        return [_command(argv) for argv in self.machine.ran if not argv[0].endswith("/ssh")]

    @property
    def asked(self) -> list[str]:
        """The servers that were asked over ssh."""
        return [argv[argv.index("--") + 1] for argv in self.machine.ran if argv[0].endswith("/ssh")]

    def call(self, action: str, agent: str = "lvmvg") -> Answer:
        """Let an agent act."""
        how = {"OCF_RESKEY_CRM_meta_interval": self.interval, "OCF_CHECK_LEVEL": self.level}
        return self.machine.agent(agent, action, RESOURCE, **self.given, **how)

    def start(self, agent: str = "lvmvg") -> None:
        """Start it, and forget the commands."""
        assert self.call("start", agent).code == OK
        self.machine.ran.clear()


def member(
    last: str = "stop", *, active: bool = False, online: bool = True, expected: bool = False, condemned: bool = False
) -> Member:
    """A server as the cluster knows it. last: the resource's last operation there, which is active or not."""
    history = {RESOURCE: History("lvmvg", {}, [Operation(last, OK, number=5)], active)}
    return Member(online, expected, condemned, known=True, history=history)


def fence(server: Server) -> None:
    """PEER has been fenced, and is not back."""
    view = server.cluster.nodes[NODE].view
    view.members[PEER] = Member()
    view.fencings.append(Fencing(PEER, "reboot", "success", 0.0))


def _command(argv: Sequence[str]) -> str:
    if not argv[0].endswith("/lvm"):
        return os.path.basename(argv[0])
    marks = (word for word in argv[2:] if word in ("-ay", "-an", "--systemid"))
    return " ".join((argv[1], *marks))

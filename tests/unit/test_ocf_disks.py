"""Where an agent's start looks: at the disks that are recorded for this server, and not at those of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.pacemaker import elements, primitive, template
from lvmkit.model.facts import DeviceFacts, VgFacts
from lvmkit.model.instance import LVMVG, OSU, Instance
from lvmkit.model.messages.service import TakenDownWithoutLvm
from lvmkit.model.messages.storage import CommandHung
from tests.unit import agent_server
from tests.unit.machine import SharedDisk, make_group, uuid_of
from tests.unit.one_server import Bare

if TYPE_CHECKING:
    from tests.unit.machine import Answer

STABLE = "/dev/disk/by-id/wwn-A"


class Server(Bare):
    """A server of a cluster whose volume group is down, and a disk of somebody else that does not answer."""

    def __init__(self, folder: Path, kind: str = "linear") -> None:
        super().__init__(folder, kind=kind)
        self.foreign = SharedDisk("X")
        self.machine.attach(self.foreign)
        self.machine.set_state(self.foreign, "hangs")

    def record(self, path: str, server: str = "n1") -> None:
        record_disk(self.machine.paths.cib, "vg1", self.group.uuid, path, server)

    def start(self, agent: str = "lvmvg", **more: str) -> Answer:
        return self.machine.agent(agent, "start", "vg1", vg="vg1", vg_uuid=self.group.uuid, **more)


def record_disk(
    cib: str, vg: str, vg_uuid: str, path: str = STABLE, server: str = "n1", nodes: tuple[str, ...] = ("n1",)
) -> None:
    """Write Pacemaker's copy of the configuration, with a disk of the group."""
    root = elements.new("cib")
    for number, name in enumerate(nodes, 1):
        elements.at(root, elements.NODES).append(elements.new("node", id=f"{number}", uname=name))
    facts = VgFacts(vg, f"lvmvg-{vg}", vg, vg_uuid)
    disk = Instance(server, "scsi", "device", "disk-A", path, DeviceFacts("disk-A", path).pack(), OSU)
    resources = elements.at(root, elements.RESOURCES)
    resources.append(primitive.make(Instance("n1", "scsi", LVMVG, vg, facts.id, facts.pack(), OSU)))
    resources.append(template.make(disk, [vg]))
    Path(cib).write_text(elements.written(root))


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_disk_of_somebody_else_that_hangs_does_not_keep_a_start_waiting(server: Server) -> None:
    server.record(STABLE)
    answer = server.start()
    assert (answer.code, server.machine.active()) == (0, ["vg1-data", "vg1-www"])
    assert server.machine.slept < 1


def test_nor_the_start_of_one_volume(server: Server) -> None:
    server.record(STABLE)
    answer = server.start("lvmlv", lv="data", lv_uuid=server.group.volumes[0].uuid)
    assert (answer.code, server.machine.active()) == (0, ["vg1-data"])


@pytest.mark.parametrize(("path", "of"), [("/dev/sda", "n1"), (STABLE, "n2"), ("/dev/disk/by-id/wwn-gone", "n1")])
def test_all_disks_are_asked_where_the_recorded_names_may_be_another_s(server: Server, path: str, of: str) -> None:
    server.record(path, of)
    assert server.start().reason == CommandHung.number


def test_a_stop_asks_only_the_disks_that_it_started(tmp_path: Path) -> None:
    server = Server(tmp_path, "raid1")
    server.record(STABLE)
    assert server.start().code == 0
    answer = server.machine.agent("lvmvg", "stop", "vg1", vg="vg1", vg_uuid=server.group.uuid)
    assert (answer.code, server.machine.active()) == (0, [])
    assert server.machine.lvm_commands()[-1] == "vgchange -an"


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_stop_does_not_take_down_another_group_of_the_name(tmp_path: Path, is_recorded: bool) -> None:
    server = Server(tmp_path, "raid1")
    server.machine.set_state(server.foreign, "")
    server.record(STABLE)
    assert server.start().code == 0
    other = make_group("vg1", (server.foreign,), "scratch", uuid=uuid_of("other"))
    server.machine.by_hand("lvchange", "-ay", "vg1/scratch", "--devices", "/dev/sdb")
    assert server.machine.active(other.uuid) == ["vg1-scratch"]
    if not is_recorded:
        Path(server.machine.paths.run, "lvmvg-vg1").unlink()
    answer = server.machine.agent("lvmvg", "stop", "vg1", vg="vg1", vg_uuid=server.group.uuid)
    assert (answer.code, TakenDownWithoutLvm.number in answer.logged) == (0, False)
    assert server.machine.active() == ["vg1-scratch"]


def test_a_change_of_owner_reads_no_disk_of_somebody_else(tmp_path: Path) -> None:
    member_server = agent_server.Server(tmp_path)
    foreign = SharedDisk("X")
    member_server.machine.attach(foreign)
    member_server.machine.set_state(foreign, "hangs")
    member_server.add_peer(agent_server.member())
    record_disk(member_server.paths.cib, agent_server.VG, member_server.metadata.uuid)
    member_server.given["ownership"] = "system_id"
    member_server.write(system_id=agent_server.PEER)
    answer = member_server.call("start")
    assert (answer.code, member_server.owner) == (agent_server.OK, agent_server.NODE)
    lvm = [argv for argv in member_server.machine.ran if argv[0].endswith("/lvm")]
    assert len(lvm) == 3
    assert {argv[argv.index("--devices") + 1] for argv in lvm} == {"/dev/sda"}

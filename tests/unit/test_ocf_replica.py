"""The agent of a volume group on DRBD: the cluster promotes, the agent only looks whether it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.replication import ReplicaAlone, ReplicaSecondary
from tests.unit.agent_server import FAILED, OK
from tests.unit.machine import Machine
from tests.unit.one_server import Bare
from tests.unit.test_ocf_disks import record_disk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.machine import Answer

BY_RESOURCE = "/dev/drbd/by-res/r0/0"


class Server(Bare):
    """A server with the device of r0, whose backing disk LVM does not see; Pacemaker has recorded it."""

    def __init__(self, folder: Path, version: int) -> None:
        super().__init__(folder)
        self.drbd = self.machine.replicate(self.disk, version=version)
        self.machine.lvm.hidden.add("sda")
        record_disk(self.machine.paths.cib, "vg1", self.group.uuid, BY_RESOURCE)

    def call(self, action: str, level: str = "") -> Answer:
        given = {"vg": "vg1", "vg_uuid": self.group.uuid, "OCF_CHECK_LEVEL": level}
        return self.machine.agent("lvmvg", action, "vg1", OCF_RESKEY_CRM_meta_interval="10000", **given)


@pytest.fixture(params=[8, 9])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Server:
    return Server(tmp_path, request.param)


def lvm_commands(machine: Machine) -> list[tuple[str, ...]]:
    return [argv for argv in machine.ran if argv[0].endswith("/lvm")]


def test_a_start_where_it_is_primary_asks_lvm_for_that_device_alone(server: Server) -> None:
    server.machine.lvm.hidden.clear()
    assert server.call("start").code == OK
    assert server.machine.active() == ["vg1-data", "vg1-www"]
    asked = lvm_commands(server.machine)
    assert asked
    assert all(argv[argv.index("--devices") + 1] == "/dev/drbd0" for argv in asked)


@pytest.mark.parametrize("filtered", [True, False])
def test_a_start_on_a_secondary_fails_by_its_own_reason_and_writes_nothing(server: Server, filtered: bool) -> None:
    if not filtered:
        server.machine.lvm.hidden.clear()
    server.drbd.set(role="Secondary", peer_role="Primary")
    before = server.metadata()
    answer = server.call("start")
    assert (answer.code, answer.reason) == (FAILED, ReplicaSecondary.number)
    assert lvm_commands(server.machine) == []
    assert server.metadata() == before


def test_a_lost_replica_is_in_the_log_and_fails_no_monitor(server: Server) -> None:
    assert server.call("start").code == OK
    server.drbd.set(connection="StandAlone", peer_role="Unknown", peer_disk="DUnknown")
    server.machine.logged.clear()
    server.machine.ran.clear()
    assert server.call("monitor").code == OK
    assert server.machine.ran == []
    assert server.call("monitor", "10").code == OK
    assert ReplicaAlone.number in server.machine.logged


def test_a_stop_works_also_when_the_peer_and_its_own_disk_are_lost(server: Server) -> None:
    assert server.call("start").code == OK
    server.drbd.set(connection="StandAlone", disk="Diskless", peer_role="Unknown", peer_disk="DUnknown")
    assert server.call("stop").code == OK
    assert server.machine.active() == []

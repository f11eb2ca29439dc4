"""A volume whose table was replaced by an `error` target: dmsetup remove -f, blkdeactivate -d force, a stop of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.faults import LvUnhealthy, LvWrongTable
from lvmkit.model.messages.service import ForeignTableInUse
from tests.unit.machine import Machine, SharedDisk, make_group
from tests.unit.one_server import FAILED, POINT, Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.machine import Mapped


TARGETS = ["error", "zero"]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    server = Server(tmp_path)
    server.unmount()
    return server


def device(server: Server, name: str) -> Mapped:
    return next(each for each in server.machine.dm.devices.values() if each.name == name)


def wipe(server: Server, kind: str) -> None:
    device(server, "vg1-data").kind = kind


def look(server: Server) -> list[list[int]]:
    return [server("quickCheck", kind, tag).said for kind, tag in (("lvmvg", "vg1"), ("lvmlv", "vg1/data"))]


@pytest.mark.parametrize("target", TARGETS)
def test_every_check_says_so_until_it_is_truly_up(server: Server, target: str) -> None:
    wipe(server, target)
    assert look(server) == look(server) == [[LvWrongTable.number]] * 2
    assert server.machine.call(lambda: _reconfigured(server)).code == 0  # which writes a new record
    assert look(server) == [[LvWrongTable.number]] * 2


def _reconfigured(server: Server) -> int:
    from lvmkit.entry.kit import kit
    from lvmkit.workflow.renew import RenewRecord

    RenewRecord("vg1").apply(kit(server.machine.paths, lambda _message: None))
    return 0


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
def test_a_start_brings_it_up_truly(server: Server, kind: str, tag: str, target: str) -> None:
    wipe(server, target)
    assert server("restore", kind, tag).code == 0
    assert device(server, "vg1-data").kind == "linear"
    assert look(server) == [[], []]


@pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
def test_a_start_names_who_keeps_it_from_that(server: Server, kind: str, tag: str) -> None:
    server.machine.mount_at(POINT, "vg1/data")
    wipe(server, "error")
    answer = server("restore", kind, tag)
    assert (answer.code, answer.said) == (1, [FAILED[0], ForeignTableInUse.number, FAILED[1]])
    assert f"mount {POINT}" in answer.err
    assert look(server) == [[LvWrongTable.number]] * 2


@pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
def test_what_is_up_and_not_well_is_not_called_up(server: Server, kind: str, tag: str) -> None:
    device(server, "vg1-data").kind, device(server, "vg1-data").status = "thin", "Fail"
    answer = server("restore", kind, tag)
    assert (answer.code, answer.said) == (1, [FAILED[0], LvUnhealthy.number, FAILED[1]])


def test_an_agent_s_monitor_and_start_do_the_same(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    disk = SharedDisk("A")
    group = make_group("vg1", (disk,))
    machine.attach(disk)
    given = {"vg": "vg1", "vg_uuid": group.uuid}
    assert machine.agent("lvmvg", "start", **given).code == 0
    for each in machine.dm.devices.values():
        each.kind = "error"
    answer = machine.agent("lvmvg", "monitor", **given)
    assert (answer.code, answer.reason) == (1, LvWrongTable.number)
    assert machine.agent("lvmvg", "start", **given).code == 0
    assert {each.kind for each in machine.dm.devices.values()} == {"linear"}
    assert machine.agent("lvmvg", "monitor", **given).code == 0


@pytest.mark.parametrize("target", TARGETS)
def test_a_volume_that_lvm_itself_made_so_is_well(tmp_path: Path, target: str) -> None:
    machine = Machine(tmp_path)
    disk = SharedDisk("A")
    group = make_group("vg1", (disk,), kind=target)
    machine.attach(disk)
    given = {"vg": "vg1", "vg_uuid": group.uuid}
    assert machine.agent("lvmvg", "start", **given).code == 0
    assert machine.agent("lvmvg", "monitor", **given).code == 0

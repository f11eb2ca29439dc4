"""What passes by itself fails no check: a further look comes first, and costs nothing where all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.faults import LvSuspended, PvHung, PvNotRunning
from lvmkit.resources.health import PAUSES
from tests.unit.machine import Answer, Machine, SharedDisk, make_group
from tests.unit.one_server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRANSIENT = ["blocked", "quiesce", "created-block", "resetting", "connecting"]


class Watched(Server):
    """A group whose every kind of check can be made, and something that ends while the check waits."""

    def suspend(self, *, is_over: bool) -> None:
        for device in self.machine.dm.devices.values():
            device.suspended = True
        if is_over:
            self.while_it_waits(self.resume)

    def resume(self) -> None:
        for device in self.machine.dm.devices.values():
            device.suspended = False

    def drive(self, state: str, *, is_over: bool) -> None:
        self.machine.sysfs.set_driver_state("sda", state)
        if is_over:
            self.while_it_waits(lambda: self.machine.sysfs.set_driver_state("sda", "running"))

    def while_it_waits(self, work: Callable[[], None]) -> None:
        sleep = self.machine.sleep

        def pause(seconds: float) -> None:
            sleep(seconds)
            if self.machine.slept >= 1:
                work()

        self.machine.sleep = pause  # type: ignore[method-assign]


@pytest.fixture
def server(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.mark.parametrize("check", ["script", "agent", "command"])
@pytest.mark.parametrize("state", ["suspended", *TRANSIENT])
@pytest.mark.parametrize("is_over", [True, False])
def test_it_counts_when_a_further_look_finds_it_again(server: Watched, state: str, check: str, is_over: bool) -> None:
    if state == "suspended":
        server.suspend(is_over=is_over)
    else:
        server.drive(state, is_over=is_over)
    server.machine.slept = 0.0
    assert call(server, check).code == (0 if is_over else 1)
    assert server.machine.slept == pytest.approx(sum(PAUSES[:2] if is_over else PAUSES))


def call(server: Watched, check: str) -> Answer:
    if check == "script":
        return server("quickCheck", "lvmvg", "vg1")
    if check == "command":
        return server.machine.command("check")
    return server.machine.agent("lvmvg", "monitor", vg="vg1", vg_uuid=server.metadata().uuid)


@pytest.mark.parametrize("state", ["running", "offline", "transport-offline", "dead"])
def test_where_all_is_well_or_nothing_passes_nobody_waits(server: Watched, state: str) -> None:
    server.drive(state, is_over=False)
    for check in ("script", "agent", "command"):
        server.machine.slept = 0.0
        call(server, check)
        assert server.machine.slept == 0


def test_many_groups_wait_together(tmp_path: Path) -> None:
    server = Watched(tmp_path)
    for name in ("vg2", "vg3"):
        disk = SharedDisk(name)
        make_group(name, (disk,))
        server.machine.attach(disk)
        server.machine.by_hand("vgchange", "-ay", name)
        tag = ("-t", name, "-s", "INTELLIGENT", "-p", f"/dev/{name}/data")
        assert server.machine.admin("lvmvg/create", *tag).code == 0
    server.suspend(is_over=False)
    server.machine.slept = 0.0
    assert server.machine.command("check").code == 1
    assert server.machine.slept == pytest.approx(sum(PAUSES))


def test_a_suspended_volume_is_named_in_the_end(server: Watched) -> None:
    server.suspend(is_over=False)
    assert set(server("quickCheck", "lvmvg", "vg1").said) == {LvSuspended.number}
    server.resume()
    server.drive("blocked", is_over=False)
    assert server("quickCheck", "lvmvg", "vg1").said == [PvNotRunning.number]


@pytest.mark.parametrize(("timeout", "seconds"), [("60000", 48.0), ("20000", 16.0)])
def test_the_disks_have_most_of_a_deep_monitor_s_time_to_answer(tmp_path: Path, timeout: str, seconds: float) -> None:
    machine = Machine(tmp_path)
    disk = SharedDisk("A")
    group = make_group("vg1", (disk,))
    machine.attach(disk)
    given = {"vg": "vg1", "vg_uuid": group.uuid}
    assert machine.agent("lvmvg", "start", **given).code == 0
    machine.set_state(disk, "hangs")
    machine.slept = 0.0
    answer = machine.agent("lvmvg", "monitor", OCF_CHECK_LEVEL="10", OCF_RESKEY_CRM_meta_timeout=timeout, **given)
    assert (answer.code, answer.reason, machine.slept) == (1, PvHung.number, seconds)

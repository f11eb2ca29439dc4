"""Only what is protected is judged: a nightly snapshot and a scratch volume come and go as their owner likes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.faults import LvGone, LvSuspended, LvWrongTable, NotProtected, PvReadFailed
from lvmkit.model.messages.service import LvsNotUp, UnprotectedLvsNotUp
from tests.unit.machine import Answer, Machine, Mapped, Metadata, SharedDisk, make_group
from tests.unit.one_server import BOTH, Server

if TYPE_CHECKING:
    from lvmkit.model.messages import Message

PRIMITIVE = (
    '<primitive id="{id}" class="ocf" provider="{provider}" type="{type}"><instance_attributes id="{id}-i">{pairs}'
    "</instance_attributes></primitive>"
)


def device(machine: Machine, name: str) -> Mapped:
    return next(each for each in machine.dm.devices.values() if each.name == name)


def remove(machine: Machine, name: str) -> None:
    """What lvremove does to the kernel."""
    machine.dm.discard(device(machine, name))


def overflow(machine: Machine, name: str) -> None:
    device(machine, name).kind, device(machine, name).status = "snapshot", "Invalid"


def suspend(machine: Machine, name: str) -> None:
    device(machine, name).suspended = True


def cut_off(machine: Machine, name: str) -> None:
    device(machine, name).kind = "error"


HARMS = [remove, overflow, suspend, cut_off]


class TestOnOneServer:
    """/srv/data on vg1/data is protected; vg1/www is not."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Server:
        return Server(tmp_path)

    @pytest.mark.parametrize("harm", HARMS)
    def test_what_becomes_of_another_volume_is_a_note(self, server: Server, harm: object) -> None:
        harm(server.machine, "vg1-www")  # type: ignore[operator]
        answer = server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1")
        assert (answer.code, answer.said) == (0, [])
        assert checked(server.machine) == (0, [NotProtected.number])

    @pytest.mark.parametrize(("harm", "fault"), [(suspend, LvSuspended), (cut_off, LvWrongTable)])
    def test_what_becomes_of_the_protected_one_is_a_fault(
        self, server: Server, harm: object, fault: type[Message]
    ) -> None:
        harm(server.machine, "vg1-data")  # type: ignore[operator]
        assert server("quickCheck", "lvmvg", "vg1").code == 1
        assert checked(server.machine) == (1, [fault.number] * 2), "of the group and of the volume"

    def test_a_disk_that_cannot_be_read_is_a_fault_also_while_no_protected_volume_is_up(self, server: Server) -> None:
        for kind, tag in (("filesys", "/data"), ("lvmlv", "vg1/data")):
            assert server("remove", kind, tag).code == 0
        assert server.machine.active() == ["vg1-www"]
        server.machine.set_state(server.disks[0], "fails")
        code, told = checked(server.machine, "--deep")
        assert (code, PvReadFailed.number in told) == (1, True)

    def test_a_group_that_is_protected_as_a_whole_misses_every_volume(self, server: Server) -> None:
        assert server.machine.admin("filesys/delete", "-t", "/data").code == 0
        server.unmount()
        assert server.machine.admin("lvmvg/create", "-t", "vg1", "-s", "INTELLIGENT", "-p", "/dev/vg1/www").code == 0
        remove(server.machine, "vg1-www")
        assert server("quickCheck", "lvmvg", "vg1").said == [LvGone.number]

    def test_a_disk_that_only_another_volume_needs_is_not_missed(self, tmp_path: Path) -> None:
        server = Server(tmp_path)
        for name, disk in (("vg1-data", 0), ("vg1-www", 1)):
            number = server.machine.place_of(server.disks[disk]).number
            device(server.machine, name).below = (number,)
        server.machine.set_state(server.disks[1], "offline")
        assert server("quickCheck", "lvmvg", "vg1").code == 0
        server.machine.set_state(server.disks[1], "")
        server.machine.set_state(server.disks[0], "offline")
        assert server("quickCheck", "lvmvg", "vg1").code == 1

    def test_a_start_goes_on_where_only_another_volume_stays_down(self, server: Server) -> None:
        server.take_down()
        refuse_to_activate(server.machine, "vg1-www")
        answer = server("restore", "lvmvg", "vg1")
        assert (answer.code, UnprotectedLvsNotUp.number in answer.said) == (0, True)
        assert server.machine.active() == ["vg1-data"]

    def test_a_start_fails_without_the_protected_one(self, server: Server) -> None:
        server.take_down()
        refuse_to_activate(server.machine, "vg1-data")
        answer = server("restore", "lvmvg", "vg1")
        assert (answer.code, LvsNotUp.number in answer.said) == (1, True)


class TestInACluster:
    @pytest.fixture
    def group(self) -> tuple[Metadata, SharedDisk]:
        disk = SharedDisk("A")
        return make_group("vg1", (disk,)), disk

    @pytest.fixture
    def machine(self, tmp_path: Path, group: tuple[Metadata, SharedDisk]) -> Machine:
        machine = Machine(tmp_path)
        machine.attach(group[1])
        assert self.agent(machine, group, "start").code == 0
        assert machine.active() == BOTH
        return machine

    @staticmethod
    def agent(machine: Machine, group: tuple[Metadata, SharedDisk], action: str, **more: str) -> Answer:
        return machine.agent("lvmvg", action, "vg1", vg="vg1", vg_uuid=group[0].uuid, **more)

    @staticmethod
    def configure(machine: Machine, *primitives: tuple[str, str, str, dict[str, str]]) -> None:
        text = ""
        for own, provider, kind, given in primitives:
            pairs = "".join(f'<nvpair id="{own}-{n}" name="{n}" value="{v}"/>' for n, v in given.items())
            text += PRIMITIVE.format(id=own, provider=provider, type=kind, pairs=pairs)
        Path(machine.paths.cib).write_text(f"<cib><configuration><resources>{text}</resources></configuration></cib>")

    @pytest.mark.parametrize("harm", HARMS)
    @pytest.mark.parametrize(
        "primitive",
        [
            ("lv", "lvmkit", "lvmlv", {"vg": "vg1", "lv": "data"}),
            ("fs", "heartbeat", "Filesystem", {"device": "/dev/vg1/data", "directory": "/srv/data"}),
            ("fs", "heartbeat", "Filesystem", {"device": "/dev/mapper/vg1-data", "directory": "/srv/data"}),
        ],
    )
    def test_what_no_resource_names_is_not_missed(
        self,
        machine: Machine,
        group: tuple[Metadata, SharedDisk],
        primitive: tuple[str, str, str, dict[str, str]],
        harm: object,
    ) -> None:
        self.configure(machine, primitive)
        harm(machine, "vg1-www")  # type: ignore[operator]
        answer = self.agent(machine, group, "monitor")
        assert (answer.code, answer.logged) == (0, [])
        assert self.agent(machine, group, "monitor", OCF_CHECK_LEVEL="10").code == 0
        harm(machine, "vg1-data")  # type: ignore[operator]
        assert self.agent(machine, group, "monitor").code == 1

    @pytest.mark.parametrize("primitives", [(), (("lv", "lvmkit", "lvmlv", {"vg": "other", "lv": "data"}),)])
    def test_where_no_resource_names_a_volume_all_count(
        self,
        machine: Machine,
        group: tuple[Metadata, SharedDisk],
        primitives: tuple[tuple[str, str, str, dict[str, str]], ...],
    ) -> None:
        self.configure(machine, *primitives)
        remove(machine, "vg1-www")
        assert self.agent(machine, group, "monitor").reason == LvGone.number

    def test_a_configuration_that_cannot_be_read_hides_nothing(
        self, machine: Machine, group: tuple[Metadata, SharedDisk]
    ) -> None:
        Path(machine.paths.cib).write_text("<cib")
        suspend(machine, "vg1-www")
        assert self.agent(machine, group, "monitor").reason == LvSuspended.number

    def test_no_program_is_run_to_find_out(self, machine: Machine, group: tuple[Metadata, SharedDisk]) -> None:
        self.configure(machine, ("lv", "lvmkit", "lvmlv", {"vg": "vg1", "lv": "data"}))
        remove(machine, "vg1-www")
        machine.ran.clear()
        machine.forked = 0
        self.agent(machine, group, "monitor")
        assert (machine.ran, machine.forked) == ([], 0)


def checked(machine: Machine, *how: str) -> tuple[int, list[int]]:
    """(exit code, numbers) of `lvmkit check`."""
    answer = machine.command("check", *how, "--format", "json")
    resources = json.loads("".join(answer.out))["resources"]
    return answer.code, [int(fault["number"]) for each in resources for fault in each["faults"]]


def refuse_to_activate(machine: Machine, name: str) -> None:
    """Let LVM fail with one volume."""
    create = machine.dm.create

    def refuse(given: str, *rest: object) -> Mapped:
        if given == name:
            raise OSError(5, "Input/output error")
        return create(given, *rest)  # type: ignore[arg-type]

    machine.dm.create = refuse  # type: ignore[method-assign, assignment]

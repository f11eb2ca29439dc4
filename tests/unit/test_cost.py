"""What a round costs, counted: it grows with the number of resources, and not with its square."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster.embedded import database
from lvmkit.cluster.port import Change
from lvmkit.entry.kit import kit
from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import FILESYS, ISP, LVMLV, LVMVG, Dependency, Instance
from lvmkit.storage import mountinfo, records, sysfs
from tests.unit.machine import Answer, Machine, SharedDisk, make_group

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_mock import MockerFixture

SIZES = (6, 12, 24)
LIST, REMOVE, DEPENDENCIES, STATUS = 2, 4, 11, 12
KIT = os.path.dirname(names.__file__).removesuffix("/model")
ROUNDS = (("check",), ("check", "--all"), ("status",), ("status", "--format", "json"), ("check", "--deep"))
DEAR = ((records, "parse"), (mountinfo, "parse"), (database, "_connect"), (sysfs, "condition"))
"""functions that read"""


class Count:
    """What was done meanwhile: calls of functions of the kit, and of what is dear."""

    def __init__(self, mocker: MockerFixture, machine: Machine) -> None:
        self.done: Counter[str] = Counter()
        self._machine = machine
        for owner, name in DEAR:
            mocker.patch.object(owner, name, self._counted(f"{owner.__name__}.{name}", getattr(owner, name)))

    def of(self, work: Callable[[], object]) -> Counter[str]:
        self.done.clear()
        self._machine.asked.clear()
        before = sys.getprofile()
        sys.setprofile(self._note)
        try:
            work()
        finally:
            sys.setprofile(before)
        self.done.update({f"ioctl {command}": number for command, number in self._machine.asked.items()})
        return Counter(self.done)

    def _counted(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            self.done[what] += 1
            return function(*words, **named)

        return call

    def _note(self, frame: Any, event: str, _what: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(KIT):
            self.done["calls"] += 1


def protected(folder: Path, groups: int, volumes: int, state: str = ISP) -> Machine:
    """A server with so many groups of so many volumes, each with a mounted file system, all in service and well."""
    machine = Machine(folder)
    instances: list[Instance] = []
    links: list[Dependency] = []
    for number in range(groups):
        disk = SharedDisk(f"D{number}")
        group = make_group(f"vg{number}", (disk,), " ".join(f"lv{each}" for each in range(volumes)))
        machine.attach(disk, f"sd{chr(97 + number)}")
        tag = group.name
        facts = VgFacts(tag, names.lvmvg_id(tag), tag, group.uuid)
        instances.append(Instance(machine.name, "scsi", LVMVG, tag, facts.id, facts.pack(), state))
        for volume in group.volumes:
            lv = LvFacts(
                f"{tag}/{volume.name}", names.lvmlv_id(tag, volume.name), tag, volume.name, group.uuid, volume.uuid
            )
            point = f"/srv/{tag}-{volume.name}"
            fs = FilesystemFacts(point, point, lv.id, "ext4", vg_uuid=group.uuid, lv_uuid=volume.uuid)
            instances.append(Instance(machine.name, "scsi", LVMLV, lv.tag, lv.id, lv.pack(), state))
            instances.append(Instance(machine.name, "gen", FILESYS, point, point, fs.pack(), state))
            links += (Dependency(lv.tag, tag), Dependency(point, lv.tag))
    with machine.running():
        port = kit(machine.paths, lambda _message: None).port
        port.commit(Change(add=tuple(instances), link=tuple(links)))
    for number in range(groups):
        assert machine.action("lvmvg", "restore", f"vg{number}").code == 0
        for each in range(volumes):
            machine.mount_at(f"/srv/vg{number}-lv{each}", f"vg{number}/lv{each}")
    return machine


def by_volumes(folder: Path, number: int) -> Machine:
    return protected(folder, 1, number)


def by_groups(folder: Path, number: int) -> Machine:
    return protected(folder, number // 3, 2)


def counts(machine: Machine, mocker: MockerFixture, words: tuple[str, ...]) -> Counter[str]:
    answers: list[Answer] = []
    counted = Count(mocker, machine)
    machine.command(*words)  # what is imported or made once is there
    done = counted.of(lambda: answers.append(machine.command(*words)))
    mocker.stopall()
    assert answers[0].code == 0, answers[0].err
    return done


@pytest.mark.parametrize("words", ROUNDS, ids=" ".join)
@pytest.mark.parametrize("made", [by_volumes, by_groups])
def test_a_round_over_all_is_linear(
    tmp_path: Path, mocker: MockerFixture, made: Callable[[Path, int], Machine], words: tuple[str, ...]
) -> None:
    less, middle, more = (counts(made(tmp_path / str(size), size), mocker, words) for size in SIZES)
    for what in more:
        assert more[what] - middle[what] <= 2.1 * (middle[what] - less[what]), what


def test_each_volume_and_each_file_is_asked_once_in_a_round(tmp_path: Path, mocker: MockerFixture) -> None:
    machine = by_volumes(tmp_path, 8)
    counted = Count(mocker, machine).of(lambda: machine.command("check"))
    assert counted["ioctl 2"] == 1
    assert counted["ioctl 12"] == 8
    assert counted["ioctl 11"] == 0
    assert counted["lvmkit.storage.records.parse"] == 1
    assert counted["lvmkit.storage.mountinfo.parse"] == 1
    assert counted["lvmkit.cluster.embedded.database._connect"] == 3


def test_a_deep_check_asks_all_disks_and_file_systems_at_the_same_time(tmp_path: Path) -> None:
    machine = protected(tmp_path, 3, 1)
    for each in list(machine.attached.values()):
        machine.set_state(each.disk, "hangs")
    asked: list[int] = []
    bounded = machine.all_bounded

    def counted(works: Any, deadline: float, **how: Any) -> Any:
        asked.append(len(works))
        return bounded(works, deadline, **how)

    machine.all_bounded = counted  # type: ignore[method-assign]
    answer = machine.command("check", "--deep")
    assert answer.code == 1
    assert [line.split()[0] for line in answer.out].count("FAIL") == 3
    assert asked == [9], "of each group its disk, its file system, and whether that is frozen"


@pytest.mark.parametrize("disks", [1, 2])
@pytest.mark.parametrize("volumes", [2, 16])
def test_a_start_asks_the_kernel_once_about_each_volume_and_each_disk(
    tmp_path: Path, mocker: MockerFixture, volumes: int, disks: int
) -> None:
    machine = Machine(tmp_path)
    start = Count(mocker, machine).of(lambda: start_group(machine, volumes, disks))
    assert (start["ioctl 12"], start["ioctl 11"]) == (volumes, volumes)
    assert start["lvmkit.storage.sysfs.condition"] == disks
    assert start["ioctl 2"] <= 4  # what is up already, before the activation, after it, and its progress


def test_a_stop_asks_the_kernel_once_about_each_volume(tmp_path: Path, mocker: MockerFixture) -> None:
    machine = Machine(tmp_path)
    group = start_group(machine, 16, 2)
    answers: list[Answer] = []
    given = {"vg": "vg1", "vg_uuid": group}
    stop = Count(mocker, machine).of(lambda: answers.append(machine.agent("lvmvg", "stop", "vg1", **given)))
    assert answers[0].code == 0
    assert (stop["ioctl 12"], stop["ioctl 11"], stop["ioctl 4"]) == (16, 16, 16)
    assert stop["ioctl 2"] == 3  # which group it is, what is held with its lock, and what is left


def start_group(machine: Machine, volumes: int, disks: int) -> str:
    """Start a group of its own as an agent does; returns its UUID."""
    group = make_group(
        "vg1", tuple(SharedDisk(f"D{each}") for each in range(disks)), " ".join(f"lv{each}" for each in range(volumes))
    )
    for each in range(disks):
        machine.attach(SharedDisk(f"D{each}", pv_uuid=group.disks[each], metadata=group))
    answer = machine.agent("lvmvg", "start", "vg1", vg="vg1", vg_uuid=group.uuid)
    assert answer.code == 0, answer.err
    return group.uuid


HEAVY = {
    "signal", "enum", "socket", "subprocess", "selectors", "contextlib", "functools", "collections", "re", "json",
    "xml", "sqlite3", "datetime", "ctypes", "dataclasses", "typing", "logging", "argparse", "pathlib", "traceback",
    "gettext", "locale",
}  # fmt: skip
"""modules that take longer to import than most of our actions have work"""
PROGRAM = """
import os, sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
from lvmkit.storage import dm, probe, sysfs
from lvmkit.model.settings import Paths
held = [dm.Device("vg1-data", "LVM-" + "a" * 64, "253:0")]
line = dm.Target(0, 8, "linear", "")
dm.list_devices = lambda: tuple(held)
dm.status = lambda uuid="", name="": dm.DeviceStatus("vg1-data", uuid, "253:0", 0, False, False, True, (line,))
sysfs.condition = lambda *_: ""
dm.dependencies = lambda uuid="", name="": ("8:0",)
probe.in_turn = lambda works, **_: held.clear() or len(works)
paths = Paths(state=sys.argv[2], run=sys.argv[2], lkvgs="/nowhere", defaults="/nowhere", cib="/nowhere")
given = {"OCF_RESKEY_vg": "vg1", "OCF_RESKEY_vg_uuid": "aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa"}
from lvmkit.entry.ocf.agent import main
code = main("/x/lvmvg", [sys.argv[3]], paths, given)
print(code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.mark.parametrize("action", ["meta-data", "monitor", "stop"])
def test_an_agent_s_action_that_runs_no_program_imports_nothing_heavy(tmp_path: Path, action: str) -> None:
    argv = [sys.executable, "-IS", "-c", PROGRAM, KIT.removesuffix("/lvmkit"), str(tmp_path), action]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    assert HEAVY & set(modules) == set()
    if action == "monitor":
        said = {name for name in modules if name.startswith("lvmkit.model.messages.")}
        assert said == {"lvmkit.model.messages.ownership"}, "it warns that there is no record, and says nothing else"


def test_what_begins_a_program_imports_neither_subprocess_nor_signal() -> None:
    program = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        "from lvmkit.storage.run import run\n"
        "assert run(('/bin/true',), deadline=9).status == 0\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    argv = [sys.executable, "-IS", "-c", program, KIT.removesuffix("/lvmkit")]
    loaded = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & set(loaded) == {"ctypes"}

"""Judging volumes and disks, from status lines as kernels print them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lvmkit.model import names
from lvmkit.model.messages import Message
from lvmkit.model.messages.faults import (
    LvDegraded,
    LvGone,
    LvSuspended,
    LvUnhealthy,
    LvWrongTable,
    PvDegraded,
    PvGone,
    PvNotRunning,
)
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.storage import dm, vitals
from lvmkit.storage.mapped import MappedDevices

VG_UUID, LV_UUID = "a" * 32, "b" * 32
EXPECTED = ExpectedLv(LV_UUID, "data", ("linear",))


def status(*lines: tuple[str, str], suspended: bool = False, uuid: str = "") -> dm.DeviceStatus:
    targets = tuple(dm.Target(8 * n, 8, kind, params) for n, (kind, params) in enumerate(lines))
    return dm.DeviceStatus("vg-data", uuid, "253:0", 1, suspended, False, bool(targets), targets)


def kinds_of(messages: list[Message]) -> list[type]:
    return [type(message) for message in messages]


def test_a_live_linear_volume_is_well() -> None:
    assert vitals.lv_faults(EXPECTED, "vg", status(("linear", ""), ("linear", ""))) == []


def test_a_volume_that_is_not_there_is_gone() -> None:
    assert vitals.lv_faults(EXPECTED, "vg", None) == [LvGone("vg/data")]


def test_a_suspended_volume_is_named_with_its_device() -> None:
    assert vitals.lv_faults(EXPECTED, "vg", status(("linear", ""), suspended=True)) == [
        LvSuspended("vg/data", "vg-data")
    ]


@pytest.mark.parametrize(
    "lines", [[], [("error", "")], [("linear", ""), ("error", "")], [("zero", "")], [("delay", "")]]
)
def test_a_table_that_serves_no_data_is_wrong(lines: list[tuple[str, str]]) -> None:
    (fault,) = vitals.lv_faults(EXPECTED, "vg", status(*lines))
    assert isinstance(fault, LvWrongTable)
    assert fault.found == ("+".join(kind for kind, _ in lines) or "nothing")
    assert fault.expected == "linear"


@pytest.mark.parametrize("kind", ["snapshot-origin", "raid", "mirror", "cache", "striped"])
def test_what_lvm_changes_in_use_is_no_fault(kind: str) -> None:
    assert vitals.lv_faults(EXPECTED, "vg", status((kind, ""))) == []


def test_a_volume_recorded_without_kinds_is_judged_all_the_same() -> None:
    nothing_known = ExpectedLv(LV_UUID, "data", ())
    assert vitals.lv_faults(nothing_known, "vg", status(("thin", "16 15"))) == []
    assert kinds_of(vitals.lv_faults(nothing_known, "vg", status(("error", "")))) == [LvWrongTable]


def test_a_recorded_kind_is_never_strange() -> None:
    assert vitals.lv_faults(ExpectedLv(LV_UUID, "data", ("crypt",)), "vg", status(("crypt", ""))) == []


POOL = "1 {metadata}/1000 {data}/1000 - {mode} no_discard_passdown queue_if_no_space {check} 1024"
CACHE = "8 {used}/1000 128 1000/1000 1 2 3 4 0 5 0 1 writethrough 2 migration_threshold 2048 smq 0 {mode} {check}"


def pool(metadata: int = 10, data: int = 10, mode: str = "rw", check: str = "-") -> str:
    return POOL.format(metadata=metadata, data=data, mode=mode, check=check)


def cache(used: int = 10, mode: str = "rw", check: str = "-") -> str:
    return CACHE.format(used=used, mode=mode, check=check)


WELL = [
    ("raid", "raid1 2 AA 8192/8192 idle 0 0 -"),
    ("raid", "raid1 2 aa 128/8192 resync 0 0 -"),
    ("raid", "raid0 2 AA 8192/8192 idle 0 0 -"),
    ("mirror", "2 253:1 253:2 100/100 1 AA 3 disk 253:0 A"),
    ("striped", "2 253:1 253:2 1 AA"),
    ("snapshot", "16/8192 16"),
    ("snapshot-merge", "16/8192 16"),
    ("thin-pool", pool()),
    ("thin", "8192 8191"),
    ("thin", "-"),
    ("cache", cache()),
    ("writecache", "0 100 50 0"),
    ("vdo", "/dev/dm-1 normal - online online 1000 100000"),
    ("linear", ""),
    ("raid", "raid1 two of a new form"),
    ("thin-pool", "something else"),
    ("unheard-of", "dead dead dead"),
]
WORN = [
    ("raid", "raid1 2 AD 8192/8192 idle 0 0 -"),
    ("raid", "raid1 2 A- 8192/8192 idle 0 0 -"),
    ("raid", "raid1 2 Aa 100/8192 recover 0 0 -"),
    ("raid", "raid5_ls 3 ADA 8192/8192 idle 0 0 -"),
    ("raid", "raid6_zr 5 DDAAA 8192/8192 idle 0 0 -"),
    ("raid", "raid10 4 DADA 8192/8192 idle 0 0 -"),
    ("mirror", "2 253:1 253:2 100/100 1 AD 1 core"),
    ("striped", "2 253:1 253:2 1 AD"),
    ("snapshot", "8000/8192 16"),
    ("thin-pool", pool(data=960)),
    ("thin-pool", pool(metadata=950)),
    ("cache", cache(used=990)),
    ("vdo", "/dev/dm-1 recovering recovering online online 1000 100000"),
    ("vdo", "/dev/dm-1 normal - online online 96 100"),
]
DEAD = [
    ("raid", "raid1 2 DD 8192/8192 idle 0 0 -"),
    ("raid", "raid1 2 Da 100/8192 recover 0 0 -"),
    ("raid", "raid0 2 AD 8192/8192 idle 0 0 -"),
    ("raid", "raid5_ls 3 DDA 8192/8192 idle 0 0 -"),
    ("raid", "raid5_ls 3 DaA 100/8192 recover 0 0 -"),
    ("raid", "raid10 4 DDDA 8192/8192 idle 0 0 -"),
    ("mirror", "2 253:1 253:2 100/100 1 DF 1 core"),
    ("snapshot", "Invalid"),
    ("snapshot", "Overflow"),
    ("snapshot-merge", "Merge failed"),
    ("thin-pool", "Fail"),
    ("thin-pool", "Error"),
    ("thin-pool", pool(mode="ro")),
    ("thin-pool", pool(mode="out_of_data_space")),
    ("thin-pool", pool(check="needs_check")),
    ("thin", "Fail"),
    ("thin", "Error"),
    ("cache", "Fail"),
    ("cache", cache(mode="ro")),
    ("cache", cache(check="needs_check")),
    ("writecache", "-5 100 50 0"),
    ("vdo", "/dev/dm-1 read-only - online online 1000 100000"),
]


@pytest.mark.parametrize(("kind", "line"), WELL)
def test_targets_that_are_well(kind: str, line: str) -> None:
    assert vitals.target_condition(dm.Target(0, 8, kind, line)) == vitals.Condition()


@pytest.mark.parametrize(("kind", "line"), WORN)
def test_lost_redundancy_is_a_warning(kind: str, line: str) -> None:
    expected = ExpectedLv(LV_UUID, "data", (kind,))
    (fault,) = vitals.lv_faults(expected, "vg", status((kind, line), (kind, line)))
    assert isinstance(fault, LvDegraded)
    assert fault.kind == kind


@pytest.mark.parametrize(("kind", "line"), DEAD)
def test_lost_data_is_a_fault(kind: str, line: str) -> None:
    expected = ExpectedLv(LV_UUID, "data", (kind,))
    assert kinds_of(vitals.lv_faults(expected, "vg", status((kind, line)))) == [LvUnhealthy]


class Machine:
    """Block devices in a fake sysfs, and what device-mapper says of some of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.devices: list[dm.Device] = []
        self.states: dict[str, dm.DeviceStatus] = {}
        self.stands_on: dict[str, tuple[str, ...]] = {}
        self.asked: list[str] = []
        (root / "dev/block").mkdir(parents=True)
        (root / "block").mkdir()

    def disk(self, name: str, number: str, state: str = "running", on: tuple[str, ...] = (), **files: str) -> None:
        home = self.root / "block" / name
        for key, text in {"dev": number, "size": "8", "device__state": state, "diskseq": "5", **files}.items():
            path = home / key.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (home / "slaves").mkdir()
        for lower in on:
            os.symlink(self.root / "block" / lower, home / "slaves" / lower.split("/")[-1])
        os.symlink(home, self.root / "dev/block" / number)

    def partition(self, name: str, number: str) -> None:
        self.disk(name, number, state="", partition="1")

    def mapped(
        self,
        name: str,
        number: str,
        now: dm.DeviceStatus,
        uuid: str = "",
        on: tuple[str, ...] = (),
        below: tuple[str, ...] = (),
    ) -> None:
        """A device-mapper device; without UUID it has its status' name only. below: numbers besides those of `on`."""
        self.disk(name, number, state="", on=on)
        self.devices.append(dm.Device(now.name, uuid, number))
        self.states[uuid or now.name] = now
        numbers = tuple((self.root / "block" / lower / "dev").read_text() for lower in on)
        self.stands_on[uuid or now.name] = numbers + below

    def status(self, uuid: str = "", *, name: str = "") -> dm.DeviceStatus | None:
        self.asked.append(uuid or name)
        return self.states.get(uuid or name)

    def below(self, uuid: str = "", *, name: str = "") -> tuple[str, ...]:
        return self.stands_on[uuid or name]

    def held(self) -> MappedDevices:
        return MappedDevices(self.devices, status=self.status, below=self.below)

    def pv(self, number: str, sequence: str = "5") -> list[Message]:
        stack = vitals.DeviceStack(self.held(), str(self.root))
        return vitals.pv_faults(ExpectedPv("pv-uuid", "/dev/pv", number, sequence), stack)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_running_disk_is_well(machine: Machine) -> None:
    machine.disk("sda", "8:0")
    machine.partition("sda/sda1", "8:1")
    assert machine.pv("8:0") == machine.pv("8:1") == []


def test_a_disk_without_device_is_gone(machine: Machine) -> None:
    assert machine.pv("8:0") == [PvGone("/dev/pv", "pv-uuid")]


def test_another_disk_under_the_number_is_a_disk_gone(machine: Machine) -> None:
    machine.disk("sda", "8:0", diskseq="6")
    assert machine.pv("8:0") == [PvGone("/dev/pv", "pv-uuid")]
    assert machine.pv("8:0", sequence="") == [], "recorded on a kernel without diskseq"


def test_an_offline_disk_is_a_fault_of_its_partition_too(machine: Machine) -> None:
    machine.disk("sda", "8:0", "offline")
    machine.partition("sda/sda1", "8:1")
    assert machine.pv("8:1") == [PvNotRunning("/dev/pv", "pv-uuid", "offline")]


MPATH = "2 0 0 0 1 1 A 0 2 2 8:0 {} 0 0 1 8:16 {} 0 0 1 "


@pytest.mark.parametrize(
    ("paths", "states", "fault"),
    [
        ("AA", ("running", "running"), None),
        ("AF", ("running", "running"), PvDegraded),
        ("FF", ("running", "running"), PvNotRunning),
        ("AA", ("running", "offline"), PvDegraded),
        ("AA", ("offline", "offline"), PvNotRunning),
    ],
)
def test_multipath_serves_over_one_path(
    machine: Machine, paths: str, states: tuple[str, str], fault: type | None
) -> None:
    machine.disk("sda", "8:0", states[0])
    machine.disk("sdb", "8:16", states[1])
    machine.mapped("dm-9", "253:9", status(("multipath", MPATH.format(*paths))), on=("sda", "sdb"))
    assert kinds_of(machine.pv("253:9")) == ([fault] if fault else [])


@pytest.mark.parametrize("now", [status(("error", "")), status(("linear", ""), suspended=True), status()])
def test_a_mapped_disk_that_is_cut_off_is_a_fault(machine: Machine, now: dm.DeviceStatus) -> None:
    machine.mapped("dm-9", "253:9", now)
    assert kinds_of(machine.pv("253:9")) == [PvNotRunning]


def test_a_crypt_device_needs_its_disk(machine: Machine) -> None:
    machine.disk("sda", "8:0", "offline")
    machine.mapped("dm-9", "253:9", status(("crypt", "")), on=("sda",))
    (fault,) = machine.pv("253:9")
    assert isinstance(fault, PvNotRunning)
    assert "offline" in fault.condition


def md(machine: Machine, level: str, legs: str, states: tuple[str, ...]) -> None:
    files = {"md__level": level, "md__raid_disks": str(len(legs)), "md__array_state": "clean"}
    for slot, (leg, state) in enumerate(zip(legs, states)):
        machine.disk(f"sd{slot}", f"8:{slot * 16}", state)
        if leg != "-":
            files[f"md__rd{slot}__state"] = "in_sync" if leg == "A" else "faulty"
            files[f"md__rd{slot}__block__dev"] = f"8:{slot * 16}"
    machine.disk("md0", "9:0", "", (), **files)


@pytest.mark.parametrize(
    ("level", "legs", "states", "fault"),
    [
        ("raid1", "AA", ("running", "running"), None),
        ("raid1", "A-", ("running", "running"), PvDegraded),
        ("raid1", "AD", ("running", "running"), PvDegraded),
        ("raid1", "AA", ("running", "offline"), PvDegraded),
        ("raid1", "AA", ("offline", "offline"), PvNotRunning),
        ("raid5", "AAA", ("running", "running", "offline"), PvDegraded),
        ("raid5", "A-A", ("running", "running", "offline"), PvNotRunning),
        ("raid0", "AA", ("running", "offline"), PvNotRunning),
    ],
)
def test_md_serves_while_its_level_allows(
    machine: Machine, level: str, legs: str, states: tuple[str, ...], fault: type | None
) -> None:
    md(machine, level, legs, states)
    assert kinds_of(machine.pv("9:0")) == ([fault] if fault else [])


DM_UUID = names.dm_uuid(VG_UUID, LV_UUID)


def record(*lvs: ExpectedLv, pvs: tuple[ExpectedPv, ...] = ()) -> Record:
    return Record("tag", "vg", VG_UUID, lvs, pvs)


def faults(machine: Machine, wanted: Record) -> list[Message]:
    return vitals.record_faults(wanted, machine.held(), root=str(machine.root))


def test_a_healthy_record_costs_one_question_for_each_volume(machine: Machine) -> None:
    machine.disk("sda", "8:0")
    machine.mapped("dm-0", "253:0", status(("linear", "")), DM_UUID, on=("sda",))
    machine.mapped("dm-1", "253:1", status(("linear", "")), "LVM-" + "z" * 64)
    assert faults(machine, record(EXPECTED, pvs=(ExpectedPv("u", "/dev/sda", "8:0", "5"),))) == []
    assert machine.asked == [DM_UUID]


def test_a_volume_that_is_not_listed_is_not_asked_for(machine: Machine) -> None:
    assert faults(machine, record(EXPECTED)) == [LvGone("vg/data")]
    assert machine.asked == []


def test_the_pool_below_a_thin_volume_is_judged_with_it(machine: Machine) -> None:
    other = "c" * 32
    bad_pool = dm.DeviceStatus(
        "vg-pool-tpool", "", "253:1", 1, False, False, True, (dm.Target(0, 8, "thin-pool", "Fail"),)
    )
    machine.mapped("dm-1", "253:1", bad_pool, names.dm_uuid(VG_UUID, "p" * 32) + "-tpool")
    machine.mapped("dm-0", "253:0", status(("thin", "8 7")), DM_UUID, on=("dm-1",))
    machine.mapped("dm-2", "253:2", status(("linear", "")), names.dm_uuid(VG_UUID, other))
    assert faults(machine, record(EXPECTED)) == [LvUnhealthy("vg/pool", "thin-pool", "fail")]
    assert faults(machine, record(ExpectedLv(other, "other", ("linear",)))) == [], "it does not stand on the pool"


def test_all_faults_are_found_at_once(machine: Machine) -> None:
    machine.disk("sda", "8:0", "offline")
    machine.mapped("dm-0", "253:0", status(("error", "")), DM_UUID)
    pvs = (ExpectedPv("u1", "/dev/sda", "8:0", "5"), ExpectedPv("u2", "/dev/sdb", "8:16", "7"))
    found = faults(machine, record(EXPECTED, ExpectedLv("d" * 32, "more", ("linear",)), pvs=pvs))
    assert kinds_of(found) == [LvWrongTable, LvGone, PvNotRunning, PvGone]


RAID = names.dm_uuid(VG_UUID, "r" * 32)
LEGS = (ExpectedPv("u0", "/dev/sda", "8:0", "5"), ExpectedPv("u1", "/dev/sdb", "8:16", "5"))


def raid_machine(machine: Machine, health: str, missing: str = "") -> None:
    """A raid1 volume over two disks, each leg with data and metadata; its PV of number `missing` is pulled."""
    for name, number in (("sda", "8:0"), ("sdb", "8:16")):
        if number != missing:
            machine.disk(name, number)
    for n, number in enumerate(("8:0", "8:0", "8:16", "8:16")):
        leg = dm.DeviceStatus(f"vg-leg{n}", "", "", 1, False, False, True, (dm.Target(0, 8, "linear", ""),))
        machine.mapped(f"dm-{n}", f"253:{n}", leg, f"{names.dm_uuid(VG_UUID, str(n) * 32)}", below=(number,))
    line = ("raid", f"raid1 2 {health} 8/8 idle 0 0 -")
    machine.mapped("dm-9", "253:9", status(line), RAID, on=("dm-0", "dm-1", "dm-2", "dm-3"))


RAID_LV = ExpectedLv("r" * 32, "mirrored", ("raid",))


@pytest.mark.parametrize("health", ["AA", "AD"])
def test_a_lost_leg_of_what_still_serves_is_a_warning(machine: Machine, health: str) -> None:
    raid_machine(machine, health, missing="8:16")
    found = faults(machine, record(RAID_LV, pvs=LEGS))
    assert kinds_of(found)[-1:] == [PvDegraded]
    assert {message.script_exit for message in found} == {0}


def test_a_lost_disk_of_an_unprotected_volume_is_a_fault(machine: Machine) -> None:
    raid_machine(machine, "AA", missing="8:16")
    machine.mapped("dm-10", "253:10", status(("linear", "")), DM_UUID, below=("8:16",))
    assert faults(machine, record(RAID_LV, EXPECTED, pvs=LEGS)) == [PvGone("/dev/sdb", "u1")]


def test_a_disk_whose_number_was_taken_still_fails_its_volume(machine: Machine) -> None:
    machine.disk("sda", "8:0", diskseq="6")
    machine.mapped("dm-0", "253:0", status(("linear", "")), DM_UUID, on=("sda",))
    assert faults(machine, record(EXPECTED, pvs=LEGS[:1])) == [PvGone("/dev/sda", "u0")]


def test_without_volumes_disks_are_judged_for_themselves(machine: Machine) -> None:
    raid_machine(machine, "AA", missing="8:16")
    assert faults(machine, record(pvs=LEGS)) == [PvGone("/dev/sdb", "u1")]


def test_a_mapped_disk_without_uuid_is_asked_for_by_its_name(machine: Machine) -> None:
    machine.mapped("dm-9", "253:9", status(("error", "")))
    assert kinds_of(machine.pv("253:9")) == [PvNotRunning]
    assert machine.asked == ["vg-data"]


@pytest.mark.parametrize(
    ("condition", "passes"),
    [("blocked", True), ("dead, connecting", True), ("dead", False), ("blocked; offline", False), ("gone", False),
     ("multipath with 2 of 2 lost", True), ("an md array in state suspended", True)],
)  # fmt: skip
def test_what_a_disk_may_get_over_by_itself(condition: str, passes: bool) -> None:
    assert vitals.may_pass(PvNotRunning("/dev/sda", "u", condition)) == passes


def test_a_pool_may_be_extended_and_a_failed_one_stays_so() -> None:
    words = ["0", "1/100", "5/100", "-", "out_of_data_space", "discard_passdown", "queue_if_no_space", "-"]
    full = vitals.target_condition(dm.Target(0, 8, "thin-pool", " ".join(words))).dead
    assert vitals.may_pass(LvUnhealthy("vg/pool", "thin-pool", full))
    assert not vitals.may_pass(LvUnhealthy("vg/pool", "thin-pool", "fail"))

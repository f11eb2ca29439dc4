"""LVM's answers, good and bad. Every command that may run is declared, in order."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed, CommandGarbled, CommandHung
from lvmkit.storage import dm, lvm, udev
from lvmkit.storage.lvm import Lvm
from lvmkit.storage.run import LEAST, Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_mock import MockerFixture

VG_UUID, OTHER_UUID = "hM5iQv-X8Fw-K11I-W2V0-dhX2-h6lK-VdwxQg", "cGna2H-dyP8-5iGT-JukA-QZXo-AMBm-ntB21S"
PV_UUID, LV_UUID = "3lUXtS-wj0p-277E-UGNr-T7PL-rsZH-UIlH3r", "nWuijl-wOgY-7BX0-vEyM-1wt1-rxjs-MxJbjR"


class FakeLvm:
    """Answers the declared commands in turn and fails on any other."""

    def __init__(self) -> None:
        self.answers: list[Finished | Failure] = []
        self.asked: list[tuple[str, ...]] = []

    def answers_with(self, stdout: object = "", status: int = 0, stderr: str = "") -> None:
        text = stdout if isinstance(stdout, str) else json.dumps(stdout)
        self.answers.append(Finished(("lvm",), status, text, stderr, 0.1))

    def run(self, argv: tuple[str, ...], **_named: object) -> Finished:
        self.asked.append(argv)
        assert self.answers, f"a command too many: {argv}"
        answer = self.answers.pop(0)
        if isinstance(answer, Failure):
            raise answer
        return answer


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLvm]:
    fake = FakeLvm()
    monkeypatch.setattr(lvm, "run", fake.run)
    monkeypatch.setattr(lvm, "_is_block_device", lambda path: path.startswith("/dev/sd"))
    yield fake
    assert fake.answers == [], "a command too few"


def part(**changes: Any) -> dict[str, Any]:
    """One volume group as fullreport prints it."""
    whole: dict[str, Any] = {
        "vg": [
            {
                "vg_uuid": VG_UUID,
                "vg_name": "vg1",
                "vg_size": "100",
                "vg_exported": "",
                "vg_systemid": "n1",
                "vg_autoactivation": "enabled",
                "vg_lock_type": "",
            }
        ],
        "pv": [{"pv_uuid": PV_UUID, "pv_name": "/dev/sda", "pv_size": "100", "pv_missing": ""}],
        "lv": [
            {
                "lv_uuid": LV_UUID,
                "lv_name": "data",
                "lv_size": "50",
                "lv_role": "public",
                "lv_skip_activation": "",
                "origin": "",
                "pool_lv": "",
            }
        ],
        "pvseg": [],
        "seg": [{"lv_uuid": LV_UUID, "segtype": "linear"}],
    }
    for field, value in changes.items():
        table = field.partition("_")[0]
        if table == field:
            whole[table] = value
        else:
            whole[table] = [{**row, field: value} for row in whole[table]]
    return whole


def report(*parts: object) -> dict[str, Any]:
    return {"report": list(parts)}


def failed(call: object) -> object:
    with pytest.raises(Failure) as failure:
        call()  # type: ignore[operator]
    return failure.value.messages[0]


def test_a_report_is_one_command_that_covers_every_owner(fake: FakeLvm) -> None:
    fake.answers_with(report({"pv": [{"pv_uuid": "x"}], "pvseg": []}, part()))
    (vg,) = Lvm(1).report("vg1", devices=("/dev/sda", "/dev/gone", "/dev/sda"))
    assert (vg.uuid, vg.system_id, vg.autoactivation, vg.exported) == (VG_UUID, "n1", True, False)
    (argv,) = fake.asked
    assert argv[0] in lvm.LVM_PATHS
    assert argv[1] == "fullreport"
    assert {"--foreign", "--shared", "vg1"} <= set(argv)
    assert argv[argv.index("--devices") + 1] == "/dev/sda"


def test_no_device_left_means_no_restriction(fake: FakeLvm) -> None:
    fake.answers_with(report())
    Lvm(1).report(devices=("/dev/gone",))
    assert "--devices" not in fake.asked[0]


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "garbage",
        '{"report": [',
        "[]",
        "{}",
        "null",
        '{"report": null}',
        '{"report": [1]}',
        '{"report": {"vg": 1}}',
        "[" * 100000,
        report({"vg": [{}]}),
        report(part(vg=[{}, {}])),
        report(part(vg="x")),
        report(part(pv=None)),
        report(part(lv={"lv_uuid": LV_UUID})),
        report(part(seg=[])),
        report(part(seg=[{}])),
        report(part(vg_uuid="")),
        report(part(vg_uuid=7)),
        report(part(vg_name=None)),
        report(part(vg_size="1.00g")),
        report(part(vg_size=[])),
        report(part(vg_systemid=[])),
        report(part(pv_name="")),
        report(part(pv_missing=True)),
        report(part(lv_size="")),
        report(part(lv_role=None)),
    ],
)
def test_what_is_no_report_is_garbled_and_nothing_worse(fake: FakeLvm, printed: object) -> None:
    fake.answers_with(printed)
    assert isinstance(failed(lambda: Lvm(1).report()), CommandGarbled)


@pytest.mark.parametrize("status", [5, 3, -9])
def test_an_error_without_a_group_is_told_in_lvms_words(fake: FakeLvm, status: int) -> None:
    for printed in ("", '{"report": [', report()):
        fake.answers_with(printed, status, "  Can't open lock\n\n  Cannot process\n")
        message = failed(lambda: Lvm(1).report())
        assert message == CommandFailed("lvm", str(status), "Can't open lock; Cannot process")


def test_a_group_that_lvm_trips_over_does_not_hide_the_others(fake: FakeLvm) -> None:
    fake.answers_with(report(part()), 5, "  VG vg2 lock failed\n")
    (vg,) = Lvm(1).report()
    assert vg.name == "vg1"


def test_an_unknown_name_is_no_error_but_a_device_not_found_is_none_either(fake: FakeLvm) -> None:
    fake.answers_with(report(), 5, '  Volume group "vg1" not found\n  Cannot process volume group vg1\n')
    assert Lvm(1).report("vg1") == ()
    fake.answers_with(report(part()), 0, "  Device not found for /dev/sdx.\n")
    assert len(Lvm(1).report("vg1")) == 1


def test_a_hang_is_passed_on(fake: FakeLvm) -> None:
    fake.answers.append(Failure(CommandHung("lvm", 1, "killed")))
    assert isinstance(failed(lambda: Lvm(1).report()), CommandHung)


def test_duplicates_are_read_from_the_warnings(fake: FakeLvm) -> None:
    warnings = (
        f"  WARNING: Not using device /dev/sdb for PV {PV_UUID}.\n"
        f"  fullreport[123] WARNING: Not using device /dev/a for PV b for PV {PV_UUID}.\n"
        "  WARNING: Not using device /dev/sdc for PV not-a-uuid.\n"
        f"  WARNING: PV {PV_UUID} prefers device /dev/sda because device name matches previous.\n"
    )
    fake.answers_with(report(part()), 0, warnings)
    (vg,) = Lvm(1).report()
    assert vg.physical[0].duplicates == ("/dev/sdb", "/dev/a for PV b")


def test_a_disk_that_lvm_marked_as_missing_counts_as_missing_though_it_is_back(fake: FakeLvm) -> None:
    fake.answers_with(report(part(pv_missing="missing")))
    fake.answers_with(report(part(pv_name="[unknown]")))
    (back,), (gone,) = (Lvm(1).report()[0].physical for _ in range(2))
    assert (back.missing, back.device) == (True, "/dev/sda")
    assert (gone.missing, gone.device) == (True, "")


def test_pools_are_no_volumes(fake: FakeLvm) -> None:
    """Seen on a real kernel: device-mapper has a pool under its UUID with '-pool', so nobody would find it up."""
    pool = {"lv_uuid": OTHER_UUID, "lv_name": "pool", "lv_size": "9", "lv_role": "private"}
    whole = part()
    fake.answers_with(
        report(part(lv=[pool, *whole["lv"]], seg=[*whole["seg"], {"lv_uuid": OTHER_UUID, "segtype": "thin-pool"}]))
    )
    (vg,) = Lvm(1).report()
    assert [lv.name for lv in vg.logical] == ["data"]


def test_complaints_about_the_configuration_may_come_before_a_report(fake: FakeLvm) -> None:
    fake.answers_with(f"  Ignoring unknown multipath_wwids_file.\n{json.dumps(report(part()))}\n")
    (vg,) = Lvm(1).report()
    assert vg.uuid == VG_UUID


def test_what_lvm_only_pretends_to_do_is_no_success(fake: FakeLvm) -> None:
    fake.answers_with(stderr="  TEST MODE: Metadata will NOT be updated and volumes will not be (de)activated.\n")
    assert isinstance(failed(lambda: Lvm(1).set_autoactivation("vg1", False)), CommandFailed)


def test_every_command_says_what_its_output_is_like_and_as_whom_it_speaks_in_one_option(fake: FakeLvm) -> None:
    for _ in range(3):
        fake.answers_with()
    lvm = Lvm(1, system_id="n1")
    lvm.activate("vg1")
    lvm.command("version")
    lvm.set_system_id("vg1", "n2", old="n1")
    configs = [argv[argv.index("--config") + 1] for argv in fake.asked]
    assert all('log{command_names=0 prefix="  "' in config for config in configs)
    assert ["n1" in config for config in configs] == [True, True, True]
    assert ['local/system_id="n2"' in config for config in configs] == [False, False, True]
    assert [argv.count("--config") for argv in fake.asked] == [1, 1, 1]


def test_a_group_that_is_whole_on_its_known_disks_takes_one_command(fake: FakeLvm) -> None:
    fake.answers_with(report(part(vg_name="renamed")))
    found = Lvm(1).find(VG_UUID, "vg1", ("/dev/sda",))
    assert found is not None
    assert found.name == "renamed"


def test_the_right_uuid_wins_over_the_right_name_wherever_it_was_seen(fake: FakeLvm) -> None:
    impostor = part(vg_uuid=OTHER_UUID)
    fake.answers_with(report(part(pv_name="[unknown]", vg_name="renamed")))
    fake.answers_with(report(impostor))
    found = Lvm(1).find(VG_UUID, "vg1", ("/dev/sda",))
    assert found is not None
    assert found.uuid == VG_UUID
    assert ["--devices" in argv for argv in fake.asked] == [True, False]
    fake.answers_with(report(impostor))
    assert (Lvm(1).find(VG_UUID, "vg1") or found).uuid == OTHER_UUID
    fake.answers_with(report(impostor))
    assert Lvm(1).find(VG_UUID, "vg2") is None


def test_the_mode_of_activation_is_always_said(fake: FakeLvm) -> None:
    for _ in range(4):
        fake.answers_with(status=5, stderr="no dmeventd")
    assert Lvm(1).activate("vg1").status == 5
    Lvm(1).activate("vg1", degraded=True)
    Lvm(1).activate_lv("vg1", "data")
    Lvm(1).activate_lv("vg1", "data", degraded=True)
    modes = [argv[argv.index("--activationmode") + 1] for argv in fake.asked]
    assert modes == ["complete", "degraded", "complete", "degraded"]
    assert [argv[argv.index("--config") - 1] for argv in fake.asked] == ["vg1", "vg1", "vg1/data", "vg1/data"]


def test_autoactivation_that_is_as_wished_is_no_error(fake: FakeLvm) -> None:
    fake.answers_with(status=5, stderr="  Volume group autoactivation is already no.\n")
    Lvm(1).set_autoactivation("vg1", False)
    fake.answers_with(status=5, stderr="  Cannot change VG vg1 while PVs are missing.\n")
    assert isinstance(failed(lambda: Lvm(1).set_autoactivation("vg1", False)), CommandFailed)


def test_the_system_id_is_what_follows_the_colon(fake: FakeLvm) -> None:
    fake.answers_with("  system ID: n1.a:b\n")
    fake.answers_with("  system ID: \n")
    assert [Lvm(1).own_system_id() for _ in range(2)] == ["n1.a:b", ""]
    fake.answers_with("n1\n")
    assert isinstance(failed(lambda: Lvm(1).own_system_id()), CommandGarbled)
    fake.answers_with("", 5, "no")
    assert isinstance(failed(lambda: Lvm(1).own_system_id()), CommandFailed)


def test_a_command_gets_the_time_that_is_left_and_no_more_than_its_own_limit(
    fake: FakeLvm, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def run(*_argv: object, deadline: float) -> Finished:
        given.append(deadline)
        return Finished(("lvm",), 0, "", "", 0.0)

    monkeypatch.setattr(lvm, "run", run)
    now = time.monotonic()
    for end in (now + 1000, now + 20, now - 1):
        Lvm(45, end).activate("vg1")
    assert given == pytest.approx([45, 20, LEAST], abs=1)


def test_each_device_that_comes_and_each_that_udev_notes_is_progress_of_an_activation(
    mocker: MockerFixture, tmp_path: Path
) -> None:
    dm_uuid = f"LVM-{VG_UUID.replace('-', '')}" + "x" * 32
    held = [dm.Device("vg1-data", dm_uuid, "253:0")]
    mocker.patch.object(dm, "list_devices", side_effect=lambda: tuple(held))
    mocker.patch.object(udev, "ENTRIES", str(tmp_path))
    seen: list[object] = []
    changes: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: held.append(dm.Device("vg1-www", dm_uuid, "253:1")),
        (tmp_path / "b253:1").touch,
        lambda: os.utime(tmp_path / "b253:1", ns=(0, 1)),
        (tmp_path / "b8:0").touch,  # a disk of somebody else
    )

    def run(*_argv: object, progress: Callable[[], object], **_limits: float) -> Finished:
        for change in changes:
            change()
            seen.append(progress())
        return Finished(("lvm",), 0, "", "", 0.0)

    mocker.patch.object(lvm, "run", side_effect=run)
    Lvm(45).activate("vg1", uuid=VG_UUID)
    assert len(set(map(repr, seen))) == 4
    assert seen[-1] == seen[-2]

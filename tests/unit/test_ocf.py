"""The OCF agents: which situation gives which return code and message, and what it costs in LVM commands."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from lvmkit.entry import boundary
from lvmkit.entry.ocf import tools
from lvmkit.entry.ocf.description import AGENTS
from lvmkit.entry.ocf.request import Invocation, parsed
from lvmkit.entry.report import Voice
from lvmkit.model import names
from lvmkit.model.value import replace
from lvmkit.storage import records
from tests.unit.ocf_server import (
    CONFIGURED,
    DISK,
    FAILED,
    INSTALLED,
    LVS,
    NODE,
    OK,
    OTHER_UUID,
    PEER,
    STOPPED,
    UNIMPLEMENTED,
    VG,
    VG_UUID,
    WWW,
    Server,
    installed,
    reason,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return installed(tmp_path, monkeypatch)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of what went to the log."""
    numbers: list[int] = []
    monkeypatch.setattr(Voice, "log", lambda _voice, message: numbers.append(message.number))
    return numbers


# ---- situations; each is named for what the server looks like


def down(_server: Server) -> None:
    """Nothing is up and nothing remembers a start."""


def started(server: Server) -> None:
    server.start()


def started_and_a_volume_vanished(server: Server) -> None:
    server.start()
    server.up.pop(names.dm_uuid(VG_UUID, WWW))


def started_and_all_vanished(server: Server) -> None:
    server.start()
    server.up.clear()


def started_and_a_volume_suspended(server: Server) -> None:
    server.start()
    server.appear("www", suspended=True)


def started_and_a_table_wiped(server: Server) -> None:
    server.start()
    server.appear("www", kind="error")


def started_and_the_disk_gone(server: Server) -> None:
    server.start()
    server.gone = {DISK}


def started_and_the_disk_unreadable(server: Server) -> None:
    server.start()
    server.unreadable = {DISK}


def started_and_in_use(server: Server) -> None:
    server.start()
    server.opened = 1
    server.appear("www")


def started_and_then_a_policy_spoilt(server: Server) -> None:
    server.start()
    server.given["missing_pv"] = "some"


def started_and_then_another_of_the_name_is_meant(server: Server) -> None:
    server.start()
    server.up.clear()
    server.given["vg_uuid"] = OTHER_UUID


def started_and_lvm_hangs(server: Server) -> None:
    server.start()
    server.hangs = True


def activated_by_hand(server: Server) -> None:
    for name in LVS:
        server.appear(name)


def activated_by_hand_and_a_volume_suspended(server: Server) -> None:
    activated_by_hand(server)
    server.appear("www", suspended=True)


def activated_by_hand_on_a_disk_that_went(server: Server) -> None:
    activated_by_hand(server)
    server.gone = {DISK}


def only_a_hidden_device_left(server: Server) -> None:
    server.appear("www")
    (uuid, status), *_ = server.up.items()
    server.up = {f"{uuid}-real": replace(status, uuid=f"{uuid}-real", name=f"{status.name}-real")}


def an_impostor_is_up(server: Server) -> None:
    server.appear("www", vg_uuid=OTHER_UUID)


def two_of_the_name_are_up(server: Server) -> None:
    server.given.pop("vg_uuid")
    server.appear("www", vg_uuid=OTHER_UUID)
    server.appear("data--x")


def not_on_any_disk(server: Server) -> None:
    server.found = 0


def two_of_the_name_on_disk(server: Server) -> None:
    server.given.pop("vg_uuid")
    server.found = 2


def an_impostor_on_disk(server: Server) -> None:
    server.uuid = OTHER_UUID


def exported(server: Server) -> None:
    server.exported = "exported"


def disk_missing(server: Server) -> None:
    server.missing = "missing"


def foreign(server: Server) -> None:
    server.owner = PEER


def without_lvm(server: Server) -> None:
    server.installed = False


def started_and_lvm_removed(server: Server) -> None:
    server.start()
    server.installed = False


def device_mapper_does_not_answer(server: Server) -> None:
    server.listed = False


def a_kernel_without_device_mapper(server: Server) -> None:
    server.listed = False
    server.drivers("Block devices:\n  8 sd\n")


def without_vg(server: Server) -> None:
    del server.given["vg"]


def with_a_forbidden_name(server: Server) -> None:
    server.given["vg"] = "../x"


def with_a_forbidden_uuid(server: Server) -> None:
    server.given["vg_uuid"] = "1234"


def with_a_forbidden_policy(server: Server) -> None:
    server.given["missing_pv"] = "some"


def with_a_node_name_lvm_changes(server: Server) -> None:
    server.given["ownership"] = "system_id"
    server.own_id = server.owner = "localhost.x"


TABLE: list[tuple[Callable[[Server], None], str, int, int]] = [
    (down, "monitor", STOPPED, 0),
    (down, "probe", STOPPED, 0),
    (down, "deep", STOPPED, 0),
    (down, "start", OK, 0),
    (down, "stop", OK, 0),
    (down, "validate-all", OK, 0),
    (down, "meta-data", OK, 0),
    (down, "promote", UNIMPLEMENTED, 110132),
    (down, "", UNIMPLEMENTED, 110132),
    (started, "monitor", OK, 0),
    (started, "probe", OK, 0),
    (started, "deep", OK, 0),
    (started, "start", OK, 0),
    (started, "stop", OK, 0),
    (started_and_a_volume_vanished, "monitor", FAILED, 110040),
    (started_and_a_volume_vanished, "probe", FAILED, 110040),
    (started_and_a_volume_vanished, "start", OK, 0),
    (started_and_a_volume_vanished, "stop", OK, 0),
    (started_and_all_vanished, "monitor", FAILED, 110040),
    (started_and_all_vanished, "probe", STOPPED, 0),
    (started_and_all_vanished, "stop", OK, 0),
    (started_and_a_volume_suspended, "monitor", FAILED, 110041),
    (started_and_a_table_wiped, "monitor", FAILED, 110042),
    (started_and_the_disk_gone, "monitor", FAILED, 110043),
    (started_and_the_disk_gone, "probe", FAILED, 110043),
    (started_and_the_disk_gone, "stop", OK, 0),
    (started_and_the_disk_unreadable, "monitor", OK, 0),
    (started_and_the_disk_unreadable, "deep", FAILED, 110045),
    (started_and_the_disk_unreadable, "stop", OK, 0),
    (started_and_in_use, "stop", FAILED, 110021),
    (started_and_then_a_policy_spoilt, "stop", OK, 0),
    (started_and_then_another_of_the_name_is_meant, "monitor", STOPPED, 0),
    (started_and_lvm_hangs, "monitor", OK, 0),
    (started_and_lvm_hangs, "stop", OK, 0),
    (activated_by_hand, "monitor", OK, 0),
    (activated_by_hand, "probe", OK, 0),
    (activated_by_hand, "deep", OK, 0),
    (activated_by_hand, "start", OK, 0),
    (activated_by_hand, "stop", OK, 0),
    (activated_by_hand_and_a_volume_suspended, "probe", FAILED, 110041),
    (activated_by_hand_on_a_disk_that_went, "probe", FAILED, 110043),
    (activated_by_hand_on_a_disk_that_went, "start", FAILED, 110033),
    (only_a_hidden_device_left, "probe", FAILED, 110022),
    (only_a_hidden_device_left, "stop", OK, 0),
    (an_impostor_is_up, "probe", STOPPED, 0),
    (an_impostor_is_up, "stop", OK, 0),
    (two_of_the_name_are_up, "probe", FAILED, 110070),
    (two_of_the_name_are_up, "stop", FAILED, 110070),
    (not_on_any_disk, "probe", STOPPED, 0),
    (not_on_any_disk, "start", INSTALLED, 110013),
    (not_on_any_disk, "stop", OK, 0),
    (not_on_any_disk, "validate-all", OK, 0),
    (not_on_any_disk, "deep validate-all", INSTALLED, 110013),
    (two_of_the_name_on_disk, "start", FAILED, 110070),
    (an_impostor_on_disk, "start", CONFIGURED, 110017),
    (exported, "start", CONFIGURED, 110015),
    (disk_missing, "start", FAILED, 110014),
    (foreign, "start", FAILED, 110016),
    (without_lvm, "start", INSTALLED, 110060),
    (without_lvm, "validate-all", INSTALLED, 110060),
    (without_lvm, "probe", STOPPED, 0),
    (without_lvm, "stop", OK, 0),
    (started_and_lvm_removed, "probe", OK, 0),
    (started_and_lvm_removed, "monitor", OK, 0),
    (device_mapper_does_not_answer, "probe", FAILED, 110052),
    (device_mapper_does_not_answer, "start", FAILED, 110052),
    (device_mapper_does_not_answer, "stop", FAILED, 110052),
    (a_kernel_without_device_mapper, "probe", STOPPED, 0),
    (a_kernel_without_device_mapper, "stop", OK, 0),
    (without_vg, "start", CONFIGURED, 110130),
    (without_vg, "probe", CONFIGURED, 110130),
    (without_vg, "validate-all", CONFIGURED, 110130),
    (without_vg, "meta-data", OK, 0),
    (without_vg, "stop", OK, 0),
    (with_a_forbidden_name, "start", CONFIGURED, 110131),
    (with_a_forbidden_name, "monitor", CONFIGURED, 110131),
    (with_a_forbidden_name, "stop", OK, 0),
    (with_a_forbidden_uuid, "validate-all", CONFIGURED, 110131),
    (with_a_forbidden_policy, "start", CONFIGURED, 110131),
    (with_a_forbidden_policy, "stop", OK, 0),
]


@pytest.mark.parametrize(("situation", "action", "code", "number"), TABLE)
def test_every_situation_has_its_return_code_and_its_reason(
    server: Server,
    logged: list[int],
    capfd: pytest.CaptureFixture[str],
    situation: Callable[[Server], None],
    action: str,
    code: int,
    number: int,
) -> None:
    situation(server)
    capfd.readouterr()
    server.level = "10" if action.startswith("deep") else ""
    server.interval = "0" if action == "probe" else "10000"
    called = {"probe": "monitor", "deep": "monitor", "deep validate-all": "validate-all"}.get(action, action)
    assert (server.call(called), reason(capfd)) == (code, number)
    if called == "monitor":
        assert server.commands == []
    if called == "stop" and code == OK and "given" not in situation.__name__:
        assert [uuid for uuid in server.up if uuid.startswith(names.dm_uuid(VG_UUID))] == []
    if called == "start" and code == OK:
        assert len(server.up) == len(LVS)
        assert server.call("monitor") == OK


def test_a_monitor_that_finds_all_well_says_nothing(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    server.start()
    capfd.readouterr()
    assert server.call("monitor") == OK
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_missing_interval_makes_a_probe_and_only_a_probe_warns(server: Server, logged: list[int]) -> None:
    activated_by_hand(server)
    server.interval = ""
    assert server.call("monitor") == OK
    assert logged == [110133]
    server.interval = "10000"
    assert server.call("monitor") == OK
    assert logged == [110133]


@pytest.mark.parametrize(("worn", "lost"), [("data--x", "www"), ("www", "data--x")])
def test_the_reason_is_an_error_and_not_a_warning_beside_it(
    server: Server, capfd: pytest.CaptureFixture[str], worn: str, lost: str
) -> None:
    server.start()
    server.appear(worn, kind="raid", params="raid1 2 Aa 5/10 resync 0")
    assert server.call("monitor") == OK
    server.up.pop(names.dm_uuid(VG_UUID, LVS[lost]))
    capfd.readouterr()
    assert (server.call("monitor"), reason(capfd)) == (FAILED, 110040)


def test_the_degraded_policy_starts_without_a_disk_and_warns(server: Server, logged: list[int]) -> None:
    disk_missing(server)
    server.given["missing_pv"] = "degraded"
    assert server.call("start") == OK
    assert 110029 in logged


def test_every_deadline_is_within_the_time_that_the_cluster_gives(server: Server) -> None:
    given = {f"OCF_RESKEY_{name}": value for name, value in server.given.items()}
    given["OCF_RESKEY_CRM_meta_timeout"] = "20000"
    request = parsed(Invocation(AGENTS["lvmvg"], given, NODE, server.paths, Voice("lvmvg", "lvmvg", "start")))
    short = tools.settings(request, server.paths, print)
    assert short.command_deadline + short.busy_patience + short.lock_patience + short.probe_deadline < 20
    assert tools.settings(replace(request, timeout=0.0), server.paths, print).command_deadline == 60


def test_a_failed_action_is_also_said_with_its_number_in_the_log(server: Server, logged: list[int]) -> None:
    foreign(server)
    server.call("start")
    assert logged == [110016]


# ---- LVM commands


@pytest.mark.parametrize(
    ("given", "situation", "commands"),
    [
        ({}, down, ["fullreport", "crm_mon", "vgchange -ay"]),
        ({"vg_uuid": ""}, down, ["fullreport", "crm_mon", "vgchange -ay"]),
        ({}, started, []),
        ({"vg_uuid": ""}, started, []),
        ({}, activated_by_hand, ["fullreport", "crm_mon"]),
        ({"ownership": "system_id"}, started, []),
    ],
)
def test_the_lvm_commands_of_a_start(
    server: Server, given: dict[str, str], situation: Callable[[Server], None], commands: list[str]
) -> None:
    server.given |= given
    situation(server)
    assert server.call("start") == OK
    assert server.commands == commands


@pytest.mark.parametrize(("kind", "commands"), [("linear", []), ("raid", ["vgchange -an"])])
def test_the_lvm_commands_of_a_stop(server: Server, kind: str, commands: list[str]) -> None:
    server.start()
    server.appear("www", kind=kind)
    for _ in range(2):
        assert server.call("stop") == OK
        assert server.commands == commands


# ---- one logical volume


@pytest.fixture
def volume(server: Server) -> Server:
    server.given = {"vg": VG, "lv": "www"}
    return server


@pytest.mark.parametrize("uuids", [{}, {"vg_uuid": VG_UUID}, {"vg_uuid": VG_UUID, "lv_uuid": WWW}, {"lv_uuid": WWW}])
def test_a_volume_alone_is_started_watched_and_stopped(volume: Server, uuids: dict[str, str]) -> None:
    volume.given |= uuids
    assert volume.call("monitor", "lvmlv") == STOPPED
    assert volume.call("start", "lvmlv") == OK
    assert volume.commands == ["fullreport", "crm_mon", "lvchange -ay"]
    assert list(volume.up) == [names.dm_uuid(VG_UUID, WWW)]
    volume.commands.clear()
    assert [volume.call(action, "lvmlv") for action in ("monitor", "start", "stop", "stop")] == [OK] * 4
    assert (volume.commands, volume.up) == ([], {})
    assert volume.call("monitor", "lvmlv") == STOPPED


@pytest.mark.parametrize(
    ("harm", "code", "number"),
    [
        (lambda server: server.up.clear(), FAILED, 110040),
        (lambda server: server.appear("www", suspended=True), FAILED, 110041),
        (lambda server: server.appear("www", kind="error"), FAILED, 110042),
        (lambda server: server.gone.add(DISK), FAILED, 110043),
        (lambda server: server.unreadable.add(DISK), OK, 0),
    ],
)
def test_what_happens_to_a_volume_alone_is_noticed(
    volume: Server, capfd: pytest.CaptureFixture[str], harm: Callable[[Server], None], code: int, number: int
) -> None:
    volume.start("lvmlv")
    harm(volume)
    assert (volume.call("monitor", "lvmlv"), reason(capfd)) == (code, number)
    volume.level = "10"
    assert volume.call("monitor", "lvmlv") == FAILED
    assert volume.commands == []


def test_a_volume_that_vanished_is_simply_down_for_a_probe(volume: Server) -> None:
    volume.start("lvmlv")
    volume.up.clear()
    volume.interval = "0"
    assert volume.call("monitor", "lvmlv") == STOPPED


def test_a_volume_that_was_made_anew_under_its_name_is_the_one_that_starts(volume: Server) -> None:
    volume.start("lvmlv")
    own = replace(volume.paths, run=f"{volume.paths.run}/lvmlv-www")
    old = records.load(own, f"lvmvg-{VG}")
    assert old is not None
    records.store(own, replace(old, logical=(replace(old.logical[0], uuid=OTHER_UUID),)))
    volume.up.clear()
    assert [volume.call(action, "lvmlv") for action in ("start", "monitor", "stop", "monitor")] == [OK, OK, OK, STOPPED]


def test_a_volume_of_the_same_name_in_another_group_is_not_touched(volume: Server) -> None:
    volume.appear("www", vg_uuid=OTHER_UUID)
    volume.given["vg_uuid"] = VG_UUID
    assert [volume.call(action, "lvmlv") for action in ("monitor", "stop")] == [STOPPED, OK]
    assert len(volume.up) == 1


def test_a_volume_that_a_snapshot_keeps_up_is_stopped_all_the_same(volume: Server) -> None:
    volume.start()
    volume.start("lvmlv")
    volume.appear("www", kind="snapshot-origin")
    assert volume.call("stop", "lvmlv") == OK
    assert len(volume.up) == len(LVS)
    assert volume.call("monitor", "lvmlv") == STOPPED
    assert [volume.call(action, "lvmlv") for action in ("start", "monitor")] == [OK, OK]


def test_a_volume_that_its_group_brought_up_runs_and_is_not_warned_of(volume: Server, logged: list[int]) -> None:
    volume.start()
    logged.clear()
    volume.interval = "0"
    assert volume.call("monitor", "lvmlv") == OK
    assert logged == []
    assert volume.call("start", "lvmlv") == OK
    assert volume.commands == []


def test_a_volume_that_its_group_brought_up_is_started_without_what_a_real_start_takes(
    volume: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume.given |= {"vg_uuid": VG_UUID, "lv_uuid": WWW}
    volume.start()
    real_start = Mock(return_value=FAILED)
    monkeypatch.setattr(boundary, "guarded", real_start)
    assert volume.call("start", "lvmlv") == OK
    assert (volume.call("monitor", "lvmlv"), real_start.call_count) == (OK, 0)


@pytest.mark.parametrize(
    "trouble",
    ["suspended", "gone", "not in the record of the group", "no record of the group", "group of another UUID"],
)
def test_a_volume_that_is_not_up_as_its_group_left_it_takes_a_real_start(
    volume: Server, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    volume.given |= {"vg_uuid": VG_UUID, "lv_uuid": WWW}
    volume.start()
    uuid = names.dm_uuid(VG_UUID, WWW)
    record = records.load(volume.paths, names.lvmvg_id(VG))
    assert record is not None
    if trouble == "suspended":
        volume.up[uuid] = replace(volume.up[uuid], suspended=True)
    elif trouble == "gone":
        del volume.up[uuid]
    elif trouble == "not in the record of the group":
        records.store(volume.paths, replace(record, logical=tuple(lv for lv in record.logical if lv.uuid != WWW)))
    elif trouble == "no record of the group":
        records.drop(volume.paths, names.lvmvg_id(VG))
    else:
        records.store(volume.paths, replace(record, vg_uuid=OTHER_UUID))
    real_start = Mock(return_value=FAILED)
    monkeypatch.setattr(boundary, "guarded", real_start)
    assert (volume.call("start", "lvmlv"), real_start.call_count) == (FAILED, 1)


def test_a_volume_that_was_stopped_is_not_missed_by_its_group(volume: Server) -> None:
    volume.start()
    volume.start("lvmlv")
    assert volume.call("stop", "lvmlv") == OK
    assert volume.call("monitor", "lvmlv") == STOPPED
    assert volume.call("monitor") == OK
    assert volume.call("start", "lvmlv") == OK
    assert volume.call("stop") == OK


@pytest.mark.parametrize(
    ("given", "number", "code"),
    [
        ({"lv": ""}, 110130, CONFIGURED),
        ({"lv": "x_rimage_0"}, 110131, CONFIGURED),
        ({"lv": "none"}, 110028, FAILED),
        ({"lv_uuid": OTHER_UUID}, 110028, FAILED),
    ],
)
def test_a_volume_that_cannot_be_is_refused(
    volume: Server, capfd: pytest.CaptureFixture[str], given: dict[str, str], number: int, code: int
) -> None:
    volume.given |= given
    assert (volume.call("start", "lvmlv"), reason(capfd)) == (code, number)
    assert volume.up == {}


def test_a_volume_of_an_owned_group_is_started_under_the_owners_name(volume: Server) -> None:
    volume.owner = NODE
    assert volume.call("start", "lvmlv") == FAILED
    volume.given["ownership"] = "system_id"
    assert volume.call("start", "lvmlv") == OK

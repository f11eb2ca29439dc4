"""The OCF agents: which situation gives which return code and message, and what it costs in LVM commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.entry import boundary
from lvmkit.entry.ocf import tools
from lvmkit.entry.ocf.description import AGENTS
from lvmkit.entry.ocf.request import Invocation, parsed
from lvmkit.entry.report import Voice
from lvmkit.model import names
from lvmkit.model.messages.ownership import NodeNameUnusable, UpWithoutRecord
from lvmkit.model.messages.service import EndSuccessful
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.value import replace
from lvmkit.storage import dm, records
from tests.unit.agent_server import (
    ARGUMENTS,
    CONFIGURED,
    DATA,
    FAILED,
    INSTALLED,
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
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from unittest.mock import Mock

    from pytest_mock import MockerFixture


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


# ---- situations; each is named for what the server looks like


def down(_server: Server) -> None:
    """Nothing is up and nothing remembers a start."""


def started(server: Server) -> None:
    server.start()


def started_and_a_volume_vanished(server: Server) -> None:
    server.start()
    server.take_away([WWW])


def started_and_all_vanished(server: Server) -> None:
    server.start()
    server.take_away()


def started_and_a_volume_suspended(server: Server) -> None:
    server.start()
    server.device().suspended = True


def started_and_a_table_wiped(server: Server) -> None:
    server.start()
    server.device().kind = "error"


def started_and_the_disk_gone(server: Server) -> None:
    server.start()
    server.machine.detach(server.disk)


def started_and_the_disk_unreadable(server: Server) -> None:
    server.start()
    server.machine.set_state(server.disk, "fails")


def started_and_in_use(server: Server) -> None:
    server.start()
    server.machine.start_process(77, "bash", opens=["/dev/my-vg/www"])


def started_and_then_a_policy_spoilt(server: Server) -> None:
    server.start()
    server.given["missing_pv"] = "some"


def started_and_then_another_of_the_name_is_meant(server: Server) -> None:
    server.start()
    server.take_away()
    server.given["vg_uuid"] = OTHER_UUID


def started_and_lvm_hangs(server: Server) -> None:
    server.start()
    server.machine.slow["/lvm "] = float("inf")


def activated_by_hand(server: Server) -> None:
    server.activate_by_hand()


def activated_by_hand_and_a_volume_suspended(server: Server) -> None:
    server.activate_by_hand()
    server.device().suspended = True


def activated_by_hand_on_a_disk_that_went(server: Server) -> None:
    server.activate_by_hand()
    server.machine.detach(server.disk)


def activated_by_hand_on_a_disk_that_came_back(server: Server) -> None:
    activated_by_hand_on_a_disk_that_went(server)
    server.machine.attach(server.disk, "sdb")


def one_volume_activated_by_hand_on_a_disk_that_came_back(server: Server) -> None:
    activated_by_hand_on_a_disk_that_came_back(server)
    vanished(server)


def only_a_hidden_device_left(server: Server) -> None:
    server.add_device(VG_UUID, "-real")


def an_impostor_is_up(server: Server) -> None:
    server.add_device(OTHER_UUID)


def two_of_the_name_are_up(server: Server) -> None:
    server.given.pop("vg_uuid")
    server.add_device(OTHER_UUID)
    server.machine.by_hand("lvchange", "-ay", f"{VG}/data-x")


def not_on_any_disk(server: Server) -> None:
    server.disk.wipe()


def two_of_the_name_on_disk(server: Server) -> None:
    server.given.pop("vg_uuid")
    server.put_group(OTHER_UUID)


def an_impostor_on_disk(server: Server) -> None:
    server.write(uuid=OTHER_UUID)


def exported(server: Server) -> None:
    server.write(exported=True)


def disk_missing(server: Server) -> None:
    server.write(disks=(*server.metadata.disks, OTHER_UUID))


def foreign(server: Server) -> None:
    server.write(system_id=PEER)


def without_lvm(server: Server) -> None:
    server.machine.uninstall("lvm")


def started_and_lvm_removed(server: Server) -> None:
    server.start()
    server.machine.uninstall("lvm")


def device_mapper_does_not_answer(server: Server) -> None:
    server.machine.dm.listing = False


def a_kernel_without_device_mapper(server: Server) -> None:
    server.machine.dm.listing = False
    server.machine.set_drivers("sd")


def without_vg(server: Server) -> None:
    del server.given["vg"]


def with_a_forbidden_name(server: Server) -> None:
    server.given["vg"] = "../x"


def with_a_forbidden_uuid(server: Server) -> None:
    server.given["vg_uuid"] = "1234"


def with_a_forbidden_policy(server: Server) -> None:
    server.given["missing_pv"] = "some"


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
    (activated_by_hand_on_a_disk_that_came_back, "probe", FAILED, 110043),
    (activated_by_hand_on_a_disk_that_came_back, "start", FAILED, 110033),
    (one_volume_activated_by_hand_on_a_disk_that_came_back, "start", FAILED, 110033),
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
    server: Server, situation: Callable[[Server], None], action: str, code: int, number: int
) -> None:
    situation(server)
    server.level = "10" if action.startswith("deep") else ""
    server.interval = "0" if action == "probe" else "10000"
    called = {"probe": "monitor", "deep": "monitor", "deep validate-all": "validate-all"}.get(action, action)
    answer = server.call(called)
    assert (answer.code, answer.reason) == (code, number)
    if called == "monitor":
        assert server.commands == []
    if called == "stop" and code == OK and "given" not in situation.__name__:
        assert [uuid for uuid in server.up if uuid.startswith(names.dm_uuid(VG_UUID))] == []
        assert records.load(server.paths, names.lvmvg_id(VG)) is None
    if called == "start" and code == OK:
        assert server.up == [names.dm_uuid(VG_UUID, volume) for volume in (DATA, WWW)]
        assert server.call("monitor").code == OK


def test_a_monitor_that_finds_all_well_says_nothing(server: Server) -> None:
    server.start()
    answer = server.call("monitor")
    assert (answer.code, answer.out, answer.err) == (OK, [], "")


def test_a_missing_interval_makes_a_probe_and_only_a_probe_warns(server: Server) -> None:
    server.activate_by_hand()
    server.interval = ""
    assert (answer := server.call("monitor")).code == OK
    assert answer.logged == [110133]
    server.interval = "10000"
    assert (answer := server.call("monitor")).code == OK
    assert answer.logged == []


@pytest.mark.parametrize(("worn", "lost"), [(DATA, WWW), (WWW, DATA)])
def test_the_reason_is_an_error_and_not_a_warning_beside_it(server: Server, worn: str, lost: str) -> None:
    server.start()
    server.device(worn).kind, server.device(worn).status = "raid", "raid1 2 Aa 5/10 resync 0"
    assert server.call("monitor").code == OK
    server.take_away([lost])
    answer = server.call("monitor")
    assert (answer.code, answer.reason) == (FAILED, 110040)


def test_the_degraded_policy_starts_without_a_disk_and_warns(tmp_path: Path) -> None:
    server = Server(tmp_path, "raid1")
    disk_missing(server)
    server.given["missing_pv"] = "degraded"
    answer = server.call("start")
    assert answer.code == OK
    assert 110029 in answer.logged


def test_every_deadline_is_within_the_time_that_the_cluster_gives(server: Server) -> None:
    given = {f"OCF_RESKEY_{name}": value for name, value in server.given.items()}
    given["OCF_RESKEY_CRM_meta_timeout"] = "20000"
    request = parsed(Invocation(AGENTS["lvmvg"], given, NODE, server.paths, Voice("lvmvg", "lvmvg", "start")))
    assert request.timeout == 20
    short = tools.settings(request, server.paths, print)
    assert short.command_deadline + short.busy_patience + short.lock_patience + short.probe_deadline < 20
    assert tools.settings(replace(request, timeout=0.0), server.paths, print).command_deadline == 60


def test_commands_that_are_slow_one_after_the_other_end_within_that_time_together(server: Server) -> None:
    server.machine.slow["/lvm "] = 9.5
    answer = server.call("start")
    assert (answer.code, answer.reason) == (FAILED, CommandHung.number)
    assert server.machine.slept < 20


def test_a_failed_action_is_also_said_with_its_number_in_the_log(server: Server) -> None:
    foreign(server)
    assert server.call("start").logged == [110016]


def test_so_is_a_monitor_that_found_a_fault(server: Server) -> None:
    started_and_a_volume_vanished(server)
    assert server.call("monitor").logged == [110040]


@pytest.mark.parametrize("agent", ["lvmvg", "lvmlv"])
def test_a_start_and_a_stop_say_that_they_have_ended_and_a_validation_says_nothing(server: Server, agent: str) -> None:
    server.given["lv"] = "www"
    said = [server.call(action, agent).said for action in ("start", "start", "stop", "validate-all")]
    assert said == [[EndSuccessful.number]] * 3 + [[]]


def test_a_volume_that_came_up_with_its_group_is_said_to_have_started(volume: Server) -> None:
    volume.given |= {"vg_uuid": VG_UUID, "lv_uuid": WWW}
    volume.start()
    assert volume.call("start", "lvmlv").said == [EndSuccessful.number]


@pytest.mark.parametrize("action", ["promote", ""])
def test_an_action_that_the_agent_does_not_have_is_named(server: Server, action: str) -> None:
    assert f" '{action}' is not an action of this agent" in server.call(action).err


@pytest.mark.parametrize(("agent", "named"), [("lvmvg", "volume group my-vg"), ("lvmlv", "logical volume my-vg/www")])
def test_what_somebody_activated_by_hand_is_named(
    server: Server, mocker: MockerFixture, agent: str, named: str
) -> None:
    server.activate_by_hand()
    server.given["lv"], server.interval = "www", "0"
    logged: Mock = mocker.patch.object(Voice, "log")
    server.call("monitor", agent)
    assert [call.args for call in logged.call_args_list] == [(UpWithoutRecord(named),)]


def test_a_deep_monitor_reads_the_disks_of_what_was_activated_by_hand(server: Server) -> None:
    server.activate_by_hand()
    disk_unreadable(server)
    server.level = "10"
    answer = server.call("monitor")
    assert (answer.code, answer.reason) == (FAILED, 110045)


@pytest.mark.parametrize("action", ["start", "validate-all"])
def test_a_node_that_could_not_own_the_group_is_refused_before_anything_is_asked(server: Server, action: str) -> None:
    server.given.update(ownership="system_id", OCF_RESKEY_CRM_meta_on_node="n:1")
    answer = server.call(action)
    assert (answer.code, answer.reason, server.commands) == (ARGUMENTS, NodeNameUnusable.number, [])


def test_an_error_of_the_agent_itself_is_a_number_for_the_cluster_and_a_trace_in_the_log(
    server: Server, mocker: MockerFixture
) -> None:
    mocker.patch.object(dm, "list_devices", side_effect=ZeroDivisionError)
    traced: Mock = mocker.patch.object(Voice, "log_text")
    answer = server.call("monitor")
    assert (answer.code, answer.reason, "Traceback" in answer.err) == (FAILED, 110099, False)
    assert "ZeroDivisionError" in traced.call_args.args[0]


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
    assert server.call("start").code == OK
    assert server.commands == commands


@pytest.mark.parametrize(("kind", "commands"), [("linear", []), ("raid", ["vgchange -an"])])
def test_the_lvm_commands_of_a_stop(server: Server, kind: str, commands: list[str]) -> None:
    server.start()
    server.device().kind = kind
    for _ in range(2):
        assert server.call("stop").code == OK
        assert server.commands == commands


# ---- one logical volume


@pytest.fixture
def volume(server: Server) -> Server:
    server.given = {"vg": VG, "lv": "www"}
    return server


def codes(server: Server, *actions: str) -> list[int]:
    """What the agent of volumes answers, in turn."""
    return [server.call(action, "lvmlv").code for action in actions]


@pytest.mark.parametrize("uuids", [{}, {"vg_uuid": VG_UUID}, {"vg_uuid": VG_UUID, "lv_uuid": WWW}, {"lv_uuid": WWW}])
def test_a_volume_alone_is_started_watched_and_stopped(volume: Server, uuids: dict[str, str]) -> None:
    volume.given |= uuids
    assert codes(volume, "monitor", "start") == [STOPPED, OK]
    assert volume.commands == ["fullreport", "crm_mon", "lvchange -ay"]
    assert volume.up == [names.dm_uuid(VG_UUID, WWW)]
    volume.machine.ran.clear()
    assert codes(volume, "monitor", "start", "stop", "stop") == [OK] * 4
    assert (volume.commands, volume.up) == ([], [])
    assert codes(volume, "monitor") == [STOPPED]


def vanished(server: Server) -> None:
    server.take_away([WWW])


def suspended(server: Server) -> None:
    server.device().suspended = True


def wiped(server: Server) -> None:
    server.device().kind = "error"


def disk_gone(server: Server) -> None:
    server.machine.detach(server.disk)


def disk_unreadable(server: Server) -> None:
    server.machine.set_state(server.disk, "fails")


@pytest.mark.parametrize(
    ("harm", "code", "number"),
    [
        (vanished, FAILED, 110040),
        (suspended, FAILED, 110041),
        (wiped, FAILED, 110042),
        (disk_gone, FAILED, 110043),
        (disk_unreadable, OK, 0),
    ],
)
def test_what_happens_to_a_volume_alone_is_noticed(
    volume: Server, harm: Callable[[Server], None], code: int, number: int
) -> None:
    volume.start("lvmlv")
    harm(volume)
    answer = volume.call("monitor", "lvmlv")
    assert (answer.code, answer.reason) == (code, number)
    volume.level = "10"
    assert codes(volume, "monitor") == [FAILED]
    assert volume.commands == []


@pytest.mark.parametrize("agent", ["lvmvg", "lvmlv"])
def test_a_volume_whose_disks_can_be_read_is_well_whoever_started_it(volume: Server, agent: str) -> None:
    volume.start(agent)
    volume.level = "10"
    answer = volume.call("monitor", "lvmlv")
    assert (answer.code, answer.logged) == (OK, [])


def test_a_volume_that_vanished_is_simply_down_for_a_probe(volume: Server) -> None:
    volume.start("lvmlv")
    vanished(volume)
    volume.interval = "0"
    assert codes(volume, "monitor") == [STOPPED]


def test_a_volume_that_was_made_anew_under_its_name_is_the_one_that_starts(volume: Server) -> None:
    volume.start("lvmlv")
    own = replace(volume.paths, run=f"{volume.paths.run}/lvmlv-www")
    old = records.load(own, f"lvmvg-{VG}")
    assert old is not None
    records.store(own, replace(old, logical=(replace(old.logical[0], uuid=OTHER_UUID),)))
    vanished(volume)
    assert codes(volume, "start", "monitor", "stop", "monitor") == [OK, OK, OK, STOPPED]


def test_a_volume_of_the_same_name_in_another_group_is_not_touched(volume: Server) -> None:
    volume.add_device(OTHER_UUID)
    volume.given["vg_uuid"] = VG_UUID
    assert codes(volume, "monitor", "stop") == [STOPPED, OK]
    assert len(volume.up) == 1


def test_a_volume_that_a_snapshot_keeps_up_is_stopped_all_the_same(volume: Server) -> None:
    volume.start()
    volume.start("lvmlv")
    volume.device().kind = "snapshot-origin"
    assert codes(volume, "stop") == [OK]
    assert len(volume.up) == 2
    assert codes(volume, "monitor", "start", "monitor") == [STOPPED, OK, OK]


def test_a_volume_that_its_group_brought_up_runs_and_is_not_warned_of(volume: Server) -> None:
    volume.start()
    volume.interval = "0"
    answer = volume.call("monitor", "lvmlv")
    assert (answer.code, answer.logged) == (OK, [])
    assert codes(volume, "start") == [OK]
    assert volume.commands == []


def test_a_volume_that_its_group_brought_up_is_started_without_what_a_real_start_takes(
    volume: Server, mocker: MockerFixture
) -> None:
    volume.given |= {"vg_uuid": VG_UUID, "lv_uuid": WWW}
    volume.start()
    real_start: Mock = mocker.patch.object(boundary, "guarded", return_value=FAILED)
    assert codes(volume, "start", "monitor") == [OK, OK]
    real_start.assert_not_called()


@pytest.mark.parametrize(
    "trouble",
    ["suspended", "gone", "not in the record of the group", "no record of the group", "group of another UUID"],
)
def test_a_volume_that_is_not_up_as_its_group_left_it_takes_a_real_start(
    volume: Server, mocker: MockerFixture, trouble: str
) -> None:
    volume.given |= {"vg_uuid": VG_UUID, "lv_uuid": WWW}
    volume.start()
    record = records.load(volume.paths, names.lvmvg_id(VG))
    assert record is not None
    if trouble == "suspended":
        suspended(volume)
    elif trouble == "gone":
        vanished(volume)
    elif trouble == "not in the record of the group":
        records.store(volume.paths, replace(record, logical=tuple(lv for lv in record.logical if lv.uuid != WWW)))
    elif trouble == "no record of the group":
        records.drop(volume.paths, names.lvmvg_id(VG))
    else:
        records.store(volume.paths, replace(record, vg_uuid=OTHER_UUID))
    real_start: Mock = mocker.patch.object(boundary, "guarded", return_value=FAILED)
    assert codes(volume, "start") == [FAILED]
    real_start.assert_called_once()


def test_a_volume_that_was_stopped_is_not_missed_by_its_group(volume: Server) -> None:
    volume.start()
    volume.start("lvmlv")
    assert codes(volume, "stop", "monitor") == [OK, STOPPED]
    assert volume.call("monitor").code == OK
    assert codes(volume, "start") == [OK]
    assert volume.call("stop").code == OK


@pytest.mark.parametrize(
    ("given", "number", "code", "words"),
    [
        ({"lv": ""}, 110130, CONFIGURED, ""),
        ({"lv": "x_rimage_0"}, 110131, CONFIGURED, ""),
        ({"lv": "none"}, 110028, FAILED, "none (by its name)"),
        ({"lv_uuid": OTHER_UUID}, 110028, FAILED, f"www ({OTHER_UUID})"),
    ],
)
def test_a_volume_that_cannot_be_is_refused(
    volume: Server, given: dict[str, str], number: int, code: int, words: str
) -> None:
    volume.given |= given
    answer = volume.call("start", "lvmlv")
    assert (answer.code, answer.reason) == (code, number)
    assert words in answer.err
    assert volume.up == []


def test_a_volume_of_an_owned_group_is_started_under_the_owners_name(volume: Server) -> None:
    volume.write(system_id=NODE)
    assert codes(volume, "start") == [FAILED]
    volume.given["ownership"] = "system_id"
    assert codes(volume, "start") == [OK]

"""Resource types of other kits: their scripts run for the cluster, for checks, and where a hierarchy is extended."""

from __future__ import annotations

import os
import select
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.pacemaker import Pacemaker
from lvmkit.cluster.port import Change
from lvmkit.entry.ocf import agent
from lvmkit.entry.report import Voice
from lvmkit.host import Host
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import ActionFailed, ActionHung, ScriptRefused, StateNotStored
from lvmkit.model.messages.faults import CheckFailed
from lvmkit.model.messages.guide import TypeNotInstalled
from lvmkit.model.messages.ownership import ParameterInvalid, ParameterMissing
from lvmkit.model.messages.service import EndSuccessful
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import replace
from lvmkit.resources import dispatch, scripts
from tests.unit.conftest import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from unittest.mock import Mock

    from pytest_mock import MockerFixture

    from lvmkit.model.messages import Message

DATABASE = Instance("n1", "database", "pgsql", "/db-main", "/srv/db")
GIVEN = {"app": "database", "type": "pgsql", "tag": DATABASE.tag, "id": DATABASE.id}
AGENT = "/usr/lib/ocf/resource.d/lvmkit/action"
OK, FAILED, ARGUMENTS, PERMISSION, INSTALLED, STOPPED = 0, 1, 2, 4, 5, 7


class Kit:
    """A kit of somebody else: its service is a file."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(lkroot=f"{folder}/lk", run=f"{folder}/run", defaults=f"{folder}/defaults")
        self.service, self.calls = folder / "service", folder / "calls"
        self.calls.touch()
        self.given = dict(GIVEN)
        self.script("restore", f"touch {self.service}")
        self.script("remove", f"rm -f {self.service}")
        self.script("quickCheck", f"test -f {self.service}")

    def script(self, name: str, body: str, folder: str = "subsys/database/resources/pgsql/actions") -> Path:
        path = Path(self.paths.lkroot, folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $@" >> {self.calls}\n{body}\n')
        path.chmod(0o755)
        return path

    def uninstall(self, *names: str) -> None:
        for name in names or ("restore", "remove", "quickCheck"):
            Path(self.paths.lkroot, "subsys/database/resources/pgsql/actions", name).unlink()

    def ask(self, action: str, **meta: object) -> int:
        """meta: what the cluster says besides; None for what it does not say."""
        environment = {f"OCF_RESKEY_{name}": value for name, value in self.given.items()}
        said = {"interval": 60000, "timeout": 20000, "on_node": "n1", **meta}
        told = {f"OCF_RESKEY_CRM_meta_{name}": str(value) for name, value in said.items() if value is not None}
        return agent.main(AGENT, [action], self.paths, {**environment, **told, "OCF_RESOURCE_INSTANCE": "lvmkit-db"})

    def probe(self) -> int:
        return self.ask("monitor", interval=0)

    def ran(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def kit(disk_path: Path) -> Kit:
    return Kit(disk_path)


def test_start_monitor_and_stop_are_the_scripts_with_tag_and_id(kit: Kit) -> None:
    codes = [kit.ask(action) for action in ("start", "monitor", "stop")]
    assert codes == [OK] * 3
    given = f"-t {DATABASE.tag} -i {DATABASE.id}"
    assert kit.ran() == [f"restore {given}", f"quickCheck {given}", f"remove {given}"]


def test_a_service_that_died_has_failed_and_is_not_merely_stopped(kit: Kit, capfd: pytest.CaptureFixture[str]) -> None:
    kit.ask("start")
    kit.service.unlink()
    assert (kit.ask("monitor"), kit.probe()) == (FAILED, FAILED)
    assert f"ocf-exit-reason:{CheckFailed.number}" in capfd.readouterr().err
    assert [kit.ask(action) for action in ("stop", "start", "monitor")] == [OK] * 3


def test_a_probe_is_answered_by_what_was_started_not_by_a_check_that_is_right_in_service_only(kit: Kit) -> None:
    kit.script("quickCheck", "exit 0")
    assert kit.probe() == STOPPED
    kit.ask("start")
    assert kit.probe() == OK
    kit.ask("stop")
    assert kit.probe() == STOPPED


def test_a_kit_without_a_check_runs_from_its_start_to_its_stop(kit: Kit) -> None:
    kit.uninstall("quickCheck")
    assert [kit.probe(), kit.ask("start"), kit.ask("monitor"), kit.probe()] == [STOPPED, OK, OK, OK]


def test_a_start_that_cannot_be_noted_is_one_all_the_same(kit: Kit, mocker: MockerFixture) -> None:
    logged: Mock = mocker.patch.object(Voice, "log")
    Path(kit.paths.run).write_text("no folder")
    assert kit.ask("start") == OK
    assert [type(call.args[0]) for call in logged.call_args_list] == [StateNotStored, EndSuccessful]
    assert [kit.ask("monitor"), kit.ask("stop")] == [OK] * 2


def test_nor_does_a_note_that_cannot_be_removed_fail_a_stop(kit: Kit, mocker: MockerFixture) -> None:
    logged: Mock = mocker.patch.object(Voice, "log")
    kit.ask("start")
    logged.reset_mock()
    (note,) = Path(kit.paths.run).iterdir()
    note.unlink()
    note.mkdir()
    assert kit.ask("stop") == OK
    assert [type(call.args[0]) for call in logged.call_args_list] == [StateNotStored, EndSuccessful]


def test_notes_can_be_looked_up_by_everybody(kit: Kit) -> None:
    kit.ask("start")
    assert Path(kit.paths.run).stat().st_mode & 0o777 == 0o755


def test_the_start_of_a_resource_with_a_long_tag_is_noted(kit: Kit) -> None:
    kit.given["tag"] = "db-" + "a" * 200
    assert (kit.ask("start"), kit.probe()) == (OK, OK)


@pytest.mark.parametrize("character", ["/", "_", "\u00e9"])
def test_however_long_its_note_s_name_would_be(kit: Kit, character: str) -> None:
    kit.given["tag"] = "x" + character * 254
    assert (kit.ask("start"), kit.probe()) == (OK, OK)
    kit.given["tag"] = kit.given["tag"][:-1] + "z"
    assert kit.probe() == STOPPED


@pytest.mark.parametrize(("tag", "name"), [(DATABASE.tag, "_2f_db-main"), ("x" * 200, "x" * 200)])
def test_a_start_that_an_older_version_has_noted_is_known(kit: Kit, tag: str, name: str) -> None:
    kit.given["tag"] = tag
    kit.service.touch()
    note = Path(kit.paths.run, f"action-{name}")
    note.parent.mkdir()
    note.touch()
    assert kit.probe() == OK


def test_tags_that_differ_have_notes_that_differ(kit: Kit) -> None:
    kit.ask("start")
    kit.given["tag"] = "_2f_db-main"
    assert kit.probe() == STOPPED


def test_where_the_type_is_not_installed_nothing_starts_and_nothing_needs_a_stop(kit: Kit) -> None:
    kit.uninstall()
    assert [kit.ask(action) for action in ("start", "validate-all", "stop")] == [INSTALLED, INSTALLED, OK]
    assert kit.probe() == STOPPED


@pytest.mark.parametrize(("told", "name"), [("n7", "n7"), (None, os.uname().nodename)])
def test_where_a_type_is_not_installed_is_said_by_the_name_that_the_cluster_has_for_the_node(
    kit: Kit, capfd: pytest.CaptureFixture[str], told: str | None, name: str
) -> None:
    kit.uninstall()
    kit.ask("start", on_node=told)
    assert TypeNotInstalled("pgsql", name).text in capfd.readouterr().err


def test_an_agent_runs_the_kits_of_the_installation_that_it_is_in(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(kit.paths.lkroot)
    monkeypatch.setattr(agent, "Paths", partial(Paths, lkroot=f"{root.parent}/packages", run=kit.paths.run))
    environment = {f"OCF_RESKEY_{name}": value for name, value in kit.given.items()}
    place = "lib/ocf/resource.d/lvmkit/action"
    assert agent.main(f"{root}/{place}", ["start"], None, environment) == OK
    assert agent.main(f"{root}/bin/action", ["start"], None, environment) == INSTALLED
    root.rename(root.parent / "packages")
    assert agent.main(f"{root.parent}/checkout/{place}", ["start"], None, environment) == OK


def test_what_was_started_by_a_kit_that_is_gone_is_not_called_stopped(kit: Kit) -> None:
    kit.ask("start")
    kit.uninstall()
    assert kit.ask("stop") == INSTALLED


def test_a_script_that_others_could_have_written_is_not_run(kit: Kit) -> None:
    kit.script("restore", "true").chmod(0o757)
    assert kit.ask("start") == PERMISSION
    assert kit.ran() == []


def test_what_could_not_be_stopped_is_not_started(kit: Kit) -> None:
    kit.script("remove", "true").chmod(0o757)
    assert kit.ask("start") == PERMISSION
    assert kit.ran() == []


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("type", "../x", ParameterInvalid), ("app", "", ParameterMissing), ("tag", "a;b", ParameterInvalid)],
)
def test_parameters_are_checked(
    kit: Kit, name: str, value: str, kind: type[Message], capfd: pytest.CaptureFixture[str]
) -> None:
    kit.given[name] = value
    assert kit.ask("start") != OK
    assert f"{kind.number}" in capfd.readouterr().err
    assert kit.ran() == []


def test_what_can_never_have_started_is_stopped(kit: Kit, capfd: pytest.CaptureFixture[str]) -> None:
    """A stop that fails gets the node fenced."""
    kit.given["app"] = ""
    assert kit.ask("stop") == OK
    assert f"{ParameterMissing.number}" in capfd.readouterr().err
    assert kit.ran() == []


def test_a_start_or_stop_that_fails_says_so(kit: Kit) -> None:
    kit.script("restore", "exit 3")
    kit.script("remove", "exit 4")
    assert [kit.ask("start"), kit.ask("stop")] == [FAILED, FAILED]
    assert kit.probe() == STOPPED, "what did not come up is not noted"


@pytest.mark.parametrize("action", ["start", "stop"])
def test_a_script_that_hangs_is_named_before_the_cluster_s_time_is_over(
    kit: Kit, capfd: pytest.CaptureFixture[str], action: str
) -> None:
    kit.ask("start")
    kit.script("restore" if action == "start" else "remove", "exec sleep 20")
    begun = time.monotonic()
    assert kit.ask(action, timeout=500) == FAILED
    assert time.monotonic() - begun < 15
    assert f"ocf-exit-reason:{ActionHung.number}" in capfd.readouterr().err


def test_a_script_has_the_settings_time_where_the_cluster_gives_none(kit: Kit) -> None:
    kit.script("restore", "sleep 0.2")
    assert kit.ask("start", timeout=None) == OK


@pytest.mark.parametrize(("action", "script"), [("start", "restore"), ("stop", "remove")])
def test_a_script_ends_with_the_agent_that_the_cluster_kills(kit: Kit, action: str, script: str) -> None:
    assert kit.ask(action) == OK
    told = Path(kit.paths.lkroot, "told")
    kit.script(script, f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 20")
    pid = os.fork()
    if not pid:
        os._exit(kit.ask(action))
    until(told.exists)
    handle = os.pidfd_open(int(told.read_text()))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert select.select([handle], [], [], PATIENCE)[0]
    os.close(handle)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def _check(kit: Kit, deadline: float = 20.0) -> tuple[Message, ...]:
    host = Host(kit.paths, Settings(command_deadline=deadline), lambda _message: None, "n1")
    return dispatch.check(DATABASE, Hierarchy((DATABASE,)), host)


def test_the_check_of_a_round_is_the_type_s_own(kit: Kit) -> None:
    assert _check(kit) == (CheckFailed(DATABASE.tag, "exit status 1"),)
    kit.service.touch()
    assert _check(kit) == ()
    kit.uninstall("quickCheck")
    assert _check(kit) == ()


def test_a_check_knows_that_somebody_acts_on_its_answer(kit: Kit) -> None:
    kit.script("quickCheck", f'test "${scripts.CHECKED_BY}" = yes')
    assert _check(kit) == ()


def test_a_check_that_hangs_is_a_fault(kit: Kit) -> None:
    kit.script("quickCheck", "sleep 60")
    assert [type(message) for message in _check(kit, 0.3)] == [ActionHung]


def test_a_check_that_must_not_be_run_says_nothing_of_the_resource(kit: Kit) -> None:
    kit.script("quickCheck", "true").chmod(0o757)
    with pytest.raises(Failure) as caught:
        _check(kit)
    assert caught.value.is_only(ScriptRefused)


def test_a_cluster_takes_no_instance_of_a_type_that_is_not_here(kit: Kit) -> None:
    kit.uninstall("remove")
    port = Pacemaker(kit.paths, Settings(), server="n1", cib_file="/nonexistent")
    with pytest.raises(Failure) as caught:
        port.commit(Change(add=(DATABASE,)))
    assert caught.value.messages == (TypeNotInstalled("pgsql", "n1"),)


def test_administration_is_done_by_the_kit_s_own_script_where_it_has_one(kit: Kit) -> None:
    scripts.administer(DATABASE, "extend", ("n2", "db"), kit.paths, Settings())
    assert kit.ran() == []
    kit.script("extend", "exit 1", "lkadm/subsys/database/pgsql/bin")
    with pytest.raises(Failure) as caught:
        scripts.administer(DATABASE, "extend", ("n2", "db"), kit.paths, Settings())
    assert caught.value.messages == (ActionFailed("extend", DATABASE.tag, "exit status 1"),)
    assert kit.ran() == ["extend n2 db"]


def test_an_administration_script_is_not_looked_for_outside_of_its_folder(kit: Kit) -> None:
    kit.script("extend", "", "lkadm/subsys/database/pgsql/bin")
    with pytest.raises(Failure) as caught:
        scripts.administer(replace(DATABASE, type="other/../pgsql"), "extend", (), kit.paths, Settings())
    assert caught.value.messages == (InvalidName("other/../pgsql", "resource type"),)

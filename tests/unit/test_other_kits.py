"""Resource types of other kits: their scripts run for the cluster, for checks, and where a hierarchy is extended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.pacemaker import Pacemaker
from lvmkit.cluster.port import Change
from lvmkit.entry.ocf import agent
from lvmkit.host import Host
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import ActionFailed, ActionHung, ScriptRefused
from lvmkit.model.messages.faults import CheckFailed
from lvmkit.model.messages.guide import TypeNotInstalled
from lvmkit.model.messages.ownership import ParameterInvalid, ParameterMissing
from lvmkit.model.settings import Paths, Settings
from lvmkit.resources import dispatch, scripts

if TYPE_CHECKING:
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

    def ask(self, action: str, *, interval: int = 60000) -> int:
        environment = {f"OCF_RESKEY_{name}": value for name, value in self.given.items()}
        meta = {"OCF_RESKEY_CRM_meta_interval": f"{interval}", "OCF_RESKEY_CRM_meta_timeout": "20000"}
        named = {"OCF_RESOURCE_INSTANCE": "lvmkit-db", "OCF_RESKEY_CRM_meta_on_node": "n1"}
        return agent.main(AGENT, [action], self.paths, {**environment, **meta, **named})

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


def test_a_start_that_cannot_be_noted_is_one_all_the_same(kit: Kit) -> None:
    Path(kit.paths.run).write_text("no folder")
    assert [kit.ask("start"), kit.ask("monitor"), kit.ask("stop")] == [OK] * 3


def test_tags_that_differ_have_notes_that_differ(kit: Kit) -> None:
    kit.ask("start")
    kit.given["tag"] = "_2f_db-main"
    assert kit.probe() == STOPPED


def test_where_the_type_is_not_installed_nothing_starts_and_nothing_needs_a_stop(kit: Kit) -> None:
    kit.uninstall()
    assert [kit.ask(action) for action in ("start", "validate-all", "stop")] == [INSTALLED, INSTALLED, OK]
    assert kit.probe() == STOPPED


def test_what_was_started_by_a_kit_that_is_gone_is_not_called_stopped(kit: Kit) -> None:
    kit.ask("start")
    kit.uninstall()
    assert kit.ask("stop") == INSTALLED


def test_a_script_that_others_could_have_written_is_not_run(kit: Kit) -> None:
    kit.script("restore", "true").chmod(0o757)
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


def test_a_start_or_stop_that_fails_says_so(kit: Kit) -> None:
    kit.script("restore", "exit 3")
    kit.script("remove", "exit 4")
    assert [kit.ask("start"), kit.ask("stop")] == [FAILED, FAILED]
    assert kit.probe() == STOPPED, "what did not come up is not noted"


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
    assert not scripts.administer(DATABASE, "extend", ("n2", "db"), kit.paths, Settings())
    kit.script("extend", "exit 1", "lkadm/subsys/database/pgsql/bin")
    with pytest.raises(Failure) as caught:
        scripts.administer(DATABASE, "extend", ("n2", "db"), kit.paths, Settings())
    assert caught.value.messages == (ActionFailed("extend", DATABASE.tag, "exit status 1"),)
    assert kit.ran() == ["extend n2 db"]

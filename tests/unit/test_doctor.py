"""doctor: every finding by its number, on one server and on all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lvmkit import VERSION
from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ISP, OSU, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.messages.boot import ServerNotExamined
from lvmkit.model.messages.pacemaker import ClusterUnreachable, FencingOff
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.servers import Server
from lvmkit.model.settings import NO_OWNER
from lvmkit.model.value import replace
from lvmkit.peer import wire
from lvmkit.peer.answers import Finding, Findings, findings_facts
from lvmkit.peer.requests import AskFindings
from lvmkit.plan import Kit
from lvmkit.storage import lvm, lvmconf
from lvmkit.storage.lvm import Lvm
from lvmkit.storage.lvmconf import LvmConf
from lvmkit.storage.run import Finished
from lvmkit.workflow import watcher
from lvmkit.workflow.doctor import diagnose
from tests.unit.fakes import OTHER_UUID, SERVER, FakeCluster, FakePort, Shell, kit, numbers
from tests.unit.local_storage import Storage, protected
from tests.unit.peer_fakes import FarEnd, Servers


class Healthy:
    """A server where doctor finds nothing, until something is changed; its group is down."""

    def __init__(self, folder: Path, port: FakePort, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = port
        self.folder = folder
        port.now = protected()
        self.storage = Storage(folder, monkeypatch)
        self.machine = self.storage.machine
        self.machine.install_agents()
        self.storage.take_down()
        self.change(autoactivation=False)
        self.kit: Kit = kit(port, folder, lambda _message: None)
        if port.capabilities.several_servers:
            self.change(system_id=SERVER)
        (folder / "lkvgs").write_text("vg1\n")
        self.is_watched = True
        monkeypatch.setattr(watcher, "is_running", lambda _paths: self.is_watched)
        self.watch("yes")

    def watch(self, wanted: str) -> None:
        """LVMKIT_WATCH."""
        self.kit = replace(self.kit, settings=replace(self.kit.settings, watch=wanted))

    @property
    def reports(self) -> int:
        """How often LVM was asked for a report."""
        return sum("fullreport" in argv for argv in self.machine.ran)

    def change(self, **facts: Any) -> None:
        self.storage.change(**facts)

    def found(self, *, here: bool = True) -> list[tuple[str, str]]:
        """(number, level) of all findings."""
        return [(finding.number, finding.level) for finding in diagnose(self.kit, here=here).findings]

    def findings(self, *, here: bool = True) -> tuple[Finding, ...]:
        return diagnose(self.kit, here=here).findings


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Healthy:
    return Healthy(tmp_path, FakePort(), monkeypatch)


@pytest.fixture
def member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Healthy:
    return Healthy(tmp_path, FakeCluster(), monkeypatch)


class TestWell:
    def test_a_healthy_server_has_no_findings_and_costs_one_report(self, alone: Healthy) -> None:
        assert (alone.found(), alone.reports) == ([], 1)
        assert diagnose(alone.kit).is_well

    def test_so_has_a_healthy_server_of_a_cluster(self, member: Healthy) -> None:
        assert (member.found(), member.reports) == ([], 1)

    def test_nothing_is_changed(self, member: Healthy) -> None:
        member.change(autoactivation=True, system_id="")
        (member.folder / "lkvgs").unlink()
        before = sorted(path.name for path in member.folder.rglob("*"))
        member.found()
        assert (member.port.calls, sorted(path.name for path in member.folder.rglob("*"))) == ([], before)


class TestVolumeGroups:
    def test_autoactivation(self, alone: Healthy) -> None:
        alone.change(autoactivation=True)
        (finding,) = alone.findings()
        assert (finding.number, finding.level, finding.about, finding.server) == ("110188", "WARN", "vg1", SERVER)
        assert "vgchange --setautoactivation n vg1" in finding.advice

    def test_not_in_the_list(self, alone: Healthy) -> None:
        (alone.folder / "lkvgs").write_text("# vg1\n")
        assert alone.found() == [("110189", "WARN")]

    def test_a_list_that_cannot_be_read(self, alone: Healthy) -> None:
        (alone.folder / "lkvgs").unlink()
        (alone.folder / "lkvgs").mkdir()
        assert alone.found() == [("110067", "ERROR")]

    def test_no_room_for_what_udev_notes_of_its_volumes(self, alone: Healthy) -> None:
        alone.machine.leave_room_in_run(kibibytes=8)
        assert alone.found() == [("110352", "ERROR")]

    def test_two_resources_for_one_file_system(self, alone: Healthy) -> None:
        (data,) = alone.port.now.of_tags(("/data",))
        links = (*alone.port.now.dependencies, Dependency("/again", "vg1/data"))
        again = replace(data, tag="/again", id="/again")
        alone.port.now = Hierarchy((*alone.port.now.instances, again), links)
        assert [(finding.number, finding.about) for finding in alone.findings()] == [("110354", "vg1/data")]

    def test_none_found(self, alone: Healthy) -> None:
        alone.storage.lose()
        assert alone.found() == [("110013", "ERROR")]

    def test_an_impostor_and_no_word_on_its_properties(self, alone: Healthy) -> None:
        alone.change(uuid=OTHER_UUID, autoactivation=True)
        assert alone.found() == [("110017", "ERROR")]

    def test_duplicate_disks(self, alone: Healthy) -> None:
        alone.machine.attach(alone.storage.disks["a"].clone("Z"), "sdz")
        assert alone.found() == [("110019", "ERROR")]

    def test_a_missing_disk(self, alone: Healthy) -> None:
        alone.machine.detach(alone.storage.disks["b"])
        assert alone.found() == [("110014", "ERROR")]

    @pytest.mark.parametrize(("devices_file", "said"), [("a.devices", "/etc/lvm/devices/a.devices"), ("", "filter")])
    def test_a_disk_that_lvm_is_told_not_to_look_at(self, alone: Healthy, devices_file: str, said: str) -> None:
        alone.machine.lvm.hidden = {"sdb"}
        alone.machine.lvm.devices_file = devices_file
        (finding,) = alone.findings()
        assert finding.number == "110193"
        assert "/dev/sdb" in finding.text
        assert "/dev/sda" not in finding.text
        assert said in finding.text

    def test_all_disks_hidden_is_said_once_and_the_rest_is_still_looked_at(self, alone: Healthy) -> None:
        alone.change(autoactivation=True)
        alone.machine.lvm.hidden = {"sda", "sdb"}
        assert alone.found() == [("110193", "WARN"), ("110188", "WARN")]

    def test_a_group_of_which_nothing_is_known_does_not_hide_the_next(self, alone: Healthy) -> None:
        now = alone.port.now
        lame = replace(now.instances[2], tag="vg0", id="lvmvg-vg0", info="")
        alone.port.now = replace(now, instances=(lame, *now.instances))
        alone.change(autoactivation=True)
        assert ("110188", "WARN") in alone.found()
        assert ("110034", "ERROR") in alone.found()


class TestOwners:
    def test_none_leaves_it_unprotected_on_every_server(self, member: Healthy) -> None:
        member.change(system_id="")
        (finding,) = member.findings()
        assert finding.number == "110190"
        assert all(server in finding.text for server in (SERVER, "n2", "n3"))

    def test_on_one_server_nobody_needs_an_owner(self, alone: Healthy) -> None:
        alone.machine.lvm.system_id = ""
        assert alone.found() == []

    @pytest.mark.parametrize(
        ("version", "disks", "found"),
        [("2.03.16(2)", "abc", True), ("2.03.31(2)", "abc", False), ("2.03.31(2)", "ab", True)],
    )
    def test_a_policy_that_another_server_cannot_follow(
        self, member: Healthy, version: str, disks: str, found: bool
    ) -> None:
        member.machine.lvm.version = version
        member.storage.reshape(disks)
        member.storage.take_down()
        member.kit = replace(member.kit, settings=replace(member.kit.settings, missing_pv="degraded"))
        assert member.found() == ([("110332", "WARN")] if found else [])

    def test_a_stranger(self, member: Healthy) -> None:
        member.change(system_id="elsewhere")
        assert member.found() == [("110135", "ERROR")]

    def test_this_host_under_its_own_name_for_itself_is_no_stranger(self, member: Healthy) -> None:
        member.change(system_id="host.example")
        member.machine.lvm.system_id = "host.example"
        assert member.found() == [("110191", "INFO")]

    def test_another_server_of_the_cluster_while_it_is_in_service_here(self, member: Healthy) -> None:
        member.change(system_id="n2")
        assert member.found() == [("110016", "ERROR")]
        member.port.now = protected(OSU)
        assert member.found() == []

    @pytest.mark.parametrize(("node", "wanted"), [(SERVER, '"uname"'), ("host", '"lvmlocal"')])
    def test_a_host_without_an_id_is_a_note_with_the_exact_change(
        self, member: Healthy, monkeypatch: pytest.MonkeyPatch, node: str, wanted: str
    ) -> None:
        monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", node, "", "", "")))
        member.machine.lvm.system_id = ""
        (finding,) = member.findings()
        assert (finding.number, finding.level) == ("110191", "INFO")
        assert f"system_id_source = {wanted}" in finding.text
        assert diagnose(member.kit, here=True).is_well

    def test_without_ownership_it_does_not_matter(self, member: Healthy) -> None:
        member.kit = replace(member.kit, settings=replace(member.kit.settings, ownership=NO_OWNER))
        member.machine.lvm.system_id = ""
        assert member.found() == []

    def test_ids_of_other_servers_that_this_one_may_use(self, member: Healthy) -> None:
        member.machine.lvm.extra_system_ids = ("n2", "elsewhere")
        (finding,) = member.findings()
        assert (finding.number, finding.level) == ("110192", "WARN")
        assert "n2" in finding.text
        assert "elsewhere" not in finding.text

    def test_the_same_id_as_another_server(self, member: Healthy) -> None:
        member.machine.lvm.system_id = "n3"
        assert member.found() == [("110192", "WARN")]


class TestServer:
    def test_lvm_that_is_too_old_is_asked_nothing_else(self, alone: Healthy) -> None:
        alone.machine.lvm.version = "2.03.11(2)"
        assert (alone.found(), alone.reports) == ([("110194", "ERROR")], 0)

    @pytest.mark.parametrize("version", ["2.03.12(2)", "2.03.12(2)-git (2021-05-07)", "2.4.0", "3.0"])
    def test_lvm_that_is_new_enough(self, alone: Healthy, version: str) -> None:
        alone.machine.lvm.version = version
        assert alone.found() == []

    def test_lvm_that_is_not_there_hides_nothing_else(self, alone: Healthy) -> None:
        alone.machine.uninstall("lvm")
        alone.machine.unit = "LoadState=masked\n"
        assert alone.found() == [("110060", "ERROR"), ("110197", "WARN")]

    def test_lvm_that_hangs(self, alone: Healthy) -> None:
        alone.machine.slow["/lvm fullreport"] = float("inf")
        assert alone.found() == [("110062", "ERROR")]

    def test_a_mount_at_boot(self, alone: Healthy) -> None:
        (alone.folder / "f").write_text("/dev/mapper/vg1-data /elsewhere ext4 defaults 0 0\n")
        assert alone.found() == [("110104", "WARN")]
        (alone.folder / "f").write_text("/dev/vg1/data /data ext4 noauto 0 0\n")
        assert alone.found() == []

    @pytest.mark.parametrize(
        "unit", ["LoadState=not-found\n", "LoadState=masked\n", "LoadState=loaded\nWantedBy=\n", ""]
    )
    def test_a_boot_guard_that_nothing_starts(self, alone: Healthy, unit: str) -> None:
        alone.machine.unit = unit
        assert alone.found() == [("110197", "WARN")]

    @pytest.mark.parametrize("agent", ["lvmvg", "lvmlv", "filesys"])
    def test_an_agent_that_is_not_there(self, member: Healthy, agent: str) -> None:
        member.machine.remove_agent(agent)
        assert member.found() == [("110195", "ERROR")]

    def test_pacemakers_needs_are_not_those_of_one_server(self, alone: Healthy) -> None:
        alone.machine.remove_agent("lvmvg")
        assert alone.found() == []

    def test_what_the_embedded_engine_left(self, member: Healthy) -> None:
        paths = member.kit.paths
        engine = Engine(paths, member.kit.settings)
        disk = replace(protected().instances[3], server=engine.local_server(), state=ISP)
        engine.commit(Change(add=(disk,)))
        (finding,) = member.findings()
        assert (finding.number, finding.level) == ("110198", "WARN")
        assert disk.tag in finding.text
        engine.commit(Change(remove=(disk.tag,)))
        assert member.found() == []

    def test_a_damaged_database_of_it(self, member: Healthy) -> None:
        Path(member.kit.paths.state).mkdir()
        Path(member.kit.paths.database).write_text("x" * 5000)
        assert [level for _, level in member.found()] == ["ERROR"]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    """The other servers; all well until told otherwise."""
    made = Servers(monkeypatch)
    finds(made, "findings")
    return made


def finds(servers: Servers, name: str, *findings: Finding, version: str = VERSION, lvm: str = "") -> None:
    """What a server's doctor finds."""
    servers.says(name, **findings_facts(Findings(version, findings, lvm)))


THERE = Finding("n2", "vg1", "110188", "WARN", "text", "advice")


class TestCluster:
    def test_every_other_server_is_asked_for_itself_only(self, member: Healthy, servers: Servers) -> None:
        finds(servers, "n2", THERE)
        found = diagnose(member.kit)
        assert servers.requests == [("n2", "findings"), ("n3", "findings")]
        assert (found.servers, found.findings, found.is_well) == ((SERVER, "n2", "n3"), (THERE,), False)

    def test_here_asks_nobody(self, member: Healthy, servers: Servers) -> None:
        assert (member.found(), servers.asked) == ([], [])

    def test_a_server_that_was_asked_asks_no_further_one(
        self, member: Healthy, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        far = FarEnd(lambda *_: member.kit, tmp_path, monkeypatch)
        assert far.receive(wire.encoded(wire.Letter("n2", SERVER, AskFindings()))) == wire.DONE
        assert servers.asked == []

    def test_a_server_that_is_down_is_a_note(self, member: Healthy, servers: Servers) -> None:
        assert isinstance(member.port, FakeCluster)
        member.port.members["n2"] = Server("n2", online=False, unfit="offline")
        found = diagnose(member.kit)
        assert ([asked.server for asked in servers.asked], found.servers) == (["n3"], (SERVER, "n3"))
        assert [finding.number for finding in found.findings] == [f"{ServerNotExamined.number:06d}"]
        assert found.is_well

    def test_one_that_cannot_be_reached_does_not_hide_the_next(self, member: Healthy, servers: Servers) -> None:
        servers.silent("n2", CommandFailed("ssh n2", "255", "no route"))
        finds(servers, "n3", replace(THERE, server="n3"))
        found = diagnose(member.kit)
        assert [(finding.server, finding.number) for finding in found.findings] == [("n2", "110061"), ("n3", "110188")]
        assert found.servers == (SERVER, "n3")

    @pytest.mark.parametrize(
        "result",
        [
            {"findings": []},
            {"findings": 3, "kit_version": VERSION},
            {"findings": [{"server": "n2"}], "kit_version": VERSION},
            {"findings": ["x"], "kit_version": VERSION},
            {"findings": [{**THERE.as_dict(), "text": 7}], "kit_version": VERSION},
        ],
    )
    def test_an_answer_that_is_none(self, member: Healthy, servers: Servers, result: dict[str, object]) -> None:
        servers.says("n2", **result)
        (finding,) = member.findings(here=False)
        assert (finding.server, finding.number, finding.level) == ("n2", "110205", "ERROR")

    def test_another_version_of_the_kit_is_a_finding_of_its_own(self, member: Healthy, servers: Servers) -> None:
        finds(servers, "n2", THERE, version="0.0.9")
        found = diagnose(member.kit)
        assert [(f.server, f.number) for f in found.findings] == [("n2", "110210"), ("n2", THERE.number)]
        assert not found.is_well

    def test_another_series_of_lvm_is_told_and_a_later_one_of_the_same_is_not(
        self, member: Healthy, servers: Servers
    ) -> None:
        finds(servers, "n2", lvm="2.02.187(2)")
        finds(servers, "n3", lvm="2.03.99(2)")
        assert [(f.server, f.number) for f in member.findings(here=False)] == [("n2", "110211")]

    def test_a_kit_that_does_not_tell_lvms_version_is_understood(self, member: Healthy, servers: Servers) -> None:
        told = THERE.as_dict()
        del told["facts"]  # nor does it tell the facts of a message
        servers.says("n2", findings=[told], kit_version=VERSION)
        assert member.findings(here=False) == (THERE,)

    def test_a_server_speaks_for_itself_only(self, member: Healthy, servers: Servers) -> None:
        finds(servers, "n2", replace(THERE, server="n3"))
        assert [finding.server for finding in member.findings(here=False)] == ["n2"]

    def test_what_all_see_alike_is_said_once(self, member: Healthy, servers: Servers) -> None:
        assert isinstance(member.port, FakeCluster)
        member.port.trouble = (FencingOff(),)
        (finding,) = member.findings()
        assert (finding.server, finding.number, finding.level) == ("", "110161", "WARN")
        finds(servers, "n2", finding)
        assert member.findings(here=False) == (finding,)

    def test_where_the_cluster_does_not_answer_the_rest_is_still_looked_at(
        self, member: Healthy, servers: Servers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent() -> None:
            raise Failure(ClusterUnreachable("it is not running"))

        monkeypatch.setattr(member.port, "overview", silent)
        member.machine.unit = ""
        found = diagnose(member.kit)
        assert [finding.number for finding in found.findings] == ["110150", "110197"]
        assert (found.servers, servers.asked) == ((os.uname().nodename,), [])


class TestWatcher:
    def test_in_a_cluster_it_is_off_until_somebody_turns_it_on_which_is_a_note(self, member: Healthy) -> None:
        member.watch("auto")
        assert member.found() == [("110376", "INFO")]
        (finding,) = member.findings()
        assert "LVMKIT_WATCH=yes" in finding.advice
        assert diagnose(member.kit, here=True).is_well

    def test_one_that_is_wanted_and_does_not_run(self, member: Healthy) -> None:
        member.is_watched = False
        assert member.found() == [("110377", "WARN")]

    def test_on_one_server_it_is_always_wanted(self, alone: Healthy) -> None:
        alone.is_watched = False
        alone.watch("auto")
        (finding,) = alone.findings()
        assert (finding.number, "lvmkit-check.timer" in finding.text) == ("110377", True)

    def test_where_nobody_wants_it_that_is_a_note(self, alone: Healthy) -> None:
        alone.watch("no")
        assert alone.found() == [("110376", "INFO")]

    def test_with_it_frequent_monitors_are_named_in_one_note(
        self, member: Healthy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(member.port, "monitored_every", lambda: {"vg1": 10, "/data": 20, "vg2": watcher.BACKSTOP})
        (finding,) = member.findings()
        assert (finding.number, finding.level, finding.server) == ("110378", "INFO", "")
        assert ("vg1, /data" in finding.text, "vg2" in finding.text, "every 10 s" in finding.text) == (
            True,
            False,
            True,
        )
        member.watch("auto")
        assert [number for number, _ in member.found()] == ["110376"]

    def test_where_nothing_is_protected_nobody_needs_one(self, member: Healthy) -> None:
        member.port.now = replace(member.port.now, instances=(), dependencies=())
        member.is_watched = False
        assert member.found() == []


class TestCommand:
    @pytest.fixture
    def shell(self, alone: Healthy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
        return Shell(tmp_path, alone.port, monkeypatch)

    def test_well_is_one_line_and_exit_0(self, shell: Shell) -> None:
        result = shell.run("doctor")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.split() == ["ok", SERVER]
        assert shell.run("doctor", "--quiet").stdout == ""

    def test_a_finding_is_a_line_with_what_to_do_below_and_exit_1(self, shell: Shell, alone: Healthy) -> None:
        alone.change(autoactivation=True)
        result = shell.run("doctor", "--here")
        line, advice = result.stdout.splitlines()
        assert (result.exit_code, line.split()[:4]) == (1, ["warn", SERVER, "vg1", "110188"])
        assert advice.startswith("  -> ")

    def test_json(self, shell: Shell, alone: Healthy) -> None:
        alone.change(autoactivation=True)
        result = shell.run("doctor", "--format", "json")
        facts = json.loads(result.stdout)
        (finding,) = facts["findings"]
        assert (result.exit_code, facts["server"], facts["servers"], facts["well"]) == (1, SERVER, [SERVER], False)
        assert finding.keys() == {"server", "about", "number", "level", "text", "advice"}

    def test_a_note_is_no_fault_and_quiet_leaves_it_out(
        self, member: Healthy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        member.machine.lvm.system_id = ""
        shell = Shell(tmp_path, member.port, monkeypatch)
        loud, quiet = shell.run("doctor", "--here"), shell.run("-q", "doctor", "--here")
        assert (loud.exit_code, quiet.exit_code, quiet.stdout) == (0, 0, "")
        words = [line.split()[0] for line in loud.stdout.splitlines()]
        assert words == ["note", "note", "->", "ok"], "of LVM's system ID and of the watcher"

    def test_it_needs_root(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        result = shell.run("doctor")
        assert (result.exit_code, numbers(result), result.stdout) == (1, [110103], "")

    def test_wrong_usage(self, shell: Shell) -> None:
        result = shell.run("doctor", "vg1")
        assert (result.exit_code, numbers(result)) == (2, [2])


class TestLvmConf:
    @pytest.fixture
    def says(self, monkeypatch: pytest.MonkeyPatch) -> list[Finished]:
        answers: list[Finished] = []
        monkeypatch.setattr(lvm, "run", lambda *_, **__: answers.pop(0))
        return answers

    def test_the_settings_as_lvmconfig_prints_them(self, says: list[Finished]) -> None:
        text = (
            'system_id_source="lvmlocal"\nextra_system_ids=["n1","n2"]\nuse_devicesfile=1\ndevicesfile="my.devices"\n'
        )
        says.append(Finished(("lvm",), 0, text, "", 0.0))
        assert lvmconf.load(Lvm(1)) == LvmConf("lvmlocal", ("n1", "n2"), "/etc/lvm/devices/my.devices")

    def test_what_is_off_or_unset(self, says: list[Finished]) -> None:
        says.append(
            Finished(("lvm",), 0, 'system_id_source="none"\nuse_devicesfile=0\ndevicesfile="system.devices"', "", 0.0)
        )
        assert lvmconf.load(Lvm(1)) == LvmConf("none")

    @pytest.mark.parametrize(("status", "text", "number"), [(5, "", 110061), (0, "nonsense", 110063), (0, "", 110063)])
    def test_no_settings(self, says: list[Finished], status: int, text: str, number: int) -> None:
        says.append(Finished(("lvm",), status, text, "", 0.0))
        with pytest.raises(Failure) as caught:
            lvmconf.load(Lvm(1))
        assert caught.value.messages[0].number == number

    def test_the_version_counts_though_lvm_complains_of_the_kernel(self, says: list[Finished]) -> None:
        text = "  LVM version:     2.03.16(2) (2022-05-18)\n  Library version: 1.02.185 (2022-05-18)\n"
        says.append(Finished(("lvm",), 5, text, "Failure to communicate", 0.0))
        assert lvmconf.version(Lvm(1)) == "2.03.16(2)"

    @pytest.mark.parametrize("text", ["", "  LVM version:\n", "LVM version: new\n"])
    def test_no_version(self, says: list[Finished], text: str) -> None:
        says.append(Finished(("lvm",), 0, text, "", 0.0))
        with pytest.raises(Failure):
            lvmconf.version(Lvm(1))


@pytest.mark.parametrize(("state", "numbers"), [(OSU, ["110217"]), (ISP, [])])
def test_what_a_hand_has_activated_here_while_the_cluster_has_not_is_a_danger(
    member: Healthy, state: str, numbers: list[str]
) -> None:
    member.port.now = protected(state)
    member.storage.activate()
    assert [number for number, _ in member.found()] == numbers


def test_a_disk_below_drbd_is_found(alone: Healthy) -> None:
    alone.machine.hold(alone.storage.disks["a"], "drbd0")
    assert [number for number, _ in alone.found()] == ["110243"]

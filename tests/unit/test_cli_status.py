"""lvmkit status and lvmkit check: what is printed, and the exit code."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cli import console
from lvmkit.cli.session import open_installed
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, ILLSTATE, LVMLV, OSF, OSU, Dependency
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.faults import LvGone, PvGone
from lvmkit.model.messages.filesystems import FilesystemHasErrors
from lvmkit.model.messages.pacemaker import ClusterUnreachable, FencingOff, NoQuorum
from lvmkit.model.messages.watch import WatcherMissing
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from tests.unit.fakes import SERVER, FakeCluster, FakePort, Shell, instance, numbers, on, paths
from tests.unit.local_storage import BY_ID, VG_UUID, Storage, lv_uuid, protected, pv_uuid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

GONE = PvGone("/dev/sdb", pv_uuid("b"))
"""what a check says of vg1 when a disk was exchanged"""
ERRORS = FilesystemHasErrors("/data", 1)
FIELDS = {
    "tag", "id", "type", "app", "state", "reason", "contradicted", "needs_attention", "faults", "switchback",
    "initialisation", "parents", "children", "info", "server", "servers",
}  # fmt: skip


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    storage = Storage(tmp_path, monkeypatch)
    storage.note_start()
    return storage


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, storage: Storage) -> Shell:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LC_CTYPE", "C.UTF-8")
    return Shell(storage.machine.folder, FakePort(protected()), monkeypatch)


def _json(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["schema_version"] == 1
    return found


class TestStatus:
    def test_the_tree_has_aligned_columns(self, shell: Shell) -> None:
        result = shell.run("status")
        assert result.stdout.split("\n") == [
            "TAG              STATE  REASON",
            "/data            ISP",
            "└─ vg1/data      ISP",
            "   └─ vg1        ISP",
            "      ├─ disk-A  ISP",
            "      └─ disk-B  ISP",
            "",
        ]
        assert (result.exit_code, numbers(result), shell.port.calls) == (0, [WatcherMissing.number], [])

    def test_ids_instead_of_tags(self, shell: Shell) -> None:
        words = [line.split()[-2] for line in shell.run("status", "--by", "id").stdout.splitlines()[1:]]
        assert words == ["/data", "/dev/vg1/data", "lvmvg-vg1", f"{BY_ID}A", f"{BY_ID}B"]

    def test_a_state_that_the_kernel_contradicts_is_marked_with_its_fault(self, shell: Shell, storage: Storage) -> None:
        storage.exchange_disk()
        storage.machine.fail_filesystem("/data", errors=1)
        lines = shell.run("status").stdout.splitlines()
        (marked,) = (line for line in lines if "ISP!" in line)
        assert "vg1 " in marked
        assert marked.endswith(GONE.text)
        assert any(line.endswith(ERRORS.text) for line in lines)

    def test_a_stored_reason_follows_and_cannot_move_the_cursor(self, shell: Shell, storage: Storage) -> None:
        storage.machine.unmount("/data")
        shell.port.set_state("/data", OSF, "mount said \x1b[2J")
        assert shell.run("status").stdout.splitlines()[1].endswith("OSF    mount said \\x1b[2J")

    def test_a_shared_volume_group_is_under_both_file_systems(self, shell: Shell) -> None:
        now = protected()
        logs = instance(FILESYS, "/logs", "/logs", device="/dev/vg1/logs", fstype="ext4")
        volume = instance(LVMLV, "vg1/logs", "/dev/vg1/logs", vg_uuid=VG_UUID, lv_uuid=lv_uuid("logs"))
        links = (Dependency("/logs", "vg1/logs"), Dependency("vg1/logs", "vg1"))
        shell.port.now = Hierarchy((*now.instances, logs, volume), (*now.dependencies, *links))
        tree = shell.run("status").stdout
        assert tree.count(" vg1 ") == 2
        assert tree.count("vg1 (see above)") == 1
        assert tree.count("disk-A") == 1

    def test_ascii_where_the_locale_is_c(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LC_ALL", "C")
        assert shell.run("status").stdout.isascii()

    def test_exit_code_only_where_it_was_asked_for(self, shell: Shell, storage: Storage) -> None:
        assert shell.run("status", "--exit-code").exit_code == 0
        storage.exchange_disk()
        assert shell.run("status").exit_code == 0
        assert shell.run("status", "--exit-code").exit_code == 1
        assert shell.run("status", "disk-A", "--exit-code").exit_code == 0

    def test_json_has_every_field_of_every_resource(self, shell: Shell, storage: Storage) -> None:
        storage.exchange_disk()
        found = _json(shell.run("status", "--format", "json"))
        assert (found["server"], found["roots"]) == (SERVER, ["/data"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["time"])
        assert all(set(resource) == FIELDS for resource in found["resources"])
        vg = found["resources"][2]
        assert (vg["tag"], vg["id"], vg["state"], vg["contradicted"]) == ("vg1", "lvmvg-vg1", "ISP", True)
        assert vg["faults"] == [
            {"number": "110043", "level": "ERROR", "text": GONE.text, "advice": GONE.advice},
        ]
        assert [resource["needs_attention"] for resource in found["resources"]] == [False, False, True, False, False]
        assert found["well"] is False
        assert (vg["parents"], vg["children"]) == (["vg1/data"], ["disk-A", "disk-B"])
        assert vg["info"] == {"vg_uuid": VG_UUID}

    def test_an_id_names_the_hierarchy_as_well(self, shell: Shell) -> None:
        found = _json(shell.run("status", "lvmvg-vg1", "--format", "json"))
        assert (found["roots"], len(found["resources"])) == (["vg1"], 3)

    def test_watch_shows_again_until_interrupted(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                raise Interruption("SIGINT")

        monkeypatch.setattr(time, "sleep", pause)
        result = shell.run("status", "--format", "json", "--watch=7")
        assert (result.exit_code, result.stderr, pauses) == (0, "", [7, 7, 7])
        assert [json.loads(line)["roots"] for line in result.stdout.splitlines()] == [["/data"]] * 3

    def test_watch_ends_when_nobody_reads_any_more(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []
        monkeypatch.setattr(time, "sleep", pauses.append)
        monkeypatch.setattr("lvmkit.cli.session.write", lambda _text: len(pauses) < 2)
        assert shell.run("status", "--watch").exit_code == 0
        assert pauses == [2, 2]

    def test_nothing_protected_is_an_empty_tree(self, shell: Shell) -> None:
        shell.port.now = Hierarchy()
        assert shell.run("status", "--exit-code").exit_code == 0
        found = _json(shell.run("status", "--format", "json"))
        assert (found["resources"], found["well"]) == ([], True)

    def test_where_nothing_is_protected_a_person_is_told_what_to_do_first(self, shell: Shell) -> None:
        assert numbers(shell.run("status")) == [WatcherMissing.number]
        shell.port.now = Hierarchy()
        result = shell.run("status")
        assert numbers(result) == [110300]
        assert ("lvmkit create" in result.stderr, result.stdout) == (True, "")
        assert shell.run("status", "--format", "json").stderr == ""
        assert shell.run("status", "--quiet").stderr == ""


class TestMatrix:
    """Status in a cluster."""

    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return FakeCluster(protected(), n2=on("n2", protected(OSU)))

    @pytest.fixture
    def shell(self, shell: Shell, cluster: FakeCluster) -> Shell:
        shell.port = cluster
        return shell

    def test_a_column_for_each_server_that_is_blank_where_it_is_not_extended(
        self, shell: Shell, cluster: FakeCluster
    ) -> None:
        result = shell.run("status")
        assert result.stdout.split("\n") == [
            "TAG              n1 (here)  n2      n3",
            "                 online     online  online",
            "/data            ISP        OSU",
            "└─ vg1/data      ISP        OSU",
            "   └─ vg1        ISP        OSU",
            "      ├─ disk-A  ISP        OSU",
            "      └─ disk-B  ISP        OSU",
            "",
        ]
        assert (result.exit_code, result.stderr, cluster.overviews) == (0, "", 1)

    def test_a_dead_server_is_in_the_header_and_its_reason_below_once(self, shell: Shell, cluster: FakeCluster) -> None:
        cluster.members["n2"] = Server("n2", False, "unclean, offline")
        cluster.others["n2"] = on("n2", protected(ILLSTATE), reason="n2 is not an active member of the cluster")
        lines = shell.run("status").stdout.splitlines()
        assert re.split(" {2,}", lines[1].strip()) == ["online", "unclean, offline", "online"]
        assert [line.split()[-1] for line in lines[2:7]] == ["ILLSTATE"] * 5
        assert lines[7:] == ["", "n2: n2 is not an active member of the cluster"]
        assert shell.run("status", "--exit-code").exit_code == 0

    def test_short_reasons_are_in_the_cell_and_long_ones_below(self, shell: Shell, cluster: FakeCluster) -> None:
        _set(cluster, "/data", state=OSF, reason="start: 110014 " + "x" * 60)
        _set(cluster, "vg1", state=OSF, reason="start: Timed Out")
        lines = shell.run("status").stdout.splitlines()
        assert [line.split("  ")[-1] for line in (lines[2], lines[4])] == ["OSF", "OSF start: Timed Out"]
        assert lines[7:] == ["", "/data@n2: start: 110014 " + "x" * 60]
        assert shell.run("status", "--exit-code").exit_code == 1

    def test_one_reason_of_several_tags_is_one_note(self, shell: Shell, cluster: FakeCluster) -> None:
        for tag in ("/data", "vg1/data"):
            _set(cluster, tag, state=OSF, reason="y" * 30)
        _set(cluster, "vg1", state=OSF, reason="z" * 30)
        notes = shell.run("status").stdout.splitlines()[8:]
        assert notes == ["/data, vg1/data@n2: " + "y" * 30, "vg1@n2: " + "z" * 30]

    def test_only_this_server_is_held_against_its_kernel(
        self, shell: Shell, cluster: FakeCluster, storage: Storage
    ) -> None:
        storage.exchange_disk()
        lines = shell.run("status").stdout.splitlines()
        assert [word for line in lines[2:7] for word in line.split() if "!" in word] == ["ISP!"]
        assert lines[4].split()[-2:] == ["ISP!", "OSU"]
        assert lines[-1] == f"vg1@n1: {GONE.text}"
        storage.take_down()
        cluster.now, cluster.others["n2"] = protected(OSU), on("n2", protected())
        assert "!" not in shell.run("status").stdout

    def test_a_disk_that_only_another_server_has_is_a_row_of_its_own(self, shell: Shell, cluster: FakeCluster) -> None:
        there = protected(OSU)
        renamed = tuple(replace(i, tag="disk-Z") if i.tag == "disk-B" else i for i in there.instances)
        links = tuple(replace(d, child="disk-Z") if d.child == "disk-B" else d for d in there.dependencies)
        cluster.others["n2"] = on("n2", Hierarchy(renamed, links))
        rows = [line.split() for line in _rows(shell)[-3:]]
        assert rows == [["├─", "disk-A", "ISP", "OSU"], ["├─", "disk-B", "ISP"], ["└─", "disk-Z", "OSU"]]

    def test_a_hierarchy_that_is_not_here_is_shown_and_found(
        self, shell: Shell, cluster: FakeCluster, storage: Storage
    ) -> None:
        cluster.now, cluster.others["n2"] = Hierarchy(), on("n2", protected())
        storage.exchange_disk()
        found = _json(shell.run("status", "lvmvg-vg1", "--format", "json"))
        assert (found["roots"], {r["server"] for r in found["resources"]}) == (["vg1"], {"n2"})
        assert [r["faults"] for r in found["resources"]] == [[], [], []]
        assert shell.run("tags").stdout.splitlines() == ["/data", "vg1/data", "vg1", "disk-A", "disk-B"]

    def test_troubles_of_the_cluster_are_on_top(self, shell: Shell, cluster: FakeCluster) -> None:
        cluster.trouble = (FencingOff(),)
        lines = shell.run("status").stdout.splitlines()
        assert lines[:4] == [f"WARN 110161: {FencingOff().text}", f"  -> {FencingOff().advice}", "", lines[3]]
        assert shell.run("status", "--exit-code").exit_code == 0
        cluster.trouble = (NoQuorum("stop"),)
        assert shell.run("status", "--exit-code").exit_code == 1

    def test_json_has_servers_and_what_each_resource_is_on_them(self, shell: Shell, cluster: FakeCluster) -> None:
        cluster.members["n3"] = Server("n3", True, "standby")
        cluster.trouble = (FencingOff(),)
        _set(cluster, "vg1", state=OSF, reason="why")
        found = _json(shell.run("status", "--format", "json"))
        assert found["servers"][1:] == [
            {"name": "n2", "online": True, "unfit": ""}, {"name": "n3", "online": True, "unfit": "standby"},
        ]  # fmt: skip
        assert [warning["number"] for warning in found["warnings"]] == ["110161"]
        assert all(set(resource) == FIELDS for resource in found["resources"])
        vg, disk = (next(r for r in found["resources"] if r["tag"] == tag) for tag in ("vg1", "disk-A"))
        assert (vg["state"], vg["servers"].keys()) == ("ISP", {"n1", "n2"})
        assert {key: vg["servers"]["n2"][key] for key in ("state", "reason", "priority")} == {
            "state": OSF, "reason": "why", "priority": 11,
        }  # fmt: skip
        assert disk["servers"]["n2"]["priority"] is None
        assert (found["well"], vg["contradicted"], vg["needs_attention"]) == (False, False, True)

    def test_watch_reads_the_cluster_once_each_time(
        self, shell: Shell, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def pause(_seconds: float) -> None:
            if cluster.overviews == 3:
                raise Interruption("SIGINT")

        monkeypatch.setattr(time, "sleep", pause)
        result = shell.run("status", "--watch")
        assert (result.exit_code, result.stdout.count("TAG "), cluster.overviews) == (0, 3, 3)

    def test_a_cluster_that_cannot_be_asked_is_a_numbered_message(
        self, shell: Shell, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse() -> None:
            raise Failure(ClusterUnreachable("not running"))

        monkeypatch.setattr(cluster, "overview", refuse)
        result = shell.run("status")
        assert (result.exit_code, numbers(result), result.stdout) == (9, [110150], "")

    def test_colour_marks_servers_and_resources(
        self, shell: Shell, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lvmkit.cli.surveyed.may_colour", lambda _stream: True)
        cluster.members["n3"] = Server("n3", True, "standby")
        _set(cluster, "vg1", state=OSF)
        lines = shell.run("status").stdout.splitlines()
        assert [line[:5] for line in lines if line.startswith("\x1b")] == ["\x1b[33m", "\x1b[31m"]
        assert lines[4].endswith("\x1b[0m")
        cluster.members["n3"] = Server("n3", False, "offline")
        assert shell.run("status").stdout.splitlines()[1].startswith("\x1b[31m")


def _set(cluster: FakeCluster, tag: str, **changes: str) -> None:
    """Change an instance on n2."""
    now = cluster.others["n2"]
    instances = tuple(replace(i, **changes) if i.tag == tag else i for i in now.instances)
    cluster.others["n2"] = replace(now, instances=instances)


def _rows(shell: Shell) -> list[str]:
    """The lines of the tree."""
    return shell.run("status").stdout.splitlines()[2:]


class TestCheck:
    def test_one_line_for_each_resource_that_should_be_up(self, shell: Shell) -> None:
        result = shell.run("check")
        assert [line.split()[:2] for line in result.stdout.splitlines()] == [
            ["ok", tag] for tag in ("disk-A", "disk-B", "vg1", "vg1/data", "/data")
        ]
        assert (result.exit_code, shell.port.calls) == (0, [])
        assert shell.run("check", "--quiet").stdout == ""

    def test_a_fault_is_a_line_and_exit_1(self, shell: Shell, storage: Storage) -> None:
        storage.exchange_disk("a")
        storage.exchange_disk("b")
        result = shell.run("check", "-q")
        assert [line.split()[:3] for line in result.stdout.splitlines()] == [["FAIL", "vg1", "110043"]] * 2
        assert result.exit_code == 1

    def test_a_warning_is_a_line_and_exit_0(self, shell: Shell, storage: Storage) -> None:
        storage.machine.fail_filesystem("/data", errors=1)
        result = shell.run("check", "-q")
        assert result.stdout.split()[:3] == ["warn", "/data", "110316"]
        assert result.exit_code == 0

    def test_out_of_service_is_a_fault_only_where_it_was_named(self, shell: Shell, storage: Storage) -> None:
        storage.take_down()
        shell.port.now = protected(OSU)
        assert (shell.run("check").stdout, shell.run("check").exit_code) == ("", 0)
        named = shell.run("check", "/data", "-q")
        assert [line.split()[1:3] for line in named.stdout.splitlines()] == [
            ["vg1", "110108"], ["vg1/data", "110108"], ["/data", "110108"],
        ]  # fmt: skip
        assert named.exit_code == 1

    def test_what_nobody_has_looked_at_since_the_boot_is_judged_by_the_kernel(self, shell: Shell) -> None:
        shell.port.now = protected(ILLSTATE)
        result = shell.run("check")
        assert (result.exit_code, [line.split()[0] for line in result.stdout.splitlines()]) == (0, ["ok"] * 5)

    def test_only_the_named_hierarchies(self, shell: Shell, storage: Storage) -> None:
        storage.machine.unmount("/data")
        assert shell.run("check", "vg1", "disk-A").exit_code == 0
        assert len(shell.run("check", "vg1", "disk-A").stdout.splitlines()) == 3

    def test_deep_adds_direct_reads(self, shell: Shell, storage: Storage) -> None:
        storage.machine.set_state(storage.disk("a"), "hangs")
        assert shell.run("check", "vg1").exit_code == 0
        found = _json(shell.run("check", "vg1", "--deep", "--format", "json"))
        assert (found["deep"], found["well"]) == (True, False)
        verdicts = {r["tag"]: (r["verdict"], [fault["number"] for fault in r["faults"]]) for r in found["resources"]}
        assert verdicts["vg1"] == ("fail", ["110046"])
        assert verdicts["disk-A"] == ("ok", [])

    def test_all_recovers_and_is_then_well(
        self, shell: Shell, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage.machine.unmount("/data")
        bring = shell.port.bring_in_service

        def mend(tag: str, tell: Callable[[Message], None]) -> None:
            storage.mount("/data", "vg1", "data")
            bring(tag, tell)

        monkeypatch.setattr(shell.port, "bring_in_service", mend)
        result = shell.run("check", "--all", "--quiet")
        assert shell.port.moves == [("remove", "/data"), ("restore", "/data")]
        assert result.stdout.split()[:3] == ["recovered", "/data", "110049"]
        assert (result.exit_code, 110049 in numbers(result)) == (0, True)

    def test_all_is_exit_1_where_something_does_not_come_back(self, shell: Shell, storage: Storage) -> None:
        storage.machine.unmount("/data")
        shell.port.failing = {"/data": LvGone("vg1/data")}
        result = shell.run("check", "--all", "--format", "json")
        found = _json(result)
        assert (result.exit_code, found["well"]) == (1, False)
        assert {r["tag"]: (r["state"], r["verdict"]) for r in found["resources"]}["/data"] == (OSF, "fail")

    def test_all_is_exit_1_where_something_does_not_come_up_after_the_boot(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shell.port.now = protected(ILLSTATE)

        def refuse(tag: str, _tell: object) -> None:
            shell.port.set_state(tag, OSF, "no")

        monkeypatch.setattr(shell.port, "bring_in_service", refuse)
        result = shell.run("check", "--all", "--quiet")
        assert result.exit_code == 1
        assert ["FAIL", "/data"] in [line.split()[:2] for line in result.stdout.splitlines()]


def test_a_reader_that_has_gone_changes_no_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        encoding = "utf-8"

        def write(self, _text: str) -> None:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

    abandoned: list[bool] = []
    monkeypatch.setattr(console, "abandon_stdout", lambda: abandoned.append(True))
    monkeypatch.setattr(sys, "stdout", Gone())
    assert console.write("x") is False
    assert console.write("") is True
    assert abandoned == [True]


def test_the_switchback_of_an_instance_is_shown_as_it_is(shell: Shell) -> None:
    changed = tuple(replace(i, switchback="AUTOMATIC") for i in shell.port.now.instances)
    shell.port.now = Hierarchy(changed, shell.port.now.dependencies)
    found = _json(shell.run("status", "--format", "json"))
    assert {resource["switchback"] for resource in found["resources"]} == {"AUTOMATIC"}


def test_without_a_database_there_is_nothing_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shell, "_open", lambda self, _paths, tell: open_installed(paths(tmp_path), tell))
    shell = Shell(tmp_path, FakePort(), monkeypatch)
    found = _json(shell.run("status", "--format", "json"))
    assert (found["roots"], list(tmp_path.iterdir())) == ([], [])
    assert shell.run("in-service", "/data").exit_code == 7

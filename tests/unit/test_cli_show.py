"""lvmkit show: what is recorded, as text and data, and commands that lvmkit itself takes."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click
import pytest

from lvmkit.cli.program import COMMANDS, program
from lvmkit.cli.session import Session
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import AUTOMATIC, FILESYS, LVMLV, LVMVG, OSU, Dependency
from lvmkit.model.messages.view import MeantFor, TagChosenAnew
from lvmkit.model.value import replace
from tests.unit.fakes import (
    LV_UUID,
    SERVER,
    VG_UUID,
    FakeCluster,
    FakePort,
    Shell,
    data_hierarchy,
    instance,
    numbers,
    on,
    paths,
)

if TYPE_CHECKING:
    from pathlib import Path

CREATE = "lvmkit create /data --tag /data --switchback intelligent"


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster(data_hierarchy(OSU), n2=on("n2", data_hierarchy()), n3=on("n3", data_hierarchy(OSU)))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster) -> Shell:
    return Shell(tmp_path, cluster, monkeypatch)


def _commands(shell: Shell, tag: str) -> list[str]:
    result = shell.run("show", tag, "--output-format", "cmd")
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def _parsed(line: str, folder: Path) -> tuple[str, dict[str, Any]]:
    """The command and its parameters as click takes them; wrong words raise."""
    name, *words = shlex.split(line)[1:]
    command = program.get_command(click.Context(program), name)  # type: ignore[attr-defined]
    assert command is not None, f"lvmkit has no {name}"
    context = command.make_context(name, words, obj=Session(paths(folder)))
    return name, context.params


def _changed(now: Hierarchy, tag: str, /, **changes: str) -> Hierarchy:
    renamed = changes.get("tag", tag)
    instances = tuple(replace(i, **changes) if i.tag == tag else i for i in now.instances)
    pairs = [[renamed if each == tag else each for each in (d.parent, d.child)] for d in now.dependencies]
    return Hierarchy(instances, tuple(Dependency(*pair) for pair in pairs))


class TestText:
    def test_every_fact_of_every_resource_parents_first(self, shell: Shell) -> None:
        blocks = [block.splitlines() for block in shell.run("show", "/data").stdout.split("\n\n")]
        heads = ["/data (gen/filesys)", "vg1/data (scsi/lvmlv)", "vg1 (scsi/lvmvg)", "disk-A (scsi/disk)"]
        assert [block[0] for block in blocks][:4] == heads
        facts = dict(line.strip().split("  ", 1) for line in blocks[2][1:])
        assert {name: value.strip() for name, value in facts.items()} == {
            "id": "lvmvg-vg1", "required by": "vg1/data", "requires": "disk-A, disk-B", "switchback": "INTELLIGENT",
            "initialisation": "AUTORES_ISP", "vg_uuid": VG_UUID, "on n1": "OSU, priority 1",
            "on n2": "ISP, priority 11", "on n3": "OSU, priority 21",
        }  # fmt: skip

    def test_what_is_other_on_another_server_is_said_there(self, shell: Shell, cluster: FakeCluster) -> None:
        cluster.others["n2"] = _changed(cluster.others["n2"], "disk-A", id="/dev/disk/by-id/X", reason="so")
        assert "  on n2           ISP, so, id /dev/disk/by-id/X" in shell.run("show", "disk-A").stdout.splitlines()

    def test_a_hierarchy_of_other_servers_only(self, shell: Shell, cluster: FakeCluster) -> None:
        cluster.now = Hierarchy()
        result = shell.run("show", "lvmvg-vg1", "--format", "text")
        assert (result.exit_code, "on n1" in result.stdout, "on n2" in result.stdout) == (0, False, True)

    def test_nothing_is_asked_of_the_kernel_and_nothing_changed(self, shell: Shell, cluster: FakeCluster) -> None:
        shell.run("show", "/data")
        assert (cluster.calls, cluster.overviews) == ([], 1)


class TestJson:
    def test_the_fields_of_each_resource_and_server(self, shell: Shell) -> None:
        found = json.loads(shell.run("show", "vg1", "--output-format", "json").stdout)
        assert (found["schema_version"], found["server"], found["roots"]) == (1, SERVER, ["vg1"])
        assert [server["name"] for server in found["servers"]] == ["n1", "n2", "n3"]
        assert [r["tag"] for r in found["resources"]] == ["vg1", "disk-A", "disk-B"]
        assert found["resources"][0]["servers"]["n2"] == {
            "state": "ISP", "reason": "", "priority": 11, "id": "lvmvg-vg1", "info": {"vg_uuid": VG_UUID},
        }  # fmt: skip
        assert found["resources"][0]["initialisation"] == "AUTORES_ISP"


class TestCommands:
    def test_create_then_extend_by_priority_then_where_it_is(self, shell: Shell) -> None:
        assert _commands(shell, "/data") == [
            CREATE,
            "lvmkit extend /data --to n2 --priority 11",
            "lvmkit extend /data --to n3 --priority 21",
            "lvmkit in-service /data --on n2",
        ]
        assert shell.told == [MeantFor(SERVER)]

    def test_the_highest_priority_is_where_it_is_created(self, shell: Shell, cluster: FakeCluster) -> None:
        cluster.priorities = {SERVER: 21, "n2": 11, "n3": 1}
        extended = [line.split()[4:] for line in _commands(shell, "/data")[1:3]]
        assert extended == [["n2", "--priority", "11"], [SERVER, "--priority", "21"]]
        assert shell.told == [MeantFor("n3")]

    def test_what_is_out_of_service_everywhere_is_brought_in_nowhere(self, shell: Shell, cluster: FakeCluster) -> None:
        cluster.others["n2"] = on("n2", data_hierarchy(OSU))
        assert [line.split()[1] for line in _commands(shell, "/data")] == ["create", "extend", "extend"]

    def test_on_one_server_it_is_create_alone(self, shell: Shell) -> None:
        shell.port = FakePort(data_hierarchy())
        assert (_commands(shell, "/data"), shell.told) == ([CREATE], [])

    @pytest.mark.parametrize("tag", ["vg1", "disk-A"])
    def test_what_cannot_be_created_alone_comes_with_all_that_stands_on_it(
        self, shell: Shell, cluster: FakeCluster, tag: str
    ) -> None:
        logs = instance(FILESYS, "/logs", "/logs"), instance(LVMLV, "vg1/logs", "/dev/vg1/logs")
        links = Dependency("/logs", "vg1/logs"), Dependency("vg1/logs", "vg1")
        cluster.now = Hierarchy((*cluster.now.instances, *logs), (*cluster.now.dependencies, *links))
        created = [line.split()[2] for line in _commands(shell, tag) if line.split()[1] == "create"]
        assert sorted(created) == ["/data", "/logs"]
        assert _commands(shell, "vg1/logs")[0].split()[2] == "/dev/vg1/logs"

    def test_a_group_on_which_nothing_stands_is_refused(self, shell: Shell) -> None:
        group = instance(LVMVG, "vg1", "lvmvg-vg1", vg_uuid=VG_UUID, lv_uuid=LV_UUID)
        shell.port = FakePort(Hierarchy((group,)))
        result = shell.run("show", "vg1", "--output-format", "cmd")
        assert (result.exit_code, numbers(result), result.stdout) == (5, [110230], "")

    def test_tags_that_create_would_not_choose(self, shell: Shell) -> None:
        renamed = _changed(_changed(data_hierarchy(), "vg1/data", tag="payroll-lv"), "vg1", tag="payroll-vg")
        shell.port = FakePort(renamed)
        assert _commands(shell, "/data") == [
            "lvmkit create /dev/vg1/data --tag payroll-lv --switchback intelligent", CREATE,
        ]  # fmt: skip
        assert shell.told == [TagChosenAnew("payroll-vg", "lvmvg-vg1", "vg1")]

    @pytest.mark.parametrize("path", ["/data", "/it's a `pit`", "/$(reboot)", "/a b;c"])
    def test_lvmkit_takes_what_it_prints(self, shell: Shell, cluster: FakeCluster, tmp_path: Path, path: str) -> None:
        cluster.now = _changed(data_hierarchy(), "/data", id=path, switchback=AUTOMATIC)
        cluster.others = {server: on(server, cluster.now) for server in ("n2", "n3")}
        lines = [line for line in _commands(shell, "/data") if line.split()[1] != "extend"]
        parsed = [_parsed(line, tmp_path) for line in lines]
        create = parsed[0][1]
        assert (create["path"], create["tag"], create["switchback"].upper()) == (path, "/data", AUTOMATIC)
        moves = [params for name, params in parsed if name == "in-service"]
        assert [(params["word"], params["server"]) for params in moves] == [("/data", s) for s in (SERVER, "n2", "n3")]
        assert [name for name, _ in parsed] == ["create", *["in-service"] * 3]

    @pytest.mark.skipif("extend" not in COMMANDS, reason="lvmkit extend is not there yet")
    def test_extend_takes_what_show_prints(self, shell: Shell, tmp_path: Path) -> None:
        lines = [line for line in _commands(shell, "/data") if line.split()[1] == "extend"]
        given = [list(_parsed(line, tmp_path)[1].values()) for line in lines]
        assert [
            {"/data", server, priority} <= set(values)
            for values, (server, priority) in zip(given, [("n2", 11), ("n3", 21)])
        ] == [True, True]

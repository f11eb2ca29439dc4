"""LifeKeeper's commands where there are several servers: what is printed, refused, and run on another server."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.pacemaker import Pacemaker
from lvmkit.cluster.pacemaker.flags import create, names, remove
from lvmkit.entry import kit as kits
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ISP, OSU, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.settings import Paths, Settings
from lvmkit.peer.requests import read_request
from tests.unit.fakes import FakeCluster, data_hierarchy, kit, on
from tests.unit.lcdi_server import HERE, SOH, Server, reported
from tests.unit.peer_fakes import FarEnd, Servers
from tests.unit.test_pacemaker import sample
from tests.unit.test_pacemaker_versions import VERSIONS, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mock import MockerFixture


@pytest.fixture
def cluster(server: Server, mocker: MockerFixture) -> FakeCluster:
    """n1, which is this server, and n2 have /data; n1 has it in service."""
    port = FakeCluster(data_hierarchy(ISP), n2=on("n2", data_hierarchy(OSU)))
    mocker.patch.object(kits, "_engine", return_value=port)
    return port


def test_a_report_for_lifekeeper_reads_one_server(server: Server) -> None:
    server.chain("a", "b")
    server("perform_action", "-t", "b", "-a", "restore", "-b")
    assert reported(server) == [
        f"status 0 a OSU 1 {HERE}",
        f"status 1 b ISP 1 {HERE}",
        f"instance {HERE} db/pg a id-a OSU",
        f"instance {HERE} db/pg b id-b ISP",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_report_for_lifekeeper_reads_every_version_of_a_real_cluster(
    server: Server, version: str, mocker: MockerFixture
) -> None:
    recorded = Recorded(version, mocker)
    recorded.print(crm_mon="started.crm_mon.xml", cibadmin="cib.xml")
    port = Pacemaker(server.paths, Settings(), server="n1")
    mocker.patch.object(kits, "_engine", return_value=port)
    lines = reported(server)
    assert [line.split()[:4] for line in lines if line.startswith("status")][:3] == [
        ["status", "0", "fs1", "ISP"],
        ["status", "1", "lv1", "ISP"],
        ["status", "2", "vg", "ISP"],
    ]
    assert "machine n2 ALIVE" in lines
    assert {"fs1", "lv1", "vg"} <= {line.split()[3] for line in lines if line.startswith("instance n1 ")}
    assert "equivalency vg on n1 with vg on n2 SHARED" in lines
    assert not any(" on n1 with " in line and line.split()[-2] == "n1" for line in lines)


def test_what_a_server_has_is_listed_with_its_own_states(server: Server, cluster: FakeCluster) -> None:
    states = {name: {line.split(SOH)[6] for line in server("ins_list", "-d", name).lines} for name in ("n1", "n2")}
    assert states == {"n1": {ISP}, "n2": {OSU}}
    assert server("ins_list", "-d", "n3").lines == []
    assert server("ins_list", "-d", "n9").code == 9


def test_equivalencies_are_seen_from_the_server_that_is_meant(server: Server, cluster: FakeCluster) -> None:
    (here,) = server("eqv_list", "-f,", "-t", "/data").lines
    (there,) = server("eqv_list", "-f,", "-t", "/data", "-d", "n2").lines
    assert here == "n1,/data,n2,/data,SHARED,1,11"
    assert there == "n2,/data,n1,/data,SHARED,11,1"
    assert server("eqv_list", "-d", "n3").lines == []


def test_an_equivalency_sets_priorities_and_is_otherwise_there_already(server: Server, cluster: FakeCluster) -> None:
    words = ("-t", "/data", "-S", "n2", "-o", "/data", "-e", "SHARED")
    assert server("eqv_create", *words).code == 0
    assert cluster.calls == []
    assert server("eqv_create", *words, "-p", "1", "-r", "10").code == 0
    assert cluster.calls == [("priorities", "vg1", "n1=1", "n2=10")]
    assert server("hry_setpri", "-t", f"/data{SOH}vg1", "-p", "5").code == 0
    assert cluster.calls[1:] == [("priorities", "vg1", "n1=5")]
    assert server("hry_setpri", "-f,", "-t", "/data", "-l").lines == ["/data,1"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("eqv_create", "-t", "none", "-S", "n2", "-o", "none", "-e", "SHARED"), 7),
        (("eqv_create", "-t", "/data", "-S", "n2", "-o", "none", "-e", "SHARED"), 7),
        (("eqv_create", "-t", "/data", "-S", "n3", "-o", "/data", "-e", "SHARED"), 7),
        (("eqv_create", "-t", "/data", "-S", "n9", "-o", "/data", "-e", "SHARED"), 9),
        (("eqv_create", "-t", "/data", "-S", "n1", "-o", "/data", "-e", "SHARED"), 9),
        (("eqv_create", "-t", "/data", "-S", "n2", "-o", "vg1", "-e", "SHARED"), 5),
        (("eqv_create", "-t", "/data", "-S", "n2", "-o", "/data", "-e", "COMPOSITE"), 5),
        (("eqv_create", "-t", "/data", "-S", "n2", "-o", "/data", "-e", "SHARED", "-p", "1000"), 6),
        (("eqv_create", "-t", "disk-A", "-S", "n2", "-o", "disk-A", "-e", "SHARED", "-p", "2"), 5),
        (("eqv_remove", "-t", "/data", "-S", "n2", "-e", "SHARED"), 5),
        (("eqv_remove", "-t", "/data", "-S", "n3", "-e", "SHARED"), 7),
        (("eqv_remove", "-t", "/data", "-S", "n2", "-o", "vg1", "-e", "SHARED"), 7),
        (("hry_setpri", "-t", "/data", "-p", "0"), 6),
        (("hry_setpri", "-t", "none", "-p", "1"), 7),
        (("hry_setpri", "-t", "/data"), 2),
        (("hry_setpri", "-t", f"/data{SOH}disk-A", "-p", "5"), 5),
        (("ins_setstate", "-t", "/data", "-S", "OSU"), 5),
    ],
)
def test_what_a_cluster_has_no_place_for_is_refused(
    server: Server, cluster: FakeCluster, words: tuple[str, ...], code: int
) -> None:
    refused = server(*words)
    assert (refused.code, refused.out, cluster.calls) == (code, "", [])
    assert refused.numbers


def test_a_dependency_that_all_servers_share_may_be_asked_for_on_each(server: Server, cluster: FakeCluster) -> None:
    words = ("-p", "/data", "-c", "vg1/data")
    assert server("dep_create", *words).code == 4
    assert server("dep_create", "-d", "n2", *words).code == 0
    assert cluster.calls == []


def test_the_state_that_it_has_may_be_set_anywhere(server: Server, cluster: FakeCluster) -> None:
    assert server("ins_setstate", "-t", "/data", "-S", "ISP").code == 0
    assert cluster.calls == []


def test_what_other_servers_have_too_is_taken_from_this_one_alone(server: Server, cluster: FakeCluster) -> None:
    gone = server("ins_remove", "-v", "-t", "/data")
    assert (gone.code, gone.lines, cluster.calls) == (0, ["/data"], [("unextend", "/data", "n1")])


def test_what_no_other_server_has_is_gone_from_the_cluster(server: Server, cluster: FakeCluster) -> None:
    cluster.others.clear()
    server.install("gen", "filesys", "delete")
    assert server("ins_remove", "-t", "/data").code == 0
    assert server.ran == ["delete -t /data -i /data"]
    assert cluster.calls == [("commit", "-/data")]


def test_a_delete_script_of_the_kit_waits_for_the_last_server_and_that_of_another_does_not(
    server: Server, cluster: FakeCluster
) -> None:
    server.install("gen", "filesys", "delete")
    cluster.now = Hierarchy((*cluster.now.instances, Instance("n1", "db", "pg", "db", "id-db", "", OSU)))
    cluster.others["n2"] = on("n2", cluster.now)
    for tag in ("/data", "db"):
        assert server("ins_remove", "-t", tag).code == 0
    assert server.ran == ["delete -t db -i id-db"]


def test_a_restore_asks_once_for_the_resource_and_once_for_each_root_above_it(
    server: Server, cluster: FakeCluster
) -> None:
    assert server("perform_action", "-t", "vg1", "-a", "restore").code == 0
    assert cluster.moves == [("restore", "vg1", ""), ("restore", "/data", "")]


def test_each_server_is_alive_or_dead(server: Server, cluster: FakeCluster) -> None:
    cluster.members["n2"] = type(cluster.members["n2"])("n2", online=False)
    assert [server("sys_getstate", "-s", name).lines for name in ("n1", "n2")] == [["ALIVE"], ["DEAD"]]
    assert server("sys_list").lines == ["n1", "n2", "n3"]


def test_the_short_status_has_the_columns_of_lifekeeper(server: Server, cluster: FakeCluster) -> None:
    lines = server("lcdstatus", "-e", "-r", "/data").lines
    assert lines[0].split() == ["BACKUP", "TAG", "ID", "STATE", "PRIO", "PRIMARY"]
    assert lines[1].split() == ["n2", "/data", "/data", "ISP", "1", "n1"]
    assert lines[2].index("vg1/data") == lines[1].index("/data") + 1
    machines = lines[lines.index("") + 1 :]
    assert machines[0].split() == ["MACHINE", "NETWORK", "ADDRESSES/DEVICE", "STATE", "PRIO"]
    assert [(line.split()[0], line.split()[3]) for line in machines[1:]] == [("n2", "ALIVE"), ("n3", "ALIVE")]


def test_columns_of_the_short_status_stand_two_blanks_apart(server: Server, cluster: FakeCluster) -> None:
    head = server("lcdstatus", "-e").lines[0]
    assert head.startswith("BACKUP  TAG ")
    assert head.endswith(" STATE  PRIO  PRIMARY")


def test_what_two_require_is_shown_below_both_and_with_its_own_tree_once(server: Server) -> None:
    server.chain("top", "left", "shared", "base")
    server.make("right")
    for parent, child in (("top", "right"), ("right", "shared")):
        assert server("dep_create", "-p", parent, "-c", child).code == 0
    lines = server("lcdstatus", "-q").lines
    shown = [line[lines[0].index("TAG") : lines[0].index("ID")].rstrip() for line in lines[1:]]
    assert shown == ["top", " left", "  shared", "   base", " right", "  shared"]


def test_the_long_status_has_a_block_for_each_resource(server: Server, cluster: FakeCluster) -> None:
    cluster.raised.add("!volatile!x")
    lines = server("lcdstatus", "-r", "/data").lines
    assert lines[:2] == ["ROOT of RESOURCE HIERARCHY", "/data: id=/data app=gen type=filesys state=ISP"]
    assert "\tinitialize=(AUTORES_ISP) automatic restore to IN-SERVICE by LifeKeeper" in lines
    assert '\tSHARED equivalency with "/data" on "n2", priority = 11' in lines
    assert "\tLocal priority = 1" in lines
    assert "\tFAILOVER ALLOWED" in lines
    assert "\tmachine=n2 state=ALIVE" in lines
    assert lines[lines.index("The following LifeKeeper flags are on:") + 1] == "\t!volatile!x"
    assert lines[-1] == "The shutdown strategy is set to: switchover."


class TestRemote:
    """Two servers with the real far end between them."""

    @pytest.fixture
    def peers(
        self, server: Server, cluster: FakeCluster, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
    ) -> Servers:
        there = FakeCluster(on("n2", data_hierarchy(OSU)), n1=data_hierarchy(ISP))
        mocker.patch.object(there, "local_server", return_value="n2")
        peers = Servers(monkeypatch)

        def open_kit(_paths: Paths, tell: Callable[[object], None]) -> object:
            made = kit(there, server.folder, tell)
            return type(made)(there, server.paths, made.settings, tell)

        end = FarEnd(open_kit, server.folder, monkeypatch)  # type: ignore[arg-type]
        peers.answers["run"] = end
        return peers

    @pytest.fixture(autouse=True)
    def signals_of_the_next_test(self) -> Iterator[None]:
        """A command whose place a program takes gives the signals back that Python ignores, for good."""
        before = {number: signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
        yield
        for number, handler in before.items():
            signal.signal(number, handler)

    @pytest.fixture
    def in_its_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A program that takes the place of a command runs beside the test instead, and ends the command."""

        def run(path: str, words: tuple[str, ...], environment: dict[str, str]) -> None:
            done = subprocess.run(words, executable=path, env=environment, restore_signals=False, check=False)
            raise SystemExit(done.returncode)

        monkeypatch.setattr(os, "execve", run)

    def install(self, server: Server, place: str, body: str, mode: int = 0o755) -> Path:
        path = server.folder / "lk" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(mode)
        return path

    def test_a_program_of_a_kit_runs_there_with_its_words_its_output_and_its_status(
        self, server: Server, peers: Servers
    ) -> None:
        path = self.install(server, "lkadm/subsys/db/pg/bin/canextend", 'echo "$#: $1,$2,$3"; echo no >&2; exit 3')
        done = server("lcdremexec", "-d", "n2", "--", str(path), "n1", "a  b;$(id)")
        assert (done.code, done.lines, done.err) == (3, ["2: n1,a  b;$(id),", "no"], "")
        apart = server("lcdremexec", "-e", "-d", "n2", "-t", "20", "--", str(path), "*")
        assert (apart.code, apart.lines, apart.err) == (3, ["1: *,,"], "no\n")
        assert [asked.facts["timeout"] for asked in peers.asked] == [900, 20]

    def test_a_program_that_a_signal_ended_has_the_status_that_a_shell_gives_it(
        self, server: Server, peers: Servers
    ) -> None:
        self.install(server, "bin/tool", "kill -9 $$")
        assert server("lcdremexec", "-d", "n2", "-t", "1", "--", "tool").code == 128 + 9

    def test_a_program_that_ends_well_and_says_nothing_is_silent(self, server: Server, peers: Servers) -> None:
        self.install(server, "bin/tool", "exit 0")
        done = server("lcdremexec", "-e", "-d", "n2", "--", "tool")
        assert (done.code, done.out, done.err) == (0, "", "")

    def test_a_command_line_with_an_open_quote_is_wrong_usage(self, server: Server, peers: Servers) -> None:
        done = server("lcdremexec", "-d", "n2", "--", "tool 'x")
        assert (done.code, done.numbers, peers.asked) == (2, ("000002",), [])

    def test_a_command_line_in_one_word_is_taken_apart_at_its_blanks_and_nothing_else(
        self, server: Server, peers: Servers
    ) -> None:
        self.install(server, "bin/tool", 'for word; do echo "$word"; done')
        done = server("lcdremexec", "-d", "n2", "--", "tool 'x y' $HOME `id` ;")
        assert done.lines == ["x y", "$HOME", "`id`", ";"]

    @pytest.mark.parametrize("word", ["/bin/sh", "sh", "../../bin/sh", "{lk}/bin/../../x", "{lk}/lib/x", "bin/tool"])
    def test_what_is_no_program_of_a_kit_is_not_run(self, server: Server, peers: Servers, word: str) -> None:
        refused = server("lcdremexec", "-d", "n2", "--", word.format(lk=server.paths.lkroot), "-c", "id")
        assert (refused.code, refused.out, refused.numbers) == (5, "", ("110392",))

    @pytest.mark.parametrize("mode", [0o775, 0o757, 0o644])
    def test_what_others_could_have_put_there_is_not_run(self, server: Server, peers: Servers, mode: int) -> None:
        self.install(server, "bin/tool", "echo ran", mode)
        assert server("lcdremexec", "-d", "n2", "--", "tool").numbers == ("110392",)

    def test_a_server_that_is_none_is_not_asked(self, server: Server, peers: Servers) -> None:
        assert server("lcdremexec", "-d", "n9", "--", "ins_list").code == 9
        assert server("lcdremexec", "-d", "n2").code == 2
        assert peers.asked == []

    def test_work_that_is_another_servers_is_done_there(self, server: Server, peers: Servers) -> None:
        self.install(server, "bin/ins_remove", 'for word; do echo "$word"; done; exit 8')
        done = server("ins_remove", "-v", "-d", "n2", "-R", "/data")
        assert (done.code, done.lines) == (8, ["-v", "-R/data"])

    def test_what_another_servers_command_complains_of_is_no_part_of_its_answer(
        self, server: Server, peers: Servers
    ) -> None:
        self.install(server, "bin/ins_remove", "echo /data; echo careful >&2")
        done = server("ins_remove", "-v", "-d", "n2", "-R", "/data")
        assert (done.code, done.out, done.err) == (0, "/data\n", "careful\n")

    @pytest.mark.usefixtures("in_its_place")
    def test_on_this_server_a_program_has_the_streams_of_the_caller(
        self, server: Server, peers: Servers, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.install(server, "bin/tool", 'echo "$#: $1 $LKROOT"; echo no >&2; exit 3')
        with pytest.raises(SystemExit) as ended:
            server("lcdremexec", "-d", "n1", "--", "tool", "a  b")
        assert (ended.value.code, capfd.readouterr()) == (3, (f"1: a  b {server.paths.lkroot}\n", "no\n"))
        assert peers.asked == []

    @pytest.mark.usefixtures("in_its_place")
    def test_on_this_server_a_program_ends_in_silence_when_nobody_reads_on(
        self, server: Server, peers: Servers, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.install(server, "bin/tool", "yes | head -n 1")
        with pytest.raises(SystemExit):
            server("lcdremexec", "-d", "n1", "--", "tool")
        assert capfd.readouterr() == ("y\n", "")

    def test_on_this_server_a_program_that_cannot_be_started_is_said_to_be_so(
        self, server: Server, peers: Servers
    ) -> None:
        self.install(server, "bin/tool", "").write_text("#!/none/interpreter\n")
        failed = server("lcdremexec", "-d", "n1", "--", "tool")
        assert (failed.code, failed.numbers) == (1, ("110061",))


@pytest.mark.parametrize(
    "facts",
    [
        {"words": [], "timeout": 5},
        {"words": "ins_list", "timeout": 5},
        {"words": ["ins_list", 1], "timeout": 5},
        {"words": ["a\0b"], "timeout": 5},
        {"words": ["ins_list"], "timeout": 0},
        {"words": ["ins_list"], "timeout": True},
        {"words": ["ins_list"], "timeout": 1e9},
        {"words": ["x" * 131072], "timeout": 5},
        {"words": ["ins_list"]},
        {"words": ["ins_list"], "timeout": 5, "shell": True},
    ],
)
def test_a_request_to_run_something_is_refused_unless_every_field_is_in_order(facts: dict[str, object]) -> None:
    with pytest.raises(Failure) as caught:
        read_request("run", facts)
    assert caught.value.messages[0].number == 110270


def test_flags_are_in_the_configuration_beside_their_server() -> None:
    root = sample()
    assert names(root, "n1", "boot") == ()
    made = create(root, "!nofailover!n2", "n1", "boot")
    assert made is not None
    more = create(made, "!volatile!x", "n1", "boot")
    assert more is not None
    assert (names(more, "n1", "boot"), names(more, "n2", "")) == (("!nofailover!n2", "!volatile!x"), ())
    assert names(more, "n1", "next boot") == ("!nofailover!n2",)
    assert create(more, "!volatile!x", "n1", "boot") is None
    with pytest.raises(Failure):
        create(more, "!volatile!x", "n2", "")
    less = remove(more, "!nofailover!n2", "n1", "boot")
    assert less is not None
    assert names(less, "n1", "boot") == ("!volatile!x",)
    assert names(root, "n1", "boot") == ()

"""sendevent, getlocks and rlslocks on one server, and the commands as real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine, processes
from lvmkit.entry import kit as kits
from lvmkit.entry.lcdi.program import NAMES
from lvmkit.model.instance import ISP
from lvmkit.storage import locks
from tests.unit.fakes import FakeCluster, data_hierarchy
from tests.unit.lcdi_server import SOH, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from pytest_mock import MockerFixture


EVENT = ("-C", "pg", "-E", "dead", "-m", "quickCheck")


@pytest.fixture
def up(server: Server) -> Server:
    """b requires nothing, a requires b; both are in service."""
    server.chain("a", "b")
    assert server("perform_action", "-t", "a", "-a", "restore").code == 0
    server.log.unlink()
    return server


def recovery(bench: Server, kind: str, body: str) -> None:
    """Install a recovery program of db/pg for the event."""
    folder = bench.folder / "lk/subsys/db/resources" / kind / "recovery/pg"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dead").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "dead").chmod(0o755)


def test_what_is_reported_is_taken_down_with_all_above_it_and_brought_back(up: Server) -> None:
    done = up("sendevent", *EVENT, "-n", "b", "-s", "5", "-x", "text", "-o")
    assert done.code == 0
    assert up.ran == [
        "remove -t a -i id-a", "remove -t b -i id-b", "restore -t b -i id-b", "restore -t a -i id-a",
    ]  # fmt: skip
    assert [up.field(tag, 6) for tag in "ab"] == ["ISP", "ISP"]


def test_a_recovery_program_that_succeeds_is_all(up: Server) -> None:
    recovery(up, "pg", f'echo "/actions/recover $*" >> {up.log}')
    assert up("sendevent", *EVENT, "-n", "id-b").code == 0
    assert up.ran == ["recover -t b -i id-b"]


def test_one_that_fails_is_followed_by_that_of_what_requires_it_and_then_the_engine(up: Server) -> None:
    recovery(up, "pg", f'echo "/actions/recover $*" >> {up.log}; exit 1')
    done = up("sendevent", *EVENT, "-n", "b")
    assert done.code == 0
    assert up.ran[:3] == ["recover -t b -i id-b", "recover -t a -i id-a", "remove -t a -i id-a"]
    assert done.numbers[:2] == ("110396", "110396")


def test_what_does_not_come_back_is_failed_and_said(up: Server) -> None:
    up.install("db", "pg", "restore", "exit 1")
    done = up("sendevent", *EVENT, "-n", "b")
    assert (done.code, done.numbers[-1]) == (1, "110393")
    assert up.field("b", 6) == "OSF"


def test_a_recovery_happens_so_often_and_no_more(up: Server) -> None:
    assert [up("sendevent", *EVENT, "-n", "b").code for _ in range(3)] == [0, 0, 1]
    assert len(up.ran) == 8


def test_what_is_out_of_service_is_left_alone(server: Server) -> None:
    server.make("a")
    assert server("sendevent", *EVENT, "-n", "a").code == 0
    assert server.ran == []
    assert server("sendevent", *EVENT, "-n", "none").code == 7
    assert server("sendevent", "-n", "a").code == 2


def test_a_check_that_a_recovery_runs_may_report_what_it_sees(up: Server) -> None:
    """Else the two would wait for each other."""
    report = f'{up.front()} sendevent -C pg -E dead -m quickCheck -n "$2"'
    up.install("db", "pg", "restore", f"{report} || exit 5")
    begun = time.monotonic()
    assert up("sendevent", *EVENT, "-n", "b").code == 0
    assert time.monotonic() - begun < 20
    assert up.field("b", 6) == "ISP"


def test_what_is_reported_while_something_else_is_at_work_is_left_to_that_at_once(up: Server) -> None:
    begun = time.monotonic()
    with locks.locked(f"{up.paths.state}/admin.lock", what="a move", patience=0.0):
        done = up("sendevent", *EVENT, "-n", "b")
    assert (done.code, done.numbers, up.ran) == (0, ("110394",), [])
    assert time.monotonic() - begun < 20


def test_a_cluster_is_told_and_recovers_by_itself(server: Server, mocker: MockerFixture) -> None:
    port = FakeCluster(data_hierarchy(ISP))
    mocker.patch.object(kits, "_engine", return_value=port)
    assert server("sendevent", *EVENT, "-n", "vg1").code == 0
    assert port.calls == [("report", "vg1")]
    mocker.patch.object(port, "in_charge", return_value=frozenset())
    refused = server("sendevent", *EVENT, "-n", "vg1")
    assert (refused.code, refused.numbers) == (5, ("110395",))


class TestLocks:
    """The lock of scripts, in real processes. Those that are this one's children are waited for: another test looks
    whether any is left."""

    @pytest.fixture
    def script(self, server: Server) -> Script:
        return Script(server)

    def test_two_scripts_that_want_it_come_one_after_the_other(self, script: Script) -> None:
        body = "{get} || exit 1; echo in >> {log}; sleep 0.3; echo out >> {log}; {release}"
        running = [script.begin(body, name) for name in ("one", "two")]
        assert [process.wait(timeout=30) for process in running] == [0, 0]
        assert script.log == ["in", "out", "in", "out"]

    def test_it_ends_with_the_script_that_has_it(self, script: Script) -> None:
        killed = script.begin("{get} || exit 1; kill -9 $$", "one")
        assert killed.wait(timeout=30) == -9
        assert script.begin("{get} && {release}", "two").wait(timeout=30) == 0

    def test_where_the_lock_cannot_be_made_that_is_said_once(self, script: Script) -> None:
        (script.server.folder / "state").write_text("")
        refused = script.run("{get}", "one")
        assert refused.returncode == 3
        assert re.findall(r"^\S+\[\d+\]: ERROR:\S*?:(\d+):", refused.stderr, re.M) == ["110082"]

    def test_it_outlives_what_interrupts_the_group_of_the_script(self, script: Script) -> None:
        assert script.run("trap : INT; {get} || exit 1; kill -INT 0; {release}", "one").returncode == 0

    def test_it_keeps_none_of_the_scripts_streams_open(self, script: Script) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            running = script.begin("{get} || exit 1; exec <&- >&- 2>&-; exec sleep 20", "one", theirs.fileno())
            theirs.close()
            ours.settimeout(10)
            assert ours.recv(1) == b""
            assert running.poll() is None
        running.kill()
        running.wait()

    def test_who_is_killed_while_it_waits_gets_nothing_later(self, script: Script) -> None:
        with script.busy():
            waiting, holder = script.waiting()
            waiting.kill()
            waiting.wait()
        for _ in range(200):
            if not processes.is_running(holder):
                return
            time.sleep(0.05)
        raise AssertionError("the lock is held for nobody")

    def test_who_waits_ends_when_what_was_to_hold_the_lock_is_killed(self, script: Script) -> None:
        with script.busy():
            waiting, holder = script.waiting()
            os.kill(holder.pid, signal.SIGKILL)
            assert waiting.wait(timeout=20) == 7

    def test_the_kits_own_commands_may_be_called_meanwhile(self, script: Script) -> None:
        script.server.make("a")
        body = "{get} || exit 1; {front} perform_action -t a -a restore; code=$?; {release}; exit $code"
        assert script.begin(body, "one").wait(timeout=30) == 0
        assert script.server.field("a", 6) == "ISP"

    def test_what_is_not_held_is_not_released(self, script: Script) -> None:
        path = script.server.folder / "file"
        assert script.server("rlslocks", "-a", "x", "-l", str(path)).code == 7
        path.write_text("precious")
        assert script.server("rlslocks", "-a", "x", "-l", str(path)).code == 7
        assert path.read_text() == "precious"
        assert script.server("getlocks", "-a", "x", "-i", "x", "-l", "relative").code == 5
        assert script.server("getlocks", "-a", "x", "-i", "x", "-l", str(path), "-p", "99999999").code == 7

    @pytest.mark.parametrize("content", ["boot x 5", "boot 5 x", "boot 5", "boot 5 5 5"])
    def test_a_file_that_names_no_process_is_no_lock_file(self, server: Server, content: str) -> None:
        path = server.folder / "file"
        path.write_text(content)
        assert server("rlslocks", "-a", "x", "-l", str(path)).code == 7
        assert path.read_text() == content

    @pytest.fixture
    def held(self, server: Server) -> Iterator[Path]:
        """The lock file of this process, which has the lock; who wants it as well gives up soon."""
        Path(server.paths.defaults).write_text("LVMKIT_ACTION_DEADLINE=0.2\n")
        path = server.folder / "lock"
        assert server("getlocks", *_for_us(path)).code == 0
        holder = _holder(path)
        yield path
        with suppress(ProcessLookupError):
            os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)

    def test_a_lock_file_in_use_is_refused_at_once(self, server: Server, held: Path) -> None:
        before = held.read_text()
        refused = server("getlocks", *_for_us(held))
        assert (refused.code, refused.numbers) == (4, ("110397",))
        assert f"{held} is in use by process {_holder(held)}." in refused.err
        assert held.read_text() == before

    def test_who_waits_in_vain_is_told_who_has_the_lock(self, server: Server, held: Path) -> None:
        refused = server("getlocks", *_for_us(server.folder / "other"))
        assert (refused.code, refused.numbers) == (1, ("110031",))
        assert f"Process {_holder(held)} is working on the lock of getlocks" in refused.err
        os.wait()

    def test_the_lock_is_free_when_rlslocks_ends(self, server: Server, held: Path) -> None:
        holder = _holder(held)
        os.kill(holder, signal.SIGSTOP)
        threading.Timer(0.2, os.kill, (holder, signal.SIGCONT)).start()
        assert server("rlslocks", "-a", "x", "-l", str(held)).code == 0
        assert not locks.is_held(f"{server.paths.state}/lcdi.lock")
        assert not held.exists()

    def test_a_lock_that_went_with_its_holder_is_not_released(self, server: Server, held: Path) -> None:
        os.kill(_holder(held), signal.SIGKILL)
        os.waitid(os.P_PID, _holder(held), os.WEXITED | os.WNOWAIT)
        late = server("rlslocks", "-a", "x", "-l", str(held))
        assert (late.code, late.numbers) == (7, ("110398",))
        assert "has ended" in late.err
        assert not held.exists()

    def test_a_lock_file_that_cannot_be_written_leaves_the_lock_free(self, server: Server) -> None:
        assert server("getlocks", *_for_us(Path("/none/lock"))).code == 3
        assert not locks.is_held(f"{server.paths.state}/lcdi.lock")
        os.wait()


def _for_us(path: Path) -> tuple[str, ...]:
    """What getlocks is told to have the lock for this process."""
    return ("-a", "x", "-i", "x", "-l", str(path), "-p", str(os.getpid()))


def _holder(path: Path) -> int:
    """The process that a lock file names."""
    return int(path.read_text().split()[1])


class Script:
    """Shell scripts that lock."""

    def __init__(self, bench: Server) -> None:
        self.server, self._log = bench, bench.folder / "order"

    def begin(self, body: str, name: str, streams: int | None = None) -> subprocess.Popen[bytes]:
        """streams: in the place of all three of its standard streams."""
        argv = self._argv(body, name)
        return subprocess.Popen(argv, cwd="/", stdin=streams, stdout=streams, stderr=streams, start_new_session=True)

    def run(self, body: str, name: str) -> subprocess.CompletedProcess[str]:
        """A script to its end, with what it complains of."""
        argv = self._argv(body, name)
        return subprocess.run(argv, cwd="/", capture_output=True, text=True, timeout=30, start_new_session=True)

    def waiting(self) -> tuple[subprocess.Popen[bytes], processes.Process]:
        """getlocks for this process, which waits; and what would hold the lock."""
        words = (*self.server.front().split(), "getlocks", *_for_us(self.server.folder / "waiting"))
        running = subprocess.Popen(words, cwd="/")
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        for _ in range(400):
            if children.read_text():
                return running, processes.process(int(children.read_text()))
            time.sleep(0.05)
        raise AssertionError("nothing waits")

    def busy(self) -> AbstractContextManager[None]:
        """Somebody else has the lock."""
        return locks.locked(f"{self.server.paths.state}/lcdi.lock", what="another script", patience=0.0)

    def _argv(self, body: str, name: str) -> tuple[str, ...]:
        front, lock = self.server.front(), self.server.folder / name
        get, release = f"{front} getlocks -a x -i {name} -l {lock}", f"{front} rlslocks -a x -l {lock}"
        return "/bin/sh", "-c", body.format(get=get, release=release, log=self._log, front=front)

    @property
    def log(self) -> list[str]:
        return self._log.read_text().split()


SECONDS = float(os.environ.get("LVMKIT_LCDI_SECONDS", "2"))
"""how long the processes go on; 30 in a long run"""
PROCESSES = 20 if SECONDS > 5 else 4


def test_processes_that_create_list_and_remove_at_the_same_time_lose_nothing(server: Server) -> None:
    """Each makes instances of its own beside one that all of them change."""
    server.make("shared")
    front = server.front()
    body = """
        n=0; end=$(($(date +%s%N) + {nano}))
        while [ $(date +%s%N) -lt $end ]; do
            n=$((n + 1)); tag=p{number}-$n
            {front} ins_create -a db -r pg -t $tag -i id-$tag || exit 1
            {front} dep_create -p $tag -c shared || exit 2
            {front} ins_setinfo -t $tag -v $n || exit 3
            {front} ins_list -f, -t $tag | grep -q ",$tag,id-$tag,$n,OSU," || exit 4
            {front} flg_create -f flag-$tag || exit 5
            if [ $((n % 2)) = 0 ]; then
                {front} ins_remove -t $tag || exit 6
                {front} flg_remove -f flag-$tag || exit 7
            else
                echo $tag
            fi
        done"""
    running = []
    for number in range(PROCESSES):
        text = body.format(front=front, number=number, nano=int(SECONDS * 1e9))
        running.append(subprocess.Popen(["/bin/sh", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    kept = {"shared"}
    for process in running:
        out, err = process.communicate(timeout=SECONDS * 4 + 60)
        assert (process.returncode, err) == (0, b"")
        kept.update(out.decode().split())
    assert set(server.tags()) == kept
    assert len(kept) > PROCESSES
    assert {line.split(SOH)[0] for line in server("dep_list").lines} == kept - {"shared"}
    assert set(server("flg_list").lines) == {f"flag-{tag}" for tag in kept - {"shared"}}


@pytest.mark.parametrize(
    ("words", "before", "method", "code"),
    [
        ("dep_create -p a -c c", "dep_create -p a -c c", "commit", 4),
        ("dep_create -p a -c c", "dep_create -p c -c a", "commit", 5),
        ("dep_create -p a -c c", "ins_remove -t a", "commit", 7),
        ("dep_remove -p a -c b", "dep_remove -p a -c b", "commit", 7),
        ("dep_remove -p a", "ins_remove -t a", "commit", 7),
        ("ins_create -a db -r pg -t d -i x", "ins_create -a db -r pg -t d -i x", "commit", 4),
        ("ins_remove -t a", "ins_remove -t a", "commit", 7),
        ("ins_remove -t a", "ins_remove -t a", "hierarchy_of", 7),
        ("ins_remove -v -t a", "ins_remove -t a", "hierarchy_of", 7),
        ("app_remove -a none", "app_remove -a none", "remove_flag", 7),
        ("flg_create -f x", "flg_create -f x", "create_flag", 4),
        ("flg_remove -f y", "flg_remove -f y", "remove_flag", 7),
    ],
)
def test_who_comes_second_ends_as_if_it_had_begun_second(
    server: Server, monkeypatch: pytest.MonkeyPatch, words: str, before: str, method: str, code: int
) -> None:
    server.chain("a", "b")
    server.make("c")
    server("app_create", "-a", "none")
    server("flg_create", "-f", "y")
    came: list[int] = []
    really = getattr(Engine, method)

    def after_the_first(self: Engine, *given: object) -> object:
        if not came:
            came.append(subprocess.run(["/bin/sh", "-c", f"{server.front()} {before}"], check=False).returncode)
        return really(self, *given)

    monkeypatch.setattr(Engine, method, after_the_first)
    second = server(*words.split())
    assert (came, second.code, second.out) == ([0], code, "")


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 2>&-", "0<&- 1>&- 2>&-"])
def test_a_caller_that_has_closed_streams_gets_the_same_exit_code_and_the_same_work(
    server: Server, closed: str
) -> None:
    server.make("a")
    missing = subprocess.run(["/bin/sh", "-c", f"{server.front()} ins_remove -N -t none {closed}"], check=False)
    done = subprocess.run(["/bin/sh", "-c", f"{server.front()} ins_remove -N -t a {closed}"], check=False)
    assert (missing.returncode, done.returncode, server.tags()) == (7, 0, [])
    assert [path.name for path in server.folder.rglob("*") if path.is_file() and b"110384" in path.read_bytes()] == []


def test_a_command_is_known_by_the_name_that_it_is_called_by(tmp_path: Path) -> None:
    lcdi = Path(__file__).parents[2] / "bin/lcdi"
    (tmp_path / "ins_list").symlink_to(lcdi)
    for argv in ((tmp_path / "ins_list", "-h"), (lcdi, "ins_list", "-h")):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("Usage: ins_list ")
    listed = subprocess.run([lcdi], capture_output=True, text=True, timeout=20)
    assert (listed.returncode, listed.stdout.splitlines()) == (0, list(NAMES))
    unknown = subprocess.run([lcdi, "ins_lost"], capture_output=True, text=True, timeout=20)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert ":000002:" in unknown.stderr

"""Running programs, and what is remembered of it."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed, CommandHung, CommandMissing
from lvmkit.storage import birth, recorder
from lvmkit.storage import run as module
from lvmkit.storage.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.conftest import Started

SHELL = "/bin/sh"  # here only to make children of known behaviour; the kit itself starts no shell


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "TERM_GRACE", 0.02)
    recorder.clear()
    yield
    recorder.clear()


def shell(script: str) -> tuple[str, ...]:
    return (SHELL, "-c", script)


def message_of(failure: pytest.ExceptionInfo[Failure]) -> object:
    return failure.value.messages[0]


def test_status_and_both_outputs_come_back() -> None:
    finished = run(shell("echo out; echo err >&2; exit 5"), deadline=9)
    assert (finished.status, finished.stdout, finished.stderr) == (5, "out\n", "err\n")
    assert 0 < finished.seconds < 9
    assert run(shell("kill -9 $$"), deadline=9).status == -9


def test_the_environment_is_empty_but_for_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LVM_SYSTEM_DIR", "/tmp")
    assert run(("/usr/bin/env",), deadline=9).stdout == "LC_ALL=C\n"
    told = run(("/usr/bin/env",), deadline=9, environment={"A": "b"}).stdout
    assert sorted(told.split()) == ["A=b", "LC_ALL=C"]


def test_bytes_that_are_not_text_pass_unharmed() -> None:
    assert run(("/bin/echo", "\udce9"), deadline=9).stdout == "\udce9\n"
    assert run(("/bin/cat",), deadline=9, stdin=b"\xff\x00").stdout == "\udcff\x00"


def test_a_program_can_be_told_to_end_also_where_we_ignore_that() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as while a plan is taken back
    try:
        assert run(shell("kill -TERM $$; exit 7"), deadline=9).status == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)


def test_input_is_empty_unless_given_and_the_child_stands_in_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(("/bin/cat",), deadline=9).stdout == ""
    assert run(("/bin/pwd",), deadline=9).stdout == "/\n"


def test_a_child_has_a_session_of_its_own_and_no_descriptors_of_ours() -> None:
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        told = run((sys.executable, "-IS", "-c", "import os; print(os.getsid(0) == os.getpid())"), deadline=9).stdout
        open_ones = run(shell("ls -l /proc/self/fd"), deadline=9).stdout
    finally:
        os.close(inherited)
    assert told == "True\n"
    assert open_ones.count(" -> ") == 4, "0, 1, 2 and the folder that ls reads"


def test_a_daemon_that_keeps_the_output_open_holds_nobody_up() -> None:
    finished = run(shell("sleep 60 & echo $!"), deadline=5)
    os.kill(int(finished.stdout), signal.SIGKILL)
    assert finished.status == 0


def test_the_deadline_ends_the_whole_process_group(started: Started) -> None:
    script = f"trap '' TERM; sleep 60 & echo $$ $! > {started.fifo}; wait; wait"
    with pytest.raises(Failure) as failure:
        run(shell(script), deadline=7)
    assert message_of(failure) == CommandHung(f"{SHELL} -c {script}", 7, "killed")
    assert len(started.handles) == 2
    assert started.all_end()


def test_a_program_that_makes_progress_is_not_late() -> None:
    moving = count()
    assert run(("/bin/sleep", "1.5"), deadline=0.2, progress=lambda: next(moving)).status == 0
    with pytest.raises(Failure) as failure:
        run(("/bin/sleep", "60"), deadline=0.2, progress=lambda: "the same")
    assert isinstance(message_of(failure), CommandHung)
    with pytest.raises(Failure) as failure:
        run(("/bin/sleep", "60"), deadline=60, progress=lambda: next(moving), end=time.monotonic() + 0.2)
    assert isinstance(message_of(failure), CommandHung)


def test_a_child_that_heeds_the_warning_can_tidy_up(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TERM_GRACE", 9)
    with pytest.raises(Failure):
        run(
            shell(f"trap 'echo done > {tmp_path}/note; exit' TERM; sleep 60 & echo $$ > {started.fifo}; wait"),
            deadline=7,
        )
    assert (tmp_path / "note").read_text() == "done\n"


def test_a_child_that_cannot_die_is_abandoned_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in uninterruptible sleep: it does not end, whatever is sent."""
    sent = []
    real = module._signal_group
    monkeypatch.setattr(module, "_has_ended", lambda _pid, _patience: False)
    monkeypatch.setattr(module, "_signal_group", lambda group, number: sent.append((group, number)))
    with pytest.raises(Failure) as failure:
        run(("/bin/sleep", "60"), deadline=1)
    real(sent[0][0], signal.SIGKILL)
    os.waitpid(sent[0][0], 0)
    assert message_of(failure) == CommandHung("/bin/sleep 60", 1, "abandoned in uninterruptible sleep")
    assert [number for _, number in sent] == [signal.SIGTERM, signal.SIGKILL]
    assert "abandoned" in recorder.dump()


def test_an_exception_from_a_signal_handler_ends_the_child(tmp_path: Path) -> None:
    class Terminated(Exception):
        pass

    def handler(_number: int, _frame: object) -> None:
        raise Terminated

    os.mkfifo(tmp_path / "started")
    handles = []

    def interrupt() -> None:
        handles.append(os.pidfd_open(int((tmp_path / "started").read_text())))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(Terminated):
            run(shell(f"echo $$ > {tmp_path}/started; exec sleep 60"), deadline=30)
    finally:
        signal.signal(signal.SIGUSR1, before)
        thread.join()
    assert select.select(handles, [], [], 9)[0] == handles
    os.close(handles[0])


def test_a_signal_at_the_birth_of_the_child_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment when the child runs and nobody has noted its process ID yet."""
    born = []
    real = birth.begin

    def begin(how: birth.Birth) -> int:
        child = real(how)
        born.append(os.pidfd_open(child))
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)  # a parallel test runner has other threads
        return child

    def handler(_number: int, _frame: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(birth, "begin", begin)
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(InterruptedError):
            run(("/bin/sleep", "60"), deadline=30)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert select.select(born, [], [], 9)[0] == born
    os.close(born[0])


def test_our_signal_mask_is_the_childs_and_stays_ours() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        told = run(("/bin/grep", "SigBlk", "/proc/self/status"), deadline=9).stdout
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert int(told.split()[1], 16) == 1 << (signal.SIGUSR2 - 1)
    assert mask == before | {signal.SIGUSR2}


def test_kernels_without_pidfd_are_served_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert run(shell("echo x; exit 3"), deadline=9).status == 3
    with pytest.raises(Failure) as failure:
        run(("/bin/sleep", "60"), deadline=0.02)
    assert isinstance(message_of(failure), CommandHung)


def test_a_program_that_is_not_there_has_its_own_message(disk_path: Path) -> None:
    (disk_path / "data").write_text("no program")
    for path in ("/usr/sbin/no-such-tool", "/etc/passwd/x", str(disk_path / "data")):
        with pytest.raises(Failure) as failure:
            run((path,), deadline=9)
        assert message_of(failure) == CommandMissing(path)
    (disk_path / "data").chmod(0o755)
    with pytest.raises(Failure) as failure:
        run((str(disk_path / "data"),), deadline=9)
    assert isinstance(message_of(failure), CommandFailed)
    with pytest.raises(ValueError, match="absolute"):
        run(("lvm",), deadline=9)


def test_output_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_OUTPUT", 4096)
    finished = run(("/usr/bin/head", "-c", "100000", "/dev/zero"), deadline=9)
    assert len(finished.stdout) <= 4096
    assert finished.status != 0


def test_output_can_be_passed_on_and_kept(capfd: pytest.CaptureFixture[str]) -> None:
    finished = run(shell("echo out; echo err >&2"), deadline=9, pass_output=(1, 2))
    assert (finished.stdout, finished.stderr) == ("out\n", "err\n")
    assert tuple(capfd.readouterr()) == ("out\n", "err\n")


def test_no_descriptor_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")
    run(shell("exit 1"), deadline=9, stdin=b"x")
    with pytest.raises(Failure):
        run(("/no/such/tool",), deadline=9)
    assert os.listdir("/proc/self/fd") == before


def test_the_recorder_notes_a_command_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = module._start

    def start(*arguments: object) -> object:
        seen.append(recorder.dump())
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_start", start)
    run(shell("echo out; echo err >&2; exit 5"), deadline=9)
    assert "running" in seen[0]
    lines = recorder.dump().splitlines()
    assert "status 5 after" in lines[0]
    assert [line.strip() for line in lines[1:]] == ["out: out", "err: err"]


def test_the_recorder_keeps_the_last_sixteen_commands() -> None:
    for number in range(20):
        recorder.begin((f"/bin/{number}",)).ended(0, 0.1, "x" * 1000, "")
    dump = recorder.dump()
    assert "/bin/3 " not in dump
    assert "/bin/4 " in dump
    assert len(dump.splitlines()) == 32
    assert max(map(len, dump.splitlines())) < 500


def test_what_a_command_says_is_passed_on_before_it_ends(started: Started, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failure):
        run(shell(f"echo early; echo $$ > {started.fifo}; exec sleep 99"), deadline=0.02, pass_output=(1, 2))
    assert capfd.readouterr().out == "early\n"


def test_a_closed_stream_of_ours_does_not_stop_the_command() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert run(shell("echo out; echo more"), deadline=9, pass_output=(writing, 2)).stdout == "out\nmore\n"
    os.close(writing)

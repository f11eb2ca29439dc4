"""The one place where the kit starts another program: no shell, no inherited environment, always a deadline.

A program dies with the process that started it, so that nothing is done any more for a run that was killed; and where
that takes effect late, as in uninterruptible sleep, it still has the lock of the volume group that it works on.

Output is collected in memory files (memfd_create(2)), not pipes: a daemon that a command leaves behind keeps its
descriptors, and reading a pipe to its end would wait for that daemon instead of the command.
"""

from __future__ import annotations

import fcntl
import os
import select
import time

from lvmkit.model import signals
from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed, CommandHung, CommandMissing
from lvmkit.model.value import Value
from lvmkit.storage import birth, locks, recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lvmkit.model.signals import Mask

TERM_GRACE, KILL_GRACE = 0.5, 1.0
"""seconds: to end by itself after SIGTERM, and to be gone after SIGKILL"""
LARGEST_OUTPUT = 16 * 1024 * 1024
"""bytes of each output stream; a write beyond it fails in the command"""

FOREVER = float("inf")
LEAST = 0.1
"""seconds that a command gets although the time of all is over: it then says what was not done in time"""

KILLED, ABANDONED = "killed", "abandoned in uninterruptible sleep"

_POLL = 0.01
_DETACH = ("/usr/bin/setsid", "--fork")
"""what starts a program as nobody's child, so that none is left for this process to collect"""
_ECHO_PAUSE = 0.1
_LOOK_PAUSE = 1.0


def time_left(seconds: float, end: float) -> float:
    """What a command may take: its own limit, but no more than what is left until the end (time.monotonic())."""
    return max(LEAST, min(seconds, end - time.monotonic()))


class Finished(Value):
    """A command that ended."""

    argv: tuple[str, ...]
    status: int
    """exit status; -N when signal N ended it"""
    stdout: str
    stderr: str
    seconds: float

    @property
    def command(self) -> str:
        """The command as messages show it."""
        return " ".join(self.argv)


def run(
    argv: Sequence[str],
    *,
    deadline: float,
    stdin: bytes | None = None,
    pass_output: tuple[int, int] | None = None,
    environment: Mapping[str, str] | None = None,
    hear: Callable[[str], None] | None = None,
    outlives_us: bool = False,
    progress: Callable[[], object] | None = None,
    end: float = FOREVER,
) -> Finished:
    """Run a program to its end and collect what it says.

    argv: argv[0] is an absolute path.  deadline: seconds.  stdin: what it may read; nothing when absent.
    progress: looked at every second; each time that it gives another value, the deadline begins anew.
    end: of time.monotonic(): ends the program in any case.
    pass_output: our own descriptors to which what it writes to stdout and stderr is passed on several times a second.
    environment: its whole environment besides LC_ALL=C.
    hear: is given each line that it writes to stdout, without the line's end, several times a second. What it raises
    ends the program.
    outlives_us: it goes on when this process is killed, because it has a lock and a way back of its own.
    Returns Finished whatever the exit status. Raises Failure: CommandMissing; CommandFailed when it cannot be started;
    CommandHung when it did not end in time and was killed with its process group, or would not even die. An exception
    that a signal handler raises here ends the program in the same way.
    """
    if not os.path.isabs(argv[0]):
        raise ValueError(f"not an absolute path: {argv[0]}")
    entry = recorder.begin(argv)
    files = [_memory_file(LARGEST_OUTPUT), _memory_file(LARGEST_OUTPUT), _input_file(stdin)]
    mask = _hold_signals()
    try:
        limit = _Limit(deadline, end, progress)
        child = _start(argv, files, environment or {}, mask, outlives_us)
        seconds = _wait(child, argv, limit, entry, mask, _echoes(files, pass_output, hear))
        finished = Finished(tuple(argv), birth.status(child), _text(files[0]), _text(files[1]), seconds)
    finally:
        _close(files)
        _release_signals(mask)
    entry.ended(finished.status, finished.seconds, finished.stdout, finished.stderr)
    return finished


class Command(Value):
    """A program that is to be run beside others."""

    argv: tuple[str, ...]
    stdin: bytes = b""


def run_all(commands: Sequence[Command], *, deadline: float) -> tuple[Finished | Failure, ...]:
    """Run several programs at the same time; one outcome for each, in their order: what run() returns or raises.

    deadline: seconds for all of them together. An exception that a signal handler raises here ends all of them.
    """
    mask = _hold_signals()
    children: list[_Child | Failure] = []
    try:
        children.extend(_started(command, mask) for command in commands)
        _release_signals(mask)
        _wait_for_all([child for child in children if isinstance(child, _Child)], deadline)
    finally:
        _hold_signals()
        outcomes = tuple(_outcome(child, deadline) for child in children)
        _release_signals(mask)
    return outcomes


class Begun:
    """A program that runs while this process does something else, and dies with it."""

    def __init__(self, child: _Child | Failure) -> None:
        self._child = child

    def outcome(self, *, deadline: float) -> Finished | Failure:
        """What run() would return or raise; to be asked for once. deadline: seconds from now."""
        try:
            if isinstance(self._child, _Child):
                _has_ended(self._child.pid, deadline)
        finally:
            mask = _hold_signals()
            outcome = _outcome(self._child, deadline)
            _release_signals(mask)
        return outcome


def run_beside(command: Command) -> Begun:
    """Start a program and go on. It has no lock of ours, so it must not change anything."""
    mask = _hold_signals()
    try:
        return Begun(_started(command, mask))
    finally:
        _release_signals(mask)


def launch(argv: Sequence[str], environment: Mapping[str, str]) -> None:
    """Start a program that goes on by itself: nobody waits for it, reads what it says or has it hold a lock of ours.

    Raises Failure: CommandMissing (110060), CommandFailed (110061).
    """
    mask = _hold_signals()
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        birth.status(_start((*_DETACH, *argv), (nowhere, nowhere, nowhere), environment, mask, outlives_us=True))
    finally:
        os.close(nowhere)
        _release_signals(mask)


class _Child(Value):
    """One of several programs that run at the same time."""

    argv: tuple[str, ...]
    files: tuple[int, ...]
    """memory files: what it writes to stdout and stderr, and what it reads"""
    pid: int
    entry: recorder.Entry
    begun: float
    """of time.monotonic()"""


def _started(command: Command, mask: Mask) -> _Child | Failure:
    """Start it, while signals are held."""
    entry = recorder.begin(command.argv)
    files = (_memory_file(LARGEST_OUTPUT), _memory_file(LARGEST_OUTPUT), _input_file(command.stdin))
    try:
        pid = _start(command.argv, files, {}, mask, outlives_us=False)
    except Failure as failure:
        _close(files)
        return failure
    return _Child(command.argv, files, pid, entry, time.monotonic())


def _wait_for_all(children: Sequence[_Child], deadline: float) -> None:
    """Wait until all have ended, or the deadline has."""
    limit = time.monotonic() + deadline
    for child in children:
        _has_ended(child.pid, limit - time.monotonic())


def _outcome(child: _Child | Failure, deadline: float) -> Finished | Failure:
    """What became of one, while signals are held. One that still runs is ended."""
    if isinstance(child, Failure):
        return child
    seconds = time.monotonic() - child.begun
    try:
        if not _has_ended(child.pid, 0):
            fate = _end(child.pid)
            child.entry.failed(fate, seconds)
            return Failure(CommandHung(" ".join(child.argv), deadline, fate))
        status = birth.status(child.pid)
        finished = Finished(child.argv, status, _text(child.files[0]), _text(child.files[1]), seconds)
        child.entry.ended(status, seconds, finished.stdout, finished.stderr)
        return finished
    finally:
        _close(child.files)


def _close(files: Sequence[int]) -> None:
    for handle in files:
        os.close(handle)


def _echoes(
    files: Sequence[int], pass_output: tuple[int, int] | None, hear: Callable[[str], None] | None
) -> tuple[_Echo | _Listener, ...]:
    """What is done with output as it comes.

    pass_output: not handed down: a script in the middle of its work must not die of a broken pipe when we are killed.
    """
    echoes: list[_Echo | _Listener] = []
    if pass_output:
        echoes += [_Echo(files[0], pass_output[0]), _Echo(files[1], pass_output[1])]
    if hear:
        echoes.append(_Listener(files[0], hear))
    return tuple(echoes)


def _hold_signals() -> Mask:
    """Keep signals waiting, so that no handler can raise between the child's birth and our knowing of it."""
    return set(signals.pthread_sigmask(signals.SIG_BLOCK, signals.valid_signals()))


def _release_signals(mask: Mask) -> None:
    signals.pthread_sigmask(signals.SIG_SETMASK, mask)


def _start(
    argv: Sequence[str], files: Sequence[int], environment: Mapping[str, str], mask: Mask, outlives_us: bool
) -> int:
    """The process ID of the program. Raises Failure: CommandMissing (110060), CommandFailed (110061)."""
    out, err, given = files
    words = tuple(map(_bytes, argv))
    whole = {_bytes(name): _bytes(value) for name, value in {"LC_ALL": "C", **environment}.items()}
    try:
        return birth.begin(birth.Birth(words, whole, (given, out, err), mask, outlives_us))
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise Failure(CommandMissing(argv[0])) from error
    except OSError as error:
        raise Failure(CommandFailed(" ".join(argv), "no start", error.strerror or str(error))) from error


def _wait(
    child: int,
    argv: Sequence[str],
    limit: _Limit,
    entry: recorder.Entry,
    mask: Mask,
    echoes: Sequence[_Echo | _Listener],
) -> float:
    """Wait for the child and return the seconds it took; whatever interrupts the waiting, the child is ended."""
    start = time.monotonic()
    ended = False
    fate = KILLED
    try:
        _release_signals(mask)
        limit.begin()
        ended = _has_ended_within(child, limit, echoes)
    finally:
        if not ended:
            _hold_signals()  # a second signal must not save the child from its end
            fate = _end(child)
            entry.failed(fate, time.monotonic() - start)
    seconds = time.monotonic() - start
    if not ended:
        raise Failure(CommandHung(" ".join(argv), round(seconds, 1) if limit.progress else limit.deadline, fate))
    return seconds


class _Limit:
    """Until when a program is waited for."""

    def __init__(self, deadline: float, end: float, progress: Callable[[], object] | None) -> None:
        self.deadline, self._end, self.progress = deadline, end, progress
        self._until = FOREVER
        self._seen: object = None

    def begin(self) -> None:
        """The program runs from now on."""
        self._until = time.monotonic() + self.deadline
        self._seen = self.progress() if self.progress else None

    def left(self) -> float:
        """Seconds until it is over."""
        if self.progress and (state := self.progress()) != self._seen:
            self._seen, self._until = state, time.monotonic() + self.deadline
        return min(self._until, self._end) - time.monotonic()


class _Echo:
    """What a child writes into a memory file, passed on to one of our own streams as far as it has not been."""

    def __init__(self, memory: int, stream: int) -> None:
        self._memory = memory
        self._stream = stream
        self._position = 0

    def pass_on(self, *, is_last: bool = False) -> None:
        """Write what is new. Nobody reading our stream any more must not stop the work."""
        del is_last
        written = os.lseek(self._memory, 0, os.SEEK_CUR)
        chunk = os.pread(self._memory, written - self._position, self._position)
        self._position = written
        try:
            while chunk:
                chunk = chunk[os.write(self._stream, chunk) :]
        except OSError:
            return


class _Listener:
    """The lines that a child writes into a memory file, as they become whole; the last one when the child has ended."""

    def __init__(self, memory: int, hear: Callable[[str], None]) -> None:
        self._memory = memory
        self._hear = hear
        self._position = 0

    def pass_on(self, *, is_last: bool = False) -> None:
        """Let the listener have what is new."""
        written = os.lseek(self._memory, 0, os.SEEK_CUR)
        chunk = os.pread(self._memory, written - self._position, self._position)
        whole = chunk if is_last else chunk[: chunk.rfind(b"\n") + 1]
        self._position += len(whole)
        for line in whole.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n") if whole else ():
            self._hear(line)


def _has_ended_within(pid: int, limit: _Limit, echoes: Sequence[_Echo | _Listener]) -> bool:
    """_has_ended(), passing on meanwhile and at the end what the child writes."""
    pause = _ECHO_PAUSE if echoes else _LOOK_PAUSE if limit.progress else FOREVER
    ended = False
    while not ended and (left := limit.left()) > 0:
        ended = _has_ended(pid, min(pause, left))
        for echo in echoes:
            echo.pass_on(is_last=ended)
    return ended


def _end(child: int) -> str:
    """Terminate the child's process group, then kill it; what became of it."""
    # The child is not reaped before the last signal: until then nobody else can get its process group's number.
    _signal_group(child, signals.SIGTERM)
    _has_ended(child, TERM_GRACE)
    _signal_group(child, signals.SIGKILL)
    if not _has_ended(child, KILL_GRACE):
        return ABANDONED
    birth.status(child)
    return KILLED


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _has_ended(pid: int, patience: float) -> bool:
    """Whether a child ends within patience (seconds); it is not reaped. Wakes up at once (source: pidfd_open(2))."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:  # kernels before 5.3
        return _has_ended_polling(pid, patience)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(max(0.0, patience) * 1000))
    finally:
        os.close(handle)


def _has_ended_polling(pid: int, patience: float) -> bool:
    limit = time.monotonic() + patience
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= limit:
            return False
        time.sleep(_POLL)
    return True


def _memory_file(size: int) -> int:
    """A file in memory that cannot grow beyond size; how much was written shows in its shared offset."""
    handle = os.memfd_create("lvmkit", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(handle, size)
    fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
    return handle


def _input_file(content: bytes | None) -> int:
    """What the program gets as its standard input: of a locked volume group the lock, see storage/locks.py."""
    if content is None:
        lock = locks.for_programs()
        return os.open(os.devnull, os.O_RDONLY) if lock is None else os.dup(lock)
    handle = os.memfd_create("lvmkit", os.MFD_CLOEXEC)
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _text(handle: int) -> str:
    written = os.lseek(handle, 0, os.SEEK_CUR)
    return os.pread(handle, written, 0).decode("utf-8", "surrogateescape")


def _bytes(word: str) -> bytes:
    """The same bytes from which the text was read, whatever the locale."""
    return word.encode("utf-8", "surrogateescape")

"""Run commands for the host over one virtio-serial port. This file runs inside the guest.

Why not ssh: a login costs two seconds under emulation and a connection does not survive a saved state. A virtio-serial
port costs nothing to open, and an agent that sleeps on it is still asleep there after the guest has been restored.

Wire format, both directions: frames of type (1 byte), length (2 bytes, big endian), payload.
The host may vanish half-way through a frame, and the guest may not notice before the next host is connected. So every
session starts with padding as long as the longest frame, which completes whatever frame was cut, and then HELLO with a
random session identity. The agent ends what it was doing and answers with the bare identity; the host ignores what
comes before that.

Standard library only, no imports that take long: it starts as `python3 -IS`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import struct
import sys
import time

HEADER = struct.Struct(">cH")
LONGEST_FRAME = 4096
"""Bytes of the longest frame to the guest, header included: one page, which is what one read of the port returns."""
PADDING = b"\0"
HELLO = b"H"
GREETING = struct.Struct(">16sd")
"""Payload of HELLO: session identity, and the time to set the clock to (seconds since the epoch, 0 leaves it alone)."""
REQUEST = b"R"
EXECUTE = b"X"
STDIN = b"I"
STDOUT = b"O"
STDERR = b"E"
CONSUMED = b"K"
"""How many bytes of standard input the command has taken (4 bytes): the host never has more than WINDOW outstanding."""
EXIT = b"Q"
WINDOW = 256 * 1024
OUTBOX_LIMIT = 1024 * 1024
LONGEST_PAYLOAD_UP = 0xFFFF
TIMED_OUT = 124
NOT_EXECUTABLE = 126
NOT_FOUND = 127
AWAITED = (signal.SIGIO, signal.SIGCHLD)
"""A port's host came or went; a command that nobody waits for any more has ended."""
LONGEST_SLEEP = 30.0
"""Seconds between looks at a port without a host, in case a signal was missed."""
SECONDS_TO_DIE = 2.0
"""How long a killed command may take to disappear before it is abandoned (a process in D state never does)."""


class Frames:
    """Cuts a stream of bytes into frames, skipping padding between them."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Return the frames (type, payload) that `data` completes."""
        self._bytes += data
        found = []
        frame = self._next()
        while frame is not None:
            found.append(frame)
            frame = self._next()
        return found

    def _next(self) -> tuple[bytes, bytes] | None:
        if self._bytes.startswith(PADDING):
            self._bytes = self._bytes.lstrip(PADDING)
        if len(self._bytes) < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self._bytes)
        end = HEADER.size + length
        if len(self._bytes) < end:
            return None
        payload = bytes(self._bytes[HEADER.size : end])
        del self._bytes[:end]
        return kind, payload


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Return one frame on the wire."""
    return HEADER.pack(kind, len(payload)) + payload


def pack_request(argv: list[bytes], env: dict[bytes, bytes], timeout: float, has_stdin: bool) -> bytes:
    """Return the description of one command. NUL separates the fields: it can't occur in argv or the environment."""
    fields = [b"%f" % timeout, b"%d" % has_stdin, b"%d" % len(argv), *argv]
    fields += [name + b"=" + value for name, value in env.items()]
    return b"\0".join(fields)


def unpack_request(blob: bytes) -> tuple[list[bytes], dict[bytes, bytes], float, bool]:
    """Undo pack_request."""
    timeout, has_stdin, count, *rest = blob.split(b"\0")
    pairs = [item.partition(b"=") for item in rest[int(count) :]]
    return rest[: int(count)], {name: value for name, _, value in pairs}, float(timeout), has_stdin == b"1"


class Job:
    """One running command: its process group, its pipes and its deadline."""

    def __init__(self, argv: list[bytes], env: dict[bytes, bytes], timeout: float, has_stdin: bool) -> None:
        """Start the command.

        timeout: seconds, 0 for none.  has_stdin: False connects standard input to /dev/null.
        Raises OSError when the program can't be executed.
        """
        self.stdin_bytes = bytearray()
        self.stdin_ended = False
        self.pipes: dict[int, bytes] = {}
        self.stdin: int | None = None
        self._spawn(argv, {**os.environb, **env}, has_stdin)
        self.pidfd = os.pidfd_open(self.pid)
        self.deadline = time.monotonic() + timeout if timeout else None
        self.timed_out = False

    def _spawn(self, argv: list[bytes], env: dict[bytes, bytes], has_stdin: bool) -> None:
        theirs_in, ours_in = os.pipe() if has_stdin else (os.open(os.devnull, os.O_RDONLY), None)
        ours_out, theirs_out = os.pipe()
        ours_err, theirs_err = os.pipe()
        theirs = (theirs_in, theirs_out, theirs_err)
        actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(theirs)]
        self.stdin, self.pipes = ours_in, {ours_out: STDOUT, ours_err: STDERR}
        try:
            self.pid = os.posix_spawnp(
                argv[0],
                argv,
                env,
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except OSError:
            self._close_pipes()
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        for fd in self._open_pipes():
            os.set_blocking(fd, False)

    def _open_pipes(self) -> list[int]:
        return [*self.pipes, *([] if self.stdin is None else [self.stdin])]

    def _close_pipes(self) -> None:
        for fd in self._open_pipes():
            os.close(fd)
        self.pipes, self.stdin = {}, None

    def take_stdin(self, data: bytes) -> None:
        """Queue bytes for the command's standard input; no bytes at all mean the end of it."""
        self.stdin_bytes += data
        self.stdin_ended = self.stdin_ended or not data

    def feed_stdin(self) -> int:
        """Write what standard input takes now. Return how many bytes are no longer queued."""
        taken = len(self.stdin_bytes)
        if self.stdin is not None:
            try:
                taken = os.write(self.stdin, self.stdin_bytes) if self.stdin_bytes else 0
            except BlockingIOError:
                return 0
            except BrokenPipeError:
                self.stdin_ended = True
        del self.stdin_bytes[:taken]
        if self.stdin_ended and not self.stdin_bytes and self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None
        return taken

    def read(self, fd: int) -> bytes | None:
        """Return what is in one pipe, b"" for nothing now; None, and the pipe closed, at its end."""
        try:
            data = os.read(fd, LONGEST_PAYLOAD_UP)
        except BlockingIOError:
            return b""
        if not data:
            os.close(fd)
            del self.pipes[fd]
            return None
        return data

    def kill(self) -> None:
        """Kill the command's process group. Harmless when it is gone."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def reap(self) -> int | None:
        """Return the exit code (128 + signal for a killed command), or None while the command runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        os.close(self.pidfd)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def state(self) -> str:
        """Return the process state letter from /proc (D: waits for a device), or ? when it is gone."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
                return stat.read().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return "?"

    def hang_up(self) -> None:
        """Give up the pipes; the process itself is left to whatever it does, and still has to be reaped."""
        self._close_pipes()


class Agent:
    """Serves one port for ever: one session at a time, one command at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._frames = Frames()
        self._greeted = self._connected = False
        self._outbox = bytearray()
        self._request = bytearray()
        self._job: Job | None = None
        self._abandoned: list[Job] = []

    def serve(self) -> None:
        """Answer the host until the port disappears."""
        while True:
            job, ready = self._job, self._wait()
            self._reap_abandoned(ready)
            if ready.get(self._port, 0) & select.POLLHUP:
                self._hang_up()
                continue
            self._connected = True
            self._serve_port(ready.get(self._port, 0))
            if job is not None and job is self._job:  # what is ready says nothing of a command that began only now
                self._serve_job(job, ready)

    def _wait(self) -> dict[int, int]:
        poll = select.poll()
        poll.register(self._port, select.POLLIN | (select.POLLOUT if self._outbox else 0))
        for abandoned in self._abandoned:
            poll.register(abandoned.pidfd, select.POLLIN)
        job = self._job
        if job is None:
            return dict(poll.poll())
        poll.register(job.pidfd, select.POLLIN)
        for fd in job.pipes if len(self._outbox) < OUTBOX_LIMIT else ():
            poll.register(fd, select.POLLIN)
        if job.stdin is not None and (job.stdin_bytes or job.stdin_ended):
            poll.register(job.stdin, select.POLLOUT)
        wait = None if job.deadline is None else max(0, int((job.deadline - time.monotonic()) * 1000) + 1)
        return dict(poll.poll(wait))

    def _hang_up(self) -> None:
        """No host is connected: end the last one's command, and sleep until the kernel signals a change on the port.

        The next host's bytes may come before the news that it is connected: they are looked at, and that session is not
        ended.
        """
        if self._connected:
            self._new_session()
        if not self._receive():
            signal.sigtimedwait(AWAITED, LONGEST_SLEEP)

    def _new_session(self) -> None:
        self._greeted = self._connected = False
        self._outbox.clear()
        self._request.clear()
        if self._job is not None:
            self._job.kill()
            self._abandon()

    def _abandon(self) -> None:
        if self._job is not None:
            self._job.hang_up()
            self._abandoned.append(self._job)
        self._job = None

    def _reap_abandoned(self, ready: dict[int, int]) -> None:
        self._abandoned = [job for job in self._abandoned if job.pidfd not in ready or job.reap() is None]

    def _serve_port(self, events: int) -> None:
        if events & select.POLLIN:
            self._receive()
        if self._outbox:
            self._send()

    def _receive(self) -> bool:
        """Read from the port and do what the frames say. Return whether there was anything."""
        try:
            data = os.read(self._port, LONGEST_FRAME)
        except BlockingIOError:
            return False
        for kind, payload in self._frames.feed(data):
            if self._greeted or kind == HELLO:
                self._take(kind, payload)
        return bool(data)

    def _send(self) -> None:
        try:
            sent = os.write(self._port, self._outbox[:LONGEST_PAYLOAD_UP])
        except BlockingIOError:
            return
        del self._outbox[:sent]

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == HELLO and len(payload) == GREETING.size:
            self._greet(*GREETING.unpack(payload))
        elif kind == REQUEST:
            self._request += payload
        elif kind == EXECUTE:
            self._execute()
        elif kind == STDIN and self._job is not None:
            self._job.take_stdin(payload)
            self._feed(self._job)
        elif kind == STDIN:
            self._queue(CONSUMED, struct.pack(">I", len(payload)))

    def _greet(self, identity: bytes, now: float) -> None:
        self._new_session()
        self._greeted = True
        if now:
            time.clock_settime(time.CLOCK_REALTIME, now)
        self._outbox += identity

    def _execute(self) -> None:
        argv, env, timeout, has_stdin = unpack_request(bytes(self._request))
        self._request.clear()
        try:
            self._job = Job(argv, env, timeout, has_stdin)
        except OSError as error:
            self._say(f"{os.fsdecode(argv[0])}: {error.strerror}")
            missing = error.errno == errno.ENOENT
            self._queue(EXIT, struct.pack(">i", NOT_FOUND if missing else NOT_EXECUTABLE))

    def _queue(self, kind: bytes, payload: bytes) -> None:
        self._outbox += frame(kind, payload)

    def _say(self, text: str) -> None:
        self._queue(STDERR, os.fsencode(f"lab: {text}\n"))

    def _feed(self, job: Job) -> None:
        taken = job.feed_stdin()
        if taken:
            self._queue(CONSUMED, struct.pack(">I", taken))

    def _serve_job(self, job: Job, ready: dict[int, int]) -> None:
        for fd in [fd for fd in job.pipes if fd in ready]:
            self._copy(job, fd)
        if job.stdin is not None and job.stdin in ready:
            self._feed(job)
        if job.pidfd in ready:
            self._finish(job)
        elif job.deadline is not None and time.monotonic() >= job.deadline:
            self._expire(job)

    def _copy(self, job: Job, fd: int) -> bool:
        kind = job.pipes[fd]
        data = job.read(fd)
        if data:
            self._queue(kind, data)
        return bool(data)

    def _finish(self, job: Job) -> None:
        """The command has ended: pass on what is left in its pipes (two reads hold all of it), then the code.

        A daemon may hold the pipes open, and write for ever: it is not waited for.
        """
        code = job.reap()
        for fd in list(job.pipes):
            if self._copy(job, fd):
                self._copy(job, fd)
        self._queue(EXIT, struct.pack(">i", TIMED_OUT if job.timed_out or code is None else code))
        job.hang_up()
        self._job = None

    def _expire(self, job: Job) -> None:
        """The time is over: kill the command, and the next time abandon it."""
        if not job.timed_out:
            self._say("the command did not end in time and is killed")
            job.kill()
            job.timed_out, job.deadline = True, time.monotonic() + SECONDS_TO_DIE
            return
        self._say(f"process {job.pid} does not die (state {job.state()}) and is abandoned")
        self._queue(EXIT, struct.pack(">i", TIMED_OUT))
        self._abandon()


def find_port(name: str) -> str:
    """Return the device of the virtio-serial port called `name`, waiting until the kernel has it."""
    ports = "/sys/class/virtio-ports"
    while True:
        for entry in os.listdir(ports) if os.path.isdir(ports) else ():
            with open(f"{ports}/{entry}/name", encoding="ascii") as label:
                if label.read().strip() == name:
                    return f"/dev/{entry}"
        time.sleep(0.1)


def open_port(device: str) -> int:
    """Open a port so that SIGIO becomes pending whenever its host side comes or goes."""
    port = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    fcntl.fcntl(port, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(port, fcntl.F_SETFL, fcntl.fcntl(port, fcntl.F_GETFL) | os.O_ASYNC)
    return port


def main() -> None:
    """Serve the port whose name is the only argument."""
    os.chdir("/root")
    Agent(open_port(find_port(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()

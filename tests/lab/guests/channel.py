"""Run commands in a guest: the host side of agent.py, which describes the wire format."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import agent, store
from .errors import LabError

CHUNK = agent.LONGEST_FRAME - agent.HEADER.size
GRACE = 20.0
"""Seconds the host waits beyond a command's timeout before it believes that the guest itself hangs."""
GREETING_DEADLINE = 60.0
RETRY_INTERVAL = 0.05

Sink = Callable[[bytes], None]


def ignore(_data: bytes) -> None:
    """Throw output away."""


class ChannelError(LabError):
    """The guest can't be reached: it is not running, or every port is busy."""


class NoAnswerError(ChannelError):
    """The guest runs, but its agent does not answer in time."""


@dataclass(frozen=True)
class Request:
    """A command for the guest.

    argv and env: bytes, passed unchanged; env is added to the agent's.  timeout: seconds, 0 for none.
    stdin: an open file descriptor to read its standard input from, or None for /dev/null.
    """

    argv: Sequence[bytes]
    env: Mapping[bytes, bytes] = field(default_factory=dict)
    timeout: float = 0.0
    stdin: int | None = None


@contextlib.contextmanager
def free_port(folder: Path, *, deadline: float) -> Iterator[Path]:
    """Offer the socket of a virtio-serial port that no other host process uses, for as long as the block lasts.

    folder: where the machine has its sockets.  deadline: seconds to wait for one, ChannelError after that.
    """
    end = time.monotonic() + deadline
    sockets = sorted(folder.glob("port*.sock"))
    while time.monotonic() < end and sockets:
        for path in sockets:
            with path.with_suffix(".lock").open("w", encoding="ascii") as lock:
                if store.try_lock(lock.fileno()):
                    yield path
                    return
        time.sleep(RETRY_INTERVAL)
    raise ChannelError(f"{folder}: {'every port is busy' if sockets else 'the guest is not running'}")


class Session:
    """One exchange with an agent."""

    def __init__(self, path: Path) -> None:
        """Connect to a port's socket. Raises ChannelError when QEMU is not there."""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise ChannelError(f"{path}: {error.strerror} (the guest is not running)") from error
        self._socket.setblocking(False)
        self._frames = agent.Frames()
        self._outbox = bytearray()
        self._credit = agent.WINDOW
        self._end = 0.0
        self._stdin: int | None = None

    def close(self) -> None:
        """Hang up; the agent ends a command that still runs."""
        self._socket.close()

    def abort(self) -> None:
        """Hang up while another thread waits for an answer: it gets a ChannelError. Harmless after the end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def greet(self, now: float, *, deadline: float) -> bytes:
        """Start a session. Return what of the first answer came with the agent's greeting.

        now: time to set the guest's clock to, 0 to leave it.
        Raises NoAnswerError when no agent answers in `deadline` seconds.
        """
        identity = os.urandom(16)
        self._end = time.monotonic() + deadline
        self._outbox += bytes(agent.LONGEST_FRAME) + agent.frame(agent.HELLO, agent.GREETING.pack(identity, now))
        answer = bytearray()
        while identity not in answer:
            answer += self._exchange()
        return bytes(answer.partition(identity)[2])

    def execute(self, request: Request, out: Sink, err: Sink, first: bytes = b"") -> int:
        """Run one command. Return its exit code (124: it did not end in time).

        out, err: get the bytes of its standard output and error as they come.  first: what greet returned.
        """
        self._end = time.monotonic() + request.timeout + GRACE if request.timeout else float("inf")
        self._stdin = request.stdin
        blob = agent.pack_request(list(request.argv), dict(request.env), request.timeout, request.stdin is not None)
        for start in range(0, len(blob), CHUNK):
            self._outbox += agent.frame(agent.REQUEST, blob[start : start + CHUNK])
        self._outbox += agent.frame(agent.EXECUTE)
        data = first
        while True:
            for kind, payload in self._frames.feed(data):
                if kind == agent.EXIT:
                    code: int = struct.unpack(">i", payload)[0]
                    return code
                self._take(kind, payload, out, err)
            data = self._exchange()

    def _take(self, kind: bytes, payload: bytes, out: Sink, err: Sink) -> None:
        if kind == agent.STDOUT:
            out(payload)
        elif kind == agent.STDERR:
            err(payload)
        elif kind == agent.CONSUMED:
            self._credit += struct.unpack(">I", payload)[0]

    def _exchange(self) -> bytes:
        """Wait for something to happen, send what can be sent, return what has come."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._outbox else 0))
        if self._stdin is not None and self._credit > 0 and len(self._outbox) < CHUNK:
            poll.register(self._stdin, select.POLLIN)
        ready = dict(poll.poll(self._milliseconds_left()))
        if not ready and time.monotonic() >= self._end:
            raise NoAnswerError("the guest does not answer (paused, hung or still booting)")
        if self._stdin is not None and self._stdin in ready:
            self._read_stdin(self._stdin)
        if ready.get(self._socket.fileno(), 0) & select.POLLOUT:
            self._send()
        return self._receive() if ready.get(self._socket.fileno(), 0) & ~select.POLLOUT else b""

    def _milliseconds_left(self) -> int | None:
        left = self._end - time.monotonic()
        return None if left == float("inf") else max(0, int(left * 1000) + 1)

    def _read_stdin(self, fd: int) -> None:
        data = os.read(fd, min(CHUNK, self._credit))
        self._credit -= len(data)
        self._outbox += agent.frame(agent.STDIN, data)
        if not data:
            self._stdin = None

    def send_raw(self, data: bytes) -> None:
        """Send bytes that need not be whole frames (to test what the agent makes of that)."""
        self._socket.sendall(data)

    def _send(self) -> None:
        try:
            del self._outbox[: self._socket.send(self._outbox)]
        except BlockingIOError:
            return
        except OSError as error:
            raise ChannelError(f"the guest has gone ({error.strerror})") from error

    def _receive(self) -> bytes:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return b""
        except ConnectionResetError:
            data = b""
        if not data:
            raise ChannelError("the guest has gone (QEMU has ended)")
        return data


def run(folder: Path, request: Request, out: Sink, err: Sink) -> int:
    """Run a command in the guest whose sockets are in `folder`. Return its exit code.

    out, err: get the bytes of standard output and error as they come.
    A guest that does not answer within the request's timeout and some grace counts as a timeout, too.
    """
    with free_port(folder, deadline=GREETING_DEADLINE) as path, contextlib.closing(Session(path)) as session:
        try:
            first = session.greet(0.0, deadline=(request.timeout or GREETING_DEADLINE) + GRACE)
            return session.execute(request, out, err, first)
        except NoAnswerError as error:
            if not request.timeout:
                raise
            err(f"lab: {error}\n".encode())
            return agent.TIMED_OUT


def set_clock(folder: Path, *, deadline: float) -> None:
    """Wait until the guest's agent answers, and set the guest's clock to the host's.

    Raises ChannelError when it does not answer in `deadline` seconds.
    """
    with free_port(folder, deadline=deadline) as path, contextlib.closing(Session(path)) as session:
        session.greet(time.time(), deadline=deadline)

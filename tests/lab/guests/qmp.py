"""Talk to one QEMU over its QMP socket (protocol: docs/interop/qmp-spec in QEMU's documentation)."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .errors import LabError

ANSWER_DEADLINE = 60.0
POLL_INTERVAL = 0.02


class QmpError(LabError):
    """QEMU refused a command or does not answer."""


class Qmp:
    """A connection to QEMU's monitor. QEMU serves one at a time, so keep it only as long as it is needed."""

    def __init__(self, path: Path) -> None:
        """Connect to the socket at `path`. Raises QmpError when nobody listens there."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_DEADLINE)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise QmpError(f"{path}: {error.strerror} (the guest is not running)") from error
        self._lines = self._socket.makefile("rb")
        self._read()
        self.execute("qmp_capabilities")

    def __enter__(self) -> Qmp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except TimeoutError as error:
            raise QmpError(f"{self._path}: no answer in {ANSWER_DEADLINE:.0f} s") from error
        if not line:
            raise QmpError(f"{self._path}: QEMU closed the connection")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def execute(self, command: str, /, **arguments: object) -> Any:
        """Run one QMP command and return its result. Raises QmpError with QEMU's own words when it refuses."""
        return self._execute(command, arguments, None)

    def pass_fd(self, fd: int, name: str) -> None:
        """Give QEMU an open file, to be called `fd:NAME` in the next command."""
        self._execute("getfd", {"fdname": name}, fd)

    def _execute(self, command: str, arguments: Mapping[str, object], fd: int | None) -> Any:
        self._send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n", fd)
        while True:
            answer = self._read()
            if "error" in answer:
                raise QmpError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def _send(self, message: bytes, fd: int | None) -> None:
        try:
            socket.send_fds(self._socket, [message], [] if fd is None else [fd])
        except OSError as error:
            raise QmpError(f"{self._path}: {error.strerror}") from error

    def wait(self, query: str, accept: Callable[[dict[str, Any]], bool], *, deadline: float) -> dict[str, Any]:
        """Repeat the query until `accept` likes its result; return that. Raises QmpError after `deadline` seconds."""
        end = time.monotonic() + deadline
        while True:
            result: dict[str, Any] = self.execute(query)
            if accept(result):
                return result
            if time.monotonic() >= end:
                raise QmpError(f"{query}: still {result.get('status')} after {deadline:.0f} s")
            time.sleep(POLL_INTERVAL)

"""A real SCSI target in user space (tgtd) with one disk, and servers that reach it by libiscsi: no driver, no root.

What the kit sends is the same bytes as on a server; only the way to the disk is another one. A whole test takes a tenth
of a second.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.storage.scsi import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "iqn.2026-01.test:disk"
_TGTD, _TGTADM = "/usr/sbin/tgtd", "/usr/sbin/tgtadm"
_SIZE = 4 << 20
_CONTROLS = 32768
"""numbers that tgtd takes for its control socket"""
_NORMAL_SESSION, _LUN = 2, 1
_NONE, _READ, _WRITE = 0, 1, 2
"""enum scsi_xfer_dir"""


class _Sense(ctypes.Structure):
    _fields_ = (
        ("error_type", ctypes.c_ubyte),
        ("key", ctypes.c_int),
        ("ascq", ctypes.c_int),
        ("bits", ctypes.c_ubyte),
        ("bit_pointer", ctypes.c_ubyte),
        ("field_pointer", ctypes.c_uint16),
    )


class _Data(ctypes.Structure):
    _fields_ = (("size", ctypes.c_int), ("data", ctypes.POINTER(ctypes.c_ubyte)))


class _Task(ctypes.Structure):
    """The beginning of struct scsi_task (scsi-lowlevel.h of libiscsi 1.19)."""

    _fields_ = (
        ("status", ctypes.c_int),
        ("cdb_size", ctypes.c_int),
        ("xfer_dir", ctypes.c_int),
        ("expxferlen", ctypes.c_int),
        ("cdb", ctypes.c_ubyte * 16),
        ("residual_status", ctypes.c_int),
        ("residual", ctypes.c_size_t),
        ("sense", _Sense),
        ("datain", _Data),
    )


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libiscsi.so.7")
    pointer = ctypes.c_void_p
    library.iscsi_create_context.restype = pointer
    library.iscsi_get_error.restype = ctypes.c_char_p
    library.scsi_create_task.restype = pointer
    library.scsi_create_task.argtypes = (ctypes.c_int, pointer, ctypes.c_int, ctypes.c_int)
    library.scsi_free_scsi_task.argtypes = (pointer,)
    library.iscsi_scsi_command_sync.restype = pointer
    library.iscsi_scsi_command_sync.argtypes = (pointer, ctypes.c_int, pointer, pointer)
    return library


def why_not() -> str:
    """Why these tests cannot run on this machine; '' when they can."""
    missing = [path for path in (_TGTD, _TGTADM) if not os.path.exists(path)]
    if not ctypes.util.find_library("iscsi"):
        missing.append("libiscsi")
    return f"not on this machine: {', '.join(missing)}" if missing else ""


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    reason = why_not()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


class Target:
    """tgtd with one disk. It keeps no registration when it ends: it cannot do APTPL."""

    def __init__(self, folder: Path) -> None:
        self.portal = f"127.0.0.1:{_free_port()}"
        self._control = str(os.getpid() % _CONTROLS)
        self._image = folder / "disk.img"
        with self._image.open("wb") as image:
            image.truncate(_SIZE)
        self.start()

    def start(self) -> None:
        """Run it, with its disk."""
        self._process = subprocess.Popen(
            (_TGTD, "-f", "-C", self._control, "--iscsi", f"portal={self.portal}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._admin("--op", "new", "--mode", "target", "--tid", "1", "-T", NAME, patience=5.0)
        self._admin("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "-b", str(self._image))
        self._admin("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL")

    def stop(self) -> None:
        """End it, as a loss of power does."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """A target that forgets."""
        self.stop()
        self.start()

    def _admin(self, *words: str, patience: float = 0.0) -> None:
        end = time.monotonic() + patience
        while True:
            command = (_TGTADM, "-C", self._control, "--lld", "iscsi", *words)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            assert time.monotonic() < end, done.stderr
            time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One server with its own sessions to the target: each path is one."""

    library: ctypes.CDLL

    def __init__(self, name: str, target: Target, paths: tuple[str, ...] = ("/dev/sda",)) -> None:
        self.name, self._target = name, target
        self._sessions: dict[str, ctypes.c_void_p] = {}
        self.library = _library()
        for path in paths:
            self.connect(path)

    def connect(self, path: str) -> None:
        """Reach the disk by a path, also where a session was lost: the target takes it for another one."""
        name = f"{NAME}-{self.name}".encode()
        context = ctypes.c_void_p(self.library.iscsi_create_context(name))
        self.library.iscsi_set_targetname(context, NAME.encode())
        self.library.iscsi_set_session_type(context, _NORMAL_SESSION)
        failed = self.library.iscsi_full_connect_sync(context, self._target.portal.encode(), _LUN)
        assert not failed, self.library.iscsi_get_error(context)
        self._sessions[path] = context

    def lose(self, path: str) -> None:
        """Lose the session of a path, without a logout."""
        context = self._sessions.pop(path)
        self.library.iscsi_disconnect(context)
        self.library.iscsi_destroy_context(context)

    def send(self, path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
        """In the place of scsi.execute()."""
        direction = _WRITE if out else _READ if room else _NONE
        given = (ctypes.c_ubyte * len(command)).from_buffer_copy(command)
        task = self.library.scsi_create_task(len(command), given, direction, len(out) or room)
        bytes_out = (ctypes.c_ubyte * max(1, len(out))).from_buffer_copy(out or b"\0")
        data = _Data(len(out), ctypes.cast(bytes_out, ctypes.POINTER(ctypes.c_ubyte)))
        done = self.library.iscsi_scsi_command_sync(
            self._sessions[path], _LUN, task, ctypes.byref(data) if out else None
        )
        if not done:
            raise OSError(5, self.library.iscsi_get_error(self._sessions[path]).decode())
        answer = _Task.from_address(done)
        read = bytes(answer.datain.data[: answer.datain.size]) if answer.datain.size > 0 else b""
        sense = (answer.sense.key, answer.sense.ascq) if answer.status == 2 else (0, 0)
        reply = Reply(answer.status, read.ljust(room, b"\0"), *sense)
        self.library.scsi_free_scsi_task(done)
        return reply

    def can_write(self, path: str = "/dev/sda") -> bool:
        """Whether a write of one block is done. What the target has to say first is heard."""
        return self._moves(path, bytes((0x2A, 0, 0, 0, 0, 0, 0, 0, 1, 0)), b"\xa5" * 512, 0)

    def can_read(self, path: str = "/dev/sda") -> bool:
        """The same of a read."""
        return self._moves(path, bytes((0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0)), b"", 512)

    def _moves(self, path: str, command: bytes, out: bytes, room: int) -> bool:
        reply = self.send(path, command, out, room)
        while reply.status == 2 and reply.sense_key == 6:
            reply = self.send(path, command, out, room)
        assert reply.status in (0, 0x18), reply
        return reply.status == 0

    def close(self) -> None:
        """Lose all sessions."""
        for path in tuple(self._sessions):
            self.lose(path)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A running target."""
    assert shutil.which(_TGTD)
    target = Target(tmp_path)
    yield target
    target.stop()

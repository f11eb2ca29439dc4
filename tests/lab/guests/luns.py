"""A disk of a SCSI target in user space (tgtd) for the guests of one instance, with real persistent reservations.

QEMU reaches it by iSCSI, each guest under a name of its own, and the guest's commands go through to it. It is plugged
in while the guests run: saved states know nothing of it, and a reset takes it away. tgtd forgets its reservations when
it ends: it cannot keep them.

Needs tgt, and qemu-block-extra for QEMU's iSCSI.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import LabError, NotInstalledError
from .lab import Lab
from .qmp import Qmp, QmpError

TGTD, TGTADM = Path("/usr/sbin/tgtd"), Path("/usr/sbin/tgtadm")
TARGET, VENDOR = "iqn.2026-01.lab:lun", "IET"
"""VENDOR: what INQUIRY says of tgtd's disks"""
SIZE = 512 << 20
_START_DEADLINE, _DETACH_DEADLINE = 10.0, 30.0
_CONTROLS = 32768
"""numbers that tgtd takes for its control socket"""
_runs = itertools.count()


class Lun:
    """A running target with one disk."""

    def __init__(self, folder: Path) -> None:
        """folder: for the disk's file. Raises NotInstalledError, LabError."""
        if not (TGTD.exists() and TGTADM.exists()):
            raise NotInstalledError(str(TGTD), "tgt")
        self._port = _free_port()
        self._control = str((os.getpid() + next(_runs)) % _CONTROLS)
        self._file = folder / "lun.img"
        with self._file.open("wb") as file:
            file.truncate(SIZE)
        self._start()

    def attach(self, lab: Lab, node: int, path: str = "lun") -> None:
        """Plug the disk into a running guest. path: another name for another way to it, a session of its own."""
        with lab.monitor(node) as monitor:
            monitor.execute(
                "blockdev-add",
                **{
                    "driver": "iscsi", "node-name": f"{path}-session", "transport": "tcp", "lun": 1, "target": TARGET,
                    "portal": f"127.0.0.1:{self._port}", "initiator-name": f"{TARGET}-node{node}",
                },
            )  # fmt: skip
            monitor.execute("blockdev-add", **{"driver": "raw", "node-name": path, "file": f"{path}-session"})
            monitor.execute("device_add", **{"driver": "scsi-block", "drive": path, "id": path, "share-rw": True})

    def detach(self, lab: Lab, node: int, path: str) -> None:
        """Take a way to the disk from a running guest, and end its session. Raises QmpError."""
        end = time.monotonic() + _DETACH_DEADLINE
        with lab.monitor(node) as monitor:
            monitor.execute("device_del", id=path)
            while not _is_free(monitor, path) and time.monotonic() < end:
                time.sleep(0.1)
            monitor.execute("blockdev-del", **{"node-name": f"{path}-session"})

    def restart(self) -> None:
        """End the target and start it again; it has forgotten who was registered. QEMU logs in again by itself."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """End the target."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        command = (str(TGTD), "-f", "-C", self._control, "--iscsi", f"portal=127.0.0.1:{self._port}")
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + _START_DEADLINE
        while self._admin("target", "new", "--tid", "1", "-T", TARGET):
            if time.monotonic() >= end:
                raise LabError(f"{TGTD}: does not start")
            time.sleep(0.05)
        for words in (
            ("logicalunit", "new", "--tid", "1", "--lun", "1", "-b", str(self._file)),
            ("target", "bind", "--tid", "1", "-I", "ALL"),
        ):
            why = self._admin(*words)
            if why:
                raise LabError(f"{TGTADM}: {why}")

    def _admin(self, mode: str, what: str, *words: str) -> str:
        """Why a change of the target did not work; "" where it did."""
        command = (str(TGTADM), "-C", self._control, "--lld", "iscsi", "--mode", mode, "--op", what, *words)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr.strip() or "no reason given" if done.returncode else ""


@contextlib.contextmanager
def shared(lab: Lab, folder: Path, nodes: tuple[int, ...] = (1, 2)) -> Iterator[Lun]:
    """A disk that these guests of a lab have, until the block ends."""
    lun = Lun(folder)
    try:
        for node in nodes:
            lun.attach(lab, node)
        yield lun
    finally:
        lun.stop()


def _is_free(monitor: Qmp, node: str) -> bool:
    """Whether QEMU lets go of what a device had, which it does once the guest has let go of the device."""
    try:
        monitor.execute("blockdev-del", **{"node-name": node})
    except QmpError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

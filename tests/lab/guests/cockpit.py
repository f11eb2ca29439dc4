"""The page in Cockpit of a guest: the bridge is in the guest, cockpit-ws is here.

The guest gets Debian's cockpit-bridge from this machine, with the libraries that it needs: it needs no network then.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError
from .image import BOOKWORM, default_release
from .lab import CHECKOUT, Lab

WS, BRIDGE = "/usr/lib/cockpit/cockpit-ws", "/usr/bin/cockpit-bridge"
PORT = 9099
PATIENCE = 20.0
"""seconds for cockpit-ws to listen"""


def address(port: int) -> str:
    """Where the page is."""
    return f"http://127.0.0.1:{port}/cockpit/@localhost/lvmkit/index.html"


def why_not() -> str:
    """Why the page cannot be shown; '' when it can."""
    if default_release() == BOOKWORM and os.path.exists(WS) and os.path.exists(BRIDGE):
        return ""
    return "needs cockpit-ws and cockpit-bridge here, of the guest's release (make web installs them)"


@contextmanager
def served(lab: Lab, node: int, folder: Path, port: int) -> Iterator[str]:
    """Serve the page of a guest to this machine, and to root of the guest at once. Gives its address.

    folder: for what belongs to the session.  Raises LabError where it does not come.
    """
    if why_not():
        raise LabError(why_not())
    _install_bridge(lab, node)
    ws = (WS, "--no-tls", "-a", "127.0.0.1", "-p", str(port), f"--local-session={_session(lab, node, folder)}")
    with subprocess.Popen(ws, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield address(port)
        finally:
            process.terminate()


def _install_bridge(lab: Lab, node: int) -> None:
    packed = ("tar", "--create", "--dereference", "--directory=/", "--files-from=-")
    archive = subprocess.run(packed, input=_bridge_files().encode(), capture_output=True, check=True).stdout
    lab.run(node, ("tar", "--extract", "--skip-old-files", "--directory=/"), stdin=archive, check=True)


def _bridge_files() -> str:
    """The files of cockpit-bridge and the libraries that it is linked with, one a line, without the leading slash."""
    listed = subprocess.run(("dpkg", "-L", "cockpit-bridge"), capture_output=True, text=True, check=True).stdout
    linked = subprocess.run(("ldd", BRIDGE), capture_output=True, text=True, check=True).stdout
    libraries = [word for line in linked.splitlines() for word in line.split() if word.startswith("/")]
    files = [path for path in listed.splitlines() if os.path.isfile(path) and "/doc/" not in path]
    return "".join(f"{path[1:]}\n" for path in [*files, *libraries])


def _session(lab: Lab, node: int, folder: Path) -> Path:
    """What cockpit-ws starts as the session: the bridge in the guest."""
    session = folder / "session"
    command = f"{sys.executable} tests/lab/lab --name '{lab.name}' run {node} -- cockpit-bridge"
    session.write_text(f"#!/bin/sh\ncd {CHECKOUT} && exec {command}\n")
    session.chmod(0o755)
    return session


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + PATIENCE
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > end:
            raise LabError(f"cockpit-ws does not listen on port {port} (is it in use?)")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0

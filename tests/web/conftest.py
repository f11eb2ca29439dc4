"""The page in a browser: Chromium, cockpit-ws and cockpit-bridge of Debian, and the kit on two servers in memory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from tests.web.stand_in import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "share/cockpit/lvmkit"
CHROMIUM, COCKPIT, BRIDGE = "/usr/bin/chromium", "/usr/lib/cockpit/cockpit-ws", "/usr/bin/cockpit-bridge"
LVMKIT = "/usr/sbin/lvmkit"
MEMORY = "/dev/shm"
PATIENCE = 20.0
"""seconds for a process to begin"""
SIZE = {"width": 1000, "height": 700}


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    missing = [path for path in (CHROMIUM, COCKPIT, BRIDGE) if not os.path.exists(path)]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (make web installs them)")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


class Cockpit:
    """cockpit-ws with a session of its own, in which the page's lvmkit is the backend's."""

    def __init__(self, folder: Path, user: str = "") -> None:
        """user: who is logged in, without administrative access; root by default."""
        self.folder, self._user = folder, user
        self.socket = str(folder / "backend")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._memory = tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None)
        self.start(sys.executable, "-m", "tests.web.backend", self.socket, f"{self._memory.name}/world")
        self._install_page()
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}/cockpit/@localhost/lvmkit/index.html"
        ws = (COCKPIT, "--no-tls", "-a", "127.0.0.1", "-p", str(self.port), f"--local-session={self._session()}")
        self.start(*ws)
        _wait(lambda: os.path.exists(self.socket))
        _wait(lambda: answers(self.port))

    def start(self, *words: str) -> None:
        """A process that ends with the test."""
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "share")}
        environment = {**os.environ, **home, "PYTHONPATH": f"{ROOT}/lib:{ROOT}"}
        with open(self.folder / "log", "ab") as log:
            process = subprocess.Popen(words, env=environment, cwd=ROOT, stdout=log, stderr=log)
        self._processes.append(process)

    def order(self, *names: str) -> None:
        """Let something happen on the servers; names of orders of the backend's scene."""
        for name in names:
            assert ask(self.socket, {"order": name}) == 0

    def kit(self, *words: str) -> int:
        """lvmkit by hand on the server that the page is on."""
        return ask(self.socket, {"words": words})

    def end(self) -> None:
        """End all of it."""
        for process in self._processes:
            process.kill()
            process.wait(PATIENCE)
        self._memory.cleanup()

    def _install_page(self) -> None:
        """The page as it is installed, but for what it starts."""
        place = self.folder / "share/cockpit/lvmkit"
        shutil.copytree(SOURCE, place)
        lvmkit = self._script("lvmkit", f'exec {sys.executable} -IS {ROOT}/tests/web/stand_in.py {self.socket} "$@"')
        for name in ("kit.js", "manifest.json"):
            text = (place / name).read_text()
            assert text.count(f'"{LVMKIT}"') == 1
            (place / name).write_text(text.replace(LVMKIT, lvmkit))

    def _session(self) -> str:
        change = f"/usr/bin/setpriv --reuid={self._user} --regid=nogroup --clear-groups" if self._user else ""
        return self._script("session", f"exec {change} {BRIDGE}")

    def _script(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def _wait(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which every user may read."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.fixture
def cockpit(folder: Path) -> Iterator[Cockpit]:
    """Two servers of which nothing is protected yet, and Cockpit on n1."""
    cockpit = Cockpit(folder)
    yield cockpit
    cockpit.end()


class Visit:
    """A page that is open, and what went wrong in it."""

    def __init__(self, context: BrowserContext, cockpit: Cockpit) -> None:
        self.page, self.cockpit = context.new_page(), cockpit
        page = self.page
        self.wrong: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(cockpit.address)


class Visits:
    """Opens the page; nothing may go wrong in it."""

    def __init__(self, browser: Browser, cockpit: Cockpit) -> None:
        self._browser, self.cockpit = browser, cockpit
        self._opened: list[tuple[BrowserContext, Visit]] = []

    def __call__(self, **how: Any) -> Visit:
        """how: of the browser's context, such as its locale."""
        context = self._browser.new_context(**{"viewport": SIZE, "locale": "en-US", **how})
        visit = Visit(context, self.cockpit)
        self._opened.append((context, visit))
        return visit

    def end(self) -> None:
        """Close them."""
        for context, visit in self._opened:
            context.close()
            assert visit.wrong == []


@pytest.fixture
def visits(browser: Browser, cockpit: Cockpit) -> Iterator[Visits]:
    """What opens the page for an administrator."""
    visits = Visits(browser, cockpit)
    yield visits
    visits.end()


@pytest.fixture
def visit(visits: Visits) -> Visit:
    """The page, with /srv/data protected on both servers."""
    visits.cockpit.order("protect")
    return visits()

"""Upgrades while the kit is in use: programs start and end all the time, and none of them may notice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from .server import ENVIRONMENT, KIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Server

CALLS: tuple[tuple[str, ...], ...] = (
    (f"{KIT}/subsys/scsi/resources/lvmvg/actions/quickCheck", "-t", "vg1"),
    (f"{KIT}/subsys/scsi/resources/lvmlv/actions/quickCheck", "-t", "vg1/data"),
    ("/usr/lib/ocf/resource.d/lvmkit/lvmvg", "monitor"),
    ("/usr/lib/ocf/resource.d/lvmkit/filesys", "monitor"),
    (f"{KIT}/bin/lvmkit-peer", "nonsense"),
    ("lvmkit", "tags"),
)
AGENT = {"OCF_RESKEY_vg": "vg1", "OCF_RESKEY_device": "/dev/vg1/x", "OCF_RESKEY_directory": "/x", "OCF_ROOT": "/x"}
UPGRADES = 4
_CHANGING = re.compile(r"\[\d+\]|\"(version|boot)\": \"[^\"]*\"")


def outcome(server: Server, call: tuple[str, ...]) -> tuple[int, str, str]:
    done = server.run(*call, environment={**AGENT, "OCF_RESOURCE_INSTANCE": "res"})
    return done.returncode, _CHANGING.sub("", done.stdout), _CHANGING.sub("", done.stderr)


class Callers:
    """Programs of the kit that are called without a pause, in loops of their own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._expected = {call: outcome(server, call) for call in CALLS}
        self._over = threading.Event()
        self.calls = 0
        self.wrong: list[object] = []
        self._threads = [threading.Thread(target=self._repeat, args=(CALLS[n::2],)) for n in (0, 1)]

    def _repeat(self, calls: tuple[tuple[str, ...], ...]) -> None:
        while not self._over.is_set():
            for call in calls:
                seen = outcome(self._server, call)
                self.calls += 1
                if seen != self._expected[call]:
                    self.wrong.append((call, seen, self._expected[call]))

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def protected(installed: Server) -> Server:
    installed.protect()
    return installed


def test_no_monitor_notices_upgrades_and_downgrades(protected: Server, package: str, later: str) -> None:
    with Callers(protected) as callers:
        for number in range(UPGRADES):
            protected.install(package if number % 2 else later)
            time.sleep(0.2)
            assert callers.wrong == []
    assert callers.wrong == []
    assert callers.calls > UPGRADES * len(CALLS)


def test_between_unpacking_and_configuring_the_old_kit_is_whole(protected: Server, later: str) -> None:
    expected = [outcome(protected, call) for call in CALLS]
    assert protected.dpkg("--unpack", later).returncode == 0
    assert [outcome(protected, call) for call in CALLS] == expected
    assert protected.dpkg("--configure", "lvmkit").returncode == 0
    assert [outcome(protected, call) for call in CALLS] == expected


def test_a_program_that_has_begun_ends_with_the_version_that_it_began_with(protected: Server, later: str) -> None:
    expected = conversation(protected, lambda: None)
    assert "Device-mapper cannot be asked" in str(expected)  # there is none on this server
    assert conversation(protected, lambda: protected.install(later)) == expected


def conversation(server: Server, meanwhile: Callable[[], None]) -> tuple[int, list[object]]:
    """Ask the far end, which imports what it needs for its answer when it has the question. meanwhile: before that."""
    peer = subprocess.Popen(
        server.command(f"{KIT}/bin/lvmkit-peer"),
        env=ENVIRONMENT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert peer.stdout is not None
    assert "hello" in peer.stdout.readline()
    meanwhile()
    here = os.uname().nodename
    request = {"protocol": 1, "asker": "n2", "server": here, "request": "bystanders", "facts": {"tags": ["vg1"]}}
    answer, _ = peer.communicate(json.dumps(request), timeout=60)
    return peer.returncode, [json.loads(line) for line in answer.splitlines()]

"""The two servers behind the page: the world of the unit tests in a process of its own, and the kit's command line.

    python -m tests.web.backend SOCKET FOLDER

A client sends one line of JSON: {"words": [...], "language": {...}} runs lvmkit on n1, with these variables in its
environment, {"order": "grow"} has something happen, one of Scene's orders. It gets lines back: {"out": text} as it is
printed, and last {"exit": status}.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lvmkit.cli.launch import launch
from lvmkit.cli.program import program
from lvmkit.cli.session import Session
from lvmkit.model.interruption import Interruption
from lvmkit.view import language
from tests import translations
from tests.unit.machine import SharedDisk
from tests.unit.machine.disks import uuid_of, write
from tests.unit.world.test_timeline import FIRST, SECOND, journal, logs
from tests.unit.world.world import KIT, SERVERS, Process, World

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE, THERE, TAG = "n1", "n2", "/srv/data"
_NOTHING = '{"order": "fast"}'
"""what somebody wants who was killed before he could ask"""
_really_sleep = time.sleep


class Stream:
    """What stands in the place of stdout: each piece goes to the client at once."""

    def __init__(self, client: socket.socket, pace: float) -> None:
        self.client, self.pace = client, pace

    def write(self, text: str) -> int:
        """Raises BrokenPipeError where the client has gone."""
        self.client.sendall(json.dumps({"out": text}).encode() + b"\n")
        _really_sleep(self.pace)
        return len(text)

    def flush(self) -> None:
        """All has been sent."""


class Scene:
    """n1 and n2 with vg1, which is up and mounted on n1; nothing is protected."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.activate(HERE)
        self.pace = 0.0
        self.disks = (self.world.disk,)

    def run(self, words: list[str], client: socket.socket) -> int:
        """lvmkit on n1. Of status --watch one look: the client asks again."""
        machine = self.world.machines[HERE]
        is_watching = "--watch" in words
        with self.world._as(Process(HERE, KIT)), _one_look(machine, is_watching), machine.running():
            before = sys.stdout
            sys.stdout = Stream(client, 0 if is_watching else self.pace)  # type: ignore[assignment]
            try:
                status = launch(program, words, Session(machine.paths))
            finally:
                sys.stdout = before
        if not is_watching:
            self.world.settle()
        return status

    def protect(self) -> None:
        """Protect the file system, on both servers."""
        self.world.kit(HERE, "create", TAG)
        self.world.kit(HERE, "extend", TAG, "--to", THERE)

    def grow(self) -> None:
        """vgextend: the group has one more disk, which both servers see."""
        self._grow("B")

    def grow_again(self) -> None:
        """One more."""
        self._grow("C")

    def _grow(self, serial: str) -> None:
        disk = SharedDisk(serial, pv_uuid=uuid_of(f"pv{serial}"))
        for machine in self.world.machines.values():
            machine.attach(disk)
        before = self.world.disk.metadata
        assert before is not None
        self.disks = (*self.disks, disk)
        self.world.group = write(replace(before, disks=(*before.disks, disk.pv_uuid)), self.disks)
        for machine in self.world.machines.values():
            machine.settle()

    def fail(self) -> None:
        """The disk is gone from n1."""
        self.world.machines[HERE].set_state(self.world.disk, "offline")

    def stop_cluster(self) -> None:
        """Pacemaker is stopped on n1."""
        self.world.stop_pacemaker(HERE)

    def start_cluster(self) -> None:
        """It is started again."""
        self.world.start_pacemaker(HERE)

    def lose(self) -> None:
        """The disk is gone from n2."""
        self.world.machines[THERE].detach(self.world.disk)

    def assert_nothing_half_done(self) -> None:
        """Raises AssertionError where a change is half done: a journal is left, or one server alone has a disk."""
        assert not any(map(self.world.has_unfinished, SERVERS))
        known = {tag for tag, _server in self.world.protected()}
        both = {(tag, server) for tag in known for server in SERVERS}
        assert self.world.protected() == both

    def log_a_move(self) -> None:
        """The journals have a move from n1 to n2."""
        logs(self.world, HERE, journal(HERE, *FIRST))
        logs(self.world, THERE, journal(THERE, *SECOND))

    def lose_log(self) -> None:
        """The journal of n2 cannot be read."""
        logs(self.world, THERE, "", 1)

    def slow(self) -> None:
        """Every line of the kit takes a moment, so that it can be seen."""
        self.pace = 0.5

    def fast(self) -> None:
        """As at first."""
        self.pace = 0.0


@contextmanager
def _one_look(machine: Any, is_wanted: bool) -> Iterator[None]:
    """Let the pause between two looks of status --watch end it."""

    def end(_seconds: float) -> None:
        raise Interruption("SIGTERM")

    if is_wanted:
        machine.sleep = end
    try:
        yield
    finally:
        if is_wanted:
            del machine.sleep


def _serve(scene: Scene, client: socket.socket) -> None:
    try:
        request = json.loads(client.makefile().readline() or _NOTHING)
        if "order" in request:
            getattr(scene, request["order"])()
            status = 0
        else:
            os.environ.update(request.get("language", {}))
            status = scene.run(request["words"], client)
        client.sendall(json.dumps({"exit": status}).encode() + b"\n")
    except OSError:  # whoever asked has gone
        return


def main(path: str, folder: str) -> None:
    """Serve one client after the other until killed."""
    translations.builder().main(str(translations.LOCALE), f"{folder}-locale")
    language.FOLDER = f"{folder}-locale"
    scene = Scene(Path(folder))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{path}.new")
        listening.listen(20)
        os.rename(f"{path}.new", path)  # whoever sees it can connect
        while True:
            client, _ = listening.accept()
            with client:
                _serve(scene, client)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What the table is made of: each row on each side, each command killed at its points, checks of what is well."""

from __future__ import annotations

import hashlib
from typing import Any

from faults import calm, judge, kills, layouts, sides, states
from faults.calm import Calm
from faults.happen import happen
from faults.judge import Record
from faults.kills import Command, Killed, Point
from faults.report import Where
from faults.rows import Row
from faults.sides import KIT, PEER
from faults.work import Job
from lab import kept
from lab.guests import image
from lab.guests.guest import Guest
from lab.kept import Kept

GUESTS = ("tests/lab/guests", "tests/lab/image")
MEASURING = tuple(f"tests/faults/{name}.py" for name in ("happen", "sides", "states", "truth"))


def _files(*names: str) -> str:
    return kept.state_of(kept.ROOT, names)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((image.default_release(), *parts)).encode()).hexdigest()


class Table:
    """The jobs, and what is kept of them."""

    def __init__(self, results: Kept) -> None:
        self.kept = results
        self._needs = {PEER: _files(*GUESTS, *MEASURING), KIT: _files(*GUESTS, *MEASURING, *kept.KIT)}
        self._kills = _digest(self._needs[KIT], _files("tests/faults/kills.py"), layouts.build("ext4"))
        self._calm = _digest(self._needs[KIT], _files("tests/faults/calm.py"), layouts.build("ext4"))
        self._proved: set[str] = set()

    # ---- rows

    def row(self, row: Row, side: str) -> Job:
        """The job that makes a record."""

        def do(guest: Guest) -> dict[str, Any]:
            peer = sides.peer("xfs" if row.layout == "xfs" else "ext4")
            return happen(guest, row, sides.kit() if side == KIT else peer).as_kept()

        def record(result: dict[str, Any]) -> Record:
            return judge.record_of(side, row, result)

        return Job(
            f"{side}: {row.name}",
            _digest(self._needs[side], row.when, row.fault, row.heal, layouts.build(row.layout)),
            states.served(row.layout, side),
            do,
            lambda result: judge.in_words(record(result)),
            lambda result: side == PEER or not judge.wrong(record(result)),
        )

    def record(self, row: Row, side: str) -> Record | None:
        """What is kept of a row; None for nothing."""
        result = self.result(self.row(row, side))
        return None if result is None else judge.record_of(side, row, result)

    # ---- killed, and called again

    def calls(self, command: Command, most: int) -> Job:
        """The job that chooses at which calls a command is killed."""
        return Job(
            f"calls of {command.name}, {most}",
            self._kills,
            states.before(command),
            lambda guest: [[point.call, point.nth] for point in kills.calls(command, most, guest)],
            lambda result: f"{command.name}: {len(result)} calls to be killed at",
        )

    def points(self, command: Command, most: int) -> list[Point]:
        """At which calls a command is killed, as kept; none where they have not been chosen."""
        return [Point(*words) for words in self.result(self.calls(command, most)) or []]

    def kill(self, command: Command, point: Point) -> Job:
        """The job that kills a command at a call."""
        return Job(
            f"killed: {command.name}, {point}",
            self._kills,
            states.before(command),
            lambda guest: kills.kill(command, point, guest, self._proved),
            lambda result: f"{command.name} killed at {point}: {f'WRONG: {result}' if result else 'right'}",
            lambda result: not result,
        )

    def killed(self, command: Command, most: int) -> Killed | None:
        """What is kept of a command; None unless all is."""
        points = self.points(command, most)
        said = {point: self.result(self.kill(command, point)) for point in points}
        if not points or None in said.values():
            return None
        return Killed(command, len(points), {point: words for point, words in said.items() if words})

    # ---- the rest

    def calm_jobs(self) -> list[Job]:
        """The jobs that check what is well."""
        return [self._calm_job(turn) for turn in range(calm.CHECKS // calm.AT_ONCE)]

    def _calm_job(self, turn: int) -> Job:
        return Job(
            f"{calm.NAME}, {turn}",
            self._calm,
            states.served("ext4", KIT),
            calm.watch,
            lambda result: f"{calm.NAME}: {calm.AT_ONCE} checks, alarms: {result or 'none'}",
            lambda result: not result,
        )

    def calm(self) -> Calm | None:
        """What is kept of those checks; None unless all is."""
        results = [self.result(job) for job in self.calm_jobs()]
        if None in results:
            return None
        return Calm(calm.CHECKS, tuple(alarm for result in results for alarm in result))

    def versions_job(self) -> Job:
        """The job that asks a guest for versions."""
        return Job("versions", _digest(self._needs[PEER]), states.served("ext4", PEER), _versions, " ".join)

    def where(self, guests: int, cores: int) -> Where | None:
        """Where the table was made; None where the versions are not kept."""
        versions = self.result(self.versions_job())
        if versions is None:
            return None
        kernel, agents = versions
        return Where(kernel, agents, guests, cores)

    def result(self, job: Job) -> Any:
        """What is kept of a job; None for nothing."""
        return self.kept.result(job.item, job.needs)


def _versions(guest: Guest) -> tuple[str, str]:
    kernel = guest.run("uname", "-r").stdout.strip()
    agents = guest.run("dpkg-query", "-W", "-f", "${Package} ${Version}", "resource-agents").stdout.strip()
    return kernel, agents

"""The fault table as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from faults.calm import Calm
from faults.judge import Record, wrong
from faults.kills import Killed
from faults.sides import KIT, PEER, Answer
from faults.truth import Truth

HEAD = """# What happens when storage breaks

Made by `make faults`: every row is a fault that was made in a guest with a real kernel ({kernel}), once below the kit
and once below Pacemaker's own agents, heartbeat/LVM-activate and Filesystem ({agents}). "Usable" is measured, not said
by anybody: the volume was read and its file system written to, past the cache. Seconds are those of an emulated guest
with one processor; {guests} on a machine with {cores}.
What is bold is wrong: {sum}.

| fault | in truth | the kit: checks | stop | start | the peer: monitor 0, 10, 20 | stop | start |
|---|---|---|---|---|---|---|---|
"""


KILLS = """
## Killed, and called again

Each command of the kit was killed (SIGKILL) at that many of its system calls, spread over its work, and then simply
called again. Afterwards no journal was left, all went down and came up again with its data, and the check was content.

| command | killed at | what was wrong |
|---|---|---|
"""


CALM = """
## Nothing is wrong

Of {checks} quick checks and a deep one after each hundred, of a healthy service while its file system was written to,
{count} named a fault.{alarms}
"""


@dataclass(frozen=True)
class Where:
    """Where the table was made. kernel, agents: versions, in the guest.  guests: that ran at once, on so many cores."""

    kernel: str
    agents: str
    guests: int
    cores: int


@dataclass(frozen=True)
class Whole:
    """All that came of a whole run."""

    records: Sequence[Record]
    killed: Sequence[Killed]
    calm: Calm
    where: Where


def facts(record: Record) -> dict[str, object]:
    """A record for JSON, with what is wrong with it."""
    return {**asdict(record), "wrong": wrong(record)}


def page(whole: Whole) -> str:
    """Return the page, in Markdown."""
    by_name: dict[str, dict[str, Record]] = {}
    for record in whole.records:
        by_name.setdefault(record.row.name, {})[record.side] = record
    lines = [_line(sides) for sides in by_name.values()]
    ends = [_killed_line(each) for each in whole.killed]
    return "\n".join((_head(whole) + "\n".join(lines), KILLS + "\n".join(ends), _calm(whole.calm)))


def _head(whole: Whole) -> str:
    where = whole.where
    guests = "one guest ran" if where.guests == 1 else f"{where.guests} guests ran at once"
    cores = "one core" if where.cores == 1 else f"{where.cores} cores"
    return HEAD.format(kernel=where.kernel, agents=where.agents, guests=guests, cores=cores, sum=total(whole.records))


def total(records: Sequence[Record]) -> str:
    """In how many rows each side was wrong, in words."""
    parts = []
    for side, name in ((KIT, "the kit"), (PEER, "the peer")):
        of_side = [record for record in records if record.side == side]
        parts.append(f"{name} in {sum(bool(wrong(record)) for record in of_side)} of {len(of_side)} rows")
    return ", ".join(parts)


def _calm(calm: Calm) -> str:
    alarms = "; ".join(dict.fromkeys(calm.alarms))
    return CALM.format(checks=calm.checks, count=len(calm.alarms), alarms=f" **{alarms}**" if alarms else "")


def _killed_line(killed: Killed) -> str:
    faults = "; ".join(f"{point}: {said}" for point, said in killed.wrong.items())
    return f"| {killed.command.name} | {killed.points} | {f'**{faults}**' if faults else 'none'} |"


def _line(sides: dict[str, Record]) -> str:
    ours, theirs = sides[KIT], sides.get(PEER)
    cells = [_name(ours), _truth(ours.truth), *_cells(ours), *(_cells(theirs) if theirs else ("-", "-", "-"))]
    return f"| {' | '.join(cells)} |"


def _name(record: Record) -> str:
    return f"{record.row.name}. {record.row.note}" if record.row.note else record.row.name


def _truth(truth: Truth | None) -> str:
    if truth is None:
        return ""
    return "usable" if truth.usable else f"volume: {truth.volume}; file system: {truth.filesystem}"


def _cells(record: Record) -> tuple[str, str, str]:
    said = wrong(record)
    checks = ", ".join(_answer(answer) for answer in record.checks.values())
    up = record.before or record.up
    faults = f" **{'; '.join(said)}**" if said else ""
    return f"{checks}{faults}", _answer(record.down), _answer(up)


def _answer(answer: Answer | None) -> str:
    if answer is None:
        return "-"
    what = "ok" if answer.fine else " ".join(answer.numbers[:2]) or f"exit {answer.code}"
    return f"{what} ({answer.seconds:.1f} s)"


def as_json(whole: Whole) -> str:
    """Return all of it as JSON."""
    rows = [facts(record) for record in whole.records]
    killed = [_killed_facts(each) for each in whole.killed]
    text = {"where": asdict(whole.where), "rows": rows, "killed": killed, "calm": asdict(whole.calm)}
    return json.dumps(text, indent=1) + "\n"


def _killed_facts(killed: Killed) -> dict[str, object]:
    wrongs = {str(point): said for point, said in killed.wrong.items()}
    return {"command": asdict(killed.command), "points": killed.points, "wrong": wrongs}

"""The fault table as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from faults.calm import Calm
from faults.judge import Record, wrong
from faults.kills import Killed
from faults.sides import KIT, PEER, Answer
from faults.truth import Truth

HEAD = """# What happens when storage breaks

Made by `make faults`: every row is a fault that was made in a guest with a real kernel ({kernel}), once below the kit
and once below Pacemaker's own agents, heartbeat/LVM-activate and Filesystem ({agents}). "Usable" is measured, not said
by anybody: the volume was read and its file system written to, past the cache. Seconds are those of an emulated guest.
What is bold is wrong.

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


def facts(record: Record) -> dict[str, object]:
    """A record for JSON, with what is wrong with it."""
    return {**asdict(record), "wrong": wrong(record)}


def page(records: Sequence[Record], killed: Sequence[Killed], calm: Calm, versions: tuple[str, str]) -> str:
    """Return the page, in Markdown. versions: of the kernel and of the peer's agents."""
    by_name: dict[str, dict[str, Record]] = {}
    for record in records:
        by_name.setdefault(record.row.name, {})[record.side] = record
    lines = [_line(sides) for sides in by_name.values()]
    ends = [_killed_line(each) for each in killed]
    head = HEAD.format(kernel=versions[0], agents=versions[1])
    alarms = "; ".join(dict.fromkeys(calm.alarms))
    rest = CALM.format(checks=calm.checks, count=len(calm.alarms), alarms=f" **{alarms}**" if alarms else "")
    return "\n".join((head + "\n".join(lines), KILLS + "\n".join(ends), rest))


def _killed_line(killed: Killed) -> str:
    faults = "; ".join(f"{point.call} {point.nth}: {said}" for point, said in killed.wrong.items())
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


def store(path: Path, records: Sequence[Record], killed: Sequence[Killed], calm: Calm) -> None:
    """Write all of it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ends = [{**asdict(each), "wrong": {f"{p.call} {p.nth}": said for p, said in each.wrong.items()}} for each in killed]
    whole = {"rows": [facts(record) for record in records], "killed": ends, "calm": asdict(calm)}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")

"""What is wrong with what a side said and did, measured against what was so."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from faults.rows import Row
from faults.sides import ACTIVATE, GROUP, KIT, Answer, in_time
from faults.truth import Truth


@dataclass
class Record:
    """All that was seen of one row on one side, in the order in which it happened.

    before: the start below the fault, of a row that makes it while the service is down.
    """

    side: str
    row: Row
    before: Answer | None = None
    checks: dict[str, Answer] = field(default_factory=dict)
    truth: Truth | None = None
    down: Answer | None = None
    after_down: Truth | None = None
    up: Answer | None = None
    after_up: Truth | None = None
    healed: Answer | None = None
    after_heal: Truth | None = None
    same_data: bool = True

    def as_kept(self) -> dict[str, Any]:
        """What was seen, for JSON: all but side and row."""
        seen = asdict(self)
        del seen["side"], seen["row"]
        return seen


def record_of(side: str, row: Row, kept: dict[str, Any]) -> Record:
    """The record of which as_kept() was taken; the row may have other words and allow more or less since."""
    seen = dict(kept)
    for name in ("before", "down", "up", "healed"):
        seen[name] = kept[name] and _answer(kept[name])
    for name in ("truth", "after_down", "after_up", "after_heal"):
        seen[name] = kept[name] and Truth(**kept[name])
    seen["checks"] = {name: _answer(answer) for name, answer in kept["checks"].items()}
    return Record(side, row, **seen)


def _answer(kept: dict[str, Any]) -> Answer:
    return Answer(**{**kept, "numbers": tuple(kept["numbers"])})


def wrong(record: Record) -> list[str]:
    """Return what must not be, in words; nothing for a row that is right."""
    return [*_untrue(record), *_undone(record), *_late(record), *_lost(record)]


def _untrue(record: Record) -> list[str]:
    """The checks: what cannot be read and written is not fine, what can is, unless the row allows otherwise."""
    if record.truth is None or not record.checks:
        return []
    fine = all(answer.fine for answer in record.checks.values())
    if fine and not record.truth.usable:
        return ["fine is said of what cannot be used"]
    if not fine and record.truth.usable and not record.row.allowed:
        return ["a fault is said of what can be used"]
    return []


def _undone(record: Record) -> list[str]:
    """The starts and the stop: what is said to be done is, and what is not said so is not done by half."""
    said = []
    if record.before and record.truth:
        if record.before.fine and not record.truth.usable:
            said.append("started, and cannot be used")
        said += _left(record.before, record.truth)
    if record.down and record.after_down:
        if record.down.fine and not record.after_down.down:
            said.append("down is said of what is up")
        if not record.down.fine:
            said += _stop(record.down, record)
    return said + _start(record)


def _stop(down: Answer, record: Record) -> list[str]:
    """A stop that failed: where it may, it has to say why."""
    if not record.row.stays:
        return ["the stop failed"]
    return [] if down.numbers or record.side != KIT else ["the stop failed without a word"]


def _start(record: Record) -> list[str]:
    """The start below the fault, after a stop."""
    if record.up is None or record.after_up is None or record.down is None:
        return []
    if record.up.fine:
        return [] if record.after_up.usable or record.row.unseen else ["up is said of what cannot be used"]
    return _left(record.up, record.after_up) if record.down.fine else []


def _left(start: Answer, truth: Truth) -> list[str]:
    """Whether the part of a start that failed has left something; those before it have not failed, and may stay up."""
    clean = truth.down if start.failed in (GROUP, ACTIVATE) else not truth.mounts
    return [] if start.fine or clean else ["a failed start left something up"]


def _late(record: Record) -> list[str]:
    answers = {**record.checks, "down": record.down, "up": record.up, "up ": record.before}
    late = [name.strip() for name, answer in answers.items() if answer and not in_time(name.strip(), answer)]
    return [f"{name} took too long" for name in late]


def _lost(record: Record) -> list[str]:
    if record.healed is None or record.after_heal is None:
        return []
    if not (record.healed.fine and record.after_heal.usable):
        return ["not back once the fault was gone"]
    return [] if record.same_data else ["data lost"]


def in_words(record: Record) -> str:
    """A record in a line."""
    bad = wrong(record)
    answers = {**record.checks, "stop": record.down, "start": record.before or record.up}
    said = ", ".join(f"{name} {answer.code}" for name, answer in answers.items() if answer)
    usable = "usable" if record.truth and record.truth.usable else "not usable"
    return f"{record.side:4} {record.row.name}: {usable}; {said}{'; WRONG: ' + '; '.join(bad) if bad else ''}"

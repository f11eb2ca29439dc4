"""What this server's journal has of starts, stops and moves by the kit (systemd.journal-fields(7), journalctl(1))."""

from __future__ import annotations

import json

from lvmkit.model.deed import MOVE, START, STOP, Deed
from lvmkit.model.messages import FACT_FIELD, Failure
from lvmkit.model.messages.pacemaker import Started
from lvmkit.model.messages.service import Begin, EndSuccessful
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

JOURNAL = "/usr/bin/journalctl"
_NEWEST = "500"
_KINDS = {"start": START, "restore": START, "stop": STOP, "remove": STOP}
"""actions of agents and of scripts"""
_TOLD_BY = tuple(f"{kind.number:06d}" for kind in (Begin, EndSuccessful, Started))
_FACTS = tuple(FACT_FIELD.format(name) for name in ("ACTION_NAME", "TAG", "SERVER", "STATE"))


def deeds(*, deadline: float) -> tuple[Deed, ...]:
    """The newest ones, the oldest of them first. deadline: seconds.

    Raises Failure: the journal cannot be asked (110060-110062). An entry of another form is left out.
    """
    fields = ",".join(("LVMKIT_NUMBER", *_FACTS))
    matches = (f"LVMKIT_NUMBER={number}" for number in _TOLD_BY)
    answer = run(
        (
            JOURNAL,
            "--output=json",
            f"--output-fields={fields}",
            "--no-pager",
            "--quiet",
            f"--lines={_NEWEST}",
            *matches,
        ),
        deadline=deadline,
    )
    if answer.status:
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "it did not say why"))
    return tuple(_deeds(answer.stdout))


def _deeds(output: str) -> Iterator[Deed]:
    for line in output.splitlines():
        try:
            deed = _deed(json.loads(line))
        except (ValueError, LookupError, TypeError):
            continue
        if deed is not None:
            yield deed


def _deed(entry: dict[str, str]) -> Deed | None:
    """None for another action, such as a monitor."""
    at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
    server, tag = entry[FACT_FIELD.format("SERVER")], entry[FACT_FIELD.format("TAG")]
    number = int(entry["LVMKIT_NUMBER"])
    if number == Started.number:
        return Deed(at, server, tag, MOVE, entry[FACT_FIELD.format("STATE")])
    kind = _KINDS.get(entry[FACT_FIELD.format("ACTION_NAME")])
    return Deed(at, server, tag, kind, is_begin=number == Begin.number) if kind else None

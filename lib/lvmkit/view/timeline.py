"""What lvmkit timeline answers: the steps of the last move."""

from __future__ import annotations

from lvmkit.model.deed import MOVE, START
from lvmkit.model.phrase import Phrase
from lvmkit.view import schema
from lvmkit.view.document import message_facts, utc_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.model.deed import Deed
    from lvmkit.workflow.timeline import Timeline

_STEP_FIELDS = {
    "server": schema.text("Where it was done."),
    "tag": schema.TAG,
    "text": schema.text("What was done, in words for a reader."),
    "start": {"type": "number", "description": "Seconds from the begin of the move until it was at work."},
    "end": {"type": "number", "description": "Seconds from the begin of the move until it was done."},
}
SCHEMA = schema.answer(
    "What the last move did, and how long it took",
    {
        "server": schema.HERE,
        "begun": schema.or_null(schema.text("When the move began, in UTC (RFC 3339). null: there is none.")),
        "steps": schema.several(schema.record(_STEP_FIELDS), "Its steps, in order."),
        "missing": schema.several(schema.MESSAGE, "The servers whose part is not in it, and why."),
    },
)


def timeline_facts(timeline: Timeline) -> dict[str, Any]:
    """The last move."""
    begun = utc_time(timeline.begun) if timeline.steps else None
    rows = []
    for step in timeline.steps:
        deed = step.deed
        rows.append(
            {"server": deed.server, "tag": deed.tag, "text": in_words(deed), "start": step.start, "end": step.end}
        )
    return {"server": timeline.server, "begun": begun, "steps": rows, "missing": message_facts(timeline.missing)}


def in_words(deed: Deed) -> str:
    """What was done."""
    if deed.kind == MOVE:
        return f"{deed.tag}: {deed.state}"
    return Phrase("start {tag}", tag=deed.tag) if deed.kind == START else Phrase("stop {tag}", tag=deed.tag)

"""What lvmkit journal answers: the changes that were interrupted and are not finished."""

from __future__ import annotations

from lvmkit.view import schema
from lvmkit.view.document import message_facts
from lvmkit.workflow.unfinished import BEGUN, DONE, OPEN, RUNNING, STATES, state_of, steps_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from lvmkit.journal import Journal

_STEP_FIELDS = {
    "state": schema.text("How far it came.", DONE, BEGUN, OPEN),
    "text": schema.text("What it does, in words for a reader."),
}
_JOURNAL_FIELDS = {
    "name": schema.text("The name of the journal."),
    "change": schema.text("What was to be done; empty where that cannot be read."),
    "state": schema.text("Whether it waits, is at work or cannot be read.", *STATES),
    "about": schema.texts("The tags and volume groups that it concerns."),
    "process": {"type": "integer", "description": "The process that is at work; 0 where none is."},
    "steps": schema.several(schema.record(_STEP_FIELDS), "Its steps, in order."),
    "faults": schema.several(schema.MESSAGE, "Why it cannot be read."),
}
SCHEMA = schema.answer(
    "The changes that were interrupted",
    {
        "dry_run": schema.DRY_RUN,
        "journals": schema.several(schema.record(_JOURNAL_FIELDS), "The journals that are left, the oldest first."),
    },
)


def journal_facts(journals: Sequence[Journal], *, dry_run: bool) -> dict[str, Any]:
    """The journals that are left."""
    return {"dry_run": dry_run, "journals": list(map(_facts, journals))}


def _facts(journal: Journal) -> dict[str, Any]:
    state = state_of(journal)
    return {
        "name": journal.name,
        "change": journal.work,
        "state": state,
        "about": journal.about,
        "process": journal.process.pid if state == RUNNING else 0,
        "steps": [{"state": progress, "text": what} for progress, what in steps_of(journal)],
        "faults": message_facts([journal.fault] if journal.fault else []),
    }

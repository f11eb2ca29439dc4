"""The lines of --format jsonl: what happens as it happens, and last how it ended.

A reader needs no other stream: errors are lines as well, and the last line has the exit status.
"""

from __future__ import annotations

from lvmkit.model.messages.engine import StepDone
from lvmkit.view import language, schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.model.messages import Message

MESSAGE, STEP, ANSWER, RESULT = "message", "step", "answer", "result"

_NUMBER = {"type": "integer"}
_FACTS = schema.table({}, "The facts that the text is made of, by the names that they have in the kit.")
_STEP_FIELDS = {
    **schema.MESSAGE_FIELDS,
    "facts": _FACTS,
    "position": {**_NUMBER, "description": "Which step it is, from 1."},
    "count": {**_NUMBER, "description": "How many steps there are."},
    "step": schema.text("What it does, in words for a reader."),
    "depth": {**_NUMBER, "description": "0: a step of the whole; 1: one of the steps of such a step; and so on."},
}
_ANSWER = {"type": "object", "description": "What --format json prints; 'lvmkit schema COMMAND' describes it."}
_OPEN_ANSWER = {**_ANSWER, "additionalProperties": {}}


def _line(title: str, kind: str, fields: schema.Schema) -> schema.Schema:
    return schema.answer(title, {"event": {"const": kind, "description": "What the line is."}, **fields})


SCHEMA = {
    "title": "One line of --format jsonl",
    "oneOf": [
        _line("Something that is said", MESSAGE, {**schema.MESSAGE_FIELDS, "facts": _FACTS}),
        _line("Progress of a change", STEP, _STEP_FIELDS),
        _line("One of several answers: status --watch gives one at each look", ANSWER, {"answer": _OPEN_ANSWER}),
        _line(
            "The last line",
            RESULT,
            {
                "exit": {**_NUMBER, "description": "The exit status of the command."},
                "answer": {**schema.or_null(_OPEN_ANSWER), "description": f"{_ANSWER['description']} null: none."},
            },
        ),
    ],
}


def message_event(message: Message, advice: str) -> dict[str, Any]:
    """Something that is said. advice: '' where an earlier message has given it."""
    event: dict[str, Any] = {
        "event": MESSAGE,
        **language.in_words(message),
        "advice": advice,
        "facts": message.as_dict(),
    }
    if isinstance(message, StepDone):
        event["event"] = STEP
        event.update(position=message.position, count=message.count, step=message.step, depth=message.depth)
    return event


def answer_event(answer: dict[str, Any]) -> dict[str, Any]:
    """One of several answers."""
    return {"event": ANSWER, "answer": answer}


def result_event(status: int, answer: dict[str, Any] | None) -> dict[str, Any]:
    """How it ended. status: of the process.  answer: None where there is none, as after most failures."""
    return {"event": RESULT, "exit": status, "answer": answer}

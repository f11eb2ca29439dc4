"""What lvmkit explain answers: what a message means, or what all of them do."""

from __future__ import annotations

import inspect

from lvmkit.view import schema
from lvmkit.view.language import translated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from lvmkit.model.messages import Message

_EXIT = schema.record(
    {
        "script": {"type": "integer", "description": "Of an action or administration script."},
        "lcdi": {"type": "integer", "description": "Of lvmkit, adddelpv and the LCDI commands."},
        "ocf": {"type": "integer", "description": "Of an OCF resource agent."},
    },
    "The exit codes that it leads to.",
)
_FIELDS = {
    "number": schema.NUMBER,
    "level": schema.LEVEL,
    "text": schema.text("The text, with <name> where a fact of the case is filled in."),
    "cause": schema.text("Why the message is given."),
    "action": schema.text("What to do about it; empty where nothing has to be done."),
    "exit": _EXIT,
}
_ALL = {"messages": schema.several(schema.record(_FIELDS), "All messages, in the order of their numbers.")}
SCHEMA = {
    "title": "What a message means, or with --all every message",
    "oneOf": [schema.answer("One message", _FIELDS), schema.answer("All messages", _ALL)],
}


def explanation_facts(kind: type[Message]) -> dict[str, Any]:
    """One message."""
    return {
        "number": f"{kind.number:06d}",
        "level": kind.level,
        "text": readable(kind, translated(kind.template)),
        "cause": translated(cause(kind)),
        "action": readable(kind, translated(kind.action)),
        "exit": {"script": kind.script_exit, "lcdi": kind.lcdi_exit, "ocf": kind.ocf_exit},
    }


def catalogue_facts(kinds: Iterable[type[Message]]) -> dict[str, Any]:
    """All messages."""
    return {"messages": list(map(explanation_facts, kinds))}


def cause(kind: type[Message]) -> str:
    """Why the message is given, in English: the docstring of its class."""
    return " ".join((inspect.getdoc(kind) or "").split())


def readable(kind: type[Message], sentence: str) -> str:
    """A template, with <name> in place of each fact."""
    return sentence.format_map({name: f"<{name}>" for name in kind._fields})

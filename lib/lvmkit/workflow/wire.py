"""Messages on their way from one server to another: the number and the facts, so that they stay what they are.

The far side writes each as a line of JSON on stderr as it comes, or many in its answer; here they become what they
were. What is no such line, or has a number that this version does not know, is passed on in its own words.
The answer itself is a JSON document on stdout.
"""

from __future__ import annotations

import json

from lvmkit.model.messages import ERROR, FATAL, WARN, Failure, Message, catalogue
from lvmkit.model.messages.extend import AnswerGarbled, Relayed, RelayedError, RelayedWarning
from lvmkit.model.messages.storage import CommandFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.storage.run import Finished

SCHEMA_VERSION = 1
"""of the answers; that of view/schema.py"""
_LONGEST_LINE = 2000


def packed(message: Message) -> dict[str, Any]:
    """A message as JSON can hold it."""
    return {
        "number": f"{message.number:06d}",
        "level": message.level,
        "text": message.text,
        "advice": message.advice,
        "facts": message.as_dict(),
    }


def line(message: Message) -> str:
    """A message as one line of JSON, in ASCII."""
    return json.dumps(packed(message))


def unpacked(facts: object, server: str) -> Message:
    """The message that was packed; one that is not known here as a Relayed... with its text.

    server: who said it. Raises ValueError, LookupError or TypeError for what is no packed message.
    """
    if not isinstance(facts, dict):
        raise TypeError(f"not a message: {facts!r}")
    known = catalogue().get(int(facts["number"]))
    try:
        if known is not None:
            return known(**{name: _fact(value) for name, value in facts["facts"].items()})
    except (TypeError, AttributeError):
        pass  # fields of another version: its text still says what it is
    return _relayed(f"{facts['number']} {facts['text']}"[:_LONGEST_LINE], str(facts.get("level")), server)


def heard(text: str, server: str) -> Message:
    """The message of a line that was written on another server, or the line itself."""
    try:
        return unpacked(json.loads(text), server)
    except (ValueError, LookupError, TypeError, RecursionError):
        return Relayed(server, text[:_LONGEST_LINE])


def parsed(server: str, answer: Finished) -> dict[str, Any]:
    """The facts that another server's kit answered with. Raises Failure (110205) where it is no answer known here."""
    try:
        facts = json.loads(answer.stdout)
        if facts["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {facts['schema_version']}")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise garbled(server, ValueError(f"exit status {answer.status}, {error}")) from error
    return dict(facts)


def garbled(server: str, error: Exception) -> Failure:
    """The failure to understand another server's answer."""
    return Failure(AnswerGarbled(server, f"{type(error).__name__}: {error}"))


def complaint(answer: Finished) -> Failure:
    """The failure of another server's kit (110061), with the errors that it printed as for a person."""
    said = [line.strip() for line in answer.stderr.splitlines() if "ERROR" in line]
    return Failure(CommandFailed(answer.command, str(answer.status), "; ".join(said) or "it did not say why"))


def _fact(value: Any) -> Any:  # noqa: ANN401 - JSON
    return tuple(map(_fact, value)) if isinstance(value, list) else value


def _relayed(text: str, level: str, server: str) -> Message:
    kind = {WARN: RelayedWarning, ERROR: RelayedError, FATAL: RelayedError}.get(level, Relayed)
    return kind(server, text)

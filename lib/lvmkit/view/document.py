"""Answers as JSON. Fields are only ever added; schema_version changes when one goes or gets another meaning."""

from __future__ import annotations

import time

from lvmkit.view import language
from lvmkit.view.schema import SCHEMA_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from lvmkit.model.messages import Message


def document(facts: dict[str, Any], *, compact: bool = False) -> str:
    """A JSON document in ASCII, with a line feed at its end. compact: on one line."""
    import json  # here, as an answer as text has no use for it

    return json.dumps(versioned(facts), indent=None if compact else 2) + "\n"


def versioned(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts with the version of their form."""
    return {"schema_version": SCHEMA_VERSION, **facts}


def message_facts(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages as data, in the reader's language; schema.MESSAGE describes them."""
    return list(map(language.in_words, messages))


def utc_time(at: float | None = None) -> str:
    """A time in UTC, as RFC 3339 writes it. at: seconds since 1970; None for now."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))

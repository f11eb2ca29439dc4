"""Holds what commands print against the schemas of their answers, every field of which must be known."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from lvmkit.view.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import click

WITHOUT_SCHEMA = {"bystanders", "schema"}
"""what another server's kit asks, and what is a schema itself"""


def assert_has_schema(printed: str, command: click.Command, words: Sequence[str]) -> None:
    """Each JSON document that was printed is an answer of the command, and has no field that its schema lacks."""
    name = _answering(command, words)
    if not printed.startswith("{") or name in WITHOUT_SCHEMA:
        return
    for facts in documents(printed):
        if "event" in facts:
            strict("event").validate(facts)
        answer = facts.get("answer") if "event" in facts else facts
        if answer is not None:
            strict(name).validate(answer)


def documents(printed: str) -> Iterator[Any]:
    """The JSON documents that stand one after the other."""
    rest = printed.strip()
    while rest:
        facts, end = json.JSONDecoder().raw_decode(rest)
        yield facts
        rest = rest[end:].strip()


@cache
def strict(name: str) -> Draft202012Validator:
    """A validator of a command's answer that takes no field that is not described."""
    return Draft202012Validator(closed(schema_of(name)), format_checker=Draft202012Validator.FORMAT_CHECKER)


def closed(schema: Any) -> Any:
    """The schema with every object closed that is open to further fields."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {key: closed(value) for key, value in schema.items()}
    return {**shut, "additionalProperties": False} if schema.get("additionalProperties") is True else shut


def _answering(command: click.Command, words: Sequence[str]) -> str:
    """The command whose answer it is; adddelpv is reconfigure by another name."""
    if command.name == "adddelpv":
        return "reconfigure"
    return next((word for word in words if not word.startswith("-")), "")

"""What the schemas of the answers are made of (JSON Schema, draft 2020-12), and the schema of each answer by name.

Objects allow further fields on purpose: fields are only ever added, and a reader with an older schema must go on
reading. The tests close every object before they compare, so that no answer has a field that its schema lacks.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_VERSION = 1
ANSWERS = {
    "unprotected": "unprotected",
    "create": "create",
    "extend": "extend",
    "status": "status",
    "show": "show",
    "in-service": "move",
    "out-of-service": "move",
    "check": "check",
    "doctor": "doctor",
    "reconfigure": "reconfigure",
    "apply": "apply",
    "unextend": "unextend",
    "delete": "delete",
    "forget": "forget",
    "journal": "journal",
    "timeline": "timeline",
    "report": "report",
    "explain": "explain",
}
"""each command that answers in JSON, and the module of this package that has its facts and their SCHEMA"""
DOCUMENTS = {**ANSWERS, "watch": "watch", "event": "event"}
"""the same with what the watcher writes, /run/lvmkit/watch.json, and with a line of --format jsonl"""


def schema_of(name: str) -> Schema:
    """The schema of a command's answer, or of a file; name: a key of DOCUMENTS. It refers to no other schema."""
    schema: Schema = import_module(f"lvmkit.view.{DOCUMENTS[name]}").SCHEMA
    return {"$schema": DIALECT, "$id": f"urn:lvmkit:schema:{SCHEMA_VERSION}:{name}", **schema}


def answer(title: str, fields: Schema, in_dry_run: Schema | None = None, when_done: Schema | None = None) -> Schema:
    """The schema of a whole document.

    in_dry_run: fields that only a preview has, in which dry_run is true.  when_done: those that only others have.
    """
    version = {"const": SCHEMA_VERSION, "description": "Changes when a field goes or gets another meaning."}
    schema = {"title": title, **record({"schema_version": version, **fields})}
    if in_dry_run is None:
        return schema
    schema["properties"] = {**schema["properties"], **in_dry_run, **(when_done or {})}
    schema["if"] = {"properties": {"dry_run": {"const": True}}}
    schema["then"] = {"required": list(in_dry_run)}
    schema["else"] = {"required": list(when_done or {})}
    return schema


def record(fields: Schema, meaning: str = "") -> Schema:
    """An object that has all of these fields."""
    return _described({"type": "object", "properties": fields, "required": list(fields)}, meaning, open_to=True)


def table(values: Schema, meaning: str) -> Schema:
    """An object whose names are data, such as servers; values: the schema of each value."""
    return _described({"type": "object"}, meaning, open_to=values)


def several(items: Schema, meaning: str) -> Schema:
    """A list."""
    return _described({"type": "array", "items": items}, meaning)


def or_null(value: Schema) -> Schema:
    """The value, or null."""
    return {**value, "type": [value["type"], "null"]}


def text(meaning: str, *allowed: str) -> Schema:
    """A string; allowed: all that it can be."""
    schema: Schema = {"type": "string"}
    if allowed:
        schema["enum"] = list(allowed)
    return _described(schema, meaning)


def texts(meaning: str) -> Schema:
    """A list of strings."""
    return several({"type": "string"}, meaning)


def flag(meaning: str) -> Schema:
    """True or false."""
    return _described({"type": "boolean"}, meaning)


def _described(schema: Schema, meaning: str, open_to: Schema | bool | None = None) -> Schema:
    if open_to is not None:
        schema["additionalProperties"] = open_to
    if meaning:
        schema["description"] = meaning
    return schema


NUMBER = {**text("The number of the message, which 'lvmkit explain' explains."), "pattern": "^[0-9]{6}$"}
LEVEL = text("How bad it is.", "INFO", "WARN", "ERROR", "FATAL")
STATE = text(
    "ISP: in service; ISU: in service, unprotected; OSU: out of service; OSF: failed; ILLSTATE: not known.",
    "ISP", "ISU", "OSU", "OSF", "ILLSTATE",
)  # fmt: skip
MESSAGE_FIELDS = {
    "number": NUMBER,
    "level": LEVEL,
    "text": text("What is the case."),
    "advice": text("What to do about it; empty where nothing has to be done."),
}
MESSAGE = record(MESSAGE_FIELDS)
HERE = text("The server that gave this answer.")
TIME = {**text("When it was looked at, in UTC (RFC 3339)."), "format": "date-time"}
TAG = text("The tag of the resource.")
ID = text("The ID of the resource: a mount point, the path of a device, or lvmvg-NAME.")
TYPE = text("The resource type, such as lvmvg.")
DRY_RUN = flag("Whether this is a preview, which has changed nothing.")
STEPS = texts("What would be done, in order, in words for a reader.")

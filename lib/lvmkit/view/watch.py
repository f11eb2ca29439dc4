"""What the watcher has seen, as it lies below /run and as status shows it."""

from __future__ import annotations

from lvmkit.view import schema
from lvmkit.view.check import FAIL, OK, WARNING
from lvmkit.view.document import utc_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from lvmkit.watch.sight import Remark, Seen
    from lvmkit.watch.watcher import Report

UNKNOWN, IDLE = "unknown", "idle"

_RESOURCE_FIELDS = {
    "tag": schema.TAG,
    "verdict": schema.text(
        "What the look comes to. unknown: it could not be looked at. idle: it is down, and not in service here.",
        OK, WARNING, FAIL.lower(), UNKNOWN, IDLE,
    ),
    "faults": schema.several(schema.MESSAGE, "What is wrong with it, or may become so."),
}  # fmt: skip
FIELDS = {
    "server": schema.HERE,
    "pid": {"type": "integer", "description": "The process."},
    "time": schema.TIME,
    "seconds": {"type": "number", "description": "Processor time that the look took."},
    "interval": {"type": "integer", "description": "Seconds between two looks where nothing happens."},
    "news": schema.texts("What the kernel tells of by itself."),
    "well": schema.flag("Whether nothing has failed, and all could be looked at."),
    "trouble": schema.several(schema.MESSAGE, "Why nothing could be looked at; then the resources are as seen before."),
    "resources": schema.several(schema.record(_RESOURCE_FIELDS), "What should be in service here, as it was seen."),
}


SCHEMA = schema.answer("What the watcher has seen", FIELDS)


def watch_facts(report: Report, pid: int, interval: int) -> dict[str, Any]:
    """pid: of the watcher.  interval: seconds between two looks."""
    resources = [_resource_facts(seen, report.idle) for seen in report.sight.resources]
    faulty = [each for each in resources if each["verdict"] in (FAIL.lower(), UNKNOWN)]
    return {
        "server": report.sight.server,
        "pid": pid,
        "time": utc_time(),
        "seconds": round(report.seconds, 3),
        "interval": interval,
        "news": list(report.news),
        "well": not faulty and not report.sight.trouble,
        "trouble": _messages(report.sight.trouble),
        "resources": resources,
    }


def _resource_facts(seen: Seen, idle: frozenset[str]) -> dict[str, Any]:
    return {"tag": seen.tag, "verdict": _verdict(seen, idle), "faults": _messages(seen.remarks)}


def _verdict(seen: Seen, idle: frozenset[str]) -> str:
    if not seen.is_known:
        return UNKNOWN
    if seen.causes:
        return IDLE if seen.tag in idle else FAIL.lower()
    return WARNING if seen.remarks else OK


def _messages(remarks: Iterable[Remark]) -> list[dict[str, str]]:
    return [remark.as_dict() for remark in remarks]

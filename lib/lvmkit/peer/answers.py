"""What the kit on another server answers, and each answer's form in JSON, both ways side by side.

What is read here comes from another server: a reader takes nothing but the form it knows. Every reader raises
ValueError, LookupError or TypeError for another one. Whose answer it is decides who was asked, not what it says.
"""

from __future__ import annotations

from lvmkit.model.deed import Deed
from lvmkit.model.messages import ERROR, INFO, Message, errors
from lvmkit.model.value import Value
from lvmkit.peer.wire import fact, packed, unpacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_LAST_SECOND = 1e11
"""beyond what any clock shows; it keeps infinity out, and NaN, which compares as neither more nor less"""


class Readiness(Value):
    """What a server says to the question whether it can take a hierarchy."""

    server: str
    kit_version: str
    lvm_version: str
    """'' where LVM does not say"""
    time: float
    """seconds since 1970, UTC, by that server's clock"""
    messages: tuple[Message, ...]
    devices: tuple[tuple[str, str], ...]
    """(PV UUID, device there) of every physical volume that is seen"""

    @property
    def refusals(self) -> tuple[Message, ...]:
        """What forbids the extension."""
        return errors(self.messages)

    @property
    def warnings(self) -> tuple[Message, ...]:
        """What is said besides."""
        return tuple(message for message in self.messages if message.level != ERROR)

    @property
    def is_ready(self) -> bool:
        """Whether nothing forbids the extension."""
        return not self.refusals


class Preview(Value):
    """What an extension would do; without steps where the server is not ready."""

    readiness: Readiness
    tags: tuple[str, ...] = ()
    """of the instances that the server would get, without devices and disks"""
    steps: tuple[str, ...] = ()
    foreseen: tuple[str, ...] = ()
    """what the cluster would do at once"""


class Finding(Value):
    """One thing that doctor found. Plain words, because it may come from another server."""

    server: str
    """'' where it is about the cluster as a whole"""
    about: str
    number: str
    """six digits"""
    level: str
    text: str
    advice: str
    facts: tuple[tuple[str, Any], ...] = ()
    """of the message, with their names; none from a server whose kit does not send them"""

    @property
    def is_note(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.level == INFO


class Findings(Value):
    """What a server's doctor found, and the versions of the kit and of LVM there."""

    kit_version: str
    findings: tuple[Finding, ...]
    lvm_version: str = ""
    """'' where LVM does not say"""


def preview_facts(preview: Preview) -> dict[str, Any]:
    """A preview as JSON can hold it."""
    readiness = preview.readiness
    messages = [packed(message) for message in readiness.messages]
    return {
        **readiness.as_dict(),
        "ready": readiness.is_ready,
        "messages": messages,
        "extended": preview.tags,
        "steps": preview.steps,
        "foreseen": preview.foreseen,
    }


def read_preview(facts: dict[str, Any], server: str) -> Preview:
    """The preview that preview_facts() packed on another server. server: who was asked."""
    messages = tuple(unpacked(each, server) for each in _list(facts["messages"]))
    devices = tuple(_pair(each) for each in _list(facts["devices"]))
    kit_version, lvm_version = text(facts["kit_version"]), text(facts["lvm_version"])
    readiness = Readiness(server, kit_version, lvm_version, _seconds(facts["time"]), messages, devices)
    return Preview(readiness, texts(facts["extended"]), texts(facts["steps"]), texts(facts["foreseen"]))


def findings_facts(findings: Findings) -> dict[str, Any]:
    """Findings as JSON can hold them."""
    rows = [{**finding.as_dict(), "facts": dict(finding.facts)} for finding in findings.findings]
    return {"kit_version": findings.kit_version, "lvm_version": findings.lvm_version, "findings": rows}


def read_findings(facts: dict[str, Any], server: str) -> Findings:
    """The findings that findings_facts() packed on another server. server: who was asked; it speaks for itself only."""
    rows = tuple(_finding(row, server) for row in _list(facts["findings"]))
    return Findings(text(facts["kit_version"]), rows, text(facts.get("lvm_version", "")))


def deeds_facts(deeds: Iterable[Deed]) -> dict[str, Any]:
    """Deeds as JSON can hold them."""
    return {"deeds": [deed.as_dict() for deed in deeds]}


def read_deeds(facts: dict[str, Any], _server: str) -> tuple[Deed, ...]:
    """The deeds that deeds_facts() packed on another server. Of a move it tells where it brought the resource."""
    return tuple(map(_deed, _list(facts["deeds"])))


def _deed(row: dict[str, Any]) -> Deed:
    server, tag, kind, state = (text(row[key]) for key in ("server", "tag", "kind", "state"))
    return Deed(_seconds(row["at"]), server, tag, kind, state, row["is_begin"] is True)


def text(value: object) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(map(text, _list(value)))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"not a list: {value!r}")
    return value


def _pair(value: object) -> tuple[str, str]:
    first, second = texts(value)
    return first, second


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LAST_SECOND:
        raise ValueError(f"not a time: {value!r}")
    return float(value)


def _finding(row: dict[str, Any], server: str) -> Finding:
    about, number, level, sentence, advice = (text(row[key]) for key in ("about", "number", "level", "text", "advice"))
    where = server if text(row["server"]) else ""
    return Finding(where, about, number, level, sentence, advice, _facts(row.get("facts", {})))


def _facts(value: object) -> tuple[tuple[str, Any], ...]:
    if not isinstance(value, dict):
        raise TypeError(f"not facts: {value!r}")
    return tuple((name, fact(each)) for name, each in value.items())

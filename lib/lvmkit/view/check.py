"""What lvmkit check answers: one verdict for each resource, and one for all."""

from __future__ import annotations

from lvmkit.model.instance import OSF
from lvmkit.model.messages import INFO
from lvmkit.model.phrase import Phrase
from lvmkit.model.value import Value, replace
from lvmkit.view import schema
from lvmkit.view.document import message_facts, utc_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from lvmkit.model.messages import Message

OK, WARNING, FAIL, RECOVERED = Phrase("ok"), Phrase("warn"), Phrase("FAIL"), Phrase("recovered")

_RESOURCE_FIELDS = {
    "tag": schema.TAG,
    "state": {**schema.STATE, "enum": [*schema.STATE["enum"], ""]},
    "verdict": schema.text("What the check comes to.", *(word.lower() for word in (OK, WARNING, FAIL, RECOVERED))),
    "faults": schema.several(schema.MESSAGE, "What the check found."),
}
SCHEMA = schema.answer(
    "What the check of the resources comes to",
    {
        "server": schema.HERE,
        "time": schema.TIME,
        "deep": schema.flag("Whether every disk was read as well."),
        "well": schema.flag("Whether nothing has failed: then the exit status is 0."),
        "resources": schema.several(schema.record(_RESOURCE_FIELDS), "The resources that were checked."),
    },
)


class Verdict(Value):
    """What a check comes to for one resource."""

    word: str
    """OK, WARNING, FAIL or RECOVERED"""
    tag: str
    state: str
    """'' where the engine does not have it any more"""
    messages: tuple[Message, ...]


def judge(tag: str, state: str, messages: tuple[Message, ...]) -> Verdict:
    """The verdict on a resource: a message that makes an action fail is a failure, a note is nothing."""
    if any(message.script_exit != 0 for message in messages):
        return Verdict(FAIL, tag, state, messages)
    is_well = all(message.level == INFO for message in messages)
    return Verdict(OK if is_well else WARNING, tag, state, messages)


def after_recovery(verdict: Verdict, *, has_recovered: bool) -> Verdict:
    """The verdict after the engine's round: what failed may have recovered; what is down failed.

    has_recovered: whether a further look found it in service and well.
    """
    if has_recovered and verdict.word == FAIL:
        return replace(verdict, word=RECOVERED)
    return replace(verdict, word=FAIL) if verdict.state == OSF else verdict


def is_well(verdicts: Iterable[Verdict]) -> bool:
    """Whether nothing has failed; the exit code is 1 where something has."""
    return all(verdict.word != FAIL for verdict in verdicts)


def check_facts(verdicts: Sequence[Verdict], server: str, *, deep: bool) -> dict[str, Any]:
    """server: the one that was checked.  deep: whether every disk was read as well."""
    return {
        "server": server,
        "time": utc_time(),
        "deep": deep,
        "well": is_well(verdicts),
        "resources": list(map(_resource_facts, verdicts)),
    }


def _resource_facts(verdict: Verdict) -> dict[str, Any]:
    faults = message_facts(verdict.messages)
    return {"tag": verdict.tag, "state": verdict.state, "verdict": verdict.word.lower(), "faults": faults}

"""What a look has seen, as values that pass from the child that looked to the process that goes on."""

from __future__ import annotations

import json

from lvmkit.model.messages import ERROR, INFO
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from lvmkit.model.messages import Message
    from lvmkit.workflow.look import CheckResult

    Cause = tuple[str, str, str]
    """tag, number and text of an error: by these a fault is known again"""


class Remark(Value):
    """One message, as far as it is needed later."""

    number: str
    level: str
    text: str
    advice: str


class Seen(Value):
    """What a look has seen of one resource."""

    tag: str
    remarks: tuple[Remark, ...] = ()
    is_known: bool = True
    """False where it could not be looked at"""
    may_pass: bool = False
    """whether its errors may be over soon"""

    @property
    def causes(self) -> frozenset[Cause]:
        """Its errors, where it is known that they are some."""
        if not self.is_known:
            return frozenset()
        return frozenset((self.tag, each.number, each.text) for each in self.remarks if each.level == ERROR)


class Sight(Value):
    """What a look has seen of everything."""

    server: str = ""
    """the name of this server, which the next look need not ask for"""
    resources: tuple[Seen, ...] = ()
    trouble: tuple[Remark, ...] = ()
    """why nothing could be looked at"""
    is_off: bool = False
    """whether nobody wants this server to be watched any more"""
    is_replaced: bool = False
    """whether another kit has been installed since the watcher began, or another engine is in use"""

    @property
    def causes(self) -> frozenset[Cause]:
        """All errors."""
        return _united(self.resources)

    @property
    def passing(self) -> frozenset[Cause]:
        """Those that may be over soon."""
        return _united(seen for seen in self.resources if seen.may_pass)


def remarks(messages: Iterable[Message]) -> tuple[Remark, ...]:
    """The messages but for mere notes."""
    serious = (message for message in messages if message.level != INFO)
    return tuple(Remark(f"{each.number:06d}", each.level, each.text, each.advice) for each in serious)


def seen(results: Iterable[CheckResult]) -> tuple[Seen, ...]:
    """What the results of a check say."""
    return tuple(Seen(each.tag, remarks(each.messages), each.is_known, each.may_pass) for each in results)


def packed(sight: Sight) -> bytes:
    """As bytes; nothing but ASCII."""
    return json.dumps(sight, default=Value.as_dict).encode()


def unpacked(data: bytes) -> Sight | None:
    """The sight; None where a child did not say one."""
    try:
        given = json.loads(data)
        resources = tuple(_seen(each) for each in given["resources"])
        trouble = _remarks(given["trouble"])
        return Sight(given["server"], resources, trouble, given["is_off"], given["is_replaced"])
    except (ValueError, KeyError, TypeError):
        return None


def idle(said: bytes, before: frozenset[str]) -> frozenset[str]:
    """The tags that an answer calls idle; those from before where it was not given."""
    try:
        return frozenset(json.loads(said)["idle"])
    except (ValueError, KeyError, TypeError):
        return before


def _seen(given: dict[str, Any]) -> Seen:
    return Seen(given["tag"], _remarks(given["remarks"]), given["is_known"], given["may_pass"])


def _remarks(given: list[dict[str, Any]]) -> tuple[Remark, ...]:
    return tuple(Remark(**each) for each in given)


def _united(resources: Iterable[Seen]) -> frozenset[Cause]:
    causes: set[Cause] = set()
    for each in resources:
        causes |= each.causes
    return frozenset(causes)

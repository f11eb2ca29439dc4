"""Questions to the kits on other servers. They change nothing there.

Every function takes its deadline in seconds for all of it, connecting included, and asks several servers at the same
time. What cannot be learnt from a server is a Failure in its place: silence is never an answer.
"""

from __future__ import annotations

from functools import partial

from lvmkit.model.messages import Failure
from lvmkit.peer.call import call_each
from lvmkit.peer.wire import garbled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeVar

    from lvmkit.model.deed import Deed
    from lvmkit.model.messages import Message
    from lvmkit.peer.answers import Findings, Preview
    from lvmkit.peer.remote import RemoteKit
    from lvmkit.peer.requests import AskAdmission, AskContents, AskReadiness, Request

    Answer = TypeVar("Answer")
    Teller = Callable[[Message], None]


def bystanders(
    tags: Mapping[RemoteKit, tuple[str, ...]], tell: Teller, *, deadline: float
) -> dict[str, tuple[Message, ...] | Failure]:
    """Who would keep tags from going out of service on other servers; each is asked about its own."""
    from lvmkit.peer.requests import AskBystanders

    questions = [(kit, AskBystanders(those)) for kit, those in tags.items()]
    return _each(questions, partial(_messages, "bystanders"), tell, deadline=deadline)


def admission(
    kit: RemoteKit, question: AskAdmission, tell: Teller, *, deadline: float
) -> tuple[Message, ...] | Failure:
    """What another server's disks say against starting volume groups there."""
    (answer,) = _each([(kit, question)], partial(_messages, "reasons"), tell, deadline=deadline).values()
    return answer


def readiness(kit: RemoteKit, question: AskReadiness, tell: Teller, *, deadline: float) -> Preview:
    """Whether a hierarchy can be extended to another server, with all that speaks against it. Raises Failure."""
    from lvmkit.peer.answers import read_preview

    return _the_one(_each([(kit, question)], read_preview, tell, deadline=deadline))


def contents(
    kits: Sequence[RemoteKit], question: AskContents, tell: Teller, *, deadline: float
) -> dict[str, str | Failure]:
    """What a volume group consists of, as other servers see it."""
    return _each([(kit, question) for kit in kits], _digest, tell, deadline=deadline)


def findings(kits: Sequence[RemoteKit], tell: Teller, *, deadline: float) -> dict[str, Findings | Failure]:
    """What the doctors of other servers find there."""
    from lvmkit.peer.answers import read_findings
    from lvmkit.peer.requests import AskFindings

    return _each([(kit, AskFindings()) for kit in kits], read_findings, tell, deadline=deadline)


def deeds(kits: Sequence[RemoteKit], tell: Teller, *, deadline: float) -> dict[str, tuple[Deed, ...] | Failure]:
    """What other servers have started, stopped and moved lately."""
    from lvmkit.peer.answers import read_deeds
    from lvmkit.peer.requests import AskDeeds

    return _each([(kit, AskDeeds()) for kit in kits], read_deeds, tell, deadline=deadline)


def _each(
    questions: Sequence[tuple[RemoteKit, Request]],
    read: Callable[[dict[str, Any], str], Answer],
    tell: Teller,
    *,
    deadline: float,
) -> dict[str, Answer | Failure]:
    """Ask, and read each result. read: makes the answer of it and of the server's name."""
    results = call_each(questions, tell, deadline=deadline)
    return {server: _read(server, result, read) for server, result in results.items()}


def _read(
    server: str, result: dict[str, Any] | Failure, read: Callable[[dict[str, Any], str], Answer]
) -> Answer | Failure:
    if isinstance(result, Failure):
        return result
    try:
        return read(result, server)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        return garbled(server, error)


def _the_one(answers: dict[str, Answer | Failure]) -> Answer:
    (answer,) = answers.values()
    if isinstance(answer, Failure):
        raise answer
    return answer


def _digest(result: dict[str, Any], _server: str) -> str:
    from lvmkit.peer.answers import text

    return text(result["contents"])


def _messages(field: str, result: dict[str, Any], server: str) -> tuple[Message, ...]:
    from lvmkit.peer.wire import unpacked

    return tuple(unpacked(each, server) for each in result[field])

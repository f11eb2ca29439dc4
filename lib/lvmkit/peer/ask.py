"""Questions to the kits on other servers. They change nothing there.

Every function takes its deadline in seconds for all of it, connecting included, and asks several servers at the same
time. What cannot be learnt from a server is a Failure in its place: silence is never an answer.
"""

from __future__ import annotations

import time

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import ProgramMissingThere
from lvmkit.model.messages.peer import ProtocolDiffers
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.peer import transport
from lvmkit.peer.call import call_each
from lvmkit.peer.requests import AskActive
from lvmkit.peer.wire import garbled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeVar

    from lvmkit.model.messages import Message
    from lvmkit.peer.answers import Findings, Preview
    from lvmkit.peer.remote import RemoteKit
    from lvmkit.peer.requests import AskReadiness, Request
    from lvmkit.storage.run import Finished

    Answer = TypeVar("Answer")
    Teller = Callable[[Message], None]

DMSETUP = ("/usr/sbin/dmsetup", "info", "-c", "--noheadings", "--separator", " ", "-o", "name,uuid")


def active_volumes(kit: RemoteKit, vg_uuid: str, *, deadline: float) -> tuple[str, ...]:
    """The device-mapper names of a volume group's volumes that another server's kernel holds; () where none is up.

    Raises Failure where that server does not say.
    """
    return _the_one(active_volumes_on_each((kit,), vg_uuid, deadline=deadline))


def active_volumes_on_each(
    kits: Sequence[RemoteKit], vg_uuid: str, *, deadline: float
) -> dict[str, tuple[str, ...] | Failure]:
    """The same of several servers. Where there is no kit, or one of another protocol, dmsetup is asked."""
    limit = time.monotonic() + deadline
    question = AskActive(vg_uuid)
    answers = _each([(kit, question) for kit in kits], _devices, _unheard, deadline=deadline)
    without = [kit for kit in kits if _has_no_kit(answers[kit.server])]
    if without:
        answers.update(_by_dmsetup(without, vg_uuid, deadline=limit - time.monotonic()))
    return answers


def bystanders(
    tags: Mapping[RemoteKit, tuple[str, ...]], tell: Teller, *, deadline: float
) -> dict[str, tuple[Message, ...] | Failure]:
    """Who would keep tags from going out of service on other servers; each is asked about its own."""
    from lvmkit.peer.requests import AskBystanders

    questions = [(kit, AskBystanders(those)) for kit, those in tags.items()]
    return _each(questions, _messages, tell, deadline=deadline)


def readiness(kit: RemoteKit, question: AskReadiness, tell: Teller, *, deadline: float) -> Preview:
    """Whether a hierarchy can be extended to another server, with all that speaks against it. Raises Failure."""
    from lvmkit.peer.answers import read_preview

    return _the_one(_each([(kit, question)], read_preview, tell, deadline=deadline))


def findings(kits: Sequence[RemoteKit], tell: Teller, *, deadline: float) -> dict[str, Findings | Failure]:
    """What the doctors of other servers find there."""
    from lvmkit.peer.answers import read_findings
    from lvmkit.peer.requests import AskFindings

    return _each([(kit, AskFindings()) for kit in kits], read_findings, tell, deadline=deadline)


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


def _devices(result: dict[str, Any], _server: str) -> tuple[str, ...]:
    from lvmkit.peer.answers import texts

    return texts(result["devices"])


def _messages(result: dict[str, Any], server: str) -> tuple[Message, ...]:
    from lvmkit.peer.wire import unpacked

    return tuple(unpacked(each, server) for each in result["bystanders"])


def _unheard(_message: Message) -> None:
    """What is said beside the answer whether a group is active matters to nobody."""


def _has_no_kit(answer: tuple[str, ...] | Failure) -> bool:
    return isinstance(answer, Failure) and isinstance(answer.messages[0], (ProgramMissingThere, ProtocolDiffers))


def _by_dmsetup(kits: Sequence[RemoteKit], vg_uuid: str, *, deadline: float) -> dict[str, tuple[str, ...] | Failure]:
    servers = [kit.server for kit in kits]
    answers = transport.run_on_each(servers, DMSETUP, kits[0].ssh, deadline=deadline)
    return {server: _dmsetup_devices(answer, vg_uuid) for server, answer in answers.items()}


def _dmsetup_devices(answer: Finished | Failure, vg_uuid: str) -> tuple[str, ...] | Failure:
    if isinstance(answer, Failure):
        return answer
    if answer.status:
        why = answer.stderr.strip() or "it did not say why"
        return Failure(CommandFailed(answer.command, str(answer.status), why))
    rows = (line.strip().partition(" ") for line in answer.stdout.splitlines())
    return tuple(name for name, _, uuid in rows if uuid.startswith(names.dm_uuid(vg_uuid)))

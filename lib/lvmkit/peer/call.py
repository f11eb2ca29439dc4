"""One request to the kit on another server, or the same to several at the same time."""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.peer import transport
from lvmkit.peer.wire import Letter, Listener, encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from lvmkit.model.messages import Message
    from lvmkit.peer.remote import RemoteKit
    from lvmkit.peer.requests import Request
    from lvmkit.storage.run import Finished


def call(kit: RemoteKit, request: Request, tell: Callable[[Message], None], *, deadline: float) -> dict[str, Any]:
    """Have the kit on another server answer; what it says is told as it comes, but its errors are raised.

    deadline: seconds in all. Returns the result as it came: nothing in it has been looked at.
    Raises Failure: the errors that it said; those of transport.run_on(); 110205, 110271, 110272.
    """
    listener = Listener(kit.server, tell)
    try:
        answer = transport.run_on(
            kit.server, (kit.program,), kit.ssh, deadline=deadline, stdin=_letter(kit, request), hear=listener.hear
        )
    except Failure as failure:
        raise Failure(*listener.errors, *failure.messages) from failure
    return listener.result(answer)


def call_each(
    calls: Sequence[tuple[RemoteKit, Request]], tell: Callable[[Message], None], *, deadline: float
) -> dict[str, dict[str, Any] | Failure]:
    """Have the kits on several servers answer at the same time; for each server what call() returns or raises.

    deadline: seconds in all, for all of them together.
    """
    if not calls:
        return {}
    first = calls[0][0]
    letters = [_letter(kit, request) for kit, request in calls]
    servers = [kit.server for kit, _ in calls]
    answers = transport.run_on_each(servers, (first.program,), first.ssh, deadline=deadline, stdin=letters)
    return {server: _result(server, answers[server], tell) for server in servers}


def _letter(kit: RemoteKit, request: Request) -> bytes:
    return encoded(Letter(os.uname().nodename, kit.server, request))


def _result(server: str, answer: Finished | Failure, tell: Callable[[Message], None]) -> dict[str, Any] | Failure:
    """What a whole answer has as its result."""
    if isinstance(answer, Failure):
        return answer
    listener = Listener(server, tell)
    try:
        for line in answer.stdout.splitlines():
            listener.hear(line)
        return listener.result(answer)
    except Failure as failure:
        return failure

"""start, stop and validate-all: the verbs of the resource's type, within the time that the cluster allows."""

from __future__ import annotations

from lvmkit.entry.ocf.description import START, STOP
from lvmkit.entry.ocf.request import parsed
from lvmkit.entry.ocf.tools import host, starting
from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from lvmkit.entry.ocf.request import AgentRequest, Invocation
    from lvmkit.host import Host

    T = TypeVar("T")

NOTHING_TO_STOP = "nothing to stop"


def act(invocation: Invocation, action: str) -> str:
    """Carry out one of them; returns in a few words what was done. Raises Failure."""
    if action == STOP:
        return _stop(invocation)
    request = parsed(invocation)
    if action != START:
        _validate(request, host(request, invocation.paths, invocation.voice.tell))
        return ""
    facts, server = starting(request, invocation.paths, invocation.voice.tell)
    if not isinstance(facts, FilesystemFacts):
        _validate(request, server)
    return request.verbs.restore(facts, server)


def _validate(request: AgentRequest, server: Host) -> None:
    from lvmkit.entry.ocf.validate import validate

    validate(request, server)


def _stop(invocation: Invocation) -> str:
    """A resource that is down is a success, whatever state the parameters, the disks or LVM are in.

    Other mounts within a file system are unmounted, too: a stop that fails gets the node fenced, which ends them and
    much else.
    """
    request = stoppable(invocation, lambda: parsed(invocation, for_stop=True))
    if request is None:
        return NOTHING_TO_STOP
    server = host(request, invocation.paths, invocation.voice.tell)
    if isinstance(request.facts, FilesystemFacts):
        from lvmkit.resources import filesys

        return filesys.remove(request.facts, server, with_all_below=True)
    return request.verbs.remove(request.facts, server)


def stoppable(invocation: Invocation, read: Callable[[], T]) -> T | None:
    """What is to be stopped; None, with the reasons told, where no start can have succeeded with these parameters.

    Then there is nothing to stop, and a stop that failed would get the node fenced.
    """
    try:
        return read()
    except Failure as failure:
        for message in failure.messages:
            invocation.voice.tell(message)
        return None

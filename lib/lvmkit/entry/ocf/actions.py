"""start, stop and validate-all: the verbs of the resource's type, within the time that the cluster gives."""

from __future__ import annotations

from lvmkit.entry.ocf.description import START, STOP
from lvmkit.entry.ocf.request import parsed
from lvmkit.entry.ocf.tools import host, starting_host
from lvmkit.model.facts import FilesystemFacts, VgFacts
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Errand, Request

NOTHING_TO_STOP = "nothing to stop"


def act(errand: Errand, action: str) -> str:
    """Carry one of them out; returns in a few words what was done. Raises Failure."""
    if action == STOP:
        return _stop(errand)
    request = parsed(errand)
    is_group = action == START and isinstance(request.facts, VgFacts)
    server = (starting_host if is_group else host)(request, errand.paths, errand.voice.tell)
    if action != START or not isinstance(request.facts, FilesystemFacts):
        from lvmkit.entry.ocf.validate import validate

        validate(request, server)
    return request.verbs.restore(request.facts, server) if action == START else ""


def _stop(errand: Errand) -> str:
    """What is down is success, whatever the parameters, the disks or LVM are like.

    What is mounted within a file system goes too: a stop that fails has the node fenced, which ends that as well, and
    more.
    """
    request = _stoppable(errand)
    if request is None:
        return NOTHING_TO_STOP
    server = host(request, errand.paths, errand.voice.tell)
    if isinstance(request.facts, FilesystemFacts):
        from lvmkit.resources import filesys

        return filesys.remove(request.facts, server, with_all_below=True)
    return request.verbs.remove(request.facts, server)


def _stoppable(errand: Errand) -> Request | None:
    """The request of a stop; None, with the reasons told, where its parameters are such that no start can have
    succeeded: then there is nothing to stop, and a stop that fails would fence the node."""
    try:
        return parsed(errand, for_stop=True)
    except Failure as failure:
        for message in failure.messages:
            errand.voice.tell(message)
        return None

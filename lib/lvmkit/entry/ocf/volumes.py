"""What the agents of volume groups and logical volumes do; each action imports only what it needs."""

from __future__ import annotations

from lvmkit.entry.ocf.request import NOTHING_TO_STOP, parsed, stoppable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.answer import Answer
    from lvmkit.entry.ocf.request import Errand


def monitor(errand: Errand) -> Answer:
    """What the kernel says of the resource. Raises Failure where nothing can be said."""
    from lvmkit.entry.ocf import monitor as volumes

    request = parsed(errand)
    deadline = 0.0
    if request.deep:
        from lvmkit.entry.ocf.tools import settings

        deadline = settings(request, errand.paths, errand.voice.log).probe_deadline
    state = volumes.volume_state if request.lv else volumes.group_state
    return state(request, errand.paths, deadline)


def start(errand: Errand) -> str:
    """Bring it up; returns in a few words what was done. Raises Failure when it is not up then."""
    from lvmkit.entry.ocf import start as starting
    from lvmkit.entry.ocf.tools import kit

    request = parsed(errand)
    tools = kit(request, errand.paths, errand.voice.tell, request.missing_pv)
    starting.validate(request, tools)
    return starting.start_volume(request, tools) if request.lv else starting.start_group(request, tools)


def stop(errand: Errand) -> str:
    """Take it down; returns in a few words what was done. Raises Failure when it is up then."""
    from lvmkit.entry.ocf import stop as stopping
    from lvmkit.entry.ocf.tools import kit

    request = stoppable(lambda: parsed(errand, for_stop=True), errand.voice.tell)
    if request is None:
        return NOTHING_TO_STOP
    tools = kit(request, errand.paths, errand.voice.tell, request.missing_pv)
    return stopping.stop_volume(request, tools) if request.lv else stopping.stop_group(request, tools)


def validate(errand: Errand) -> str:
    """See that a start could be tried here; returns ''. Raises Failure with what is wrong."""
    from lvmkit.entry.ocf import start as starting
    from lvmkit.entry.ocf.tools import kit

    request = parsed(errand)
    starting.validate(request, kit(request, errand.paths, errand.voice.tell, request.missing_pv))
    return ""

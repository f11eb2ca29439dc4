"""monitor: the answer of the check that all callers share, as an OCF code. At level 10 the disks are read as well.

| the kernel holds | record of a start | answer |
|---|---|---|
| nothing | no | 7 |
| nothing, though something should be up | yes | 1; a probe: 7 |
| all of it, well | yes | 0 |
| a part of it, or something faulty | yes | 1 |
| something, all of it well | no | 0, with a warning at a probe |
| something, not all of it well | no | 1 |

A file system has no record: not mounted is 7; hidden, or not to be written to though it should be, is 1.
"""

from __future__ import annotations

from lvmkit.entry.ocf.request import protected_in
from lvmkit.host import Host
from lvmkit.model.instance import FILESYS, LVMVG
from lvmkit.model.messages import OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS
from lvmkit.model.settings import Settings
from lvmkit.model.value import Value, replace
from lvmkit.resources.health import settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import AgentRequest, Invocation
    from lvmkit.model.messages import Message
    from lvmkit.resources.health import Health


class Answer(Value):
    """What a monitor found."""

    code: int
    messages: tuple[Message, ...] = ()


def monitor(invocation: Invocation, request: AgentRequest) -> Answer:
    """What the kernel says about the resource.

    Raises Failure where it cannot tell: KernelUnreadable (110052), VgNameAmbiguous (110070).
    """
    health = _health(invocation, request)
    if not health.is_up and not health.is_recorded:
        return Answer(OCF_NOT_RUNNING)
    if health.is_well:
        return Answer(OCF_SUCCESS, (*_without_record(invocation, request, health), *health.serious))
    if request.probe and not health.is_up:
        return Answer(OCF_NOT_RUNNING)
    return Answer(OCF_ERR_GENERIC, health.messages)


def _health(invocation: Invocation, request: AgentRequest) -> Health:
    verbs = request.verbs
    server = Host(invocation.paths, Settings(), invocation.voice.log, protected=protected_in(invocation.paths))
    health = settled(lambda: verbs.check(request.facts, server), lambda found: found.messages)
    if not request.deep or not (health.is_up or health.is_recorded):
        return health
    from lvmkit.entry.ocf.tools import host

    deep = verbs.deep_check(request.facts, host(request, invocation.paths, invocation.voice.log))
    return replace(health, messages=(*health.messages, *deep.messages))


def _without_record(invocation: Invocation, request: AgentRequest, health: Health) -> tuple[Message, ...]:
    if health.is_recorded or not request.probe or invocation.agent.name == FILESYS:
        return ()
    from lvmkit.model.messages.ownership import UpWithoutRecord  # only where somebody or the boot activated it

    what = "volume group" if invocation.agent.name == LVMVG else "logical volume"
    return (UpWithoutRecord(f"{what} {request.name}"),)

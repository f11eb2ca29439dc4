"""extend and unextend from any server: the work is done by the kit on the server that it concerns.

That server is asked first whether it is ready, and answers with all that speaks against it; the versions and the clocks
of the two are compared. Then it is told to do the work, with its own plan, journal and back-out; what it says is passed
on as it comes. The admin lock is the cluster's, and the server that does the work takes it.
"""

from __future__ import annotations

import time

from lvmkit import VERSION
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import (
    ClockDiffers,
    ClockFarOff,
    KitVersionDiffers,
    LvmVersionDiffers,
    ProgramMissingThere,
)
from lvmkit.model.messages.guide import (
    CanextendNotAccessible,
    ExtendNotAccessible,
    ExtensionInterrupted,
    TemplateAlreadyExtended,
)
from lvmkit.model.messages.pacemaker import UnknownServer
from lvmkit.model.value import Value, replace
from lvmkit.peer import ask
from lvmkit.peer import order as peer_order
from lvmkit.peer.requests import AskReadiness, OrderExtend
from lvmkit.storage import lvmconf
from lvmkit.workflow import extend as on_target
from lvmkit.workflow import unextend as on_loser
from lvmkit.workflow.extend import ExtendRequest, heed, refusal
from lvmkit.workflow.subject import find, refuse_offline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.port import Overview
    from lvmkit.model.messages import Message
    from lvmkit.peer.answers import Preview, Readiness
    from lvmkit.plan import Kit

CLOCK_WARNING, CLOCK_LIMIT = 5.0, 60.0
"""Seconds between two clocks. Events of a failover are seconds apart, so beyond the first their order cannot be told
from the logs. A move ends by the clock of the server that began it (LVMKIT_ACTION_DEADLINE, 300 s by default), and
failures are forgotten by the clock; beyond the second these times are not what they were meant to be."""


class ExtendOrder(Value):
    """A hierarchy that is to be extended to another server. priority 0: the next lower one."""

    tag: str
    server: str
    priority: int = 0


def extend(order: ExtendOrder, kit: Kit) -> tuple[str, ...]:
    """Extend a hierarchy to any server; returns the tags that it got.

    Raises Failure: 000019, 000004, 110155, 110159; those of the connection (110200-110205, 110226); else the reasons
    against it, then 000008. Then nothing is left of it, except where 110209 warns that this is not known.
    """
    seen = kit.port.overview()
    template = template_of(order, seen)
    if order.server == seen.local:
        return on_target.extend(ExtendRequest(order.tag, template, order.priority), kit)
    refuse_offline(order.server, order.tag, seen)
    answer = _ask_readiness(order, template, kit, with_steps=False)
    heed(answer.readiness, order.tag, kit.tell)
    return _order_extension(order, template, kit)


def preview(order: ExtendOrder, kit: Kit) -> Preview:
    """What extend() would do; changes nothing. Raises Failure as extend() does, but for what is in the readiness."""
    seen = kit.port.overview()
    template = template_of(order, seen)
    if order.server == seen.local:
        return on_target.preview(ExtendRequest(order.tag, template, order.priority), kit)
    refuse_offline(order.server, order.tag, seen)
    return _ask_readiness(order, template, kit, with_steps=True)


def template_of(order: ExtendOrder, seen: Overview) -> str:
    """The server whose hierarchy is extended: where it is in service, else this one, else any that has it.

    Raises Failure: 000019 for a tag that none has, 110155, 000004 where only the target has it.
    """
    instance = find(seen.union(), order.tag)
    if order.server not in seen.names:
        raise Failure(UnknownServer(order.server, seen.names))
    have = [name for name in seen.names if name != order.server and seen.of(name).by_tag(instance.tag)]
    if not have:
        raise Failure(TemplateAlreadyExtended(instance.tag, order.server))
    started = seen.in_service_on(instance.tag)
    return min(have, key=lambda name: (name not in started, name != seen.local))


def unextend(tag: str, server: str, kit: Kit) -> tuple[str, ...]:
    """Take any server from a hierarchy; returns the tags. Of one that is down only the cluster's configuration changes.

    Raises Failure as workflow/unextend.py; those of the connection (110200-110205).
    """
    seen = kit.port.overview()
    if server == seen.local:
        return on_loser.unextend(tag, kit)
    on_loser.draft_unextension(tag, server, replace(kit, tell=lambda _message: None))
    if not seen.is_online(server):
        return on_loser.unextend_absent(tag, server, kit)
    return peer_order.unextend(kit.remote(server), tag, kit.tell, deadline=kit.settings.action_deadline)


def compared(readiness: Readiness, kit: Kit, before: float, after: float) -> tuple[Message, ...]:
    """What differs between the other server and this one.

    before, after: this server's clock when the question was asked and when the answer was there; the other's was read
    somewhere in between, so only what lies outside counts. Raises nothing: an LVM that does not answer here is not
    the other server's fault.
    """
    told: list[Message] = []
    if readiness.kit_version != VERSION:
        told.append(KitVersionDiffers(readiness.server, readiness.kit_version, VERSION))
    own = lvmconf.version_if_known(kit.lvm)
    if not lvmconf.are_of_one_series(own, readiness.lvm_version):
        told.append(LvmVersionDiffers(readiness.server, readiness.lvm_version, own))
    off = round(max(before - readiness.time, readiness.time - after, 0.0), 1)
    if off > CLOCK_LIMIT:
        told.append(ClockFarOff(readiness.server, off, CLOCK_LIMIT))
    elif off > CLOCK_WARNING:
        told.append(ClockDiffers(readiness.server, off))
    return tuple(told)


def _ask_readiness(order: ExtendOrder, template: str, kit: Kit, *, with_steps: bool) -> Preview:
    """The other server's answer to the question whether it is ready, with what differs between the two."""
    question = AskReadiness(order.tag, template, order.priority, with_steps)
    before = time.time()
    try:
        answer = ask.readiness(kit.remote(order.server), question, kit.tell, deadline=kit.settings.action_deadline)
    except Failure as failure:
        if isinstance(failure.messages[0], ProgramMissingThere):
            raise Failure(*failure.messages, CanextendNotAccessible(order.server)) from failure
        raise
    readiness = answer.readiness
    messages = (*compared(readiness, kit, before, time.time()), *readiness.messages)
    return replace(answer, readiness=replace(readiness, messages=messages))


def _order_extension(order: ExtendOrder, template: str, kit: Kit) -> tuple[str, ...]:
    """Let the other server do the work."""
    work = OrderExtend(order.tag, template, order.priority)
    try:
        return peer_order.extend(kit.remote(order.server), work, kit.tell, deadline=kit.settings.action_deadline)
    except Failure as failure:
        first = failure.messages[0]
        if isinstance(first, ProgramMissingThere):
            raise Failure(*failure.messages, ExtendNotAccessible(first.path, order.server)) from failure
        raise refusal(failure, order.tag, order.server) from failure
    except Interruption as interruption:
        kit.tell(ExtensionInterrupted(order.tag, order.server, interruption.signal_name))
        raise

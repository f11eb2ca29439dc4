"""The engine's watch: check everything that should be in service, and bring back once what broke (local recovery)."""

from __future__ import annotations

from functools import partial

from lvmkit.model.instance import ILLSTATE, IN_SERVICE, ISP, OSF, Instance
from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.engine import Recovered, RecoveryBegins, RecoveryFailed
from lvmkit.model.messages.guide import CallingSendevent
from lvmkit.model.value import Value
from lvmkit.plan import finish_interrupted
from lvmkit.resources import dispatch, kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lvmkit.host import Host
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device


class CheckResult(Value):
    """What a check says of one resource."""

    tag: str
    messages: tuple[Message, ...]
    is_known: bool = True
    """False where the check itself could not be made: then nothing is known, and nothing may be taken down for it"""

    @property
    def is_fault(self) -> bool:
        """Whether anything worse than a warning was found."""
        return any(message.level == ERROR for message in self.messages)


def check_all(kit: Kit) -> tuple[CheckResult, ...]:
    """Check every resource that should be in service, children first; nothing is changed."""
    now = kit.port.hierarchy()
    watched = [instance.tag for instance in now.instances if _is_watched(instance, kit)]
    return check_tags(now.restore_order(watched), now, kit)


def check_tags(tags: tuple[str, ...], now: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    """Check these resources with one look at device-mapper for all of them."""
    if not tags:
        return ()
    devices, host = kernel.listed(), kit.host
    return tuple(_check(instance, devices, now, host) for instance in now.of_tags(tags))


def _is_watched(instance: Instance, kit: Kit) -> bool:
    """What is in service here; where nobody else brings back what was before the boot, that too."""
    if kit.port.capabilities.watches_itself:
        return instance.state in IN_SERVICE
    return instance.state in (ISP, ILLSTATE) and kit.port.wanted(instance.tag)


def _check(instance: Instance, devices: Sequence[Device], now: Hierarchy, host: Host) -> CheckResult:
    try:
        return CheckResult(instance.tag, dispatch.check(instance, now, host, devices))
    except Failure as failure:
        return CheckResult(instance.tag, failure.messages, is_known=False)


def watch(kit: Kit) -> tuple[CheckResult, ...]:
    """One round of the timer: finish what was interrupted, check everything, recover what broke. Returns the findings.

    A resource that does not come back stays OSF with its reason; the others are still looked after.
    Where the engine watches itself this only looks: two that recover would fight.
    """
    if kit.port.capabilities.watches_itself:
        return _reported(kit)
    _finish(kit)
    _bring_back_after_boot(kit)
    findings = _reported(kit)
    failed: set[str] = set()
    for finding in findings:
        if finding.is_fault and finding.is_known and finding.tag not in failed:
            failed |= recover(finding.tag, kit)
    return findings


def _reported(kit: Kit) -> tuple[CheckResult, ...]:
    """check_all(), with all that it finds told."""
    findings = check_all(kit)
    for finding in findings:
        for message in finding.messages:
            kit.tell(message)
    return findings


def recover(tag: str, kit: Kit) -> set[str]:
    """Remove what is broken with all above it, and restore it once. Returns the tags that did not come back."""
    kit.tell(CallingSendevent(tag, kit.port.local_server()))
    with kit.port.admin_lock(f"recover {tag}"):
        now = kit.port.hierarchy()
        still = [f for f in check_tags((tag,), now, kit) if f.is_fault and f.is_known]
        if not still or not _in_service(now.by_tag(tag)):  # while we waited somebody mended it or took it out
            return set()
        affected = tuple(above for above in now.above(tag) if _in_service(now.by_tag(above)))
        kit.tell(RecoveryBegins(tag, affected))
        failed = _down_and_up(tag, affected, now, kit)
        if tag in failed:
            why = next(message.text for message in still[0].messages if message.level == ERROR)
            kit.port.set_state(tag, OSF, why)
        if not failed:
            kit.tell(Recovered(tag))
        return failed


def _down_and_up(tag: str, affected: tuple[str, ...], now: Hierarchy, kit: Kit) -> set[str]:
    """Take the tag down with all above it and bring each back once, children first; returns what did not come back."""
    try:
        kit.port.take_out_of_service(tag, kit.tell)
    except Failure as failure:
        kit.tell(RecoveryFailed(tag, str(failure)))
        return {tag, *_waiting(affected, {tag}, now, kit)}
    failed: set[str] = set()
    for upper in reversed(affected or (tag,)):
        if failed & set(now.children(upper)):
            failed |= _waiting((upper,), failed, now, kit)
            continue
        try:
            kit.port.bring_in_service(upper, kit.tell)
        except Failure as failure:
            kit.tell(RecoveryFailed(upper, str(failure)))
            failed.add(upper)
    return failed


def _waiting(tags: tuple[str, ...], failed: set[str], now: Hierarchy, kit: Kit) -> set[str]:
    """Mark what cannot be in service because of what failed below it; returns those tags."""
    waiting = {tag for tag in tags if tag not in failed}
    for tag in waiting:
        below = sorted(failed & set(now.below(tag)))
        kit.port.set_state(tag, OSF, f"requires {', '.join(below)}, which failed")
    return waiting


def _in_service(instance: Instance | None) -> bool:
    return instance is not None and instance.state in (*IN_SERVICE, ILLSTATE)


def _bring_back_after_boot(kit: Kit) -> None:
    """What was in service before the boot comes back in service; what does not is OSF with its reason."""
    now = kit.port.hierarchy()
    waiting = {i.tag for i in now.instances if i.state == ILLSTATE and kit.port.wanted(i.tag)}
    for tag in now.restore_order(waiting):
        if waiting & set(now.parents(tag)):
            continue
        with kit.port.admin_lock(f"bring back {tag}"):
            _told(partial(kit.port.bring_in_service, tag, kit.tell), kit)


def _finish(kit: Kit) -> None:
    """Finish what killed runs left: plans are taken back, actions run again. What cannot be is said, and waits."""
    with kit.port.admin_lock("finish interrupted work"):
        _told(lambda: finish_interrupted(kit), kit)
        _told(lambda: kit.port.resume(kit.tell), kit)


def _told(work: Callable[[], None], kit: Kit) -> None:
    """Do something whose failure is said and ends nothing else."""
    try:
        work()
    except Failure as failure:
        for message in failure.messages:
            kit.tell(message)

"""The engine's watch: check everything that should be in service, and bring back once what broke (local recovery)."""

from __future__ import annotations

from lvmkit.model.instance import ILLSTATE, IN_SERVICE, ISP, OSF, Instance
from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.engine import Recovered, RecoveryBegins, RecoveryFailed
from lvmkit.model.messages.guide import CallingSendevent
from lvmkit.model.value import Value
from lvmkit.plan import finish_interrupted
from lvmkit.storage import dm
from lvmkit.workflow.check import quick_check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


class Finding(Value):
    """What a check says of one resource."""

    tag: str
    messages: tuple[Message, ...]

    @property
    def is_fault(self) -> bool:
        """Whether anything worse than a warning was found."""
        return any(message.level == ERROR for message in self.messages)


def check_all(kit: Kit) -> tuple[Finding, ...]:
    """Check every resource that should be in service, children first; nothing is changed."""
    now = kit.port.hierarchy()
    watched = {i.tag for i in now.instances if i.state in (ISP, ILLSTATE) and kit.port.wanted(i.tag)}
    return check_tags(tuple(tag for tag in now.restore_order(now.tags) if tag in watched), now, kit)


def check_tags(tags: tuple[str, ...], now: Hierarchy, kit: Kit) -> tuple[Finding, ...]:
    """Check these resources with one look at device-mapper for all of them."""
    devices = dm.list_devices() if tags else ()
    found = []
    for tag in tags:
        instance = now.by_tag(tag)
        if instance is not None:
            found.append(Finding(tag, tuple(quick_check(instance, kit.paths, devices, now))))
    return tuple(found)


def watch(kit: Kit) -> tuple[Finding, ...]:
    """One round of the timer: finish what was interrupted, check everything, recover what broke. Returns the findings.

    A resource that does not come back stays OSF with its reason; the others are still looked after.
    """
    _finish(kit)
    _bring_back_after_boot(kit)
    findings = check_all(kit)
    for finding in findings:
        for message in finding.messages:
            kit.tell(message)
    failed: set[str] = set()
    for finding in findings:
        if finding.is_fault and finding.tag not in failed:
            failed |= recover(finding.tag, kit)
    return findings


def recover(tag: str, kit: Kit) -> set[str]:
    """Remove what is broken with all above it, and restore it once. Returns the tags that did not come back."""
    kit.tell(CallingSendevent(tag, kit.port.local_server()))
    with kit.port.admin_lock(f"recover {tag}"):
        now = kit.port.hierarchy()
        still = [f for f in check_tags((tag,), now, kit) if f.is_fault]
        if not still or not _in_service(now.by_tag(tag)):  # while we waited somebody mended it or took it out
            return set()
        affected = tuple(above for above in now.above(tag) if _in_service(now.by_tag(above)))
        kit.tell(RecoveryBegins(tag, affected))
        try:
            _down_and_up(tag, affected, kit)
        except Failure as failure:
            _mark_failed(tag, affected, still[0], failure, kit)
            return {*affected, tag}
        kit.tell(Recovered(tag))
        return set()


def _down_and_up(tag: str, affected: tuple[str, ...], kit: Kit) -> None:
    kit.port.take_out_of_service(tag, kit.tell)
    for upper in affected or (tag,):
        kit.port.bring_in_service(upper, kit.tell)


def _mark_failed(tag: str, affected: tuple[str, ...], cause: Finding, failure: Failure, kit: Kit) -> None:
    """OSF with the first cause for the broken one; the ones above say whom they wait for."""
    why = next(message.text for message in cause.messages if message.level == ERROR)
    kit.tell(RecoveryFailed(tag, str(failure)))
    kit.port.set_state(tag, OSF, why)
    for upper in affected:
        if upper != tag:
            kit.port.set_state(upper, OSF, f"requires {tag}, which failed: {why}")


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
            try:
                kit.port.bring_in_service(tag, kit.tell)
            except Failure as failure:
                for message in failure.messages:
                    kit.tell(message)


def _finish(kit: Kit) -> None:
    """Finish what killed runs left: plans are taken back, actions run again."""
    with kit.port.admin_lock("finish interrupted work"):
        finish_interrupted(kit)
        kit.port.resume(kit.tell)

"""Local recovery: what is broken is taken down with all above it, and brought back.

That costs the users of a service their work. So it is not begun where it cannot help, it is looked at afterwards, and
there are only so many in an hour. What was begun and interrupted, the next round finishes: see the port's Recovery.
"""

from __future__ import annotations

from lvmkit.model.instance import ILLSTATE, IN_SERVICE, OSF
from lvmkit.model.messages import Failure, errors
from lvmkit.model.messages.engine import (
    Recovered,
    RecoveriesUsedUp,
    RecoveryBegins,
    RecoveryCannotHelp,
    RecoveryFailed,
    RecoveryInVain,
)
from lvmkit.model.messages.guide import CallingSendevent
from lvmkit.model.messages.service import LvNotInVg
from lvmkit.resources import dispatch
from lvmkit.workflow.look import check_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.port import Recovery
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit
    from lvmkit.workflow.look import CheckResult

HOUR = 3600.0
"""seconds in which recoveries are counted"""


def recover_all(tags: Iterable[str], kit: Kit, account: Recovery) -> None:
    """Recover what is broken of these tags, children first; what stands on something that stays broken waits for it.

    The admin lock is taken. Raises Failure where it cannot be had, or the engine's records cannot be written.
    """
    broken: set[str] = set()
    with kit.port.admin_lock("local recovery"):
        for tag in tags:
            if broken.isdisjoint(kit.port.hierarchy().below(tag)):
                broken |= recover(tag, kit, account)


def recover(tag: str, kit: Kit, account: Recovery) -> set[str]:
    """Recover one tag, if it is still broken and that can help; returns the tags that stay broken."""
    finding = _fault_of(tag, kit)
    if finding is None:  # while we waited for the lock somebody mended it, took it out of service or deleted it
        return set()
    refusal = _refusal(finding, kit, account)
    if refusal is not None:
        kit.tell(refusal)
        return {tag}
    if _fault_of(tag, kit) is None:  # what was missed has been removed on purpose
        return set()
    return _down_and_up(finding, kit, account)


def recover_from(finding: CheckResult, kit: Kit, account: Recovery) -> set[str]:
    """The same for what somebody else has found. What should not be in service is left alone. The lock is held."""
    if not _is_in_service(kit.port.hierarchy().by_tag(finding.tag)):
        return set()
    refusal = _refusal(finding, kit, account)
    if refusal is not None:
        kit.tell(refusal)
        return {finding.tag}
    return _down_and_up(finding, kit, account)


def _fault_of(tag: str, kit: Kit) -> CheckResult | None:
    """What is wrong with a tag that should be in service; None where nothing is, or that cannot be told."""
    hierarchy = kit.port.hierarchy()
    if not _is_in_service(hierarchy.by_tag(tag)):
        return None
    for finding in check_tags((tag,), hierarchy, kit):
        if finding.is_fault and finding.is_known:
            return finding
    return None


def _refusal(finding: CheckResult, kit: Kit, account: Recovery) -> Message | None:
    """Why the users of a tag are left alone. What can be known without asking LVM comes first."""
    tag = finding.tag
    if account.faults_left(tag) == _kinds(finding):
        return RecoveryInVain(tag, _first_error(finding))
    count = account.count(tag, HOUR)
    if count >= kit.settings.recoveries:
        return RecoveriesUsedUp(tag, count)
    hierarchy = kit.port.hierarchy()
    (instance,) = hierarchy.of_tags((tag,))
    obstacles = dispatch.obstacles(instance, hierarchy, kit.host)
    if not obstacles:
        return None
    why = str(Failure(*obstacles))
    if any(isinstance(message, LvNotInVg) for message in obstacles):
        kit.port.set_state(tag, OSF, why)
        _wait_for({tag}, hierarchy.above(tag), hierarchy, kit)
    return RecoveryCannotHelp(tag, why)


def _down_and_up(finding: CheckResult, kit: Kit, account: Recovery) -> set[str]:
    """Take it down with all above it, bring each back once, and look; returns the tags that are not well after that."""
    tag, hierarchy = finding.tag, kit.port.hierarchy()
    affected = tuple(above for above in hierarchy.above(tag) if _is_in_service(hierarchy.by_tag(above)))
    kit.tell(CallingSendevent(tag, kit.port.local_server()))
    kit.tell(RecoveryBegins(tag, affected))
    try:
        account.take_down(tag, kit.tell)
    except Failure as failure:  # what went comes back all the same
        kit.tell(RecoveryFailed(tag, str(failure)))
    failed = _bring_back(affected, hierarchy, kit, account)
    if tag in failed:
        kit.port.set_state(tag, OSF, _first_error(finding))
    left = _still_broken(affected, kit, account)
    if not failed and not left:
        kit.tell(Recovered(tag))
    return failed | left


def _bring_back(affected: tuple[str, ...], hierarchy: Hierarchy, kit: Kit, account: Recovery) -> set[str]:
    """Restore each once, children first; returns what did not come up, and what stands on that."""
    failed: set[str] = set()
    for upper in reversed(affected):
        if failed & set(hierarchy.children(upper)):
            failed |= _wait_for(failed, (upper,), hierarchy, kit)
            continue
        try:
            account.bring_back(upper, kit.tell)
        except Failure as failure:
            kit.tell(RecoveryFailed(upper, str(failure)))
            failed.add(upper)
    return failed


def _wait_for(failed: set[str], tags: tuple[str, ...], hierarchy: Hierarchy, kit: Kit) -> set[str]:
    """Mark what cannot be in service because of what failed below it; returns those tags."""
    waiting = {tag for tag in tags if tag not in failed}
    for tag in waiting:
        below = sorted(failed & set(hierarchy.below(tag)))
        kit.port.set_state(tag, OSF, f"requires {', '.join(below)}, which failed")
    return waiting


def _still_broken(affected: tuple[str, ...], kit: Kit, account: Recovery) -> set[str]:
    """What was brought back and is as broken as before; it is told, and noted, so that it is not done again."""
    hierarchy = kit.port.hierarchy()
    up = [tag for tag in affected if _is_in_service(hierarchy.by_tag(tag))]
    broken = set()
    for finding in check_tags(hierarchy.restore_order(up), hierarchy, kit):
        if finding.is_fault:
            broken.add(finding.tag)
            account.note_in_vain(finding.tag, _kinds(finding))
            kit.tell(RecoveryInVain(finding.tag, _first_error(finding)))
    return broken


def _is_in_service(instance: Instance | None) -> bool:
    return instance is not None and instance.state in (*IN_SERVICE, ILLSTATE)


def _kinds(finding: CheckResult) -> str:
    """The numbers of its errors, by which a fault is known again."""
    numbers = {f"{message.number:06d}" for message in errors(finding.messages)}
    return ",".join(sorted(numbers))


def _first_error(finding: CheckResult) -> str:
    return errors(finding.messages)[0].text

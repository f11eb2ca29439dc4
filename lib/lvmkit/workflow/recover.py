"""The round of the engine's timer: finish what was interrupted, check everything, and recover what broke.

The look needs no lock, no memory of earlier rounds and nothing that can be written to; only what changes something
does. So a move that hangs or a full disk keeps nobody from hearing what is broken.
"""

from __future__ import annotations

from functools import partial

from lvmkit.model.instance import ILLSTATE, IN_SERVICE, LVMVG
from lvmkit.model.messages import ERROR, INFO, Failure, errors
from lvmkit.model.messages.faults import NotProtected
from lvmkit.model.value import replace
from lvmkit.plan import all_journals, finish_interrupted
from lvmkit.resources import dispatch
from lvmkit.workflow.local_recovery import recover_all
from lvmkit.workflow.look import CheckResult, check_all, check_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lvmkit.cluster.port import Recovery
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


def watch(kit: Kit) -> tuple[CheckResult, ...]:
    """One round: finish what was interrupted, check everything, recover what broke. Returns the findings.

    A resource that does not come back is OSF with its reason; the others are still looked after.
    Where the engine watches itself this only looks: two that recover would fight.
    Raises Failure where nothing can be looked at.
    """
    account = kit.port.recovery
    if account is None:
        return _reported(kit)
    may_change = _told(lambda: _catch_up(kit, account), kit)
    findings = _reported(kit)
    if may_change:
        _told(lambda: _act_on(findings, kit, account), kit)
    return _looked_at_again(findings, kit)


def _reported(kit: Kit) -> tuple[CheckResult, ...]:
    """Check everything, and tell what is found: each cause once, not what it leads to further up."""
    hierarchy = kit.port.hierarchy()
    findings = check_all(hierarchy, kit)
    broken: set[str] = set()
    for finding in findings:
        is_outcome = bool(finding.messages and broken) and not broken.isdisjoint(hierarchy.below(finding.tag))
        for message in finding.messages:
            if message.level != INFO and not (is_outcome and message.level == ERROR):
                kit.tell(message)
        if finding.is_fault:
            broken.add(finding.tag)
    return findings


def _act_on(findings: tuple[CheckResult, ...], kit: Kit, account: Recovery) -> None:
    """Recover what broke, and let the account and the records follow what is well."""
    hierarchy = kit.port.hierarchy()
    faulty = [finding for finding in findings if finding.is_fault and finding.is_known]
    if faulty:
        recover_all([each.tag for each in causes(faulty, hierarchy)], kit, account)
    account.note_well(finding.tag for finding in findings if finding.is_known and not finding.is_fault)
    for finding in findings:
        if any(isinstance(message, NotProtected) for message in finding.messages):
            for group in hierarchy.of_tags((finding.tag,), LVMVG):
                dispatch.follow(group, hierarchy, kit.host)


def causes(faulty: list[CheckResult], hierarchy: Hierarchy) -> list[CheckResult]:
    """What is to be acted on, without groups of which nothing but volumes has failed that are acted on themselves."""
    by_tag = {each.tag: each for each in faulty}
    return [each for each in faulty if not _is_of_volumes(each, by_tag, hierarchy)]


def _is_of_volumes(finding: CheckResult, faulty: Mapping[str, CheckResult], hierarchy: Hierarchy) -> bool:
    """Whether all that is wrong with a volume group is wrong with volumes that are recovered by themselves.

    faulty: by tag. Taking the group down would end the work of those who use its other volumes.
    """
    of_volumes: set[Message] = set()
    for parent in hierarchy.parents(finding.tag):
        if parent in faulty:
            of_volumes.update(faulty[parent].messages)
    return of_volumes.issuperset(errors(finding.messages))


def _looked_at_again(findings: tuple[CheckResult, ...], kit: Kit) -> tuple[CheckResult, ...]:
    """The findings, with what is in service and well by now."""
    faulty = [finding.tag for finding in findings if finding.is_fault]
    if not faulty:
        return findings
    hierarchy = kit.port.hierarchy()
    up = [instance.tag for instance in hierarchy.of_tags(faulty) if instance.state in IN_SERVICE]
    well = {result.tag for result in check_tags(tuple(up), hierarchy, kit) if not result.is_fault}
    return tuple(replace(finding, has_recovered=finding.tag in well) for finding in findings)


def _catch_up(kit: Kit, account: Recovery) -> None:
    """Finish what killed runs left, and bring back what was in service before the boot. What cannot be is said.

    Nothing is locked where there is nothing of that. Raises Failure where the lock cannot be had.
    """
    if not _is_behind(kit, account):
        return
    with kit.port.admin_lock("finish interrupted work"):
        _told(lambda: finish_interrupted(kit), kit)
        _told(lambda: kit.port.resume(kit.tell), kit)
        _told(lambda: account.finish(kit.tell), kit)
        hierarchy = kit.port.hierarchy()
        owed = _owed(hierarchy, kit)
        for tag in hierarchy.restore_order(owed):
            if owed.isdisjoint(hierarchy.parents(tag)):
                _told(partial(account.bring_back, tag, kit.tell), kit)


def _is_behind(kit: Kit, account: Recovery) -> bool:
    journals = (journal for journal in all_journals(kit) if not journal.is_running and not journal.fault)
    return any(journals) or account.is_interrupted() or bool(_owed(kit.port.hierarchy(), kit))


def _owed(hierarchy: Hierarchy, kit: Kit) -> set[str]:
    """What should be in service, and was taken down by the boot or by a recovery that was interrupted."""
    unknown = {instance.tag for instance in hierarchy.instances if instance.state == ILLSTATE}
    return unknown & kit.port.wanted() if unknown else unknown


def _told(work: Callable[[], None], kit: Kit) -> bool:
    """Do something whose failure is said and ends nothing else; whether it was done."""
    try:
        work()
    except Failure as failure:
        for message in failure.messages:
            kit.tell(message)
        return False
    return True

"""What comes of a fault that somebody has found who looks all the time: the engine's own work, sooner.

An engine that leaves recovery to the kit gets its round. One that takes reports is told what has failed, and nothing
but what it has in service here: what it believes is asked after the fault was found, and then it is looked at again.
"""

from __future__ import annotations

from lvmkit.model.messages import ERROR
from lvmkit.model.messages.watch import FailureReported, ReportsNotTaken
from lvmkit.model.value import Value
from lvmkit.resources.health import PAUSES
from lvmkit.workflow import recover
from lvmkit.workflow.look import check_at_hand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.plan import Kit
    from lvmkit.workflow.look import CheckResult


class Answered(Value):
    """What was done."""

    seen_to: tuple[str, ...] = ()
    """tags that were recovered, or reported"""
    idle: tuple[str, ...] = ()
    """tags that are down, which is no fault: the engine does not have them in service here, or moves them"""


def answer_fault(kit: Kit) -> Answered:
    """Have the engine do what is to be done about the faults of this moment.

    Raises Failure where nothing can be looked at, or the engine does not answer.
    """
    if kit.port.recovery is not None:
        return Answered(tuple(finding.tag for finding in recover.watch(kit) if finding.is_fault))
    faulty = _faulty(check_at_hand(kit))
    if not faulty:
        return Answered()
    if not kit.port.capabilities.takes_reports:
        kit.tell(ReportsNotTaken(tuple(finding.tag for finding in faulty)))
        return Answered()
    in_charge = kit.port.in_charge()
    idle = tuple(finding.tag for finding in faulty if finding.tag not in in_charge)
    if len(idle) == len(faulty):
        return Answered(idle=idle)
    again = _faulty(check_at_hand(kit, PAUSES))
    return Answered(_report([finding for finding in again if finding.tag in in_charge], kit), idle)


def _faulty(findings: Iterable[CheckResult]) -> list[CheckResult]:
    return [finding for finding in findings if finding.is_fault and finding.is_known]


def _report(faulty: list[CheckResult], kit: Kit) -> tuple[str, ...]:
    """Report what has failed by itself: not what stands on that, nor a group whose volumes are reported themselves."""
    hierarchy = kit.port.at_hand()
    causes = recover.causes(faulty, hierarchy)
    broken = {finding.tag for finding in causes}
    reported = []
    for finding in causes:
        below = set(hierarchy.below(finding.tag)) - {finding.tag}
        if below.isdisjoint(broken):
            why = next(message.text for message in finding.messages if message.level == ERROR)
            kit.tell(FailureReported(finding.tag, kit.port.local_server(), why))
            kit.port.report_failure(finding.tag)
            reported.append(finding.tag)
    return tuple(reported)

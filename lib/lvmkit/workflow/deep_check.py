"""The deep check: read something from every disk below what is in service, past the page cache, under a deadline."""

from __future__ import annotations

from lvmkit.model.instance import IN_SERVICE, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.resources import dispatch
from lvmkit.workflow.look import CheckResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit


def deep_check(tags: Iterable[str], hierarchy: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    """Read every physical volume of the volume groups in service among these tags; a finding for each group.

    Takes up to settings.probe_deadline seconds for each group whose disks don't answer. Raises nothing: what cannot be
    read, and a group whose record is lost, are findings.
    """
    results = []
    for group in hierarchy.of_tags(tags, LVMVG):
        if group.state in IN_SERVICE:
            results.append(_read(group, hierarchy, kit))
    return tuple(results)


def _read(group: Instance, hierarchy: Hierarchy, kit: Kit) -> CheckResult:
    try:
        return CheckResult(group.tag, dispatch.deep_check(group, hierarchy, kit.host))
    except Failure as failure:
        return CheckResult(group.tag, failure.messages, is_known=False)

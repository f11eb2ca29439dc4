"""The deep check: read every disk below what is in service, past the page cache, and ask its file systems."""

from __future__ import annotations

from lvmkit.model.instance import FILESYS, IN_SERVICE, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.resources import dispatch
from lvmkit.workflow.look import CheckResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit


def deep_check(tags: Iterable[str], hierarchy: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    """Read every physical volume of the volume groups in service among these tags, and ask the file systems in service;
    a finding for each.

    Takes up to settings.probe_deadline seconds for each that does not answer. Raises nothing: what cannot be read, and
    a group whose record is lost, are findings.
    """
    results = []
    for instance in hierarchy.of_tags(tags):
        if instance.type in (LVMVG, FILESYS) and instance.state in IN_SERVICE:
            results.append(_read(instance, hierarchy, kit))
    return tuple(results)


def _read(instance: Instance, hierarchy: Hierarchy, kit: Kit) -> CheckResult:
    try:
        return CheckResult(instance.tag, dispatch.deep_check(instance, hierarchy, kit.host))
    except Failure as failure:
        return CheckResult(instance.tag, failure.messages, is_known=False)

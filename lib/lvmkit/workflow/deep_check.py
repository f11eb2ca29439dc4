"""The deep check: read every disk below what is in service, past the page cache, and ask its file systems."""

from __future__ import annotations

import time

from lvmkit.model.instance import FILESYS, IN_SERVICE, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.value import replace
from lvmkit.resources import dispatch
from lvmkit.workflow.look import CheckResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.host import Host
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit


def deep_check(tags: Iterable[str], hierarchy: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    """Read every physical volume of the volume groups in service among these tags, and ask the file systems in service;
    a finding for each.

    Those that do not answer get settings.deep_deadline seconds together, and each of them settings.probe_deadline.
    Raises nothing: what cannot be read, and a group whose record is lost, are findings.
    """
    end = time.monotonic() + kit.settings.deep_deadline
    results = []
    for instance in hierarchy.of_tags(tags):
        if instance.type in (LVMVG, FILESYS) and instance.state in IN_SERVICE:
            results.append(_read(instance, hierarchy, _hurried(kit.host, end)))
    return tuple(results)


def _hurried(host: Host, end: float) -> Host:
    """The host with what is left of the time of all: what a disk waits for, the others have waited for meanwhile."""
    settings = host.settings
    least = min(settings.probe_deadline, settings.deep_deadline)
    return replace(host, settings=replace(settings, deep_deadline=max(least, end - time.monotonic())))


def _read(instance: Instance, hierarchy: Hierarchy, host: Host) -> CheckResult:
    try:
        return CheckResult(instance.tag, dispatch.deep_check(instance, hierarchy, host))
    except Failure as failure:
        return CheckResult(instance.tag, failure.messages, is_known=False)

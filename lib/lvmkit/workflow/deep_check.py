"""The deep check: read every disk below what is in service, past the page cache, and ask its file systems."""

from __future__ import annotations

from contextlib import suppress

from lvmkit.model.instance import FILESYS, IN_SERVICE, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.resources import dispatch
from lvmkit.resources.kernel import Glance
from lvmkit.resources.reading import Answers, Questions
from lvmkit.workflow.look import CheckResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lvmkit.host import Host
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit


def deep_check(tags: Iterable[str], hierarchy: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    """Read every physical volume of the volume groups in service among these tags, and ask the file systems in service;
    a finding for each.

    All are asked at the same time, and take up to settings.deep_deadline seconds. Raises nothing: what cannot be read,
    and a group whose record is lost, are findings.
    """
    asked = [each for each in hierarchy.of_tags(tags) if each.type in (LVMVG, FILESYS) and each.state in IN_SERVICE]
    host = kit.host
    try:
        glance = Glance(host.paths)
    except Failure as failure:
        return tuple(CheckResult(instance.tag, failure.messages, is_known=False) for instance in asked)
    answers = Answers(_questions(asked, host, glance), host.paths.run, host.settings.deep_deadline)
    return tuple(_judge(instance, hierarchy, host, glance, answers) for instance in asked)


def _questions(instances: Iterable[Instance], host: Host, glance: Glance) -> Iterator[Questions]:
    for instance in instances:
        with suppress(Failure):  # it is said when the answers are looked at
            yield dispatch.questions(instance, host, glance)


def _judge(instance: Instance, hierarchy: Hierarchy, host: Host, glance: Glance, answers: Answers) -> CheckResult:
    try:
        return CheckResult(instance.tag, dispatch.deep_check(instance, hierarchy, host, glance, answers))
    except Failure as failure:
        return CheckResult(instance.tag, failure.messages, is_known=False)

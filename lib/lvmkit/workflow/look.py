"""The shallow check of many resources: one look at the kernel for all of them. Nothing is changed."""

from __future__ import annotations

from lvmkit.model.instance import ILLSTATE, IN_SERVICE, ISP, Instance
from lvmkit.model.messages import Failure, errors
from lvmkit.model.resource_types import is_ours
from lvmkit.model.value import Value
from lvmkit.resources import dispatch
from lvmkit.resources.health import PAUSES, may_pass, settled
from lvmkit.resources.kernel import Glance
from lvmkit.resources.renames import renamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.host import Host
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


class CheckResult(Value):
    """What a check says of one resource."""

    tag: str
    messages: tuple[Message, ...]
    is_known: bool = True
    """False where the check itself could not be made: then nothing is known, and nothing may be taken down for it"""
    has_recovered: bool = False
    """whether it was broken, and is in service and well again by the same round"""

    @property
    def is_fault(self) -> bool:
        """Whether anything worse than a warning was found."""
        return bool(errors(self.messages))

    @property
    def may_pass(self) -> bool:
        """Whether there are faults, and all of them may be over soon."""
        return may_pass(self.messages)


def check_all(hierarchy: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    """Check every resource that should be in service and that nobody moves now, children first."""
    watched = hierarchy.restore_order(_watched(hierarchy, kit))
    return _without_excused(check_tags(watched, hierarchy, kit), kit)


def check_at_hand(kit: Kit, pauses: Sequence[float] = ()) -> tuple[CheckResult, ...]:
    """The same by what the engine has at hand, for whoever looks all the time; of an engine whose states are not, all.

    No process is started, so types of other kits are left to the other rounds.
    What is brought back after a boot, or by a recovery under way, is not looked at: it may be down.
    pauses: seconds before each further look at what may pass.
    """
    hierarchy = kit.port.at_hand()
    watched = [instance.tag for instance in hierarchy.instances if _is_judged(instance, kit)]
    results = check_tags(hierarchy.restore_order(watched), hierarchy, kit, pauses)
    if not any(result.is_fault for result in results):
        return results
    results = _without_excused(results, kit)
    afterwards = kit.port.at_hand()
    return tuple(each for each in results if afterwards.by_tag(each.tag) == hierarchy.by_tag(each.tag))


def check_tags(
    tags: tuple[str, ...], hierarchy: Hierarchy, kit: Kit, pauses: Sequence[float] = PAUSES
) -> tuple[CheckResult, ...]:
    """Check these resources with one look at device-mapper for all of them; again what may have been over soon."""
    if not tags:
        return ()
    host = kit.host
    results: dict[str, CheckResult] = {}

    def look() -> list[Message]:
        """Returns what may be over soon."""
        glance = Glance(host.paths)
        passing: list[Message] = []
        for instance in hierarchy.of_tags(tags):
            earlier = results.get(instance.tag)
            if earlier is None or may_pass(earlier.messages):
                results[instance.tag] = _check(instance, glance, hierarchy, host)
                if may_pass(results[instance.tag].messages):
                    passing += results[instance.tag].messages
        return passing

    settled(look, lambda passing: passing, pauses)
    return tuple(results.values())


def _without_excused(results: tuple[CheckResult, ...], kit: Kit) -> tuple[CheckResult, ...]:
    """The results without those of what may be down because somebody moves it. They cost nothing where all is well."""
    if not any(result.is_fault for result in results):
        return results
    excused = kit.port.excused()
    return tuple(result for result in results if result.tag not in excused)


def _is_judged(instance: Instance, kit: Kit) -> bool:
    if not is_ours(instance.type):
        return False
    is_unknown = instance.state == ILLSTATE and kit.port.capabilities.watches_itself
    return instance.state in IN_SERVICE or is_unknown


def _watched(hierarchy: Hierarchy, kit: Kit) -> set[str]:
    """What is in service here; where nobody else brings back what was before the boot, that too."""
    if kit.port.capabilities.watches_itself:
        return {instance.tag for instance in hierarchy.instances if instance.state in IN_SERVICE}
    known = {instance.tag for instance in hierarchy.instances if instance.state in (ISP, ILLSTATE)}
    return known & kit.port.wanted()


def _check(instance: Instance, glance: Glance, hierarchy: Hierarchy, host: Host) -> CheckResult:
    try:
        messages = dispatch.check(instance, hierarchy, host, glance)
        return CheckResult(instance.tag, (*messages, *renamed(instance, glance.mapped)))
    except Failure as failure:
        return CheckResult(instance.tag, failure.messages, is_known=False)

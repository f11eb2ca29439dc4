"""A monitor says that a resource is bad: the kits' own recovery programs are tried, then the engine recovers."""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import AdminLockHeld
from lvmkit.model.messages.lcdi import EventReported, NotInCharge, RecoveryElsewhere, RecoveryProgramFailed
from lvmkit.model.resource_types import RESOURCE_TYPES
from lvmkit.model.value import Value
from lvmkit.resources import scripts
from lvmkit.storage import offered
from lvmkit.storage.run import run
from lvmkit.workflow import local_recovery
from lvmkit.workflow.look import CheckResult
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.port import Recovery
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit


class Event(Value):
    """What is reported."""

    tag: str
    kind: str
    """LifeKeeper's class of the event"""
    name: str
    monitor: str

    @property
    def words(self) -> str:
        """As messages, and the folders of recovery programs, have it."""
        return f"{self.kind}/{self.name}"


def recover_from(event: Event, kit: Kit) -> None:
    """Have it recovered; returns when that is done, or the engine has been told. kit: does not wait for the admin lock.

    Where somebody else has the lock, the event is left to that. Raises Failure: 000019; 110395 where the cluster does
    not have the resource in service here; 110393 where it is as bad as before, after what was told about that.
    """
    account = kit.port.recovery
    if account is None:
        if not _is_helped_by_program(event, kit):
            _report(event, kit)
        return
    try:
        with kit.port.admin_lock(f"recovery from {event.words} of {event.tag}"):
            is_well = _is_helped_by_program(event, kit) or _recover(event, kit, account)
    except Failure as failure:
        busy = failure.messages[0]
        if not isinstance(busy, AdminLockHeld):
            raise
        kit.tell(RecoveryElsewhere(event.words, event.tag, busy.purpose))
        return
    if not is_well:
        raise Failure(EventReported(event.monitor, event.words, event.tag))


def _is_helped_by_program(event: Event, kit: Kit) -> bool:
    """Whether a recovery program of the resource, or of what requires it, has succeeded."""
    hierarchy = kit.port.hierarchy()
    for instance in hierarchy.of_tags(reversed(hierarchy.above(event.tag))):
        path = f"{kit.paths.lkroot}/subsys/{instance.app}/resources/{instance.type}/recovery/{event.words}"
        if os.path.lexists(path) and _has_succeeded(path, instance, kit):
            return True
    return False


def _has_succeeded(path: str, instance: Instance, kit: Kit) -> bool:
    """Run a recovery program; what keeps it from success is told."""
    argv = (path, "-t", instance.tag, "-i", instance.id)
    environment = offered.environment(kit.paths.lkroot)
    try:
        offered.program(path, kit.paths.lkroot)
        finished = run(
            argv, deadline=kit.settings.action_deadline, pass_output=scripts.TO_STDERR, environment=environment
        )
    except Failure as failure:
        kit.tell(RecoveryProgramFailed(path, instance.tag, str(failure)))
        return False
    if finished.status:
        kit.tell(RecoveryProgramFailed(path, instance.tag, f"exit status {finished.status}"))
    return finished.status == 0


def _recover(event: Event, kit: Kit, account: Recovery) -> bool:
    """Take it down and bring it back. For the kit's own types the kernel decides whether anything is wrong at all."""
    if find(kit.port.hierarchy(), event.tag).type in RESOURCE_TYPES:
        return not local_recovery.recover(event.tag, kit, account)
    finding = CheckResult(event.tag, (EventReported(event.monitor, event.words, event.tag),))
    return not local_recovery.recover_from(finding, kit, account)


def _report(event: Event, kit: Kit) -> None:
    if event.tag not in kit.port.in_charge():
        raise Failure(NotInCharge(event.tag, kit.port.local_server(), event.words))
    kit.port.report_failure(event.tag)

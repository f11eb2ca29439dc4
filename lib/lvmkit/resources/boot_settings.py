"""The end of a protection: taking back what create did so that the boot leaves the volume group alone."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import LkvgsNotUpdated
from lvmkit.model.messages.service import AutoactivationUnchanged
from lvmkit.storage import lkvgs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.host import Host
    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message


def set_listed(vg: str, listed: bool, path: str, tell: Callable[[Message], None]) -> None:
    """Name the group in /etc/lkvgs, or take it off. A list that cannot be written is told (110007), not raised."""
    try:
        (lkvgs.add if listed else lkvgs.remove)(path, vg)
    except Failure as failure:
        if not failure.is_only(LkvgsNotUpdated):
            raise
        for message in failure.messages:
            tell(message)


def allow_autoactivation(facts: VgFacts, host: Host) -> None:
    """Let the boot activate the group again (lvmautoactivation(7)). Where its disks refuse, that is only told."""
    try:
        host.lvm_for(facts).set_autoactivation(facts.name, True)
    except Failure as failure:
        host.tell(AutoactivationUnchanged(facts.name, str(failure)))

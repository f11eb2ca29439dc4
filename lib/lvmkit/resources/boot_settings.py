"""The end of a protection: taking back what create did so that the boot leaves the volume group alone."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import LkvgsNotUpdated
from lvmkit.model.messages.service import AutoactivationUnchanged
from lvmkit.storage import lkvgs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.host import Host
    from lvmkit.model.facts import VgFacts


def unlist(vg: str, host: Host) -> None:
    """Take the group off /etc/lkvgs. A list that cannot be written is told (LkvgsNotUpdated, 110007), not raised."""
    try:
        lkvgs.remove(host.paths.lkvgs, vg)
    except Failure as failure:
        if not failure.is_only(LkvgsNotUpdated):
            raise
        for message in failure.messages:
            host.tell(message)


def allow_autoactivation(facts: VgFacts, host: Host) -> None:
    """Let the boot activate the group again (lvmautoactivation(7)). Where its disks refuse, that is only told."""
    try:
        host.lvm_for(facts).set_autoactivation(facts.name, True)
    except Failure as failure:
        host.tell(AutoactivationUnchanged(facts.name, str(failure)))

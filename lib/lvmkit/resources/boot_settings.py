"""What create changes so that the boot leaves a volume group alone, taken back when its protection ends."""

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
    """Take the group off /etc/lkvgs; where that cannot be written (110007), it is told."""
    try:
        lkvgs.remove(host.paths.lkvgs, vg)
    except Failure as failure:
        if not all(isinstance(message, LkvgsNotUpdated) for message in failure.messages):
            raise
        for message in failure.messages:
            host.tell(message)


def allow_autoactivation(facts: VgFacts, host: Host) -> None:
    """Let the boot activate the group again (lvmautoactivation(7)); where its disks don't let us, that is told."""
    try:
        host.lvm_for(facts).set_autoactivation(facts.name, True)
    except Failure as failure:
        host.tell(AutoactivationUnchanged(facts.name, str(failure)))

"""The server that something is done on, as far as resources must know it."""

from __future__ import annotations

from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.guards.elsewhere import Peers
    from lvmkit.guards.membership import Membership
    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.storage.lvm import Lvm


class Host(Value):
    """This server. tell: learns of what is not a failure."""

    paths: Paths
    settings: Settings
    tell: Callable[[Message], None]
    server: str = ""
    """its name in the cluster; '' where the caller does not need it"""
    membership: Membership | None = None
    """None: there is no cluster that could say who has let go of a volume group, so none is taken over"""
    peers: Peers | None = None
    """other servers' kernels; None where there is no cluster"""
    end: float = float("inf")
    """of time.monotonic(): when the action must be done, because whoever asked for it will not wait longer"""

    @property
    def time_left(self) -> float:
        """Seconds for the next command."""
        from lvmkit.storage.run import time_left  # a check runs none

        return time_left(self.settings.command_deadline, self.end)

    @property
    def lvm(self) -> Lvm:
        """How LVM is asked."""
        from lvmkit.storage.lvm import Lvm  # a check does not ask it

        return Lvm(self.settings.command_deadline, self.end)

    def lvm_for(self, group: VgFacts) -> Lvm:
        """How LVM is asked to change a volume group: as its owner, where it is to have one."""
        return self.lvm.speaking_as(self.server) if group.has_owner else self.lvm

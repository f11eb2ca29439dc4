"""This server as the guards see it (guards.Witness): who it is, and whom it can ask."""

from __future__ import annotations

from lvmkit.guards.elsewhere import NoPeers
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.guards.elsewhere import Peers
    from lvmkit.guards.membership import Membership
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Settings
    from lvmkit.plan import Kit
    from lvmkit.storage.lvm import Lvm


class Observer(Value):
    """What the guards need of a kit; each is looked up when a guard asks for it."""

    kit: Kit

    @property
    def server(self) -> str:
        """This server's name in the cluster."""
        return self.kit.port.local_server()

    @property
    def settings(self) -> Settings:
        """Policy and deadlines."""
        return self.kit.settings

    @property
    def lvm(self) -> Lvm:
        """How LVM is asked."""
        return self.kit.lvm

    @property
    def tell(self) -> Callable[[Message], None]:
        """Learns of warnings."""
        return self.kit.tell

    @property
    def membership(self) -> Membership:
        """What the engine knows of servers."""
        return self.kit.port.membership

    @property
    def peers(self) -> Peers:
        """Other servers' kernels; nobody's on a single server."""
        if not self.kit.port.is_shared:
            return NoPeers()
        from lvmkit.peer.kernels import Kernels  # only where somebody is asked

        return Kernels(self.kit.paths, self.kit.settings)

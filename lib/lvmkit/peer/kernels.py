"""Other servers' kernels, as the guards ask for them."""

from __future__ import annotations

from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lvmkit.model.messages import Failure
    from lvmkit.model.settings import Paths, Settings


class Kernels(Value):
    """Other servers' kernels, asked through their kits."""

    paths: Paths
    settings: Settings

    def volumes(
        self, servers: Sequence[str], vg_uuid: str, *, patience: float
    ) -> Mapping[str, tuple[str, ...] | Failure]:
        """As guards.elsewhere.Peers has it."""
        from lvmkit.peer import ask  # only where there are other servers
        from lvmkit.peer.remote import remote_kit

        kits = [remote_kit(server, self.paths, self.settings) for server in servers]
        return ask.active_volumes_on_each(kits, vg_uuid, deadline=patience)

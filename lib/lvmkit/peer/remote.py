"""Where the kit on another server is, and how it is reached."""

from __future__ import annotations

from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.settings import Paths, Settings


class RemoteKit(Value):
    """The kit on another server."""

    server: str
    """its name in the cluster, which ssh must be able to resolve"""
    program: str
    """path of the far end there"""
    ssh: str
    """path of the program that connects to it"""


def remote_kit(server: str, paths: Paths, settings: Settings) -> RemoteKit:
    """The kit on a server; it is installed at the same place as here."""
    return RemoteKit(server, f"{paths.lkroot}/bin/lvmkit-peer", settings.ssh)

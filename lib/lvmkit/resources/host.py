"""The server that something is done on, as far as resources must know it."""

from __future__ import annotations

from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.guards.elsewhere import Peers
    from lvmkit.guards.membership import Membership
    from lvmkit.model.messages import Message


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

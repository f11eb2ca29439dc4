"""This server as an action of an agent has it: its name in the cluster, and deadlines within the time of the action."""

from __future__ import annotations

import time

from lvmkit.cluster.pacemaker.standing import known_servers, membership
from lvmkit.host import Host
from lvmkit.model.value import replace
from lvmkit.peer.kernels import Kernels, KernelsAskedEarly
from lvmkit.storage.conffile import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.entry.ocf.request import Call, Request
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

_SHARES = {
    "command_deadline": 0.5,
    "busy_patience": 0.15,
    "lock_patience": 0.15,
    "probe_deadline": 0.1,
    "peer_patience": 0.06,
}
_WHOLE = 0.9
"""of the time that the cluster gives an action, each limit and all together: so that we say what is stuck, before the
cluster kills us in silence"""


def host(request: Request, paths: Paths, tell: Callable[[Message], None]) -> Host:
    """What the resources work with."""
    found = replace(settings(request, paths, tell), missing_pv=request.missing_pv)
    end = time.monotonic() + (_WHOLE * request.timeout or float("inf"))
    return Host(paths, found, tell, request.node, membership(paths, found), Kernels(found.ssh), end)


def starting_host(request: Request, paths: Paths, tell: Callable[[Message], None]) -> Host:
    """The same for the start of a volume group, which may have to know whether it is active elsewhere.

    The other servers are asked at once, so that they answer while LVM and Pacemaker are asked.
    """
    found = host(request, paths, tell)
    others = tuple(server for server in known_servers(paths) if server != found.server)
    return replace(found, peers=KernelsAskedEarly(others, found.settings.ssh))


def settings(call: Call, paths: Paths, tell: Callable[[Message], None]) -> Settings:
    """The tunables of /etc/default/LifeKeeper, within the time of this action."""
    found, warnings = load_settings(paths.defaults)
    for warning in warnings:
        tell(warning)
    return replace(found, **_within(found, call.timeout))


def _within(found: Settings, timeout: float) -> dict[str, float]:
    if not timeout:
        return {}
    return {name: min(getattr(found, name), share * timeout) for name, share in _SHARES.items()}

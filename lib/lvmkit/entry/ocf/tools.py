"""This server as an action of an agent has it: its name in the cluster, and deadlines within the time of the action."""

from __future__ import annotations

import time

from lvmkit.entry.kit import told_settings
from lvmkit.entry.ocf.request import protected_in
from lvmkit.host import Host
from lvmkit.model.facts import FilesystemFacts, VgFacts
from lvmkit.model.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.entry.ocf.request import AgentCall, AgentRequest
    from lvmkit.model.facts import LvFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

_SHARES = {
    "command_deadline": 0.5,
    "busy_patience": 0.15,
    "lock_patience": 0.15,
    "probe_deadline": 0.1,
    "peer_patience": 0.06,
    "deep_deadline": 0.8,
}
_WHOLE = 0.9
"""shares of the time that the cluster gives an action, of each limit and of all together, so that we can say what is
stuck before the cluster kills us"""


def host(request: AgentRequest, paths: Paths, tell: Callable[[Message], None]) -> Host:
    """What the resources work with, but for a start, which may have to know of other servers."""
    end = time.monotonic() + (_WHOLE * request.timeout or float("inf"))
    return Host(paths, settings(request, paths, tell), tell, request.node, protected=protected_in(paths), end=end)


def starting(
    request: AgentRequest, paths: Paths, tell: Callable[[Message], None]
) -> tuple[VgFacts | LvFacts | FilesystemFacts, Host]:
    """What is started, and what it works with.

    The start of a volume group may have to know whether it is active elsewhere: the other servers are asked at once,
    so that they answer while LVM and Pacemaker are asked. LVM is told where the disks are, as far as that is recorded,
    so that it does not wait for a disk of somebody else.
    """
    server, facts = host(request, paths, tell), request.facts
    if isinstance(facts, FilesystemFacts):
        return facts, server
    from lvmkit.cluster.pacemaker import copy  # it takes an XML parser, which nothing else here needs
    from lvmkit.cluster.pacemaker.standing import membership
    from lvmkit.peer.kernels import Kernels, KernelsAskedEarly

    server, known = replace(server, membership=membership(server.settings)), copy.read(paths)
    if isinstance(facts, VgFacts):
        others = tuple(each for each in copy.servers(known) if each != server.server)
        early = KernelsAskedEarly(others, server.settings.ssh)
        return replace(facts, devices=copy.disks(known, server.server, facts.uuid)), replace(server, peers=early)
    disks = copy.disks(known, server.server, facts.vg_uuid)
    return replace(facts, devices=disks), replace(server, peers=Kernels(server.settings.ssh))


def settings(call: AgentCall, paths: Paths, tell: Callable[[Message], None]) -> Settings:
    """The tunables of /etc/default/lvmkit, kept within the time of this action."""
    tunables = told_settings(paths, tell)
    return _limit(tunables, call.timeout) if call.timeout else tunables


def _limit(tunables: Settings, timeout: float) -> Settings:
    limits = {}
    for name, share in _SHARES.items():
        limits[name] = min(getattr(tunables, name), share * timeout)
    return replace(tunables, **limits)

"""A cluster of servers in memory: who sees whom, who is fenced, and Pacemaker's tools on each server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.world import scheduler
from tests.unit.world.scheduler import Means
from tests.unit.world.view import Fencing, Member, View, new_view

if TYPE_CHECKING:
    from typing import Callable


@dataclass
class Node:
    """One server."""

    name: str
    view: View
    """what it knows, also while its Pacemaker is down: the copy of the configuration on its disk"""
    powered: bool = True
    pacemaker: bool = True


class Cluster:
    """Servers, their views, and the fence device."""

    def __init__(
        self,
        servers: tuple[str, ...],
        operate: Callable[[str, str, str, dict[str, str]], tuple[int, str]],
        power_off: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        """operate: runs an agent of the kit on a server.  power_off: the machine loses its power."""
        shared = new_view(*servers)
        self.nodes = {name: Node(name, shared) for name in servers}
        self.is_cut = False
        """the servers don't see each other"""
        self.can_fence = True
        """the fence device works"""
        self._power_off, self._clock = power_off, clock
        self._operate = operate
        for name in servers:
            shared.members[name] = _joined()

    def member_of(self, name: str) -> View | None:
        """The view of a server whose Pacemaker runs."""
        node = self.nodes[name]
        return node.view if node.powered and node.pacemaker else None

    def views(self) -> list[View]:
        """The partitions that there are."""
        found: list[View] = []
        for name in self.nodes:
            view = self.member_of(name)
            if view is not None and not any(view is other for other in found):
                found.append(view)
        return found

    def settle(self) -> None:
        """Let every partition do what it has to."""
        for _ in self.nodes:  # fencing in one partition ends another
            for view in self.views():
                if any(view is each for each in self.views()):
                    scheduler.settle(view, self._means(view))

    def watch(self) -> None:
        """Let the monitors run once, and the cluster act on them."""
        for view in self.views():
            scheduler.watch(view, self._means(view))
        self.settle()

    def stop_pacemaker(self, name: str) -> None:
        """systemctl stop pacemaker: what may be stopped is stopped or moved first, the rest stays as it is."""
        view = self.member_of(name)
        if view is None:
            return
        was = view.node_attribute(name, "standby")
        view.set_node_attribute(name, "standby", "on")
        scheduler.settle(view, self._means(view))
        view.set_node_attribute(name, "standby", was)
        if self.member_of(name) is not view:  # a stop failed, and it was fenced
            return
        self.nodes[name].pacemaker = False
        self.nodes[name].view = view.copy()
        # Its history stays (tests/unit/data/standing: shutdown, unmanaged).
        member = view.members[name]
        member.online = member.condemned = member.expected = False
        member.attributes.clear()

    def start_pacemaker(self, name: str) -> None:
        """systemctl start corosync pacemaker: it joins those that it sees."""
        node = self.nodes[name]
        if not node.powered or node.pacemaker:
            return
        others = [v for v in self.views() if not self.is_cut]
        node.pacemaker = True
        if others:
            _merge(others[0], node.view)
            node.view = others[0]
            node.view.members[name] = _joined()
            return
        node.view = node.view.copy()
        # What happened to a server that was not seen since the start is not known (startup-fencing; wait_for_all is
        # not set here). Status and fencings are kept in memory only.
        node.view.fencings.clear()
        for other in node.view.members:
            node.view.members[other] = _joined() if other == name else Member(expected=True)

    def lose(self, name: str) -> None:
        """A server has lost its power."""
        node = self.nodes[name]
        view = self.member_of(name)
        node.powered = node.pacemaker = False
        node.view = node.view.copy()
        if view is not None:
            _lost(view, name)

    def power_on(self, name: str) -> None:
        """It boots; Pacemaker is not started by that."""
        self.nodes[name].powered = True

    def cut(self) -> None:
        """The cluster's network fails: each server is on its own."""
        if self.is_cut:
            return
        self.is_cut = True
        running = [name for name in self.nodes if self.member_of(name) is not None]
        for name in running:
            self.nodes[name].view = self.nodes[name].view.copy()
        for name in running:
            for other in running:
                if other != name:
                    _lost(self.nodes[name].view, other)

    def heal(self) -> None:
        """The network is back: partitions join, and the newer configuration is everybody's."""
        self.is_cut = False
        first, *rest = self.views() or [next(iter(self.nodes.values())).view]
        for other in rest:
            _merge(first, other)
            for name, member in other.members.items():
                if member.online:
                    first.members[name] = member
                    self.nodes[name].view = first

    def confirm(self, view: View, name: str) -> None:
        """stonith_admin --confirm: the administrator vouches that a server is down."""
        self._fenced(view, name, Fencing(name, "off", "success", self._clock(), "stonith_admin.1"))

    def _means(self, view: View) -> Means:
        return Means(self._operate, lambda name: self._fence(view, name), self._clock)

    def _fence(self, view: View, name: str) -> bool:
        if not self.can_fence:
            view.fencings.append(Fencing(name, "reboot", "failed", self._clock()))
            return False
        if self.nodes[name].powered:
            self.lose(name)
            self._power_off(name)
        self._fenced(view, name, Fencing(name, "reboot", "success", self._clock()))
        return True

    def _fenced(self, view: View, name: str, how: Fencing) -> None:
        """Source: a fenced server's history is erased from the status section (seen; controld_fencing.c)."""
        view.members[name] = Member()
        view.fencings.append(how)


def _joined() -> Member:
    return Member(online=True, expected=True, known=True)


def _lost(view: View, name: str) -> None:
    """A member has gone without a word."""
    member = view.members[name]
    member.online = False
    member.attributes.clear()


def _merge(view: View, other: View) -> None:
    if other.version > view.version:
        view.cib, view.text = other.cib, other.text

"""What may happen to the two machines, for Hypothesis; the invariant is looked at after each step.

A step that could do nothing now is not offered, and what leads somewhere is offered more often: a story of ten steps
costs as much as a hundred plain tests, so that most of its steps must change something.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.conftest import MEMORY
from tests.unit.world.world import KILL, POINT, POWER, SERVERS, SIGNAL, VOLUME, Blow, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_COMMAND = 60
"""steps; a command that is struck later is not struck"""
BARE, HERE, THERE, DOWN = "bare", "here", "there", "down"

stages = st.sampled_from((BARE, BARE, HERE, THERE, DOWN))
servers = st.sampled_from(SERVERS)
hows = st.sampled_from((SIGNAL, KILL, POWER))
moments = st.sampled_from(
    ("--patch", "crm_resource", "--systemid", "--setautoactivation", "vgchange -ay", "lkvgs", "lvmvg-vg1", "journal")
)
"""steps that part what is before them from what is after"""
struck = st.one_of(st.builds(Blow, hows, st.integers(1, LONGEST_COMMAND)), st.builds(Blow, hows, before=moments))
blows = st.one_of(st.none(), st.none(), struck)
switches = st.booleans()
words = st.sampled_from(("--cleanup", "--refresh"))
names = st.sampled_from(("vg1", "vg9"))


class TwoServers(RuleBasedStateMachine):
    """A volume group on a disk that two servers of a cluster share."""

    def __init__(self) -> None:
        super().__init__()
        folder = MEMORY if Path(MEMORY).is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="lvmkit-world-", dir=folder))
        self.world = World(self.folder)

    def teardown(self) -> None:
        """Leave nothing behind."""
        note("\n".join(self.world.story))
        shutil.rmtree(self.folder)

    @initialize(stage=stages)
    def begin(self, stage: str) -> None:
        """Nothing is protected; or all is, on n1 and n2, and is in service here, there, or nowhere."""
        if stage == BARE:
            return
        self.world.activate("n1")
        self.world.kit("n1", "create", POINT)
        self.world.kit("n1", "extend", POINT, "--to", "n2")
        if stage == THERE:
            self.world.kit("n1", "in-service", POINT, "--on", "n2")
        elif stage == DOWN:
            self.world.kit("n1", "out-of-service", "vg1")

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """One of the things that can happen now."""
        offered = [(each, weight) for each, weight in self.offered() if weight]
        kinds = [each for each, weight in offered for _ in range(weight)]
        kind = data.draw(st.sampled_from(kinds), "what")
        kind(self, data)

    @invariant()
    def holds(self) -> None:
        """See world.py."""
        self.world.check()

    def offered(self) -> Iterator[tuple[Callable[[TwoServers, st.DataObject], None], int]]:
        """What can happen now, and how often it is to."""
        is_held = bool(self.world.holders())
        places = {server for _, server in self.world.protected()}
        yield TwoServers.create, 0 if places else 8
        yield TwoServers.extend, 8 if len(places) == 1 else 0
        yield TwoServers.unextend, 1 if len(places) > 1 else 0
        for command, weight in _COMMANDS.items():
            yield command, weight if places else 0
        yield TwoServers.activate, 0 if is_held else 4
        yield TwoServers.use, 1 if is_held else 0
        yield TwoServers.boot, 0 if all(map(self.world.is_up, SERVERS)) else 4
        yield from _TROUBLE.items()

    # -- the kit's commands

    def kit(self, data: st.DataObject, *argv: str) -> None:
        """A command on any server."""
        self.world.kit(self.server(data), *argv, blow=data.draw(blows, "struck"))

    def server(self, data: st.DataObject) -> str:
        """A server; the other one where this one has no cluster to speak to."""
        server = data.draw(servers, "on")
        return server if self.world.cluster.member_of(server) is not None else _other(server)

    def root(self) -> str:
        """What stands at the top of the hierarchy."""
        return POINT if POINT in {tag for tag, _ in self.world.protected()} else "vg1/data"

    def create(self, data: st.DataObject) -> None:
        """lvmkit create, of the file system where it is mounted, else of the volume."""
        server = self.server(data)
        what = POINT if self.world.machines[server].mounts else VOLUME
        self.world.kit(server, "create", what, blow=data.draw(blows, "struck"))

    def extend(self, data: st.DataObject) -> None:
        """lvmkit extend, to the server that it has not been extended to."""
        (place,) = {server for _, server in self.world.protected()}
        self.kit(data, "extend", self.root(), "--to", _other(place))

    def unextend(self, data: st.DataObject) -> None:
        """lvmkit unextend."""
        self.kit(data, "unextend", self.root(), "--from", data.draw(servers, "from"))

    def bring_in(self, data: st.DataObject) -> None:
        """lvmkit in-service."""
        self.kit(data, "in-service", self.root(), "--on", data.draw(servers, "where"))

    def take_out(self, data: st.DataObject) -> None:
        """lvmkit out-of-service, of all that stands on the volume group."""
        self.kit(data, "out-of-service", "vg1")

    def delete(self, data: st.DataObject) -> None:
        """lvmkit delete."""
        self.kit(data, "delete", self.root(), "--yes")

    def reconfigure(self, data: st.DataObject) -> None:
        """lvmkit reconfigure."""
        self.kit(data, "reconfigure", "vg1", "--yes")

    # -- hands

    def activate(self, data: st.DataObject) -> None:
        """vgchange -ay and mount; on the server whose LVM lets it."""
        server = data.draw(servers, "on")
        owner = self.world.owner()
        self.world.activate(owner if owner in SERVERS else server)

    def use(self, data: st.DataObject) -> None:
        """A service writes, or an administrator unmounts and deactivates."""
        server = self.world.holders()[0]
        (self.world.deactivate if data.draw(switches, "deactivates") else self.world.write)(server)

    def rename(self, data: st.DataObject) -> None:
        """vgrename."""
        server, name = data.draw(servers, "on"), data.draw(names, "name")
        if self.world.is_up(server) and name != self.world.name:
            self.world.lvm(server, "vgrename", self.world.name, name)

    def clone(self, data: st.DataObject) -> None:
        """A clone of the disk takes its name."""
        self.world.swap_for_a_clone(data.draw(servers, "on"))

    # -- Pacemaker's tools

    def set_aside(self, data: st.DataObject) -> None:
        """A server's standby or maintenance, switched over."""
        server = data.draw(servers, "which")
        name, off, on = data.draw(st.sampled_from((("standby", "off", "on"), ("maintenance", "false", "true"))), "how")
        for view in self.world.cluster.views()[:1]:
            value = off if view.node_attribute(server, name) == on else on
            self.tool("crm_attribute", "--node", server, "--name", name, "--update", value)

    def set_option(self, data: st.DataObject) -> None:
        """Fencing or maintenance of the whole cluster, switched over."""
        option = data.draw(st.sampled_from(("stonith-enabled", "maintenance-mode")), "what")
        for view in self.world.cluster.views()[:1]:
            value = "false" if view.option(option) == "true" else "true"
            self.tool("crm_attribute", "--name", option, "--update", value)

    def forget(self, data: st.DataObject) -> None:
        """The cluster is to forget failures, or all it knows of the volume group."""
        self.tool("crm_resource", data.draw(words, "how"), "--resource", "lvmkit-vg1")

    def tool(self, *argv: str) -> None:
        """On the first server that is in a cluster."""
        able = [server for server in SERVERS if self.world.cluster.member_of(server) is not None]
        if able:
            self.world.tool(able[0], *argv)

    def switch(self, data: st.DataObject) -> None:
        """Stop Pacemaker on one server, or start it there."""
        server = data.draw(servers, "on")
        if self.world.cluster.member_of(server) is not None:
            self.world.stop_pacemaker(server)
        elif self.world.is_up(server):
            self.world.start_pacemaker(server)

    # -- what breaks

    def cut(self, _data: st.DataObject) -> None:
        """The cluster's network fails."""
        self.world.cut()

    def lose_power(self, data: st.DataObject) -> None:
        """A machine stops."""
        self.world.lose_power(data.draw(servers, "on"))

    def fail(self, data: st.DataObject) -> None:
        """The fence device, ssh, or the next start fails."""
        what = data.draw(st.sampled_from(("fence device", "ssh", "start")), "what")
        if what == "fence device":
            self.world.can_fence(False)
        elif what == "ssh":
            self.world.be_silent(True)
        else:
            self.world.be_slow(data.draw(servers, "on"))

    def boot(self, data: st.DataObject) -> None:
        """Machines boot, with or without their Pacemaker."""
        starts = data.draw(switches, "starts Pacemaker")
        for server in SERVERS:
            if not self.world.is_up(server):
                self.world.boot(server)
                if starts:
                    self.world.start_pacemaker(server)

    def watch(self, _data: st.DataObject) -> None:
        """The monitors run, and what killed agents have left running ends."""
        self.world.watch()
        self.world.end_orphans()

    def mend(self, _data: st.DataObject) -> None:
        """What failed works again."""
        self.world.can_fence(True)
        self.world.be_silent(False)
        self.world.heal()


def _other(server: str) -> str:
    return next(each for each in SERVERS if each != server)


_COMMANDS = {
    TwoServers.bring_in: 5,
    TwoServers.take_out: 4,
    TwoServers.delete: 4,
    TwoServers.reconfigure: 1,
}
_TROUBLE = {
    TwoServers.rename: 1,
    TwoServers.clone: 1,
    TwoServers.set_aside: 1,
    TwoServers.set_option: 2,
    TwoServers.forget: 1,
    TwoServers.switch: 3,
    TwoServers.cut: 1,
    TwoServers.lose_power: 1,
    TwoServers.fail: 2,
    TwoServers.watch: 1,
    TwoServers.mend: 1,
}

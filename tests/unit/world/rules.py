"""What may happen to the two machines, for Hypothesis; the invariant is looked at after each step.

A step that could do nothing now is not offered, and what leads somewhere is offered more often. A story begins from a
state that was made once and is copied. It has a mood, in which some kinds of steps are left out and others come more
often: a fault that needs three steps of one kind is hardly ever met where all kinds are mixed (Groce and others, 'Swarm
testing', 2012). Commands are struck near their end as often as anywhere, for what is done then and not noted yet is
what somebody else may build on; and what follows is struck less, so that somebody can. In one mood a change that would
succeed is rehearsed and struck between two of its steps that last, and nothing else is struck in that story.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit import folders
from tests.unit.world.world import KILL, LEAVE, POINT, POWER, SERVERS, SIGNAL, VOLUME, Blow, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Kind = Callable[["TwoServers", st.DataObject], None]

BARE, ACTIVE, ALONE, HERE, THERE, DOWN = "bare", "active", "alone", "here", "there", "down"
"""nothing is protected or active; active on n1 by hand; protected on n1; also extended to n2, and in service on n1, on
n2, nowhere"""
STEPS = {"create": 43, "extend": 13, "unextend": 12, "in-service": 21, "out-of-service": 18, "delete": 36}
STEPS["reconfigure"] = 33
"""about how many steps a command has"""
FAR_STEPS, AGENT_STEPS = 22, 7
MOMENTS = ("--patch", "crm_resource", "--systemid", "--setautoactivation", "lkvgs", "journal", "ssh ", "run/lvmvg-vg1")
"""steps that part what is before them from what is after"""
LASTING = ("--patch", "crm_resource --", "--systemid", "--setautoactivation", "lkvgs", "journal", "run/lvmvg-")
"""steps that leave something behind where they are done"""
CHANGES = ("create", "extend", "unextend", "delete", "reconfigure")
ONCE = (1, 0)

servers = st.sampled_from(SERVERS)
hows = st.sampled_from((SIGNAL, KILL, POWER, POWER, LEAVE))
at_moments = st.builds(Blow, hows, before=st.sampled_from(MOMENTS))


def _blows(steps: int) -> st.SearchStrategy[Blow]:
    """Anywhere, in the last third, or before what matters."""
    anywhere, late = st.integers(1, steps), st.integers(steps - steps // 3, steps)
    return st.one_of(st.builds(Blow, hows, anywhere), st.builds(Blow, hows, late), at_moments)


blows = {verb: _blows(steps) for verb, steps in STEPS.items()}
far_blows = st.builds(Blow, hows, st.integers(1, FAR_STEPS), there=st.just(True))
agent_blows = st.one_of(
    st.just(Blow(LEAVE, before=" vgchange -ay ")), st.builds(Blow, st.just(LEAVE), st.integers(1, AGENT_STEPS))
)
switches = st.booleans()
words = st.sampled_from(("--cleanup", "--refresh"))
names = st.sampled_from(("vg1", "vg9"))
RESOURCES = ("lvmkit-vg1_2fdata", "lvmkit-_2fsrv_2fdata")
ASIDE = (("is-managed", "false"), ("maintenance", "true"), ("is-managed", "true"), ("maintenance", "false"))


class TwoServers(RuleBasedStateMachine):
    """A volume group on a disk that two servers of a cluster share."""

    world: World
    mood: Mapping[Kind, int]
    """how much more often than usual each kind of step is to come; those that are not named: not at all"""
    strikes: tuple[int, int]
    """one command in this many is struck: until one was, and after that; 0: none"""

    def teardown(self) -> None:
        """Tell the story, for the case that something was found."""
        if hasattr(self, "world"):
            note("\n".join(self.world.story))
            self.world.end()

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A mood, and one of the states."""
        name = data.draw(st.sampled_from(tuple(_MOODS)), "mood")
        self.mood = _MOODS[name]
        self.strikes = _STRIKES[name]
        self.world = _state(data.draw(st.sampled_from(_STAGES[name]), "stage"))

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """One of the things that can happen now."""
        offered = [(each, weight * self.mood.get(each, 0)) for each, weight in self.offered()]
        kinds = [each for each, weight in offered for _ in range(weight)]
        if not kinds:
            return
        kind = data.draw(st.sampled_from(kinds), "what")
        kind(self, data)

    @invariant()
    def holds(self) -> None:
        """See world.py."""
        if hasattr(self, "world"):  # it is asked before the beginning, too
            self.world.check()

    def offered(self) -> Iterator[tuple[Kind, int]]:
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
        yield TwoServers.override, 1 if len(self.world.holders()) == 1 else 0
        yield TwoServers.set_resource_aside, 1 if places else 0
        yield TwoServers.boot, self._boot_weight()
        yield TwoServers.confirm, 0 if all(map(self.world.is_up, SERVERS)) else 1
        yield from _TROUBLE.items()

    def _boot_weight(self) -> int:
        """A machine that has left a change unfinished is waited for."""
        down = [server for server in SERVERS if not self.world.is_up(server)]
        if not down:
            return 0
        return 8 if any(map(self.world.has_unfinished, down)) else 4

    # -- the kit's commands

    def kit(self, data: st.DataObject, *argv: str) -> None:
        """A command on any server."""
        server = self.server(data)
        blow = self.blow(data, server, *argv)
        self.world.kit(server, *argv, blow=blow)

    def blow(self, data: st.DataObject, server: str, *argv: str) -> Blow | None:
        """What strikes a command."""
        strikes = self.strikes[self.world.has_struck]
        if not strikes or data.draw(st.integers(1, strikes), "not struck") > 1:
            return None
        verb = argv[0]
        if self.strikes == ONCE:
            return self.rehearsed_blow(data, server, *argv) if verb in CHANGES else None
        is_far = verb in ("extend", "unextend") and data.draw(switches, "there")
        return data.draw(far_blows if is_far else blows[verb], "struck")

    def rehearsed_blow(self, data: st.DataObject, server: str, *argv: str) -> Blow | None:
        """Before one of the steps that last; none where the command would fail."""
        self.world, steps = self.world.rehearsed(server, *argv)
        lasting = [number for number, step in enumerate(steps, 1) if any(mark in step for mark in LASTING)]
        return Blow(data.draw(hows, "how"), data.draw(st.sampled_from(lasting), "before")) if lasting else None

    def server(self, data: st.DataObject) -> str:
        """A server; the other one where this one has no cluster to speak to."""
        server = data.draw(servers, "on")
        return server if self.world.cluster.member_of(server) is not None else _other(server)

    def root(self) -> str:
        """What stands at the top of the hierarchy."""
        return POINT if POINT in {tag for tag, _ in self.world.protected()} else "vg1/data"

    def create(self, data: st.DataObject) -> None:
        """lvmkit create, of the file system where it is mounted, else of the volume."""
        held = self.world.holders()
        server = data.draw(st.sampled_from((*SERVERS, *held, *held)), "on")
        what = POINT if self.world.machines[server].mounts else VOLUME
        blow = self.blow(data, server, "create", what)
        self.world.kit(server, "create", what, blow=blow)

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

    def override(self, _data: st.DataObject) -> None:
        """Somebody has a second kernel hold it, on purpose; it ends that again when it was looked at."""
        (holder,) = self.world.holders()
        if self.world.override(_other(holder)):
            self.world.look()
            self.world.deactivate(_other(holder))

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

    def set_resource_aside(self, data: st.DataObject) -> None:
        """A resource is not to be managed, or is again."""
        resource = data.draw(st.sampled_from(("lvmkit-vg1", *RESOURCES)), "which")
        name, value = data.draw(st.sampled_from(ASIDE), "how")
        words = ("--meta", "--set-parameter", name, "--parameter-value", value)
        self.tool("crm_resource", "--resource", resource, *words)

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
        """A machine stops, or both do at once."""
        which = data.draw(st.sampled_from((("n1",), ("n2",), SERVERS)), "which")
        self.world.lose_power(*which)

    def fail(self, data: st.DataObject) -> None:
        """The fence device or ssh fails, or an agent of the cluster takes too long and is killed."""
        what = data.draw(st.sampled_from(("fence device", "ssh", "agent")), "what")
        if what == "fence device":
            self.world.can_fence(False)
        elif what == "ssh":
            self.world.be_silent(True)
        else:
            self.world.strike_agent(data.draw(servers, "on"), data.draw(agent_blows, "struck"))

    def confirm(self, _data: st.DataObject) -> None:
        """The administrator has seen that a server is off, and says so."""
        server = next(each for each in SERVERS if not self.world.is_up(each))
        self.tool("stonith_admin", "--confirm", server)

    def boot(self, data: st.DataObject) -> None:
        """Machines boot, with or without their Pacemaker."""
        starts = data.draw(st.sampled_from((True, True, True, False)), "starts Pacemaker")
        which = data.draw(st.sampled_from((SERVERS, SERVERS, ("n1",), ("n2",))), "which")
        for server in which:
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


def _state(stage: str) -> World:
    """The world in one of the states; all of them are made once, in one folder, for their files say where they are."""
    if not _states:
        _make_states(Path(tempfile.mkdtemp(prefix="lvmkit-world-", dir=folders.in_memory())))
    world, place = _states[stage]
    return world.restored(place)


def _make_states(folder: Path) -> None:
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    world = World(folder / "now")
    ways: dict[str, Callable[[], object]] = {
        BARE: lambda: None,
        ACTIVE: lambda: world.activate("n1"),
        ALONE: lambda: world.kit("n1", "create", POINT),
        HERE: lambda: world.kit("n1", "extend", POINT, "--to", "n2"),
        THERE: lambda: world.kit("n1", "in-service", POINT, "--on", "n2"),
        DOWN: lambda: world.kit("n1", "out-of-service", "vg1"),
    }
    for stage, way in ways.items():
        way()
        _states[stage] = (world.saved(folder / stage), folder / stage)


_states: dict[str, tuple[World, Path]] = {}

_COMMANDS = {
    TwoServers.bring_in: 5,
    TwoServers.take_out: 4,
    TwoServers.delete: 3,
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
_CHANGES = (TwoServers.create, TwoServers.extend, TwoServers.unextend, TwoServers.delete, TwoServers.reconfigure)
_MOVES = (TwoServers.bring_in, TwoServers.take_out)
_HANDS = (TwoServers.activate, TwoServers.override, TwoServers.use, TwoServers.rename, TwoServers.clone)
_TOOLS = (TwoServers.set_aside, TwoServers.set_resource_aside, TwoServers.set_option, TwoServers.forget)
_FAILURES = (TwoServers.cut, TwoServers.lose_power, TwoServers.fail, TwoServers.confirm, TwoServers.mend)
_LIFE = (TwoServers.boot, TwoServers.switch, TwoServers.watch)
_CHANGED: dict[Kind, int] = {
    **dict.fromkeys(_CHANGES, 3),
    **dict.fromkeys((*_MOVES, TwoServers.activate), 2),
    TwoServers.boot: 4,
}
_MOODS: dict[str, dict[Kind, int]] = {
    "changes": _CHANGED,
    "one change undone": _CHANGED,
    "hands": dict.fromkeys((*_HANDS, *_CHANGES, *_MOVES, *_LIFE), 1),
    "cluster": dict.fromkeys((*_TOOLS, *_MOVES, *_FAILURES, *_LIFE, TwoServers.activate), 1),
    "all": dict.fromkeys((*_CHANGES, *_MOVES, *_HANDS, *_TOOLS, *_FAILURES, *_LIFE), 1),
}
_STRIKES = {"changes": (2, 4), "one change undone": ONCE, "hands": (5, 5), "cluster": (5, 5), "all": (5, 5)}
_STAGES = {
    "changes": (ACTIVE, ACTIVE, ALONE, HERE, HERE, THERE, THERE, DOWN),
    "one change undone": (ACTIVE, ACTIVE, ACTIVE, ACTIVE, ALONE, HERE, THERE, DOWN),
    "hands": (BARE, ACTIVE, ALONE, HERE, HERE, THERE, THERE, DOWN),
    "cluster": (ALONE, HERE, HERE, THERE, THERE, DOWN),
    "all": (BARE, ACTIVE, ALONE, HERE, HERE, THERE, THERE, DOWN),
}

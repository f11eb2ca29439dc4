"""What can happen to a cluster, and a plan of what will: values and chance only, so that a seed gives the plan again.

An episode begins with guests in a saved state and has a list of actions. What is drawn depends on the seed and on the
switches that the actions before have thrown (the weather), never on what the guests made of them: so the plan is known
before the first guest runs, and a part of it can be run alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

NODES = ("node1", "node2")
VG, RENAMED = "my-vg.1", "other-vg"
MOUNT, OTHER = "/srv/db", "/srv/www"
STARTS = {"bare": 0, "created": 1, "protected": 2}
"""saved states that an episode begins with, and on how many servers the hierarchies are then"""
SIGNALS = ("INT", "TERM", "HUP", "KILL")
LONGEST_UNTIL_SIGNAL = 15.0
LONGEST_PAUSE = 12.0
SHORTEST, LONGEST = 6, 14
"""how many actions an episode has"""
KIT = "kit"
LIKELY = (
    (2, 1, 2, 16, 0, 1, 0, 1, 1, 1),
    (6, 4, 12, 3, 1, 3, 1, 1, 1, 1),
    (12, 6, 1, 2, 3, 3, 1, 1, 1, 1),
)
"""how likely each verb is, by the number of servers that the hierarchies are on"""


@dataclass(frozen=True)
class Action:
    """One thing that happens.

    kind: KIT for a command of the kit, else the name of one of KINDS.  node: where.  words: of the command.
    signal: the name of one that the command gets `until` seconds after its start; "" for none.
    group: the signal goes to all the command has started, as a terminal's Ctrl-C does.  pause: seconds afterwards.
    """

    kind: str
    node: int
    words: tuple[str, ...] = ()
    signal: str = ""
    until: float = 0.0
    group: bool = False
    pause: float = 0.0

    def __str__(self) -> str:
        """As a line of a log has it."""
        struck = f", SIG{self.signal} after {self.until} s" if self.signal else ""
        return f"node{self.node}: {self.kind} {' '.join(self.words)}{struck}".rstrip()


@dataclass(frozen=True)
class Weather:
    """The switches that are not as usual: what somebody has to put back at the end."""

    dead: frozenset[int] = frozenset()
    paused: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    stopped: frozenset[int] = frozenset()
    """Pacemaker was stopped"""
    standby: frozenset[int] = frozenset()
    maintenance: frozenset[str] = frozenset()
    """`cluster`, `resource`, or the name of a node"""
    fencing: bool = True
    renamed: bool = False
    protected: int = 2
    """on how many servers the hierarchies probably are; only makes what is drawn more likely to have an effect"""

    def usable(self, node: int) -> bool:
        """Return whether commands can be run there."""
        return node not in self.dead | self.paused


@dataclass(frozen=True)
class Episode:
    """A plan. start: one of STARTS.  named: lvm.conf gives hosts a system ID, as `lvmkit doctor` advises."""

    seed: int
    number: int
    start: str
    named: bool
    actions: tuple[Action, ...]

    @property
    def name(self) -> str:
        """Seed and number: what tells it from all others."""
        return f"{self.seed}-{self.number}"

    def facts(self) -> dict[str, Any]:
        """Everything, for a JSON file."""
        return asdict(self)

    def only(self, indexes: tuple[int, ...]) -> Episode:
        """Return the plan with these of its actions; all of them for no index."""
        kept = indexes or tuple(range(len(self.actions)))
        return replace(self, actions=tuple(self.actions[index] for index in kept))


def load(facts: dict[str, Any]) -> Episode:
    """Undo Episode.facts()."""
    actions = tuple(Action(**{**each, "words": tuple(each["words"])}) for each in facts["actions"])
    return Episode(**{**facts, "actions": actions})


def episode(seed: int, number: int) -> Episode:
    """Return episode `number` of the storm `seed`."""
    chance = Random(f"{seed} {number}")  # noqa: S311 - no secret
    start, named = chance.choices(tuple(STARTS), (1, 1, 3))[0], chance.random() < 0.5
    weather, actions = Weather(protected=STARTS[start]), []
    for _ in range(chance.randint(SHORTEST, LONGEST)):
        action = draw(chance, weather)
        weather = after(weather, action)
        actions.append(action)
    return Episode(seed, number, start, named, tuple(actions))


def draw(chance: Random, weather: Weather) -> Action:
    """Return an action that is possible in this weather."""
    options = list(possible(weather))
    kind, node = chance.choices([each[:2] for each in options], [each[2] for each in options])[0]
    pause = round(chance.uniform(0.0, LONGEST_PAUSE) ** 2 / LONGEST_PAUSE, 1)
    if kind == KIT:
        return replace(_command(chance, node, weather.protected), pause=pause)
    return Action(kind, node, _words(chance, kind, node), pause=pause)


def possible(weather: Weather) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, node, weight) of all that can happen in this weather."""
    for node in (1, 2):
        if weather.usable(node):
            yield KIT, node, 40
            yield from ((kind, node, weight) for kind, weight in _by_hand(weather, node))
        yield from ((kind, node, weight) for kind, weight in _power(weather, node))


def _by_hand(weather: Weather, node: int) -> Iterator[tuple[str, int]]:
    """Yield what an administrator can do on a server with LVM's, mount's and Pacemaker's own tools."""
    yield "activate", 8
    yield "override", 1
    yield "deactivate", 4
    yield "unmount", 2
    yield "snapshot", 2
    yield "scratch", 2
    yield "remove-extra", 2
    yield ("rename-back", 12) if weather.renamed else ("rename", 1)
    yield ("unstandby", 6) if node in weather.standby else ("standby", 2)
    yield ("start-pacemaker", 10) if node in weather.stopped else ("stop-pacemaker", 2)
    yield "maintenance-on", 2
    if weather.maintenance:
        yield "maintenance-off", 8
    yield ("fencing-off", 1) if weather.fencing else ("fencing-on", 5)


def _power(weather: Weather, node: int) -> Iterator[tuple[str, int]]:
    """Yield what can happen to a machine. One of the two is left alone while the other is gone."""
    if node in weather.dead:
        yield "boot", 40
    elif node in weather.paused:
        yield "resume", 30
    elif weather.usable(3 - node):
        yield "kill", 2
        yield "pause", 2
        yield "reboot", 1
    if node in weather.cut:
        yield "mend", 25
    elif not weather.cut | weather.dead | weather.paused:
        yield "cut", 2


def _command(chance: Random, node: int, protected: int) -> Action:
    """Return a command of the kit, which a signal may strike."""
    words = _kit_words(chance, node, protected)
    if chance.random() >= 0.35:
        return Action(KIT, node, words)
    until = round(chance.uniform(0.5, LONGEST_UNTIL_SIGNAL), 1)
    return Action(KIT, node, words, chance.choice(SIGNALS), until, chance.random() < 0.5)


def _kit_words(chance: Random, node: int, protected: int) -> tuple[str, ...]:
    here, there = NODES[node - 1], NODES[2 - node]
    tag = chance.choice((MOUNT, MOUNT, OTHER, VG, f"{VG}/db"))
    somewhere = chance.choice((here, there))
    verbs: dict[str, tuple[str, ...]] = {
        "in-service": ("in-service", tag, "--on", somewhere),
        "out-of-service": ("out-of-service", tag),
        "extend": ("extend", tag, "--to", chance.choice((there, there, there, here))),
        "create": ("create", chance.choice((MOUNT, OTHER, f"/dev/{VG}/db"))),
        "unextend": ("unextend", tag, "--from", somewhere),
        "delete": ("delete", "--yes", chance.choice((MOUNT, OTHER))),
        "reconfigure": ("reconfigure", VG, "--yes"),
        "status": ("status",),
        "check": ("check",),
        "doctor": ("doctor",),
    }
    return verbs[chance.choices(tuple(verbs), LIKELY[protected])[0]]


def _words(chance: Random, kind: str, node: int) -> tuple[str, ...]:
    """Return what else is to be said of an action that is no command of the kit."""
    if kind == "activate":
        return (chance.choice(("plain", "as-owner", "as-owner")), chance.choice(("mount", "mount", "no-mount")))
    if kind == "unmount":
        return (chance.choice((MOUNT, OTHER)),)
    if kind == "stop-pacemaker":
        return chance.choice((("pacemaker",), ("pacemaker", "corosync")))
    if kind == "maintenance-on":
        return (chance.choice(("cluster", "resource", NODES[node - 1])),)
    if kind == "pause":
        return (chance.choice(("short", "long")),)
    return ()


def after(weather: Weather, action: Action) -> Weather:
    """Return the weather once an action has happened. A short pause is over then."""
    node = frozenset((action.node,))
    changes: dict[str, dict[str, Any]] = {
        "kill": {"dead": weather.dead | node, "stopped": weather.stopped - node},
        "boot": {"dead": weather.dead - node},
        "reboot": {"stopped": weather.stopped - node},
        "pause": {"paused": weather.paused | node if action.words == ("long",) else weather.paused},
        "resume": {"paused": weather.paused - node, "stopped": weather.stopped - node},
        "cut": {"cut": weather.cut | node},
        "mend": {"cut": weather.cut - node},
        "stop-pacemaker": {"stopped": weather.stopped | node},
        "start-pacemaker": {"stopped": weather.stopped - node},
        "standby": {"standby": weather.standby | node},
        "unstandby": {"standby": weather.standby - node},
        "maintenance-on": {"maintenance": weather.maintenance | frozenset(action.words)},
        "maintenance-off": {"maintenance": frozenset()},
        "fencing-off": {"fencing": False},
        "fencing-on": {"fencing": True},
        "rename": {"renamed": True},
        "rename-back": {"renamed": False},
    }
    if action.kind == KIT:
        return replace(weather, protected=_places(weather.protected, action.words[0]))
    return replace(weather, **changes.get(action.kind, {}))


def _places(before: int, verb: str) -> int:
    """Return on how many servers the hierarchies probably are after a command."""
    changes = {"create": max(before, 1), "extend": 2 if before else 0, "unextend": min(before, 1), "delete": 0}
    return changes.get(verb, before)


def chosen(text: str) -> tuple[int, tuple[int, ...]]:
    """Return (episode, indexes) for `EPISODE` or `EPISODE:INDEX,INDEX...`. Raises ValueError for anything else."""
    number, _, rest = text.partition(":")
    return int(number), tuple(int(word) for word in rest.split(",") if rest)

"""How cost grows: LVM itself, the peer and the kit in turn in one guest, with more and more to serve."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import calls, protect, timed
from bench.calls import LVM, STRACE, TRACE_FILE, Call
from bench.hierarchies import KIT, PEER
from bench.layouts import GROUPS, VOLUMES, Layout, layouts
from bench.stage import UNAME, Say
from lab import helpers_watch
from lab.guests.guest import Guest
from lab.guests.lab import PLAIN, Lab

BARE = "LVM itself"
SIDES = (BARE, PEER, KIT)
START, STOP, MONITOR, QUICK_CHECK = "start", "stop", "monitor", "quickCheck"
STATUS, CHECK_ALL, WATCH = "status", "check --all", "watch"
INTERPRETER = "python3 -IS -c pass"
IMPORTS_OF = "imports of {}"
PROFILED = (START, STOP, MONITOR)
ACTIONS = (
    START, STOP, MONITOR, QUICK_CHECK, INTERPRETER, *map(IMPORTS_OF.format, PROFILED), STATUS, CHECK_ALL, WATCH,
)  # fmt: skip
WATCHED_SECONDS = 120.0
_INSTALLED = "installed"
_SCRIPTS = "/opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions"
_SETTLE = Call(("/usr/bin/udevadm", "settle", "--timeout=600"), {})
_BUILDING_TIME = 1800.0
_TOLD_IMPORTS = ("/usr/bin/python3", "-IS", "-X", "importtime")
_IMPORTED = re.compile(r"^import time:.*\| +([a-z_][\w.]*)$", re.MULTILINE)
_LONG = 20.0
"""seconds of a turn that are worth a line"""


@dataclass(frozen=True)
class Taken:
    """What one side took for one action on one layout; an action is done for all volume groups, one after the other."""

    dimension: str
    size: int
    action: str
    side: str
    seconds: tuple[float, ...]
    work: tuple[float, ...]
    """seconds of processor time"""
    programs: int | None
    """started besides the call itself; None where there are several groups: then each counts as one alone"""
    lvm: int | None
    """LVM commands among them, or that the call itself is"""
    load: float = 0.0
    """of the machine below the guest, before the layout was measured"""


@dataclass(frozen=True)
class _Turn:
    """An action of a side, as calls."""

    action: str
    side: str
    calls: tuple[Call, ...]


def scale(lab: Lab, dimensions: tuple[str, ...], say: Say) -> Iterator[list[Taken]]:
    """Measure every layout of these dimensions; what is found of one comes as soon as it is there."""
    say("guest without a cluster")
    lab.up(kind=PLAIN)
    lab.reset()
    lab.push()
    guest = Guest(lab)
    guest.sh(UNAME)
    guest.sh("systemctl stop lvmkit-check.timer")
    lab.save(_INSTALLED)
    for layout in layouts(dimensions):
        lab.reset(_INSTALLED)
        say(f"{layout.size} {layout.dimension}")
        yield list(_measured(guest, layout, say))


def _measured(guest: Guest, layout: Layout, say: Say) -> Iterator[Taken]:
    load = os.getloadavg()[0]
    guest.sh(layout.building(), timeout=_BUILDING_TIME)
    code = Path(protect.__file__).read_text(encoding="utf-8")
    uuids = json.loads(guest.run("python3", "-c", code, *layout.names, timeout=_BUILDING_TIME).stdout)
    turns = _turns(layout, uuids)
    for turn, taken in zip(turns, _timed(guest, layout, turns, say)):
        programs, lvm = _counted(guest, layout, turn.calls[0]) if layout.groups == 1 else (None, None)
        yield _taken(layout, turn.action, turn.side, taken, load, programs, lvm)
    if layout.dimension == VOLUMES:
        yield from _profiled(guest, layout, uuids, load)
    if layout.dimension == GROUPS:
        yield _taken(layout, WATCH, KIT, [(WATCHED_SECONDS, _watched(guest, layout))], load, 0, 0)


def _taken(
    layout: Layout,
    action: str,
    side: str,
    times: Sequence[tuple[float, float]],
    load: float,
    programs: int | None = None,
    lvm: int | None = None,
) -> Taken:
    seconds, work = tuple(wall for wall, _ in times), tuple(used for _, used in times)
    return Taken(layout.dimension, layout.size, action, side, seconds, work, programs, lvm, load)


def _turns(layout: Layout, uuids: dict[str, str]) -> list[_Turn]:
    """What is done in a round, in order: each side starts, looks, and stops."""

    def each(made: Callable[[str], Call]) -> tuple[Call, ...]:
        return tuple(map(made, layout.names))

    own = ((STATUS, ("status",)), (CHECK_ALL, ("check", "--all")))
    return [
        _Turn(START, BARE, each(lambda vg: _vgchange("-ay", vg))),
        _Turn(MONITOR, BARE, (Call(("/usr/sbin/dmsetup", "info", "--columns"), {}),)),
        _Turn(STOP, BARE, each(lambda vg: _vgchange("-an", vg))),
        _Turn(START, PEER, each(lambda vg: calls.peer("start", vg))),
        _Turn(MONITOR, PEER, each(lambda vg: calls.peer("monitor", vg))),
        _Turn(STOP, PEER, each(lambda vg: calls.peer("stop", vg))),
        _Turn(START, KIT, each(lambda vg: _script("restore", vg))),
        _Turn(MONITOR, KIT, each(lambda vg: calls.kit_monitor(vg, uuids[vg]))),
        _Turn(QUICK_CHECK, KIT, each(lambda vg: _script("quickCheck", vg))),
        _Turn(INTERPRETER, KIT, (Call(("/usr/bin/python3", "-IS", "-c", "pass"), {}),) * layout.groups),
        *(_Turn(action, KIT, (Call(("/usr/sbin/lvmkit", *words), {}),)) for action, words in own),
        _Turn(STOP, KIT, each(lambda vg: _script("remove", vg))),
    ]


def _timed(guest: Guest, layout: Layout, turns: Sequence[_Turn], say: Say) -> list[list[tuple[float, float]]]:
    """(seconds, seconds of processor time) of each turn in each round. Of several rounds the first does not count."""
    warm = int(layout.rounds > 1)
    times: list[list[tuple[float, float]]] = [[] for _ in turns]
    for _ in range(layout.rounds + warm):
        for turn, of_turn in zip(turns, times):
            begun = time.monotonic()
            of_turn.append(_once(guest, layout, turn))
            if time.monotonic() - begun > _LONG:
                say(f"{layout.size} {layout.dimension}: {turn.action}, {turn.side}: {of_turn[-1][0]:.1f} s")
    return [of_turn[warm:] for of_turn in times]


def _once(guest: Guest, layout: Layout, turn: _Turn) -> tuple[float, float]:
    code = Path(timed.__file__).read_text(encoding="utf-8")
    task = {"rounds": 1, "turns": [calls.turn(turn.calls), _SETTLE.turn(counts=False)]}
    answer = guest.run("python3", "-IS", "-c", code, stdin=json.dumps(task).encode(), timeout=layout.patience)
    ((taken,),) = json.loads(answer.stdout)
    return taken[0], taken[1]


def _profiled(guest: Guest, layout: Layout, uuids: dict[str, str], load: float) -> Iterator[Taken]:
    """What the imports of an action take by themselves, with the start of the interpreter."""
    (vg,) = layout.names
    for action, call in (
        (START, _script("restore", vg)),
        (MONITOR, calls.kit_monitor(vg, uuids[vg])),
        (STOP, _script("remove", vg)),
    ):
        told = guest.run(*_TOLD_IMPORTS, *call.argv, env=call.environment, timeout=layout.patience).stderr
        modules = ", ".join(_IMPORTED.findall(told))
        code = f"import os, sys; sys.path.insert(0, {protect.LIB!r}); import {modules}"
        alone = _Turn(action, KIT, (Call(("/usr/bin/python3", "-IS", "-c", code), {}),))
        yield _taken(layout, IMPORTS_OF.format(action), KIT, [_once(guest, layout, alone) for _ in range(5)], load)


def _watched(guest: Guest, layout: Layout) -> float:
    """Seconds of processor time that the watcher of all groups takes while nothing happens."""
    for vg in layout.names:
        guest.run(*_script("restore", vg).argv, timeout=layout.patience)
    helpers_watch.begin(guest)
    time.sleep(WATCHED_SECONDS / 4)
    before = helpers_watch.spent(guest)
    time.sleep(WATCHED_SECONDS)
    return helpers_watch.spent(guest) - before


def _counted(guest: Guest, layout: Layout, call: Call) -> tuple[int, int]:
    """Programs and LVM commands of a call, traced; the order is that of a round, so that each has its work to do."""
    guest.run(*STRACE, *call.argv, env=call.environment, timeout=layout.patience)
    started = calls.started(guest.run("cat", TRACE_FILE).stdout)
    return started.total, started.programs[LVM] + call.argv[0].startswith("/usr/sbin/vg")


def _vgchange(word: str, vg: str) -> Call:
    return Call(("/usr/sbin/vgchange", "-q", word, vg), {})


def _script(name: str, vg: str) -> Call:
    return Call((f"{_SCRIPTS}/{name}", "-t", vg, "-i", f"lvmvg-{vg}"), {})

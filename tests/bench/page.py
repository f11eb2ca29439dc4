"""docs/benchmark.md and its charts, made of what was measured. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence

from bench import budgets, series
from bench.chart import Line, Panel, drawn
from bench.hierarchies import KIT, PEER
from bench.results import Results
from bench.scale import ACTIONS, BARE, CHECK_ALL, MONITOR, QUICK_CHECK, SIDES, START, STATUS, STOP, Taken
from bench.series import described

HEAD = """# What it costs, and how that grows

Made by `make bench` and `make bench BENCH="scale"` of version {version}, in guests of Debian 12 under emulation,
where everything takes many times as long as on a server. Compare the columns of a line, not seconds with those of
elsewhere: the sides took turns in the same guests, each number is the median of so many turns, with the least and the
most. Processor time depends least on what else this machine did (its load before each part: {loads}).

## What is promised

{budgets}
The tables below have the numbers of turns, and the spread. CPU is processor time. "As on a server": what the guest
took, times what the start of the interpreter takes there (8 ms) over what it takes in the guest.

Where a promise is not kept, this is why:

* A monitor and a quickCheck of the kit begin with the start of the interpreter and with imports (the lines "imports of
  ..." below), which are nearly all of it where there are few volumes. Where there are many, they ask the kernel for the
  table of each, as they would not be true otherwise; `dmsetup info` only lists them. With the watcher both can be rare.
* A start and a stop have these imports, too, and a start reads the metadata before it lets LVM activate anything. All
  of that is the same for any number of volumes: it counts where there are few.
* A switchover starts and stops three resources where the peer has two, with the start of an interpreter for each, and
  one start also reads the cluster's history and asks the other server. These guests have one processor, on which all of
  that waits for each other, and monitors that begin meanwhile do, too.

## Beside a hand-made cluster

`ocf:heartbeat:LVM-activate` with `ocf:heartbeat:Filesystem`, and the kit, in turn on the same two guests; on one server
LVM's own `vgchange` with all that lvm.conf says. A ratio is the median of the pairs.

{pairs}
## How it grows

In a guest without a cluster. LVM itself: `vgchange -ay`, `vgchange -an` with all that lvm.conf says, and `dmsetup info`
for a monitor. The peer: `ocf:heartbeat:LVM-activate`. The kit: the scripts `restore`, `remove` and `quickCheck`, the
monitor of its agent, and its commands. A ratio is that of the medians of processor time, and in brackets of seconds.
Programs are those that were started besides the call itself, and LVM commands among them. Watch is what `lvmkit-watch`
takes in two minutes in which nothing happens.
"""
_HEADINGS = {
    "volumes": "More volumes in one group of two disks",
    "disks": "More physical volumes below one group of eight volumes",
    "groups": "More groups of two volumes, each action for all of them one after the other",
    "unrelated disks": "Disks that are nobody's, beside a group of eight volumes on two",
}
_COLUMNS = (
    "{dimension}", "action", "LVM itself: s", "CPU s", "peer: s", "CPU s", "kit: s", "CPU s", "kit / LVM", "kit / peer",
    "programs, LVM commands: LVM itself", "peer", "kit",
)  # fmt: skip
COLOURS = {BARE: "#818b98", PEER: "#bc4c00", KIT: "#0969da"}
"""of each side's lines; their contrast with white is at least 3:1"""
_STANDS_FOR = {QUICK_CHECK: MONITOR}
"""what an action of the kit is compared with, where the others have no such thing"""


def page(results: Results, version: str) -> str:
    """The whole page, in Markdown. version: of the kit."""
    loads = [*(each.load for each in results.taken), *(each.load for each in results.pairs)]
    text = HEAD.format(
        version=version,
        loads=f"{min(loads):.1f} to {max(loads):.1f}",
        budgets=_table(budgets.HEAD, map(budgets.cells, budgets.budgets(results))),
        pairs=_table(series.HEAD, map(series.cells, results.pairs)),
    )
    for dimension in dict.fromkeys(each.dimension for each in results.taken):
        heading = _HEADINGS[dimension]
        text += f"\n### {heading}\n\n![{heading}]({chart_name(dimension)})\n\n{table(results.taken, dimension)}"
    return text


def chart_name(dimension: str) -> str:
    """The file of a chart, beside the page."""
    return f"benchmark-{dimension.replace(' ', '-')}.svg"


def table(taken: Iterable[Taken], dimension: str) -> str:
    """One dimension as a table: a line for each size and action."""
    found = {(each.size, each.action, each.side): each for each in taken if each.dimension == dimension}
    columns = [column.format(dimension=dimension) for column in _COLUMNS]
    lines = []
    for size in dict.fromkeys(size for size, _, _ in found):
        for action in ACTIONS:
            if (size, action, KIT) in found:
                lines.append([str(size), action, *_cells(found, size, action)])
    return _table(columns, lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ("---",) * len(head), *lines))


def _cells(found: dict[tuple[int, str, str], Taken], size: int, action: str) -> Iterator[str]:
    sides = {side: found.get((size, _of(action, side), side)) for side in SIDES}
    for side in SIDES:
        yield from _times(sides[side])
    for other in (BARE, PEER):
        yield _ratio(sides[KIT], sides[other])
    for side in SIDES:
        yield _counts(sides[side])


def _of(action: str, side: str) -> str:
    return action if side == KIT else _STANDS_FOR.get(action, action)


def _times(one: Taken | None) -> tuple[str, str]:
    return (described(one.seconds, "s"), described(one.work, "s")) if one else ("", "")


def _ratio(ours: Taken | None, theirs: Taken | None) -> str:
    if ours is None or theirs is None:
        return ""
    return f"{_quotient(ours.work, theirs.work)} ({_quotient(ours.seconds, theirs.seconds)})"


def _quotient(ours: Sequence[float], theirs: Sequence[float]) -> str:
    below = statistics.median(theirs)
    return f"{statistics.median(ours) / below:.2f}" if below else "-"


def _counts(one: Taken | None) -> str:
    return "" if one is None or one.programs is None else f"{one.programs}, {one.lvm}"


def chart(taken: Sequence[Taken], dimension: str) -> str:
    """One dimension as a picture: processor time by size, a panel for each action."""
    panels = []
    for action in (START, STOP, MONITOR, STATUS, CHECK_ALL):
        lines = tuple(Line(side, COLOURS[side], _points(taken, dimension, action, side)) for side in SIDES)
        panels.append(Panel(action, tuple(line for line in lines if line.points)))
    return drawn(f"{_HEADINGS[dimension]}: seconds of processor time", dimension, panels)


def _points(taken: Iterable[Taken], dimension: str, action: str, side: str) -> tuple[tuple[int, float], ...]:
    points = []
    for each in taken:
        if (each.dimension, each.action, each.side) == (dimension, action, side):
            points.append((each.size, statistics.median(each.work)))
    return tuple(points)

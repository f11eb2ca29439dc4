"""What the kit may cost at most, and what it was measured to cost. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.hierarchies import KIT, PEER
from bench.layouts import GROUPS, UNRELATED, VOLUMES
from bench.results import Results
from bench.scale import BARE, CHECK_ALL, INTERPRETER, MONITOR, QUICK_CHECK, START, STATUS, STOP, WATCH, Taken
from bench.series import LOST_DISK, SWITCHOVER_OF_ONE

FEW, MANY = 8, 512
"""volumes"""
MONITORING = {FEW: 1.8, MANY: 2.0}
STARTING = {FEW: 1.2, MANY: 1.0}
STOPPING = 0.9
SWITCHING_OVER = 0.6
"""at most these times what the peer, or LVM itself, takes"""
OF_INTERPRETER = 1.2
"""times the peer's monitor: the start of the interpreter alone, on a server"""
SERVER = 0.0079
"""seconds of processor time that the interpreter takes to start on a server; guests are compared with that"""


HEAD = ("what", "at most", "measured", "")


@dataclass(frozen=True)
class Budget:
    """One promise."""

    what: str
    most: float
    value: float | None
    """None while it has not been measured"""
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Whether it is kept."""
        if self.value is None:
            return "not measured"
        return "kept" if self.value <= self.most else "**OVER**"


def budgets(results: Results) -> list[Budget]:
    """All promises."""
    return [*_counts(results), *_actions(results), *_growth(results), *_cluster(results)]


def cells(it: Budget) -> tuple[str, ...]:
    """One promise, in the columns of HEAD."""
    value = "" if it.value is None else f"{it.value:.3g}{it.unit}"
    return it.what, f"{it.most:.3g}{it.unit}", value, it.verdict


def _counts(results: Results) -> Iterator[Budget]:
    here = results.size(VOLUMES, FEW)
    for action, most in ((START, 3), (STOP, 1), (MONITOR, 0), (QUICK_CHECK, 0)):
        yield Budget(f"{action}: LVM commands", most, _of(here.get((action, KIT)), lambda it: it.lvm))
    for action in (MONITOR, QUICK_CHECK):
        yield Budget(f"{action}: programs besides itself", 0, _of(here.get((action, KIT)), lambda it: it.programs))


def _actions(results: Results) -> Iterator[Budget]:
    for size, most in MONITORING.items():
        here, of = results.size(VOLUMES, size), f"{size} volumes"
        for action in (MONITOR, QUICK_CHECK):
            theirs, alone = here.get((MONITOR, PEER)), here.get((INTERPRETER, KIT))
            ratio = _ratio(here.get((action, KIT)), theirs, _work)
            yield Budget(f"{action} / the peer's monitor, {of}, CPU", most, ratio)
            ratio = _ratio(here.get((action, KIT)), alone, _work)
            yield Budget(f"{action} / the start of the interpreter, {of}, CPU", most / OF_INTERPRETER, ratio)
        for action, limit in ((START, STARTING[size]), (STOP, STOPPING)):
            ratio = _ratio(here.get((action, KIT)), here.get((action, BARE)), _seconds)
            yield Budget(f"{action} / LVM's own, {of}, time", limit, ratio)


def _growth(results: Results) -> Iterator[Budget]:
    one, many = results.size(VOLUMES, 1), results.size(VOLUMES, MANY)
    for action in (STATUS, CHECK_ALL):
        most, least = _on_server(many, many.get((action, KIT))), _on_server(one, one.get((action, KIT)))
        each = None if most is None or least is None else 1000 * (most - least) / (MANY - 1)
        yield Budget(f"{action}: CPU for each volume more, as on a server", 0.3, each, " ms")
    alone, beside = results.size(UNRELATED, 0), results.size(UNRELATED, 200)
    for action in (START, MONITOR):
        ratio = _ratio(beside.get((action, KIT)), alone.get((action, KIT)), _work)
        yield Budget(f"{action} with 200 unrelated disks / without, CPU", 1.1, ratio)
    here = results.size(GROUPS, 50)
    watch = here.get((WATCH, KIT))
    used = _on_server(here, watch)
    share = None if watch is None or used is None else 100 * used / _seconds(watch)
    yield Budget("watching 50 groups, of a processor as on a server", 1, share, " %")


def _cluster(results: Results) -> Iterator[Budget]:
    move, loss = results.pair(SWITCHOVER_OF_ONE), results.pair(LOST_DISK)
    yield Budget("switchover / the peer's, to the first write", SWITCHING_OVER, move.ratio if move else None)
    yield Budget(
        "a lost disk: until it is acted on, the longest (1 s on a server)", 3, max(loss.kit) if loss else None, " s"
    )


def _on_server(here: Mapping[tuple[str, str], Taken], it: Taken | None) -> float | None:
    """Seconds of processor time that it would take where the interpreter starts as quickly as on a server.

    here: what was taken of the same layout, in which the interpreter was started once for each group.
    """
    interpreter = here.get((INTERPRETER, KIT))
    if it is None or interpreter is None:
        return None
    starts = it.size if it.dimension == GROUPS else 1
    return _work(it) * SERVER / (_work(interpreter) / starts)


def _work(it: Taken) -> float:
    return statistics.median(it.work)


def _seconds(it: Taken) -> float:
    return statistics.median(it.seconds)


def _of(one: Taken | None, number: Callable[[Taken], float | None]) -> float | None:
    return None if one is None else number(one)


def _ratio(ours: Taken | None, theirs: Taken | None, number: Callable[[Taken], float]) -> float | None:
    return None if ours is None or theirs is None or not number(theirs) else number(ours) / number(theirs)

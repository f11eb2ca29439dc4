"""Compare the kit with the hand-made cluster that it replaces: `make bench`. See README.md beside this file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from bench import measures
from bench.hierarchies import SIDES
from bench.series import Comparison, table
from bench.stage import Stage, raised
from lab.guests.errors import LabError
from lab.guests.lab import Lab, default_name

Work = Callable[[], "list[Comparison]"]

SWITCHOVER, FAILOVER, COUNTS, MONITOR, SINGLE = "switchover", "failover", "counts", "monitor", "single"
ALL = (COUNTS, MONITOR, SWITCHOVER, FAILOVER, SINGLE)
USUAL = (COUNTS, MONITOR, SWITCHOVER, SINGLE)
SHORT_ROUNDS = 10
"""rounds of what takes seconds, for each round of what takes a minute"""


@click.command()
@click.option("--only", multiple=True, type=click.Choice(ALL), help="What to measure; all but failover when not given.")
@click.option(
    "--rounds", default=2, show_default=True, type=click.IntRange(1), help="How often each side has its turn."
)
@click.option("--filesystems", default=1, show_default=True, type=click.IntRange(1, 2), help="How many are moved.")
@click.option(
    "--json", "target", default="bench.json", show_default=True, type=click.Path(path_type=Path), help="Result."
)
def main(only: tuple[str, ...], rounds: int, filesystems: int, target: Path) -> None:
    """Measure the peer and the kit in turn on the same guests; print ratios and write all numbers to a file."""
    say, chosen = _clock(), only or USUAL
    found: list[Comparison] = []
    loads = [os.getloadavg()[0]]
    try:
        for name, work in _work(chosen, rounds, filesystems, say):
            say(name)
            found += work()
            loads.append(os.getloadavg()[0])
    except LabError as error:
        say(f"ended early: {error}")
        sys.exit(1)
    finally:
        load = f"load of this machine, {os.cpu_count()} processors, before and after each part: "
        click.echo(f"\n{table(found)}\n\n{load}{' '.join(f'{each:.1f}' for each in loads)}")
        target.write_text(json.dumps({"loads": loads, "results": [each.facts() for each in found]}, indent=1) + "\n")


def _work(
    chosen: tuple[str, ...], rounds: int, filesystems: int, say: Callable[[str], None]
) -> Iterator[tuple[str, Work]]:
    """What is to be done, with the guests for it up; they are gone afterwards."""
    if set(chosen) - {SINGLE}:
        with _lab("") as lab:
            stage = raised(lab, say)
            if COUNTS in chosen:
                yield COUNTS, lambda: measures.counts(stage, say)
            if MONITOR in chosen:
                yield MONITOR, lambda: measures.monitors(stage, SHORT_ROUNDS * rounds)
            if {SWITCHOVER, FAILOVER} & set(chosen):
                yield from _moving(stage, chosen, rounds, filesystems, say)
    if SINGLE in chosen:
        with _lab(" single") as lab:
            yield SINGLE, lambda: measures.single(lab, SHORT_ROUNDS * rounds, say)


def _moving(
    stage: Stage, chosen: tuple[str, ...], rounds: int, filesystems: int, say: Callable[[str], None]
) -> Iterator[tuple[str, Work]]:
    for side in SIDES:
        stage.prepare(side, filesystems, say)
    if SWITCHOVER in chosen:
        yield SWITCHOVER, lambda: measures.switchover(stage, rounds, filesystems, say)
    if FAILOVER in chosen:
        yield FAILOVER, lambda: measures.failover(stage, rounds, filesystems, say)


@contextlib.contextmanager
def _lab(suffix: str) -> Iterator[Lab]:
    lab = Lab(f"{default_name()} bench{suffix}", owned=True)
    lab.down()
    try:
        yield lab
    finally:
        lab.down()


def _clock() -> Callable[[str], None]:
    begun = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.0f} s] {line}")

    return say


if __name__ == "__main__":
    main(prog_name="bench")

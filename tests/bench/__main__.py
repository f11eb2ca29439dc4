"""Compare the kit with the hand-made cluster that it replaces: `make bench`. See README.md beside this file."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import click

from bench import measures, page, results, scale
from bench.hierarchies import SIDES
from bench.layouts import DIMENSIONS
from bench.results import Results
from bench.series import Comparison, table
from bench.stage import raised
from lab.guests.errors import LabError
from lab.guests.lab import CHECKOUT, Lab, default_name
from lvmkit import VERSION

Work = Callable[[], "list[Comparison]"]

SWITCHOVER, FAILOVER, COUNTS, MONITOR = "switchover", "failover", "counts", "monitor"
SINGLE, LOSS = "single", "loss"
ALONE = {SINGLE: measures.single, LOSS: measures.losses}
"""what needs one guest without a cluster"""
ALL = (COUNTS, MONITOR, SWITCHOVER, FAILOVER, *ALONE)
USUAL = (COUNTS, MONITOR, SWITCHOVER, *ALONE)
SCALE, PAGE = "scale", "page"
DOCS = CHECKOUT / "docs"
STORE = DOCS / "benchmark.json"
SHORT_ROUNDS = 10
"""rounds of what takes seconds, for each round of what takes a minute"""


@click.command()
@click.argument("part", required=False, type=click.Choice((SCALE, PAGE)))
@click.option("--only", multiple=True, type=click.Choice(ALL), help="What to measure; all but failover when not given.")
@click.option(
    "--rounds", default=2, show_default=True, type=click.IntRange(1), help="How often each side has its turn."
)
@click.option("--filesystems", default=1, show_default=True, type=click.IntRange(1, 2), help="How many are moved.")
@click.option("--dimension", multiple=True, type=click.Choice(DIMENSIONS), help="Of scale: what grows; all by default.")
def main(part: str | None, only: tuple[str, ...], rounds: int, filesystems: int, dimension: tuple[str, ...]) -> None:
    """Measure the peer and the kit in turn on the same guests; print ratios, and write docs/benchmark.md anew.

    scale: how cost grows with what there is to serve.  page: write it of what was measured before.
    """
    say, chosen = _clock(), only or USUAL
    try:
        if part == SCALE:
            _scale(dimension, say)
        elif part is None:
            _pairs(chosen, rounds, filesystems, say)
    except LabError as error:
        say(f"ended early: {error}")
        sys.exit(1)
    finally:
        _write_page(results.read(STORE))


def _pairs(chosen: tuple[str, ...], rounds: int, filesystems: int, say: Callable[[str], None]) -> None:
    for name, work in _work(chosen, rounds, filesystems, say):
        say(name)
        load = os.getloadavg()[0]
        found = [replace(each, load=load) for each in work()]
        results.write(STORE, results.read(STORE).with_pairs(found))
        click.echo(f"\n{table(found)}\n\nload of this machine before it, {os.cpu_count()} processors: {load:.1f}\n")


def _scale(dimensions: tuple[str, ...], say: Callable[[str], None]) -> None:
    with _lab(" scale") as lab:
        for taken in scale.scale(lab, dimensions, say):
            results.write(STORE, results.read(STORE).with_taken(taken))


def _write_page(found: Results) -> None:
    if not found.taken and not found.pairs:
        return
    (DOCS / "benchmark.md").write_text(page.page(found, VERSION))
    for dimension in dict.fromkeys(each.dimension for each in found.taken):
        (DOCS / page.chart_name(dimension)).write_text(page.chart(found.taken, dimension))


def _work(
    chosen: tuple[str, ...], rounds: int, filesystems: int, say: Callable[[str], None]
) -> Iterator[tuple[str, Work]]:
    """What is to be done, with the guests for it up; they are gone afterwards."""
    if set(chosen) - set(ALONE):
        with _lab("") as lab:
            stage = raised(lab, say)
            if {COUNTS, SWITCHOVER, FAILOVER} & set(chosen):
                for side in SIDES:
                    stage.prepare(side, filesystems, say)
            if COUNTS in chosen:
                yield COUNTS, lambda: measures.counts(stage, filesystems, say)
            if MONITOR in chosen:
                yield MONITOR, lambda: measures.monitors(stage, SHORT_ROUNDS * rounds)
            if SWITCHOVER in chosen:
                yield SWITCHOVER, lambda: measures.switchover(stage, rounds, filesystems, say)
            if FAILOVER in chosen:
                yield FAILOVER, lambda: measures.failover(stage, rounds, filesystems, say)
    for name in (each for each in ALONE if each in chosen):
        with _lab(f" {name}") as lab:
            yield name, partial(ALONE[name], lab, SHORT_ROUNDS * rounds, say)


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

"""Compare the kit with the hand-made cluster that it replaces: `make bench`. See README.md beside this file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from bench import measures, page, scale
from bench.hierarchies import SIDES
from bench.layouts import DIMENSIONS
from bench.scale import Taken
from bench.series import Comparison, table
from bench.stage import Stage, raised
from lab.guests.errors import LabError
from lab.guests.guest import Guest
from lab.guests.lab import CHECKOUT, Lab, default_name
from lvmkit import VERSION

Work = Callable[[], "list[Comparison]"]

SWITCHOVER, FAILOVER, COUNTS, MONITOR, SINGLE = "switchover", "failover", "counts", "monitor", "single"
ALL = (COUNTS, MONITOR, SWITCHOVER, FAILOVER, SINGLE)
USUAL = (COUNTS, MONITOR, SWITCHOVER, SINGLE)
SCALE = "scale"
DOCS = CHECKOUT / "docs"
STORE = DOCS / "benchmark.json"
SHORT_ROUNDS = 10
"""rounds of what takes seconds, for each round of what takes a minute"""


@click.command()
@click.argument("part", required=False, type=click.Choice((SCALE,)))
@click.option("--only", multiple=True, type=click.Choice(ALL), help="What to measure; all but failover when not given.")
@click.option(
    "--rounds", default=2, show_default=True, type=click.IntRange(1), help="How often each side has its turn."
)
@click.option("--filesystems", default=1, show_default=True, type=click.IntRange(1, 2), help="How many are moved.")
@click.option(
    "--json", "target", default="bench.json", show_default=True, type=click.Path(path_type=Path), help="Result."
)
@click.option("--dimension", multiple=True, type=click.Choice(DIMENSIONS), help="Of scale: what grows; all by default.")
def main(
    part: str | None, only: tuple[str, ...], rounds: int, filesystems: int, target: Path, dimension: tuple[str, ...]
) -> None:
    """Measure the peer and the kit in turn on the same guests; print ratios and write all numbers to a file.

    scale: how cost grows with what there is to serve, for docs/benchmark.md.
    """
    say, chosen = _clock(), only or USUAL
    if part == SCALE:
        _scale(dimension, say)
        return
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


def _scale(dimensions: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Measure, and write the pages anew: what was measured now takes the place of what an earlier run says of it."""
    with _lab(" scale") as lab:
        for taken in scale.scale(lab, dimensions, say):
            everything = scale.joined(scale.read(STORE), taken)
            STORE.write_text(json.dumps(scale.facts(everything), indent=1) + "\n")
            _write_pages(everything, Guest(lab).run("uname", "-r").stdout.strip())
            say(f"docs/benchmark.md: {len(everything)} lines, {len(taken)} of them new")


def _write_pages(everything: Sequence[Taken], kernel: str) -> None:
    (DOCS / "benchmark.md").write_text(page.page(everything, VERSION, kernel))
    for dimension in dict.fromkeys(each.dimension for each in everything):
        (DOCS / page.chart_name(dimension)).write_text(page.chart(everything, dimension))


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

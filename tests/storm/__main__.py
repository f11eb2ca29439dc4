"""Run a storm: `make storm MINUTES=60 SEED=n`. See README.md beside this file."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import click

from lab.audit import Audit
from lab.guests.errors import LabError
from lab.guests.lab import CLUSTER, Lab, Result, default_name
from storm import actions, ending, hands, verdict
from storm.actions import KIT, Action, Episode, Weather
from storm.log import Log
from storm.scene import Scene
from storm.verdict import Finding

PUSHED, PATIENCE = "pushed", 600.0
STORMS = Path("build/storm")


@click.command()
@click.option("--minutes", default=60.0, show_default=True, help="No new episode, and no new action, after this time.")
@click.option(
    "--seed", "seeds", type=int, multiple=True, help="What is drawn; a new one when not given. Several take turns."
)
@click.option("--only", default="", help="EPISODE or EPISODE:INDEX,INDEX...: that episode, or these actions of it.")
@click.option(
    "--replay",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="The file of an episode, to run again; more than once for several.",
)
@click.option("--plan", is_flag=True, help="Show what would happen; run nothing.")
def main(minutes: float, seeds: tuple[int, ...], only: str, replay: tuple[Path, ...], plan: bool) -> None:
    """Let random things happen to two servers that are a cluster, and watch from outside what becomes of the data."""
    chosen = seeds or (time.time_ns() % 1_000_000,)
    episodes = _episodes(chosen, only, replay)
    if plan:
        _show(next(episodes))
        return
    named = "-".join(map(str, chosen))
    log = Log(STORMS / f"{time.strftime('%Y%m%d-%H%M%S')}-{named}")
    log.say(f"seed {named}, log {log.folder}")
    end = time.monotonic() + minutes * 60
    try:
        found = Storm(log, end).run(episodes)
    except LabError as error:
        log.say(f"ended early, the lab itself failed: {error}")
        sys.exit(2)
    log.say(f"{found} finding(s)")
    sys.exit(1 if found else 0)


def _episodes(seeds: tuple[int, ...], only: str, replay: tuple[Path, ...]) -> Iterator[Episode]:
    if replay:
        yield from (actions.load(json.loads(path.read_text(encoding="utf-8"))) for path in replay)
    elif only:
        number, indexes = actions.chosen(only)
        yield from (actions.episode(seed, number).only(indexes) for seed in seeds)
    else:
        yield from (actions.episode(seed, number) for number in count() for seed in seeds)


def _show(episode: Episode) -> None:
    click.echo(f"episode {episode.name}: {episode.start}, system ID {'uname' if episode.named else 'none'}")
    for index, action in enumerate(episode.actions):
        click.echo(f"  {index:2} {action} (then {action.pause} s)")


class Storm:
    """Runs episodes one after the other, on the same two guests."""

    def __init__(self, log: Log, end: float) -> None:
        """Describe a storm that begins nothing new after `end`, seconds of the monotonic clock.

        The time that it takes to make the states that episodes begin with comes on top.
        """
        self._log, self._end = log, end
        self._lab = Lab(f"{default_name()} storm", owned=True, progress=log.say)
        self._made: set[str] = set()

    def run(self, episodes: Iterator[Episode]) -> int:
        """Run episodes until the time is over. Return how many findings there were."""
        found = 0
        self._lab.down()
        self._lab.up(kind=CLUSTER)
        try:
            for episode in episodes:
                found += self._episode(episode)
                if time.monotonic() > self._end:
                    break
        finally:
            self._lab.down()
        return found

    def _episode(self, episode: Episode) -> int:
        """Run one episode. Return how many findings it had; the first ends its actions, the rest of it is looked at."""
        self._log.plan(episode)
        self._begin(episode)
        self._log.say(f"episode {episode.name}: {episode.start}, system ID {'uname' if episode.named else 'none'}")
        with Audit(self._lab) as audit:
            scene = Scene(self._lab, audit)
            try:
                index, weather, found = self._happen(scene, episode)
                if not found:
                    found = ending.findings(scene, weather, self._log)
                    index = len(episode.actions)
                for finding in found:
                    self._log.finding(self._lab, episode, index, finding)
            finally:
                scene.stop_writers()
        self._log.say(f"episode {episode.name}: {len(found)} finding(s), {len(scene.acknowledged)} records")
        if found:
            self._log.say(f"again: make storm REPLAY={self._log.folder}/episode-{episode.name}.json")
        return len(found)

    # ---- the states that episodes begin with

    def _begin(self, episode: Episode) -> None:
        label = f"{episode.start}_{'named' if episode.named else 'plain'}"
        if label not in self._made:
            begun = time.monotonic()
            self._make(episode.start, label, named=episode.named)
            self._end += time.monotonic() - begun
        self._lab.reset(label)
        self._lab.wait_for_cluster(lambda it: it.formed(*actions.NODES))

    def _make(self, start: str, label: str, *, named: bool) -> None:
        self._log.say(f"making the state {label}")
        if PUSHED not in self._made:
            self._lab.reset()
            self._lab.push()
            self._lab.save(PUSHED)
            self._made.add(PUSHED)
        self._lab.reset(PUSHED)
        for node in (1, 2):
            if named:
                self._lab.run(node, ("/bin/sh", "-euc", hands.NAMED), check=True)
        self._lab.run(1, ("/bin/sh", "-euc", hands.PREPARE), check=True)
        for words in _PROTECTION[start]:
            self._lab.run(1, ("lvmkit", *words), timeout=PATIENCE, check=True)
        for node in (1, 2):
            self._lab.run(node, ("sync",), check=True)
        self._lab.save(label)
        self._made.add(label)

    # ---- what happens

    def _happen(self, scene: Scene, episode: Episode) -> tuple[int, Weather, list[Finding]]:
        """Let the actions happen until one has a finding or the time is over."""
        weather, index = Weather(), -1
        scene.write_where_mounted(scene.mounts(weather))
        for index, action in enumerate(episode.actions):
            if time.monotonic() > self._end:
                break
            done = self._act(scene, episode, index, action)
            weather = actions.after(weather, action)
            found = self._judge(scene, weather, action, done)
            if found:
                return index, weather, found
        return index, weather, []

    def _act(self, scene: Scene, episode: Episode, index: int, action: Action) -> Result:
        begun = time.monotonic()
        done = scene.perform(action)
        seconds = round(time.monotonic() - begun, 1)
        last = (done.stderr.strip().splitlines() or [""])[-1]
        self._log.say(f"  {index:2} {action}: {done.returncode} ({seconds} s) {last[:100]}")
        self._log.write(
            episode=episode.name,
            index=index,
            action=str(action),
            code=done.returncode,
            seconds=seconds,
            stdout=done.stdout,
            stderr=done.stderr,
        )
        time.sleep(action.pause)
        return done

    @staticmethod
    def _judge(scene: Scene, weather: Weather, action: Action, done: Result) -> list[Finding]:
        samples = scene.audit.samples
        found = verdict.collisions(scene.audit.overlaps(), samples, scene.deeds)
        mounts = scene.mounts(weather)
        found += verdict.double_mounts(mounts)
        if action.kind == KIT and done.returncode >= 0:
            found += verdict.answer(done.returncode, done.stderr, action.signal)
        scene.write_where_mounted(mounts)
        return found or scene.unsaid(samples)


_CREATE = tuple(("create", mount) for mount in (actions.MOUNT, actions.OTHER))
_PROTECTION: dict[str, tuple[tuple[str, ...], ...]] = {
    "bare": (),
    "created": _CREATE,
    "protected": (*_CREATE, ("extend", actions.MOUNT, "--to", actions.NODES[1])),
}

if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    main()

"""What is measured, each as comparisons of the peer and the kit in turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import calls, moves, timed
from bench.budgets import FEW, MONITORING, STARTING, STOPPING, SWITCHING_OVER
from bench.calls import DEVICE_MAPPER, LVM, Call, Started
from bench.hierarchies import KIT, NODES, PEER, SIDES, VG, Disks
from bench.series import LOST_DISK, Comparison
from bench.stage import BARE, UNAME, Say, Stage, agents
from lab import helpers_watch
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import PLAIN, Lab
from lab.helpers_service import PUSHED

TIMEOUT = 300.0
SCRIPTS = "/opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions"
SINGLE = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq {VG} {BY_ID}SHARED1 {BY_ID}SHARED2
for n in 1 2 3 4 5 6 7 8; do lvcreate -qq -L 24M -n lv$n {VG}; done
mkfs.ext4 -q /dev/{VG}/lv1
mkdir -p /srv/lv1
mount /dev/{VG}/lv1 /srv/lv1
lvmkit -q create /srv/lv1
umount /srv/lv1
udevadm settle
"""


def switchover(stage: Stage, rounds: int, filesystems: int, say: Say) -> list[Comparison]:
    """Moves on purpose, off each node in turn: two of each side in a round."""
    taken: dict[str, list[moves.Away]] = {side: [] for side in SIDES}
    for turn, side in _turns(rounds):
        stage.turn(side, filesystems)
        for source in NODES:
            taken[side].append(moves.switchover(stage, side, filesystems, source))
            say(f"round {turn}, {side}, off {source}: {taken[side][-1]}")
    return _of_moves(f"switchover, {filesystems} fs", taken, SWITCHING_OVER)


def failover(stage: Stage, rounds: int, filesystems: int, say: Say) -> list[Comparison]:
    """Deaths of the node that serves. Most of the time is the cluster's own: detection and fencing."""
    taken: dict[str, list[moves.Away]] = {side: [] for side in SIDES}
    after: dict[str, list[float]] = {side: [] for side in SIDES}
    for turn, side in _turns(rounds):
        stage.turn(side, filesystems)
        away, since = moves.failover(stage, side, filesystems)
        taken[side].append(away)
        after[side].append(since)
        say(f"round {turn}, {side}, killed: {away}, {since:.1f} s of it after the fencing")
    since_fencing = Comparison(f"failover, {filesystems} fs: fenced to first write", "s", *_both(after))
    whole, *rest = _of_moves(f"failover, {filesystems} fs", taken, 0.0)
    return [whole, since_fencing, *(each for each in rest if any(each.peer))]


def _of_moves(name: str, taken: dict[str, list[moves.Away]], budget: float) -> list[Comparison]:
    def part(what: str, pick: Callable[[moves.Away], float], allowed: float = 0.0) -> Comparison:
        values = {side: [pick(each) for each in taken[side]] for side in SIDES}
        return Comparison(f"{name}: {what}", "s", *_both(values), allowed)

    return [
        part("to first write", lambda it: it.away, budget),
        part("agents' stops", lambda it: it.stops),
        part("agents' starts", lambda it: it.starts),
        part("processor time", lambda it: it.work),
    ]


def counts(stage: Stage, filesystems: int, say: Say) -> list[Comparison]:
    """Programs and LVM commands for each action, of all agents for a group with one file system together.

    The start takes the group over from the other node, where the cluster has stopped everything.
    """
    start, stop, monitor = "start", "stop", "monitor"
    peer = {a: [calls.peer(a), calls.peer_filesystem(a)] for a in (start, stop, monitor)}
    kit = {a: _kit_agents(a, stage.disks) for a in (start, stop, monitor)}
    for side in (peer, kit):
        side[stop].reverse()
    found: dict[str, dict[str, list[Started]]] = {}
    for side, of_side in ((PEER, peer), (KIT, kit)):
        guest = _stopped_elsewhere(stage, side, filesystems)
        found[side] = {action: [_traced(guest, call) for call in of_side[action]] for action in (start, monitor, stop)}
        say(f"{side}: " + "; ".join(f"{a}: {' '.join(_words(each))}" for a, each in found[side].items()))
    return [
        Comparison(f"{action}: {what}", "", *_both({s: [sum(map(pick, found[s][action]))] for s in SIDES}))
        for action in (start, stop, monitor)
        for what, pick in (("LVM commands", _lvm), ("dmsetup", _dmsetup), ("programs", _all))
    ]


def _kit_agents(action: str, disks: Disks) -> list[Call]:
    return [calls.kit_group(action, disks), calls.kit_volume(action, disks), calls.kit_filesystem(action)]


def _lvm(it: Started) -> float:
    return it.programs[LVM]


def _dmsetup(it: Started) -> float:
    return it.programs[DEVICE_MAPPER]


def _all(it: Started) -> float:
    return it.total


def _words(each: Sequence[Started]) -> Iterator[str]:
    for it in each:
        yield f"{it.total} ({', '.join(f'{count} {name}' for name, count in sorted(it.programs.items()))})"


def monitors(stage: Stage, rounds: int) -> list[Comparison]:
    """The agents' monitors in turn on the same guest, one that the kit has started: both just look at the kernel."""
    guest = _idle_guest(stage)
    started = (calls.kit_group("start", stage.disks), calls.kit_volume("start", stage.disks))
    for call in started:
        _called(guest, call)
    peer, group = calls.peer("monitor"), calls.kit_group("monitor", stage.disks)
    volume = calls.kit_volume("monitor", stage.disks)
    theirs, ours, above = _timed(guest, rounds, [each.turn() for each in (peer, group, volume)])
    return [
        Comparison("monitor, 8 LVs: lvmvg", "s", theirs, ours, MONITORING[FEW]),
        Comparison("monitor, 8 LVs: lvmlv", "s", theirs, above, MONITORING[FEW]),
    ]


def single(lab: Lab, rounds: int, say: Say) -> list[Comparison]:
    """One server without a cluster: our scripts against LVM's own command with the stock configuration."""
    say("guest without a cluster")
    lab.up(kind=PLAIN)
    lab.reset()
    lab.push()
    guest = Guest(lab)
    guest.sh(SINGLE, timeout=TIMEOUT)
    _called(guest, _script("remove"))
    up, down = _bare("-ay"), _bare("-an")
    restore, remove = (_script(name) for name in ("restore", "remove"))
    pauses = Call(("/usr/bin/udevadm", "settle"), {}).turn(counts=False)
    turns = [turn for call in (up, down, restore, remove) for turn in (call.turn(), pauses)]
    on, off, ours_on, ours_off = _timed(guest, rounds, turns)
    return [
        Comparison("one server: restore / vgchange -ay, 8 LVs", "s", on, ours_on, STARTING[FEW]),
        Comparison("one server: remove / vgchange -an, 8 LVs", "s", off, ours_off, STOPPING),
    ]


def losses(lab: Lab, rounds: int, say: Say) -> list[Comparison]:
    """A disk vanishes below a mounted file system: when the watcher acts, by the guest's clock. The peer has none."""
    lab.up(kind=PLAIN)
    lab.reset()
    lab.push()
    lab.save(PUSHED)
    taken = []
    for _ in range(rounds):
        guest = helpers_watch.watched_in(lab)
        moment = helpers_watch.delete(guest, "SHARED1")
        taken.append(helpers_watch.first(guest, helpers_watch.LOST, moment))
        say(f"acted on after {taken[-1]:.2f} s")
    return [Comparison(LOST_DISK, "s", (), tuple(taken))]


def _bare(word: str) -> Call:
    return Call(("/usr/sbin/vgchange", "-q", word, VG), {})


def _script(name: str) -> Call:
    return Call((f"{SCRIPTS}/{name}", "-t", VG, "-i", f"lvmvg-{VG}"), {})


def _turns(rounds: int) -> Iterator[tuple[int, str]]:
    """Peer and kit in turn; every other round the kit is first, so that neither profits from its place."""
    for turn in range(1, rounds + 1):
        for side in SIDES if turn % 2 else reversed(SIDES):
            yield turn, side


def _both(values: dict[str, list[float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(values[PEER]), tuple(values[KIT])


def _stopped_elsewhere(stage: Stage, side: str, filesystems: int) -> Guest:
    """Guest 1 of a cluster that has moved everything to guest 2 and has stopped it there."""
    stage.turn(side, filesystems)
    stage.move(side, filesystems, NODES[1])
    guest = stage.guest(1)
    for resource in reversed(agents(side, filesystems)):
        guest.run(
            "crm_resource",
            "--meta",
            "--resource",
            resource,
            "--set-parameter",
            "target-role",
            "--parameter-value",
            "Stopped",
        )
    stage.lab.wait_for_cluster(lambda it: not any(it.running(each) for each in agents(side, filesystems)))
    return guest


def _idle_guest(stage: Stage) -> Guest:
    """Guest 1 of a cluster that has nothing to serve, with LVM set up as the peer wants it."""
    stage.lab.reset(BARE)
    stage.lab.wait_for_cluster(lambda it: it.formed(*NODES))
    guest = stage.guest(1)
    guest.sh(UNAME)
    return guest


def _called(guest: Guest, call: Call) -> None:
    guest.run(*call.argv, env=call.environment, timeout=TIMEOUT)


def _traced(guest: Guest, call: Call) -> Started:
    guest.run(*calls.STRACE, *call.argv, env=call.environment, timeout=TIMEOUT)
    return calls.started(guest.run("cat", calls.TRACE_FILE).stdout)


def _timed(guest: Guest, rounds: int, turns: Sequence[dict[str, object]]) -> list[tuple[float, ...]]:
    """Seconds of each turn that counts. One round more is made, before the others, to warm up."""
    code = Path(timed.__file__).read_text(encoding="utf-8")
    task = json.dumps({"rounds": rounds + 1, "turns": turns}).encode()
    answer = guest.run("python3", "-IS", "-c", code, stdin=task, timeout=rounds * TIMEOUT).stdout
    return [tuple(seconds for seconds, _work in times[1:]) for times in json.loads(answer)]

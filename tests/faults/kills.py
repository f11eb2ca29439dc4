"""The kit killed at each of its system calls of note, and called again: nothing half done may stay.

strace(1) tells which calls a command makes, and kills it with SIGKILL at one of them; programs that it has started die
with it, as they do in reality.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from faults import sides, truth
from faults.layouts import LV, MOUNT, VG
from lab.guests.guest import BY_ID, Guest

OF_NOTE = "ioctl,flock,rename,unlink,mkdir,fsync,fdatasync,pwrite64,ftruncate,clone,clone3,vfork,kill"
"""what takes a lock, changes the kernel or a file, makes that durable, or starts or ends a program"""
_TERMINALS = re.compile(r"^ioctl\(\d+, (TC|TIO|FIO)")
"""questions about terminals and descriptors, which are of no note"""
MOST = 15
"""points for each command; where it makes more calls, these are spread evenly over them"""
LOG = "/root/calls"
KILLED = (-9, 137)
TIMEOUT = 240.0

_ACTIONS = "/opt/LifeKeeper/subsys/{}/resources/{}/actions/{}"
_UP, _DOWN, _OPEN, _GROWN = "up", "down", "not protected", "grown"
START = {
    _UP: "true",
    _DOWN: "lvmkit -q out-of-service {vg}",
    _OPEN: "lvmkit -q delete {mount}",
    _GROWN: "vgextend -qq {vg} {disk}",
}
"""what makes each state that a command begins in, of a hierarchy that is in service"""


@dataclass(frozen=True)
class Command:
    """What is killed. before: a key of START."""

    name: str
    argv: tuple[str, ...]
    before: str


@dataclass(frozen=True)
class Point:
    """A system call: its name, and which one of that name it is, counted from 1."""

    call: str
    nth: int


@dataclass
class Killed:
    """What came of one command. wrong: of a point, in words."""

    command: Command
    points: int = 0
    wrong: dict[Point, str] = field(default_factory=dict)


def _action(verb: str, area: str, kind: str, tag: str, before: str) -> Command:
    return Command(f"{verb} of {kind}", (_ACTIONS.format(area, kind, verb), "-t", tag), before)


COMMANDS = (
    _action("restore", "scsi", "lvmvg", VG, _DOWN),
    _action("restore", "gen", "filesys", MOUNT, _DOWN),
    _action("remove", "gen", "filesys", MOUNT, _UP),
    _action("remove", "scsi", "lvmlv", f"{VG}/{LV}", _UP),
    _action("remove", "scsi", "lvmvg", VG, _UP),
    Command("create", ("lvmkit", "-q", "create", MOUNT), _OPEN),
    Command("adddelpv", ("adddelpv", "-q", VG, "--yes"), _GROWN),
)


def points(log: str) -> list[Point]:
    """The calls of note that strace has written down, in order."""
    counts: dict[str, int] = {}
    noted = []
    for line in log.splitlines():
        call, bracket, _ = line.partition("(")
        if not bracket or not call.isidentifier():
            continue
        counts[call] = counts.get(call, 0) + 1
        if not _TERMINALS.match(line):
            noted.append(Point(call, counts[call]))
    return noted


def spread(every: Sequence[Point], most: int) -> list[Point]:
    """At most so many of the points, the first and the last among them."""
    if len(every) <= most:
        return list(every)
    return [every[round(place * (len(every) - 1) / (most - 1))] for place in range(most)]


def traced(argv: Sequence[str]) -> tuple[str, ...]:
    """The command, with its calls written down."""
    return ("strace", "-qq", "-o", LOG, "-e", f"trace={OF_NOTE}", *argv)


def struck(argv: Sequence[str], point: Point) -> tuple[str, ...]:
    """The command, killed at a point."""
    kill = f"inject={point.call}:signal=KILL:when={point.nth}"
    return ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={point.call}", "-e", kill, *argv)


def try_all(command: Command, most: int, fresh: Callable[[], Guest]) -> Killed:
    """Kill the command at so many points. fresh: gives the guest in the state that prepare() made, each time."""
    guest = fresh()
    guest.run(*traced(command.argv), timeout=TIMEOUT)
    chosen = spread(points(guest.run("cat", LOG).stdout), most)
    killed = Killed(command, len(chosen))
    for point in chosen:
        guest = fresh()
        code = guest.run(*struck(command.argv, point), timeout=TIMEOUT, check=False).returncode
        again = guest.run(*command.argv, timeout=TIMEOUT, check=False)
        said = wrong(code, again.returncode, again.stdout + again.stderr, _end(command, guest))
        if said:
            killed.wrong[point] = said
    return killed


def prepare(command: Command, guest: Guest) -> None:
    """Make the state that a command begins in, of a hierarchy that is in service."""
    script = START[command.before].format(vg=VG, mount=MOUNT, disk=f"{BY_ID}SHARED3")
    guest.sh(script, timeout=TIMEOUT)
    if command.name == "restore of filesys":
        guest.run("lvmkit", "-q", "in-service", f"{VG}/{LV}", timeout=TIMEOUT)
    if command.name.startswith("remove of lvm"):
        guest.run("lvmkit", "-q", "out-of-service", MOUNT, timeout=TIMEOUT)
    if command.name == "remove of lvmvg":
        guest.run("lvmkit", "-q", "out-of-service", f"{VG}/{LV}", timeout=TIMEOUT)


def wrong(killed: int, again: int, said: str, end: str) -> str:
    """What must not be, in words; '' for what is right.

    killed, again: exit codes.  said: by the second call.  end: what is wrong in the end.
    Not killed is right where the call at the point was not made again: how often a command waits differs.
    """
    if killed not in (0, *KILLED):
        return f"ended with {killed}, not by the signal"
    if again and not ("000014" in said and not end):  # a create that the second call finished exists then
        return f"the second call failed: {said.strip().splitlines()[-1:]}"
    return end


def _end(command: Command, guest: Guest) -> str:
    """What is wrong after the second call, and once everything has been taken down and brought up again."""
    side = sides.kit()
    if command.before == _UP and "lvmvg" in command.name and not truth.look(guest).down:
        return "down is said of what is up"
    if guest.sh("ls /var/lib/lvmkit/journal/*.json 2>/dev/null | wc -l").stdout.strip() != "0":
        return "a journal is left"
    side.down(guest)
    if not truth.look(guest).down:
        return "it does not go down"
    if not side.up(guest).fine or not truth.look(guest).usable:
        return "it does not come up"
    if guest.sh("sha256sum --quiet --check /root/sum", check=False).returncode:
        return "data lost"
    checked = guest.run("lvmkit", "--quiet", "check", "--deep", check=False, timeout=TIMEOUT)
    return f"the check says {checked.stdout.strip()}" if checked.returncode else ""

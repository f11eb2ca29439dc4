"""The kit killed at each of its system calls of note, and called again: nothing half done may stay.

strace(1) tells which calls a command makes, and kills it with SIGKILL at one of them; programs that it has started die
with it, as they do in reality. Of calls between which nothing changes one is enough: the command leaves the same.

What is left after the second call is proved by taking all down and up again, with its data, and a deep check. An end
that is in every respect as one that has been proved before (PRINT) is not proved again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from faults import sides, truth
from faults.layouts import LV, MOUNT, VG
from lab.guests.guest import BY_ID, Guest

OF_NOTE = "ioctl,flock,rename,unlink,mkdir,fsync,fdatasync,pwrite64,ftruncate,clone,clone3,vfork,kill"
"""what takes a lock, changes the kernel or a file, makes that durable, or starts or ends a program"""
_TERMINALS = re.compile(r"^ioctl\([^,]*, (TC|TIO|FIO)")
"""questions about terminals and descriptors, which are of no note"""
READS = re.compile(
    r"^ioctl\([^,]*, (DM_VERSION|DM_LIST|DM_DEV_STATUS|DM_TABLE_STATUS|DM_TABLE_DEPS|BLK\w*GET|BLKGET)"
    r"|^flock\([^,]*, LOCK_UN"
    r"|^(pwrite64|ftruncate)\([^,]*-shm>"
)
"""calls after which all is as it was before them; SQLite's shared memory is made anew by who finds it unused"""
_REFUSED = " = -1 E"
_STARTS = ("clone", "clone3", "vfork")
"""whatever comes after one of these is of note: the program that it started goes on meanwhile"""
MOST = 40
"""points for each command; where it makes more calls, these are spread evenly over them"""
LOG = "/root/calls"
KILLED = (-9, 137)
TIMEOUT = 240.0

PRINT = f"""
set +e
dmsetup table
dmsetup info -c --noheadings -o name,uuid,suspended,open
cut -d ' ' -f 3- /proc/self/mountinfo
[ ! -e {MOUNT}/file ] || sha256sum {MOUNT}/file
vgs --noheadings -o vg_name,vg_uuid,vg_systemid,vg_autoactivation,vg_tags,lv_name,lv_uuid,devices
pvs --noheadings -o pv_name,pv_uuid,vg_name
cat /etc/lkvgs
find /run/lvmkit /var/lib/lvmkit /etc/lvmkit -type f ! -name 'engine.sqlite*' 2>/dev/null | sort | xargs -r sha256sum
python3 -c '
import sqlite3
print(*sqlite3.connect("file:/var/lib/lvmkit/engine.sqlite?mode=ro", uri=True).iterdump(), sep=chr(10))'
ps --ppid 2 -p 2 --deselect -o args= | sort
"""
"""a shell script that prints all that a later call of the kit can depend on"""

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

    def __str__(self) -> str:
        return f"{self.call} {self.nth}"


@dataclass(frozen=True)
class Killed:
    """What came of one command. points: at how many it was killed.  wrong: of a point, in words."""

    command: Command
    points: int = 0
    wrong: dict[Point, str] = field(default_factory=dict)


def _action(verb: str, area: str, kind: str, tag: str, before: str) -> Command:
    return Command(f"{verb} of {kind}", (_ACTIONS.format(area, kind, verb), "-t", tag), before)


COMMANDS = (
    _action("restore", "scsi", "lvmvg", VG, _DOWN),
    _action("restore", "scsi", "lvmlv", f"{VG}/{LV}", _DOWN),
    _action("restore", "gen", "filesys", MOUNT, _DOWN),
    _action("remove", "gen", "filesys", MOUNT, _UP),
    _action("remove", "scsi", "lvmlv", f"{VG}/{LV}", _UP),
    _action("remove", "scsi", "lvmvg", VG, _UP),
    Command("create", ("lvmkit", "-q", "create", MOUNT), _OPEN),
    Command("adddelpv", ("adddelpv", "-q", VG, "--yes"), _GROWN),
)


def points(log: str) -> list[Point]:
    """The calls of note that strace has written down, in order: each leaves something else when it is not made."""
    counts: dict[str, int] = {}
    noted = []
    changed, running = True, False
    for line in log.splitlines():
        call, bracket, _ = line.partition("(")
        if not bracket or not call.isidentifier():
            continue
        counts[call] = counts.get(call, 0) + 1
        if _TERMINALS.match(line):
            continue
        if changed:
            noted.append(Point(call, counts[call]))
        if not READS.match(line) and _REFUSED not in line:
            changed = True
            running = call in _STARTS
        elif not running:
            changed = False
    return noted


def spread(every: Sequence[Point], most: int) -> list[Point]:
    """At most so many of the points, the first and the last among them."""
    if len(every) <= most:
        return list(every)
    return [every[round(place * (len(every) - 1) / (most - 1))] for place in range(most)]


def traced(argv: Sequence[str]) -> tuple[str, ...]:
    """The command, with its calls written down."""
    return ("strace", "-qq", "-y", "-o", LOG, "-e", f"trace={OF_NOTE}", *argv)


def struck(argv: Sequence[str], point: Point) -> tuple[str, ...]:
    """The command, killed at a point."""
    kill = f"inject={point.call}:signal=KILL:when={point.nth}"
    return ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={point.call}", "-e", kill, *argv)


def calls(command: Command, most: int, guest: Guest) -> list[Point]:
    """Run the command once, and choose so many of the points at which it is to be killed."""
    guest.run(*traced(command.argv), timeout=TIMEOUT)
    return spread(points(guest.run("cat", LOG).stdout), most)


def kill(command: Command, point: Point, guest: Guest, proved: set[str]) -> str:
    """Kill the command at a point and call it again. Return what is wrong then, in words.

    proved: prints of ends that need not be proved again; that of a right one is added.
    """
    code = guest.run(*struck(command.argv, point), timeout=TIMEOUT, check=False).returncode
    again = guest.run(*command.argv, timeout=TIMEOUT, check=False)
    return wrong(code, again.returncode, again.stdout + again.stderr, _end(command, guest, proved))


def prepare(command: Command, guest: Guest) -> None:
    """Make the state that a command begins in, of a hierarchy that is in service."""
    script = START[command.before].format(vg=VG, mount=MOUNT, disk=f"{BY_ID}SHARED3")
    guest.sh(script, timeout=TIMEOUT)
    if command.name == "restore of lvmlv":
        guest.run("lvmkit", "-q", "in-service", VG, timeout=TIMEOUT)
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


def _end(command: Command, guest: Guest, proved: set[str]) -> str:
    """What is wrong after the second call, and once everything has been taken down and brought up again."""
    if command.before == _UP and "lvmvg" in command.name and not truth.look(guest).down:
        return "down is said of what is up"
    if guest.sh("ls /var/lib/lvmkit/journal/*.json 2>/dev/null | wc -l").stdout.strip() != "0":
        return "a journal is left"
    end = guest.sh(PRINT, timeout=TIMEOUT).stdout
    if end in proved:
        return ""
    said = _prove(guest)
    if not said:
        proved.add(end)
    return said


def _prove(guest: Guest) -> str:
    side = sides.kit()
    side.down(guest)
    if not truth.look(guest).down:
        return "it does not go down"
    if not side.up(guest).fine or not truth.look(guest).usable:
        return "it does not come up"
    if guest.sh("sha256sum --quiet --check /root/sum", check=False).returncode:
        return "data lost"
    checked = guest.run("lvmkit", "--quiet", "check", "--deep", check=False, timeout=TIMEOUT)
    return f"the check says {checked.stdout.strip()}" if checked.returncode else ""

"""The kit and its peer, each by the calls that a cluster would make for one volume group with one file system."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from faults.layouts import LV, MOUNT, VG
from lab.guests.guest import Guest

KIT, PEER = "kit", "peer"
GROUP, ACTIVATE = "lvmvg", "LVM-activate"
LIMITS = {"quick": 20.0, "deep": 60.0, "down": 90.0, "up": 90.0}
"""seconds that the agents' metadata recommend for an operation, and a second more is too long"""
GIVEN_UP = 5.0
"""seconds past its limit after which a call is killed, as a cluster would do it"""
NUMBER = re.compile(r"(?:\b(?:ERROR|WARN)(?::.*?:| )|^\S+ +\S+ +)(\d{6})[: ]", re.MULTILINE)
"""of a message: as scripts say it, as commands do, and in the table of `lvmkit check`"""
_OCF = {"OCF_ROOT": "/usr/lib/ocf", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_SCRIPTS = (("scsi", GROUP, VG), ("scsi", "lvmlv", f"{VG}/{LV}"), ("gen", "filesys", MOUNT))
_AGENTS = (
    (ACTIVATE, {"vgname": VG, "vg_access_mode": "system_id"}),
    ("Filesystem", {"device": f"/dev/{VG}/{LV}", "directory": MOUNT, "fstype": "{fstype}"}),
)


@dataclass(frozen=True)
class Answer:
    """What a call said. code: the worst exit code of its parts.  numbers: of messages.  words: the last line said.

    seconds: of all parts together.  longest: of the part that took longest; each part has the whole limit.
    failed: the last part that failed, by its resource type or agent.
    """

    code: int
    seconds: float
    numbers: tuple[str, ...] = ()
    words: str = ""
    longest: float = 0.0
    failed: str = ""

    @property
    def fine(self) -> bool:
        """Whether all is said to be well, or to be done."""
        return self.code == 0


@dataclass(frozen=True)
class Side:
    """One of the two. checks: by name, the least deep first."""

    name: str
    checks: dict[str, Callable[[Guest], Answer]]
    down: Callable[[Guest], Answer]
    up: Callable[[Guest], Answer]


def kit() -> Side:
    """The action scripts, as an engine runs them, and the deep check."""
    return Side(
        KIT,
        {
            "quickCheck": lambda guest: _scripts(guest, "quickCheck", "quick"),
            "deep check": lambda guest: _call(guest, "", ("lvmkit", "check", "--deep", MOUNT), "deep"),
        },
        lambda guest: _scripts(guest, "remove", "down"),
        lambda guest: _scripts(guest, "restore", "up"),
    )


def peer(fstype: str) -> Side:
    """heartbeat's LVM-activate and Filesystem, as Pacemaker runs them."""
    return Side(
        PEER,
        {f"monitor {level}": _monitor(fstype, level) for level in (0, 10, 20)},
        lambda guest: _agents(guest, fstype, "stop", "down"),
        lambda guest: _agents(guest, fstype, "start", "up"),
    )


def _scripts(guest: Guest, action: str, limit: str) -> Answer:
    worst = Answer(0, 0.0)
    for area, kind, tag in reversed(_SCRIPTS) if action == "remove" else _SCRIPTS:
        script = f"/opt/LifeKeeper/subsys/{area}/resources/{kind}/actions/{action}"
        worst = _worse(worst, _call(guest, kind, (script, "-t", tag), limit))
        if action != "quickCheck" and not worst.fine:
            break
    return worst


def _monitor(fstype: str, level: int) -> Callable[[Guest], Answer]:
    return lambda guest: _agents(guest, fstype, "monitor", "deep" if level else "quick", level)


def _agents(guest: Guest, fstype: str, action: str, limit: str, level: int = 0) -> Answer:
    order = reversed(_AGENTS) if action == "stop" else _AGENTS
    worst = Answer(0, 0.0)
    for agent, given in order:
        if agent == ACTIVATE and level == 20:
            continue  # it has no such level
        values = {f"OCF_RESKEY_{key}": value.format(fstype=fstype) for key, value in given.items()}
        own = {"OCF_RESOURCE_INSTANCE": agent.lower(), "OCF_RESOURCE_TYPE": agent, "OCF_CHECK_LEVEL": str(level)}
        argv = (f"/usr/lib/ocf/resource.d/heartbeat/{agent}", action)
        worst = _worse(worst, _call(guest, agent, argv, limit, {**_OCF, **own, **values}))
        if action != "monitor" and not worst.fine:
            break
    return worst


def _worse(one: Answer, other: Answer) -> Answer:
    last = one if other.fine else other
    return Answer(
        max(one.code, other.code),
        one.seconds + other.seconds,
        one.numbers + other.numbers,
        last.words,
        max(one.longest, other.longest),
        last.failed,
    )


def _call(guest: Guest, part: str, argv: tuple[str, ...], limit: str, env: dict[str, str] | None = None) -> Answer:
    begun = time.monotonic()
    done = guest.run(*argv, env=env, timeout=LIMITS[limit] + GIVEN_UP, check=False)
    seconds = time.monotonic() - begun
    numbers = tuple(dict.fromkeys(NUMBER.findall(done.stderr + done.stdout)))
    if not done.returncode:
        return Answer(0, seconds, numbers, longest=seconds)
    words = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
    return Answer(done.returncode, seconds, numbers, words, seconds, part)


def in_time(name: str, answer: Answer) -> bool:
    """Return whether an answer came within the limit of its kind. name: of a check, "down" or "up"."""
    kind = name if name in LIMITS else "quick" if name in ("quickCheck", "monitor 0") else "deep"
    return answer.longest <= LIMITS[kind] + 1.0

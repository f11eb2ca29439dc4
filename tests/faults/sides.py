"""The kit and its peer, each by the calls that a cluster would make for one volume group with one file system."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from faults.layouts import LV, MOUNT, VG
from lab.guests.guest import Guest

KIT, PEER = "kit", "peer"
LIMITS = {"quick": 20.0, "deep": 60.0, "down": 90.0, "up": 90.0}
"""seconds that the agents' metadata recommend for an operation, and a second more is too long"""
GIVEN_UP = 30.0
"""seconds past its limit after which a call is killed"""
NUMBER = re.compile(r"\b(?:ERROR|WARN)(?::.*?:| )(\d{6}):")
_OCF = {"OCF_ROOT": "/usr/lib/ocf", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_SCRIPTS = (("scsi", "lvmvg", VG), ("scsi", "lvmlv", f"{VG}/{LV}"), ("gen", "filesys", MOUNT))
_AGENTS = (
    ("LVM-activate", {"vgname": VG, "vg_access_mode": "system_id"}),
    ("Filesystem", {"device": f"/dev/{VG}/{LV}", "directory": MOUNT, "fstype": "{fstype}"}),
)


@dataclass(frozen=True)
class Answer:
    """What a call said. code: the worst exit code of its parts.  numbers: of messages.  words: the last line said."""

    code: int
    seconds: float
    numbers: tuple[str, ...] = ()
    words: str = ""

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
            "deep check": lambda guest: _called(guest, (("lvmkit", "check", "--deep", MOUNT),), {}, "deep"),
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
    order = reversed(_SCRIPTS) if action == "remove" else _SCRIPTS
    calls = tuple(
        (f"/opt/LifeKeeper/subsys/{area}/resources/{kind}/actions/{action}", "-t", tag) for area, kind, tag in order
    )
    return _called(guest, calls, {}, limit, stop=action != "quickCheck")


def _monitor(fstype: str, level: int) -> Callable[[Guest], Answer]:
    return lambda guest: _agents(guest, fstype, "monitor", "deep" if level else "quick", level)


def _agents(guest: Guest, fstype: str, action: str, limit: str, level: int = 0) -> Answer:
    order = reversed(_AGENTS) if action == "stop" else _AGENTS
    worst = Answer(0, 0.0)
    for agent, given in order:
        if agent == "LVM-activate" and level == 20:
            continue  # it has no such level
        values = {f"OCF_RESKEY_{key}": value.format(fstype=fstype) for key, value in given.items()}
        own = {"OCF_RESOURCE_INSTANCE": agent.lower(), "OCF_RESOURCE_TYPE": agent, "OCF_CHECK_LEVEL": str(level)}
        argv = (f"/usr/lib/ocf/resource.d/heartbeat/{agent}", action)
        worst = _worse(worst, _called(guest, (argv,), {**_OCF, **own, **values}, limit))
        if action != "monitor" and not worst.fine:
            break
    return worst


def _worse(one: Answer, other: Answer) -> Answer:
    words = other.words if other.code else one.words
    return Answer(max(one.code, other.code), one.seconds + other.seconds, one.numbers + other.numbers, words)


def _called(
    guest: Guest, calls: tuple[tuple[str, ...], ...], env: dict[str, str], limit: str, *, stop: bool = False
) -> Answer:
    """Run calls one after the other. stop: at the first that fails."""
    answer = Answer(0, 0.0)
    for argv in calls:
        begun = time.monotonic()
        done = guest.run(*argv, env=env, timeout=LIMITS[limit] + GIVEN_UP, check=False)
        said = (done.stderr + done.stdout).strip()
        numbers = tuple(dict.fromkeys(NUMBER.findall(said)))
        words = (done.stderr.strip().splitlines() or [""])[-1] if done.returncode else ""
        answer = _worse(answer, Answer(done.returncode, time.monotonic() - begun, numbers, words))
        if stop and not answer.fine:
            break
    return answer


def in_time(name: str, answer: Answer) -> bool:
    """Return whether an answer came within the limit of its kind. name: of a check, "down" or "up"."""
    kind = name if name in LIMITS else "quick" if name in ("quickCheck", "monitor 0") else "deep"
    return answer.seconds <= LIMITS[kind] + 1.0

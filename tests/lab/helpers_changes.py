"""What the tests of create, delete and adddelpv share: states to start from, and many calls in one go (inside.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.guests.guest import BY_ID, Guest
from lab.helpers_service import numbers

Call = dict[str, Any]

INSIDE, CALLS, RESULTS = "/root/inside.py", "/run/inside-calls", "/run/inside-results"
START = f"""
setsid python3 -I {INSIDE} {CALLS} {RESULTS} < /dev/null > /dev/null 2>&1 &
until [ -p {RESULTS} ]; do sleep 0.1; done
"""
ASK = f"cat > {CALLS}; cat {RESULTS}"
MADE = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq vg1 {BY_ID}SHARED1 {BY_ID}SHARED2
for lv in data www; do
    lvcreate -qq -L 20M -n $lv vg1
    mkfs.ext4 -q /dev/vg1/$lv
    mkdir -p /srv/$lv
    mount /dev/vg1/$lv /srv/$lv
    head -c 1000000 /dev/urandom > /srv/$lv/file
done
sha256sum /srv/*/file > /root/sums
sync
"""
CREATE = ("lvmkit", "-q", "create", "/srv/data")
CHECK_ALL = ("lvmkit", "-q", "check", "--all")
DELETE = ("lvmkit", "-q", "delete", "/srv/data")
PROTECTED = {"vg1", "disk-SHARED1", "disk-SHARED2", "vg1/data", "/srv/data"}


class Outcome:
    """How a call ended, and all that the kit can change before and after it."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.argv: list[str] = facts["argv"]
        self.returncode: int = facts["returncode"]
        self.stdout: str = facts["stdout"]
        self.stderr: str = facts["stderr"]
        self.events: list[str] = facts["events"]
        self.seconds: float = facts["seconds"]
        self.before: dict[str, Any] = facts["before"]
        self.after: dict[str, Any] = facts["after"]

    def __repr__(self) -> str:
        return f"{self.argv} -> {self.returncode} after {self.events[-1:]}\n{self.stderr}"

    @property
    def numbers(self) -> list[str]:
        """Numbers of the warnings and errors, in order."""
        return numbers(self)  # type: ignore[arg-type]

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """What differs, before and after."""
        return {key: (old, self.after[key]) for key, old in self.before.items() if self.after[key] != old}

    @property
    def states(self) -> dict[str, str]:
        """{tag: state} after the call."""
        return {tag: facts["state"] for tag, facts in self.after["engine"]["instances"].items()}


def made(guest: Guest) -> None:
    """Two mounted file systems on one volume group; nothing is protected."""
    guest.sh(MADE)
    guest.lab.copy(guest.node, Path(__file__).with_name("inside.py"), INSIDE)
    guest.sh(START)
    calls(guest)


def protected(guest: Guest) -> None:
    """One of the two file systems is protected; the other is not mounted."""
    guest.sh("umount /srv/www; lvmkit -q create /srv/data", timeout=120)


def calls(guest: Guest, *wanted: Call | Sequence[str], timeout: float = 300.0) -> list[Outcome]:
    """Make these calls one after the other; each is a dict as inside.py takes it, or its argv alone."""
    listed = [call if isinstance(call, dict) else {"argv": list(call)} for call in wanted]
    answer = guest.run("sh", "-ec", ASK, stdin=json.dumps(listed).encode(), timeout=timeout).stdout
    if not answer.startswith("["):
        raise AssertionError(answer)
    return [Outcome(facts) for facts in json.loads(answer)]


def shell(script: str) -> Call:
    """A call of something that is not the kit's."""
    return {"argv": ["sh", script]}


def killed(argv: Sequence[str], at: str, nth: int = 1, **more: Any) -> Call:
    """A call that dies before the nth event that has this text."""
    return {"argv": list(argv), "at": at, "nth": nth, **more}


def traces(state: dict[str, Any]) -> dict[str, Any]:
    """What a creation leaves and a deletion takes away."""
    listed = [line.split()[0] for line in state["lkvgs"].splitlines() if not line.startswith(("#", "("))]
    kept = ("autoactivation", "journal", "flags", "records", "engine", "mapped", "mounts")
    return {**{key: state[key] for key in kept}, "listed": listed}


def same_data(guest: Guest) -> bool:
    """Whether every mounted file has the content that was written."""
    return guest.run("sha256sum", "--quiet", "--ignore-missing", "--check", "/root/sums", check=False).returncode == 0

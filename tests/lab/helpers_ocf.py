"""What the tests of the OCF agents share, on one server and in a cluster."""

from __future__ import annotations

import re

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Result

AGENTS = "/usr/lib/ocf/resource.d/lvmkit"
VG, DEEP = "my-vg.1+a", "deep"
DATA = f"{VG}/data--x"

MADE = f"""
vgcreate -qq {VG} {BY_ID}SHARED1 {BY_ID}SHARED2
lvcreate -qq -L 48M -n data--x {VG}
lvcreate -qq -L 48M -n www -i 2 {VG}
dmsetup create path --table "0 520192 linear {BY_ID}SHARED3 2048"
vgcreate -qq {DEEP} /dev/mapper/path
lvcreate -qq -L 32M -n lv {DEEP}
vgchange -qq -an {VG} {DEEP}
"""


def run_agent(guest: Guest, agent: str, action: str, given: dict[str, str], *prefix: str, **environment: str) -> Result:
    """One action of an agent, as Pacemaker calls it. prefix: words before the agent.  environment: besides given."""
    parameters = {f"OCF_RESKEY_{name}": value for name, value in given.items()}
    fixed = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": "res"}
    return guest.run(*prefix, f"{AGENTS}/{agent}", action, env={**parameters, **fixed, **environment}, check=False)


def reason(result: Result) -> tuple[int, str]:
    """(return code, number in the exit reason)."""
    return result.returncode, "".join(re.findall(r"^ocf-exit-reason:(\d{6}) ", result.stderr, re.M))


def make(guest: Guest) -> None:
    """Two volume groups, of which nothing is active."""
    guest.sh(MADE, timeout=240)

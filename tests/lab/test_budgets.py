"""What an action costs: LVM commands, processes and imported modules, counted on the installed scripts."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_service import TAG, VG, guest_in, held, script, serve

STRACE = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve,clone,clone3,fork,vfork", "-o", "/root/trace")
LISTED_TYPES = (
    ("lvmvg", TAG, f"lvmvg-{VG}"),
    ("lvmlv", f"{TAG}/www", f"/dev/{VG}/www"),
    ("filesys", "/srv/www", "/srv/www"),
)
HEAVY = {
    "subprocess",
    "signal",
    "socket",
    "logging",
    "dataclasses",
    "re",
    "json",
    "argparse",
    "pathlib",
    "typing",
    "enum",
}
"""what costs more to import than a check takes"""


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    """Two file systems in service."""
    return guest_in(pushed_lab, "served", serve)


@pytest.mark.parametrize(("kind", "tag", "resource_id"), LISTED_TYPES, ids=[kind for kind, *_ in LISTED_TYPES])
def test_quick_check_starts_no_process_and_imports_nothing_heavy(
    served: Guest, kind: str, tag: str, resource_id: str
) -> None:
    trace = _traced(served, kind, "quickCheck", tag, resource_id)
    assert [line.split("(")[0].split()[-1] for line in trace] == ["execve"]
    check = script(kind, "quickCheck")
    told = served.run("/usr/bin/python3", "-IS", "-X", "importtime", check, "-t", tag, "-i", resource_id).stderr
    modules = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert "lvmkit.entry.action" in modules
    assert modules & HEAVY == set()


def test_out_and_in_cost_at_most_one_and_three_lvm_commands(served: Guest) -> None:
    served.sh("umount /srv/*")
    assert _lvm_commands(_traced(served, "lvmvg", "remove", TAG, f"lvmvg-{VG}")) == []  # plain volumes
    assert held(served, VG) == []
    assert _lvm_commands(_traced(served, "lvmvg", "restore", TAG, f"lvmvg-{VG}")) == ["fullreport", "vgchange"]
    assert len(held(served, VG)) == 2
    assert _lvm_commands(_traced(served, "lvmvg", "restore", TAG, f"lvmvg-{VG}")) == []
    assert _lvm_commands(_traced(served, "lvmlv", "remove", f"{TAG}/www", f"/dev/{VG}/www")) == []


def test_a_stop_and_a_start_ask_the_kernel_once_about_each_volume(served: Guest) -> None:
    served.sh("umount /srv/*")
    count = len(held(served, VG))
    stop, start = _asked(served, "remove"), _asked(served, "restore")
    assert (stop["DM_TABLE_STATUS"], stop["DM_TABLE_DEPS"], stop["DM_LIST_DEVICES"]) == (count, count, 3)
    assert (start["DM_TABLE_STATUS"], start["DM_TABLE_DEPS"]) == (count, count)


def _asked(guest: Guest, name: str) -> Counter[str]:
    """What the script itself asks device-mapper, without its children."""
    own = ("strace", "-qq", "-e", "trace=ioctl", "-o", "/root/asked")
    guest.run(*own, script("lvmvg", name), "-t", TAG, "-i", f"lvmvg-{VG}")
    return Counter(re.findall(r"ioctl\(\d+, (DM_[A-Z_]+)", guest.run("cat", "/root/asked").stdout))


def _traced(guest: Guest, kind: str, name: str, tag: str, resource_id: str) -> list[str]:
    """Every start of a process or program while an action script runs."""
    guest.run(*STRACE, script(kind, name), "-t", tag, "-i", resource_id)
    return [line for line in guest.run("cat", "/root/trace").stdout.splitlines() if "resumed>" not in line]


def _lvm_commands(trace: list[str]) -> list[str]:
    """The LVM commands among them, by their first word."""
    started = [line for line in trace if 'execve("/usr/sbin/lvm"' in line]
    return [line.split('["')[1].split('", "')[1].rstrip('"]') for line in started]

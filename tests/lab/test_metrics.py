"""Metrics on a real server: written by their timer, and again by the watcher as soon as it has found a fault."""

from __future__ import annotations

import time

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_changes import made, protected
from lab.helpers_service import guest_in

pytestmark = pytest.mark.slow

FOLDER = "/var/lib/textfile"
FILE = f"{FOLDER}/lvmkit.prom"
DEADLINE = 30.0


def _wait(guest: Guest, line: str) -> None:
    end = time.monotonic() + DEADLINE
    while line not in guest.run("cat", FILE, check=False).stdout:
        assert time.monotonic() < end, guest.run("cat", FILE, check=False).stdout
        time.sleep(0.5)


def test_the_timer_writes_them_and_a_fault_is_in_them_at_once(pushed_lab: Lab) -> None:
    guest = guest_in(pushed_lab, "protected", protected, base=("made", made))
    guest.sh(
        f"mkdir -p {FOLDER}; echo LVMKIT_METRICS={FOLDER} >> /etc/default/lvmkit; systemctl daemon-reload;"
        " systemctl start lvmkit-metrics.timer"
    )
    _wait(guest, 'lvmkit_resource_needs_attention{tag="vg1",type="lvmvg"} 0')
    guest.sh("systemctl stop lvmkit-metrics.timer; systemctl start lvmkit-check.timer; umount /srv/data")
    _wait(guest, "lvmkit_watcher_up 1")
    guest.sh("lvmkit out-of-service /srv/data; lvmkit metrics --write")
    assert 'tag="/srv/data",type="filesys",server="' in guest.run("cat", FILE).stdout

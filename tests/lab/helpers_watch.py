"""What the tests of the watcher share: one that runs, and what it has said since a moment."""

from __future__ import annotations

import json
import time

from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_service import guest_in, serve, settings

UNIT, TIMER = "lvmkit-watch.service", "lvmkit-check.timer"
SEEN = "/run/lvmkit/watch.json"
BEGIN = f"systemctl restart {UNIT}; until [ -s {SEEN} ]; do sleep 0.2; done"
PID = f"systemctl show --property=MainPID --value {UNIT}"
INTERVAL = 15.0
"""seconds after which a look at the interval has surely been taken"""
PATIENCE = 90.0
"""seconds of a busy machine, in which a look at the interval has surely been taken"""
NOW = "date +%s%6N"
DELETE = f'{NOW}; echo 1 > /sys/block/"$(basename "$1")"/device/delete'
LOST = "110043"
"""of a disk that is gone below what is in service"""


def watched_in(lab: Lab) -> Guest:
    """A guest in which everything is in service, and the watcher looks after it alone: the timer is stopped."""
    return guest_in(lab, "watched", _begun, base=("served", serve))


def _begun(guest: Guest) -> None:
    begin(guest)
    guest.sh("sync")


def delete(guest: Guest, serial: str) -> int:
    """Let a disk vanish below everything that stands on it; returns the guest's clock just before."""
    return int(guest.sh(DELETE, guest.disk(serial)).stdout)


def begin(guest: Guest, **values: object) -> None:
    """Start the watcher with these settings, and wait for its first look; the timer stays as it is."""
    settings(guest, LVMKIT_WATCH="yes", **values)
    guest.sh(BEGIN, timeout=120)


def spent(guest: Guest) -> float:
    """Seconds of processor time that the watcher has taken since it began."""
    return int(guest.sh(f"systemctl show --property=CPUUsageNSec --value {UNIT}").stdout) / 1e9


def now(guest: Guest) -> int:
    """The guest's clock, in microseconds."""
    return int(guest.sh(NOW).stdout)


def said(guest: Guest, since: int = 0) -> list[tuple[str, float]]:
    """(number, seconds since that moment) of each message that the watcher has said."""
    words = ("journalctl", "--boot", "--quiet", "--output=json", "SYSLOG_IDENTIFIER=lvmkit-watch")
    messages = []
    for line in guest.run(*words, timeout=120).stdout.splitlines():
        entry = json.loads(line)
        moment = int(entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry["__REALTIME_TIMESTAMP"])
        if "LVMKIT_NUMBER" in entry and moment >= since:
            messages.append((str(entry["LVMKIT_NUMBER"]), (moment - since) / 1e6))
    return messages


def numbers_said(guest: Guest, since: int = 0) -> list[str]:
    """The numbers alone."""
    return [number for number, _ in said(guest, since)]


def first(guest: Guest, number: str, since: int) -> float:
    """Seconds until a message was said first. Fails where it is not, though there is patience."""
    end = time.monotonic() + PATIENCE
    while True:
        messages = said(guest, since)
        times = [seconds for each, seconds in messages if each == number]
        if times:
            return times[0]
        assert time.monotonic() < end, f"{number} was not said, but {messages}"
        time.sleep(1)


def main_pid(guest: Guest) -> int:
    """The process of the watcher; 0 where none runs."""
    return int(guest.sh(PID).stdout)


def seen(guest: Guest) -> dict[str, str]:
    """The verdict on each tag, of the last look."""
    facts = json.loads(guest.run("cat", SEEN).stdout)
    return {each["tag"]: each["verdict"] for each in facts["resources"]}

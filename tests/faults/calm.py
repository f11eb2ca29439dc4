"""A healthy service under I/O load, checked again and again: no check may name a fault."""

from __future__ import annotations

from dataclasses import dataclass

from faults.layouts import LV, MOUNT, VG
from lab.guests.guest import Guest

NAME = "nothing is wrong, under load"
CHECKS, AT_ONCE = 1000, 100
"""in all, and one after the other in one guest"""
TIMEOUT = 1800.0

SCRIPT = f"""
(while :; do dd if=/dev/zero of={MOUNT}/load bs=256k count=40 oflag=direct status=none; sync -f {MOUNT}; done) &
load=$!
for turn in $(seq "$1"); do
    case $((turn % 3)) in
        0) set -- scsi lvmvg {VG} ;;
        1) set -- scsi lvmlv {VG}/{LV} ;;
        *) set -- gen filesys {MOUNT} ;;
    esac
    "/opt/LifeKeeper/subsys/$1/resources/$2/actions/quickCheck" -t "$3" 2>&1 || echo "ALARM of $2"
done
lvmkit --quiet check --deep {MOUNT} 2>&1 || echo "ALARM of the deep check"
kill $load
wait
"""
"""$1: how many checks. Each alarm is a line, below what was said."""


@dataclass(frozen=True)
class Calm:
    """What came of it. alarms: what was said, a text for each."""

    checks: int = 0
    alarms: tuple[str, ...] = ()


def watch(guest: Guest) -> list[str]:
    """Check AT_ONCE times, and deeply once. Return the alarms."""
    return alarms(guest.sh(SCRIPT, str(AT_ONCE), timeout=TIMEOUT).stdout)


def alarms(said: str) -> list[str]:
    """The alarms in what the script says, each with what was said before it."""
    *texts, _ = said.split("ALARM of ")
    return [text.strip().splitlines()[-1] if text.strip() else "no word" for text in texts]

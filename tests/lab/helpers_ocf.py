"""What the tests of the OCF agents share, on one server and in a cluster."""

from __future__ import annotations

from lab.guests.guest import BY_ID, Guest

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


def make(guest: Guest) -> None:
    """Two volume groups, of which nothing is active."""
    guest.sh(MADE, timeout=240)

"""A protected file system, alone on one physical volume of any kind."""

from __future__ import annotations

import json

from lab.guests.guest import Guest
from lab.helpers_service import held, quick_check, same_data

VG, MOUNT = "below", "/srv/below"
SERVE = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq {VG} $1
lvcreate -qq -L 64M -n data {VG}
mkdir -p {MOUNT}
mkfs.ext4 -q /dev/{VG}/data
mount /dev/{VG}/data {MOUNT}
head -c 1000000 /dev/urandom > {MOUNT}/file
sha256sum {MOUNT}/file > /root/sums
lvmkit -q create {MOUNT}
"""


def serve(guest: Guest, device: str) -> None:
    """A protected file system, alone on a physical volume."""
    guest.sh(SERVE, device, timeout=120)


def disks(guest: Guest) -> list[str]:
    """The IDs of what the kit has found below the group, the physical volume first."""
    shown = json.loads(guest.run("lvmkit", "status", "--format", "json").stdout)
    by_tag = {resource["tag"]: resource for resource in shown["resources"]}
    chain, tags = [], list(by_tag[VG]["children"])
    while tags:
        resource = by_tag[tags.pop(0)]
        chain.append(resource["id"])
        tags += resource["children"]
    return chain


def goes_out_and_comes_back(guest: Guest, warned: tuple[str, ...] = ()) -> None:
    """Take it out of service and bring it back. warned: the warnings that quickCheck has afterwards."""
    guest.run("lvmkit", "out-of-service", VG, timeout=120)
    assert held(guest, VG) == []
    guest.run("lvmkit", "in-service", MOUNT, timeout=120)
    assert same_data(guest)
    assert quick_check(guest, "lvmvg", VG) == list(warned)

"""Every kind of physical and logical volume is found, protected, and goes in and out of service."""

from __future__ import annotations

import json

import pytest

from lab import helpers_kinds as kinds
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_service import action, guest_in, held, numbers, quick_check, settings

pytestmark = pytest.mark.slow

UNPLUG_ALL = "for disk in /sys/block/sd*; do echo 1 > $disk/device/delete; done"
TAKE_OVER = "vgchange -qq -an pair; rm /run/lvmkit/lvmvg-pair"
PAIR = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq pair {BY_ID}SHARED1 {BY_ID}SHARED2
lvcreate -qqy -n twin -L 8M --type raid1 -m 1 --nosync pair
lvmkit -q create /dev/pair/twin
"""


@pytest.fixture
def stacked(pushed_lab: Lab) -> Guest:
    """A volume group on a partition, a disk, an md array, a plain device-mapper device and a multipath device."""
    return guest_in(pushed_lab, "kinds", kinds.build)


@pytest.mark.both
def test_the_hierarchy_goes_down_to_the_disks_of_every_kind_of_physical_volume(stacked: Guest) -> None:
    shown = stacked.run("lvmkit", "create", f"/dev/{kinds.VG}/wide", "--dry-run", "--format", "json").stdout
    by_tag = {resource["tag"]: resource for resource in json.loads(shown)["resources"]}
    found = {by_tag[tag]["id"]: _ids_below(by_tag, tag) for tag in by_tag[kinds.VG]["children"]}
    array = [path for path in found if "/md-uuid-" in path]
    assert [found.pop(path) for path in array] == [[f"{BY_ID}PRIVATE1", f"{BY_ID}PRIVATE2"]]
    assert found == {
        f"{BY_ID}SHARED1-part1": [f"{BY_ID}SHARED1"],
        f"{BY_ID}SHARED2": [],
        "/dev/mapper/plain": [f"{BY_ID}SHARED3"],
        f"/dev/disk/by-id/dm-uuid-{kinds.MAP_UUID}": [],
    }


def test_every_kind_of_volume_goes_out_of_service_and_comes_back(stacked: Guest) -> None:
    before = held(stacked, kinds.VG)
    assert action(stacked, "lvmlv", "remove", "kinds/thin").returncode == 0
    assert "kinds-thin" not in held(stacked, kinds.VG)
    assert quick_check(stacked, "lvmvg", kinds.VG) == []
    assert action(stacked, "lvmlv", "restore", "kinds/thin").returncode == 0
    assert held(stacked, kinds.VG) == before
    stacked.run("lvmkit", "out-of-service", kinds.VG)
    assert held(stacked, kinds.VG) == []
    stacked.run("lvmkit", "in-service", "kinds/snap")
    assert held(stacked, kinds.VG) == before
    assert quick_check(stacked, "lvmvg", kinds.VG) == []


def test_every_kind_of_volume_is_let_go_when_all_disks_are_gone(stacked: Guest) -> None:
    stacked.sh(UNPLUG_ALL)
    removed = [action(stacked, "lvmlv", "remove", f"kinds/{lv}") for lv in ("thin", "snap")]
    removed.append(action(stacked, "lvmvg", "remove", kinds.VG))
    assert ([each.returncode for each in removed], held(stacked, kinds.VG)) == ([0] * 3, [])


@pytest.mark.both
def test_a_mirrored_group_comes_up_without_a_disk_only_where_the_policy_says_so(guest: Guest) -> None:
    guest.sh(PAIR, timeout=90)
    guest.sh(TAKE_OVER)
    guest.lose_disk("SHARED2")
    refused = action(guest, "lvmvg", "restore", "pair")
    assert (numbers(refused, "ERROR")[0], held(guest, "pair")) == ("110014", [])
    settings(guest, LVMKIT_MISSING_PV="degraded")
    restored = action(guest, "lvmvg", "restore", "pair")
    assert (restored.returncode, numbers(restored)) == (0, ["110029"])
    assert "pair-twin" in held(guest, "pair")
    assert quick_check(guest, "lvmvg", "pair") == ["110048"]


def _ids_below(by_tag: dict[str, dict[str, list[str]]], tag: str) -> list[str]:
    return sorted(str(by_tag[child]["id"]) for child in by_tag[tag]["children"])

"""What may stand below a volume group: it is found, goes out and comes back, and what happens to it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.guests import hotplug
from lab.guests.guest import BY_ID, Guest
from lab.helpers_below import MOUNT, VG, disks, goes_out_and_comes_back, serve
from lab.helpers_kinds import MAP_UUID, MAP_WITHOUT_DAEMON
from lab.helpers_service import action, held, numbers, quick_check, same_data

pytestmark = pytest.mark.slow

KEY = "a1" * 32 + "b2" * 32
OPEN = f"""
dmsetup create secret --uuid CRYPT-PLAIN-secret --table \
    "0 262144 crypt aes-xts-plain64 {KEY} 0 {BY_ID}SHARED1 0"
udevadm settle
"""
PATHS = f"""
modprobe scsi_debug max_luns=1 num_tgts=1 vpd_use_hostno=0 add_host=2 dev_size_mb=128
udevadm settle
set -- $(grep -l scsi_debug /sys/block/sd*/device/model | cut -d/ -f4)
printf 'devices {{ global_filter=[ "r|^/dev/%s$|", "r|^/dev/%s$|" ] }}\\n' $1 $2 > /etc/lvm/lvmlocal.conf
{MAP_WITHOUT_DAEMON}
dmsetup create multi --uuid {MAP_UUID} --table "0 262144 multipath 0 0 1 1 \
service-time 0 2 2 $(cat /sys/block/$1/dev) 1 1 $(cat /sys/block/$2/dev) 1 1"
udevadm settle
cat /sys/block/$1/dev /sys/block/$2/dev
"""
CACHED = f"""
make-bcache -C {BY_ID}SHARED1 -B {BY_ID}SHARED2 >/dev/null
for disk in {BY_ID}SHARED1 {BY_ID}SHARED2; do
    readlink -e $disk > /sys/fs/bcache/register 2>/dev/null || true
done
until [ -b /dev/bcache0 ]; do sleep 0.1; done
udevadm settle
"""


def test_a_partition_of_an_nvme_disk(guest: Guest, tmp_path: Path) -> None:
    hotplug.plug(guest, tmp_path, "nvme", present="/dev/nvme0n1", serial="N" * 20)
    guest.sh("echo 'label: gpt\n,120MiB' | sfdisk -q /dev/nvme0n1; udevadm settle")
    serve(guest, "/dev/nvme0n1p1")
    partition, disk = disks(guest)
    assert partition == f"{disk}-part1"
    assert disk.startswith("/dev/disk/by-id/nvme-")
    goes_out_and_comes_back(guest)


def test_an_nvme_disk_that_vanishes_is_a_fault_and_is_let_go(guest: Guest, tmp_path: Path) -> None:
    hotplug.plug(guest, tmp_path, "nvme", present="/dev/nvme0n1", serial="gone")
    serve(guest, "/dev/nvme0n1")
    hotplug.unplug(guest, "nvme", present="/dev/nvme0n1")
    assert action(guest, "lvmvg", "quickCheck", VG).returncode != 0
    guest.run("lvmkit", "out-of-service", VG, timeout=120)
    assert held(guest, VG) == []


def test_a_disk_without_a_serial_number(guest: Guest, tmp_path: Path) -> None:
    hotplug.plug(guest, tmp_path, "virtio-blk-pci", present="/dev/vdb")
    serve(guest, "/dev/vdb")
    assert disks(guest) == ["/dev/vdb"]
    goes_out_and_comes_back(guest)


def test_a_disk_with_a_very_long_name(guest: Guest, tmp_path: Path) -> None:
    name = "L" * 160
    hotplug.plug(guest, tmp_path, "scsi-hd", present=BY_ID + name, device_id=name)
    serve(guest, BY_ID + name)
    assert disks(guest) == [BY_ID + name]
    goes_out_and_comes_back(guest)


def test_an_encrypted_disk_that_is_closed_is_refused_and_once_it_is_open_all_comes_back(guest: Guest) -> None:
    guest.sh(OPEN)
    serve(guest, "/dev/mapper/secret")
    assert disks(guest) == ["/dev/mapper/secret", f"{BY_ID}SHARED1"]
    goes_out_and_comes_back(guest)
    guest.run("lvmkit", "out-of-service", VG, timeout=120)
    guest.run("dmsetup", "remove", "secret")
    refused = guest.run("lvmkit", "in-service", MOUNT, check=False, timeout=120)
    assert refused.returncode != 0
    assert numbers(refused, "ERROR")
    assert held(guest, VG) == []
    guest.sh(OPEN)
    guest.run("lvmkit", "in-service", MOUNT, timeout=120)
    assert same_data(guest)


def test_paths_that_come_and_go_are_told_of_and_only_the_last_is_a_fault(guest: Guest) -> None:
    first, second = guest.sh(PATHS, timeout=90).stdout.split()
    serve(guest, "/dev/mapper/multi")
    goes_out_and_comes_back(guest)
    answers = []
    for message in ("fail_path", "fail_path", "reinstate_path", "reinstate_path"):
        guest.run("dmsetup", "message", "multi", "0", message, first if len(answers) in (0, 3) else second)
        answers.append(numbers(action(guest, "lvmvg", "quickCheck", VG), "ERROR"))
    assert [bool(errors) for errors in answers] == [False, True, False, False]
    assert quick_check(guest, "lvmvg", VG) == []
    assert same_data(guest)


def test_a_cached_disk(guest: Guest) -> None:
    guest.sh(CACHED)
    serve(guest, "/dev/bcache0")
    assert f"{BY_ID}SHARED2" in disks(guest)
    goes_out_and_comes_back(guest)

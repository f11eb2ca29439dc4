"""What the boot mounts."""

from __future__ import annotations

import pytest

from lvmkit.storage.fstab import mounts_at_boot

DEVICES = ("/dev/vg1/data", "/dev/mapper/vg1-data", "UUID=0a-1", "LABEL=my data")


@pytest.mark.parametrize(
    "entry",
    [
        "/dev/vg1/data /data ext4 defaults 0 2",
        "\t/dev/mapper/vg1-data\t/elsewhere xfs rw",
        "/dev/vg1/data /data",
        "UUID=0a-1 /x ext4 nofail,x-systemd.device-timeout=5 0 0",
        'UUID="0a-1" /x ext4 defaults 0 0',
        r"LABEL=my\040data /x ext4 defaults 0 0",
        "/dev/sdx1 /data/ ext4 noauto,auto 0 0",
        "/dev/vg1/data none swap sw 0 0",
    ],
)
def test_an_entry_for_the_mount_point_or_the_device_counts(entry: str) -> None:
    assert mounts_at_boot(f"# head\n\n{entry}\n/dev/sda1 / ext4 defaults 0 1", "/data", DEVICES)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "#/dev/vg1/data /data ext4 defaults 0 2",
        "/dev/vg1/data /data ext4 noauto 0 2",
        "/dev/vg1/data /data ext4 auto,noauto 0 2",
        "/dev/vg1/data /data ext4 rw,noauto,nofail 0 2",
        "/dev/vg1/data /data ext4 x-systemd.automount 0 2",
        "/dev/vg1/data2 /data2 ext4 defaults 0 2",
        "/dev/vg1/data",
        "data none swap sw 0 0",
        r"/dev/sdx \999\04 ext4 defaults",
    ],
)
def test_other_entries_and_those_that_wait_do_not_count(entry: str) -> None:
    assert not mounts_at_boot(f"/dev/sda1 / ext4 defaults 0 1\n{entry}\n", "/data", DEVICES)


def test_one_entry_that_mounts_is_enough() -> None:
    assert mounts_at_boot("/dev/vg1/data /data ext4 noauto\n/dev/vg1/data /other ext4 rw\n", "/data", DEVICES)


def test_blanks_and_a_trailing_slash_in_the_mount_point_are_understood() -> None:
    assert mounts_at_boot(r"/dev/sdb /my\040data ext4 rw", "/my data/")
    assert not mounts_at_boot(r"/dev/sdb /my\040data ext4 rw", "/my")
    assert mounts_at_boot("/dev/sdb / ext4 rw", "/")

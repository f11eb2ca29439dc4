"""Volumes that lvcreate makes with a kernel only, written as metadata: what the report says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.volumes import LogicalVolume

if TYPE_CHECKING:
    from .conftest import Host

MIB = 1024 * 1024


def volume(name: str, segment: str, *, shown: bool = True, flags: str = "", extents: int = 1) -> str:
    """One logical volume in LVM's metadata format (lvm2, format_text). Its UUID is made of its name."""
    packed = "".join(c for c in name if c.isalnum()).ljust(32, "0")
    uuid = "-".join((packed[:6], *(packed[i : i + 4] for i in range(6, 26, 4)), packed[26:32]))
    visible = ', "VISIBLE"' if shown else ""
    return (
        f'{name} {{ id="{uuid}" status=["READ", "WRITE"{visible}] flags=[{flags}] creation_time=1 creation_host="x"'
        f" segment_count=1 segment1 {{ start_extent=0 extent_count={extents} {segment} }} }}\n"
    )


def plain(pv: int, start: int) -> str:
    return f'type="striped" stripe_count=1 stripes=["pv{pv}", {start}]'


RAID = "".join(
    [
        volume(
            "mirrored",
            'type="raid1" device_count=2 region_size=4096'
            ' raids=["mirrored_rmeta_0", "mirrored_rimage_0", "mirrored_rmeta_1", "mirrored_rimage_1"]',
        ),
        *(volume(f"mirrored_rmeta_{n}", plain(n, 0), shown=False) for n in (0, 1)),
        *(volume(f"mirrored_rimage_{n}", plain(n, 1), shown=False) for n in (0, 1)),
    ]
)
THIN = "".join(
    [
        volume(
            "pool",
            'type="thin-pool" metadata="pool_tmeta" pool="pool_tdata" transaction_id=2 chunk_size=128'
            ' discards="passdown" zero_new_blocks=1',
        ),
        volume("pool_tdata", plain(0, 0), shown=False),
        volume("pool_tmeta", plain(0, 1), shown=False),
        volume("thin", 'type="thin" thin_pool="pool" transaction_id=0 device_id=1', extents=9),
        volume(
            "copy",
            'type="thin" thin_pool="pool" transaction_id=1 device_id=2 origin="thin"',
            flags='"ACTIVATION_SKIP"',
            extents=9,
        ),
    ]
)
SNAPSHOT = "".join(
    [
        volume("data", plain(0, 0)),
        volume("snap", plain(0, 1)),
        volume("snapshot0", 'type="snapshot" chunk_size=8 origin="data" cow_store="snap"', shown=False),
    ]
)
MIXED = (
    'mixed { id="mixed0-0000-0000-0000-0000-0000-000000" status=["READ", "WRITE", "VISIBLE"] flags=[] segment_count=2'
    f" segment1 {{ start_extent=0 extent_count=1 {plain(0, 0)} }}"
    ' segment2 { start_extent=1 extent_count=2 type="striped" stripe_count=2 stripe_size=128'
    ' stripes=["pv0", 1, "pv1", 1] } }'
)


def seen(host: Host, metadata: str) -> dict[str, LogicalVolume]:
    host.vg("vg1", 2)
    host.write_volumes("vg1", metadata)
    return {lv.name: lv for lv in host.seen("vg1").logical}


def test_a_mirror_is_one_volume_without_its_images(host: Host) -> None:
    found = seen(host, RAID)
    assert [(lv.name, lv.kind, lv.size) for lv in found.values()] == [("mirrored", "raid1", 4 * MIB)]
    assert not found["mirrored"].snapshot_target


def test_thin_volumes_name_their_pool_which_is_no_volume_itself_and_skip_activation(host: Host) -> None:
    found = seen(host, THIN)
    assert {name: (lv.kind, lv.pool, lv.origin, lv.skips_activation) for name, lv in found.items()} == {
        "thin": ("thin", "pool", "", False),
        "copy": ("thin", "pool", "thin", True),
    }
    assert not any(lv.snapshot_target for lv in found.values())
    assert [lv.name for lv in host.seen("vg1").expected] == ["thin"]


def test_a_snapshot_and_its_origin_are_told_apart_from_plain_volumes(host: Host) -> None:
    found = seen(host, SNAPSHOT + volume("other", plain(1, 0)))
    assert {name: (lv.kind, lv.origin, lv.snapshot_target) for name, lv in found.items()} == {
        "data": ("linear", "", True),
        "snap": ("linear", "data", True),
        "other": ("linear", "", False),
    }


def test_a_volume_of_several_kinds_of_segments_is_of_its_first(host: Host) -> None:
    assert seen(host, MIXED)["mixed"].kind == "linear"


@pytest.mark.parametrize("metadata", [RAID, THIN])
def test_a_missing_disk_leaves_the_volumes_known(host: Host, metadata: str) -> None:
    before = seen(host, metadata)
    host.pull(host.disks[0])
    assert {lv.name: lv for lv in host.seen("vg1").logical} == before

"""Facts of block devices, from trees laid out as sysfs lays them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lvmkit.storage import sysfs


class Tree:
    """A sysfs in a directory: devices in one place, dev/block links to them."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        (root / "dev" / "block").mkdir(parents=True)
        self.block = root / "block"
        self.block.mkdir()

    def add(self, name: str, number: str, **attributes: str) -> Path:
        """A device; name sda/sda1 is a partition. Keys with __ are paths."""
        home = self.block / name
        home.mkdir()
        os.symlink(home, f"{self.root}/dev/block/{number}")
        self.write(home, dev=number, **{"size": "2048", "ro": "0", **attributes})
        if "/" in name:
            self.write(home, partition="1")
        return home

    def write(self, home: Path, **attributes: str) -> None:
        for key, value in attributes.items():
            file = home / key.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(value + "\n")

    def stack(self, upper: Path, lower: Path) -> None:
        for home, side, other in ((upper, "slaves", lower), (lower, "holders", upper)):
            (home / side).mkdir(exist_ok=True)
            os.symlink(other, home / side / other.name)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_number_without_device_is_gone(tree: Tree) -> None:
    assert sysfs.condition("8:0", tree.root) == "gone"
    assert sysfs.sequence("8:0", tree.root) == ""
    assert sysfs.kernel_name("8:0", tree.root) == ""
    assert sysfs.holders("8:0", tree.root) == ()


@pytest.mark.parametrize(
    ("state", "condition"),
    [("running", ""), ("offline", "offline"), ("transport-offline", "transport-offline"), ("blocked", "blocked")],
)
def test_a_scsi_disk_is_well_while_it_runs(tree: Tree, state: str, condition: str) -> None:
    tree.add("sda", "8:0", device__state=state)
    tree.add("sda/sda1", "8:1")
    assert sysfs.condition("8:0", tree.root) == condition
    assert sysfs.condition("8:1", tree.root) == condition, "a partition is on its disk"


def test_disks_whose_driver_tells_no_state_are_well(tree: Tree) -> None:
    tree.add("vda", "254:0", device__status="0xf")
    assert sysfs.condition("254:0", tree.root) == ""


@pytest.mark.parametrize(
    ("states", "well"),
    [(("live",), True), (("dead",), False), (("dead", "live"), True), (("connecting", "dead"), False)],
)
def test_an_nvme_namespace_needs_one_live_controller(tree: Tree, states: tuple[str, ...], well: bool) -> None:
    paths = {f"device__nvme{n}__state": state for n, state in enumerate(states)}
    tree.add("nvme0n1", "259:0", **(paths if len(states) > 1 else {"device__state": states[0]}))
    assert (sysfs.condition("259:0", tree.root) == "") is well


def test_a_disk_of_size_0_is_not_well(tree: Tree) -> None:
    tree.add("nbd0", "43:0", size="0")
    assert sysfs.condition("43:0", tree.root) != ""


def test_a_loop_device_needs_its_file(tree: Tree) -> None:
    home = tree.add("loop0", "7:0")
    assert "backing file" in sysfs.condition("7:0", tree.root)
    tree.write(home, loop__backing_file="/srv/disk")
    assert sysfs.condition("7:0", tree.root) == ""


@pytest.mark.parametrize(
    ("state", "well"),
    [
        ("clean", True),
        ("active", True),
        ("active-idle", True),
        ("read-auto", True),
        ("inactive", False),
        ("broken", False),
        ("clear", False),
    ],
)
def test_an_md_array_is_well_while_it_takes_io(tree: Tree, state: str, well: bool) -> None:
    tree.add("md0", "9:0", md__array_state=state, md__degraded="1")
    assert (sysfs.condition("9:0", tree.root) == "") is well


def test_the_serial_number_is_that_of_the_whole_disk(tree: Tree) -> None:
    tree.add("sda", "8:0", diskseq="17")
    tree.add("sda/sda1", "8:1")
    assert sysfs.sequence("8:1", tree.root) == "17"
    assert sysfs.whole_disk("8:1", tree.root) == "8:0"
    assert sysfs.whole_disk("8:0", tree.root) == "8:0"


def test_names_are_those_under_dev(tree: Tree) -> None:
    tree.add("cciss!c0d0", "104:0")
    assert sysfs.kernel_name("104:0", tree.root) == "cciss/c0d0"


def test_read_only_is_told(tree: Tree) -> None:
    tree.add("sda", "8:0", ro="1")
    tree.add("sdb", "8:16")
    assert sysfs.read_only("8:0", tree.root)
    assert not sysfs.read_only("8:16", tree.root)


def test_what_stands_on_a_disk_stands_on_its_partitions_too(tree: Tree) -> None:
    disk, part = tree.add("sda", "8:0"), tree.add("sda/sda1", "8:1")
    upper, other = tree.add("dm-0", "253:0"), tree.add("dm-1", "253:1")
    tree.stack(upper, part)
    tree.stack(other, disk)
    assert {block.number for block in sysfs.holders("8:0", tree.root)} == {"253:0", "253:1"}
    assert sysfs.holders("8:1", tree.root) == (sysfs.Block("dm-0", "253:0"),)
    assert sysfs.slaves("253:0", tree.root) == (sysfs.Block("sda1", "8:1"),)


def test_an_array_tells_its_slots(tree: Tree) -> None:
    home = tree.add("md0", "9:0", md__level="raid1", md__raid_disks="3", md__array_state="active")
    tree.write(home, md__rd0__state="in_sync", md__rd0__block__dev="8:0")
    tree.write(home, md__rd1__state="faulty,in_sync", md__rd1__block__dev="8:16")
    found = sysfs.array("9:0", tree.root)
    assert found is not None
    assert found.level == "raid1"
    assert found.slots == (
        sysfs.ArraySlot("8:0", True),
        sysfs.ArraySlot("8:16", False),
        sysfs.ArraySlot("", False),
    )
    tree.add("sda", "8:0")
    assert sysfs.array("8:0", tree.root) is None


def test_only_block_devices_have_a_number(tmp_path: Path) -> None:
    assert sysfs.number_of("/dev/null") == ""
    assert sysfs.number_of(str(tmp_path)) == ""
    assert sysfs.number_of("/nonexistent") == ""
    assert sysfs.number_of("/dev/\0") == ""

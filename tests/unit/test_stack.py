"""From a mount point down to the disks, on servers that are described here as lsblk, findmnt and sysfs show them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import LvNotInVg, VgNotFound
from lvmkit.model.messages.storage import (
    CommandFailed,
    CommandGarbled,
    NotAMountPoint,
    NotOnLvm,
    PartOfFilesystem,
    VgNameAmbiguous,
)
from lvmkit.model.value import replace
from lvmkit.model.volumes import Layer, LogicalVolume, PhysicalVolume, VolumeGroup
from lvmkit.storage import lasting, stack, sysfs
from lvmkit.storage.lvm import Lvm
from lvmkit.storage.run import Finished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VG_UUID, OTHER_UUID = "hM5iQv-X8Fw-K11I-W2V0-dhX2-h6lK-VdwxQg", "cGna2H-dyP8-5iGT-JukA-QZXo-AMBm-ntB21S"
LV_UUID = "nWuijl-wOgY-7BX0-vEyM-1wt1-rxjs-MxJbjR"
DATA = LogicalVolume(LV_UUID, "data--x", "linear", 50)


def group(*devices: str) -> VolumeGroup:
    physical = tuple(PhysicalVolume(f"pv{n}", device, 9, not device) for n, device in enumerate(devices))
    return VolumeGroup(VG_UUID, "my-vg", 100, False, "", False, physical, (DATA,))


def block(number: str, kname: str, kind: str, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A device as lsblk prints it; a name beginning with dm- has a mapper name as well."""
    row = {"name": more.pop("name", kname), "kname": kname, "maj:min": number, "type": kind, "serial": None}
    row |= {"size": 1000, "mountpoints": [None], **more}
    return row | ({"children": list(children)} if children else {})


def mount(**changes: Any) -> dict[str, Any]:
    row = {"target": "/data", "source": "/dev/mapper/my--vg-data----x", "maj:min": "253:3", "fstype": "ext4"}
    return {**row, "options": "rw,relatime", "uuid": None, "fsroot": "/", **changes}


class Server:
    """Answers the declared commands in turn; has the devices and links that a test gives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: list[tuple[str, int, str]] = []
        self.asked: list[tuple[str, ...]] = []
        self.numbers: dict[str, str] = {}
        self.groups: tuple[VolumeGroup, ...] = ()
        (folder / "by-id").mkdir()

    def run(self, argv: tuple[str, ...], **_named: object) -> Finished:
        self.asked.append(argv)
        assert self.answers, f"a command too many: {argv}"
        stdout, status, stderr = self.answers.pop(0)
        return Finished(argv, status, stdout, stderr, 0.1)

    def prints(self, data: object, status: int = 0, stderr: str = "") -> None:
        self.answers.append((data if isinstance(data, str) else json.dumps(data), status, stderr))

    def has(self, *rows: dict[str, Any]) -> None:
        """These devices: lsblk prints them, and their paths have their numbers."""
        self.prints({"blockdevices": list(rows)})
        waiting = list(rows)
        while waiting:
            row = waiting.pop()
            self.numbers["/dev/" + row["kname"]] = row["maj:min"]
            waiting += row.get("children", [])

    def mounts(self, *rows: dict[str, Any]) -> None:
        self.prints({"filesystems": list(rows)}) if rows else self.prints("", 1)

    def links(self, number: str, *links: str) -> None:
        for name in links:
            (self.folder / "by-id" / name).touch()
            self.numbers[f"{self.folder}/by-id/{name}"] = number

    def maps(self, number: str, name: str, uuid: str) -> None:
        folder = self.folder / "dev" / "block" / number / "dm"
        folder.mkdir(parents=True)
        (folder / "name").write_text(name + "\n")
        (folder / "uuid").write_text(uuid + "\n")

    def report(self, vg: str | None = None, **_named: object) -> tuple[VolumeGroup, ...]:
        return tuple(found for found in self.groups if vg in (None, found.name))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(tmp_path)
    monkeypatch.setattr(stack, "run", server.run)
    monkeypatch.setattr(sysfs, "number_of", lambda path: server.numbers.get(path, ""))
    monkeypatch.setattr(stack, "_SYS", str(tmp_path))
    monkeypatch.setattr(lasting, "_BY_ID", str(tmp_path / "by-id"))
    monkeypatch.setattr(stack, "_SWAPS", str(tmp_path / "swaps"))
    monkeypatch.setattr(Lvm, "report", server.report)
    yield server
    assert server.answers == [], "a command too few"


def refusal(path: str) -> object:
    with pytest.raises(Failure) as failure:
        stack.stack_of(path, Lvm(1))
    return failure.value.messages[0]


def only_layer(server: Server, vg: VolumeGroup) -> Layer:
    ((_, layer),) = stack.devices_of(vg, deadline=1)
    assert server.asked[-1][0] == "/usr/bin/lsblk"
    return layer


def test_a_mount_point_leads_to_volume_group_and_disk(server: Server) -> None:
    vg = group("/dev/sda1")
    server.groups = (replace(vg, uuid=OTHER_UUID), vg)
    server.maps("253:3", "my--vg-data----x", names.dm_uuid(VG_UUID, LV_UUID))
    server.mounts(mount(uuid="0a-1"))
    server.has(block("8:0", "sda", "disk", block("8:1", "sda1", "part", size=900), serial=" S1 "))
    found = stack.stack_of("/data", Lvm(1))
    assert (found.vg, found.lv) == (vg, DATA)
    assert found.filesystem is not None
    assert (found.filesystem.mount_point, found.filesystem.number, found.filesystem.uuid) == ("/data", "253:3", "0a-1")
    disk = Layer("/dev/sda", "disk", "8:0", "/dev/sda", "S1", 1000)
    assert found.devices == (("pv0", Layer("/dev/sda1", "part", "8:1", "/dev/sda1", "", 900, (disk,))),)


@pytest.mark.parametrize("path", ["/dev/my-vg/data--x", "/dev/mapper/my--vg-data----x", "/dev/dm-3"])
def test_an_active_volume_is_known_by_any_name_and_without_a_file_system(server: Server, path: str) -> None:
    server.groups = (group("/dev/sda"),)
    server.numbers[path] = "253:3"
    server.maps("253:3", "my--vg-data----x", names.dm_uuid(VG_UUID, LV_UUID))
    server.has(block("8:0", "sda", "disk"))
    found = stack.stack_of(path, Lvm(1))
    assert (found.lv, found.filesystem) == (DATA, None)


@pytest.mark.parametrize("path", ["/dev/my-vg/data--x", "/dev/mapper/my--vg-data----x"])
def test_a_volume_that_is_down_is_known_by_its_name(server: Server, path: str) -> None:
    server.groups = (group("/dev/sda"),)
    server.mounts()
    server.has(block("8:0", "sda", "disk"))
    assert stack.stack_of(path, Lvm(1)).lv == DATA


def test_names_that_lvm_does_not_know_or_knows_twice_are_refused(server: Server) -> None:
    for _ in range(3):
        server.mounts()
    assert isinstance(refusal("/dev/my-vg/data--x"), VgNotFound)
    server.groups = (group("/dev/sda"),)
    assert isinstance(refusal("/dev/my-vg/other"), LvNotInVg)
    server.groups += (replace(group("/dev/sdb"), uuid=OTHER_UUID),)
    assert refusal("/dev/my-vg/data--x") == VgNameAmbiguous("my-vg", (VG_UUID, OTHER_UUID))


def test_an_active_volume_whose_group_lvm_lost_is_refused(server: Server) -> None:
    server.numbers["/dev/dm-3"] = "253:3"
    server.maps("253:3", "my--vg-data----x", names.dm_uuid(VG_UUID, LV_UUID))
    server.groups = (replace(group("/dev/sda"), uuid=OTHER_UUID),)
    assert refusal("/dev/dm-3") == VgNotFound("my-vg", VG_UUID)
    server.groups = (replace(group("/dev/sda"), logical=()),)
    assert refusal("/dev/dm-3") == LvNotInVg("my-vg", "data--x", LV_UUID)


@pytest.mark.parametrize(
    "path", ["/data", "relative", "", "/dev/my-vg", "/dev/my-vg/a/b", "/dev/my-vg/..", "/dev/mapper/x", "/etc/passwd"]
)
def test_other_paths_are_no_mount_points(server: Server, path: str) -> None:
    if path.startswith("/"):
        server.mounts()
    assert refusal(path) == NotAMountPoint(path)


def test_a_file_where_a_volume_could_be_is_no_volume(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/dev/shm/file")
    server.mounts()
    assert refusal("/dev/shm/file") == NotAMountPoint("/dev/shm/file")


@pytest.mark.parametrize(
    ("name", "uuid"),
    [
        ("crypt-data", "CRYPT-LUKS2-0123"),
        ("my--vg-pool-tpool", names.dm_uuid(VG_UUID, LV_UUID) + "-tpool"),
        ("my--vg-data", "LVM-short"),
        ("plain", ""),
    ],
)
def test_a_device_that_is_no_volume_is_named_as_what_it_is(server: Server, name: str, uuid: str) -> None:
    server.numbers["/dev/mapper/x"] = "253:7"
    server.maps("253:7", name, uuid)
    server.has(block("253:7", "dm-7", "crypt", name=name))
    assert refusal("/dev/mapper/x") == NotOnLvm("/dev/mapper/x", "/dev/dm-7 (crypt)")


def test_a_file_system_without_a_disk_is_named_as_what_it_is(server: Server) -> None:
    server.mounts(mount(source="tmpfs", fstype="tmpfs", **{"maj:min": "0:24"}))
    server.has()
    assert refusal("/data") == NotOnLvm("/data", "tmpfs (tmpfs)")


def test_the_topmost_of_several_mounts_counts(server: Server) -> None:
    server.mounts(mount(), mount(**{"maj:min": "253:9"}))
    found = stack.filesystem_at("/data", deadline=1)
    assert found is not None
    assert found.number == "253:9"


def test_a_trailing_slash_and_a_link_lead_to_the_mount_point(server: Server, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for path in (f"{tmp_path}/real/", f"{tmp_path}/link", f"{tmp_path}/link/../real/."):
        server.mounts(mount())
        assert stack.filesystem_at(path, deadline=1)
        assert server.asked[-1][server.asked[-1].index("--mountpoint") + 1] == f"{tmp_path}/real"


def test_a_bind_mount_of_a_folder_is_refused(server: Server) -> None:
    server.mounts(mount(source="/dev/dm-3", fsroot="/sub"))
    assert refusal("/data") == PartOfFilesystem("/data", "/sub", "/dev/dm-3")


def test_btrfs_is_known_by_its_source(server: Server) -> None:
    server.numbers["/dev/dm-3"] = "253:3"
    server.mounts(mount(source="/dev/dm-3", fstype="btrfs", **{"maj:min": "0:45"}))
    found = stack.filesystem_at("/data", deadline=1)
    assert found is not None
    assert found.number == "253:3"


@pytest.mark.parametrize(
    "printed", ["garbage", "[]", '{"filesystems": []}', {"filesystems": [{}]}, {"filesystems": [mount(source=None)]}]
)
def test_a_garbled_findmnt_is_told(server: Server, printed: object) -> None:
    server.prints(printed)
    assert isinstance(refusal("/data"), CommandGarbled)


def test_a_findmnt_that_fails_is_not_taken_for_no_mount(server: Server) -> None:
    server.prints("", 1, "findmnt: can't read /proc/mounts")
    assert isinstance(refusal("/data"), CommandFailed)


@pytest.mark.parametrize(
    "printed",
    [
        "garbage",
        "{}",
        {"blockdevices": [{}]},
        {"blockdevices": [block("", "sda", "disk")]},
        {"blockdevices": [block("8:0", "sda", "disk", size="x")]},
        {"blockdevices": [block("8:0", "sda", "disk", mountpoints=None)]},
        {"blockdevices": [block("8:0", "sda", "disk", children="x")]},
    ],
)
def test_a_garbled_lsblk_is_told(server: Server, printed: object) -> None:
    server.prints(printed)
    with pytest.raises(Failure) as failure:
        stack.devices_of(group("/dev/sda"), deadline=1)
    assert isinstance(failure.value.messages[0], CommandGarbled)


def test_an_lsblk_that_prints_nothing_is_told_and_one_that_grumbles_is_believed(server: Server) -> None:
    server.prints("", 1, "no /sys")
    with pytest.raises(Failure) as failure:
        stack.devices_of(group("/dev/sda"), deadline=1)
    assert isinstance(failure.value.messages[0], CommandFailed)
    server.prints({"blockdevices": [block("8:0", "sda", "disk")]}, 64, "lsblk: dm-9: failed")
    server.numbers["/dev/sda"] = "8:0"
    assert only_layer(server, group("/dev/sda")).kind == "disk"


def test_a_raid_below_a_physical_volume_shows_both_its_legs(server: Server) -> None:
    raid = block("9:0", "md0", "raid1", block("253:3", "dm-3", "lvm", name="my--vg-data"))
    server.has(
        block("8:0", "sda", "disk", block("8:1", "sda1", "part", raid)),
        block("8:16", "sdb", "disk", block("8:17", "sdb1", "part", raid)),
    )
    server.links("9:0", "md-name-host:0", "md-uuid-aa:bb", "lvm-pv-uuid-xyz")
    layer = only_layer(server, group("/dev/md0"))
    assert (layer.kind, os.path.basename(layer.stable)) == ("raid1", "md-uuid-aa:bb")
    assert [part.path for part in layer.below] == ["/dev/sda1", "/dev/sdb1"]
    assert [part.below[0].path for part in layer.below] == ["/dev/sda", "/dev/sdb"]


def test_a_multipath_device_shows_every_path_once(server: Server) -> None:
    mpath = block("253:0", "dm-0", "mpath", block("253:1", "dm-1", "part", name="mpatha-part1"), name="mpatha")
    server.has(*(block(f"8:{16 * n}", f"sd{'abcd'[n]}", "disk", mpath, serial="S") for n in range(4)))
    layer = only_layer(server, group("/dev/dm-1"))
    assert (layer.path, layer.stable) == ("/dev/dm-1", "/dev/mapper/mpatha-part1")
    (whole,) = layer.below
    assert (whole.kind, whole.stable) == ("mpath", "/dev/mapper/mpatha")
    assert [leg.path for leg in whole.below] == ["/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/sdd"]


@pytest.mark.parametrize(
    ("links", "best"),
    [
        (("ata-Disk_S1", "wwn-0x5", "scsi-SATA_Disk_S1", "scsi-35"), "wwn-0x5"),
        (("scsi-SVENDOR_S1", "scsi-3600", "lvm-pv-uuid-x"), "scsi-3600"),
        (("nvme-Vendor_S1", "nvme-eui.0025", "nvme-Vendor_S1_1"), "nvme-eui.0025"),
        (("virtio-S1", "lvm-pv-uuid-x"), "virtio-S1"),
        (("dm-name-mpatha", "dm-uuid-mpath-3600", "wwn-0x600"), "dm-uuid-mpath-3600"),
        (("lvm-pv-uuid-x", "dm-name-x", "dm-uuid-LVM-x"), None),
    ],
)
def test_the_name_that_the_storage_issues_is_preferred(
    server: Server, links: tuple[str, ...], best: str | None
) -> None:
    server.has(block("8:0", "sda", "disk"))
    server.links("8:0", *links)
    server.links("8:16", "wwn-0x1")
    stable = only_layer(server, group("/dev/sda")).stable
    assert stable == (f"{server.folder}/by-id/{best}" if best else "/dev/sda")


def test_a_server_without_persistent_names_gets_kernel_names(server: Server) -> None:
    (server.folder / "by-id").rmdir()
    server.has(block("7:0", "loop0", "loop"))
    assert only_layer(server, group("/dev/loop0")).stable == "/dev/loop0"


def test_missing_disks_have_no_layer_and_those_that_lsblk_missed_a_bare_one(server: Server) -> None:
    server.has(block("8:0", "sda", "disk"))
    server.numbers["/dev/sdz"] = "65:9"
    found = dict(stack.devices_of(group("", "/dev/sdz", "/dev/sda"), deadline=1))
    assert found.keys() == {"pv1", "pv2"}
    assert found["pv1"] == Layer("/dev/sdz", "unknown", "65:9", "/dev/sdz")


@pytest.mark.parametrize(
    ("point", "use"),
    [
        ("/", "the root file system"),
        ("/usr", "/usr"),
        ("/var/lib", "/var/lib"),
        ("[SWAP]", "swap in use"),
        ("/data", None),
        ("/home", None),
    ],
)
def test_a_group_that_the_server_needs_is_known_also_through_encryption(
    server: Server, point: str, use: str | None
) -> None:
    crypt = block("253:5", "dm-5", "crypt", mountpoints=[point])
    server.has(
        block("8:0", "sda", "disk", block("8:1", "sda1", "part", block("253:3", "dm-3", "lvm", crypt))),
        block("8:16", "sdb", "disk", block("8:17", "sdb1", "part", mountpoints=["/", "[SWAP]", "/usr"])),
    )
    assert stack.system_use(group("/dev/sda1"), deadline=1) == use


def test_other_partitions_of_the_same_disk_do_not_count(server: Server) -> None:
    server.has(
        block("8:0", "sda", "disk", block("8:1", "sda1", "part", mountpoints=["/"]), block("8:2", "sda2", "part"))
    )
    assert stack.system_use(group("/dev/sda2", ""), deadline=1) is None


def test_a_swap_file_in_the_group_counts(server: Server, tmp_path: Path) -> None:
    swap = tmp_path / "swap"
    swap.touch()
    status = swap.stat()
    number = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    for path, use in ((swap, "swap in use"), (tmp_path / "gone", None)):
        (tmp_path / "swaps").write_text(
            f"Filename Type Size Used Priority\n{path} file 9 0 -2\n/dev/dm-9 partition 9 0 -3\n"
        )
        server.has(block("8:0", "sda", "disk", block(number, "dm-3", "lvm")))
        assert stack.system_use(group("/dev/sda"), deadline=1) == use


def test_every_use_is_named(server: Server) -> None:
    server.has(block("8:0", "sda", "disk", mountpoints=["[SWAP]", "/var", "/"]))
    use = stack.system_use(group("/dev/sda"), deadline=1)
    assert use == "the root file system, /var, swap in use"

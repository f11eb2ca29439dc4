"""Real LVM on loop devices: a host of its own for each test, with its own lvm.conf that sees its own disks only.

There need not be a device-mapper in the kernel: every command gets `--driverloaded n`. Root is needed.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.storage import lvm
from lvmkit.storage.lvm import Lvm
from lvmkit.storage.run import Finished, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.volumes import VolumeGroup

LOSETUP, LVM = "/usr/sbin/losetup", "/usr/sbin/lvm"
WITHOUT_KERNEL = ("--driverloaded", "n")
PREFIX = "lvmkit-metadata-"
DEADLINE = 20.0
DISK_SIZE = 32 * 1024 * 1024

# Each section of lvm.conf, as the tests need it; the text of each is what stands between its braces.
SECTIONS = {
    "devices": 'use_devicesfile=0 hints="none" filter=[{accepted}] global_filter=[{accepted}]',
    "global": 'locking_dir="{folder}" system_id_source="lvmlocal"',
    "backup": "backup=0 archive=0",
    "activation": "monitoring=0 udev_sync=0 udev_rules=0",
}


def why_not() -> str:
    """Why these tests cannot run on this machine; '' when they can."""
    if os.geteuid() != 0:
        return "root is needed for loop devices and LVM"
    missing = [path for path in (LOSETUP, LVM, "/dev/loop-control") if not os.path.exists(path)]
    return f"not on this machine: {', '.join(missing)}" if missing else ""


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    reason = why_not()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    detach_stale_loops()


def detach_stale_loops() -> None:
    """Free the loop devices of test runs that were killed: the backing file's name carries the process ID."""
    listed = run((LOSETUP, "--list", "--json", "-O", "NAME,BACK-FILE"), deadline=DEADLINE).stdout
    for row in json.loads(listed or '{"loopdevices": []}')["loopdevices"]:
        name = os.path.basename(row["back-file"] or "")
        pid = name[len(PREFIX) :].partition("-")[0]
        if name.startswith(PREFIX) and not os.path.exists(f"/proc/{pid}"):
            run((LOSETUP, "--detach", row["name"]), deadline=DEADLINE)


class Host:
    """A server with disks, as LVM sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disks: list[str] = []
        self.images: dict[str, Path] = {}
        self.given: dict[str, str] = {}
        self.configure()

    def configure(self, **given: str) -> None:
        """Write lvm.conf for the disks that there are. given: words for sections of it, which go before ours."""
        self.given.update(given)
        accepted = ",".join([*(f'"a|^{disk}$|"' for disk in self.disks), '"r|.*|"'])
        text = ""
        for section in (*SECTIONS, *(self.given.keys() - SECTIONS.keys())):
            ours = SECTIONS.get(section, "").format(accepted=accepted, folder=self.folder)
            theirs = self.given.get(section, "")
            kept = [word for word in ours.split(" ") if f" {word.partition('=')[0]}=" not in f" {theirs}"]
            text += f"{section} {{ {' '.join(kept)} {theirs} }}\n"
        (self.folder / "lvm.conf").write_text(text)

    def add_disks(self, count: int, size: int = DISK_SIZE) -> list[str]:
        """Attach new empty disks."""
        return [self._attach(self._image(size)) for _ in range(count)]

    def clone(self, disk: str) -> str:
        """Attach a second disk with the content of one."""
        image = self._image(0)
        shutil.copyfile(self.images[disk], image)
        return self._attach(image)

    def pull(self, disk: str) -> None:
        """Take a disk away."""
        self.lvm_free(LOSETUP, "--detach", disk)
        self.disks.remove(disk)
        self.configure()

    def lvm(self, *words: str) -> str:
        """Run an LVM command on the host's disks; it must succeed. Returns what it printed."""
        only = ("--devices", ",".join(self.disks))
        return self.lvm_free(LVM, *words, *only, *WITHOUT_KERNEL)

    def lvm_free(self, *argv: str) -> str:
        """Run any command of the test's own; it must succeed."""
        answer = run(argv, deadline=DEADLINE, environment={"LVM_SYSTEM_DIR": str(self.folder)})
        assert answer.status == 0, f"{answer.command}: {answer.stderr}"
        return answer.stdout

    def vg(self, name: str, count: int = 1, *words: str) -> list[str]:
        """Make a volume group on new disks."""
        disks = self.add_disks(count)
        self.lvm("pvcreate", "--quiet", *disks)
        self.lvm("vgcreate", *words, name, *disks)
        return disks

    def lv(self, vg: str, name: str, extents: int = 1) -> None:
        """Make a linear volume that stays down."""
        self.lvm("lvcreate", "-an", "-Zn", "-Wn", "-n", name, "-l", str(extents), vg)

    def write_volumes(self, vg: str, volumes: str) -> None:
        """Give a volume group the volumes of this metadata text: kinds that lvcreate makes with device-mapper only."""
        backup = self.folder / "metadata"
        self.lvm("vgcfgbackup", "-f", str(backup), vg)
        body, _, _ = backup.read_text().rpartition("}")
        backup.write_text(f"{body}logical_volumes {{\n{volumes}\n}}\n}}\n")
        self.lvm("vgcfgrestore", "--force", "--yes", "-f", str(backup), vg)

    def set_lock_type(self, vg: str, lock_type: str) -> None:
        """Give a volume group the lock type that vgcreate gives only where lvmlockd runs."""
        backup = self.folder / "metadata"
        self.lvm("vgcfgbackup", "-f", str(backup), vg)
        given = f'lock_type = "{lock_type}"\n'
        if lock_type != "none":
            given += 'lock_args = "1.0.0:cluster"\n'
        backup.write_text(backup.read_text().replace("extent_size =", f"{given}extent_size =", 1))
        self.lvm("vgcfgrestore", "--force", "--yes", "-f", str(backup), vg)

    def seen(self, vg: str) -> VolumeGroup:
        """The only volume group of this name, by the code under test."""
        (found,) = Lvm(DEADLINE).report(vg, devices=self.disks)
        return found

    def close(self) -> None:
        """Detach every disk."""
        for disk in tuple(self.disks):
            self.pull(disk)

    def _image(self, size: int) -> Path:
        image = self.folder / f"{PREFIX}{os.getpid()}-{len(self.images)}.img"
        with image.open("xb") as file:
            file.truncate(size)
        return image

    def _attach(self, image: Path) -> str:
        disk = self.lvm_free(LOSETUP, "--find", "--show", str(image)).strip()
        self.disks.append(disk)
        self.images[disk] = image
        self.configure()
        return disk


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A server without disks; the code under test uses its lvm.conf."""

    def run_without_kernel(argv: tuple[str, ...], *, deadline: float, **_progress: object) -> Finished:
        return run((*argv, *WITHOUT_KERNEL), deadline=deadline, environment={"LVM_SYSTEM_DIR": str(tmp_path)})

    monkeypatch.setattr(lvm, "run", run_without_kernel)
    server = Host(tmp_path)
    try:
        yield server
    finally:
        server.close()

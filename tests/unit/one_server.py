"""A server with a volume group, and the same with a file system on it that is protected and in service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lvmkit.model.messages.service import Begin, EndFailed, EndSuccessful
from tests.unit.machine import Machine, SharedDisk, make_group

if TYPE_CHECKING:
    from tests.unit.machine import Answer, Metadata

POINT = "/srv/data"
BOTH = ["vg1-data", "vg1-www"]
DONE, FAILED = [Begin.number, EndSuccessful.number], [Begin.number, EndFailed.number]


class Bare:
    """vg1, which is down and nobody's, on disks that the server has."""

    def __init__(self, folder: Path, disks: str = "A", volumes: str = "data www", kind: str = "linear") -> None:
        """disks: a letter for each.  kind: of the volumes."""
        self.machine = Machine(folder)
        self.disks = tuple(map(SharedDisk, disks))
        self.group = make_group("vg1", self.disks, volumes, kind=kind)
        for disk in self.disks:
            self.machine.attach(disk)

    @property
    def disk(self) -> SharedDisk:
        """The first."""
        return self.disks[0]

    def metadata(self) -> Metadata:
        """What the first disk says of the group."""
        found = self.disk.metadata
        assert found is not None
        return found

    def activate(self) -> None:
        """By hand."""
        assert self.machine.by_hand("vgchange", "-ay", "vg1") == 0


class Server(Bare):
    """/srv/data on vg1/data on vg1 on two disks, protected and in service; vg1 has another volume beside."""

    def __init__(self, folder: Path, kind: str = "linear") -> None:
        super().__init__(folder, "AB", kind=kind)
        self.activate()
        self.machine.mount_at(POINT, "vg1/data")
        created = self.machine.admin("filesys/create", "-t", "/data", "-s", "INTELLIGENT", "-p", POINT)
        assert created.code == 0, created.err
        self.forget()

    def forget(self) -> None:
        """Count from here."""
        self.machine.ran.clear()
        self.machine.asked.clear()
        self.machine.forked = 0

    def __call__(self, action: str, kind: str, tag: str = "", resource_id: str = "") -> Answer:
        return self.machine.action(kind, action, tag, resource_id)

    def unmount(self) -> None:
        self.machine.unmount(POINT)

    def take_down(self) -> None:
        """Out of service, by the scripts."""
        for kind, tag in (("filesys", "/data"), ("lvmlv", "vg1/data"), ("lvmvg", "vg1")):
            assert self("remove", kind, tag).code == 0
        assert self.machine.active() == []
        self.forget()

    @property
    def record(self) -> Path:
        """What quickCheck of the group compares the kernel with."""
        return Path(self.machine.paths.run) / "lvmvg-vg1"

    def listed(self) -> bool:
        """Whether the boot leaves the group alone."""
        return "vg1" in Path(self.machine.paths.lkvgs).read_text().split()

    def all_that_is(self) -> tuple[object, ...]:
        """Everything that an action may change: kernel, disks, notes, and what the engine knows."""
        notes = sorted(Path(self.machine.paths.run).glob("lvmvg-*"))
        facts = [disk.metadata for disk in self.disks]
        return self.machine.active(), list(self.machine.mounts), facts, [n.read_text() for n in notes], self.listed()

"""Volume groups of LVM1, which LVM reads no more: recognised on the disks, refused, and named with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.service import VgNotFound
from lvmkit.model.messages.storage import Lvm1Metadata
from lvmkit.storage import lvm1
from tests.unit.machine import Machine, SharedDisk, make_group

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.machine import Answer


class Old(Machine):
    """A disk with volume group old of LVM1, one with vg1 of LVM2, and one with nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.old, self.empty, fresh = SharedDisk("A"), SharedDisk("B"), SharedDisk("C")
        make_group("vg1", (fresh,))
        for disk in (self.old, self.empty, fresh):
            self.attach(disk)
        self.put_metadata_of_lvm1(self.old, "old")

    def create(self, path: str) -> Answer:
        return self.admin("lvmlv/create", "-t", "x", "-s", "INTELLIGENT", "-p", path)


@pytest.fixture
def machine(tmp_path: Path) -> Old:
    return Old(tmp_path)


def test_its_disks_are_told_from_others(machine: Old) -> None:
    machine.attach(SharedDisk("D"))
    machine.put_metadata_of_lvm1(machine.empty, "")
    with machine.running():
        assert lvm1.groups(deadline=1) == {"old": ("/dev/sda",), "": ("/dev/sdb",)}


@pytest.mark.parametrize("path", ["/dev/old/data", "/dev/mapper/old-data"])
def test_create_refuses_one_and_says_what_helps(machine: Old, path: str) -> None:
    answer = machine.create(path)
    assert (answer.code, answer.said[0]) == (1, Lvm1Metadata.number)
    assert "volume group old on /dev/sda" in answer.err.lower()
    assert "vgconvert -M2 old" in Lvm1Metadata("old", ("/dev/sda",)).advice


def test_another_group_that_is_not_there_is_just_that(machine: Old) -> None:
    assert machine.create("/dev/vg9/data").said[0] == VgNotFound.number


def test_an_agent_s_start_by_the_name_says_so(machine: Old) -> None:
    answer = machine.agent("lvmvg", "start", vg="old", ownership="none")
    assert (answer.code != 0, answer.reason) == (True, Lvm1Metadata.number)


def test_doctor_names_it(machine: Old) -> None:
    answer = machine.command("doctor")
    assert f"{Lvm1Metadata.number}" in answer.err + "\n".join(answer.out)

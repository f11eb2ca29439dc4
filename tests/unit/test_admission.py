"""A move of a volume group that has lost disks: the server that is to have it looks first, and nothing is stopped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG, OSU
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.guards import OwnerNeedsDisks
from lvmkit.model.messages.guide import EndFailedInService
from lvmkit.model.messages.service import PvsMissing
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.messages.view import DisksThereUnknown
from lvmkit.model.value import replace
from lvmkit.peer import wire
from lvmkit.workflow import admission, service
from tests.unit.fakes import VG_UUID, FakeCluster, data_hierarchy, instance, kit, on
from tests.unit.machine import Machine, SharedDisk, make_group
from tests.unit.peer_fakes import Servers

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.plan import Kit

REPORT = ["fullreport"]


class Here:
    """This server, n1, with the disks of vg1, which is up here or on n2."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = Machine(folder)
        self.disks = SharedDisk("A"), SharedDisk("B")
        make_group("vg1", self.disks, kind="raid1", uuid=VG_UUID)
        for disk in self.disks:
            self.machine.attach(disk)
        self.servers = Servers(monkeypatch)
        self.port = FakeCluster()
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)

    def put(self, *, up_here: bool) -> None:
        """The hierarchy on both servers, which own its volume group in turn; this one has recorded its disks."""
        known = data_hierarchy() if up_here else data_hierarchy(OSU)
        self.port.now = _owned(known)
        self.port.others = {"n2": on("n2", _owned(data_hierarchy(OSU) if up_here else data_hierarchy()))}
        if up_here:
            self.machine.by_hand("vgchange", "-ay", "vg1")

    def move(self, server: str) -> list[type]:
        """What refuses a move to a server."""
        try:
            with self.machine.running(), pytest.MonkeyPatch.context() as patch:
                self.servers.take_over(patch)
                service.in_service("vg1", self.kit, server)
        except Failure as failure:
            assert self.port.moves == []
            return [type(message) for message in failure.messages]
        assert len(self.port.moves) == 1
        return []


def _owned(hierarchy: Hierarchy) -> Hierarchy:
    owned = instance(LVMVG, "vg1", "lvmvg-vg1", vg_uuid=VG_UUID, ownership="system_id").info
    changed = (replace(each, info=owned) if each.type == LVMVG else each for each in hierarchy.instances)
    return Hierarchy(tuple(changed), hierarchy.dependencies)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(tmp_path, monkeypatch)


def test_to_this_server_where_a_disk_is_lost_here(here: Here) -> None:
    here.put(up_here=False)
    here.machine.detach(here.disks[1])
    assert here.move("") == [PvsMissing, OwnerNeedsDisks, EndFailedInService]
    here.kit = replace(here.kit, settings=replace(here.kit.settings, missing_pv="degraded"))
    assert here.move("n1") == [OwnerNeedsDisks, EndFailedInService]


def test_disks_that_only_have_other_names_now_are_no_reason(here: Here) -> None:
    here.put(up_here=False)
    assert here.move("") == []
    assert here.machine.lvm_commands() == REPORT


def test_where_all_recorded_disks_are_there_lvm_is_not_asked(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.put(up_here=False)
    monkeypatch.setattr(os.path, "exists", lambda path: path.startswith("/dev/disk/by-id/"))
    assert here.move("") == []
    assert here.machine.lvm_commands() == []


@pytest.mark.parametrize("reasons", [(PvsMissing("vg1", 1, ("B",)),), ()])
def test_what_is_well_here_goes_where_the_other_server_has_all_its_disks(
    here: Here, reasons: tuple[Message, ...]
) -> None:
    here.put(up_here=True)
    here.servers.says("admission", reasons=[wire.packed(each) for each in reasons])
    assert here.move("n2") == ([PvsMissing, EndFailedInService] if reasons else [])
    (asked,) = (each for each in here.servers.asked if each.name == "admission")
    assert asked.facts == {"tags": ["vg1"], "hurt": []}


@pytest.mark.parametrize("reasons", [(PvsMissing("vg1", 1, ("B",)),), ()])
def test_what_has_lost_a_disk_here_goes_where_the_other_server_sees_it(here: Here, reasons: tuple[Message]) -> None:
    here.put(up_here=True)
    here.machine.detach(here.disks[1])
    here.servers.says("admission", reasons=[wire.packed(each) for each in reasons])
    assert here.move("n2") == ([PvsMissing, EndFailedInService] if reasons else [])
    (asked,) = (each for each in here.servers.asked if each.name == "admission")
    assert asked.facts == {"tags": ["vg1"], "hurt": ["vg1"]}


def test_a_server_that_does_not_say_is_told_of(here: Here) -> None:
    here.put(up_here=True)
    here.machine.detach(here.disks[1])
    here.servers.silent("admission", CommandHung("ssh", 1.0, "killed"))
    assert here.move("n2") == []
    assert [type(message) for message in here.told if isinstance(message, DisksThereUnknown)] == [DisksThereUnknown]


def test_the_far_end_says_what_its_disks_say(here: Here) -> None:
    here.put(up_here=False)
    with here.machine.running():
        assert admission.reasons(("vg1",), here.port.now, here.kit, hurt=("vg1",)) == ()
        here.machine.detach(here.disks[0])
        here.machine.detach(here.disks[1])
        (gone,) = admission.reasons(("vg1",), here.port.now, here.kit)
    assert gone.number == 110013


def test_the_far_end_asks_lvm_only_where_a_disk_is_lost(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.put(up_here=False)
    monkeypatch.setattr(os.path, "exists", lambda path: path.startswith("/dev/disk/by-id/"))
    with here.machine.running():
        assert admission.reasons(("vg1",), here.port.now, here.kit) == ()
    assert here.machine.lvm_commands() == []

"""The guards on a whole machine: clones under the names of recorded disks, and disks below other mappings."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvmkit.model.facts import DeviceFacts, VgFacts
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.guards import PvHeldByOther
from lvmkit.model.messages.service import DuplicatePv
from lvmkit.model.settings import Settings
from lvmkit.plan import Kit
from lvmkit.resources import lvmvg
from lvmkit.storage import dm
from tests.unit.fakes import FakePort, paths
from tests.unit.one_server import Bare


class Server(Bare):
    """A machine with a protected group on one disk, recorded under a name."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kit = Kit(FakePort(), paths(folder), Settings(), lambda _message: None)

    def clone_takes_its_name(self) -> None:
        self.machine.detach(self.disk)
        self.machine.attach(self.disk.clone("B"), "sda")
        self.machine.attach(self.disk, "sdb")

    def restore(self, recorded: str) -> tuple[Message, ...]:
        """Why the group does not come up; () where it does."""
        devices = (DeviceFacts("disk", recorded, pv_uuid=self.disk.pv_uuid),)
        group = VgFacts("vg1", "lvmvg-vg1", "vg1", self.group.uuid, devices=devices)
        with self.machine.running():
            try:
                lvmvg.restore(group, self.kit.host)
            except Failure as failure:
                assert dm.list_devices() == ()
                return failure.messages
            return ()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_clone_under_the_recorded_name_is_refused_as_it_is_without_the_record(server: Server) -> None:
    server.clone_takes_its_name()
    (refusal,) = server.restore("/dev/sda")
    assert isinstance(refusal, DuplicatePv)
    assert set(refusal.devices) == {"/dev/sda", "/dev/sdb"}


def test_where_the_recorded_name_is_the_hardware_s_the_disk_itself_comes_up_beside_its_clone(server: Server) -> None:
    server.clone_takes_its_name()
    assert server.restore("/dev/disk/by-id/wwn-A") == ()


@pytest.mark.parametrize("recorded", ["/dev/sda", "/dev/disk/by-id/wwn-A"])
def test_a_disk_that_another_mapping_holds_is_refused(server: Server, recorded: str) -> None:
    server.machine.hold(server.disk, "drbd0")
    (refusal,) = server.restore(recorded)
    assert isinstance(refusal, PvHeldByOther)
    assert (refusal.device, refusal.holder) == ("/dev/sda", "drbd0")

"""Which devices of the kernel are a group or a volume, as its facts know it: by UUID, or by name alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.host import Host
from lvmkit.model import names
from lvmkit.model.facts import LvFacts, VgFacts
from lvmkit.model.messages.faults import LvSuspended, RecordLost
from lvmkit.model.messages.service import LvsStillUp
from lvmkit.model.settings import Settings
from lvmkit.model.value import replace
from lvmkit.resources import kernel, lvmlv
from tests.unit.machine import SharedDisk, make_group, uuid_of
from tests.unit.one_server import Bare, Server

if TYPE_CHECKING:
    from lvmkit.resources.kernel import View

BY_NAME = LvFacts("vg1/data", "/dev/vg1/data", "vg1", "data", "", "")


class Known(Bare):
    """vg1 is active, and vg2 beside it with volumes of the same names."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        other = SharedDisk("B")
        self.machine.attach(other)
        make_group("vg2", (other,), "data www")
        self.activate()
        assert self.machine.by_hand("vgchange", "-ay", "vg2") == 0

    def volume_view(self, facts: LvFacts) -> View:
        with self.machine.running():
            return kernel.volume(facts, kernel.Glance(self.machine.paths))

    def group_view(self, facts: VgFacts) -> View:
        with self.machine.running():
            return kernel.group(facts, kernel.Glance(self.machine.paths))


@pytest.fixture
def server(tmp_path: Path) -> Known:
    return Known(tmp_path)


def named(view: View) -> list[str]:
    return [device.name for device in view.mine]


def test_a_group_of_which_only_the_name_is_known_is_that_of_its_name(server: Known) -> None:
    assert server.group_view(VgFacts("vg1", "lvmvg-vg1", "vg1", "")).vg_uuid == server.group.uuid


def test_a_volume_of_which_only_the_name_is_known_is_the_one_in_its_group(server: Known) -> None:
    assert named(server.volume_view(BY_NAME)) == ["vg1-data"]


def test_a_volume_is_found_by_its_uuid_where_nothing_tells_its_group(server: Known) -> None:
    assert named(server.volume_view(replace(BY_NAME, uuid=server.group.volumes[0].uuid))) == ["vg1-data"]


def test_a_clone_of_the_group_whose_volumes_keep_their_uuids_is_not_taken_for_it(server: Known) -> None:
    data = server.group.volumes[0].uuid
    server.machine.dm.create("clone-data", names.dm_uuid(uuid_of("clone"), data), "linear", (), ())
    assert named(server.volume_view(replace(BY_NAME, uuid=data))) == ["vg1-data"]


def test_a_volume_that_was_renamed_is_found_by_its_uuid(server: Known) -> None:
    server.machine.by_hand("lvrename", "vg1", "data", "files")
    assert named(server.volume_view(replace(BY_NAME, uuid=server.group.volumes[0].uuid))) == ["vg1-files"]


@pytest.mark.parametrize("uuid", ["CRYPT-LUKS2-".ljust(68, "0"), "LVM-".ljust(68, "0") + "-pool"])
def test_what_is_no_volume_is_not_taken_for_one_of_its_name(server: Known, uuid: str) -> None:
    server.machine.by_hand("vgchange", "-an", "vg1")
    server.machine.dm.create("vg1-data", uuid, "crypt", (), ())
    assert named(server.volume_view(BY_NAME)) == []


def test_a_suspended_volume_is_named_by_its_group_where_no_start_is_on_record(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.record.unlink()
    server.machine.dm.by_name("vg1-data").suspended = True
    answer = server("quickCheck", "lvmlv", "vg1/data", "/dev/vg1/data")
    assert answer.said == [LvSuspended.number]
    assert "Logical volume vg1/data is suspended" in answer.err


class TestWhetherAVolumeCameWithItsGroup:
    """The usual start: then there is nothing to do."""

    def came(self, server: Server, **facts: str) -> bool:
        volume = replace(BY_NAME, vg_uuid=server.group.uuid, uuid=server.group.volumes[0].uuid)
        host = Host(server.machine.paths, Settings(), lambda _message: None)
        with server.machine.running():
            return lvmlv.came_with_its_group(replace(volume, **facts), host)

    def test_it_did(self, tmp_path: Path) -> None:
        assert self.came(Server(tmp_path))

    @pytest.mark.parametrize("fact", ["vg_uuid", "uuid"])
    def test_the_real_start_decides_where_only_the_name_is_known(self, tmp_path: Path, fact: str) -> None:
        assert not self.came(Server(tmp_path), **{fact: ""})

    def test_the_real_start_decides_where_the_kernel_does_not_answer(self, tmp_path: Path) -> None:
        server = Server(tmp_path)
        server.machine.dm.listing = False
        assert not self.came(server)


def test_a_group_of_which_only_hidden_parts_are_up_is_at_fault_and_has_no_record(tmp_path: Path) -> None:
    server = Bare(tmp_path)
    server.activate()
    assert server.machine.admin("lvmvg/create", "-t", "vg1", "-s", "INTELLIGENT", "-p", "/dev/vg1/www").code == 0
    assert server.machine.action("lvmvg", "remove", "vg1").code == 0
    hidden = names.dm_uuid(server.group.uuid, uuid_of("pool")) + "-tmeta"
    server.machine.dm.create("vg1-pool_tmeta", hidden, "linear", (), ())
    answer = server.machine.action("lvmvg", "quickCheck", "vg1")
    assert answer.said == [RecordLost.number, LvsStillUp.number]


def test_a_stop_of_a_volume_that_is_down_forgets_its_own_start(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.take_down()
    record = Path(server.machine.paths.run) / "lvmlv-data"
    assert server("restore", "lvmlv", "vg1/data").code == 0
    server.machine.by_hand("lvchange", "-an", "vg1/data")
    assert list(record.iterdir()) != []
    assert server("remove", "lvmlv", "vg1/data").code == 0
    assert list(record.iterdir()) == []

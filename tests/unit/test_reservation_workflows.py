"""create, reconfigure, delete and doctor of a volume group that is guarded by persistent reservations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lvmkit.guards import reservation
from lvmkit.guards.reservation import key_of
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import FILESYS
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.reservation import (
    NoReservations,
    ReservationByLvm,
    ReservationForeign,
    ReservationNeedsOwner,
    ReservationNotAlone,
    ReservationOtherwise,
    ReservationSeen,
    ReservationTaken,
    ReservationUnread,
)
from lvmkit.model.messages.storage import FileUnreadable
from lvmkit.model.settings import NO_RESERVATION, SCSI
from lvmkit.model.value import replace
from lvmkit.storage import registered, scsi
from lvmkit.storage.scsi import Reply
from lvmkit.workflow import doctor_storage, everywhere
from lvmkit.workflow.create import CreateRequest, create, draft_creation
from lvmkit.workflow.deep_check import deep_check
from lvmkit.workflow.delete import delete, draft_deletion
from lvmkit.workflow.doctor_storage import Look
from lvmkit.workflow.reservation import FollowDisks, LetGoOfDisks, ReserveDisks
from tests.unit.fakes import SEVERAL_SERVERS
from tests.unit.local_storage import VG_UUID
from tests.unit.machine import disks
from tests.unit.outlived import at_work
from tests.unit.test_create import World

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

    from tests.unit.machine import SharedDisk

OWN, PEERS = key_of(VG_UUID, 1), key_of(VG_UUID, 2)
ASKED = CreateRequest("/data", reservation=SCSI)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path, monkeypatch)
    world.port.capabilities = SEVERAL_SERVERS
    return world


def held(world: World) -> list[int | None]:
    """The key that holds each disk."""
    return [disk.target.holding for disk in world.storage.disks.values()]


def take_by_peer(disk: SharedDisk) -> None:
    disk.target.keys = {"n2/sda/1": PEERS}
    disk.target.holder, disk.target.type = "n2/sda/1", 5


def refused(world: World, request: CreateRequest = ASKED) -> tuple[Message, ...]:
    before = world.left()
    with pytest.raises(Failure) as caught:
        draft_creation(request, world.kit)
    assert world.left() == before
    assert held(world) == [None, None]
    return caught.value.messages


class TestCreate:
    def test_the_disks_of_what_is_up_are_reserved_and_its_resource_says_so(self, world: World) -> None:
        create(ASKED, world.kit)
        assert held(world) == [OWN, OWN]
        group = world.port.now.by_tag("vg1")
        assert group is not None
        assert VgFacts.unpack(group).is_reserved

    def test_they_are_before_the_owner_is_written(self, world: World) -> None:
        kinds = [type(step).__name__ for step in draft_creation(ASKED, world.kit).plan.steps]
        assert kinds.index("ReserveDisks") < kinds.index("ChangeOwner") < kinds.index("Commit")

    def test_a_dry_run_says_so_and_reserves_nothing(self, world: World) -> None:
        steps = draft_creation(ASKED, world.kit).plan.describe()
        assert any("SCSI persistent reservation" in step for step in steps)
        assert held(world) == [None, None]

    @pytest.mark.parametrize(("setting", "reserved"), [(NO_RESERVATION, False), (SCSI, True)])
    def test_without_the_option_the_setting_counts(self, world: World, setting: str, reserved: bool) -> None:
        kit = replace(world.kit, settings=replace(world.kit.settings, reservation=setting))
        create(CreateRequest("/data"), kit)
        assert held(world) == [OWN if reserved else None] * 2

    def test_what_fails_later_gives_them_up(self, world: World) -> None:
        world.port.failing["/data"] = ReservationByLvm("vg1", "x")
        with pytest.raises(Failure):
            create(ASKED, world.kit)
        assert held(world) == [None, None]
        assert not registered.is_noted(world.kit.paths, VG_UUID)

    def test_a_deep_check_that_cannot_know_what_is_reserved_says_so(self, world: World) -> None:
        create(ASKED, world.kit)
        assert [result.messages for result in deep_check(["vg1"], world.port.now, world.kit)] == [()]
        note = f"{world.kit.paths.run}/registered-{VG_UUID}"
        os.unlink(note)
        os.makedirs(note)
        (result,) = deep_check(["vg1"], world.port.now, world.kit)
        assert [type(message) for message in result.messages] == [FileUnreadable]

    def test_a_stop_that_goes_on_is_waited_for(self, world: World) -> None:
        step = ReserveDisks("vg1", VG_UUID, ("/dev/sda", "/dev/sdb"))
        with at_work(world.kit.paths, VG_UUID, lambda: reservation.release("vg1", VG_UUID, world.kit.host)):
            step.apply(world.kit)
        assert held(world) == [OWN, OWN]

    def test_taken_back_it_waits_for_a_start_that_reserves_them(self, world: World) -> None:
        devices = ("/dev/sda", "/dev/sdb")
        with at_work(world.kit.paths, VG_UUID, lambda: reservation.claim("vg1", VG_UUID, devices, world.kit.host)):
            ReserveDisks("vg1", VG_UUID, devices).undo(world.kit)
        assert held(world) == [None, None]

    def test_a_run_that_was_killed_is_finished_without_taking_them_again(self, world: World) -> None:
        step = ReserveDisks("vg1", VG_UUID, ("/dev/sda", "/dev/sdb"))
        take_by_peer(world.storage.disks["a"])
        step.finish(world.kit)
        assert held(world) == [PEERS, None]

    def test_one_server_alone_has_nobody_to_shut_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert [type(m) for m in refused(World(tmp_path, monkeypatch))] == [ReservationNeedsOwner]

    def test_and_its_setting_is_for_clusters(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World(tmp_path, monkeypatch)
        create(CreateRequest("/data"), replace(world.kit, settings=replace(world.kit.settings, reservation=SCSI)))
        assert held(world) == [None, None]

    def test_beside_a_fencing_that_does_the_same(self, world: World) -> None:
        world.port.rivals = ("scsi-fencing",)
        assert refused(world) == (ReservationNotAlone("vg1", ("scsi-fencing",)),)

    @pytest.mark.parametrize(("version", "is_asked"), [("2.03.31(2)", False), ("2.03.34(2)", True)])
    def test_beside_lvm_s_own(self, world: World, version: str, is_asked: bool) -> None:
        world.storage.machine.lvm.version = version
        world.storage.machine.lvm.own_reservations = "require,autostart"
        if is_asked:
            assert refused(world) == (ReservationByLvm("vg1", "require,autostart"),)
        else:
            draft_creation(ASKED, world.kit)

    def test_disks_that_carry_none(self, world: World) -> None:
        os.unlink(world.storage.machine.real("/sys/devices/sdb/device/scsi_level"))
        assert refused(world) == (NoReservations("vg1", "/dev/sdb", "not a SCSI disk"),)

    def test_disks_with_keys_of_somebody_else(self, world: World) -> None:
        world.storage.disks["b"].target.keys = {"x": 0x77}
        assert refused(world) == (ReservationForeign("vg1", "/dev/sdb", "0x0000000000000077"),)

    def test_a_group_that_is_guarded_otherwise(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        with pytest.raises(Failure) as caught:
            create(CreateRequest("/www", reservation=SCSI), world.kit)
        assert caught.value.messages[0] == ReservationOtherwise("vg1", "vg1", NO_RESERVATION)
        create(CreateRequest("/www"), world.kit)


class TestAfterwards:
    @pytest.fixture
    def protected(self, world: World) -> World:
        create(ASKED, world.kit)
        return world

    def test_delete_gives_them_up_as_the_last_step(self, protected: World) -> None:
        (root,) = (each.tag for each in protected.port.now.instances if each.type == FILESYS)
        assert isinstance(draft_deletion(root, protected.kit)[1].steps[-1], LetGoOfDisks)
        delete(root, protected.kit)
        assert held(protected) == [None, None]

    def test_it_waits_for_a_start_that_reserves_them(self, protected: World) -> None:
        devices = ("/dev/sda", "/dev/sdb")
        host = protected.kit.host
        with at_work(protected.kit.paths, VG_UUID, lambda: reservation.claim("vg1", VG_UUID, devices, host)):
            LetGoOfDisks("vg1", VG_UUID).apply(protected.kit)
        assert held(protected) == [None, None]

    def test_so_does_the_server_that_has_it_when_another_deletes_it(self, protected: World) -> None:
        protected.store_record()
        protected.port.now = type(protected.port.now)()
        everywhere.forget(("vg1",), protected.kit)
        assert held(protected) == [None, None]

    def test_a_disk_that_has_come_is_reserved_and_one_that_has_gone_is_given_up(self, protected: World) -> None:
        storage = protected.storage
        third = storage.disk("c")
        third.pv_uuid = disks.uuid_of("pvC")
        metadata = storage.metadata("vg1")
        staying = storage.disks["a"].pv_uuid, third.pv_uuid
        disks.write(replace_disks(metadata, staying), (storage.disks["a"], third))
        storage.disks["b"].metadata, storage.disks["b"].pv_uuid = None, ""
        storage.machine.settle()
        FollowDisks("vg1").apply(protected.kit)
        assert held(protected) == [OWN, None, OWN]
        noted = registered.load(protected.kit.paths, VG_UUID)
        assert noted is not None
        assert noted.disks == ("/dev/sda", "/dev/sdc")

    def test_what_a_stop_has_given_up_is_not_taken_again(self, protected: World) -> None:
        """By then another server may hold them."""
        with at_work(protected.kit.paths, VG_UUID, lambda: registered.drop(protected.kit.paths, VG_UUID)):
            protected.storage.disks["b"].target.keys = {}
            protected.storage.disks["b"].target.holder = ""
            FollowDisks("vg1").apply(protected.kit)
        assert not registered.is_noted(protected.kit.paths, VG_UUID)

    def test_who_was_shut_out_does_not_come_back_by_it(self, protected: World) -> None:
        take_by_peer(protected.storage.disks["b"])
        with pytest.raises(Failure) as caught:
            FollowDisks("vg1").apply(protected.kit)
        assert [type(m) for m in caught.value.messages] == [ReservationTaken]
        assert held(protected) == [OWN, PEERS]

    def test_doctor_shows_who_holds_what(self, protected: World) -> None:
        take_by_peer(protected.storage.disks["b"])
        look = Look(protected.kit, protected.port.overview())
        shown = [told for _, told in doctor_storage.storage_findings(look) if isinstance(told, ReservationSeen)]
        assert [(each.device, each.holder) for each in shown] == [
            ("/dev/sda", f"{OWN:#018x} ({look.server})"),
            ("/dev/sdb", f"{PEERS:#018x} (node 2)"),
        ]

    def test_doctor_names_a_disk_that_does_not_say_who_holds_it(self, protected: World, mocker: MockerFixture) -> None:
        refusal = Reply(scsi.CHECK_CONDITION, b"", scsi.ILLEGAL_REQUEST, 0x2000)
        mocker.patch.object(protected.storage.disks["b"].target, "answer", return_value=refusal)
        told = [each for _, each in doctor_storage.storage_findings(Look(protected.kit, protected.port.overview()))]
        why = "PERSISTENT RESERVE IN: check condition, sense 5/2000"
        assert ReservationUnread("vg1", "/dev/sdb", why) in told

    def test_doctor_names_a_fencing_that_came_later(self, protected: World) -> None:
        protected.port.rivals = ("scsi-fencing",)
        look = Look(protected.kit, protected.port.overview())
        told = [each for _, each in doctor_storage.storage_findings(look)]
        assert ReservationNotAlone("vg1", ("scsi-fencing",)) in told


def replace_disks(metadata: disks.Metadata, pv_uuids: tuple[str, ...]) -> disks.Metadata:
    import dataclasses

    return dataclasses.replace(metadata, disks=pv_uuids)

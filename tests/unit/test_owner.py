"""The owner of a volume group in a cluster: given at create, given back at delete, and who is in the way of a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.facts import LvFacts
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, OSU
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.filesystems import FilesystemKept
from lvmkit.model.messages.ownership import OwnerNotWritten
from lvmkit.model.messages.pacemaker import OwnerKept
from lvmkit.model.messages.service import LvBusy, VgForeign
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.value import replace
from lvmkit.storage import dm, holders
from lvmkit.storage.holders import MOUNT, PROCESS, SWAP, UNENDED, VOLUME, Holder
from lvmkit.workflow.bystanders import bystanders
from lvmkit.workflow.create import CreateRequest, create, draft_creation
from lvmkit.workflow.delete import delete
from lvmkit.workflow.owner import ChangeOwner
from tests.unit.fakes import ONE_SERVER, SERVER, SEVERAL_SERVERS, FakePort, data_hierarchy, kit
from tests.unit.local_storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.plan import Kit

REASON = CommandFailed("lvm", "5", "no")


class World:
    """A server of a cluster, and one volume group."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.storage = Storage(folder, monkeypatch)
        self.storage.machine.lvm.system_id = ""
        self.port = FakePort()
        self.port.capabilities = SEVERAL_SERVERS
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)

    @property
    def owner(self) -> str:
        return self.storage.metadata().system_id

    def give(self, owner: str) -> None:
        self.storage.change(system_id=owner)

    def refuse(self) -> None:
        """LVM does not write metadata any more."""
        self.storage.machine.lvm.is_full = True

    def forget(self) -> None:
        """What LVM writes does not come to the disks."""
        for disk in self.storage.disks.values():
            disk.drops_writes = True


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_create_in_a_cluster_makes_the_server_the_owner_and_the_agents_know_it(world: World) -> None:
    create(CreateRequest("/data"), world.kit)
    assert world.owner == SERVER
    facts = {i.type: i.details.get("ownership") for i in world.port.now.instances if i.type in (LVMVG, LVMLV, FILESYS)}
    assert facts == {LVMVG: "system_id", LVMLV: "system_id", FILESYS: None}


def test_without_a_cluster_nobody_becomes_the_owner(world: World) -> None:
    world.port.capabilities = ONE_SERVER
    create(CreateRequest("/data"), world.kit)
    assert world.owner == ""


def test_where_the_settings_say_so_nobody_becomes_the_owner(world: World) -> None:
    world.kit = replace(world.kit, settings=replace(world.kit.settings, ownership="none"))
    create(CreateRequest("/data"), world.kit)
    assert world.owner == ""


def test_a_further_volume_takes_over_what_its_group_has(world: World) -> None:
    create(CreateRequest("/data"), world.kit)
    world.kit = replace(world.kit, settings=replace(world.kit.settings, ownership="none"))
    create(CreateRequest("/www"), world.kit)
    volumes = [i.details.get("ownership") for i in world.port.now.instances if i.type == LVMLV]
    assert volumes == ["system_id", "system_id"]


def test_what_this_server_owns_already_needs_no_writing(world: World) -> None:
    world.give(SERVER)
    assert not any(
        isinstance(step, ChangeOwner) for step in draft_creation(CreateRequest("/data"), world.kit).plan.steps
    )


def test_another_hosts_group_is_refused(world: World) -> None:
    world.give("elsewhere")
    with pytest.raises(Failure) as caught:
        create(CreateRequest("/data"), world.kit)
    assert isinstance(caught.value.messages[0], VgForeign)
    assert world.owner == "elsewhere"


def test_a_creation_that_fails_gives_the_group_back(world: World) -> None:
    world.port.failing["/data"] = REASON
    with pytest.raises(Failure):
        create(CreateRequest("/data"), world.kit)
    assert world.owner == ""
    assert world.port.now.tags == ()


@pytest.mark.parametrize(("fault", "told"), [(World.refuse, CommandFailed), (World.forget, OwnerNotWritten)])
def test_an_owner_that_cannot_be_written_or_read_back_stops_the_creation(
    world: World, fault: Callable[[World], None], told: type[Message]
) -> None:
    world.storage.change(autoactivation=False)  # else that would be the first that is not written
    fault(world)
    with pytest.raises(Failure) as caught:
        create(CreateRequest("/data"), world.kit)
    assert isinstance(caught.value.messages[0], told)
    assert (world.owner, world.port.now.tags) == ("", ())


def test_delete_gives_the_group_the_owner_that_it_had(world: World) -> None:
    create(CreateRequest("/data"), world.kit)
    delete("/data", world.kit)
    assert world.owner == ""


def to_another(world: World) -> None:
    """Another server has taken the group."""
    world.give("n2")


@pytest.mark.parametrize("fault", [World.refuse, to_another])
def test_a_delete_that_cannot_change_the_owner_says_so_and_goes_on(
    world: World, fault: Callable[[World], None]
) -> None:
    world.storage.change(autoactivation=False)
    create(CreateRequest("/data"), world.kit)
    fault(world)
    delete("/data", world.kit)
    assert world.port.now.tags == ()
    assert [type(message) for message in world.told if message.level == "WARN"] == [OwnerKept]


# ---- bystanders


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[Holder]:
    found: list[Holder] = [Holder(MOUNT, "/data")]
    uuid = LvFacts.unpack(data_hierarchy().of_tags(("vg1/data",))[0]).dm_uuid
    device = dm.Device("vg1-data", uuid=uuid, number="253:0")
    monkeypatch.setattr(dm, "list_devices", lambda: (device,))
    monkeypatch.setattr(dm, "of_vg", lambda devices, _uuid: tuple(devices))
    monkeypatch.setattr(holders, "of_device", lambda _number: tuple(found))
    return found


def test_the_hierarchys_own_file_system_is_in_nobodys_way(held: list[Holder]) -> None:
    now = data_hierarchy()
    assert bystanders(now.above("vg1"), now, frozenset) == ()


def test_what_is_mounted_by_hand_is_named(held: list[Holder]) -> None:
    held += [Holder(MOUNT, "/mnt"), Holder(SWAP, "/dev/dm-0"), Holder(VOLUME, "vg1-snap")]
    now = data_hierarchy()
    assert bystanders(now.above("vg1"), now, frozenset) == (LvBusy("vg1-data", ("mount /mnt", "swap /dev/dm-0")),)


def test_a_process_that_still_has_the_volume_open_at_a_second_look_is_named(
    held: list[Holder], mocker: MockerFixture
) -> None:
    udev, database = (Holder(PROCESS, name, 7, "the device is open") for name in ("udevd", "postgres"))
    held += [udev, database]
    mocker.patch("time.sleep", side_effect=lambda _seconds: held.remove(udev))
    now = data_hierarchy()
    named = bystanders(now.above("vg1/data"), now, frozenset)
    assert named == (LvBusy("vg1-data", ("process 7 (postgres): the device is open",)),)


def test_what_the_cluster_runs_on_a_volume_is_in_nobodys_way(held: list[Holder], mocker: MockerFixture) -> None:
    mocker.patch("time.sleep")
    held.append(Holder(PROCESS, "postgres", 7, "the device is open"))
    now = data_hierarchy()
    assert bystanders(now.above("vg1"), now, lambda: {"vg1/data"}) == ()
    assert len(bystanders(now.above("vg1"), now, lambda: {"vg9"})) == 1


def test_a_hand_made_mount_at_the_place_of_a_file_system_that_is_out_of_service_is_named(held: list[Holder]) -> None:
    now = data_hierarchy()
    stopped = replace(now, instances=tuple(replace(i, state=OSU) if i.type == FILESYS else i for i in now.instances))
    assert bystanders(now.above("vg1"), stopped, frozenset) == (LvBusy("vg1-data", ("mount /data",)),)


def test_the_same_place_in_another_mount_namespace_is_named(held: list[Holder]) -> None:
    held.append(Holder(MOUNT, "/data", 7, "sleep"))
    now = data_hierarchy()
    words = "mount /data (in the mount namespace of process 7, sleep)"
    assert bystanders(now.above("vg1"), now, frozenset) == (LvBusy("vg1-data", (words,)),)


def test_a_file_system_that_is_mounted_nowhere_but_not_ended_is_named(held: list[Holder]) -> None:
    held[:] = [Holder(UNENDED, "mounted nowhere")]
    now = data_hierarchy()
    assert bystanders(now.above("vg1/data"), now, frozenset) == (FilesystemKept("vg1-data"),)


def test_a_file_system_alone_leaves_its_group_up_so_nobody_is_in_the_way(held: list[Holder]) -> None:
    held.append(Holder(MOUNT, "/mnt"))
    now = data_hierarchy()
    assert bystanders(now.above("/data"), now, frozenset) == ()

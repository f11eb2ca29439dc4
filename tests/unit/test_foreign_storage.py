"""Volume groups on storage that is another kit's resource, as a replica of LifeKeeper's own: depended on, never made,
extended or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.model.family import family, foreign_storage
from lvmkit.model.instance import DISK, Dependency, Instance
from lvmkit.model.messages.guide import DeviceNotExtendable
from lvmkit.model.value import replace
from lvmkit.model.volumes import Layer
from lvmkit.storage import stack
from lvmkit.workflow import canextend
from lvmkit.workflow.create import CreateRequest, create
from lvmkit.workflow.delete import delete
from lvmkit.workflow.devices import CarrierChange
from lvmkit.workflow.reconfigure import difference, reconfigure
from tests.unit.extend_target import TEMPLATE, Target
from tests.unit.fakes import SERVER, SEVERAL_SERVERS, instance
from tests.unit.local_storage import BY_ID, OTHER_UUID
from tests.unit.test_create import World

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.volumes import VolumeGroup

REPLICA = Instance(SERVER, "scsi", "netraid", "datarep-a", "/dev/sda", "0 DEVNAME")
BELOW = Instance(SERVER, "scsi", DISK, "theirs", "hardware-1")
LINK = Dependency("datarep-a", "theirs")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path, monkeypatch)
    world.port.now = replace(world.port.now, instances=(REPLICA, BELOW), dependencies=(LINK,))
    return world


def test_a_group_on_it_requires_it_and_nothing_of_ours_stands_beside_it(world: World) -> None:
    create(CreateRequest("/data"), world.kit)
    assert {link.child for link in world.port.now.dependencies if link.parent == "disk-A"} == {"datarep-a"}
    assert world.port.now.by_tag("datarep-a") is not None
    compared = difference("vg1", world.kit)
    assert (compared.added, compared.removed) == ((), ())


def _protect_before_it_is_there(world: World) -> None:
    both = world.port.now
    world.port.now = replace(both, instances=(), dependencies=())
    create(CreateRequest("/data"), world.kit)
    hierarchy = world.port.now
    instances, links = (*hierarchy.instances, *both.instances), (*hierarchy.dependencies, *both.dependencies)
    world.port.now = replace(hierarchy, instances=instances, dependencies=links)


def _made(world: World) -> tuple[dict[str, Instance], set[Dependency]]:
    return {each.tag: each for each in world.port.now.instances}, set(world.port.now.dependencies)


def _engine_with(hierarchy: Hierarchy, world: World) -> Engine:
    """The embedded engine, which refuses what does not fit, with the same."""
    engine = Engine(world.kit.paths, world.kit.settings)
    own = tuple(replace(each, server=engine.local_server()) for each in hierarchy.instances)
    engine.commit(Change(add=own, link=hierarchy.dependencies))
    return engine


def _committed(world: World) -> list[Change]:
    """The changes that the engine in memory is given from now on."""
    changes: list[Change] = []
    really = world.port.commit

    def commit(change: Change) -> None:
        changes.append(change)
        really(change)

    world.monkeypatch.setattr(world.port, "commit", commit)
    return changes


def _stand_on_arrays(world: World) -> None:
    """Each of the group's disks is an array of two others: sda of sdc and sdd, sdb of sde and sdf."""
    arrays = {}
    for array, members in {"a": "cd", "b": "ef"}.items():
        for letter in members:
            world.storage.disk(letter)
        arrays[array] = replace(_layer(world, array), kind="raid1", below=tuple(_layer(world, m) for m in members))

    def devices_of(vg: VolumeGroup, *, deadline: float) -> tuple[tuple[str, Layer], ...]:
        return tuple((pv.uuid, arrays[pv.device[-1]]) for pv in vg.physical)

    world.monkeypatch.setattr(stack, "devices_of", devices_of)


def _layer(world: World, letter: str) -> Layer:
    path = f"/dev/sd{letter}"
    return Layer(path, "disk", world.storage.machine.number_at(path), f"{BY_ID}{letter.upper()}", letter.upper())


def test_what_came_below_a_protected_group_is_required_from_the_next_reconfigure_on(world: World) -> None:
    _protect_before_it_is_there(world)
    assert difference("vg1", world.kit).carried == (CarrierChange("disk-A", "datarep-a", ()),)
    reconfigure("vg1", world.kit)
    assert Dependency("disk-A", "datarep-a") in world.port.now.dependencies
    assert "datarep-a" in world.port.in_service()
    assert difference("vg1", world.kit).is_empty
    delete("/data", world.kit)
    assert set(world.port.now.tags) == {"datarep-a", "theirs"}


@pytest.mark.parametrize("place", ["/dev/sda", "/dev/sdc"])
def test_then_the_hierarchy_is_what_create_would_make(world: World, place: str) -> None:
    _stand_on_arrays(world)
    world.port.now = replace(world.port.now, instances=(replace(REPLICA, id=place), BELOW))
    _protect_before_it_is_there(world)
    before = _made(world)
    engine = _engine_with(world.port.now, world)
    changes = _committed(world)
    reconfigure("vg1", world.kit)
    after = _made(world)
    engine.commit(changes[0])
    assert (set(engine.hierarchy().tags), set(engine.hierarchy().dependencies)) == (set(after[0]), after[1])
    assert after != before
    delete("/data", world.kit)
    create(CreateRequest("/data"), world.kit)
    assert _made(world) == after


def test_below_what_another_kit_has_nothing_is_looked_for(world: World) -> None:
    _stand_on_arrays(world)
    below = replace(REPLICA, tag="datarep-c", id="/dev/sdc")
    world.port.now = replace(world.port.now, instances=(REPLICA, below, BELOW))
    _protect_before_it_is_there(world)
    reconfigure("vg1", world.kit)
    array = world.port.now.by_id(f"{BY_ID}A")
    assert array is not None
    assert world.port.now.children(array.tag) == ("datarep-a",)
    assert difference("vg1", world.kit).is_empty


def test_a_disk_that_another_group_uses_stays_beside_it(world: World) -> None:
    _stand_on_arrays(world)
    _protect_before_it_is_there(world)
    hierarchy = world.port.now
    other = instance("lvmvg", "vg2", "lvmvg-vg2", vg_uuid=OTHER_UUID)
    links = (*hierarchy.dependencies, Dependency("vg2", "disk-C"))
    world.port.now = replace(hierarchy, instances=(*hierarchy.instances, other), dependencies=links)
    reconfigure("vg1", world.kit)
    assert world.port.now.parents("disk-C") == ("vg2",)
    assert world.port.now.by_tag("disk-D") is None


def test_a_disk_that_came_with_it_and_what_came_later_are_both_required(world: World) -> None:
    _protect_before_it_is_there(world)
    world.storage.reshape("abc")
    later = replace(REPLICA, tag="datarep-c", id="/dev/sdc")
    world.port.now = replace(world.port.now, instances=(*world.port.now.instances, later))
    reconfigure("vg1", world.kit)
    expected = {Dependency("disk-A", "datarep-a"), Dependency("disk-C", "datarep-c")}
    assert expected <= set(world.port.now.dependencies)


def test_lists_leave_it_out(world: World) -> None:
    _protect_before_it_is_there(world)
    before = _made(world)
    reconfigure("vg1", world.kit, ((), ()))
    assert _made(world) == before


def test_what_stands_on_the_group_s_own_disk_is_not_below_it(world: World) -> None:
    _protect_before_it_is_there(world)
    hierarchy = world.port.now
    world.port.now = replace(hierarchy, dependencies=(*hierarchy.dependencies, Dependency("datarep-a", "disk-A")))
    assert difference("vg1", world.kit).carried == ()


def test_where_the_engine_leaves_devices_to_what_requires_them_there_is_no_difference(world: World) -> None:
    _protect_before_it_is_there(world)
    assert difference("vg1", world.kit).carried
    world.port.capabilities = replace(world.port.capabilities, runs_devices=False)
    assert not difference("vg1", world.kit).carried


def test_delete_leaves_it(world: World) -> None:
    create(CreateRequest("/data"), world.kit)
    delete("/data", world.kit)
    assert set(world.port.now.tags) == {"datarep-a", "theirs"}
    assert world.port.now.dependencies == (LINK,)


def test_it_is_no_member_of_what_moves_together(world: World) -> None:
    create(CreateRequest("/data"), world.kit)
    assert foreign_storage(world.port.now) == {"datarep-a"}
    assert {each.tag for each in family("/data", world.port.now)} == {"vg1", "vg1/data", "/data"}


@pytest.mark.parametrize(
    "other",
    [
        replace(REPLICA, id="/dev/sdz"),
        replace(REPLICA, id="sda"),
        replace(REPLICA, app="gen", type="raw"),
        replace(REPLICA, type=DISK),
    ],
)
def test_what_is_no_other_kit_s_storage_on_this_device_is_none(world: World, other: Instance) -> None:
    world.port.now = replace(world.port.now, instances=(other, BELOW))
    create(CreateRequest("/data"), world.kit)
    assert not [link for link in world.port.now.dependencies if link.child == "datarep-a"]


def test_where_the_engine_leaves_devices_to_what_requires_them_nothing_is_joined(world: World) -> None:
    world.port.capabilities = replace(world.port.capabilities, runs_devices=False)
    create(CreateRequest("/data"), world.kit)
    assert not [link for link in world.port.now.dependencies if link.child == "datarep-a"]


def test_a_server_without_it_is_told_that_its_own_kit_has_to_extend_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(tmp_path, monkeypatch)
    target.port.capabilities = replace(SEVERAL_SERVERS, common_tags=False, runs_devices=True)
    there = target.port.others[TEMPLATE]
    replica = replace(REPLICA, server=TEMPLATE)
    links = (*there.dependencies, Dependency("disk-A", replica.tag))
    target.port.others[TEMPLATE] = replace(there, instances=(*there.instances, replica), dependencies=links)
    assert DeviceNotExtendable in target.against()
    target.extend()
    assert target.port.now.by_tag(replica.tag) is None
    target.port.now = replace(target.port.now, instances=(), dependencies=())
    target.port.now = replace(target.port.now, instances=(REPLICA,))
    assert DeviceNotExtendable not in target.against()
    target.extend()
    assert Dependency("disk-A", replica.tag) in target.port.now.dependencies
    assert not canextend.examine("/data", TEMPLATE, target.kit).case.new

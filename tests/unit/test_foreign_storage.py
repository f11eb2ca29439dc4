"""Volume groups on storage that is another kit's resource, as a replica of LifeKeeper's own: depended on, never made,
extended or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.family import family, foreign_storage
from lvmkit.model.instance import DISK, Dependency, Instance
from lvmkit.model.messages.guide import DeviceNotExtendable
from lvmkit.model.value import replace
from lvmkit.workflow import canextend
from lvmkit.workflow.create import CreateRequest, create
from lvmkit.workflow.delete import delete
from lvmkit.workflow.reconfigure import difference
from tests.unit.extend_target import TEMPLATE, Target
from tests.unit.fakes import SERVER, SEVERAL_SERVERS
from tests.unit.test_create import World

if TYPE_CHECKING:
    from pathlib import Path

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

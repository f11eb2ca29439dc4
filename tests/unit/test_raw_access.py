"""A hierarchy whose top is a logical volume that is used without a file system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.model.instance import FILESYS, ISP, OSU, Dependency, Instance
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.messages.storage import RawDriverGone
from lvmkit.model.settings import Settings
from lvmkit.model.value import replace
from lvmkit.workflow import bystanders
from tests.unit.machine import SharedDisk, make_group
from tests.unit.one_server import Bare

if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy
    from tests.unit.machine import Answer

VOLUME, TAG, PID = "/dev/vg1/data", "vg1/data", 4711
WRITER = f"process {PID} (writer): the device is open"


class Raw(Bare):
    """vg1/data is protected and in service, with nothing on it that the kit knows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.activate()
        self.engine = Engine(self.machine.paths, Settings())
        Path(self.machine.paths.defaults).write_text("LVMKIT_BUSY_PATIENCE=0.1\n")

    def create(self, path: str = VOLUME) -> Answer:
        return self.machine.command("create", "-q", path)

    @property
    def graph(self) -> Hierarchy:
        with self.machine.running():
            return self.engine.hierarchy()

    def state(self) -> str:
        instance = self.graph.by_tag(TAG)
        return instance.state if instance else ""

    def write(self) -> None:
        """A process opens the volume, as with O_DIRECT: nothing of it is mounted."""
        self.machine.start_process(PID, "writer", opens=("/dev/mapper/vg1-data",))


@pytest.fixture
def server(tmp_path: Path) -> Raw:
    return Raw(tmp_path)


def test_it_is_created_also_while_it_is_in_use_goes_out_and_comes_back(server: Raw) -> None:
    server.write()
    assert server.create().code == 0
    assert {i.type for i in server.graph.instances}.isdisjoint({FILESYS})
    assert server.state() == ISP
    server.machine.end_process(PID)
    assert server.machine.command("out-of-service", TAG).code == 0
    assert (server.state(), server.machine.active()) == (OSU, ["vg1-www"])
    assert server.machine.command("in-service", TAG).code == 0
    assert server.state() == ISP
    assert server.machine.action("lvmlv", "quickCheck", TAG).code == 0


@pytest.mark.parametrize("tag", [TAG, "vg1"])
def test_it_is_not_taken_from_a_process_which_is_named(server: Raw, tag: str) -> None:
    server.create()
    server.write()
    refused = server.machine.command("out-of-service", tag)
    assert refused.code != 0
    assert LvBusy.number in refused.said
    assert WRITER in refused.err
    assert "vg1-data" in server.machine.active()
    assert server.machine.killed == []


def test_the_script_of_every_engine_and_the_agent_name_it_too(server: Raw) -> None:
    server.create()
    server.write()
    group = server.metadata()
    given = {"vg": "vg1", "lv": "data", "vg_uuid": group.uuid, "lv_uuid": group.volumes[0].uuid}
    for answer in (server.machine.action("lvmlv", "remove", TAG), server.machine.agent("lvmlv", "stop", TAG, **given)):
        assert answer.code != 0
        assert WRITER in answer.err


def test_in_a_cluster_it_is_named_before_anything_is_stopped(server: Raw) -> None:
    server.create()
    server.write()
    with server.machine.running():
        (told,) = bystanders.bystanders((TAG, "vg1"), server.engine.hierarchy(), frozenset)
    assert told == LvBusy("vg1-data", (WRITER,))


@pytest.mark.parametrize(("state", "named"), [(ISP, ()), (OSU, (LvBusy("vg1-data", (WRITER,)),))])
def test_in_a_cluster_the_consumer_that_another_kit_stops_first_is_not_in_the_way(
    server: Raw, state: str, named: tuple[LvBusy, ...]
) -> None:
    server.create()
    server.write()
    consumer = Instance("n1", "records", "rawlog", "log", VOLUME, state=state)
    with server.machine.running():
        graph = server.engine.hierarchy()
        above = replace(
            graph,
            instances=(*graph.instances, consumer),
            dependencies=(*graph.dependencies, Dependency("log", TAG)),
        )
        assert bystanders.bystanders(("log", TAG, "vg1"), above, frozenset) == named


def test_of_a_raw_device_it_is_said_that_its_driver_is_gone(server: Raw) -> None:
    assert RawDriverGone.number in server.create("/dev/raw/raw1").said
    assert server.graph.instances == ()


def test_a_group_with_the_name_of_raw_devices_is_one_like_any_other(server: Raw) -> None:
    disk = SharedDisk("R")
    make_group("raw", (disk,), "raw1")
    server.machine.attach(disk)
    assert server.create("/dev/raw/raw1").code == 0


def test_where_the_driver_is_a_raw_device_is_no_volume(server: Raw) -> None:
    Path(f"{server.machine.root}/sys/class/raw").mkdir(parents=True)
    assert RawDriverGone.number not in server.create("/dev/raw/raw1").said
    assert server.graph.instances == ()

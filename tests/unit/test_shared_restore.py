"""A script's restore on any engine whose servers share storage: it takes the owner where the engine vouches for that.

Two machines that see the same disk; the engine is in memory, with the capabilities of each that there is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.lifekeeper import LifeKeeper
from lvmkit.cluster.pacemaker import Pacemaker
from lvmkit.entry import kit as tools
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG, OSU
from lvmkit.model.messages.extend import ActiveOutsideCluster
from lvmkit.model.messages.guards import OwnerHistoryUnclear, OwnerLeftRunning, OwnerNotFenced
from lvmkit.model.messages.ownership import OwnerActive, OwnerChanged
from lvmkit.model.messages.service import Begin, EndFailed, EndSuccessful, VgForeign
from lvmkit.model.settings import Settings
from lvmkit.model.standing import ACTIVE, FENCED, LEFT, STOPPED, UNCLEAR, UNFENCED, Standing
from lvmkit.plan import Kit
from tests.unit.fakes import ONE_SERVER, FakeCluster, instance
from tests.unit.machine import Machine, Network, SharedDisk, make_group
from tests.unit.machine.disks import write

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

    from tests.unit.machine import Answer


class Shared:
    """vg1 belongs to n2 and is down everywhere; n1 has its resource."""

    def __init__(self, folder: Path, mocker: MockerFixture) -> None:
        self.here, self.there = Machine(folder, "n1"), Machine(folder, "n2")
        Network(self.here, self.there)
        self.disk = SharedDisk("A")
        self.group = write(replace(make_group("vg1", (self.disk,)), system_id="n2"), (self.disk,))
        for machine in (self.here, self.there):
            machine.attach(self.disk)
            machine.lvm.system_id = machine.name
        facts = {"vg_uuid": self.group.uuid, "ownership": "system_id"}
        self.port = FakeCluster(Hierarchy((instance(LVMVG, "vg1", "lvmvg-vg1", OSU, **facts),)))
        del self.port.members["n3"]
        mocker.patch.object(tools, "kit", lambda paths, tell: Kit(self.port, paths, Settings(), tell))

    def restore(self) -> Answer:
        return self.here.action("lvmvg", "restore", "vg1")

    @property
    def owner(self) -> str:
        assert self.disk.metadata is not None
        return self.disk.metadata.system_id


@pytest.fixture(params=[Pacemaker, LifeKeeper], ids=lambda engine: engine.__name__)
def shared(request: pytest.FixtureRequest, tmp_path: Path, mocker: MockerFixture) -> Shared:
    shared = Shared(tmp_path, mocker)
    shared.port.capabilities = request.param.capabilities
    return shared


@pytest.mark.parametrize("kind", [STOPPED, FENCED])
def test_an_owner_that_has_let_go_is_followed(shared: Shared, kind: str) -> None:
    shared.port.standings["n2"] = Standing(kind)
    answer = shared.restore()
    assert (answer.code, answer.said) == (0, [Begin.number, OwnerChanged.number, EndSuccessful.number])
    assert (shared.owner, bool(shared.here.active())) == ("n1", True)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (ACTIVE, OwnerActive.number),
        (LEFT, OwnerLeftRunning.number),
        (UNFENCED, OwnerNotFenced.number),
        (UNCLEAR, OwnerHistoryUnclear.number),
    ],
)
def test_any_other_owner_is_left_alone(shared: Shared, kind: str, number: int) -> None:
    shared.port.standings["n2"] = Standing(kind, "why")
    answer = shared.restore()
    assert (answer.code, answer.said) == (1, [Begin.number, number, EndFailed.number])
    assert (shared.owner, shared.here.active()) == ("n2", [])


def test_what_a_kernel_holds_is_left_alone_whatever_the_engine_says(shared: Shared) -> None:
    shared.there.by_hand("vgchange", "-ay", "vg1")
    answer = shared.restore()
    assert (answer.code, answer.said) == (1, [Begin.number, ActiveOutsideCluster.number, EndFailed.number])
    assert (shared.owner, shared.here.active()) == ("n2", [])


def test_an_engine_of_one_server_takes_nothing_over(tmp_path: Path, mocker: MockerFixture) -> None:
    alone = Shared(tmp_path, mocker)
    alone.port.capabilities = ONE_SERVER
    answer = alone.restore()
    assert (answer.code, answer.said) == (1, [Begin.number, VgForeign.number, EndFailed.number])
    assert alone.owner == "n2"

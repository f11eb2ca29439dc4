"""What comes of a fault where the engine watches by itself: it is told of what it has in service here and is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.entry.kit import kit as installed_kit
from lvmkit.model.messages import Failure
from lvmkit.model.messages.faults import LvGone, NotMounted, PvGone
from lvmkit.model.messages.pacemaker import ClusterUnreachable
from lvmkit.model.messages.watch import FailureReported, ReportsNotTaken
from lvmkit.model.value import replace
from lvmkit.plan import Kit
from lvmkit.workflow.answer import Answered, answer_fault
from lvmkit.workflow.look import check_at_hand
from tests.unit.fakes import SEVERAL_SERVERS, FakePort
from tests.unit.one_server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.messages import Message

ALL = frozenset(("/data", "vg1/data", "vg1"))


class Cluster(FakePort):
    """An engine that watches by itself and takes reports."""

    capabilities = SEVERAL_SERVERS
    recovery = None
    charge: frozenset[str] = ALL
    """what it has in service here"""

    def __init__(self, now: Hierarchy) -> None:
        super().__init__(now)
        self.meanwhile: Callable[[], None] = lambda: None
        """what happens while it is asked"""

    def in_charge(self) -> frozenset[str]:
        self.calls.append(("in charge",))
        self.meanwhile()
        return self.charge


class World(Server):
    """/srv/data on vg1/data on vg1, which such an engine has in service."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.told: list[Message] = []
        with self.machine.running():
            own = installed_kit(self.machine.paths, self.told.append)
            self.port = Cluster(own.port.hierarchy())
            self.kit = Kit(self.port, own.paths, own.settings, self.told.append)

    def answer(self) -> Answered:
        with self.machine.running():
            return answer_fault(self.kit)

    @property
    def reported(self) -> list[str]:
        return [call[1] for call in self.port.calls if call[0] == "report"]

    def lose_disk(self) -> None:
        self.machine.detach(self.disks[0])

    def deactivate(self) -> None:
        self.unmount()
        self.machine.dm.discard(self.machine.dm.by_name("vg1-data"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_where_all_is_well_the_engine_is_not_even_asked(world: World) -> None:
    assert world.answer() == Answered()
    assert world.port.calls == []


def test_a_lost_disk_is_the_group_s_failure(world: World) -> None:
    world.lose_disk()
    assert world.answer() == Answered(("vg1",))
    assert world.reported == ["vg1"]
    (told,) = world.told
    assert isinstance(told, FailureReported)
    assert (told.tag, told.server, PvGone.number) == ("vg1", "n1", 110043)


def test_an_unmounted_file_system_is_its_own(world: World) -> None:
    world.unmount()
    world.answer()
    assert world.reported == ["/data"]


def test_a_volume_that_is_gone_is_reported_and_neither_its_group_nor_its_file_system(world: World) -> None:
    world.deactivate()
    with world.machine.running():
        numbers = {m.number for found in check_at_hand(world.kit) for m in found.messages}
    assert numbers == {LvGone.number, NotMounted.number}
    world.answer()
    assert world.reported == ["vg1/data"]


def test_what_the_engine_does_not_have_in_service_here_may_be_down(world: World) -> None:
    world.deactivate()
    world.port.charge = frozenset()
    answer = world.answer()
    assert (answer.seen_to, set(answer.idle), world.reported) == ((), set(ALL), [])
    assert world.told == []


def test_only_what_it_has_in_service_here_is_reported(world: World) -> None:
    world.deactivate()
    world.port.charge = frozenset(("/data",))
    assert world.answer().seen_to == ("/data",)
    assert world.reported == ["/data"]


def test_what_has_come_back_while_the_engine_was_asked_is_not_reported(world: World) -> None:
    world.unmount()
    world.port.meanwhile = lambda: world.machine.mount_at("/srv/data", "vg1/data")
    assert world.answer() == Answered()
    assert (world.port.calls, world.told) == ([("in charge",)], [])


def test_what_passes_by_itself_is_waited_for(world: World) -> None:
    device = world.machine.dm.by_name("vg1-data")
    device.suspended = True
    sleep = world.machine.sleep

    def pause(seconds: float) -> None:
        sleep(seconds)
        device.suspended = False

    world.machine.sleep = pause  # type: ignore[method-assign]
    assert world.answer() == Answered()
    assert world.reported == []
    world.machine.sleep = sleep  # type: ignore[method-assign]
    device.suspended = True
    assert world.answer().seen_to == ("vg1/data",)


def test_an_engine_that_does_not_answer_is_a_failure_and_nothing_is_reported(world: World) -> None:
    def no_answer() -> None:
        raise Failure(ClusterUnreachable("not connected"))

    world.lose_disk()
    world.port.meanwhile = no_answer
    with pytest.raises(Failure, match="not connected"):
        world.answer()
    assert world.reported == []


def test_an_engine_that_takes_no_reports_gets_none(world: World) -> None:
    world.lose_disk()
    world.port.capabilities = replace(SEVERAL_SERVERS, takes_reports=False)
    assert world.answer() == Answered()
    assert [type(message) for message in world.told] == [ReportsNotTaken]
    assert world.port.calls == []

"""What the kit sends means to a real SCSI target what the fake of the unit tests takes it for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.guards.reservation import reserve_disk
from lvmkit.storage.reservations import Conflict, DiskCapabilities, Refusal
from tests.target.conftest import Server, Target
from tests.unit.reservation_stories import ONE, STORIES, A, B, disk, held_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.reservation_stories import Lun


class Shared:
    """The target with the servers of one test."""

    def __init__(self, target: Target) -> None:
        self.target, self.servers = target, list[Server]()
        self.restart = target.restart

    def server(self, name: str, paths: tuple[str, ...] = ONE) -> Server:
        self.servers.append(Server(name, self.target, paths))
        return self.servers[-1]


@pytest.fixture
def lun(target: Target) -> Iterator[Shared]:
    shared = Shared(target)
    yield shared
    for server in shared.servers:
        server.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_real_target_tells_the_stories(story: Callable[[Lun], None], lun: Shared) -> None:
    story(lun)


def test_the_loser_reads_on_and_its_registration_is_gone(lun: Shared) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    assert reserve_disk(disk(b), B) == ""
    assert a.can_read()
    assert not disk(a).confirm("/dev/sda", A, persist=False)


def test_this_target_keeps_nothing_over_a_loss_of_power_and_says_so(lun: Shared) -> None:
    a = lun.server("a")
    assert disk(a).capabilities() == DiskCapabilities(persists=False, has_type=True)
    with pytest.raises(Refusal, match="sense 5/2400"):
        disk(a).register(A, persist=True)


def test_who_is_not_registered_can_take_nothing(lun: Shared) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    with pytest.raises(Conflict):
        disk(b).preempt(B, A)
    with pytest.raises(Conflict):
        disk(b).reserve(B)
    assert disk(a).registrations() == held_by(A)

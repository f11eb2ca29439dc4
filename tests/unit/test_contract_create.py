"""What create may rely on and others may rely on it for: a group that another server holds is not put under protection.

Two machines that see the same disks; the cluster's own part is a port in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.entry import admin
from lvmkit.model.messages.extend import ActiveOutsideCluster, ActivityUnknown
from lvmkit.model.messages.guide import ErrorCreatingResource, FailedCreation, HierarchyNotCreated
from lvmkit.model.messages.service import MayBeActiveElsewhere
from lvmkit.model.settings import Settings
from lvmkit.peer.kernels import LOOK
from lvmkit.plan import Kit
from tests.unit.fakes import FakeCluster
from tests.unit.machine import Machine, Network, SharedDisk, make_group
from tests.unit.machine.network import FAR_END

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths
    from tests.unit.machine import Answer

REFUSED = [ErrorCreatingResource.number, FailedCreation.number, HierarchyNotCreated.number]


class Pair:
    """n1, on which create runs, and n2, both with the disk of vg1."""

    def __init__(self, folder: Path, mocker: MockerFixture) -> None:
        self.here, self.there = Machine(folder, "n1"), Machine(folder, "n2")
        self.network = Network(self.here, self.there)
        self.disk = SharedDisk("A")
        make_group("vg1", (self.disk,))
        for machine in (self.here, self.there):
            machine.attach(self.disk)
        self.port = FakeCluster()
        del self.port.members["n3"]
        mocker.patch.object(admin, "kit", self._kit)

    def _kit(self, paths: Paths, tell: Callable[[Message], None]) -> Kit:
        return Kit(self.port, paths, Settings(), tell)

    def create(self) -> Answer:
        return self.here.admin("lvmvg/create", "-t", "vg1", "-s", "INTELLIGENT", "-p", "/dev/vg1/data")

    def is_untouched(self) -> bool:
        """Whether nothing was noted, written or listed."""
        assert self.disk.metadata is not None
        unwritten = (self.disk.metadata.sequence, self.disk.metadata.autoactivation) == (2, True)
        return unwritten and not self.port.now.instances and not self.port.moves


@pytest.fixture
def pair(tmp_path: Path, mocker: MockerFixture) -> Pair:
    return Pair(tmp_path, mocker)


def test_a_group_that_is_down_everywhere_is_protected(pair: Pair) -> None:
    answer = pair.create()
    assert (answer.code, answer.out) == (0, ["vg1"])
    assert pair.port.now.by_tag("vg1") is not None


def test_a_group_that_is_up_here_alone_is_protected(pair: Pair) -> None:
    pair.here.by_hand("vgchange", "-ay", "vg1")
    assert pair.create().code == 0


@pytest.mark.parametrize("is_up_here", [False, True])
def test_a_group_that_another_server_holds_is_refused_and_nothing_is_changed(pair: Pair, is_up_here: bool) -> None:
    del pair.there.programs[FAR_END]  # no kit is needed there
    pair.there.by_hand("vgchange", "-ay", "vg1")
    if is_up_here:
        pair.here.by_hand("vgchange", "-ay", "vg1")
    answer = pair.create()
    assert (answer.code, answer.out) == (1, [])
    assert answer.said[0] == ActiveOutsideCluster.number
    assert answer.said[-3:] == REFUSED
    assert "n2" in answer.err
    assert pair.is_untouched()
    assert {argv[0] for argv in pair.there.ran} == {LOOK[0]}


def test_a_server_that_does_not_answer_may_hold_what_is_not_up_here(pair: Pair) -> None:
    pair.network.isolate("n2")
    answer = pair.create()
    assert (answer.code, answer.said) == (1, [ActivityUnknown.number, MayBeActiveElsewhere.number, *REFUSED])
    assert pair.is_untouched()

"""Stories of the watcher on two servers: what it tells the cluster, and what the cluster makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvmkit.entry.kit import kit
from lvmkit.model.messages.watch import FailureReported
from lvmkit.workflow.answer import Answered, answer_fault
from tests.unit.world.world import KIT, POINT, Process, World

ALL = {"/srv/data", "vg1/data", "vg1"}


class Watched(World):
    """Two servers with a watcher each."""

    def watcher(self, server: str) -> Answered:
        """The watcher of a server has found something, and the cluster does what comes of it."""
        answers = []
        paths = self.machines[server].paths
        view = self.cluster.member_of(server)
        assert view is not None
        Path(paths.cib).write_text(view.written())

        def work() -> int:
            answers.append(answer_fault(kit(paths, lambda message: self.told.append(message.number))))
            return 0

        self.told: list[int] = []
        self._run(Process(server, KIT), work)
        self.settle()
        return answers[0]

    def fails(self, server: str) -> dict[str, int]:
        """What has failed on a server, as the cluster has it."""
        view = self.cluster.member_of(server)
        assert view is not None
        return {name: known.fails for name, known in view.members[server].history.items() if known.fails}


@pytest.fixture
def world(tmp_path: Path) -> Watched:
    """The file system is in service on n1 and extended to n2."""
    world = Watched(tmp_path)
    world.activate("n1")
    assert world.kit("n1", "create", POINT).code == 0
    assert world.kit("n1", "extend", POINT, "--to", "n2").code == 0
    world.write("n1")
    return world


def test_where_all_is_well_nobody_is_told_anything(world: Watched) -> None:
    assert world.watcher("n1") == Answered()
    assert (world.told, world.holders()) == ([], ["n1"])


def test_a_disk_that_one_server_has_lost_moves_everything_to_the_other(world: Watched) -> None:
    world.machines["n1"].detach(world.disk)
    assert world.watcher("n1") == Answered(("vg1",))
    assert (world.told, world.holders()) == ([FailureReported.number], ["n2"])
    world.write("n2")
    world.check()
    assert len(world.records) == 2
    assert set(world.watcher("n1").idle) == ALL


def test_the_other_server_s_watcher_tells_nothing(world: Watched) -> None:
    answer = world.watcher("n2")
    assert (answer.seen_to, set(answer.idle), world.told) == ((), ALL, [])
    assert (world.fails("n2"), world.holders()) == ({}, ["n1"])


def test_what_was_unmounted_by_hand_comes_back_on_its_server(world: Watched) -> None:
    world.machines["n1"].unmount(POINT)
    assert world.watcher("n1") == Answered(("/srv/data",))
    assert world.holders() == ["n1"]
    world.write("n1")
    world.check()
    assert list(world.fails("n1").values()) == [1]
    assert world.watcher("n1") == Answered()


def test_what_is_out_of_service_stays_so(world: Watched) -> None:
    assert world.kit("n1", "out-of-service", "vg1").code == 0
    for server in ("n1", "n2"):
        assert world.watcher(server).seen_to == ()
    assert (world.holders(), world.fails("n1")) == ([], {})


def test_in_maintenance_nothing_is_told(world: Watched) -> None:
    world.tool("n1", "crm_attribute", "--name", "maintenance-mode", "--update", "true")
    world.machines["n1"].unmount(POINT)
    assert world.watcher("n1") == Answered(idle=("/srv/data",))
    assert (world.told, world.fails("n1")) == ([], {})


def test_after_a_failover_neither_server_tells_anything(world: Watched) -> None:
    world.lose_power("n1")
    assert world.holders() == ["n2"]
    assert world.watcher("n2") == Answered()
    world.boot("n1")
    world.start_pacemaker("n1")
    assert (world.watcher("n1").seen_to, world.watcher("n2").seen_to) == ((), ())
    assert world.holders() == ["n2"]
    world.check()

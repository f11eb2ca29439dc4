"""File systems within each other: the inner one waits for the outer one, and each is a service of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.model.instance import FILESYS, ISP, OSU, Dependency
from lvmkit.model.messages.engine import HasDependents
from lvmkit.model.messages.mounts import MountCovered, NotMountedWithin
from lvmkit.model.settings import Settings
from lvmkit.model.value import replace
from tests.unit.fakes import instance
from tests.unit.machine import SharedDisk, make_group
from tests.unit.one_server import Bare

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.model.hierarchy import Hierarchy

OUTER, INNER, MIDDLE, BESIDE = "/srv/data", "/srv/data/a/in", "/srv/data/a", "/srv/database"


class Nested(Bare):
    """vg1 mounted at OUTER and BESIDE, vg2 within OUTER."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        within = SharedDisk("C")
        make_group("vg2", (within,), "in mid")
        self.machine.attach(within)
        for group in ("vg1", "vg2"):
            assert self.machine.by_hand("vgchange", "-ay", group) == 0
        self.engine = Engine(self.machine.paths, Settings())

    def mount(self, *points: str) -> None:
        volumes = {OUTER: "vg1/data", BESIDE: "vg1/www", INNER: "vg2/in", MIDDLE: "vg2/mid"}
        for point in points:
            self.machine.mount_at(point, volumes[point])

    def create(self, *points: str) -> None:
        for point in points:
            answer = self.machine.command("create", "-q", point)
            assert answer.code == 0, answer.err

    def run(self, *words: str) -> list[int]:
        """The numbers of what is said."""
        answer = self.machine.command(*words)
        return answer.said if answer.code else []

    @property
    def graph(self) -> Hierarchy:
        with self.machine.running():
            return self.engine.hierarchy()

    def nesting(self) -> set[tuple[str, str]]:
        points = (OUTER, INNER, MIDDLE, BESIDE)
        return {(d.parent, d.child) for d in self.graph.dependencies if {d.parent, d.child} <= set(points)}

    def mounted(self) -> list[str]:
        return [mount.point for mount in self.machine.mounts if mount.point.startswith("/srv")]

    def state(self, tag: str) -> str:
        found = self.graph.by_tag(tag)
        return found.state if found else ""


@pytest.fixture
def server(tmp_path: Path) -> Nested:
    return Nested(tmp_path)


@pytest.mark.parametrize("order", [(OUTER, INNER), (INNER, OUTER)])
def test_the_inner_one_requires_the_outer_one_whichever_was_created_first(
    server: Nested, order: tuple[str, str]
) -> None:
    server.mount(OUTER, BESIDE, INNER)
    server.create(BESIDE, *order)
    assert server.nesting() == {(INNER, OUTER)}
    assert server.state(OUTER) == server.state(INNER) == ISP
    assert server.graph.by_tag("vg2/mid") is None, "only what was asked for"


def test_out_of_service_takes_the_inner_one_first_and_in_service_brings_the_outer_one_first(server: Nested) -> None:
    server.mount(OUTER, BESIDE, INNER)
    server.create(OUTER, INNER, BESIDE)
    assert server.run("out-of-service", OUTER) == []
    assert (server.mounted(), server.state(INNER), server.state(BESIDE)) == ([BESIDE], OSU, ISP)
    assert server.state("vg2") == ISP, "its group goes on"
    assert server.run("in-service", INNER) == []
    assert server.mounted() == [BESIDE, OUTER, INNER]
    for tag in (OUTER, INNER):
        assert server.machine.action("filesys", "quickCheck", tag).code == 0


def test_deleting_one_leaves_the_other(server: Nested) -> None:
    server.mount(OUTER, INNER)
    server.create(OUTER, INNER)
    assert server.run("delete", "--yes", INNER) == []
    assert (server.graph.roots(), server.state(OUTER)) == ((OUTER,), ISP)
    server.create(INNER)
    assert server.run("delete", "--yes", OUTER) == []
    assert (server.graph.roots(), server.state(INNER), server.nesting()) == ((INNER,), ISP, set())
    assert server.mounted() == [OUTER, INNER]


def test_one_between_two_others_comes_and_goes_and_their_order_stays(server: Nested) -> None:
    server.mount(OUTER, MIDDLE, INNER)
    server.create(OUTER, INNER, MIDDLE)
    assert server.nesting() == {(INNER, OUTER), (MIDDLE, OUTER), (INNER, MIDDLE)}
    server.run("out-of-service", "vg1")
    assert server.mounted() == []
    assert server.run("in-service", INNER) == []
    assert server.mounted() == [OUTER, MIDDLE, INNER]
    server.run("delete", "--yes", MIDDLE)
    assert server.nesting() == {(INNER, OUTER)}


def test_what_another_kit_has_on_the_outer_one_still_keeps_it(server: Nested) -> None:
    server.mount(OUTER, INNER)
    server.create(OUTER, INNER)
    with server.machine.running():
        own = server.engine.local_server()
        database = replace(instance(FILESYS, "db", "db"), type="pgsql", app="database", server=own)
        server.engine.commit(Change(add=(database,), link=(Dependency("db", OUTER),)))
    assert server.run("delete", "--yes", OUTER) == [HasDependents.number]
    assert server.nesting() == {(INNER, OUTER)}


def test_a_preview_says_what_stays_and_that_nothing_keeps_it(server: Nested) -> None:
    server.mount(OUTER, INNER)
    server.create(OUTER, INNER)
    shown = [line.split(None, 2) for line in server.machine.command("delete", "--dry-run", INNER).out]
    assert ["stays", OUTER, "a service of its own"] in shown
    assert ["goes", INNER] in shown


def test_one_that_the_other_would_hide_is_refused_and_nothing_changed(server: Nested) -> None:
    """It was mounted while the outer one was not: on what is below that."""
    server.mount(OUTER)
    server.create(OUTER)
    assert server.run("out-of-service", OUTER) == []
    server.machine.by_hand("vgchange", "-ay", "vg1")
    server.mount(INNER)
    before = server.graph
    assert NotMountedWithin.number in server.run("create", INNER)
    assert (server.graph, server.mounted()) == (before, [INNER])


def test_one_that_hides_a_protected_one_is_refused(server: Nested) -> None:
    server.mount(INNER)
    server.create(INNER)
    server.mount(OUTER)
    assert NotMountedWithin.number in server.run("create", OUTER)
    assert MountCovered.number in server.machine.action("filesys", "quickCheck", INNER).said
    assert server.graph.by_tag(OUTER) is None


def test_the_commands_that_make_it_again_make_the_outer_one_first(server: Nested) -> None:
    server.mount(OUTER, INNER)
    server.create(OUTER, INNER)
    shown = server.machine.command("show", "--format", "cmd", INNER).out
    assert [line.split()[2] for line in shown if "create" in line] == [OUTER, INNER]

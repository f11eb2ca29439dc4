"""The cluster in memory does what Pacemaker does, as far as the kit's configurations need it; agents are marks here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.pacemaker import Pacemaker, tools
from lvmkit.cluster.port import Change
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, OSU, Dependency, Instance, pack_info
from lvmkit.model.messages import Failure
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import replace
from lvmkit.storage.run import Finished
from tests.unit.world.cluster import Cluster
from tests.unit.world.tools import answer

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

VG, LV, FS = "lvmkit-vg1", "lvmkit-vg1_2fdata", "lvmkit-_2fdata"
A, B = "n1", "n2"


class Marks:
    """Two servers on which a resource is up where its start was the last thing that was done."""

    def __init__(self, folder: Path) -> None:
        self.up: dict[str, set[str]] = {A: set(), B: set()}
        self.failing: set[tuple[str, str, str]] = set()
        """(server, resource, action)"""
        self.done: list[tuple[str, str, str]] = []
        self.cluster = Cluster((A, B), self.operate, lambda server: self.up[server].clear(), lambda: 0.0)
        self.folder = folder
        self.here = A

    def operate(self, server: str, _agent: str, action: str, given: dict[str, str]) -> tuple[int, str]:
        resource = given["OCF_RESOURCE_INSTANCE"]
        if (server, resource, action) in self.failing:
            return 1, "it broke"
        up = self.up[server]
        if action == "monitor":
            return (0 if resource in up else 7), ""
        self.done.append((server, resource, action))
        (up.add if action == "start" else up.discard)(resource)
        return 0, ""

    def run(self, argv: tuple[str, ...], *, stdin: bytes | None = None, **_: Any) -> Finished:
        status, out, err = answer(self.cluster, self.here, argv, stdin)
        return Finished(tuple(argv), status, out, err, 0.0)

    def port(self, server: str = A) -> Pacemaker:
        """The adapter on one of the servers."""
        self.here = server
        paths = Paths(state=f"{self.folder}/{server}", run=f"{self.folder}/run-{server}")
        return Pacemaker(paths, replace(Settings(), lock_patience=0.0))


def protected(server: str) -> tuple[Instance, ...]:
    """A volume group, a volume and a file system, as create would store them."""
    facts = {"vg_uuid": "a" * 32, "lv_uuid": "b" * 32, "device": "/dev/vg1/data", "fstype": "ext4"}
    kinds = ((LVMVG, "vg1", "lvmvg-vg1"), (LVMLV, "vg1/data", "/dev/vg1/data"), (FILESYS, "/data", "/data"))
    return tuple(Instance(server, "scsi", kind, tag, own, pack_info(facts), OSU) for kind, tag, own in kinds)


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Marks:
    made = Marks(tmp_path)
    monkeypatch.setattr(tools, "run", made.run)
    monkeypatch.setattr(time, "sleep", lambda _seconds: made.cluster.settle())
    port = made.port()
    port.commit(Change(protected(A), (Dependency("vg1/data", "vg1"), Dependency("/data", "vg1/data"))))
    port.commit(Change(protected(B)))
    port.bring_in_service("/data", lambda _message: None)
    made.done.clear()
    return made


def test_a_start_goes_from_below_and_a_move_stops_from_above(marks: Marks) -> None:
    marks.port().bring_in_service("/data", lambda _message: None, B)
    assert marks.done == [(A, FS, "stop"), (A, LV, "stop"), (A, VG, "stop"), *((B, r, "start") for r in (VG, LV, FS))]


def test_what_was_moved_stays_when_the_move_is_over(marks: Marks) -> None:
    marks.port().bring_in_service("/data", lambda _message: None, B)
    marks.cluster.settle()
    assert marks.up == {A: set(), B: {VG, LV, FS}}


def test_a_server_that_is_lost_is_fenced_before_its_resources_start_elsewhere(marks: Marks) -> None:
    marks.cluster.cut()
    marks.cluster.settle()
    assert [node.powered for node in marks.cluster.nodes.values()] == [True, False]
    assert marks.up == {A: {VG, LV, FS}, B: set()}


def test_nothing_starts_while_a_lost_server_cannot_be_fenced(marks: Marks) -> None:
    marks.cluster.can_fence = False
    marks.cluster.cut()
    marks.cluster.settle()
    assert marks.up[B] == set()


def test_without_fencing_what_ran_on_a_lost_server_is_taken_for_stopped(marks: Marks) -> None:
    view = marks.cluster.member_of(A)
    assert view is not None
    view.set_option("stonith-enabled", "false")
    marks.cluster.cut()
    marks.cluster.settle()
    assert marks.up == {A: {VG, LV, FS}, B: {VG, LV, FS}}


def test_what_leaves_the_configuration_is_stopped_as_an_orphan(marks: Marks) -> None:
    view = marks.cluster.member_of(A)
    assert view is not None
    resources = view.cib.find("configuration/resources")
    assert resources is not None
    resources.remove(view.primitives()[VG])
    marks.cluster.settle()
    assert (A, VG, "stop") in marks.done


def test_what_the_kit_deletes_goes_on_running(marks: Marks) -> None:
    marks.port().commit(Change(remove=("/data", "vg1/data", "vg1")))
    marks.cluster.settle()
    assert marks.done == []
    assert marks.up[A] == {VG, LV, FS}


def test_a_start_that_fails_moves_all_to_the_other_server(marks: Marks) -> None:
    marks.failing.add((A, VG, "monitor"))
    marks.failing.add((A, VG, "start"))
    marks.cluster.watch()
    assert marks.up == {A: set(), B: {VG, LV, FS}}


def test_a_stop_that_fails_has_the_server_fenced(marks: Marks) -> None:
    marks.failing.add((A, VG, "stop"))
    with pytest.raises(Failure):
        marks.port().take_out_of_service("vg1", lambda _message: None)
    assert not marks.cluster.nodes[A].powered


def test_a_server_that_goes_to_standby_or_stops_its_pacemaker_gives_its_resources_up(marks: Marks) -> None:
    marks.cluster.stop_pacemaker(A)
    marks.cluster.settle()
    assert marks.up == {A: set(), B: {VG, LV, FS}}
    marks.cluster.start_pacemaker(A)
    marks.cluster.settle()
    assert marks.up[A] == set()


def test_in_maintenance_nothing_is_stopped_or_started(marks: Marks) -> None:
    view = marks.cluster.member_of(A)
    assert view is not None
    view.set_option("maintenance-mode", "true")
    marks.cluster.stop_pacemaker(A)
    marks.cluster.settle()
    assert marks.up == {A: {VG, LV, FS}, B: set()}
    assert marks.cluster.nodes[A].powered

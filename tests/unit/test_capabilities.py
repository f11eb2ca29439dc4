"""An engine of a third kind: several servers, a watch of its own, device types of other kits, and none of the agents.

Each thing that the kit does otherwise for it follows from one fact of it, whatever its other facts are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Capabilities, Change, Overview
from lvmkit.model.instance import DISK, ILLSTATE, ISP, LVMVG, OSU
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.storage import dm, installed
from lvmkit.workflow import doctor
from lvmkit.workflow.bystanders import PlannedStop, refuse_bystanders
from lvmkit.workflow.create import CreateRequest, draft_creation
from lvmkit.workflow.doctor_storage import Look
from lvmkit.workflow.recover import watch
from lvmkit.workflow.renew import RenewRecord
from lvmkit.workflow.service import way_in, way_out
from lvmkit.workflow.status import recorded
from tests.unit.fakes import ONE_SERVER, SERVER, SEVERAL_SERVERS, FakePort, data_hierarchy, kit, on
from tests.unit.local_storage import Storage, protected

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.plan import Kit

THIRD = Capabilities(
    several_servers=True,
    common_tags=False,
    watches_itself=True,
    runs_devices=True,
    needs_agents=False,
    starts_what_is_up=True,
    fences_failed_stops=False,
    keeps_database=False,
)


def tools(folder: Path, engine: Capabilities, state: str = ISP) -> Kit:
    """A kit on one server of an engine with these facts."""
    port = FakePort(protected(state))
    port.capabilities = engine
    return kit(port, folder, lambda _message: None)


def seen(engine: Capabilities, here: str, there: str) -> Overview:
    """/data in a state on this server and in another one on n2."""
    servers = (Server(SERVER, online=True), Server("n2", online=True))
    return Overview(SERVER, servers, (data_hierarchy(here), on("n2", data_hierarchy(there))), engine)


@pytest.mark.parametrize("engine", [ONE_SERVER, SEVERAL_SERVERS, THIRD])
@pytest.mark.parametrize("does_it", [True, False])
class TestEachFactAlone:
    def test_only_an_engine_that_does_not_watch_itself_is_watched_by_us(
        self, engine: Capabilities, does_it: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Storage(tmp_path, monkeypatch)
        work = tools(tmp_path, replace(engine, watches_itself=does_it), ILLSTATE)
        watch(work)
        calls = work.port.calls if isinstance(work.port, FakePort) else []
        assert (("restore", "/data") in calls) == (not does_it)

    def test_a_state_that_is_unknown_is_a_failure_where_the_engine_should_know(
        self, engine: Capabilities, does_it: bool
    ) -> None:
        there = seen(replace(engine, watches_itself=does_it), ILLSTATE, OSU)
        failed = {p.instance.server for r in recorded(there).resources for p in r.places if p.is_failed}
        assert failed == ({SERVER} if does_it else set())

    def test_devices_are_among_the_steps_of_a_move_where_the_engine_runs_them(
        self, engine: Capabilities, does_it: bool
    ) -> None:
        there = seen(replace(engine, runs_devices=does_it), OSU, ISP)
        coming = {leg.instance.type for leg in way_in("/data", SERVER, there)}
        going = {leg.instance.type for leg in way_out("disk-A", there)}
        assert (DISK in coming, DISK in going) == (does_it, does_it)

    def test_a_record_is_renewed_where_no_start_leaves_one(
        self, engine: Capabilities, does_it: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Storage(tmp_path, monkeypatch)
        port = FakePort()
        port.capabilities = replace(engine, starts_what_is_up=does_it, several_servers=False)
        draft = draft_creation(CreateRequest("/data"), kit(port, tmp_path, lambda _message: None))
        assert any(isinstance(step, RenewRecord) for step in draft.plan.steps) == (not does_it)

    def test_agents_are_missed_where_the_engine_needs_them(
        self, engine: Capabilities, does_it: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(installed, "AGENTS", str(tmp_path / "nowhere"))
        look = Look(tools(tmp_path, replace(engine, needs_agents=does_it)), seen(engine, ISP, OSU))
        assert bool(tuple(doctor._agent_findings(look))) == does_it

    def test_bystanders_are_looked_for_where_a_failed_stop_is_fenced(
        self, engine: Capabilities, does_it: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def list_devices() -> tuple[dm.Device, ...]:
            asked.append(SERVER)
            return ()

        monkeypatch.setattr(dm, "list_devices", list_devices)
        work = tools(tmp_path, replace(engine, fences_failed_stops=does_it))
        refuse_bystanders([PlannedStop(SERVER, ("vg1",))], seen(engine, ISP, OSU), work)
        assert bool(asked) == does_it

    def test_the_database_of_one_server_is_a_leftover_where_the_engine_does_not_keep_it(
        self, engine: Capabilities, does_it: bool, tmp_path: Path
    ) -> None:
        work = tools(tmp_path, replace(engine, keeps_database=does_it))
        own = Engine(work.paths, work.settings)
        here = own.local_server()
        own.commit(Change(add=tuple(i for i in on(here, data_hierarchy(OSU)).instances if i.type == LVMVG)))
        look = Look(work, seen(engine, ISP, OSU))
        assert bool(tuple(doctor._leftovers(look))) == (not does_it)

"""The whole cluster read at one moment: one cibadmin, one crm_mon. And the same of one server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.pacemaker import Pacemaker, tools
from lvmkit.cluster.port import Change
from lvmkit.model.instance import AUTOMATIC, DISK, ILLSTATE, ISP, OSF, OSU
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import ClusterUnreachable, FencingOff
from lvmkit.model.servers import Equivalency, Server
from lvmkit.model.settings import Paths, Settings
from tests.unit.fakes import data_hierarchy, on
from tests.unit.test_pacemaker import protected
from tests.unit.test_pacemaker_adapter import Cluster, everywhere, mon, monitored, query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OFF = 'online="false" standby="false" maintenance="false" pending="false" unclean="true"'
BROKEN = '<failure op_key="lvmkit-fs1_start_0" node="n2" task="start" interval="0" exitreason="it broke"/>'


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster()
    monkeypatch.setattr(tools, "run", made.run)
    yield made
    assert not made.expected, "not asked for"


@pytest.fixture
def port(cluster: Cluster, tmp_path: Path) -> Pacemaker:
    return Pacemaker(Paths(run=str(tmp_path)), Settings(), server="n1")


def test_two_commands_for_all_servers(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(query(protected(1)), mon(monitored(everywhere("n1"), failures=BROKEN)))
    seen = port.overview()
    assert [server.name for server in seen.servers] == ["n1", "n2", "n3"]
    states = [{i.tag: i.state for i in now.instances if i.type != DISK} for now in seen.hierarchies]
    assert states[0] == {"vg": ISP, "lv1": ISP, "fs1": ISP}
    assert states[1:] == [{"vg": OSU, "lv1": OSU, "fs1": OSF}, {}]
    assert [i.reason for i in seen.of("n2").instances if i.tag == "fs1"] == ["start: it broke"]
    assert (seen.local, seen.has_several_servers, seen.warnings) == ("n1", True, ())
    assert Equivalency("fs1", "n2", 11) in seen.equivalencies


def test_a_server_that_is_down_keeps_what_the_configuration_knows(cluster: Cluster, port: Pacemaker) -> None:
    options = 'stonith-enabled="false" maintenance-mode="false"'
    cluster.will(query(protected(1)), mon(monitored(everywhere("n1"), nodes={"n2": OFF}, options=options)))
    seen = port.overview()
    assert seen.servers[1] == Server("n2", False, "unclean, offline")
    assert {i.state for i in seen.of("n2").instances if i.type != DISK} == {ILLSTATE}
    assert seen.of("n2").tags == seen.of("n1").tags
    assert seen.warnings == (FencingOff(),)


def test_a_server_that_the_cluster_does_not_report_is_down(cluster: Cluster, port: Pacemaker) -> None:
    text = monitored(everywhere("n1"))
    cluster.will(query(protected(1)), mon(text.replace('name="n2" online', 'name="n9" online')))
    seen = port.overview()
    assert seen.servers[1] == Server("n2", False, "offline")
    assert {i.state for i in seen.of("n2").instances if i.type != DISK} == {ILLSTATE}


def test_a_cluster_that_does_not_run_here(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(("cibadmin", "Could not connect to the CIB", 102))
    with pytest.raises(Failure) as failure:
        port.overview()
    assert [type(message) for message in failure.value.messages] == [ClusterUnreachable]


def test_the_switchback_type_comes_back_from_the_configuration(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(query(protected(1, switchback=AUTOMATIC)), mon(monitored(everywhere("n1"))))
    assert {i.switchback for now in port.overview().hierarchies for i in now.instances} == {AUTOMATIC}


def test_one_server_is_an_overview_of_one(tmp_path: Path) -> None:
    engine = Engine(Paths(state=str(tmp_path)), Settings())
    here = engine.local_server()
    engine.commit(Change(add=on(here, data_hierarchy(OSU)).instances[2:3]))
    seen = engine.overview()
    assert (seen.servers, seen.has_several_servers) == ((Server(seen.local, online=True),), False)
    assert (seen.of(seen.local).tags, seen.union().tags, seen.of(f"{here}x").tags) == (("vg1",), ("vg1",), ())
    assert seen.equivalencies == (Equivalency("vg1", seen.local, 1),)

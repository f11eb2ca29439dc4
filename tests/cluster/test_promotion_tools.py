"""What Pacemaker's scheduler makes of a volume group that is tied to DRBD's promoted role; no cluster and no agent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.pacemaker import cib, elements, location, patch, release, roles, tools
from lvmkit.cluster.port import Change
from lvmkit.model.instance import Dependency
from lvmkit.storage.run import run
from tests.cluster.test_pacemaker_tools import DEADLINE, LATER, NEEDED, marked
from tests.unit.test_promotion import base, clone, creation, device, protected

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

GROUP, DRBD = "lvmkit-vg", "drbd-r0"


@pytest.fixture(autouse=True)
def _tools_are_there() -> None:
    missing = [path for path in NEEDED if not os.path.exists(path)]
    if missing:
        pytest.skip(f"not on this machine (Debian: pacemaker-cli-utils): {', '.join(missing)}")


@pytest.fixture
def how() -> tools.Tools:
    return tools.Tools(DEADLINE)


class Simulator:
    """Executes transitions on paper: what was done, in order, and the CIB afterwards."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "after.xml"
        self.root = elements.new("cib")
        self.steps: list[tuple[str, str, str]] = []

    def __call__(self, root: Element, *events: str) -> Simulator:
        words = ("/usr/sbin/crm_simulate", "--xml-pipe", "--simulate", "--output-as=xml", "--save-output")
        answer = run((*words, str(self.output), *events), deadline=DEADLINE, stdin=elements.written(root).encode())
        assert answer.status == 0, answer.stderr
        shown = elements.parse(answer.stdout, "crm_simulate")
        actions = shown.iterfind("transition/rsc_action")
        self.steps = [(e.get("op", ""), e.get("resource", "").partition(":")[0], e.get("node", "")) for e in actions]
        self.root = elements.parse(self.output.read_text(), "output")
        self.ended = shown.find("revised_cluster_status/resources")
        return self

    def before(self, first: tuple[str, str, str], then: tuple[str, str, str]) -> bool:
        return self.steps.index(first) < self.steps.index(then)

    def runs_on(self, resource: str = GROUP, role: str = "") -> list[str]:
        """The servers on which a resource runs, in a role where one is given."""
        assert self.ended is not None
        found = [e for e in self.ended.iter("resource") if e.get("id", "").partition(":")[0] == resource]
        return [n.get("name", "") for e in found if role in ("", e.get("role")) for n in e.iterfind("node")]


@pytest.fixture
def simulate(tmp_path: Path) -> Simulator:
    return Simulator(tmp_path)


def two_servers(schema: str = "pacemaker-3.9") -> Element:
    """vg on volumes 0 and 1 of r0, extended to n1 and n2, and not in service on either; DRBD runs nowhere else."""
    root = extended(protected(schema=schema), "r0")
    elements.at(root, "configuration/constraints").append(
        elements.new("rsc_location", id="drbd-not-n3", rsc="drbd-r0-clone", node="n3", score="-INFINITY")
    )
    return root


def extended(root: Element, second: str) -> Element:
    """The same with n2. second: the resource of the second disk."""
    disks = device(0, server="n2"), device(1, second, server="n2")
    there = tuple(type(each)(**{**each.as_dict(), "server": "n2"}) for each in creation(*disks).add)
    return patch.apply(root, Change(add=there, link=tuple(Dependency("vg", disk.tag) for disk in disks)), "n1")


def scored(root: Element, **scores: int) -> Element:
    """What DRBD's agent says of each server as a place to be promoted."""
    for server, score in scores.items():
        root = marked(root, server, f"master-{DRBD}", str(score))
    return root


@pytest.fixture
def up(simulate: Simulator) -> Element:
    begun = simulate(scored(two_servers(), n1=10000, n2=10000))
    assert begun.runs_on() == ["n1"]
    return begun.root


@pytest.mark.parametrize("schema", [f"pacemaker-3.{minor}" for minor in range(2, 10)])
def test_every_schema_takes_the_pair(how: tools.Tools, schema: str) -> None:
    assert tools.crm_verify(how, two_servers(schema)) == ()


def test_the_group_starts_after_the_promotion_and_there(simulate: Simulator) -> None:
    begun = simulate(scored(two_servers(), n1=10000, n2=10000))
    assert begun.before(("promote", DRBD, "n1"), ("start", GROUP, "n1"))
    assert simulate(begun.root).steps == []


def test_a_move_of_the_group_draws_the_role_and_stops_before_the_demotion(simulate: Simulator, up: Element) -> None:
    moved = simulate(location.draw(up, "vg", "n2", LATER))
    assert moved.before(("stop", GROUP, "n1"), ("demote", DRBD, "n1"))
    assert moved.before(("demote", DRBD, "n1"), ("promote", DRBD, "n2"))
    assert moved.before(("promote", DRBD, "n2"), ("start", GROUP, "n2"))
    assert moved.runs_on() == ["n2"]


def test_a_dead_server_is_fenced_before_the_other_is_promoted(simulate: Simulator, up: Element) -> None:
    moved = simulate(up, "--node-fail", "n1")
    assert moved.runs_on() == ["n2"]
    assert moved.before(("promote", DRBD, "n2"), ("start", GROUP, "n2"))


def test_a_server_with_old_data_gets_nothing(simulate: Simulator) -> None:
    begun = simulate(scored(two_servers(), n1=10000))
    assert begun.runs_on() == ["n1"]
    still = simulate(location.draw(begun.root, "vg", "n2", LATER))
    assert still.runs_on() == ["n1"]


def test_out_of_service_leaves_the_role_where_it_is(simulate: Simulator, up: Element) -> None:
    left = simulate(roles.stopped(up, ("vg", "lv-vg", "fs-vg")))
    assert left.runs_on() == []
    assert not [step for step in left.steps if step[1] == DRBD and step[0] in ("demote", "stop", "promote")]


def test_a_removal_touches_neither_the_clone_nor_its_role(simulate: Simulator, up: Element) -> None:
    tags = ("fs-vg", "lv-vg", "vg")
    freed = release.let_go(up, tags)
    assert {op for op, _, _ in simulate(freed).steps} == {"cancel"}
    now = cib.hierarchy(freed, "n1")
    gone = patch.apply(freed, Change(remove=now.tags, unlink=now.dependencies), "n1")
    for lrm in gone.iter("lrm_resources"):
        for each in [each for each in lrm if each.get("id") in {f"lvmkit-{tag}" for tag in tags}]:
            lrm.remove(each)
    assert simulate(gone).steps == []


def test_why_the_pair_names_the_role(simulate: Simulator) -> None:
    """Without the role the group may be started where DRBD is Secondary."""
    root = scored(two_servers(), n1=0, n2=10000)
    for element in elements.children(root, "configuration/constraints"):
        for name in ("with-rsc-role", "first-action", "then-action"):
            element.attrib.pop(name, None)
    begun = simulate(root)
    promoted = [server for op, what, server in begun.steps if (op, what) == ("promote", DRBD)]
    assert promoted == ["n2"]
    assert begun.runs_on() == ["n1"]


def test_why_two_resources_below_one_group_are_refused(simulate: Simulator) -> None:
    """Each is promoted where it is best, and the group, which needs both, runs nowhere."""
    root = extended(patch.apply(base(clone() + clone("r1")), creation(device(0), device(1, "r1")), "n1"), "r1")
    root = marked(marked(scored(root, n1=10000, n2=1), "n1", "master-drbd-r1", "1"), "n2", "master-drbd-r1", "10000")
    assert simulate(root).runs_on() == []

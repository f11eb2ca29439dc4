"""Pacemaker's own tools on CIB files: would it take what we write, and what would it do with it?

What is proved here is what its scheduler decides (crm_simulate); no cluster and no agent runs.
"""

from __future__ import annotations

import copy
import os
import time
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import canonicalize

import pytest

from lvmkit.cluster.pacemaker import (
    Pacemaker,
    cib,
    commit,
    elements,
    ids,
    location,
    patch,
    primitive,
    release,
    roles,
    tie,
    tools,
)
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS
from lvmkit.cluster.pacemaker.primitive import set_meta
from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import AUTOMATIC, DISK, FILESYS, ISP, LVMLV, LVMVG, OSF, OSU, Dependency
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import ConfigurationRefused, UsedByOthers
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import Value, replace
from lvmkit.storage.run import Finished, run
from tests.unit.test_pacemaker import ODD, foreign, hierarchy, instance, links, protected, sample

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

NEEDED = [
    f"/usr/sbin/{name}" for name in ("cibadmin", "crm_diff", "crm_mon", "crm_resource", "crm_simulate", "crm_verify")
]
DEADLINE = 60.0
LATER = "2036-01-01 00:00:00Z"
TREE = {"vg", "lv1", "fs1", "lv2", "fs2"}
STATELESS = {"start", "stop"}


@pytest.fixture(scope="module", autouse=True)
def _tools_are_there() -> None:
    missing = [path for path in NEEDED if not os.path.exists(path)]
    reason = f"not on this machine (Debian: pacemaker-cli-utils): {', '.join(missing)}"
    if missing and os.environ.get("CI"):
        pytest.fail(reason)
    if missing:
        pytest.skip(reason)


class Outcome(Value):
    """What the scheduler did in a simulation."""

    steps: tuple[tuple[str, str, str], ...]
    """(start or stop, tag, server) in the order of their execution"""
    where: dict[str, tuple[str, ...]]
    """in the end, of our tags"""
    probed: frozenset[tuple[str, str]]
    root: Element
    """the CIB afterwards"""


@pytest.fixture
def how() -> tools.Tools:
    return tools.Tools(DEADLINE)


class Simulator:
    """Executes transitions on paper."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "after.xml"

    def __call__(self, root: Element, *events: str) -> Outcome:
        words = ("/usr/sbin/crm_simulate", "--xml-pipe", "--simulate", "--output-as=xml", "--save-output")
        answer = run((*words, str(self.output), *events), deadline=DEADLINE, stdin=elements.written(root).encode())
        assert answer.status == 0, answer.stderr
        shown = elements.parse(answer.stdout, "crm_simulate")
        steps = [(e.get("op", ""), tag(e), e.get("node", "")) for e in shown.iterfind("transition/rsc_action")]
        ended = [e for e in shown.iterfind("revised_cluster_status/resources/resource") if tag(e)]
        return Outcome(
            tuple(step for step in steps if step[0] in STATELESS and step[1]),
            {tag(e): tuple(n.get("name", "") for n in e.iterfind("node")) for e in ended},
            frozenset((what, server) for op, what, server in steps if op == "monitor" and what),
            elements.parse(self.output.read_text(), "output"),
        )


def tag(element: Element) -> str:
    """The tag that an element is about; '' for what is not ours, also where it is named as if it were."""
    found = ids.tag_of(element.get("resource") or element.get("id") or "") or ""
    return "" if found == "nomark" else found


@pytest.fixture
def simulate(tmp_path: Path) -> Simulator:
    return Simulator(tmp_path)


def fails(tag: str, server: str = "n1", times: int = 2) -> tuple[str, ...]:
    """Its monitor fails so often: once is answered locally, twice moves."""
    interval = {"f": 20, "l": 60}.get(tag[0], 10)
    return ("--op-inject", f"lvmkit-{tag}_monitor_{interval}000@{server}=7") * times


def banned(root: Element, tag: str, server: str) -> Element:
    """A start failed there, which counts INFINITY (start-failure-is-fatal)."""
    return marked(root, server, f"fail-count-lvmkit-{tag}#start_0", "INFINITY")


def marked(root: Element, server: str, name: str, value: str) -> Element:
    made = copy.deepcopy(root)
    state = next(s for s in made.iterfind("status/node_state") if s.get("uname") == server)
    kept = elements.at(state, "transient_attributes")
    kept.set("id", state.get("id", ""))
    holder = elements.at(kept, "instance_attributes")
    holder.set("id", f"status-{state.get('id')}")
    holder.append(elements.new("nvpair", id=f"status-{state.get('id')}-{len(holder)}", name=name, value=value))
    return made


def at(outcome: Outcome, server: str, tags: set[str] = TREE) -> bool:
    return all(outcome.where[name] == (server,) for name in tags)


def ordered(outcome: Outcome, graph: Hierarchy) -> None:
    """Children start before parents and stop after them, and nothing starts while it is still up elsewhere."""
    places_of = {(op, name): i for i, (op, name, _) in enumerate(outcome.steps)}
    for link in graph.dependencies:
        pairs = (("start", link.child, link.parent), ("stop", link.parent, link.child))
        for op, first, then in pairs:
            if (op, first) in places_of and (op, then) in places_of:
                assert places_of[op, first] < places_of[op, then], (op, first, then)
    for name in graph.tags:
        if ("stop", name) in places_of and ("start", name) in places_of:
            assert places_of["stop", name] < places_of["start", name]
    assert all(len(servers) <= 1 for servers in outcome.where.values())


def up(simulate: Simulator, **facts: Any) -> Element:
    begun = simulate(protected(2, **facts))
    assert at(begun, "n1")
    return begun.root


def graph() -> Hierarchy:
    return cib.hierarchy(protected(2), "n1")


def test_the_cluster_accepts_what_is_written(how: tools.Tools) -> None:
    assert tools.crm_verify(how, protected(2)) == ()
    assert tools.crm_verify(how, location.draw(protected(2), "vg", "n2", LATER)) == ()
    assert tools.crm_verify(how, release.let_go(protected(2), ("fs1",))) == ()
    assert tools.crm_verify(how, protected(1, switchback=AUTOMATIC)) == ()


def test_odd_tags_make_valid_identifiers(how: tools.Tools) -> None:
    odd = [name for name in ODD if names.is_tag(name)]
    groups = tuple(instance(LVMVG, name, id=f"lvmvg-v{n}") for n, name in enumerate(odd))
    disks = tuple(instance(DISK, f"d{name}", id=f"/dev/d{n}") for n, name in enumerate(odd))
    wiring = tuple(Dependency(a.tag, b.tag) for a, b in zip(groups, disks))
    assert tools.crm_verify(how, patch.apply(sample(), Change(add=(*groups, *disks), link=wiring), "n1")) == ()


def test_start_is_from_the_group_up_on_the_best_server(simulate: Simulator) -> None:
    begun = simulate(protected(2))
    assert begun.steps[0] == ("start", "vg", "n1")
    assert {name for _, name, _ in begun.steps} == TREE
    ordered(begun, graph())
    assert simulate(begun.root).steps == ()


def test_only_servers_that_a_hierarchy_is_extended_to_are_even_asked(simulate: Simulator) -> None:
    assert {server for _, server in simulate(protected(2)).probed} == {"n1", "n2"}


@pytest.mark.parametrize("broken", ["vg", "lv1", "fs1", "fs2"])
def test_whatever_fails_for_good_all_roots_move_together(simulate: Simulator, broken: str) -> None:
    moved = simulate(up(simulate), *fails(broken))
    assert at(moved, "n2")
    assert {name for op, name, _ in moved.steps if op == "stop"} == TREE
    ordered(moved, graph())


def test_the_first_failure_is_answered_locally_with_no_more_than_stands_on_it(simulate: Simulator) -> None:
    recovered = simulate(up(simulate), *fails("lv1", times=1))
    assert at(recovered, "n1")
    assert {name for _, name, _ in recovered.steps} == {"lv1", "fs1"}
    ordered(recovered, graph())


def test_a_dead_server_is_fenced_and_all_roots_come_up_together(simulate: Simulator) -> None:
    moved = simulate(up(simulate), "--node-fail", "n1")
    assert at(moved, "n2")
    ordered(moved, graph())


def test_a_server_outside_of_the_hierarchy_never_gets_it(simulate: Simulator) -> None:
    left = simulate(up(simulate), "--node-down", "n1", "--node-down", "n2")
    assert all(servers == () for servers in left.where.values())


def test_a_root_that_can_run_nowhere_does_not_keep_the_others_down(simulate: Simulator) -> None:
    root = banned(banned(up(simulate), "fs1", "n1"), "fs1", "n2")
    left = simulate(root)
    assert left.where["fs1"] == ()
    assert at(left, "n1", TREE - {"fs1"})
    assert {name for _, name, _ in left.steps} == {"fs1"}, "the others are not moved about"
    assert simulate(left.root).steps == ()


def test_a_root_that_can_run_on_one_server_only_draws_all_there(simulate: Simulator) -> None:
    assert at(simulate(banned(protected(2), "fs1", "n1")), "n2")


def test_one_root_out_of_service_leaves_the_others_in(simulate: Simulator) -> None:
    left = simulate(roles.stopped(up(simulate), ("fs1",)))
    assert left.steps == (("stop", "fs1", "n1"),)
    assert at(left, "n1", TREE - {"fs1"})


def test_why_the_parent_is_colocated_with_the_child(simulate: Simulator) -> None:
    """The other way round, one file system out of service would take the group and all else down."""
    root = protected(2)
    for constraint in root.iter("rsc_colocation"):
        parent, child = constraint.get("rsc", ""), constraint.get("with-rsc", "")
        constraint.set("rsc", child)
        constraint.set("with-rsc", parent)
    left = simulate(roles.stopped(simulate(root).root, ("fs1",)))
    assert all(servers == () for servers in left.where.values())


def test_why_colocation_keeps_its_influence(simulate: Simulator) -> None:
    """Without it a file system that fails for good stays down alone while its group stays where it is."""
    root = protected(2)
    for constraint in root.iter("rsc_colocation"):
        constraint.set("influence", "false")
    left = simulate(simulate(root).root, *fails("fs1"))
    assert left.where["fs1"] == ()
    assert at(left, "n1", TREE - {"fs1"})


def test_an_intelligent_hierarchy_stays_when_the_better_server_is_back(simulate: Simulator) -> None:
    gone = simulate(up(simulate), "--node-fail", "n1")
    assert simulate(gone.root, "--node-up", "n1").steps == ()


def test_an_automatic_one_goes_back(simulate: Simulator) -> None:
    gone = simulate(up(simulate, switchback=AUTOMATIC), "--node-fail", "n1")
    assert at(gone, "n2")
    back = simulate(gone.root, "--node-up", "n1")
    assert at(back, "n1")
    ordered(back, graph())


@pytest.mark.parametrize("switchback", ["INTELLIGENT", "AUTOMATIC"])
def test_a_move_ends_where_it_was_sent_and_stays_there(simulate: Simulator, switchback: str) -> None:
    moved = simulate(location.draw(up(simulate, switchback=switchback), "vg", "n2", LATER))
    assert at(moved, "n2")
    ordered(moved, graph())
    held = moved.root if switchback != AUTOMATIC else marked(moved.root, "n1", location.left_attribute("vg"), "yes")
    assert simulate(location.settle(held)).steps == ()


def test_why_an_automatic_one_that_was_moved_needs_its_mark(simulate: Simulator) -> None:
    moved = simulate(location.draw(up(simulate, switchback=AUTOMATIC), "vg", "n2", LATER))
    assert at(simulate(location.settle(moved.root)), "n1")


def test_a_server_that_was_left_is_still_good_enough_when_the_other_dies(simulate: Simulator) -> None:
    root = marked(up(simulate, switchback=AUTOMATIC), "n1", location.left_attribute("vg"), "yes")
    there = simulate(root)
    assert at(there, "n2")
    assert at(simulate(there.root, "--node-fail", "n2"), "n1")


def test_a_move_whose_process_was_killed_ends_by_itself(simulate: Simulator) -> None:
    drawn = location.draw(up(simulate, switchback=AUTOMATIC), "vg", "n2", LATER)
    assert at(simulate(drawn), "n2")
    assert simulate(drawn, "--set-datetime", "2036-01-02 00:00:00Z").steps == ()


def test_a_move_to_a_server_where_it_fails_comes_back(simulate: Simulator) -> None:
    drawn = banned(location.draw(up(simulate), "vg", "n2", LATER), "vg", "n2")
    assert simulate(drawn).steps == ()


NESTED = {*TREE, "wg", "lw", "fw", "lx", "fx"}
IN = {"wg", "lw", "fw", "lx", "fx"}


def nested(simulate: Simulator, best: str = "n1") -> Element:
    """fw on a group wg of its own lies in fs1; fx on the same group does not. wg would rather be on another server."""
    upper = tuple(instance(kind, tag) for kind, tag in ((LVMVG, "wg"), (LVMLV, "lw"), (FILESYS, "fw")))
    upper += tuple(instance(kind, tag) for kind, tag in ((LVMLV, "lx"), (FILESYS, "fx")))
    wiring = [("lw", "wg"), ("fw", "lw"), ("lx", "wg"), ("fx", "lx"), ("fw", "fs1")]
    change = Change(add=upper, link=tuple(Dependency(*pair) for pair in wiring))
    root = patch.apply(protected(2), change, "n1")
    root = patch.apply(root, Change(add=tuple(replace(each, server="n2") for each in upper)), "n1")
    root = patch.set_priorities(root, "wg", {"n1": 1, "n2": 11} if best == "n1" else {"n1": 11, "n2": 1})
    begun = simulate(root)
    assert at(begun, "n1", NESTED) or at(begun, "n2", NESTED)
    ordered(begun, cib.hierarchy(root, "n1"))
    return begun.root


@pytest.mark.parametrize("best", ["n1", "n2"])
def test_a_file_system_in_another_one_keeps_both_groups_on_one_server(simulate: Simulator, best: str) -> None:
    running = nested(simulate, best)
    (home,) = next(iter(simulate(running).where.values()))
    other = "n2" if home == "n1" else "n1"
    moved = simulate(running, "--node-fail", home)
    assert at(moved, other, NESTED)
    ordered(moved, cib.hierarchy(running, "n1"))
    assert at(simulate(moved.root, "--node-up", home), other, NESTED)


@pytest.mark.parametrize("broken", ["vg", "wg", "fs1", "fw", "fx"])
def test_whatever_fails_for_good_both_groups_move(simulate: Simulator, broken: str) -> None:
    running = nested(simulate)
    moved = simulate(running, *fails(broken))
    assert at(moved, "n2", NESTED)
    ordered(moved, cib.hierarchy(running, "n1"))


def test_a_move_of_the_outer_one_alone_draws_the_other_group(simulate: Simulator) -> None:
    assert at(simulate(location.draw(nested(simulate), "vg", "n2", LATER)), "n2", NESTED)
    assert at(simulate(location.draw(nested(simulate), "wg", "n2", LATER)), "n2", NESTED)


def test_the_outer_group_out_of_service_leaves_the_inner_group_in(simulate: Simulator) -> None:
    running = nested(simulate)
    down = cib.hierarchy(running, "n1").above("vg")
    left = simulate(roles.stopped(running, down))
    assert {name for name, servers in left.where.items() if servers} == IN - {"fw"}
    assert {op for op, _, _ in left.steps} == {"stop"}


def test_why_groups_below_one_file_system_are_tied(simulate: Simulator) -> None:
    """Each goes to its own best server, and the inner file system comes up nowhere."""
    root = nested(simulate, "n2")
    for state in root.iter("lrm_resources"):
        state.clear()
    elements.drop(root, CONSTRAINTS, lambda element: element.get("score") == str(tie.SCORE))
    assert simulate(root).where["fw"] == ()


def test_why_the_tie_is_not_mandatory(simulate: Simulator) -> None:
    running = nested(simulate)
    for constraint in running.iter("rsc_colocation"):
        if constraint.get("score") == str(tie.SCORE):
            constraint.set("score", "INFINITY")
    left = simulate(roles.stopped(running, cib.hierarchy(running, "n1").above("vg")))
    assert left.where["wg"] == ()


def test_an_outer_one_that_is_protected_later_stops_nothing(simulate: Simulator) -> None:
    """It is in service before the inner one is made to require it."""
    running = patch.apply(nested(simulate), Change(unlink=(Dependency("fw", "fs1"),)), "n1")
    assert simulate(running).steps == ()
    assert simulate(patch.apply(running, Change(link=(Dependency("fw", "fs1"),)), "n1")).steps == ()


def test_new_resources_that_are_not_in_service_are_left_as_they_are(simulate: Simulator) -> None:
    """Also where the file system is mounted already: the probe finds it, and nothing is stopped."""
    fresh = simulate(protected(2, state=OSU))
    assert fresh.steps == ()
    mounted = copy.deepcopy(up(simulate))
    for each in primitive.own(mounted).values():
        set_meta(each, {"is-managed": "false"})
    assert simulate(mounted).steps == ()
    assert simulate(roles.started(mounted, TREE)).steps == ()


def test_what_the_kit_notes_restarts_nothing(simulate: Simulator) -> None:
    changed = instance(LVMVG, "vg", info="vg_uuid=VG\x02autoactivation=n\x02more=1", switchback=AUTOMATIC)
    disk = instance(DISK, "disk", info="path=/dev/sdz")
    assert simulate(patch.apply(up(simulate), Change(update=(changed, disk)), "n1")).steps == ()


def test_why_what_runs_is_let_go_before_it_is_removed(simulate: Simulator) -> None:
    """Removed without that it is stopped, and in no order."""
    change = Change(remove=("fs1", "lv1"), unlink=(Dependency("fs1", "lv1"), Dependency("lv1", "vg")))
    stopped = simulate(patch.apply(up(simulate), change, "n1"))
    assert {(op, name) for op, name, _ in stopped.steps} == {("stop", "fs1"), ("stop", "lv1")}


def test_what_was_let_go_can_be_removed_without_a_stop_or_a_probe(simulate: Simulator) -> None:
    released = simulate(release.let_go(up(simulate), ("fs1", "lv1")))
    assert released.steps == ()
    forgotten = copy.deepcopy(released.root)
    for history in forgotten.iter("lrm_resources"):
        for known in [k for k in history if tag(k) in ("fs1", "lv1")]:
            history.remove(known)
    quiet = simulate(forgotten)
    assert (quiet.steps, quiet.probed) == ((), frozenset())
    change = Change(remove=("fs1", "lv1"), unlink=(Dependency("fs1", "lv1"), Dependency("lv1", "vg")))
    assert simulate(patch.apply(forgotten, change, "n1")).steps == ()


def test_what_was_let_go_can_get_other_parameters_and_would_be_restarted_without_that(simulate: Simulator) -> None:
    running = up(simulate)
    stored = cib.hierarchy(running, "n1").by_tag("fs1")
    assert stored is not None
    change = Change(update=(replace(stored, info=stored.info.replace("device=/dev/", "device=/dev/new-")),))
    assert primitive.reparametrised(running, patch.apply(running, change, "n1")) == ("fs1",)
    restarted = simulate(patch.apply(running, change, "n1"))
    assert {name for _, name, _ in restarted.steps} == {"fs1"}
    forgotten = copy.deepcopy(simulate(release.let_go(running, ("fs1",))).root)
    for history in forgotten.iter("lrm_resources"):
        for known in [k for k in history if tag(k) == "fs1"]:
            history.remove(known)
    changed = simulate(patch.apply(forgotten, change, "n1"))
    assert (changed.steps, changed.probed) == ((), frozenset())


def test_many_volumes_are_one_patch_and_quickly_previewed(how: tools.Tools) -> None:
    begin = time.monotonic()
    root = protected(64)
    assert tools.crm_verify(how, root) == ()
    actions = tools.crm_simulate(how, root)
    started = [a for a in actions if a.action == "start" and a.resource in own_ids(root)]
    assert [a.server for a in started] == ["n1"] * 129
    assert time.monotonic() - begin < 10


def test_many_volumes_do_not_outweigh_stickiness_or_a_move(how: tools.Tools) -> None:
    root = protected(64)
    running = copy.deepcopy(root)
    for each in primitive.own(root).values():
        history(running, "n2", each)
    # Restarts are expected: this history carries no digests of the parameters. What counts is where.
    assert {a.server for a in tools.crm_simulate(how, running) if a.resource in own_ids(root)} == {"n2"}
    drawn = tools.crm_simulate(how, location.draw(running, "vg", "n1", LATER))
    assert len([a for a in drawn if (a.action, a.source, a.server) == ("move", "n2", "n1")]) == 129


def own_ids(root: Element) -> set[str]:
    return {each.get("id", "") for each in primitive.own(root).values()}


def history(root: Element, server: str, owner: Element) -> None:
    """Note that a resource was started on a server and probed on the others."""
    own, kind = owner.get("id", ""), {key: owner.get(key, "") for key in ("class", "provider", "type")}
    for state in root.iterfind("status/node_state"):
        here = state.get("uname") == server
        known = elements.new("lrm_resource", id=own)
        known.attrib.update(kind)
        task, code = ("start", "0") if here else ("monitor", "7")
        noted = elements.new("lrm_rsc_op", id=f"{own}_last_0", operation=task)
        facts = {
            "operation_key": f"{own}_{task}_0",
            "crm_feature_set": "3.16.1",
            "transition-magic": f"0:{code};1:1:{code}:00000000-0000-0000-0000-000000000000",
            "transition-key": f"1:1:{code}:00000000-0000-0000-0000-000000000000",
            "call-id": "1", "rc-code": code, "op-status": "0", "interval": "0",
        }  # fmt: skip
        noted.attrib.update(facts)
        known.append(noted)
        lrm = state.find("lrm/lrm_resources")
        assert lrm is not None
        lrm.append(known)


class OnFile:
    """The adapter on a CIB file, which Pacemaker's tools take for a cluster."""

    def __init__(self, folder: Path, root: Element) -> None:
        self.file = folder / "cib.xml"
        self.file.write_text(elements.written(root))
        paths = Paths(state=str(folder / "state"), run=str(folder / "run"))
        self.port = Pacemaker(paths, Settings(), server="n1", cib_file=str(self.file))

    def root(self) -> Element:
        return elements.parse(self.file.read_text(), "file")


def normal(root: Element) -> list[str]:
    return [canonicalize(part, strip_text=True) for part in foreign(root)]


def test_a_whole_change_is_written_and_read_back(tmp_path: Path) -> None:
    on_file = OnFile(tmp_path, sample())
    on_file.port.commit(Change(add=hierarchy(), link=links()))
    found = on_file.port.hierarchy()
    assert set(found.dependencies) == set(links())
    assert {i.tag: i.info for i in found.instances} == {i.tag: i.info for i in hierarchy()}
    assert {i.state for i in found.instances} == {OSU}
    assert normal(on_file.root()) == normal(sample())
    on_file.port.commit(Change(remove=found.tags, unlink=found.dependencies))
    assert commit.ours(on_file.root()) == commit.ours(sample())


def test_a_preview_says_what_would_start_and_changes_nothing(tmp_path: Path) -> None:
    on_file = OnFile(tmp_path, sample())
    before = on_file.file.read_bytes()
    actions = on_file.port.simulate(Change(add=hierarchy(), link=links()))
    assert {(a.action, ids.tag_of(a.resource), a.server) for a in actions} == {("start", t, "n1") for t in TREE}
    assert on_file.file.read_bytes() == before


def test_a_concurrent_change_is_not_overwritten(tmp_path: Path, how: tools.Tools) -> None:
    on_file = OnFile(tmp_path, sample())
    live = tools.Tools(DEADLINE, str(on_file.file))
    seen = []

    def edit(root: Element) -> Element:
        seen.append(cib.version(root))
        if len(seen) == 1:  # somebody else is quicker
            theirs = elements.written(elements.new("primitive", id="late", class_="ocf", provider="p", type="D"))
            words = ("/usr/sbin/cibadmin", "--create", "--scope", "resources", "--xml-text", theirs)
            assert run(words, deadline=DEADLINE, environment={"CIB_file": str(on_file.file)}).status == 0
        return patch.apply(root, Change(add=(instance(LVMLV, "lv1"),)), "n1")

    commit.change(live, edit)
    assert len(seen) == 2
    assert elements.with_id(on_file.root(), elements.RESOURCES, "late") is not None
    assert list(primitive.own(on_file.root())) == ["lv1"]


def test_what_the_cluster_would_refuse_is_not_written(tmp_path: Path) -> None:
    on_file = OnFile(tmp_path, sample())
    before = on_file.file.read_bytes()
    live = tools.Tools(DEADLINE, str(on_file.file))

    def edit(root: Element) -> Element:
        made = copy.deepcopy(root)
        elements.at(made, elements.RESOURCES).append(elements.new("primitive", id="lvmkit-9 bad"))
        return made

    with pytest.raises(Failure) as failure:
        commit.change(live, edit)
    assert isinstance(failure.value.messages[0], ConfigurationRefused)
    assert on_file.file.read_bytes() == before


def test_what_others_name_stays(tmp_path: Path) -> None:
    root = protected(1)
    theirs = elements.new("rsc_order", id="theirs-too", first="lvmkit-fs1", then="ip")
    elements.at(root, elements.CONSTRAINTS).append(theirs)
    on_file = OnFile(tmp_path, root)
    with pytest.raises(Failure) as failure:
        on_file.port.commit(Change(remove=("fs1",), unlink=(Dependency("fs1", "lv1"),)))
    assert failure.value.messages == (UsedByOthers("fs1", ("theirs-too",)),)


def test_states_come_from_the_monitor(tmp_path: Path, simulate: Simulator) -> None:
    on_file = OnFile(tmp_path, up(simulate))
    assert {i.state for i in on_file.port.hierarchy().instances} == {ISP}
    assert {i.state for i in on_file.port.hierarchy_of("n2").instances} == {OSU}
    broken = simulate(up(simulate), *fails("fs1"))
    (tmp_path / "b").mkdir()
    after = OnFile(tmp_path / "b", broken.root)
    here = {i.tag: (i.state, i.reason) for i in after.port.hierarchy().instances}
    assert here["fs1"][0] == OSF
    assert here["fs1"][1].startswith("monitor: ")
    assert here["vg"][0] == OSU
    assert {i.state for i in after.port.hierarchy_of("n2").instances} == {ISP}


def test_the_admin_lock_is_kept_in_the_cib_and_gone_afterwards(tmp_path: Path) -> None:
    on_file = OnFile(tmp_path, protected(1))
    with on_file.port.admin_lock("create /srv/db"):
        assert elements.with_id(on_file.root(), elements.RESOURCES, "lvmkit-lock_held") is not None
    assert commit.ours(on_file.root()) == commit.ours(protected(1))


def test_devices_and_the_lock_are_no_resources(tmp_path: Path, simulate: Simulator) -> None:
    on_file = OnFile(tmp_path, up(simulate))
    with on_file.port.admin_lock("x"):
        assert simulate(on_file.root()).steps == ()
    known = {resource.id for resource in on_file.port.cluster().resources}
    assert {own for own in known if own.startswith(ids.PREFIX)} == {
        "lvmkit-nomark", *map(ids.resource_id, TREE)
    }  # fmt: skip


# ---- removals that are interrupted or taken back


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no cluster behind a file that crm_resource could wait for or refresh."""
    monkeypatch.setattr(tools, "run", _without_crm_resource)


def _without_crm_resource(argv: tuple[str, ...], **given: Any) -> Finished:
    if argv[0].endswith("/crm_resource"):
        if "--refresh" in argv:
            _forget_history(given["environment"]["CIB_file"], argv[-1])
        return Finished(tuple(argv), 0, "", "", 0.0)
    return run(argv, **given)


def _forget_history(path: str, resource: str) -> None:
    with open(path, encoding="utf-8") as file:
        root = elements.parse(file.read(), path)
    for history in root.iter("lrm_resources"):
        for known in [each for each in history if each.get("id") == resource]:
            history.remove(known)
    with open(path, "w", encoding="utf-8") as file:
        file.write(elements.written(root))


ROOT_OF_LV1 = Change(remove=("fs1", "lv1"), unlink=(Dependency("fs1", "lv1"), Dependency("lv1", "vg")))
WHOLE = ("fs1", "lv1", "fs2", "lv2", "vg", "disk")


def all_of(root: Element) -> Change:
    graph_links = cib.hierarchy(root, "n1").dependencies
    return Change(remove=WHOLE, unlink=graph_links)


def touched(root: Element) -> Element:
    """What an administrator may have done to ours: meta attributes, a set of his own, an own discovery."""
    made = copy.deepcopy(root)
    own = primitive.own(made)
    set_meta(own["fs1"], {"migration-threshold": "7", "target-role": "Stopped"})
    set_meta(own["vg"], {"maintenance": "true"})
    theirs = elements.pairs("meta_attributes", "mine", {"maintenance": "true", "priority": "5"})
    own["lv1"].append(theirs)
    place = elements.with_id(made, elements.CONSTRAINTS, location.place_id("lv1", "n2"))
    assert place is not None
    place.set("resource-discovery", "never")
    return made


def text_of(root: Element) -> list[str]:
    """Every element of the configuration, in its order, in the one form of canonical XML."""
    parts = [part for path in (elements.RESOURCES, elements.CONSTRAINTS) for part in elements.children(root, path)]
    return [canonicalize(elements.written(part), strip_text=True) for part in parts]


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("of", ["a root", "all"])
def test_a_removal_that_is_taken_back_gives_all_servers_what_they_had(
    tmp_path: Path, simulate: Simulator, of: str
) -> None:
    on_file = OnFile(tmp_path, touched(up(simulate)))
    before = text_of(on_file.root())
    change = ROOT_OF_LV1 if of == "a root" else all_of(on_file.root())
    kept = on_file.port.remember(change)
    assert text_of(on_file.root()) == before
    on_file.port.commit(change)
    assert not {"fs1", "lv1"} & set(primitive.own(on_file.root()))
    on_file.port.put_back(kept)
    assert text_of(on_file.root()) == before
    on_file.port.put_back(kept)
    assert text_of(on_file.root()) == before


@pytest.mark.usefixtures("idle")
def test_what_somebody_protected_anew_since_is_left_alone(tmp_path: Path, simulate: Simulator) -> None:
    on_file = OnFile(tmp_path, up(simulate))
    kept = on_file.port.remember(ROOT_OF_LV1)
    on_file.port.commit(ROOT_OF_LV1)
    other = instance(LVMLV, "renamed", "n2", id="/dev/vg/vlv1")
    on_file.port.commit(Change(add=(other,)))
    before = text_of(on_file.root())
    on_file.port.put_back(kept)
    assert text_of(on_file.root()) == before


def test_a_server_that_was_taken_from_a_hierarchy_gets_back_what_it_had(tmp_path: Path) -> None:
    on_file = OnFile(tmp_path, touched(protected(2)))
    before = text_of(on_file.root())
    tags = ("fs1", "lv1", "fs2", "lv2", "vg")
    kept = on_file.port.remember(Change(remove=tags), "n2")
    on_file.port.unextend(tags, "n2")
    assert text_of(on_file.root()) != before
    on_file.port.put_back(kept)
    assert text_of(on_file.root()) == before


def test_an_update_that_others_changed_since_is_not_reverted(tmp_path: Path) -> None:
    on_file = OnFile(tmp_path, protected(1))
    change = Change(update=(instance(DISK, "disk", info="path=/dev/sdz\x02pv_uuid=X"),))
    before = text_of(on_file.root())
    kept = on_file.port.remember(change)
    on_file.port.commit(change)
    on_file.port.put_back(kept)
    assert text_of(on_file.root()) == before
    on_file.port.commit(change)
    theirs = Change(update=(instance(DISK, "disk", info="path=/dev/sdy\x02pv_uuid=Y"),))
    on_file.port.commit(theirs)
    since = text_of(on_file.root())
    on_file.port.put_back(kept)
    assert text_of(on_file.root()) == since


@pytest.mark.parametrize("error", [Interruption("SIGTERM"), OSError(28, "no room")])
def test_a_removal_that_is_interrupted_within_any_tool_is_whole_or_not_at_all(
    tmp_path: Path, simulate: Simulator, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    start = touched(up(simulate))
    before, work = None, _without_crm_resource
    for at in range(1, 60):
        (tmp_path / str(at)).mkdir()
        on_file = OnFile(tmp_path / str(at), start)
        before = before or text_of(on_file.root())
        count = iter(range(1, 1000))

        def trapped(*given: Any, at: int = at, count: Any = count, **named: Any) -> Any:
            if next(count) == at:
                raise error
            return work(*given, **named)

        monkeypatch.setattr(tools, "run", trapped)
        try:
            on_file.port.commit(ROOT_OF_LV1)
        except (type(error), Failure):
            monkeypatch.setattr(tools, "run", work)
            after = text_of(on_file.root())
            assert after == before or is_removed(on_file.root()), at
            continue
        assert is_removed(on_file.root())
        assert at > 8, "it takes more tools than that"
        return
    pytest.fail("it never ended")


def is_removed(root: Element) -> bool:
    gone = not {"fs1", "lv1"} & set(primitive.own(root))
    return gone and not any("letgo" in (e.get("id") or "") for e in root.iter())


@pytest.mark.usefixtures("idle")
def test_what_a_killed_removal_let_go_the_next_lock_of_any_server_gives_back(
    tmp_path: Path, simulate: Simulator
) -> None:
    """A real kill, in a process of its own, while the cluster has let go of what runs."""
    start = touched(up(simulate))
    on_file = OnFile(tmp_path, start)
    before = text_of(on_file.root())
    child = os.fork()
    if child == 0:
        tools.crm_resource_refresh = lambda *_: os._exit(9)  # type: ignore[assignment]
        try:
            on_file.port.commit(ROOT_OF_LV1)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert any("letgo" in (e.get("id") or "") for e in on_file.root().iter())
    other = Pacemaker(
        Paths(state=str(tmp_path / "n2"), run=str(tmp_path / "run2")), Settings(), server="n2",
        cib_file=str(on_file.file),
    )  # fmt: skip
    with other.admin_lock("look"):
        pass
    assert text_of(on_file.root()) == before


def test_what_is_let_go_is_let_go_whatever_an_administrator_has_set(simulate: Simulator, how: tools.Tools) -> None:
    running = up(simulate)
    for own in ("fs1", "lv1"):
        owner = primitive.own(running)[own]
        owner.insert(0, elements.pairs("meta_attributes", f"first-{own}", {"maintenance": "false"}))
    released = release.let_go(running, ("fs1", "lv1"))
    assert tools.crm_verify(how, released) == ()
    forgotten = copy.deepcopy(released)
    for kept in forgotten.iter("lrm_resources"):
        for known in [k for k in kept if tag(k) in ("fs1", "lv1")]:
            kept.remove(known)
    quiet = simulate(forgotten)
    assert (quiet.steps, quiet.probed) == ((), frozenset())

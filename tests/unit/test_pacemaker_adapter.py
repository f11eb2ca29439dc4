"""The adapter over declared answers of Pacemaker's tools: a call too many or too few fails."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Union

import pytest

from lvmkit.cluster.pacemaker import (
    Pacemaker,
    cib,
    commit,
    elements,
    location,
    lock,
    moves,
    patch,
    primitive,
    release,
    roles,
    states,
    template,
    tools,
)
from lvmkit.cluster.pacemaker.tools import Action, Tools
from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import AUTOMATIC, FILESYS, ILLSTATE, ISP, ISU, LVMLV, LVMVG, OSF, OSU
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.guide import ErrorBringingInService, ResourceNotFound
from lvmkit.model.messages.pacemaker import (
    ClusterUnreachable,
    ConfigurationKeepsChanging,
    ConfigurationRefused,
    FailedOnServer,
    FencingOff,
    LockHeldElsewhere,
    LockTakenOver,
    MaintenanceMode,
    NoQuorum,
    NotExtended,
    NotSettled,
    ServerUnfit,
    Started,
    StillInService,
    ToolFailed,
    UnknownServer,
)
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.resource_types import timings
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import replace
from lvmkit.storage.run import Finished
from tests.unit.test_pacemaker import hierarchy, links, protected, sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from unittest.mock import MagicMock
    from xml.etree.ElementTree import Element

    from pytest_mock import MockerFixture

Answer = Union[tuple[str, str], tuple[str, str, int], Failure]
DIFFERENCE = "<diff/>"


def monitored(
    where: dict[str, tuple[str, ...]],
    *,
    failures: str = "",
    marks: str = "",
    nodes: dict[str, str] | None = None,
    quorum: str = "true",
    options: str = 'stonith-enabled="true" maintenance-mode="false" no-quorum-policy="stop"',
) -> str:
    """What crm_mon prints. where: on which servers each tag is active.  marks: attributes of all resources."""
    given = nodes or {}
    plain = 'online="true" standby="false" maintenance="false" pending="false" unclean="false"'
    shown = "".join(f'<node name="{n}" {given.get(n, plain)}/>' for n in ("n1", "n2", "n3"))
    managed = marks or 'managed="true" failed="false" blocked="false"'
    resources = "".join(
        f'<resource id="lvmkit-{tag}" role="Started" {managed}>'
        + "".join(f'<node name="{server}" id="1"/>' for server in servers)
        + "</resource>"
        for tag, servers in where.items()
    )
    return (
        f'<pacemaker-result><summary><current_dc with_quorum="{quorum}"/><cluster_options {options}/></summary>'
        f"<nodes>{shown}</nodes><resources>{resources}</resources><failures>{failures}</failures></pacemaker-result>"
    )


ALL = ("vg", "lv1", "fs1")
OFFLINE = 'online="false" standby="false" maintenance="false" pending="false" unclean="false"'
STANDBY = 'online="true" standby="true" maintenance="false" pending="false" unclean="false"'
FAIL, COUNT = ("crm_resource --fail", ""), ("crm_attribute --node n1", "")
COUNTED = "fail-count-lvmkit-fs1#asyncmon_0"
BROKEN = '<failure op_key="lvmkit-fs1_start_0" node="n1" task="start" interval="0" exitreason="110040 it broke"/>'


def everywhere(*servers: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(ALL, servers)


class Cluster:
    """Answers commands in the declared order, and remembers the CIBs that it was shown."""

    def __init__(self) -> None:
        self.expected: deque[Answer] = deque()
        self.asked: list[tuple[str, ...]] = []
        self.shown: list[Element] = []

    def will(self, *answers: Answer) -> None:
        self.expected.extend(answers)

    def run(self, argv: tuple[str, ...], *, stdin: bytes | None = None, **_given: Any) -> Finished:
        self.asked.append(tuple(argv))
        assert self.expected, f"not declared: {argv}"
        answer = self.expected.popleft()
        if isinstance(answer, Failure):
            raise answer
        command, output, status = (*answer, 0)[:3]
        assert " ".join(argv).startswith(f"/usr/sbin/{command}"), f"{argv} instead of {command}"
        if command == "crm_diff":
            with open(argv[argv.index("--new") + 1], encoding="utf-8", errors="surrogateescape") as file:
                self.shown.append(elements.parse(file.read(), "--new"))
        return Finished(tuple(argv), status, output if status in (0, 1) else "", output if status > 1 else "", 0.0)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster()
    monkeypatch.setattr(tools, "run", made.run)
    monkeypatch.setattr(moves, "_LOOK", 0.0)
    yield made
    assert not made.expected, "not asked for"


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def port(cluster: Cluster, tmp_path: Path, told: list[Message]) -> Pacemaker:
    paths = Paths(state=str(tmp_path / "state"), run=str(tmp_path / "run"))
    return Pacemaker(paths, Settings(lock_patience=0.0, action_deadline=9.0), told.append, server="n1")


@pytest.fixture
def how() -> Tools:
    return Tools(9.0)


def query(root: Element) -> Answer:
    return "cibadmin --query", elements.written(root)


def mon(text: str) -> Answer:
    return "crm_mon", text


def writing(root: Element, status: int = 0) -> list[Answer]:
    """A change that is read, verified, and written with this status."""
    written = ("cibadmin --patch", "old" if status else "", status)
    return [query(root), ("crm_verify", ""), ("crm_diff", DIFFERENCE, 1), written]


def moving(root: Element) -> list[Answer]:
    """The same where no resource changes, only roles, the lock or the constraints of a move."""
    asked, _verified, *written = writing(root)
    return [asked, *written]


def messages(work: Any, *given: Any) -> tuple[Message, ...]:
    with pytest.raises(Failure) as failure:
        work(*given)
    return failure.value.messages


def kinds(work: Any, *given: Any) -> tuple[type[Message], ...]:
    return tuple(type(message) for message in messages(work, *given))


STOP_FS = ("fs1",)


def stopping(root: Element) -> Element:
    return roles.stopped(root, STOP_FS)


def test_a_change_is_verified_then_written_with_a_higher_epoch(cluster: Cluster, how: Tools) -> None:
    cluster.will(*writing(protected(1)))
    commit.change(how, stopping)
    assert cib.version(cluster.shown[0]) == cib.Version(0, 6, 0)
    assert not primitive.is_wanted(primitive.own(cluster.shown[0])["fs1"])


def test_nothing_is_written_where_nothing_changes(cluster: Cluster, how: Tools) -> None:
    cluster.will(query(stopping(protected(1))))
    commit.change(how, stopping)


def test_a_concurrent_change_is_read_and_built_upon(cluster: Cluster, how: Tools) -> None:
    second = patch.apply(protected(1), Change(add=(hierarchy(2)[4],)), "n1")
    cluster.will(*writing(protected(1), tools.OLD), *writing(second))
    commit.change(how, stopping)
    assert "lv2" in primitive.own(cluster.shown[1])
    assert not primitive.is_wanted(primitive.own(cluster.shown[1])["fs1"])


def test_a_cib_that_never_rests_is_given_up(cluster: Cluster, how: Tools) -> None:
    for _ in range(commit.ATTEMPTS):
        cluster.will(*writing(protected(1), tools.OLD))
    assert messages(commit.change, how, stopping) == (ConfigurationKeepsChanging(commit.ATTEMPTS),)


def test_a_write_that_hung_but_arrived_is_success(cluster: Cluster, how: Tools) -> None:
    after = stopping(protected(1))
    after.set("epoch", "6")
    hung = Failure(CommandHung("cibadmin", 9.0, "killed"))
    cluster.will(*writing(protected(1))[:-1], hung, query(after))
    commit.change(how, stopping)


def test_a_write_that_hung_and_did_not_arrive_fails(cluster: Cluster, how: Tools) -> None:
    hung = Failure(CommandHung("cibadmin", 9.0, "killed"))
    cluster.will(*writing(protected(1))[:-1], hung, query(protected(1)))
    assert kinds(commit.change, how, stopping) == (CommandHung,)


def test_nothing_of_a_configuration_is_left_on_a_disk_wherever_we_are_killed(
    how: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []

    def be_killed(argv: tuple[str, ...], **_how: object) -> Finished:
        kept.extend(os.readlink(argv[argv.index(word) + 1]) for word in ("--original", "--new"))
        raise KeyboardInterrupt

    monkeypatch.setattr(tools, "run", be_killed)
    with pytest.raises(KeyboardInterrupt):
        tools.crm_diff(how, protected(1), protected(1))
    assert kept == ["/memfd:cib (deleted)"] * 2


def test_only_new_faults_of_the_configuration_count(cluster: Cluster, how: Tools) -> None:
    old, new = ("crm_verify", "error: no STONITH\n", tools.INVALID), ("crm_verify", "error: x\n", tools.INVALID)
    written: list[Answer] = [("crm_diff", DIFFERENCE, 1), ("cibadmin --patch", "")]
    cluster.will(query(protected(1)), old, old, *written)
    commit.change(how, stopping)
    cluster.will(query(protected(1)), new, old)
    assert messages(commit.change, how, stopping) == (ConfigurationRefused(("error: x",)),)


def test_a_cluster_that_is_down_has_its_own_message(cluster: Cluster, how: Tools) -> None:
    cluster.will(("cibadmin --query", "refused", tools.DISCONNECTED))
    assert kinds(tools.cibadmin_query, how) == (ClusterUnreachable,)
    cluster.will(("cibadmin --query", "sorry", 4))
    assert messages(tools.cibadmin_query, how) == (ToolFailed("cibadmin --query", 4, "sorry"),)


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (monitored(everywhere("n1")), ISP, ""),
        (monitored(everywhere()), OSU, ""),
        (monitored(everywhere("n2")), OSU, ""),
        (monitored(everywhere("n2"), failures=BROKEN), OSF, "110040 it broke"),
        (monitored(everywhere("n1"), marks='managed="true" failed="true" blocked="false"'), OSF, "failed"),
        (monitored(everywhere("n1"), marks='managed="true" failed="false" blocked="true"'), OSF, "failed"),
        (monitored(everywhere("n1"), marks='managed="false" failed="false" blocked="false"'), ISU, "not manage"),
        (monitored(everywhere("n1"), options='maintenance-mode="true"'), ISU, "not manage"),
        (monitored(everywhere("n1", "n2")), ILLSTATE, "n1 and n2"),
        (monitored(everywhere("n1"), nodes={"n1": OFFLINE}), ILLSTATE, "not an active member"),
        (monitored({}), ILLSTATE, ""),
    ],
)
def test_states_are_those_of_this_server(text: str, state: str, reason: str) -> None:
    now = states.cluster(elements.parse(text, "crm_mon"))
    found = states.with_states(cib.hierarchy(protected(1), "n1"), "n1", now).by_tag("fs1")
    assert found is not None
    assert found.state == state
    assert reason in found.reason


def test_a_disk_is_in_service_where_its_group_is(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(query(protected(1)), mon(monitored({"vg": ("n1",), "lv1": (), "fs1": ()})))
    found = {instance.tag: instance.state for instance in port.hierarchy().instances}
    assert found == {"vg": ISP, "disk": ISP, "lv1": OSU, "fs1": OSU}
    cluster.will(query(protected(1)), mon(monitored(everywhere("n1"))))
    assert {i.state for i in port.hierarchy_of("n2").instances} == {OSU}


def test_what_endangers_the_whole_cluster_is_told() -> None:
    bad = monitored({}, quorum="false", options='stonith-enabled="false" maintenance-mode="true"')
    now = states.cluster(elements.parse(bad, "crm_mon"))
    assert [type(m) for m in now.warnings()] == [NoQuorum, FencingOff, MaintenanceMode]
    assert states.cluster(elements.parse(monitored({}), "crm_mon")).warnings() == ()


def test_wanted_is_what_the_cluster_is_to_keep_running(cluster: Cluster, port: Pacemaker) -> None:
    root = stopping(protected(1))
    cluster.will(query(root))
    wanted = port.wanted()
    assert {"vg", "disk"} <= wanted
    assert "fs1" not in wanted


def test_a_failure_of_what_runs_here_is_reported_and_no_other_state(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(query(counting_once()), mon(monitored(everywhere("n1"))), FAIL)
    port.set_state("fs1", OSF, "why")
    assert cluster.asked[-1][-4:] == ("--resource", "lvmkit-fs1", "--node", "n1")
    cluster.will(query(protected(1)), mon(monitored(everywhere("n2"))))
    port.set_state("fs1", OSF)
    cluster.will(query(protected(1)), mon(monitored(everywhere("n1"))))
    port.set_state("fs1", ISP)
    assert kinds(port.set_state, "fs1", "BAD") == (InvalidName,)


def test_what_runs_is_let_go_before_it_is_removed(cluster: Cluster, port: Pacemaker) -> None:
    root = protected(1)
    change = Change(remove=("fs1",), unlink=(links(1)[2],))
    released = release.let_go(root, ("fs1",))
    removed = patch.apply(released, change, "n1")
    wait = ("crm_resource --wait", "")
    cluster.will(query(root), mon(monitored(everywhere("n1"))), *writing(root), wait)
    cluster.will(("crm_resource --refresh", ""), wait, *writing(released), query(removed))
    port.commit(change)
    forgotten = [asked[1:] for asked in cluster.asked if "--refresh" in asked]
    assert forgotten == [("--refresh", "--force", "--resource", "lvmkit-fs1")], "and nothing of any other resource"
    assert commit.ours(cluster.shown[0]) == commit.ours(released)
    assert "fs1" not in primitive.own(cluster.shown[1])


def test_what_runs_is_let_go_before_it_gets_other_parameters_and_is_held_again(
    cluster: Cluster, port: Pacemaker
) -> None:
    root = protected(1)
    stored = cib.hierarchy(root, "n1").by_tag("fs1")
    assert stored is not None
    renamed = replace(stored, info=stored.info.replace("device=", "device=/dev/new"))
    change = Change(update=(renamed,))
    released = release.let_go(root, ("fs1",))
    changed = patch.apply(released, change, "n1")
    wait = ("crm_resource --wait", "")
    cluster.will(query(root), mon(monitored(everywhere("n1"))), *writing(root), wait)
    cluster.will(("crm_resource --refresh", ""), wait, *writing(released), *writing(changed), wait)
    port.commit(change)
    assert commit.ours(cluster.shown[0]) == commit.ours(released)
    assert primitive.own(cluster.shown[1]).keys() == primitive.own(root).keys()
    assert commit.ours(cluster.shown[2]) == commit.ours(patch.apply(root, change, "n1"))


def test_what_only_the_kit_notes_is_changed_while_it_runs(cluster: Cluster, port: Pacemaker) -> None:
    root = protected(1)
    stored = cib.hierarchy(root, "n1").by_tag("fs1")
    assert stored is not None
    cluster.will(query(root), *writing(root))
    port.commit(Change(update=(replace(stored, info=f"{stored.info}\x02more=1"),)))


def test_a_removal_that_fails_gives_back_what_it_let_go(cluster: Cluster, port: Pacemaker) -> None:
    root = protected(1)
    released = release.let_go(root, ("fs1",))
    cluster.will(query(root), mon(monitored(everywhere("n1"))), *writing(root), ("crm_resource --wait", ""))
    cluster.will(("crm_resource --refresh", "broken", 1), *writing(released))
    assert kinds(port.commit, Change(remove=("fs1",), unlink=(links(1)[2],))) == (ToolFailed,)
    assert commit.ours(cluster.shown[1]) == commit.ours(root)


def test_what_does_not_run_is_removed_at_once(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(query(protected(1)), mon(monitored(everywhere())), *writing(protected(1)))
    port.commit(Change(remove=("fs1",), unlink=(links(1)[2],)))


def test_an_extension_is_one_patch(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(*writing(protected(1, ("n1",))))
    port.commit(Change(add=hierarchy(1, "n2"), link=(links(1)[0],)))
    assert commit.ours(cluster.shown[0]) == commit.ours(protected(1))


def test_a_server_keeps_what_is_in_service_there(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(mon(monitored(everywhere("n2"))))
    assert kinds(port.unextend, ("vg",), "n2") == (StillInService,)
    cluster.will(mon(monitored(everywhere("n1"))), *writing(protected(1)))
    port.unextend(ALL, "n2")
    assert cib.hierarchy(cluster.shown[0], "n2") == Hierarchy()


def test_a_preview_leaves_out_what_would_happen_anyhow(cluster: Cluster, port: Pacemaker) -> None:
    def answer(*names: str) -> Answer:
        found = "".join(f'<rsc_action action="start" resource="{n}" node="n1"/>' for n in names)
        return "crm_simulate", f"<pacemaker-result><actions>{found}</actions></pacemaker-result>"

    cluster.will(query(sample()), ("crm_verify", ""), answer("ip"), answer("ip", "lvmkit-vg"))
    assert port.simulate(Change(add=(hierarchy(0)[0],))) == (Action("start", "lvmkit-vg", "n1"),)


def bring_in(how: Tools, server: str = "n1", deadline: float = 9.0, tag: str = "fs1") -> list[Message]:
    heard: list[Message] = []
    moves.bring_in(how, moves.ClusterMove(tag, server, deadline), heard.append)
    return heard


def test_in_service_starts_waits_and_leaves_no_constraint(cluster: Cluster, how: Tools) -> None:
    fresh = protected(1, state=OSU)
    up = monitored(everywhere("n1"))
    cluster.will(query(fresh), mon(monitored(everywhere())), *moving(fresh))
    cluster.will(mon(monitored({"vg": ("n1",), "lv1": (), "fs1": ()})), ("crm_resource --wait", "", tools.TIMEOUT))
    starting = up.replace('<resource id="lvmkit-fs1"', '<resource pending="Starting" id="lvmkit-fs1"')
    cluster.will(mon(starting), ("crm_resource --wait", "", tools.TIMEOUT), mon(up))
    heard = bring_in(how)
    assert [m.tag for m in heard if isinstance(m, Started)] == ["vg", "lv1", "fs1"]
    assert all(primitive.is_wanted(p) for p in primitive.own(cluster.shown[0]).values())
    drawn = lock._with(cluster.shown[0], "n1", "x", lambda _server: True, [])
    assert commit.ours(lock._without(drawn, "n1")) == commit.ours(roles.started(fresh, ALL))


def test_a_tool_that_hangs_over_the_question_whether_all_is_done_has_not_said_yes(cluster: Cluster, how: Tools) -> None:
    root = roles.started(protected(1), ALL)
    hung = Failure(CommandHung("crm_resource", 15.0, "was killed"))
    cluster.will(query(root), mon(monitored(everywhere())), *moving(root), mon(monitored(everywhere())), hung)
    cluster.will(mon(monitored(everywhere("n1"))))
    bring_in(how)


def test_a_move_waits_for_what_moves_along_unless_it_is_out_of_service(cluster: Cluster, how: Tools) -> None:
    root = roles.stopped(roles.started(protected(3), ("vg", "lv1", "fs1", "lv2", "fs2")), ("lv3", "fs3"))
    here: dict[str, tuple[str, ...]] = dict.fromkeys(("vg", "lv1", "fs1", "lv2"), ("n1",))
    cluster.will(query(root), mon(monitored(here)), *moving(root))
    cluster.will(mon(monitored({**here, "fs2": ()})), ("crm_resource --wait", "", tools.TIMEOUT))
    cluster.will(mon(monitored({**here, "fs2": ("n1",), "lv3": (), "fs3": ()})))
    heard = bring_in(how)
    assert [m.tag for m in heard if isinstance(m, Started)] == ["vg", "lv1", "fs1", "lv2", "fs2"]


def test_in_service_that_fails_gives_the_agents_reason(cluster: Cluster, how: Tools) -> None:
    root = protected(1)
    part = monitored({"vg": ("n1",), "lv1": ("n1",), "fs1": ()}, failures=BROKEN)
    cluster.will(query(root), mon(monitored(everywhere())), *moving(root))
    cluster.will(mon(part), ("crm_resource --wait", ""), mon(part))
    with pytest.raises(Failure) as failure:
        bring_in(how)
    broken, guide = failure.value.messages
    assert broken == FailedOnServer("fs1", "n1", "start: 110040 it broke")
    assert guide == ErrorBringingInService("fs1", "n1")


def test_old_failures_do_not_keep_a_server_from_a_new_try(cluster: Cluster, how: Tools) -> None:
    root = roles.started(protected(1), ALL)
    cluster.will(query(root), mon(monitored(everywhere("n2"), failures=BROKEN)), ("crm_resource --cleanup", ""))
    cluster.will(*moving(root), mon(monitored(everywhere("n1"))))
    bring_in(how)
    forgiven = [asked[1:] for asked in cluster.asked if "--cleanup" in asked]
    assert forgiven == [("--cleanup", "--resource", "lvmkit-fs1", "--node", "n1")], "and nothing of any other resource"


def test_an_automatic_group_is_marked_to_stay_where_it_was_brought(cluster: Cluster, how: Tools) -> None:
    root = roles.started(protected(1, switchback=AUTOMATIC), ALL)
    cluster.will(query(root), mon(monitored(everywhere("n1"))), *moving(root))
    cluster.will(mon(monitored(everywhere("n2"))))
    cluster.will(*[("crm_attribute", "")] * 3)
    bring_in(how, "n2")
    marks = [(a[2], "--delete" in a) for a in cluster.asked if a[0] == "/usr/sbin/crm_attribute"]
    assert marks == [("n2", True), ("n1", False), ("n3", False)]


def test_the_end_date_of_a_move_follows_the_clock(
    cluster: Cluster, how: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumped = [0.0]
    date = time.time
    monkeypatch.setattr(time, "time", lambda: date() + jumped[0])
    ask = tools.crm_resource_wait

    def set_the_clock(how: Tools, seconds: float) -> bool:
        jumped[0] += 7200
        return ask(how, seconds)

    monkeypatch.setattr(tools, "crm_resource_wait", set_the_clock)
    fresh = protected(1, state=OSU)
    cluster.will(query(fresh), mon(monitored(everywhere())), *moving(fresh))
    cluster.will(mon(monitored(everywhere())), ("crm_resource --wait", "", tools.TIMEOUT))
    cluster.will(*moving(fresh), mon(monitored(everywhere("n1"))))
    bring_in(how)
    ends = [element.get("end") for root in cluster.shown for element in root.iter("date_expression")]
    assert len(set(ends)) == 2


def test_a_cluster_that_does_not_finish_is_named(cluster: Cluster, how: Tools) -> None:
    root = roles.started(protected(1), ALL)
    cluster.will(query(root), mon(monitored(everywhere())), *moving(root), mon(monitored(everywhere())))
    with pytest.raises(Failure) as failure:
        bring_in(how, deadline=0.0)
    assert failure.value.messages == (NotSettled(0.0, "vg, lv1, fs1"),)


@pytest.mark.parametrize(
    ("server", "tag", "text", "kind"),
    [
        ("n9", "fs1", monitored({}), UnknownServer),
        ("n3", "fs1", monitored({}), NotExtended),
        ("n1", "nothing", monitored({}), ResourceNotFound),
        ("n1", "fs1", monitored({}, quorum="false"), NoQuorum),
        ("n1", "fs1", monitored({}, nodes={"n1": OFFLINE}), ServerUnfit),
        ("n1", "fs1", monitored({}, nodes={"n1": STANDBY}), ServerUnfit),
        ("n1", "fs1", monitored({}, options='maintenance-mode="true"'), ServerUnfit),
    ],
)
def test_what_cannot_succeed_is_refused_before_anything_is_changed(
    cluster: Cluster, how: Tools, server: str, tag: str, text: str, kind: type[Message]
) -> None:
    cluster.will(query(protected(1)), mon(text))
    assert kinds(lambda: bring_in(how, server, tag=tag)) == (kind,)


def test_out_of_service_takes_all_that_is_above(cluster: Cluster, how: Tools) -> None:
    root = protected(1)
    cluster.will(query(root), *moving(root))
    cluster.will(mon(monitored({"vg": ("n1",), "lv1": (), "fs1": ()})))
    moves.take_out(how, moves.ClusterMove("lv1", "", 9.0), lambda _message: None)
    wanted = {tag: primitive.is_wanted(p) for tag, p in primitive.own(cluster.shown[0]).items()}
    assert wanted == {"vg": True, "lv1": False, "fs1": False}


def test_what_does_not_stop_is_named(cluster: Cluster, how: Tools) -> None:
    root = protected(1)
    still = monitored({"vg": (), "lv1": (), "fs1": ("n1",)})
    cluster.will(query(root), *moving(root), mon(still), ("crm_resource --wait", ""), mon(still))
    assert kinds(moves.take_out, how, moves.ClusterMove("fs1", "", 9.0), print) == (FailedOnServer,)


def with_lock(server: str, root: Element | None = None) -> Element:
    return lock._with(sample() if root is None else root, server, "a\x02b", bool, [])


def test_the_lock_is_made_and_dropped(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(*moving(sample()))
    with port.admin_lock("create x"):
        assert template.lock_holder(cluster.shown[0]) == ("n1", "create x")
        with port.admin_lock("inner"):
            pass
        cluster.will(*moving(cluster.shown[0]))
    assert template.lock_holder(cluster.shown[1]) is None


def test_the_lock_of_a_member_is_respected(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(query(with_lock("n2")), mon(monitored({})))
    assert messages(port.admin_lock("x").__enter__) == (LockHeldElsewhere("n2", "a\x02b", 0.0),)


@pytest.mark.parametrize(("server", "nodes"), [("n1", {}), ("n2", {"n2": OFFLINE})])
def test_the_lock_of_a_dead_holder_is_taken_over(
    cluster: Cluster, port: Pacemaker, told: list[Message], server: str, nodes: dict[str, str]
) -> None:
    asked, *written = moving(with_lock(server))
    cluster.will(asked, *([mon(monitored({}, nodes=nodes))] if nodes else []), *written)
    with port.admin_lock("x"):
        assert told == [LockTakenOver(server, "a\x02b")]
        cluster.will(*moving(cluster.shown[0]))


def test_the_lock_of_a_server_that_may_still_live_is_respected(cluster: Cluster, port: Pacemaker) -> None:
    unclean = OFFLINE.replace('unclean="false"', 'unclean="true"')
    cluster.will(query(with_lock("n2")), mon(monitored({}, nodes={"n2": unclean})))
    assert kinds(port.admin_lock("x").__enter__) == (LockHeldElsewhere,)


@pytest.mark.parametrize("is_freed", [True, False])
def test_the_holder_is_asked_once_to_free_what_a_killed_process_has_left(
    cluster: Cluster, tmp_path: Path, told: list[Message], is_freed: bool
) -> None:
    asked: list[str] = []
    paths, settings = Paths(state=str(tmp_path / "state"), run=str(tmp_path / "run")), Settings(lock_patience=0.1)
    port = Pacemaker(paths, settings, told.append, server="n1", ask_holder=asked.append)
    held = (query(with_lock("n2")), mon(monitored({})))
    cluster.will(*held, *(moving(sample()) if is_freed else held * 2))
    if is_freed:
        with port.admin_lock("x"):
            cluster.will(*moving(cluster.shown[0]))
    else:
        assert kinds(port.admin_lock("x").__enter__) == (LockHeldElsewhere,)
    assert asked == ["n2"]


def test_a_signal_waits_until_what_was_sent_to_the_cluster_is_done(mocker: MockerFixture, how: Tools) -> None:
    """Else the cluster would write it after the way back has looked, and nobody would take it back."""
    done = []

    def write(argv: tuple[str, ...], **_given: object) -> Finished:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)  # this thread, whoever else runs the tests
        done.append(argv)
        return Finished(argv, tools.OK, "", "", 0.0)

    def interrupt(_number: int, _frame: object) -> None:
        assert done
        raise Interruption("SIGTERM")

    mocker.patch.object(tools, "run", write)
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with pytest.raises(Interruption):
            tools.cibadmin_patch(how, "<diff/>")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_the_next_lock_tidies_what_a_killed_run_left(cluster: Cluster, port: Pacemaker) -> None:
    root = protected(1)
    left = location.draw(release.let_go(root, ("fs1",)), "vg", "n2", "2036-01-01 00:00:00Z")
    cluster.will(*moving(left))
    with port.admin_lock("x"):
        assert commit.ours(lock._without(cluster.shown[0], "n1")) == commit.ours(root)
        cluster.will(*moving(cluster.shown[0]))


def test_a_lock_that_cannot_be_dropped_does_not_hide_the_failure_under_it(
    cluster: Cluster, port: Pacemaker, told: list[Message]
) -> None:
    def work() -> None:
        with port.admin_lock("x"):
            cluster.will(("cibadmin --query", "gone", tools.DISCONNECTED))
            raise Failure(ResourceNotFound("x"))

    cluster.will(*moving(sample()))
    assert kinds(work) == (ResourceNotFound,)
    assert [type(message) for message in told] == [ClusterUnreachable]


def test_a_lock_that_was_written_when_a_signal_came_is_taken_out_again(
    cluster: Cluster, port: Pacemaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = lock._take

    def interrupted(*given: Any) -> None:
        take(*given)
        cluster.will(*moving(cluster.shown[0]))
        raise Interruption("SIGTERM")

    monkeypatch.setattr(lock, "_take", interrupted)
    cluster.will(*moving(sample()))
    with pytest.raises(Interruption):
        port.admin_lock("x").__enter__()
    assert template.lock_holder(cluster.shown[1]) is None


# ---- for whoever looks all the time


def test_what_is_at_hand_is_pacemaker_s_own_copy_and_no_tool_runs(
    cluster: Cluster, tmp_path: Path, told: list[Message]
) -> None:
    paths = Paths(cib=str(tmp_path / "cib.xml"))
    port = Pacemaker(paths, Settings(), told.append, server="n1")
    assert port.at_hand() == Hierarchy()
    (tmp_path / "cib.xml").write_text(elements.written(protected(1)))
    found = port.at_hand()
    assert set(ALL) <= set(found.tags)
    assert {instance.state for instance in found.instances} == {ILLSTATE}
    assert (port.excused(), cluster.asked) == (frozenset(), [])


MANAGED = 'managed="true" failed="false" blocked="false"'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, set(ALL)),
        ({"marks": 'managed="false" failed="false" blocked="false"'}, set()),
        ({"marks": 'managed="true" failed="true" blocked="false"'}, set()),
        ({"marks": 'managed="true" failed="false" blocked="true"'}, set()),
        ({"marks": f'{MANAGED} pending="Stopping"'}, set()),
        ({"marks": f'{MANAGED} pending="Monitoring"'}, set(ALL)),
        ({"options": 'stonith-enabled="true" maintenance-mode="true"'}, set()),
        ({"nodes": {"n1": STANDBY}}, set(ALL)),
        ({"nodes": {"n1": STANDBY.replace('maintenance="false"', 'maintenance="true"')}}, set()),
    ],
)
def test_the_cluster_is_in_charge_of_what_it_runs_here_and_leaves_alone(
    cluster: Cluster, port: Pacemaker, given: dict[str, Any], expected: set[str]
) -> None:
    cluster.will(mon(monitored(everywhere("n1"), **given)))
    assert port.in_charge() == expected


@pytest.mark.parametrize("servers", [(), ("n2",), ("n1", "n2")])
def test_it_is_not_in_charge_of_what_runs_elsewhere(
    cluster: Cluster, port: Pacemaker, servers: tuple[str, ...]
) -> None:
    cluster.will(mon(monitored({**everywhere("n1"), "fs1": servers})))
    assert port.in_charge() == {"vg", "lv1"}


def test_how_often_the_cluster_looks_is_read_from_its_monitors_at_level_0(cluster: Cluster, port: Pacemaker) -> None:
    root = protected(1)
    cluster.will(query(root))
    usual = {"vg": LVMVG, "lv1": LVMLV, "fs1": FILESYS}
    assert port.monitored_every() == {tag: timings(kind).interval for tag, kind in usual.items()}
    for operation in root.iterfind(".//op[@name='monitor']"):
        deep = operation.find("instance_attributes") is not None
        operation.set("interval", "5s" if deep else "PT1M" if "fs1" in operation.get("id", "") else "60")
    cluster.will(query(root))
    assert port.monitored_every() == {"vg": 60, "lv1": 60}


def test_fencing_by_reservations_is_found_in_primitives_and_templates(cluster: Cluster, port: Pacemaker) -> None:
    root = protected(1)
    resources = root.find("configuration/resources")
    assert resources is not None
    cluster.will(query(root))
    assert port.fences_by_reservation() == ()
    for kind, own, agent in (
        ("primitive", "scsi", "fence_scsi"),
        ("template", "paths", "fence_mpath"),
        ("primitive", "sbd", "external/sbd"),
    ):
        resources.append(elements.new(kind, id=own, class_="stonith", type=agent))
    cluster.will(query(root))
    assert port.fences_by_reservation() == ("scsi", "paths")


def test_a_failure_is_reported_for_this_server(cluster: Cluster, port: Pacemaker) -> None:
    cluster.will(query(counting_once()), FAIL)
    port.report_failure("fs1")
    assert cluster.asked[1:] == [("/usr/sbin/crm_resource", "--fail", "--resource", "lvmkit-fs1", "--node", "n1")]


class TestBeforePacemaker216:
    """It counts a failure that was reported twice, and two are enough for it to move everything."""

    @pytest.fixture(autouse=True)
    def sleep(self, mocker: MockerFixture) -> MagicMock:
        return mocker.patch("time.sleep")

    def test_a_failure_counts_once_from_its_first_moment(self, cluster: Cluster, port: Pacemaker) -> None:
        cluster.will(query(counting("")), COUNT, FAIL, *map(query, map(counting, ("-1", "0", "1"))))
        port.report_failure("fs1")
        assert counts(cluster) == [(COUNTED, "--update=-1")]

    def test_so_does_the_next_one(self, cluster: Cluster, port: Pacemaker) -> None:
        cluster.will(query(counting("1")), COUNT, FAIL, query(counting("2")))
        port.report_failure("fs1")
        assert counts(cluster) == [(COUNTED, "--update=0")]

    def test_where_the_distribution_has_mended_it_the_count_is_put_right(
        self, cluster: Cluster, port: Pacemaker, sleep: MagicMock
    ) -> None:
        cluster.will(query(counting("")), COUNT, FAIL, *[query(counting("0"))] * 20, COUNT)
        port.report_failure("fs1")
        assert counts(cluster) == [(COUNTED, "--update=-1"), (COUNTED, "--update=1")]
        assert sum(call.args[0] for call in sleep.call_args_list) == 5

    def test_a_count_that_somebody_cleans_up_meanwhile_stays_clean(self, cluster: Cluster, port: Pacemaker) -> None:
        cluster.will(query(counting("3")), COUNT, FAIL, query(counting("")))
        port.report_failure("fs1")
        assert counts(cluster) == [(COUNTED, "--update=2")]

    def test_a_report_that_is_refused_leaves_the_count_as_it_was(self, cluster: Cluster, port: Pacemaker) -> None:
        refused = Failure(ToolFailed("crm_resource", 1, "no"))
        cluster.will(query(counting("1")), COUNT, refused, COUNT)
        assert messages(port.report_failure, "fs1") == refused.messages
        assert counts(cluster) == [(COUNTED, "--update=0"), (COUNTED, "--update=1")]

    def test_infinity_stays(self, cluster: Cluster, port: Pacemaker) -> None:
        cluster.will(query(counting("INFINITY")), FAIL)
        port.report_failure("fs1")


def counting_once() -> Element:
    """A CIB of Pacemaker 2.1.6."""
    root = protected(1)
    root.set("crm_feature_set", "3.17.4")
    return root


def counting(value: str) -> Element:
    """A CIB of Pacemaker 2.1.5 that has counted failures of fs1 on n1, and others on n2. value: '' for none."""
    root = protected(1)
    for server, count in (("n1", value), ("n2", "7")):
        state = root.find(f"status/node_state[@uname='{server}']")
        assert state is not None
        holder = elements.new("instance_attributes", id=f"status-{server}")
        if count:
            holder.append(elements.new("nvpair", id=f"status-{server}-count", name=COUNTED, value=count))
        state.append(elements.new("transient_attributes", id=server))
        state[-1].append(holder)
    return root


def counts(cluster: Cluster) -> list[tuple[str, ...]]:
    """(name, value) of each count that was written."""
    return [argv[4:6] for argv in cluster.asked if argv[0] == "/usr/sbin/crm_attribute"]


def test_what_stands_on_something_that_gets_other_parameters_is_let_go_as_well(
    cluster: Cluster, port: Pacemaker
) -> None:
    """The cluster would stop it: what it requires is not known to run for a moment."""
    root = protected(1)
    stored = cib.hierarchy(root, "n1").by_tag("lv1")
    assert stored is not None
    change = Change(update=(replace(stored, id="/dev/vg/other"),))
    released = release.let_go(root, ("lv1", "fs1"))
    changed = patch.apply(released, change, "n1")
    wait = ("crm_resource --wait", "")
    refresh = ("crm_resource --refresh", "")
    cluster.will(query(root), mon(monitored(everywhere("n1"))), *writing(root), wait)
    cluster.will(refresh, refresh, wait, *writing(released), *writing(changed), wait)
    port.commit(change)
    forgotten = {asked[-1] for asked in cluster.asked if "--refresh" in asked}
    assert forgotten == {"lvmkit-lv1", "lvmkit-fs1"}
    assert commit.ours(cluster.shown[2]) == commit.ours(patch.apply(root, change, "n1"))

"""The contract of the cluster port (lvmkit.cluster.port): what every engine keeps, whatever it is made of."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.port import Change
from lvmkit.model.instance import (
    AUTOMATIC,
    DEVICE,
    DISK,
    FILESYS,
    ILLSTATE,
    INIT_OSU,
    INTELLIGENT,
    ISP,
    LVMLV,
    LVMVG,
    OSF,
    OSU,
    Dependency,
    Instance,
    pack_info,
    tags_of,
)
from lvmkit.model.messages import Failure
from lvmkit.model.resource_types import application
from lvmkit.model.value import replace
from tests.contract.adapters import RECORDS
from tests.contract.core.beginnings import begin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lvmkit.cluster.port import Port
    from lvmkit.model.hierarchy import Hierarchy

UNFIT: dict[str, tuple[str, Callable[[Maker], Change]]] = {
    "a tag that there is": ("000014", lambda it: Change(add=(it.made(LVMLV, "fresh"), it.made(LVMVG, "vg")))),
    "an ID that has another tag": ("110004", lambda it: Change(add=(it.made(LVMVG, "other", id="lvmvg-vg"),))),
    "a dependency on what there is not": ("110087", lambda it: Change(link=(Dependency("vg", "nothing"),))),
    "a dependency in a circle": ("110087", lambda it: Change(link=(Dependency("vg", "fs"),))),
    "the removal of what others require": ("110086", lambda _: Change(remove=("vg",))),
    "an update of what there is not": ("110087", lambda it: Change(update=(it.made(LVMVG, "nothing"),))),
    "an addition beside a removal that cannot be": (
        "110086",
        lambda it: Change(add=(it.made(LVMVG, "fresh"),), remove=("lv",)),
    ),
}
"""changes that do not fit, and the message that says so"""
DETAILS = {
    LVMVG: {"vg_uuid": "VG", "autoactivation": "y"},
    LVMLV: {"vg_uuid": "VG", "lv_uuid": "LV"},
    FILESYS: {"device": "/dev/vg/lv", "fstype": "ext4", "options": "rw,relatime"},
    DEVICE: {"path": "/dev/mapper/x"},
    DISK: {"path": "/dev/sda", "pv_uuid": "PV"},
}
MORE = pack_info({**DETAILS[LVMLV], "more": "%41 \u00dc"})
IDS = {LVMVG: "lvmvg-{}", LVMLV: "/dev/vg/{}", FILESYS: "/srv/{}", DEVICE: "/dev/mapper/{}", DISK: "/dev/disk/by-id/{}"}
ODD = ("/srv/db", "my-vg.1", "under_score", "_2f", "a__b", "x_then_y", "Ünïcode", "9lives", "%41")
LINKS = (Dependency("fs", "lv"), Dependency("lv", "vg"), Dependency("vg", "disk"))


class Maker:
    """Makes instances of this server."""

    def __init__(self, server: str) -> None:
        self._server = server

    def made(self, kind: str, tag: str, **facts: str) -> Instance:
        """An instance; what is not given follows from its type and tag."""
        usual = {"id": IDS[kind].format(tag.strip("/")), "info": pack_info(DETAILS[kind]), "state": OSU}
        return Instance(self._server, application(kind), kind, tag, **{**usual, **facts})

    def hierarchy(self) -> Change:
        """A file system on a logical volume of a group with one disk."""
        kinds = {"disk": DISK, "vg": LVMVG, "lv": LVMLV, "fs": FILESYS}
        return Change(add=tuple(self.made(kind, tag) for tag, kind in kinds.items()), link=LINKS)


@pytest.fixture
def maker(port: Port) -> Maker:
    return Maker(port.local_server())


@pytest.fixture
def kept(port: Port, maker: Maker, adapter: str, tmp_path: Path) -> Port:
    """The port, with one hierarchy."""
    places = RECORDS.get(adapter)
    if places:
        begin(adapter, tmp_path, places, lambda: port.commit(maker.hierarchy()))
    else:
        port.commit(maker.hierarchy())
    return port


def held(port: Port) -> dict[str, tuple[str, ...]]:
    """What is protected, and by which facts, but for states and the order."""
    graph = port.hierarchy()
    known = {each.tag: (each.type, each.id, each.info, each.switchback) for each in graph.instances}
    return {**known, " links": tuple(sorted(f"{link.parent} {link.child}" for link in graph.dependencies))}


def numbers(work: Callable[[], object]) -> tuple[str, ...]:
    """The numbers of the messages that a refusal has."""
    with pytest.raises(Failure) as caught:
        work()
    return tuple(f"{message.number:06d}" for message in caught.value.messages)


def begun(work: Callable[[], object]) -> int:
    """Begin the work in another process, whose number is returned."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def ended(pid: int) -> int:
    """Wait for its end; 0, or 1 where the work raised something."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def refuse_on_a_file(port: Port) -> None:
    """Skip for an engine whose tools work on a file here: then nobody keeps two of them apart, as its daemon does."""
    if not port.capabilities.keeps_database:
        pytest.skip("its tools on a file do not refuse a patch of what has changed meanwhile")


def test_nothing_is_protected_to_begin_with(port: Port) -> None:
    assert port.hierarchy().instances == ()
    assert port.required_by_others() == frozenset()


def test_what_is_stored_is_what_was_given(kept: Port, maker: Maker) -> None:
    graph = kept.hierarchy()
    assert set(graph.tags) == set(tags_of(maker.hierarchy().add))
    assert set(graph.dependencies) == set(LINKS)
    for given in maker.hierarchy().add:
        stored = graph.by_tag(given.tag)
        assert stored is not None
        assert (stored.server, stored.type, stored.id) == (given.server, given.type, given.id)
        assert (stored.details, stored.switchback) == (given.details, given.switchback)


def test_another_process_sees_it_at_once(kept: Port, opened: Callable[[], Port]) -> None:
    assert held(opened()) == held(kept)


@pytest.mark.parametrize("tag", ODD)
def test_a_tag_may_have_any_name_that_is_allowed(port: Port, maker: Maker, tag: str) -> None:
    port.commit(Change(add=(maker.made(LVMVG, tag, id="lvmvg-odd"),)))
    assert port.hierarchy().tags == (tag,)
    port.commit(Change(remove=(tag,)))
    assert port.hierarchy().tags == ()


@pytest.mark.parametrize("case", UNFIT)
def test_a_change_that_does_not_fit_is_refused_by_number_and_changes_nothing(
    kept: Port, maker: Maker, case: str
) -> None:
    number, change = UNFIT[case]
    before = held(kept)
    assert number in numbers(lambda: kept.commit(change(maker)))
    assert held(kept) == before


def test_a_removed_tag_takes_its_dependencies_along(kept: Port) -> None:
    kept.commit(Change(remove=("fs", "lv")))
    assert set(kept.hierarchy().tags) == {"vg", "disk"}
    assert kept.hierarchy().dependencies == (Dependency("vg", "disk"),)


def test_an_update_replaces_what_is_known_of_a_tag(kept: Port, maker: Maker) -> None:
    renamed = maker.made(LVMLV, "lv", id="/dev/vg/renamed", switchback=AUTOMATIC)
    kept.commit(Change(update=(renamed,)))
    stored = kept.hierarchy().by_tag("lv")
    assert stored is not None
    assert (stored.id, stored.switchback) == ("/dev/vg/renamed", AUTOMATIC)
    assert set(kept.hierarchy().dependencies) == set(LINKS)


def test_what_a_change_would_do_is_foreseen_without_doing_it(kept: Port) -> None:
    before = held(kept)
    kept.foresee(Change(remove=("fs",)))
    assert held(kept) == before


@pytest.mark.parametrize("taken", [("fs",), ("fs", "lv"), ("fs", "lv", "vg", "disk")])
def test_what_a_change_took_is_put_back_as_it_was(kept: Port, taken: tuple[str, ...]) -> None:
    before = held(kept)
    remembered = kept.remember(Change(remove=taken))
    kept.commit(Change(remove=taken))
    assert held(kept) != before
    kept.put_back(remembered)
    assert held(kept) == before


def test_an_update_is_put_back_as_it_was(kept: Port, maker: Maker) -> None:
    before, change = held(kept), Change(update=(maker.made(LVMLV, "lv", id="/dev/vg/renamed"),))
    remembered = kept.remember(change)
    kept.commit(change)
    kept.put_back(remembered)
    assert held(kept) == before


def test_putting_back_what_was_not_taken_changes_nothing(kept: Port) -> None:
    before = held(kept)
    kept.put_back(kept.remember(Change(remove=("fs", "lv"))))
    assert held(kept) == before


def test_putting_back_leaves_alone_what_somebody_protected_anew(kept: Port, maker: Maker) -> None:
    remembered = kept.remember(Change(remove=("fs",)))
    kept.commit(Change(remove=("fs",)))
    anew = maker.made(FILESYS, "fs", switchback=AUTOMATIC)
    kept.commit(Change(add=(anew,), link=(Dependency("fs", "lv"),)))
    now = held(kept)
    kept.put_back(remembered)
    assert held(kept) == now


def test_this_server_is_one_of_all_servers(port: Port) -> None:
    here = [server for server in port.servers() if server.name == port.local_server()]
    assert [server.online for server in here] == [True]


def test_the_overview_says_what_each_question_alone_does(kept: Port) -> None:
    seen = kept.overview()
    assert (seen.local, seen.servers, seen.capabilities) == (kept.local_server(), kept.servers(), kept.capabilities)
    assert same(seen.of(seen.local), kept.hierarchy())
    for server in seen.names:
        assert same(seen.of(server), kept.hierarchy_of(server))


def same(one: Hierarchy, other: Hierarchy) -> bool:
    """Whether both have the same instances and dependencies."""
    return set(one.tags) == set(other.tags) and set(one.dependencies) == set(other.dependencies)


def test_each_tag_may_run_here_by_the_overview(kept: Port) -> None:
    allowed = {each.tag for each in kept.overview().equivalencies if each.server == kept.local_server()}
    assert set(kept.hierarchy().tags) <= allowed | {"disk"}


def test_one_server_has_no_other_to_extend_to(kept: Port) -> None:
    if kept.capabilities.several_servers:
        pytest.skip("it has several servers")
    assert len(kept.servers()) == 1
    assert "110155" in numbers(lambda: kept.hierarchy_of("elsewhere"))


def test_the_last_server_of_a_tag_stays(kept: Port) -> None:
    before = held(kept)
    assert "110166" in numbers(lambda: kept.unextend(("fs", "lv", "vg", "disk"), kept.local_server()))
    assert held(kept) == before


def test_a_tag_that_there_is_not_is_said_to_be_none(kept: Port) -> None:
    assert numbers(lambda: kept.set_state("nothing", OSF)) == ("000019",)
    assert "nothing" not in kept.wanted()


def test_a_state_that_is_none_is_refused(kept: Port) -> None:
    before = kept.hierarchy()
    assert numbers(lambda: kept.set_state("vg", "WELL")) == ("110100",)
    assert kept.hierarchy() == before


def test_what_was_created_in_service_is_wanted(port: Port, maker: Maker) -> None:
    change = maker.hierarchy()
    port.commit(replace(change, add=tuple(replace(each, state=ISP) for each in change.add)))
    assert {"fs", "vg"} <= port.wanted()


def test_what_is_at_hand_is_what_there_is(kept: Port) -> None:
    at_hand, graph = kept.at_hand(), kept.hierarchy()
    assert set(at_hand.tags) == set(graph.tags)
    assert set(at_hand.dependencies) == set(graph.dependencies)
    for instance in at_hand.instances:
        stored = graph.by_tag(instance.tag)
        assert stored is not None
        assert (stored.id, stored.details) == (instance.id, instance.details)
        assert instance.state in (stored.state, ILLSTATE)


def test_nobody_is_in_charge_of_what_is_not_in_service(kept: Port) -> None:
    assert kept.in_charge() == frozenset()


def test_only_what_there_is_has_monitors_and_excuses(kept: Port) -> None:
    tags = set(kept.hierarchy().tags)
    assert set(kept.monitored_every()) <= tags
    assert kept.excused() <= tags


def test_one_at_a_time_has_the_admin_lock(port: Port, opened: Callable[[], Port]) -> None:
    def enter() -> None:
        with opened().admin_lock("a test beside it"):
            pass

    with port.admin_lock("a test"):
        assert ended(begun(enter)) == 1
    assert ended(begun(enter)) == 0


def test_who_has_the_admin_lock_may_enter_again(port: Port) -> None:
    with port.admin_lock("a test"), port.admin_lock("a step of it"):
        pass


def test_changes_of_several_processes_lose_nothing(port: Port, opened: Callable[[], Port], maker: Maker) -> None:
    def add(number: int) -> None:
        with opened().admin_lock(f"test {number}"):
            opened().commit(Change(add=(maker.made(LVMVG, f"vg{number}", switchback=INTELLIGENT),)))

    children = [begun(partial(add, number)) for number in range(4)]
    done = [number for number, pid in enumerate(children) if ended(pid) == 0]
    assert done
    assert set(port.hierarchy().tags) >= {f"vg{number}" for number in done}


@pytest.mark.parametrize(("field", "fact"), [("info", MORE), ("switchback", AUTOMATIC), ("initialisation", INIT_OSU)])
def test_one_fact_of_an_instance_is_changed_and_nothing_else(kept: Port, field: str, fact: str) -> None:
    before = kept.hierarchy().by_tag("lv")
    assert before is not None
    kept.amend("lv", {field: fact})
    assert kept.hierarchy().by_tag("lv") == replace(before, **{field: fact})


def test_two_who_change_different_facts_of_one_instance_at_the_same_time_lose_neither(
    kept: Port, opened: Callable[[], Port]
) -> None:
    refuse_on_a_file(kept)
    children = [begun(partial(opened().amend, "lv", facts)) for facts in ({"info": MORE}, {"switchback": AUTOMATIC})]
    assert [ended(pid) for pid in children] == [0, 0]
    stored = kept.hierarchy().by_tag("lv")
    assert stored is not None
    assert (stored.info, stored.switchback) == (MORE, AUTOMATIC)


def test_a_fact_that_is_none_and_an_instance_that_is_not_there_are_refused(kept: Port) -> None:
    before = held(kept)
    assert numbers(lambda: kept.amend("nothing", {"info": "x"})) == ("000019",)
    assert numbers(lambda: kept.amend("lv", {"info": "a\x01b"})) == ("110100",)
    assert numbers(lambda: kept.amend("lv", {"info": "x"}, "nowhere")) == ("110155",)
    assert held(kept) == before


@pytest.mark.parametrize("flag", ["shutdown_switchover", "!nofailover!n1", "!volatile!x", "a b/c:d%41", "Ü"])
def test_a_flag_is_on_until_it_is_turned_off_and_each_is_told_once(
    port: Port, opened: Callable[[], Port], flag: str
) -> None:
    assert port.flags() == ()
    assert port.create_flag(flag)
    assert not opened().create_flag(flag)
    assert opened().flags() == (flag,)
    assert opened().remove_flag(flag)
    assert not port.remove_flag(flag)
    assert port.flags() == ()


def test_flags_that_are_turned_on_at_the_same_time_are_all_on(port: Port, opened: Callable[[], Port]) -> None:
    refuse_on_a_file(port)
    children = [begun(partial(opened().create_flag, f"f{number}")) for number in range(4)]
    assert [ended(pid) for pid in children] == [0] * 4
    assert port.flags() == ("f0", "f1", "f2", "f3")


def test_what_cannot_be_a_flag_is_refused(port: Port) -> None:
    for flag in ("", "two\nlines", "a\x01b"):
        assert numbers(partial(port.create_flag, flag)) == ("110100",)
    assert numbers(lambda: port.flags("nowhere")) == ("110155",)
    assert port.flags() == ()

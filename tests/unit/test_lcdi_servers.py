"""Several servers on LCDI: the adapter over the kit's own commands, on two databases with a way between them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.lifekeeper import LifeKeeper
from lvmkit.cluster.port import Change
from lvmkit.model.instance import ILLSTATE, ISP, LVMLV, LVMVG, OSU, Dependency, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.standing import ACTIVE, FENCED, STOPPED, UNFENCED
from lvmkit.model.value import replace
from tests.contract.core import forks
from tests.contract.core.beginnings import begin
from tests.contract.core.pairs import SERVERS, Pair
from tests.unit.outlived import take_the_lock_and_die

if TYPE_CHECKING:
    from collections.abc import Callable

HERE, THERE = SERVERS
VG = Instance(HERE, "scsi", LVMVG, "vg", "lvmvg-vg", "vg_uuid=VG", ISP)
LV = Instance(HERE, "scsi", LVMLV, "lv", "/dev/vg/lv", "vg_uuid=VG\x02lv_uuid=LV", ISP)
LINK = Dependency("lv", "vg")
THEIRS = tuple(replace(each, server=THERE, state=OSU) for each in (VG, LV))


@pytest.fixture
def pair(programs_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """The two servers."""
    forks.instead_of_programs(monkeypatch)
    return Pair(programs_path)


def adapter(
    pair: Pair, server: str, ask_holder: Callable[[str], None] = lambda _server: None, **settings: object
) -> LifeKeeper:
    """The engine of a server."""
    own = {"state": f"{pair.folder}/{server}.state", "run": f"{pair.folder}/{server}.run"}
    paths = Paths(lkroot=f"{pair.folder}/lk", defaults=f"{pair.folder}/none", **own)
    return LifeKeeper(paths, replace(Settings(lkroot=pair.root(server)), **settings), ask_holder=ask_holder)


@pytest.fixture
def extended(pair: Pair) -> LifeKeeper:
    """The first server's engine, with both resources on both servers, in service here."""

    def extend() -> None:
        port.commit(Change(add=(VG, LV), link=(LINK,)))
        adapter(pair, THERE).commit(Change(add=THEIRS, link=(LINK,), template=HERE))

    port = adapter(pair, HERE)
    records = (f"{server}/{place}" for server in SERVERS for place in ("state", "equivalencies.json"))
    begin("pair", pair.folder, records, extend)
    return port


def states(port: LifeKeeper, server: str) -> dict[str, str]:
    return {each.tag: each.state for each in port.overview().of(server).instances}


def unheard(_message: object) -> None:
    """What is said on the way."""


def numbers(work: Callable[[], object]) -> tuple[int, ...]:
    with pytest.raises(Failure) as caught:
        work()
    return tuple(message.number for message in caught.value.messages)


def test_both_servers_know_the_extension_and_each_other(pair: Pair, extended: LifeKeeper) -> None:
    for server in SERVERS:
        seen = adapter(pair, server).overview()
        assert [each.name for each in seen.servers] == list(SERVERS)
        assert {name: set(seen.of(name).tags) for name in SERVERS} == {HERE: {"vg", "lv"}, THERE: {"vg", "lv"}}
        assert {each.server: each.priority for each in seen.equivalencies if each.tag == "vg"} == {HERE: 1, THERE: 2}
    assert pair.ran == []


def test_a_move_takes_it_down_there_before_it_comes_up_here(pair: Pair, extended: LifeKeeper) -> None:
    extended.bring_in_service("lv", unheard, THERE)
    assert pair.ran == [f"{HERE} remove lv", f"{HERE} remove vg", f"{THERE} restore vg", f"{THERE} restore lv"]
    assert (states(extended, HERE), states(extended, THERE)) == ({"vg": OSU, "lv": OSU}, {"vg": ISP, "lv": ISP})
    extended.take_out_of_service("vg", unheard)
    assert extended.overview().in_service_on("vg") == ()


def test_a_dead_server_is_unknown_and_let_be_until_the_core_is_said_to_fence(pair: Pair, extended: LifeKeeper) -> None:
    there = adapter(pair, THERE)
    assert there.membership.standing(HERE, "vg").kind == ACTIVE
    assert extended.membership.standing(THERE, "vg").kind == STOPPED
    pair.kill(HERE)
    assert states(there, HERE) == {"vg": ILLSTATE, "lv": ILLSTATE}
    assert there.membership.standing(HERE, "vg").kind == UNFENCED
    assert adapter(pair, THERE, core_fences="yes").membership.standing(HERE, "vg").kind == FENCED
    assert numbers(partial(there.commit, Change(remove=("lv",)))) == (110415,)
    there.bring_in_service("lv", unheard)
    assert pair.ran == [f"{THERE} restore vg", f"{THERE} restore lv"]


def test_priorities_are_the_same_on_both_servers(pair: Pair, extended: LifeKeeper) -> None:
    extended.set_priorities("vg", {THERE: 7})
    for server in SERVERS:
        ranks = {(each.tag, each.server): each.priority for each in adapter(pair, server).overview().equivalencies}
        assert (ranks["lv", HERE], ranks["lv", THERE]) == (1, 7)


def test_unextend_and_removal_leave_nothing(pair: Pair, extended: LifeKeeper) -> None:
    extended.unextend(("lv", "vg"), THERE)
    assert (extended.hierarchy_of(THERE).tags, set(extended.hierarchy().tags)) == ((), {"vg", "lv"})
    assert {each.server for each in extended.overview().equivalencies} == {HERE}
    extended.commit(Change(remove=("lv", "vg")))
    assert extended.hierarchy().tags == ()
    assert pair.ran == []


def test_a_removal_reaches_the_other_server(extended: LifeKeeper) -> None:
    before = extended.overview().hierarchies
    remembered = extended.remember(Change(remove=("lv",)))
    extended.commit(Change(remove=("lv",)))
    assert [graph.tags for graph in extended.overview().hierarchies] == [("vg",), ("vg",)]
    extended.put_back(remembered)
    assert extended.overview().hierarchies == before


def test_what_another_kit_has_extended_is_made_the_same_once(pair: Pair, extended: LifeKeeper) -> None:
    there = adapter(pair, THERE)
    extended.unextend(("lv",), THERE)
    there.commit(Change(add=(THEIRS[1],)))
    assert f"lv@{HERE}" in there.overview().of(HERE).tags
    for _ in range(2):
        there.commit(Change(same=("lv",), template=HERE))
    assert set(there.overview().of(HERE).tags) == {"vg", "lv"}
    ranks = {each.server: each.priority for each in extended.overview().equivalencies if each.tag == "lv"}
    assert ranks == {HERE: 1, THERE: 2}
    extended.unextend(("lv",), THERE)
    assert there.hierarchy().tags == ("vg",)


def test_the_admin_lock_is_one_for_both_servers_and_is_freed_where_its_process_was_killed(pair: Pair) -> None:
    def free(server: str) -> None:
        asked.append(server)
        with adapter(pair, server).admin_lock("free what a killed run has left"):
            pass

    asked: list[str] = []
    port, there = adapter(pair, HERE, free), adapter(pair, THERE)
    take_the_lock_and_die(there)
    assert [flag.rpartition("!")[2] for flag in port.flags()] == [f"{THERE}:to_be_killed"]
    with port.admin_lock("another"):
        assert [flag.rpartition("!")[2] for flag in there.flags()] == [f"{HERE}:another"]
    assert (asked, port.flags(), there.flags()) == ([THERE], (), ())


class TestPostgres:
    """A kit in shell on both servers, with commands that are really started; no PostgreSQL is needed to extend it."""

    TAG, DATA = "pgsql-main", "/srv/none/main"
    KIT = Path(__file__).parents[2] / "share/kits/postgres"
    ADMIN = "lkadm/subsys/database/pgsql/bin"

    @pytest.fixture
    def extended(self, pair: Pair) -> Pair:
        """The instance on both servers, with another tag on the second."""
        pair.install(self.KIT)
        named = ("-a", "database", "-r", "pgsql", "-t", self.TAG, "-i", self.DATA, "-v", "version=15 user=root")
        assert pair.run(HERE, "bin/ins_create", *named).returncode == 0
        assert pair.run(THERE, f"{self.ADMIN}/extend", HERE, self.TAG, "-t", "pg").returncode == 0
        shared = ("-t", self.TAG, "-S", THERE, "-o", "pg", "-e", "SHARED")
        assert pair.run(HERE, "bin/eqv_create", *shared).returncode == 0
        return pair

    def tags(self, pair: Pair) -> list[list[str]]:
        """Those of each server."""
        listed = (pair.run(server, "bin/ins_list", "-f|").stdout.splitlines() for server in SERVERS)
        return [[line.split("|")[3] for line in lines] for lines in listed]

    def test_unextend_takes_it_from_its_server_and_from_no_other(self, extended: Pair) -> None:
        gone = extended.run(THERE, f"{self.ADMIN}/unextend", HERE, self.TAG)
        assert (gone.returncode, gone.stdout, gone.stderr) == (0, "pg\n", "")
        assert self.tags(extended) == [[self.TAG], []]
        assert extended.run(HERE, "bin/eqv_list").stdout == ""

    def test_what_cannot_be_unextended_stays(self, extended: Pair) -> None:
        extended.run(THERE, "bin/ins_setstate", "-t", "pg", "-S", "ISP")
        for server, words, number in (
            (HERE, (HERE, self.TAG), "900017"),
            (THERE, (HERE, "none"), "900013"),
            (THERE, ("gamma", self.TAG), "900013"),
            (THERE, (HERE,), "900001"),
            (THERE, (HERE, self.TAG), "900019"),
        ):
            refused = extended.run(server, f"{self.ADMIN}/unextend", *words)
            assert (refused.returncode, refused.stdout) == (1, "")
            assert number in re.findall(r":(9\d{5}):", refused.stderr)
        assert self.tags(extended) == [[self.TAG], ["pg"]]

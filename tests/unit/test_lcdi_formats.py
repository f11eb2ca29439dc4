"""What LifeKeeper's commands print and how they end, as LifeKeeper's documents have it; data/lcdi/README.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.lifekeeper import records, status
from lvmkit.cluster.lifekeeper.records import Site
from lvmkit.entry import kit as kits
from lvmkit.model.instance import ISP, OSU
from tests.unit.fakes import FakeCluster, data_hierarchy, on
from tests.unit.lcdi_server import SOH, Server

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

FOLDER = Path(__file__).parent / "data/lcdi"
EXITS = [line.partition(" ") for line in (FOLDER / "exits").read_text().splitlines()]


@pytest.fixture
def cluster(server: Server, mocker: MockerFixture) -> FakeCluster:
    """n1, which is this server, has /data in service; n2 may take it over, n3 is there."""
    for kind in ("filesys", "lvmlv", "lvmvg"):
        server.install("gen" if kind == "filesys" else "scsi", kind, "restore")
    port = FakeCluster(data_hierarchy(ISP), n2=on("n2", data_hierarchy(OSU)))
    port.raised.add("!nofailover!n2")
    mocker.patch.object(kits, "_engine", return_value=port)
    return port


def golden(name: str) -> list[str]:
    """The lines of a file, with the byte in its place."""
    return (FOLDER / name).read_text().replace("^A", SOH).splitlines()


def pattern(line: str) -> str:
    """What a line of a file allows: blanks stand for any number of them, '...' for anything."""
    return ".*".join(r"\s+".join(map(re.escape, re.split(" +", part))) for part in line.split("..."))


def unlike(lines: list[str], wanted: list[str]) -> list[str]:
    """The first wanted line that is not where it should be and what is from there on; nothing where all are alike."""
    left = list(lines)
    for line, following in zip(wanted, (*wanted[1:], "")):
        if line == "...":
            left = left[left.index(following) :]
        elif not left or not re.fullmatch(pattern(line), left.pop(0)):
            return [line, *left]
    return left


@pytest.mark.parametrize("name", ["ins_list", "eqv_list", "dep_list", "sys_list"])
def test_each_record_has_the_known_fields_in_their_places(server: Server, cluster: FakeCluster, name: str) -> None:
    answer = server(name)
    assert (answer.code, answer.numbers) == (0, ())
    assert unlike(sorted(answer.lines), sorted(golden(name))) == []
    for line in answer.lines:
        assert "\x02" not in line.split(SOH)[:5]


@pytest.mark.parametrize("name", ["ins_list", "eqv_list", "dep_list"])
def test_another_character_separates_the_same_fields(server: Server, cluster: FakeCluster, name: str) -> None:
    assert server(name, "-f|").out == server(name).out.replace(SOH, "|")


def test_the_long_status_has_the_known_lines_in_their_order(server: Server, cluster: FakeCluster) -> None:
    printed = [line for line in server("lcdstatus").lines if line]
    assert unlike(printed, golden("lcdstatus")) == []


def test_the_short_status_has_a_column_under_each_heading(server: Server, cluster: FakeCluster) -> None:
    printed = server("lcdstatus", "-e").lines
    assert unlike(printed, golden("lcdstatus-e")) == []
    for line, wanted in zip(printed[1:6], golden("lcdstatus-e")[1:6]):
        tag, level = wanted.split()[1], wanted.count(" ", 0, wanted.index(wanted.split()[1])) - 1
        assert line.index(f" {tag} ") + 1 == printed[0].index("TAG") + level


def test_a_server_that_has_nothing_prints_the_headings(server: Server) -> None:
    assert unlike(server("lcdstatus", "-q").lines, golden("lcdstatus-q-none")) == []


@pytest.mark.parametrize(("code", "_", "words"), EXITS)
def test_each_exit_code_means_what_it_does_for_lifekeeper(
    server: Server, cluster: FakeCluster, code: str, _: str, words: str
) -> None:
    before = (cluster.now, dict(cluster.others))
    assert server(*words.split()).code == int(code)
    assert (cluster.now, dict(cluster.others)) == before


class TestReading:
    """The adapter understands the same files, with nothing, or something strange, where nothing is known."""

    @pytest.fixture(params=["", "strange"])
    def unknown(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def text(self, name: str, unknown: str) -> str:
        rest = f"{SOH}{unknown}" if unknown else ""
        lines = (re.sub(r"\.\.\.$", rest, line).replace("...", unknown) for line in golden(name))
        return "".join(f"{line}\n" for line in lines)

    def test_instances(self, unknown: str) -> None:
        read = records.instances(self.text("ins_list", unknown), "n1", "ins_list")
        known = data_hierarchy(ISP).instances
        assert [(each.app, each.type, each.tag, each.id, each.state) for each in read] == [
            (each.app, each.type, each.tag, each.id, each.state) for each in known
        ]

    def test_relations(self, unknown: str) -> None:
        graph = data_hierarchy(ISP)
        assert records.links(self.text("dep_list", unknown), graph.tags, "dep_list") == graph.dependencies
        read = records.pairs(self.text("eqv_list", unknown), "eqv_list")
        assert {(each.one.server, each.one.tag, each.other.server, each.other.tag) for each in read} == {
            ("n1", tag, "n2", tag) for tag in ("/data", "vg1/data", "vg1")
        }

    def test_machines_and_priorities(self, unknown: str) -> None:
        said = status.parse(self.text("lcdstatus", unknown), "n1")
        assert said.machines == (("n1", "ALIVE"), ("n2", "ALIVE"), ("n3", "ALIVE"))
        assert dict(said.ranks) == {
            Site(server, tag): rank for server, rank in (("n1", 1), ("n2", 11)) for tag in ("/data", "vg1/data", "vg1")
        }

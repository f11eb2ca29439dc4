"""What monitoring reads: names and form as Prometheus wants them, and series that stay whatever is down."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lvmkit.entry.textfile import NAME, write_textfile
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ILLSTATE, LVMVG, OSF, OSU
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import FencingOff
from lvmkit.model.messages.view import MetricsNotWritten
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.storage.conffile import load_settings
from lvmkit.view.metrics import exposition
from lvmkit.workflow.measure import measure
from tests.unit.fakes import FakeCluster, FakePort, Shell, data_hierarchy, instance, kit, on

if TYPE_CHECKING:
    from lvmkit.plan import Kit

SHARE = Path(__file__).parents[2] / "share/prometheus"
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _series(text: str) -> Series:
    """Every series with its value; the text is one that Prometheus' own parser takes, with help and type for each."""
    series: Series = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type == "gauge"
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in series
            series[key] = sample.value
    return series


def _value(series: Series, name: str, **labels: str) -> float:
    return series[name, tuple(sorted(labels.items()))]


def _states(series: Series, tag: str, server: str) -> list[str]:
    found = []
    for (name, labels), value in series.items():
        facts = dict(labels)
        if name == "lvmkit_resource_state" and (facts["tag"], facts["server"], value) == (tag, server, 1):
            found.append(facts["state"])
    return found


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster(data_hierarchy(), n2=on("n2", data_hierarchy(OSU)))


@pytest.fixture
def tools(cluster: FakeCluster, tmp_path: Path) -> Kit:
    return kit(cluster, tmp_path, lambda _message: None)


def test_each_resource_has_one_state_on_each_of_its_servers(tools: Kit) -> None:
    series = _series(exposition(measure(tools)))
    assert (_states(series, "vg1", "n1"), _states(series, "vg1", "n2"), _states(series, "vg1", "n3")) == (
        ["ISP"], ["OSU"], [],
    )  # fmt: skip
    assert _value(series, "lvmkit_engine_up") == 1


def test_series_stay_when_resources_are_stopped_or_fail(cluster: FakeCluster, tools: Kit) -> None:
    before = _series(exposition(measure(tools))).keys()
    cluster.now = data_hierarchy(OSF)
    after = _series(exposition(measure(tools)))
    assert after.keys() == before
    assert _value(after, "lvmkit_resource_needs_attention", tag="vg1", type="lvmvg") == 1


def test_series_stay_when_the_engine_does_not_answer(
    cluster: FakeCluster, tools: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {key for key in _series(exposition(measure(tools))) if ("server", "n1") in key[1] or len(key[1]) == 2}

    def fail() -> None:
        raise Failure(FencingOff())

    monkeypatch.setattr(cluster, "overview", fail)
    monkeypatch.setattr(cluster, "at_hand", lambda: data_hierarchy(ILLSTATE))
    after = _series(exposition(measure(tools)))
    assert before <= after.keys()
    assert (_value(after, "lvmkit_engine_up"), _states(after, "vg1", "n1")) == (0, ["ILLSTATE"])
    assert _value(after, "lvmkit_server_online", server="n1") == 0


def test_where_not_even_the_records_can_be_read_the_engine_still_has_its_value(
    cluster: FakeCluster, tools: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise Failure(FencingOff())

    monkeypatch.setattr(cluster, "overview", fail)
    monkeypatch.setattr(cluster, "at_hand", fail)
    assert _value(_series(exposition(measure(tools))), "lvmkit_engine_up") == 0


def test_servers_and_warnings_of_the_cluster(cluster: FakeCluster, tools: Kit) -> None:
    cluster.members["n2"] = Server("n2", online=True, unfit="standby")
    cluster.trouble = (FencingOff(), FencingOff())
    series = _series(exposition(measure(tools)))
    assert _value(series, "lvmkit_server_online", server="n2") == 1
    assert _value(series, "lvmkit_server_fit", server="n2") == 0
    assert _value(series, "lvmkit_cluster_warning", number=f"{FencingOff.number:06d}") == 1


def test_no_tag_can_forge_a_line(tmp_path: Path) -> None:
    tag = 'a"b\\c\nlvmkit_engine_up 7'
    port = FakePort(Hierarchy((instance(LVMVG, tag, "lvmvg-x"),)))
    series = _series(exposition(measure(kit(port, tmp_path, lambda _message: None))))
    assert _states(series, tag, "n1") == ["ISP"]
    assert _value(series, "lvmkit_engine_up") == 1


def test_names_follow_the_conventions(tools: Kit) -> None:
    for name, labels in _series(exposition(measure(tools))):
        assert re.fullmatch(r"lvmkit(_[a-z]+)+", name)
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_ms"))
        assert all(re.fullmatch(r"[a-z]+", label) for label, _ in labels)


@pytest.mark.parametrize("name", ["lvmkit.rules.yml", "lvmkit-dashboard.json"])
def test_rules_and_dashboard_ask_for_what_there_is(cluster: FakeCluster, tools: Kit, name: str) -> None:
    cluster.trouble = (FencingOff(),)
    metrics = {metric for metric, _ in _series(exposition(measure(tools)))}
    text = (SHARE / name).read_text()
    asked = set(re.findall(r"\blvmkit_\w+", text))
    assert asked
    assert asked <= metrics
    states = re.findall(r'state[=~]+\\?"([A-Z|]+)', text)
    assert states
    assert {word for each in states for word in each.split("|")} <= {"ISP", "ISU", "OSF", "OSU", "ILLSTATE"}


def test_the_dashboard_is_json_whose_panels_have_numbers_of_their_own() -> None:
    panels = json.loads((SHARE / "lvmkit-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)


class TestFile:
    def test_it_is_replaced_in_the_configured_folder(self, tools: Kit, tmp_path: Path) -> None:
        folder = tmp_path / "textfile"
        folder.mkdir()
        write_textfile(replace(tools, settings=replace(tools.settings, metrics=str(folder))))
        assert [path.name for path in folder.iterdir()] == [NAME]
        assert _value(_series((folder / NAME).read_text()), "lvmkit_engine_up") == 1
        assert (folder / NAME).stat().st_mode & 0o777 == 0o644

    @pytest.mark.parametrize("folder", ["", "/no/such/folder"])
    def test_where_it_cannot_be_written_is_said(self, tools: Kit, folder: str) -> None:
        with pytest.raises(Failure) as caught:
            write_textfile(replace(tools, settings=replace(tools.settings, metrics=folder)))
        assert isinstance(caught.value.messages[0], MetricsNotWritten)

    def test_only_an_absolute_path_is_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("LVMKIT_METRICS=somewhere\n")
        settings, ignored = load_settings(str(tmp_path / "f"))
        assert (settings.metrics, len(ignored)) == ("", 1)


def test_the_command_prints_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tmp_path, FakePort(data_hierarchy()), monkeypatch)
    result = shell.run("metrics")
    assert (result.exit_code, _states(_series(result.stdout), "vg1", "n1")) == (0, ["ISP"])
    assert shell.run("metrics", "--write").exit_code == 1

"""lvmkit explain, and the page of the manual that is made from the same table."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lvmkit.cli import manual
from lvmkit.model.messages import catalogue
from lvmkit.model.messages.guide import DependencyNotCreated
from lvmkit.model.settings import Settings
from lvmkit.view.explain import cause, readable
from tests.unit.fakes import FakePort, Shell, numbers

PAGES = Path(__file__).parents[2] / "share/man/man8"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, FakePort(), monkeypatch)


@pytest.mark.parametrize("given", ["23", "000023", "023"])
def test_zeros_before_a_number_do_not_matter(shell: Shell, given: str) -> None:
    result = shell.run("explain", given)
    assert result.stdout.startswith("000023 ERROR\n")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("given", ["0", "16", "999999", "x", "", "1_0", "²", "٣", "1" * 5000, "a\x1b[2J"])
def test_what_is_no_number_of_the_table_is_110101(shell: Shell, given: str) -> None:
    result = shell.run("explain", "--", given)
    assert (result.exit_code, numbers(result), result.stdout) == (7, [110101], "")
    assert "\x1b" not in result.stderr


def test_facts_are_shown_as_places_to_fill_in() -> None:
    text = readable(DependencyNotCreated, DependencyNotCreated.template)
    assert text == "Failed to create dependency <parent>-<child> on machine <server>."


def test_every_message_can_be_explained(shell: Shell) -> None:
    every = json.loads(shell.run("explain", "--all", "--format", "json").stdout)["messages"]
    assert len(every) == len(catalogue())
    for found in every:
        kind = catalogue()[int(found["number"])]
        assert (found["level"], found["cause"]) == (kind.level, cause(kind))
        assert found["exit"] == {"script": kind.script_exit, "lcdi": kind.lcdi_exit, "ocf": kind.ocf_exit}
        assert "{" not in found["text"] + found["action"]
        text = " ".join(shell.run("explain", found["number"]).stdout.split())
        assert " ".join(found["action"].split()) in text


def test_one_message_has_the_fields_that_it_has_among_all(shell: Shell) -> None:
    every = json.loads(shell.run("explain", "--all", "--format", "json").stdout)["messages"]
    one = json.loads(shell.run("explain", "23", "--format", "json").stdout)
    (listed,) = [found for found in every if found["number"] == "000023"]
    assert {key: one[key] for key in listed} == listed


def test_all_lists_every_message_once(shell: Shell) -> None:
    listed = [line.split()[0] for line in shell.run("explain", "--all").stdout.splitlines()[1:]]
    assert listed == [f"{number:06d}" for number in sorted(catalogue())]
    found = json.loads(shell.run("explain", "--all", "--format", "json").stdout)
    assert [message["number"] for message in found["messages"]] == listed


def test_the_page_of_the_messages_has_every_number_and_is_the_same_each_time() -> None:
    page = manual.page()
    assert re.findall(r'^\.SS "(\d{6}) ', page, re.M) == [f"{number:06d}" for number in sorted(catalogue())]
    assert manual.page() == page


def test_text_cannot_become_an_order_to_roff() -> None:
    assert manual.escaped(".so /etc/shadow") == "\\&.so /etc/shadow"
    assert manual.escaped("'x\\n-y") == "\\(aqx\\en\\-y"


@pytest.mark.parametrize(
    "name", ["lvmkit.8", "adddelpv.8", "lvmkit-watch.8", "../man5/lvmkit.conf.5", "lvmkit-messages.7"]
)
def test_pages_are_clean(tmp_path: Path, name: str) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    path = PAGES / name
    if not path.exists():
        path = tmp_path / name
        path.write_text(manual.page())
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_manual_names_every_tunable_with_its_default() -> None:
    from lvmkit.storage.conffile import _KEYS

    page = (PAGES.parent / "man5/lvmkit.conf.5").read_text()
    for key, (field, _) in _KEYS.items():
        default = getattr(Settings, field)
        shown = f"{default:g}" if isinstance(default, float) else str(default) or "none"
        assert f'.BR {key} " ({shown})"' in page

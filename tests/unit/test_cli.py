"""The command line as a whole: words in, numbered messages and exit codes out, and what every command shares."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import pytest

from lvmkit import VERSION
from lvmkit.cli import console
from lvmkit.cli.adddelpv import program as adddelpv
from lvmkit.cli.console import Console
from lvmkit.cli.layout import ASCII_GLYPHS, UNICODE_GLYPHS, Twig, columns, folded, glyphs, twigs, width
from lvmkit.cli.naming import tag_of
from lvmkit.cli.program import COMMANDS, Program, program
from lvmkit.cli.session import installed
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, LVMLV
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import StepDone
from lvmkit.model.messages.guide import EndFailedInService, ErrorBringingInService, FailedCreation, LkvgsNotUpdated
from lvmkit.model.messages.service import PvsMissing, VgNotFound
from tests.unit.fakes import FakePort, Shell, data_hierarchy, instance, numbers

if TYPE_CHECKING:
    from pathlib import Path

MISSING = PvsMissing("vg1", 1, ("A",))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, FakePort(data_hierarchy()), monkeypatch)


@pytest.mark.parametrize(
    "words",
    [(), ("nonsense",), ("status", "--nonsense"), ("create",), ("create", "/a", "/b"), ("status", "--format", "xml"),
     ("status", "--watch=0"), ("status", "--watch=nan"), ("create", "/a", "-s", "sometimes"), ("in-service",),
     ("delete", "-rf"), ("check", "--all", "vg1"), ("check", "--all", "--deep"), ("explain",),
     ("explain", "1", "--all"),
     ("reconfigure", "vg1", "/dev/sda"), ("reconfigure", "vg1", "a", "b", "c")],
)  # fmt: skip
def test_wrong_usage_is_000002_and_exit_2(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell.run(*words)
    assert (result.exit_code, numbers(result), result.stdout, shell.port.calls) == (2, [2], "", [])


@pytest.mark.parametrize("words", [(), ("vg1", "/dev/sda"), ("vg1", "a", "b", "c"), ("vg1", "--nonsense")])
def test_wrong_usage_of_adddelpv_is_the_guides_message(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell.run(*words, command=adddelpv)
    assert (result.exit_code, numbers(result), result.stdout, shell.port.calls) == (2, [110006, 2], "", [])


BAD_NAMES = ["", "-rf", "../x", "/data/../x", "a b", "a;b", "$(reboot)", "x\n", "\x1b[2J", "caf\udce9", "t" * 257]
BAD_NAMES += ["/" + "p" * 4095]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize(
    "command", ["status", "show", "in-service", "out-of-service", "check", "reconfigure", "delete"]
)
def test_a_word_that_cannot_be_a_name_is_110100_before_anything_is_looked_up(
    shell: Shell, command: str, name: str
) -> None:
    result = shell.run(command, "--", name)
    assert (result.exit_code, numbers(result), result.stdout, shell.port.calls) == (5, [110100], "", [])


@pytest.mark.parametrize("name", [*BAD_NAMES, "data", "vg1/data", "."])
def test_only_an_absolute_path_can_be_created(shell: Shell, name: str) -> None:
    result = shell.run("create", "--", name)
    assert (result.exit_code, numbers(result), shell.port.calls) == (5, [110100], [])


@pytest.mark.parametrize("tag", ["", "-x", ".x", "a b", "a=b", "t" * 257])
def test_a_tag_that_cannot_be_one_is_refused(shell: Shell, tag: str) -> None:
    result = shell.run("create", "/data", f"--tag={tag}")
    assert (result.exit_code, numbers(result), shell.port.calls) == (5, [110100], [])


@pytest.mark.parametrize("name", ["t" * 256, "/nowhere", "lvmvg-vg9", "naïve"])
@pytest.mark.parametrize(
    "command", ["status", "show", "in-service", "out-of-service", "check", "reconfigure", "delete"]
)
def test_a_name_that_nothing_has_is_000019_and_changes_nothing(shell: Shell, command: str, name: str) -> None:
    before = shell.port.now
    result = shell.run(command, name)
    assert (result.exit_code, numbers(result), result.stdout) == (7, [19], "")
    assert shell.port.now == before


@pytest.mark.parametrize(
    "words",
    [("create", "/data"), ("status",), ("in-service", "vg1"), ("out-of-service", "vg1"), ("check",), ("check", "--all"),
     ("reconfigure", "vg1"), ("delete", "/data"), ("tags",), ("servers",), ("removable",),
     ("show", "vg1")],
)  # fmt: skip
def test_the_engine_needs_root(shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = shell.run(*words)
    no_look = 3
    expected = no_look if words[0] == "check" else 1
    assert (result.exit_code, numbers(result), shell.port.calls) == (expected, [110103], [])


def test_explain_and_help_do_not_need_root(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert shell.run("explain", "1").exit_code == 0
    assert shell.run("--help").exit_code == 0


@pytest.mark.parametrize("name", [*COMMANDS, None])
def test_every_command_has_help_with_an_example(shell: Shell, name: str | None) -> None:
    result = shell.run(*([name] if name else []), "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Example: lvmkit " in result.stdout


def test_the_version_is_that_of_the_package(shell: Shell) -> None:
    assert shell.run("--version").stdout == f"lvmkit {VERSION}\n"
    assert shell.run("--version", command=adddelpv).stdout == f"adddelpv {VERSION}\n"
    assert "Example: adddelpv " in shell.run("--help", command=adddelpv).stdout


def test_hidden_commands_are_hidden(shell: Shell) -> None:
    shown = shell.run("--help").stdout
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == ["tags", "servers", "removable"]


def test_tags_are_printed_one_a_line(shell: Shell) -> None:
    assert shell.run("tags").stdout.split("\n") == ["/data", "vg1/data", "vg1", "disk-A", "disk-B", ""]
    assert shell.run("tags", "--type", "lvmvg").stdout == "vg1\n"
    assert shell.run("servers").stdout == "n1\n"


def test_an_unexpected_exception_is_one_numbered_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down() -> None:
        raise RuntimeError("boom\nTraceback")

    monkeypatch.setattr(shell.port, "overview", break_down)
    result = shell.run("status")
    assert (result.exit_code, numbers(result), len(result.stderr.splitlines())) == (3, [110099], 2)


def test_a_failure_never_exits_with_0(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn() -> None:
        raise Failure(LkvgsNotUpdated("read-only"))

    monkeypatch.setattr(shell.port, "overview", warn)
    assert shell.run("status").exit_code == 1


@pytest.mark.parametrize("words", [("in-service", "/data", "--quiet"), ("--quiet", "in-service", "/data")])
def test_quiet_leaves_progress_to_the_log_but_not_errors(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def stop(_tag: str, tell: object, _server: str) -> None:
        assert callable(tell)
        tell(StepDone(1, 2, "restore vg1"))
        raise Failure(MISSING)

    monkeypatch.setattr(shell.port, "bring_in_service", stop)
    assert numbers(shell.run(*(word for word in words if word != "--quiet")))[:2] == [110093, 110014]
    shell.logged.clear()
    assert numbers(shell.run(*words))[0] == 110014
    assert [b"110093" in entry for entry in shell.logged].count(True) == 1


def test_the_log_has_lifekeepers_form_with_action_and_tag(shell: Shell) -> None:
    shell.port.failing = {"vg1": MISSING}
    shell.run("in-service", "vg1")
    assert any(b"ERROR:cli:in-service:vg1:110014:" in entry for entry in shell.logged)


def test_a_person_sees_number_and_advice() -> None:
    first, second, end = Console("lvmkit", "cli", "x").rendered(MISSING, MISSING.advice).split("\n")
    assert first.startswith("lvmkit: ERROR 110014: ")
    assert second == f"  -> {MISSING.advice}"
    assert end == ""
    assert Console("lvmkit", "cli", "x").rendered(StepDone(1, 1, "x"), "").count("\n") == 1


class TestAdvice:
    """Of the messages of a Failure."""

    def _advices(self, capsys: pytest.CaptureFixture[str], *messages: Message) -> list[str]:
        Console("lvmkit", "cli", "x").tell_all(messages)
        return [line[5:] for line in capsys.readouterr().err.splitlines() if line.startswith("  -> ")]

    def test_what_a_cause_led_to_has_none(self, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
        outcomes = (ErrorBringingInService("/data", "n1"), EndFailedInService("/data", "n1"))
        assert self._advices(capsys, MISSING, *outcomes) == [MISSING.advice]

    def test_each_of_several_causes_has_its_own(self, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
        other = VgNotFound("vg2", "U")
        assert self._advices(capsys, MISSING, other, FailedCreation("a", "n1")) == [MISSING.advice, other.advice]

    def test_what_stands_alone_has_its_own(self, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
        alone = FailedCreation("/data", "n1")
        assert self._advices(capsys, alone) == [alone.advice]

    def test_none_is_given_twice(self, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
        assert self._advices(capsys, MISSING, PvsMissing("vg2", 1, ("B",))) == [MISSING.advice]

    def test_a_failed_move_is_three_messages_with_the_advice_of_the_first(self, shell: Shell) -> None:
        shell.port.failing = {"vg1": MISSING}
        result = shell.run("in-service", "vg1")
        assert numbers(result) == [110014, 23, 22]
        assert [line for line in result.stderr.splitlines() if "->" in line] == [f"  -> {MISSING.advice}"]


def test_colour_marks_the_level_only() -> None:
    coloured = Console("lvmkit", "cli", "x", colour=True)
    assert coloured.rendered(MISSING, MISSING.advice).count("\x1b[") == 2
    assert "\x1b[31mERROR\x1b[0m" in coloured.rendered(MISSING, MISSING.advice)
    assert "\x1b" not in coloured.rendered(StepDone(1, 1, "x"), "")


class Stream:
    def __init__(self, is_terminal: bool) -> None:
        self.isatty = lambda: is_terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [(True, {"TERM": "xterm"}, True), (False, {"TERM": "xterm"}, False), (True, {"TERM": "dumb"}, False),
     (True, {}, False), (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
     (True, {"TERM": "xterm", "NO_COLOR": ""}, True)],
)  # fmt: skip
def test_colour_needs_a_terminal_whose_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], coloured: bool
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    stream: object = Stream(terminal)
    assert console.may_colour(stream) is coloured  # type: ignore[arg-type]
    assert not console.may_colour(None)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, UNICODE_GLYPHS), ({"LANG": "C"}, ASCII_GLYPHS), ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, ASCII_GLYPHS),
     ({"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, UNICODE_GLYPHS)],
)  # fmt: skip
def test_a_locale_chosen_as_c_gets_ascii_trees(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: object
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    assert glyphs() == expected


def test_what_two_require_is_under_both_and_drawn_out_once() -> None:
    links = {"a": ("x",), "b": ("x", "y"), "x": ("1", "2"), "y": (), "1": (), "2": ()}
    assert list(twigs(("a", "b"), links.__getitem__, ASCII_GLYPHS)) == [
        Twig("", "a"), Twig("`- ", "x"), Twig("   |- ", "1"), Twig("   `- ", "2"),
        Twig("", "b"), Twig("|- ", "x", True), Twig("`- ", "y"),
    ]  # fmt: skip


def test_a_loop_in_damaged_data_ends() -> None:
    links = {"a": ("b",), "b": ("a",)}
    assert [twig.tag for twig in twigs(("a",), links.__getitem__, ASCII_GLYPHS)] == ["a", "b", "a"]


def test_a_long_chain_and_many_crossings_are_drawn_without_end_of_stack_or_time() -> None:
    chain = {str(n): (str(n + 1),) for n in range(3000)} | {"3000": ()}
    assert len(list(twigs(("0",), chain.__getitem__, ASCII_GLYPHS))) == 3001
    layers = {f"{n}{side}": (f"{n + 1}a", f"{n + 1}b") for n in range(40) for side in "ab"} | {"40a": (), "40b": ()}
    assert len(list(twigs(("0a",), layers.__getitem__, ASCII_GLYPHS))) < 400


def test_columns_align_wide_characters_and_disarm_control_characters() -> None:
    assert columns([("漢字", "x"), ("abcd", "y"), ("\x1b[2J", "z")]).split("\n") == [
        "漢字     x", "abcd     y", "\\x1b[2J  z", "",
    ]  # fmt: skip
    assert (width("漢字"), width("e\u0301"), width("ab")) == (4, 1, 2)
    assert columns([]) == ""


@pytest.mark.parametrize(
    "text",
    ["", "a word and /a/very-long-path/of/words.", "ディスク sda1 が「応答」しません。検査で sdb を読めます (原因)。"],
)
@pytest.mark.parametrize("room", [12, 21, 40])
def test_text_is_folded_into_its_room_and_nothing_of_it_is_lost(text: str, room: int) -> None:
    lines = folded(text, room)
    longest = max([room, *map(width, text.split())]) if text.isascii() else room
    assert all(width(line) <= longest and line[:1] not in "、。」 " for line in lines if line)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert folded("a b", 40) == ["a b"]


def test_a_word_is_a_tag_before_it_is_an_id_and_never_two_resources() -> None:
    first, second = instance(LVMLV, "lv", "/dev/vg1/data"), instance(DEVICE, "pv", "/dev/vg1/data")
    third = instance(LVMLV, "/dev/x/y", "/dev/vg1/other")
    assert tag_of("/dev/x/y", Hierarchy((first, third))) == "/dev/x/y"
    assert tag_of("/dev/vg1/data", Hierarchy((first, third))) == "lv"
    with pytest.raises(Failure):
        tag_of("/dev/vg1/data", Hierarchy((first, second)))


def test_the_root_of_the_scripts_is_found_from_the_programs_place(tmp_path: Path) -> None:
    (tmp_path / "opt/LifeKeeper/subsys").mkdir(parents=True)
    assert installed(f"{tmp_path}/bin/lvmkit").lkroot == f"{tmp_path}/opt/LifeKeeper"
    (tmp_path / "subsys").mkdir()
    assert installed(f"{tmp_path}/bin/lvmkit").lkroot == str(tmp_path)
    assert installed("/nowhere/bin/lvmkit").lkroot == "/opt/LifeKeeper"


def test_the_program_is_made_of_commands_that_click_can_load() -> None:
    assert isinstance(program, Program)
    context = click.Context(program)
    assert {program.get_command(context, name) is not None for name in COMMANDS} == {True}
    assert program.get_command(context, "../x") is None

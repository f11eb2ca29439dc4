"""--format jsonl: all that a command says, and what comes of it, as lines of JSON on stdout."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cli import session as session_module
from lvmkit.cli.adddelpv import program as adddelpv
from lvmkit.model.instance import OSU
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StepDone
from lvmkit.model.messages.service import PvsMissing
from lvmkit.storage import lkvgs
from lvmkit.workflow import create
from tests.unit.fakes import FakePort, Shell, data_hierarchy, paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from lvmkit.model.messages import Message

MISSING = PvsMissing("vg1", 1, ("A",))
LINES = ("--format", "jsonl")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, FakePort(data_hierarchy()), monkeypatch)


def _events(result: Result) -> list[dict[str, Any]]:
    """Every line is one document, the last one is the result, and stderr is empty."""
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events].index("result") == len(events) - 1
    assert (events[-1]["exit"], result.stderr) == (result.exit_code, "")
    return events


def test_progress_comes_with_numbers_and_facts_and_the_answer_last(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bring(_tag: str, tell: Callable[[Message], None], _server: str = "") -> None:
        tell(StepDone(1, 2, "restore vg1", "2/3: "))

    monkeypatch.setattr(shell.port, "bring_in_service", bring)
    step, result = _events(shell.run("in-service", "/data", *LINES))
    assert {name: step[name] for name in ("event", "number", "level", "position", "count", "step", "depth")} == {
        "event": "step", "number": "110093", "level": "INFO", "position": 1, "count": 2, "step": "restore vg1",
        "depth": 1,
    }  # fmt: skip
    assert step["facts"] == {"position": 1, "count": 2, "step": "restore vg1", "within": "2/3: "}
    assert {row["tag"]: row["state"] for row in result["answer"]["states"]}["vg1"] == "ISP"


def test_errors_have_the_same_form_with_the_advice_of_the_cause_only(shell: Shell) -> None:
    shell.port.failing = {"/data": MISSING}
    *messages, result = _events(shell.run("in-service", "/data", *LINES))
    assert [event["number"] for event in messages] == ["110014", "000023", "000022"]
    assert [event["advice"] for event in messages] == [MISSING.advice, "", ""]
    assert messages[0]["facts"] == json.loads(json.dumps(MISSING.as_dict()))
    assert (result["exit"], result["answer"]) == (1, None)


@pytest.mark.parametrize(
    ("words", "number", "status"),
    [
        (("in-service", "--nonsense", *LINES), "000002", 2),
        (("in-service", "--format=jsonl"), "000002", 2),
        (("in-service", "a b", *LINES), "110100", 5),
        (("in-service", "nobody", *LINES), "000019", 7),
    ],
)
def test_wrong_words_are_said_in_the_form_that_they_ask_for(
    shell: Shell, words: tuple[str, ...], number: str, status: int
) -> None:
    message, result = _events(shell.run(*words))
    assert (message["number"], result["exit"]) == (number, status)


def test_adddelpv_speaks_so_too(shell: Shell) -> None:
    assert [event["event"] for event in _events(shell.run(*LINES, command=adddelpv))] == [
        "message",
        "message",
        "result",
    ]


def test_who_may_not_is_told_in_the_same_form(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert [event.get("number") for event in _events(shell.run("delete", "/data", *LINES))] == ["110103", None]


def test_an_interruption_is_the_last_message(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise Interruption("SIGTERM")

    monkeypatch.setattr(shell.port, "take_out_of_service", interrupt)
    message, result = _events(shell.run("out-of-service", "/data", *LINES))
    assert (message["number"], result["exit"]) == ("000026", 1)


def test_quiet_leaves_out_progress_but_never_the_result(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def bring(_tag: str, tell: Callable[[Message], None], _server: str = "") -> None:
        tell(StepDone(1, 1, "restore vg1"))
        raise Failure(MISSING)

    monkeypatch.setattr(shell.port, "bring_in_service", bring)
    events = _events(shell.run("in-service", "/data", "--quiet", *LINES))
    assert [event["event"] for event in events] == ["message", "message", "result"]


def test_a_dry_run_has_its_answer_in_the_result_and_changes_nothing(shell: Shell) -> None:
    (result,) = _events(shell.run("out-of-service", "vg1", "-n", *LINES))
    assert [row["tag"] for row in result["answer"]["resources"]] == ["/data", "vg1/data", "vg1"]
    assert shell.port.calls == []


def test_each_look_of_status_is_an_answer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise Interruption("SIGTERM")

    monkeypatch.setattr(time, "sleep", pause)
    first, second, result = _events(shell.run("status", *LINES, "--watch", "5"))
    assert (first["event"], second["event"], looks) == ("answer", "answer", [5, 5])
    assert first["answer"]["roots"] == ["/data"]
    assert (result["exit"], result["answer"]) == (0, None)


class TestReaderGone:
    """The page was closed, say, in the middle of a change."""

    @pytest.fixture(autouse=True)
    def written(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        written: list[str] = []

        def write(text: str) -> bool:
            written.append(text)
            return len(written) < 2

        monkeypatch.setattr(session_module, "write", write)
        return written

    def test_the_change_is_taken_back(self, shell: Shell, monkeypatch: pytest.MonkeyPatch, written: list[str]) -> None:
        told: list[str] = []

        def make(_request: object, kit: Any) -> str:
            for step in ("one", "two", "three"):
                kit.tell(StepDone(1, 3, step))
                told.append(step)
            return "/data"

        monkeypatch.setattr(create, "create", make)
        assert shell.run("create", "/data", *LINES).exit_code == 1
        assert told == ["one"]
        assert len(written) == 2

    def test_it_is_interrupted_once_so_that_the_way_back_is_not(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        undone: list[str] = []

        def make(_request: object, kit: Any) -> str:
            try:
                kit.tell(StepDone(1, 2, "one"))
                kit.tell(StepDone(2, 2, "two"))
            except Interruption:
                kit.tell(StepDone(1, 1, "undo"))
                undone.append("all")
                raise
            return "/data"

        monkeypatch.setattr(create, "create", make)
        assert shell.run("create", "/data", *LINES).exit_code == 1
        assert undone == ["all"]


class TestAnswersOfMoves:
    def test_in_service_says_what_is_where_now(self, shell: Shell) -> None:
        shell.port.now = data_hierarchy(OSU)
        answer = json.loads(shell.run("in-service", "vg1", "--format", "json").stdout)
        assert (answer["action"], answer["tag"], answer["dry_run"]) == ("restore", "vg1", False)
        states = {row["tag"]: (row["server"], row["state"]) for row in answer["states"]}
        assert (states["vg1"], states["/data"]) == (("n1", "ISP"), ("n1", "OSU"))

    def test_out_of_service_does_too(self, shell: Shell) -> None:
        answer = json.loads(shell.run("out-of-service", "vg1", "--format", "json").stdout)
        assert {row["tag"]: row["state"] for row in answer["states"]} == dict.fromkeys(
            ("/data", "vg1/data", "vg1"), "OSU"
        )

    def test_as_text_the_engine_is_not_asked_again(self, shell: Shell) -> None:
        shell.run("out-of-service", "vg1")
        assert shell.port.overviews == 2

    def test_forget_says_which_were_known(self, shell: Shell, tmp_path: Path) -> None:
        lkvgs.add(paths(tmp_path).lkvgs, "vg8")
        answer = json.loads(shell.run("forget", "vg8", "vg9", "--format", "json").stdout)
        assert (answer["groups"], answer["forgotten"]) == (["vg8", "vg9"], ["vg8"])


def test_reconfigure_takes_the_digest_instead_of_yes_but_not_beside_lists(shell: Shell) -> None:
    assert shell.run("vg1", "a", "-", "--expect", "7f", command=adddelpv).exit_code == 2
    assert shell.run("vg1", "--expect", "-x", command=adddelpv).exit_code == 5

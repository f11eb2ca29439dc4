"""Where the guests of a demo end, and where they stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab import story
from lab.guests.errors import LabError

if TYPE_CHECKING:
    from unittest.mock import Mock

    from pytest_mock import MockerFixture


@pytest.fixture
def lab(mocker: MockerFixture) -> Mock:
    kind: Mock = mocker.patch.object(story, "Lab")
    kind.return_value.status.return_value = []
    return kind


@pytest.mark.parametrize("error", [None, LabError("no")])
def test_guests_end_with_the_demo_however_that_ends(
    lab: Mock, error: LabError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEP", "")
    try:
        with story.stage("demo"):
            if error:
                raise error
    except LabError:
        assert error
    lab.return_value.down.assert_called_once()
    assert lab.call_args.kwargs["owned"] is True


def test_guests_that_are_kept_are_the_labs_own_and_stay(
    lab: Mock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEEP", "1")
    with story.stage("demo"):
        pass
    lab.return_value.down.assert_not_called()
    assert (lab.call_args.args, lab.call_args.kwargs["owned"]) == ((None,), False)
    said = capsys.readouterr().out
    assert "tests/lab/lab down" in said
    assert "http://127.0.0.1:" in said


def test_guests_that_did_not_come_up_are_not_said_to_stay(
    lab: Mock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEEP", "1")
    lab.return_value.up.side_effect = LabError("no")
    with pytest.raises(LabError), story.stage("demo"):
        pass
    assert "stay up" not in capsys.readouterr().out


def test_guests_that_are_up_already_are_left_alone(lab: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP", "1")
    lab.return_value.status.return_value = [("node1", "running")]
    with pytest.raises(LabError, match="up already"), story.stage("demo"):
        pass
    lab.return_value.up.assert_not_called()
    lab.return_value.down.assert_not_called()

"""The report for support: it arrives whatever hangs, has no secret, and never takes the place of a file."""

from __future__ import annotations

import json
import os
import tarfile
import time
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.packages import ReportExists, ReportNotWritten
from lvmkit.model.secrets import HIDDEN, without_secrets
from lvmkit.model.settings import Paths
from lvmkit.storage import run as runner
from lvmkit.storage.run import Command
from lvmkit.workflow import report as module
from lvmkit.workflow.report import INDEX, Group, Part, ReportRequest, groups_of, report
from tests.unit.fakes import FakePort, Shell, data_hierarchy, numbers

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.model.messages import Message

SAYS = Command(("/usr/bin/printf", "%s", "all is well"))
HANGS = Command(("/usr/bin/sleep", "60"))
IS_NOT_THERE = Command(("/no/such/program",))


def part(name: str, command: Command) -> Part:
    return Part(name, command)


@pytest.fixture(autouse=True)
def asked(mocker: MockerFixture) -> None:
    """What is asked for: something that answers, something that hangs, something that is not installed; twice."""
    parts = (part("good", SAYS), part("hung", HANGS), part("absent", IS_NOT_THERE))
    later = (part("later", SAYS),)
    mocker.patch.object(module, "groups_of", return_value=(Group("all", parts), Group("more", later)))
    mocker.patch.object(runner, "TERM_GRACE", 0.1)


def made(path: Path, *, seconds: float = 0.3) -> module.Bundle:
    return report("/usr/sbin/lvmkit", ReportRequest(str(path), seconds), Paths(), told.append)


told: list[Message] = []


def contents(path: Path) -> dict[str, str]:
    """The files in an archive by their name without its first folder."""
    texts = {}
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert file is not None
            assert (member.mode, member.isreg(), member.name.startswith("lvmkit-report-")) == (0o600, True, True)
            texts[member.name.partition("/")[2]] = file.read().decode()
    return texts


def test_what_hangs_costs_its_own_part_and_no_more_than_the_time_of_its_group(tmp_path: Path) -> None:
    begun = time.monotonic()
    bundle = made(tmp_path / "r.tar.gz")
    assert time.monotonic() - begun < 10
    texts = contents(tmp_path / "r.tar.gz")
    assert (texts["good"], texts["later"], "hung" in texts) == ("all is well", "all is well", False)
    assert bundle.missing == ("hung",)
    assert "\nhung | 110062 " in texts[INDEX]
    assert "\nabsent | 110060 " in texts[INDEX]


def test_only_root_may_read_it_and_its_size_is_said(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        bundle = made(tmp_path / "r.tar.gz")
    finally:
        os.umask(before)
    facts = (tmp_path / "r.tar.gz").stat()
    assert (facts.st_mode & 0o777, facts.st_size) == (0o600, bundle.size)


@pytest.mark.parametrize("there", ["file", "link"])
def test_it_never_takes_the_place_of_a_file_nor_follows_a_link(tmp_path: Path, there: str) -> None:
    path = tmp_path / "r.tar.gz"
    if there == "file":
        path.write_text("precious")
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failure) as caught:
        made(path)
    assert isinstance(caught.value.messages[0], ReportExists)
    assert not (tmp_path / "elsewhere").exists()
    assert there == "link" or path.read_text() == "precious"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, mocker: MockerFixture) -> None:
    mocker.patch.object(os, "fsync", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(Failure) as caught:
        made(tmp_path / "r.tar.gz")
    message = caught.value.messages[0]
    assert isinstance(message, ReportNotWritten)
    assert (message.why, os.listdir(tmp_path)) == ("No space left on device", [])


def test_an_interrupted_report_leaves_nothing_behind(tmp_path: Path, mocker: MockerFixture) -> None:
    mocker.patch.object(module, "run_all", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "r.tar.gz")
    assert os.listdir(tmp_path) == []


def test_of_what_is_too_long_the_newest_is_kept_and_the_rest_is_named(tmp_path: Path, mocker: MockerFixture) -> None:
    mocker.patch.object(module, "LARGEST_PART", 4)
    bundle = made(tmp_path / "r.tar.gz")
    assert contents(tmp_path / "r.tar.gz")["good"] == "well"
    assert set(bundle.missing) == {"good", "hung", "later"}


def test_the_whole_is_bounded(tmp_path: Path, mocker: MockerFixture) -> None:
    mocker.patch.object(module, "LARGEST_WHOLE", 12)
    made(tmp_path / "r.tar.gz")
    texts = contents(tmp_path / "r.tar.gz")
    assert (texts["good"], texts["later"]) == ("all is well", "l")


def test_the_command_needs_no_engine_and_prints_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    shell = Shell(tmp_path, FakePort(data_hierarchy()), monkeypatch)
    mocker.patch.object(shell, "_open", side_effect=AssertionError("the engine was asked"))
    path = tmp_path / "r.tar.gz"
    result = shell.run("report", "-o", str(path), "--seconds", "1")
    assert (result.exit_code, result.stdout, numbers(result)) == (0, f"{path}\n", [110093, 110093, 110462])
    again = shell.run("report", "-o", str(path))
    assert (again.exit_code, numbers(again)) == (4, [110461])
    path.unlink()
    answer = json.loads(shell.run("report", "-o", str(path), "--seconds", "1", "--format", "json").stdout)
    assert (answer["path"], answer["missing"]) == (str(path), ["hung"])


def test_no_program_that_is_asked_changes_anything_or_shows_keys(mocker: MockerFixture) -> None:
    mocker.stopall()
    commands = [part.command.argv for group in groups_of("/usr/sbin/lvmkit", Paths()) for part in group.parts]
    assert all(argv[0].startswith("/") for argv in commands)
    words = {word for argv in commands for word in argv}
    assert not words & {"--showkeys", "--all", "--deep", "reconfigure", "check", "authkey"}
    assert not [word for word in words if "authkey" in word or "shadow" in word or "/.ssh" in word]


class TestSecrets:
    @pytest.mark.parametrize(
        "text",
        [
            "passwd=hush", "PASSWORD = hush", 'FENCE_PASSWORD="hush hush"', "username=me,password=hush,ro",
            "https://me:hush@host/x", "fence_ipmilan --password hush --ip 1.2.3.4", '"api_key": "hush"',
            "auth_token: hush", "-----BEGIN RSA PRIVATE KEY-----\nhush\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nhush and cut off",
            '<nvpair id="a" name="passwd" value="hush"/>', '<nvpair value="hush" id="a" name="secret_access_key"/>',
            '<primitive id="f" class="stonith" type="fence_x"><instance_attributes id="i"><nvpair id="n" name="login"'
            ' value="hush"/></instance_attributes></primitive>',
        ],
    )  # fmt: skip
    def test_it_is_left_out(self, text: str) -> None:
        assert "hush" not in without_secrets(text)
        assert HIDDEN in without_secrets(text)

    @pytest.mark.parametrize(
        "text",
        [
            '<nvpair id="a" name="vg" value="vg1"/>', "pass 1 of 2", "    token: 3000\n", "secauth: on",
            "vg1 data -wi-ao---- 1.00g",
            '<primitive id="f" class="stonith" type="fence_x"><instance_attributes id="i"><nvpair id="n"'
            ' name="pcmk_host_list" value="n1"/></instance_attributes></primitive>',
        ],
    )  # fmt: skip
    def test_what_is_none_stays(self, text: str) -> None:
        assert without_secrets(text) == text

    def test_a_secret_of_a_part_is_not_in_the_archive(self, tmp_path: Path, mocker: MockerFixture) -> None:
        parts = (part("conf", Command(("/usr/bin/printf", "%s", "password=hush"))),)
        mocker.patch.object(module, "groups_of", return_value=(Group("all", parts),))
        made(tmp_path / "r.tar.gz")
        assert contents(tmp_path / "r.tar.gz")["conf"] == f"password={HIDDEN}"

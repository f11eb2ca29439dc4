"""Action scripts: which one runs, how, and what its end means. Real scripts in a folder of the test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lvmkit.model.instance import Instance
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import ActionFailed, ActionHung, ScriptRefused
from lvmkit.model.messages.guide import TypeNotInstalled
from lvmkit.model.settings import Paths, Settings
from lvmkit.resources import scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Started

VG = Instance("n1", "scsi", "lvmvg", "the tag", "lvmvg-my vg")
DISK = Instance("n1", "scsi", "disk", "sda", "/dev/sda")
OWN = "subsys/scsi/resources/lvmvg/actions"
SHARED = "subsys/scsi/actions"
ROOT = os.geteuid() == 0


@pytest.fixture
def paths(disk_path: Path) -> Paths:
    return Paths(lkroot=f"{disk_path}/lk")


def script(paths: Paths, folder: str, action: str, body: str) -> Path:
    path = Path(paths.lkroot, folder, action)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def perform(paths: Paths, instance: Instance = VG, action: str = "restore", deadline: float = 10.0) -> None:
    scripts.perform(instance, action, paths, Settings(action_deadline=deadline, check_interval=77))


def refused(paths: Paths, instance: Instance = VG, action: str = "restore", deadline: float = 10.0) -> Message:
    with pytest.raises(Failure) as caught:
        perform(paths, instance, action, deadline)
    return caught.value.messages[0]


def test_the_script_gets_tag_and_id_and_a_known_environment(paths: Paths, tmp_path: Path) -> None:
    script(
        paths, OWN, "restore", f'printf "%s\\n" "$@" "$LKROOT" "$LKCHECKINTERVAL" "$HOME." "$PATH" > {tmp_path}/seen'
    )
    perform(paths)
    seen = (tmp_path / "seen").read_text().splitlines()
    assert seen == ["-t", "the tag", "-i", "lvmvg-my vg", paths.lkroot, "77", ".", "/usr/sbin:/usr/bin:/sbin:/bin"]


def test_where_a_core_is_the_engine_its_kits_scripts_run_with_its_root(paths: Paths, tmp_path: Path) -> None:
    own = Paths(lkroot=f"{tmp_path}/package", core=paths.lkroot)
    script(own, OWN, "restore", "exit 1")
    script(paths, OWN, "restore", f"echo $LKROOT > {tmp_path}/seen")
    admin = script(paths, "lkadm/subsys/scsi/lvmvg/bin", "extend", "exit 0")
    perform(own)
    assert (tmp_path / "seen").read_text() == f"{paths.lkroot}\n"
    assert scripts.find_administration(VG, "extend", own) == str(admin)


def test_the_script_of_the_type_goes_before_the_one_of_the_application(paths: Paths, tmp_path: Path) -> None:
    script(paths, SHARED, "restore", f"echo shared >> {tmp_path}/log")
    perform(paths)
    script(paths, OWN, "restore", f"echo own >> {tmp_path}/log")
    perform(paths)
    assert (tmp_path / "log").read_text() == "shared\nown\n"


def test_it_is_the_leader_of_its_own_process_group(paths: Paths, tmp_path: Path) -> None:
    script(paths, OWN, "restore", f"read -r _ _ _ _ group _ < /proc/$$/stat; echo $(( group == $$ )) > {tmp_path}/log")
    perform(paths)
    assert (tmp_path / "log").read_text() == "1\n"


def test_its_output_is_passed_on_to_stderr(paths: Paths, capfd: pytest.CaptureFixture[str]) -> None:
    script(paths, OWN, "restore", "echo to stdout; echo to stderr >&2")
    perform(paths)
    assert capfd.readouterr() == ("", "to stdout\nto stderr\n")


def test_stderr_that_nobody_reads_does_not_stop_it(paths: Paths, tmp_path: Path) -> None:
    script(paths, OWN, "restore", f"echo to stderr >&2; echo done > {tmp_path}/log")
    reader, writer = os.pipe()
    os.close(reader)
    kept = os.dup(2)
    os.dup2(writer, 2)
    try:
        perform(paths)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(writer)
    assert (tmp_path / "log").read_text() == "done\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("exit 3", "exit status 3"),
        ("kill -9 $$", "signal 9"),
        (
            """echo 'restore[1]: ERROR:lvmvg:restore:vg:110013:not found' >&2
            echo 'restore[1]: ERROR:lvmvg:restore:vg:110014:lacks: a, b' >&2
            echo 'restore[1]: WARN:lvmvg:restore:vg:110019:careful' >&2
            echo 'restore[1]: INFO:lvmvg:restore:vg:110012:END' >&2; exit 1""",
            "exit status 1: 110014 lacks: a, b",
        ),
    ],
)
def test_a_failure_carries_the_last_error_of_the_script(paths: Paths, body: str, status: str) -> None:
    script(paths, OWN, "remove", body)
    assert refused(paths, action="remove") == ActionFailed("remove", "the tag", status)


def test_only_numbered_errors_count() -> None:
    assert scripts.last_error("x: ERROR:a:b:c:11001:short\nERROR: no\nx: ERROR:a:b:c:11001x:odd\n\udcff") == ""
    assert scripts.last_error("x[1]: FATAL:a:b:c:000023: why\n") == ": 000023 why"


def test_a_script_that_hangs_is_killed_with_all_it_started(paths: Paths, started: Started) -> None:
    script(paths, OWN, "restore", f"sleep 60 & echo $$ $! > {started.fifo}; wait")
    assert refused(paths, deadline=0.02) == ActionHung("restore", "the tag", 0.02, "killed")
    assert len(started.handles) == 2
    assert started.all_end()


def test_a_type_without_the_script_has_nothing_to_do(paths: Paths) -> None:
    perform(paths, DISK)


@pytest.mark.parametrize("kind", ["lvmvg", "lvmlv", "filesys"])
def test_a_type_that_needs_its_script_is_not_installed_without(paths: Paths, kind: str) -> None:
    assert refused(paths, Instance("n1", "scsi", kind, "t", "i")) == TypeNotInstalled(kind, "n1")


@pytest.mark.parametrize("action", ["../restore", "", "-x", "a b"])
def test_an_action_cannot_lead_out_of_its_folder(paths: Paths, action: str) -> None:
    assert refused(paths, action=action) == InvalidName(action, "action")


def others(path: Path) -> None:
    os.chown(path, 65534, 65534)


def writable_by_the_group(path: Path) -> None:
    path.chmod(0o775)


def writable_by_all(path: Path) -> None:
    path.chmod(0o757)


def not_executable(path: Path) -> None:
    path.chmod(0o644)


def in_an_open_folder(path: Path) -> None:
    path.parents[2].chmod(0o777)


def behind_a_link_into_an_open_folder(path: Path) -> None:
    elsewhere = path.parents[4] / "open"
    elsewhere.mkdir()
    path.rename(elsewhere / "restore")
    elsewhere.chmod(0o777)
    path.symlink_to(elsewhere / "restore")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(others, marks=pytest.mark.skipif(not ROOT, reason="only root can give files away")),
        writable_by_the_group,
        writable_by_all,
        not_executable,
        in_an_open_folder,
        behind_a_link_into_an_open_folder,
        a_folder,
        a_link_to_nothing,
    ],
)
def test_what_others_could_have_put_there_is_not_run(
    paths: Paths, spoil: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    path = script(paths, OWN, "restore", "echo ran")
    spoil(path)
    answer = refused(paths)
    assert isinstance(answer, ScriptRefused)
    assert answer.path == str(path)
    assert capfd.readouterr().out == ""


def test_a_link_that_stays_among_trusted_folders_runs(paths: Paths, tmp_path: Path) -> None:
    real = script(paths, OWN, "remove", f'echo "$0" > {tmp_path}/log')
    (real.parent / "restore").symlink_to("remove")
    perform(paths)
    assert (tmp_path / "log").read_text().strip().endswith("actions/restore")

"""The lab keeps its promises; every other test in this folder relies on them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.audit import Writing
from lab.guests import agent, channel
from lab.guests.errors import LabError
from lab.guests.guest import Guest
from lab.guests.lab import CommandFailedError, Lab

pytestmark = pytest.mark.slow

ALL_BYTES = bytes(range(1, 256))


def test_the_exit_code_passes(bare_guest: Guest) -> None:
    assert bare_guest.run("sh", "-c", "exit 7", check=False).returncode == 7


def test_a_signal_is_an_exit_code_of_128_and_more(bare_guest: Guest) -> None:
    assert bare_guest.run("sh", "-c", "kill -9 $$", check=False).returncode == 137


def test_a_missing_program_is_127(bare_guest: Guest) -> None:
    result = bare_guest.run("no-such-program", check=False)
    assert (result.returncode, "no-such-program" in result.stderr) == (127, True)


def test_a_failure_raises_with_what_was_said(bare_guest: Guest) -> None:
    with pytest.raises(CommandFailedError, match="sorry"):
        bare_guest.sh("echo sorry >&2; exit 1")


def test_output_and_errors_are_kept_apart(bare_guest: Guest) -> None:
    result = bare_guest.sh("echo out; echo err >&2")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_any_byte_passes_unchanged(bare_guest: Guest) -> None:
    result = bare_guest.run("printf", "%s", ALL_BYTES)
    assert os.fsencode(result.stdout) == ALL_BYTES


def test_a_lot_of_input_and_output_passes(bare_guest: Guest) -> None:
    data = os.urandom(1 << 20)
    assert os.fsencode(bare_guest.run("cat", stdin=data).stdout) == data


def test_a_command_that_does_not_read_its_input_ends(bare_guest: Guest) -> None:
    assert bare_guest.run("true", stdin=bytes(1 << 20)).returncode == 0


def test_a_daemon_does_not_keep_a_command_from_ending(bare_guest: Guest) -> None:
    assert bare_guest.sh("sleep 1000 & echo started", timeout=10).stdout == "started\n"


def test_a_command_that_takes_too_long_is_killed(bare_guest: Guest) -> None:
    result = bare_guest.run("sleep", "1000", timeout=1, check=False)
    assert (result.returncode, bare_guest.run("pgrep", "-x", "sleep", check=False).stdout) == (124, "")


def test_a_command_is_not_taken_for_one_before_it_whose_client_hung_up(bare_guest: Guest) -> None:
    for _ in range(20):
        Writing(bare_guest.lab, 1, "/root/records", pause=0.0).start().stop()
        assert bare_guest.run("echo", "here", check=False).stdout == "here\n"


def test_a_command_ends_when_its_client_dies(bare_guest: Guest) -> None:
    folder = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, folder / "lab", "--name", bare_guest.lab.name, "run", "1", "--", "sleep", "1000"]
    ) as client:
        bare_guest.sh("until pgrep -x sleep; do sleep 0.1; done")
        client.kill()
    bare_guest.sh("while pgrep -x sleep; do sleep 0.1; done", timeout=10)


def test_a_client_that_died_within_a_frame_does_no_harm(bare_guest: Guest) -> None:
    port = sorted(bare_guest.lab.run_folder.glob("node1/port*.sock"))[0]
    session = channel.Session(port)
    session.greet(0.0, deadline=10)
    session.send_raw(agent.HEADER.pack(agent.REQUEST, 4000) + b"cut")
    session.close()
    assert [bare_guest.run("echo", "fine").stdout for _ in range(3)] == ["fine\n"] * 3


def test_a_paused_guest_is_a_timeout_and_goes_on_later(bare_guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "GRACE", 1.0)
    bare_guest.lab.pause(1)
    assert bare_guest.run("true", timeout=1, check=False).returncode == 124
    bare_guest.lab.resume(1)
    assert bare_guest.run("true").returncode == 0


def test_files_are_copied_with_their_mode(bare_guest: Guest, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(ALL_BYTES)
    source.chmod(0o750)
    bare_guest.lab.copy(1, source, "/root/copied")
    bare_guest.lab.fetch(1, "/root/copied", target)
    assert (bare_guest.run("stat", "-c", "%a", "/root/copied").stdout, target.read_bytes()) == ("750\n", ALL_BYTES)


def test_a_file_that_is_not_there_can_not_be_fetched(bare_guest: Guest, tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="No such file"):
        bare_guest.lab.fetch(1, "/no/such/file", tmp_path / "target")


def test_the_clock_is_right_after_a_reset(bare_guest: Guest) -> None:
    assert abs(float(bare_guest.run("date", "+%s.%N").stdout) - time.time()) < 2


def test_reset_restores_files_and_disks(bare_guest: Guest) -> None:
    shared, private = bare_guest.disk("SHARED1"), bare_guest.disk("PRIVATE1")
    bare_guest.sh('touch /root/mark; for disk; do echo mark > "$disk"; done; sync', shared, private)
    bare_guest.lab.reset()
    assert bare_guest.run("test", "-e", "/root/mark", check=False).returncode == 1
    assert bare_guest.run("head", "-qc4", shared, private).stdout == "\0" * 8


def test_reset_goes_back_to_a_label(bare_guest: Guest) -> None:
    disk = bare_guest.disk("SHARED2")
    bare_guest.sh('echo first > "$1"; sync; echo first > /run/state', disk)
    bare_guest.lab.save("first")
    bare_guest.sh('echo other > "$1"; sync; echo other > /run/state', disk)
    bare_guest.lab.reset("first")
    assert bare_guest.run("head", "-qn1", disk, "/run/state").stdout == "first\nfirst\n"


def test_an_unknown_label_is_refused_and_nothing_is_lost(bare_guest: Guest) -> None:
    bare_guest.run("touch", "/run/mark")
    with pytest.raises(LabError, match="no such saved state"):
        bare_guest.lab.reset("unknown")
    bare_guest.run("test", "-e", "/run/mark")


def test_a_lost_disk_is_gone_and_comes_back_with_its_content(bare_guest: Guest) -> None:
    disk = bare_guest.disk("SHARED3")
    bare_guest.sh('echo kept > "$1"; sync', disk)
    bare_guest.lose_disk("SHARED3")
    assert bare_guest.run("head", "-n1", disk, check=False).returncode != 0
    bare_guest.bring_disk_back("SHARED3")
    assert bare_guest.run("head", "-n1", bare_guest.disk("SHARED3")).stdout == "kept\n"


def test_a_failing_disk_gives_errors_until_it_is_healed(bare_guest: Guest) -> None:
    read = ("dd", f"if={bare_guest.disk('SHARED1')}", "of=/dev/null", "iflag=direct", "bs=4k", "count=1")
    bare_guest.lab.fail_disk(1, "SHARED1")
    assert "Input/output error" in bare_guest.run(*read, check=False).stderr
    bare_guest.lab.heal_disk(1, "SHARED1")
    bare_guest.run(*read)


def test_a_hanging_disk_lets_its_users_wait_until_it_resumes(bare_guest: Guest) -> None:
    read = ("dd", f"if={bare_guest.disk('PRIVATE1')}", "of=/dev/null", "iflag=direct", "bs=4k", "count=2")
    bare_guest.lab.hang_disk(1, "PRIVATE1")
    result = bare_guest.run(*read, timeout=1, check=False)
    assert (result.returncode, "abandoned" in result.stderr) == (124, True)
    bare_guest.lab.resume_disk(1, "PRIVATE1")
    bare_guest.run(*read)


def test_a_saved_state_remembers_a_lost_disk(bare_guest: Guest) -> None:
    bare_guest.lose_disk("SHARED4")
    bare_guest.lab.save("without")
    bare_guest.bring_disk_back("SHARED4")
    bare_guest.lab.reset("without")
    assert bare_guest.lab.status() == [("node1", "running, lost: SHARED4")]
    bare_guest.bring_disk_back("SHARED4")


def test_what_kept_services_from_starting_while_the_image_was_built_is_no_part_of_a_guest(bare_guest: Guest) -> None:
    assert bare_guest.run("find", "/usr/sbin/policy-rc.d", "/sbin/start-stop-daemon.REAL", check=False).stdout == ""
    assert "Usage" in bare_guest.run("/sbin/start-stop-daemon", "--help").stdout


def test_lvm_works_on_the_disks(bare_guest: Guest) -> None:
    bare_guest.run("vgcreate", "vg", bare_guest.disk("SHARED1"), bare_guest.disk("SHARED2"))
    bare_guest.run("lvcreate", "-n", "lv", "-L", "20M", "vg")
    assert bare_guest.run("dmsetup", "info", "-c", "--noheadings", "-o", "name").stdout == "vg-lv\n"


def test_an_instance_does_not_survive_its_owner(lab: Lab) -> None:
    owner = (
        "import sys, os, signal; from lab.guests.lab import Lab; it = Lab(sys.argv[1], owned=True); it.up();"
        "print(it.run_folder, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", owner, f"{lab.name} owner"],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    folder = Path(done.stdout.strip())
    Lab(lab.name)
    assert (done.returncode, folder.is_absolute(), folder.exists()) == (-9, True, False)

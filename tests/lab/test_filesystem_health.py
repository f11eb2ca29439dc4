"""File systems that a real kernel has given up, froze, or keeps for somebody whom nobody sees at first."""

from __future__ import annotations

import time

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_service import action, guest_in, held, numbers, quick_check, settings

EXT, XFS = "/srv/ext", "/srv/xfs"
EXT_LV = "vg1/ext"
SERVE = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq vg1 {BY_ID}SHARED1 {BY_ID}SHARED2
lvcreate -qqy -L 48M -n ext vg1
lvcreate -qqy -L 96M -n xfs vg1
lvcreate -qqy -L 16M -n free vg1
mkfs.ext4 -q /dev/vg1/ext; mkfs.ext4 -q /dev/vg1/free; mkfs.xfs -q --unsupported /dev/vg1/xfs
mkdir -p {EXT} {XFS} /srv/free
mount -o errors=remount-ro /dev/vg1/ext {EXT}; mount /dev/vg1/xfs {XFS}
lvmkit -q create {EXT}; lvmkit -q create {XFS}
date > {EXT}/file; date > {XFS}/file
sync
"""
ERROR = "echo 1 > /sys/fs/ext4/$(basename $(readlink -e /dev/vg1/{}))/trigger_fs_error; sleep 0.5"
IMPATIENT = {
    "LVMKIT_PROBE_DEADLINE": 2,
    "LVMKIT_DEEP_DEADLINE": 4,
    "LVMKIT_COMMAND_DEADLINE": 10,
    "LVMKIT_BUSY_PATIENCE": 1,
}
NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups"
FILL = "head -c 1G /dev/zero > /run/full || true"


def _serve(guest: Guest) -> None:
    guest.sh(SERVE, timeout=120)
    settings(guest, **IMPATIENT)


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    """An ext4 that stops writing at errors and an XFS, protected and in service, and an ext4 that nobody protects."""
    return guest_in(pushed_lab, "health", _serve)


def _deep(guest: Guest, point: str) -> list[list[str]]:
    """(tag, number) of what a deep check finds."""
    table = guest.run("lvmkit", "--quiet", "check", point, "--deep", check=False).stdout
    return [line.split()[1:3] for line in table.splitlines()]


# ---- given up


@pytest.mark.both
def test_an_ext4_that_stopped_writing_is_a_fault_and_comes_back_when_it_is_mounted_again(served: Guest) -> None:
    assert quick_check(served, "filesys", EXT) == []
    served.sh(ERROR.format("ext"))
    assert served.run("touch", f"{EXT}/more", check=False).returncode != 0
    assert quick_check(served, "filesys", EXT) == ["110315"]
    assert _deep(served, EXT) == [[EXT, "110315"]]
    assert numbers(action(served, "filesys", "restore", EXT))[0] == "110315"
    assert action(served, "filesys", "remove", EXT).returncode == 0
    assert action(served, "filesys", "restore", EXT).returncode == 0
    served.run("touch", f"{EXT}/more")
    assert quick_check(served, "filesys", EXT) == []


@pytest.mark.both
def test_an_ext4_that_goes_on_after_errors_is_warned_of(served: Guest) -> None:
    served.sh(f"mount -o remount,errors=continue {EXT}; {ERROR.format('ext')}; touch {EXT}/more")
    assert quick_check(served, "filesys", EXT) == ["110316"]


def test_an_aborted_journal_is_a_fault(served: Guest) -> None:
    served.sh(f"mount -o remount,errors=continue,abort {EXT}; sleep 0.5")
    assert quick_check(served, "filesys", EXT)[0] in ("110050", "110315")
    assert action(served, "filesys", "remove", EXT).returncode == 0


@pytest.mark.both
def test_an_xfs_that_is_shut_down_is_a_fault_and_comes_back_when_it_is_mounted_again(served: Guest) -> None:
    served.sh(f"xfs_io -x -c shutdown {XFS}")
    assert quick_check(served, "filesys", XFS) == ["110315"]
    assert action(served, "filesys", "remove", XFS).returncode == 0
    assert action(served, "filesys", "restore", XFS).returncode == 0
    assert quick_check(served, "filesys", XFS) == []


def test_a_check_of_an_xfs_answers_at_once_while_its_disk_hangs(served: Guest) -> None:
    served.sh(f"dmsetup suspend --noflush --nolockfs vg1-xfs; (cd {XFS}; touch a b c; sync) & sleep 1; echo")
    begun = time.monotonic()
    assert quick_check(served, "filesys", XFS) == []
    assert time.monotonic() - begun < 3
    served.sh("dmsetup resume vg1-xfs")


@pytest.mark.both
def test_a_file_system_that_is_given_up_is_not_protected_and_one_that_was_mounted_anew_is(served: Guest) -> None:
    served.sh(f"mount -o errors=remount-ro /dev/vg1/free /srv/free; {ERROR.format('free')}")
    refused = served.run("lvmkit", "create", "/srv/free", check=False)
    assert (refused.returncode != 0, numbers(refused, "ERROR")[0]) == (True, "110315")
    assert "/srv/free" not in served.run("lvmkit", "status").stdout
    served.sh("umount /srv/free; sleep 2; mount -o errors=remount-ro /dev/vg1/free /srv/free")
    served.run("lvmkit", "create", "/srv/free")
    assert quick_check(served, "filesys", "/srv/free") == []


# ---- kept


@pytest.mark.slow
@pytest.mark.both
def test_a_frozen_file_system_is_let_go(served: Guest) -> None:
    served.sh(f"fsfreeze -f {EXT}; fsfreeze -f {XFS}")
    out = served.run("lvmkit", "out-of-service", "vg1", timeout=120)
    assert numbers(out) == ["110318", "110318"]
    assert held(served, "vg1") == []
    served.run("lvmkit", "in-service", EXT)
    assert quick_check(served, "filesys", EXT) == []


@pytest.mark.both
@pytest.mark.parametrize("point", [EXT, XFS])
@pytest.mark.slow
def test_what_stays_frozen_is_seen_by_the_deep_check_and_goes_out_of_service(served: Guest, point: str) -> None:
    served.sh(f"fsfreeze -f {point}")
    assert quick_check(served, "filesys", point) == []
    for _ in range(2):
        assert _deep(served, point) == [[point, "110353"]]
    assert numbers(action(served, "filesys", "remove", point)) == ["110318"]
    assert action(served, "filesys", "restore", point).returncode == 0
    assert _deep(served, point) == []


@pytest.mark.both
@pytest.mark.slow
def test_who_waits_to_write_to_a_frozen_file_system_is_ended_with_it(served: Guest) -> None:
    served.sh(f"exec 3>> {EXT}/file; fsfreeze -f {EXT}; (setsid sh -c 'echo more >&3' &)")
    served.sh(f"(setsid sh -c 'date > {EXT}/more' &); sleep 1; grep -l 'State:.D' /proc/[0-9]*/status")
    removed = action(served, "filesys", "remove", EXT)
    assert (removed.returncode, "110318" in numbers(removed)) == (0, True)
    assert action(served, "lvmlv", "remove", EXT_LV).returncode == 0


@pytest.mark.slow
def test_a_moment_of_a_snapshot_is_no_freeze(served: Guest) -> None:
    snapshots = "lvcreate -qqy -s -L 4M -n snap vg1/ext; lvremove -qqy vg1/snap"
    served.sh(f"(for i in 1 2 3 4; do {snapshots}; done) > /root/log 2>&1 &")
    for _ in range(3):
        assert _deep(served, EXT) == []


def test_a_frozen_volume_that_was_unmounted_by_hand_is_named(served: Guest) -> None:
    served.sh(f"fsfreeze -f {EXT}; umount {EXT}")
    assert numbers(action(served, "lvmlv", "remove", EXT_LV), "ERROR") == ["110317", "110012"]
    assert numbers(action(served, "filesys", "remove", EXT)) == ["110318"]
    assert action(served, "lvmlv", "remove", EXT_LV).returncode == 0


def test_a_plain_users_mount_namespace_does_not_keep_a_volume(served: Guest) -> None:
    served.sh(f"{NOBODY} unshare -Urm --propagation private sleep 600 & sleep 1; echo")
    served.sh(f"umount {EXT}")
    named = action(served, "lvmlv", "remove", EXT_LV)
    assert numbers(named, "ERROR") == ["110021", "110012"]
    assert "in the mount namespace of process" in named.stderr
    out = served.run("lvmkit", "out-of-service", "vg1", timeout=120)
    assert "110025" in numbers(out)
    assert held(served, "vg1") == []


def test_a_service_in_a_sandbox_is_ended_like_every_user(served: Guest) -> None:
    served.sh(
        f"systemd-run -q --unit sandboxed -p PrivateTmp=yes sh -c 'exec sleep 1000 3>> {EXT}/file'; sleep 1;"
        " systemctl is-active sandboxed"
    )
    removed = action(served, "filesys", "remove", EXT)
    assert (removed.returncode, numbers(removed)) == (0, ["110025"])


def test_who_uses_what_was_unmounted_lazily_is_named(served: Guest) -> None:
    served.sh(f"sleep 1000 3>> {EXT}/file & sleep 0.5; umount -l {EXT}")
    named = action(served, "lvmlv", "remove", EXT_LV)
    assert numbers(named, "ERROR") == ["110021", "110012"]
    assert "(sleep): open file of a file system that was unmounted" in named.stderr


# ---- the kit itself


@pytest.mark.parametrize(
    "called", [f"cd {EXT}; lvmkit out-of-service vg1; exit $?", f"lvmkit out-of-service vg1 2>&1 | tee {EXT}/log"]
)
def test_a_command_that_is_called_from_within_says_so_and_ends_nobody(served: Guest, called: str) -> None:
    result = served.run("/bin/bash", "-o", "pipefail", "-c", called, check=False)
    assert result.returncode != 0
    assert "110350" in result.stdout + result.stderr
    assert "110025" not in result.stdout + result.stderr
    assert len(held(served, "vg1")) == 3
    assert quick_check(served, "filesys", EXT) == []


def test_a_full_run_keeps_no_stop_from_its_work(served: Guest) -> None:
    assert action(served, "filesys", "remove", EXT).returncode == 0
    served.sh(FILL)
    down = action(served, "lvmlv", "remove", EXT_LV)
    assert (down.returncode, numbers(down)) == (0, ["110351"])
    assert "vg1-ext" not in held(served, "vg1")


@pytest.mark.both
def test_a_start_with_a_full_run_is_refused_before_anything_is_up_and_works_once_there_is_room(served: Guest) -> None:
    for kind, tag in (("filesys", EXT), ("lvmlv", EXT_LV)):
        assert action(served, kind, "remove", tag).returncode == 0
    served.sh(FILL)
    begun = time.monotonic()
    refused = action(served, "lvmlv", "restore", EXT_LV)
    assert numbers(refused, "ERROR") == ["110352", "110012"]
    assert time.monotonic() - begun < IMPATIENT["LVMKIT_COMMAND_DEADLINE"]
    assert "vg1-ext" not in held(served, "vg1")
    served.sh("rm /run/full")
    for kind, tag in (("lvmlv", EXT_LV), ("filesys", EXT)):
        assert action(served, kind, "restore", tag).returncode == 0
    assert quick_check(served, "filesys", EXT) == []


@pytest.mark.both
@pytest.mark.slow
def test_a_udev_that_does_not_work_keeps_no_start_from_its_work(served: Guest) -> None:
    for kind, tag in (("filesys", EXT), ("lvmlv", EXT_LV)):
        assert action(served, kind, "remove", tag).returncode == 0
    served.sh("kill -STOP $(pidof systemd-udevd)")
    up = action(served, "lvmlv", "restore", EXT_LV)
    assert (up.returncode, numbers(up)) == (0, ["110355"])
    assert action(served, "filesys", "restore", EXT).returncode == 0
    assert quick_check(served, "filesys", EXT) == []
    for kind, tag in (("filesys", EXT), ("lvmlv", EXT_LV)):
        assert action(served, kind, "remove", tag).returncode == 0
    served.sh("kill -CONT $(pidof systemd-udevd); udevadm settle")
    for kind, tag in (("lvmlv", EXT_LV), ("filesys", EXT)):
        assert action(served, kind, "restore", tag).returncode == 0
    assert quick_check(served, "filesys", EXT) == []

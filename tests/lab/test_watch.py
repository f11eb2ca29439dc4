"""The watcher on one server, with a real kernel that tells it of real disks."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_service import TAG, VG, held, same_data, settings, states
from lab.helpers_watch import (
    BEGIN,
    DELETE,
    INTERVAL,
    LOST,
    TIMER,
    UNIT,
    delete,
    first,
    main_pid,
    now,
    numbers_said,
    said,
    seen,
    spent,
    watched_in,
)

DATA, WWW = "/srv/data--x", "/srv/www"
IN_SERVICE = ("ISP", "")
TURNS = 10
SOON = 3.0
"""seconds of an emulated guest from what happens to what the engine does about it"""
BEFORE_THE_INTERVAL = 8.0
"""seconds of a guest that is not alone on its machine, in which no look is due but one that was called for"""
ALARMS = {"110040", "110041", "110042", "110043", "110044", "110047", "110049", "110090", "110326"}
STORM = 'for turn in $(seq 2500); do echo change > /sys/block/"${2#/dev/}"/uevent; done'
NO_UDEV = "systemctl stop systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udevd.service"
"""which would take minutes for a storm, in a guest"""


@pytest.fixture
def watched(pushed_lab: Lab) -> Guest:
    """Everything is in service, and the watcher looks after it alone: the timer is stopped."""
    return watched_in(pushed_lab)


# ---- how soon


@pytest.mark.both
@pytest.mark.slow
def test_a_disk_that_vanishes_below_a_mounted_file_system_is_acted_on_within_seconds_each_time(
    pushed_lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    acted, decided = [], []
    for _ in range(TURNS):
        guest = watched_in(pushed_lab)
        moment = delete(guest, "SHARED1")
        time.sleep(10)
        acted.append(first(guest, LOST, moment))
        decided.append(first(guest, "110326", moment))
        assert seen(guest)[TAG] == "fail"
    record_property("acted on after seconds", sorted(acted))
    record_property("decided after seconds", sorted(decided))
    assert max(acted) < SOON, (sorted(acted), sorted(decided))


def test_what_was_unmounted_is_mounted_again_at_once_and_counted(watched: Guest) -> None:
    moment = now(watched)
    watched.sh(f"umount {WWW}; until mountpoint -q {WWW}; do sleep 0.1; done", timeout=30)
    assert first(watched, "110090", moment) < BEFORE_THE_INTERVAL
    time.sleep(2)
    assert numbers_said(watched, moment).count("110092") == 1
    assert same_data(watched)
    assert set(states(watched, WWW).values()) == {IN_SERVICE}


@pytest.mark.slow
def test_a_disk_that_comes_back_lets_everything_be_recovered(watched: Guest) -> None:
    moment = now(watched)
    watched.lose_disk("SHARED2")
    time.sleep(8)
    assert "110326" in numbers_said(watched, moment)
    moment = now(watched)
    watched.bring_disk_back("SHARED2")
    deadline = time.monotonic() + 60
    while set(states(watched, WWW).values()) != {IN_SERVICE} or not same_data(watched):
        assert time.monotonic() < deadline, said(watched, moment)
        time.sleep(1)
    assert "110092" in numbers_said(watched, moment)


@pytest.mark.both
@pytest.mark.slow
def test_an_error_that_makes_an_ext4_read_only_is_seen_at_once(watched: Guest) -> None:
    watched.sh(f"mount -o remount,errors=remount-ro {WWW}")
    time.sleep(2)
    moment = now(watched)
    watched.sh(f"echo 1 > /sys/fs/ext4/$(basename $(readlink -e /dev/{VG}/www))/trigger_fs_error")
    assert first(watched, "110315", moment) < BEFORE_THE_INTERVAL


# ---- nothing is missed


def test_one_that_is_killed_while_the_disk_goes_finds_it_when_it_begins_again(watched: Guest) -> None:
    pid = main_pid(watched)
    watched.sh(f"kill -KILL {pid}")
    moment = delete(watched, "SHARED1")
    time.sleep(12)
    assert main_pid(watched) not in (0, pid)
    first(watched, "110043", moment)


@pytest.mark.slow
def test_one_that_is_stopped_while_the_disk_goes_finds_it_when_it_goes_on(watched: Guest) -> None:
    pid = main_pid(watched)
    watched.sh(f"kill -STOP {pid}")
    moment = delete(watched, "SHARED1")
    time.sleep(6)
    assert numbers_said(watched, moment) == []
    going_on = now(watched)
    watched.sh(f"kill -CONT {pid}")
    assert first(watched, "110043", going_on) < BEFORE_THE_INTERVAL
    assert main_pid(watched) == pid


@pytest.mark.slow
def test_one_that_stays_stopped_is_replaced_by_systemd(watched: Guest) -> None:
    pid = main_pid(watched)
    watched.sh(f"kill -STOP {pid}")
    moment = delete(watched, "SHARED1")
    time.sleep(100)
    assert main_pid(watched) not in (0, pid)
    first(watched, "110043", moment)


@pytest.mark.both
@pytest.mark.slow
def test_more_events_than_the_socket_holds_hide_nothing(watched: Guest) -> None:
    pid, disks = main_pid(watched), (watched.disk("SHARED1"), watched.disk("PRIVATE2"))
    watched.sh(NO_UDEV)
    moment = now(watched)
    watched.sh(f"kill -STOP {pid}; {STORM}; {DELETE}; {STORM}; kill -CONT {pid}", *disks, timeout=300)
    time.sleep(10)
    assert {"110373", "110043"} <= set(numbers_said(watched, moment))


@pytest.mark.slow
def test_a_storm_of_events_starves_neither_the_watcher_nor_the_server(watched: Guest) -> None:
    before = int(watched.sh(f"systemctl show --property=CPUUsageNSec --value {UNIT}").stdout)
    begun = time.monotonic()
    watched.sh("for turn in $(seq 4); do udevadm trigger; udevadm settle; done", timeout=300)
    seconds = time.monotonic() - begun
    spent = int(watched.sh(f"systemctl show --property=CPUUsageNSec --value {UNIT}").stdout) - before
    assert spent / 1e9 < 0.5 * seconds
    moment = delete(watched, "SHARED1")
    assert first(watched, "110043", moment) < BEFORE_THE_INTERVAL


# ---- what is no fault


@pytest.mark.slow
def test_taking_it_out_of_service_and_back_is_no_fault(watched: Guest) -> None:
    moment = now(watched)
    for words in (("out-of-service", TAG), ("in-service", DATA), ("in-service", WWW)):
        watched.run("lvmkit", "-q", *words, timeout=120)
        time.sleep(3)
    assert ALARMS.isdisjoint(numbers_said(watched, moment))
    assert set(states(watched, WWW).values()) == {IN_SERVICE}


LOAD = f"while :; do dd if=/dev/urandom of={DATA}/load bs=256k count=16 oflag=direct status=none; done"
ROUNDS = r"""
vg=$1 from=$2 to=$3
mapped() { echo "$vg" | sed s/-/--/g; }
for turn in $(seq "$from" "$to"); do
    case $((turn % 10)) in
        0) lvcreate -qq -s -L 8M -n night "$vg"/data--x; lvremove -qq -y "$vg"/night ;;
        1) if [ $((turn % 60)) = 1 ]; then lvextend -qq -l +1 "$vg"/data--x; fi ;;
        2) for disk in /sys/block/sd*; do echo 1 > "$disk"/device/rescan; done ;;
        3) dmsetup suspend "$(mapped)"-data----x; sleep 0.2; dmsetup resume "$(mapped)"-data----x ;;
        4) udevadm trigger --subsystem-match=block ;;
        5) pvscan -qq --cache ;;
        6) mount -o remount,noatime /srv/www; mount -o remount,relatime /srv/www ;;
        7) echo '- - -' > /sys/class/scsi_host/host0/scan ;;
        8) lvcreate -qq -y -L 4M -n scratch "$vg"; lvremove -qq -y "$vg"/scratch ;;
        9) mount -t tmpfs none /mnt; umount /mnt ;;
    esac
done
"""
STEP = 25


@pytest.mark.both
@pytest.mark.slow
def test_a_thousand_rounds_of_what_administrators_do_every_day_raise_no_alarm(watched: Guest) -> None:
    mounts = watched.sh("grep ' /srv/' /proc/self/mountinfo | cut -d' ' -f1,5").stdout
    pid, moment = main_pid(watched), now(watched)
    watched.sh(f"setsid sh -c '{LOAD}' < /dev/null > /dev/null 2>&1 &")
    for start in range(0, 1000, STEP):
        watched.sh(ROUNDS, VG, f"{start}", f"{start + STEP - 1}", timeout=600)
        alarms = [each for each in said(watched, moment) if each[0] in ALARMS]
        assert alarms == [], f"by round {start + STEP}"
    watched.sh("pkill -f '[o]flag=direct' || true")
    assert watched.sh("grep ' /srv/' /proc/self/mountinfo | cut -d' ' -f1,5").stdout == mounts
    assert main_pid(watched) == pid
    assert set(states(watched, WWW).values()) == {IN_SERVICE}


# ---- beside the timer


@pytest.mark.slow
def test_two_that_recover_at_once_recover_once(watched: Guest) -> None:
    settings(watched, LVMKIT_WATCH="yes", LVMKIT_RECOVERIES=100)
    for _ in range(5):
        moment = now(watched)
        watched.sh(f"umount {WWW}; lvmkit check --all > /dev/null 2> /root/said || :", timeout=120)
        watched.sh(f"until mountpoint -q {WWW}; do sleep 0.2; done", timeout=60)
        time.sleep(4)
        by_timer = watched.run("grep", "-c", " 110090:", "/root/said", check=False).stdout.strip()
        assert int(by_timer) + numbers_said(watched, moment).count("110090") == 1
        assert watched.sh(f"grep -c ' {WWW} ' /proc/self/mountinfo").stdout.strip() == "1"
        assert set(states(watched, WWW).values()) == {IN_SERVICE}


def test_it_lives_and_ends_with_the_timer(guest: Guest) -> None:
    guest.sh(f"systemctl start {TIMER}")
    guest.sh(f"until systemctl -q is-active {UNIT}; do sleep 0.2; done", timeout=60)
    assert guest.run("lvmkit", "doctor", check=False).stdout.count("110377") == 0
    guest.sh(f"systemctl stop {TIMER}")
    assert guest.sh(f"systemctl is-active {UNIT}", check=False).stdout.strip() == "inactive"


def test_it_sees_the_mounts_of_the_server_and_ends_at_once(watched: Guest) -> None:
    pid = main_pid(watched)
    for name in ("mnt", "net", "pid", "uts"):
        assert watched.sh(f"readlink /proc/{pid}/ns/{name} /proc/1/ns/{name} | uniq | wc -l").stdout.strip() == "1"
    begun = time.monotonic()
    watched.run("systemctl", "stop", UNIT)
    assert time.monotonic() - begun < 10
    assert held(watched, VG) != []


@pytest.mark.slow
def test_where_nobody_wants_it_it_ends_for_good_and_status_says_nothing(watched: Guest) -> None:
    assert "Watched by" in watched.run("lvmkit", "status").stdout
    settings(watched, LVMKIT_WATCH="no")
    watched.sh(f"systemctl reload {UNIT}")
    watched.sh(f"while systemctl -q is-active {UNIT}; do sleep 0.2; done", timeout=60)
    time.sleep(5)
    assert main_pid(watched) == 0
    shown = watched.run("lvmkit", "status")
    assert ("Watched by" in shown.stdout, "110377" in shown.stderr) == (False, False)
    settings(watched, LVMKIT_WATCH="yes")
    watched.sh(BEGIN, timeout=60)


@pytest.mark.slow
def test_where_nothing_happens_it_costs_little(watched: Guest, record_property: Callable[[str, object], None]) -> None:
    time.sleep(INTERVAL)
    before, begun = spent(watched), time.monotonic()
    time.sleep(120)
    share = (spent(watched) - before) / (time.monotonic() - begun)
    record_property("share of a processor", share)
    assert share < 0.02

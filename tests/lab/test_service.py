"""In service, out of service, checked and recovered, on a real kernel and with real disks that fail."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_service import (
    LAYERED,
    TAG,
    VG,
    action,
    guest_in,
    held,
    numbers,
    quick_check,
    same_data,
    serve,
    settings,
    states,
)

DATA, WWW, DEEP = "/srv/data--x", "/srv/www", "/srv/deep"
DATA_LV, WWW_LV, DEEP_LV = f"{TAG}/data--x", f"{TAG}/www", f"{LAYERED}/deep"
HIERARCHY = (DATA, DATA_LV, WWW, WWW_LV, TAG)
IMPATIENT = {"LVMKIT_PROBE_DEADLINE": 1, "LVMKIT_COMMAND_DEADLINE": 4, "LVMKIT_BUSY_PATIENCE": 0.5}
IN_SERVICE = ("ISP", "")

PARK = f"umount /srv/*; vgchange -qq -an {VG} {LAYERED}; rm /run/lvmkit/lvmvg-*"
HANG = "dmsetup suspend --noflush --nolockfs path"
CUT_OFF = "dmsetup wipe_table path"
UNPLUG = 'for serial; do echo 1 > /sys/block/"$(basename "$(readlink -e "$serial")")"/device/delete; done'
CLONE = f"for to in SHARED4 PRIVATE1; do dd if={BY_ID}SHARED2 of={BY_ID}$to bs=1M count=2 conv=fsync status=none; done"


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    """Everything is in service."""
    return guest_in(pushed_lab, "served", serve)


@pytest.fixture
def parked(pushed_lab: Lab) -> Guest:
    """Nothing is active and nothing remembers that it was, as on a server that takes over."""
    return guest_in(pushed_lab, "parked", lambda guest: guest.sh(PARK), base=("served", serve))


# ---- in service and out of service


def test_out_of_service_leaves_nothing_and_in_service_brings_every_byte_back(served: Guest) -> None:
    down = served.run("lvmkit", "out-of-service", TAG)
    assert held(served, VG) == []
    assert _order(down.stderr, "remove") in ([*HIERARCHY], [*HIERARCHY[2:4], *HIERARCHY[:2], TAG])
    up = served.run("lvmkit", "in-service", DATA)
    assert _order(up.stderr, "restore") == [TAG, DATA_LV, DATA]
    served.run("lvmkit", "in-service", WWW)
    assert same_data(served)
    assert {state for state, _ in states(served, WWW).values()} == {"ISP"}
    again = [action(served, kind, "restore", tag).stderr for kind, tag in _resources()]
    assert ["already" in said for said in again] == [True] * 3


def test_one_volume_goes_out_and_comes_back_and_its_group_does_not_miss_it(served: Guest) -> None:
    assert action(served, "filesys", "remove", WWW).returncode == 0
    assert action(served, "lvmlv", "remove", WWW_LV).returncode == 0
    assert held(served, VG) == ["my--vg.1+a-data----x"]
    assert quick_check(served, "lvmvg", TAG) == []
    assert quick_check(served, "lvmlv", WWW_LV) == ["110040"]
    assert action(served, "lvmlv", "restore", WWW_LV).returncode == 0
    assert len(held(served, VG)) == 2
    served.sh(f"dmsetup remove {held(served, VG)[1]}")
    assert quick_check(served, "lvmvg", TAG) == ["110040"]


# ---- what quickCheck notices


@pytest.mark.parametrize(
    ("kind", "tag", "harm", "number"),
    [
        ("lvmvg", TAG, f"umount {WWW}; dmsetup remove my--vg.1+a-www", "110040"),
        ("lvmlv", WWW_LV, f"umount {WWW}; dmsetup remove my--vg.1+a-www", "110040"),
        ("lvmlv", DATA_LV, "dmsetup suspend my--vg.1+a-data----x", "110041"),
        ("lvmvg", TAG, "dmsetup wipe_table my--vg.1+a-www", "110042"),
        ("lvmvg", TAG, f"echo offline > /sys/block/$(basename $(readlink -e {BY_ID}SHARED2))/device/state", "110044"),
        ("lvmvg", LAYERED, HANG, "110044"),
        ("filesys", WWW, f"umount {WWW}", "110049"),
        ("filesys", WWW, f"mount -o remount,ro {WWW}", "110050"),
    ],
)
def test_quick_check_notices(served: Guest, kind: str, tag: str, harm: str, number: str) -> None:
    served.sh(harm)
    assert quick_check(served, kind, tag) == [number]


def test_the_deep_check_ends_in_time_on_a_disk_that_hangs_or_fails(served: Guest) -> None:
    settings(served, LVMKIT_DEEP_DEADLINE=1)
    assert _faults(served, "--deep") == []
    served.sh(HANG)
    begun = time.monotonic()
    assert _faults(served, "--deep") == ["110044", "110046"]
    assert time.monotonic() - begun < 15
    served.sh(f"dmsetup resume path; {CUT_OFF}")
    assert _faults(served, "--deep") == ["110044", "110045"]
    assert _faults(served) == ["110044"]


# ---- letting go


def test_a_group_whose_every_disk_fails_below_a_mount_is_noticed_and_let_go(served: Guest) -> None:
    served.sh(f"head -c 100000 /dev/urandom > {DEEP}/more; {CUT_OFF}")
    assert quick_check(served, "lvmvg", LAYERED) == ["110044"]
    assert served.run("lvmkit", "out-of-service", LAYERED, check=False).returncode == 0
    assert held(served, LAYERED) == []


def test_a_group_on_a_disk_that_hangs_is_let_go_in_time(served: Guest) -> None:
    settings(served, **IMPATIENT)
    served.sh(f"umount {DEEP}; {HANG}")
    begun = time.monotonic()
    removed = action(served, "lvmvg", "remove", LAYERED)
    assert (removed.returncode, numbers(removed), held(served, LAYERED)) == (0, [], [])
    assert time.monotonic() - begun < 15


def test_unmounting_from_a_disk_that_hangs_is_given_up_in_time(served: Guest) -> None:
    settings(served, **IMPATIENT)
    served.sh(f"head -c 100000 /dev/urandom > {DEEP}/more; {HANG}")
    begun = time.monotonic()
    removed = action(served, "filesys", "remove", DEEP)
    assert (removed.returncode, numbers(removed, "ERROR")[0]) == (1, "110062")
    busy = action(served, "lvmlv", "remove", DEEP_LV)
    assert (busy.returncode, numbers(busy, "ERROR")[0]) == (1, "110463")
    assert "in use: ." not in busy.stderr
    assert time.monotonic() - begun < 30


def test_remove_names_every_kind_of_holder_and_leaves_the_group_up(served: Guest) -> None:
    settings(served, **IMPATIENT)
    served.sh(
        f"""
        umount {WWW}
        sleep 1000 < /dev/{VG}/www & echo $! > /root/pid
        losetup /dev/loop0 /dev/{VG}/www
        lvcreate -qq -L 8M -n top {VG}; dmsetup create on-top --table "0 8 linear /dev/{VG}/top 0"
        lvcreate -qq -L 8M -n swap {VG}; mkswap -q /dev/{VG}/swap; swapon /dev/{VG}/swap
        lvcreate -qq -L 16M -n pv {VG}
        scan='--config devices/scan_lvs=1'
        vgcreate -qq $scan nested /dev/{VG}/pv; lvcreate -qq $scan -l1 -n in nested
        """,
        timeout=90,
    )
    pid, swap = served.sh(f"cat /root/pid; readlink -e /dev/{VG}/swap").stdout.split()
    removed = action(served, "lvmvg", "remove", TAG)
    assert removed.returncode == 1
    assert numbers(removed, "ERROR") == ["110021"] * 5 + ["110012"]
    for holder in (
        f"mount {DATA}",
        f"process {pid} (sleep): the device is open",
        "loop /dev/loop0",
        "dm on-top",
        f"swap {swap}",
        "nested PV nested-in",
    ):
        assert holder in removed.stderr, removed.stderr
    assert len(held(served, VG)) == 5


def test_a_volume_that_is_open_for_a_moment_is_waited_for(served: Guest) -> None:
    served.sh(f"umount {WWW}; sleep 3 < /dev/{VG}/www & sleep 0.1")
    removed = action(served, "lvmlv", "remove", WWW_LV)
    assert (removed.returncode, numbers(removed)) == (0, [])


def test_unmount_ends_those_who_use_the_file_system_and_names_what_it_cannot_end(served: Guest) -> None:
    served.sh(
        f"""
        cd {WWW}
        sleep 1000 < file &
        sh -c 'trap "" TERM; while :; do sleep 1000; done' &
        mkdir sub; mount -t tmpfs none sub
        """
    )
    refused = action(served, "filesys", "remove", WWW)
    assert (refused.returncode, numbers(refused, "ERROR")[0]) == (1, "110024")
    assert f"mount {WWW}/sub" in refused.stderr
    assert [f"Sent {name} to" in refused.stderr for name in ("SIGTERM", "SIGKILL")] == [True, True]
    served.sh(f"umount {WWW}/sub")
    assert action(served, "filesys", "remove", WWW).returncode == 0
    assert served.run("pgrep", "-x", "sleep", check=False).stdout == ""


def test_what_another_server_takes_is_given_up_without_disks_and_without_writing(served: Guest) -> None:
    before = _seqno(served)
    served.sh(UNPLUG, BY_ID + "SHARED1", BY_ID + "SHARED2")
    resources = (*_resources(DATA)[:2], *_resources(WWW))
    removed = [action(served, kind, "remoteremove", tag) for kind, tag in resources]
    assert [each.returncode for each in removed] == [0] * 5
    assert held(served, VG) == []
    served.sh(f"echo '- - -' > /sys/class/scsi_host/host0/scan; until [ -e {BY_ID}SHARED2 ]; do sleep 0.1; done")
    assert _seqno(served) == before


# ---- local recovery


@pytest.mark.slow
def test_a_disk_that_was_away_for_a_moment_is_recovered_from(served: Guest) -> None:
    served.lose_disk("SHARED1")
    served.bring_disk_back("SHARED1")
    assert quick_check(served, "lvmvg", TAG)[0] == "110043"
    served.run("lvmkit", "check", "--all", check=False, timeout=120)
    assert same_data(served)
    assert set(states(served, DATA).values()) == {IN_SERVICE}
    assert served.run("lvmkit", "check", "--all").returncode == 0


@pytest.mark.slow
def test_nobody_is_disturbed_for_a_disk_that_is_gone_and_all_comes_back_with_it(served: Guest) -> None:
    served.lose_disk("SHARED2")
    round_ = served.run("lvmkit", "check", "--all", check=False, timeout=120)
    assert (round_.returncode, numbers(round_, "ERROR")[-1], "110014" in round_.stderr) == (1, "110326", True)
    assert (len(held(served, VG)), served.run("mountpoint", "-q", WWW).returncode) == (2, 0)
    assert {states(served, WWW)[tag][0] for tag in (WWW, WWW_LV, TAG)} == {"ISP"}
    served.bring_disk_back("SHARED2")
    served.run("lvmkit", "check", "--all", timeout=120)
    assert same_data(served)
    assert set(states(served, WWW).values()) == {IN_SERVICE}


@pytest.mark.slow
def test_a_nightly_snapshot_is_made_overflows_and_goes_and_the_service_does_not_notice(served: Guest) -> None:
    served.sh(f"lvcreate -qq -s -L 4M -n nightly {VG}/data--x")
    for words in (("out-of-service", TAG), ("in-service", DATA), ("in-service", WWW)):
        served.run("lvmkit", "-q", *words)
    served.sh(f"dd if=/dev/urandom of={DATA}/more bs=1M count=20 oflag=direct status=none; sync")
    assert quick_check(served, "lvmvg", TAG) == []
    assert "110321" in served.run("lvmkit", "check", TAG).stdout
    served.sh(f"lvremove -qq -y {VG}/nightly")
    since = _mounts(served)
    assert quick_check(served, "lvmvg", TAG) == []
    assert served.run("lvmkit", "check", "--all").returncode == 0
    assert "110321" not in served.run("lvmkit", "check", TAG).stdout
    assert _mounts(served) == since


def test_a_volume_that_was_removed_on_purpose_is_not_recovered(served: Guest) -> None:
    served.sh(f"umount {WWW}; lvremove -qq -y {VG}/www")
    round_ = served.run("lvmkit", "check", "--all", check=False, timeout=120)
    assert (round_.returncode, "110028" in round_.stderr) == (1, True)
    now = states(served, WWW)
    assert [now[tag][0] for tag in (WWW, WWW_LV, TAG)] == ["OSF", "OSF", "ISP"]
    assert served.run("lvmkit", "check", "--all").returncode == 0
    assert served.run("mountpoint", "-q", DATA).returncode == 0


@pytest.mark.parametrize("table", ["error", "zero"])
def test_another_table_never_counts_as_up_and_a_start_makes_the_volume_s_own_again(served: Guest, table: str) -> None:
    name = "my--vg.1+a-www"
    served.sh(f"umount {WWW}; size=$(blockdev --getsz /dev/mapper/{name}); dmsetup suspend {name};"
              f' dmsetup load {name} --table "0 $size {table}"; dmsetup resume {name}')  # fmt: skip
    assert quick_check(served, "lvmvg", TAG) == ["110042"]
    served.run("lvmkit", "reconfigure", TAG)
    assert quick_check(served, "lvmvg", TAG) == ["110042"]
    assert action(served, "lvmvg", "restore", TAG).returncode == 0
    assert quick_check(served, "lvmvg", TAG) == []
    assert action(served, "filesys", "restore", WWW).returncode == 0
    assert same_data(served)


def test_a_start_names_who_keeps_another_table_in_use(served: Guest) -> None:
    served.sh("dmsetup wipe_table my--vg.1+a-www")
    refused = action(served, "lvmvg", "restore", TAG)
    assert (refused.returncode, numbers(refused, "ERROR")[0]) == (1, "110320")
    assert f"mount {WWW}" in refused.stderr
    assert quick_check(served, "lvmvg", TAG) == ["110042"]


def test_a_write_protected_device_is_told_of_and_nobody_is_disturbed(served: Guest) -> None:
    device = "/dev/mapper/my--vg.1+a-www"
    served.sh(f"umount {WWW}; blockdev --setro {device}; mount -o ro {device} {WWW}")
    before = _mounts(served)
    for _ in range(2):
        round_ = served.run("lvmkit", "check", "--all", check=False, timeout=120)
        assert (round_.returncode, "110313" in round_.stderr) == (1, True)
    assert _mounts(served) == before
    served.sh(f"blockdev --setrw {device}")
    assert served.run("lvmkit", "check", "--all", timeout=120).returncode == 0
    assert same_data(served)


def test_a_volume_that_is_suspended_for_a_moment_fails_no_check(served: Guest) -> None:
    name = "my--vg.1+a-data----x"
    served.sh(f"(dmsetup suspend {name}; sleep 1.5; dmsetup resume {name}) > /dev/null 2>&1 & sleep 0.3")
    assert quick_check(served, "lvmvg", TAG) == []
    served.sh(f"dmsetup suspend {name}")
    begun = time.monotonic()
    assert quick_check(served, "lvmvg", TAG) == ["110041"]
    assert time.monotonic() - begun < 15


@pytest.mark.slow
def test_there_are_only_so_many_recoveries_in_an_hour(served: Guest) -> None:
    for _ in range(2):
        served.sh(f"umount {WWW}")
        assert served.run("lvmkit", "check", "--all", timeout=120).returncode == 0
    served.sh(f"umount {WWW}")
    third = served.run("lvmkit", "check", "--all", check=False, timeout=120)
    assert (third.returncode, "110325" in third.stderr) == (1, True)
    served.run("lvmkit", "in-service", WWW)
    assert action(served, "filesys", "restore", WWW).returncode == 0
    served.sh(f"umount {WWW}")
    assert served.run("lvmkit", "check", "--all", timeout=120).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "seconds"),
    [("KILL", 0.5), ("KILL", 1.5), ("KILL", 3.0), ("KILL", 5.0), ("KILL", 8.0), ("TERM", 1.0), ("TERM", 2.5),
     ("TERM", 5.0), ("power", 1.0), ("power", 4.0)],
)  # fmt: skip
def test_a_recovery_that_is_interrupted_is_finished_by_the_next_round(served: Guest, how: str, seconds: float) -> None:
    served.sh(f"umount {WWW}; dmsetup wipe_table my--vg.1+a-www; sync")
    if how == "power":
        served.sh("lvmkit check --all > /dev/null 2>&1 &")
        time.sleep(seconds)
        served.lab.kill(1)
        served.lab.start(1)
        served.sh("systemctl stop lvmkit-check.timer; while systemctl -q is-active lvmkit-check; do sleep 0.5; done")
    else:
        served.sh(f"timeout -s {how} {seconds} lvmkit check --all > /dev/null 2>&1 || :")
    assert "OSU" not in {state for state, _ in states(served, WWW).values()}
    served.sh("while pgrep -f '[a]ctions/' > /dev/null; do sleep 0.2; done")
    for _ in range(2):
        served.run("lvmkit", "check", "--all", check=False, timeout=120)
    assert set(states(served, WWW).values()) == {IN_SERVICE}
    assert set(states(served, DATA).values()) == {IN_SERVICE}
    served.run("sha256sum", "--quiet", "--check", "--ignore-missing", "/root/sums")


def test_a_check_needs_no_lock_and_no_room_and_says_where_it_could_not_look(served: Guest) -> None:
    served.sh(f"umount {WWW}")
    settings(served, LVMKIT_LOCK_PATIENCE=1)
    served.sh("flock /var/lib/lvmkit/admin.lock sleep 1000 > /dev/null 2>&1 &")
    locked = served.run("lvmkit", "check", "--all", check=False)
    assert (locked.returncode, {"110049", "110083"} <= set(numbers(locked))) == (1, True)
    served.sh("pkill -x sleep")
    served.sh(
        """
        mkdir /root/small; mount -t tmpfs -o size=2M none /root/small; cp -a /var/lib/lvmkit/. /root/small
        mount --bind /root/small /var/lib/lvmkit; cat /dev/zero > /var/lib/lvmkit/fill || :
        """
    )
    full = served.run("lvmkit", "check", "--all", check=False)
    assert (full.returncode, {"110049", "110082"} <= set(numbers(full))) == (1, True)
    assert served.run("lvmkit", "check", check=False).returncode == 1
    served.sh("mkdir /root/none; mount --bind /root/none /dev/mapper")
    blind = served.run("lvmkit", "check", check=False)
    assert blind.returncode == 3


@pytest.mark.slow
def test_a_boot_activates_nothing_and_the_first_check_brings_back_what_was_in_service(served: Guest) -> None:
    note = "[Service]\\nExecStartPre=/bin/sh -c 'dmsetup ls >> /root/before-the-check'\\n"
    served.sh('d=/etc/systemd/system/lvmkit-check.service.d; mkdir $d; printf "$1" > $d/note.conf; sync', note)
    served.lab.kill(1)
    served.lab.start(1)
    served.sh(f"until mountpoint -q {WWW} && mountpoint -q {DATA}; do sleep 0.5; done", timeout=120)
    assert "my--vg" not in served.run("head", "-n1", "/root/before-the-check").stdout
    served.sh("while systemctl -q is-active lvmkit-check.service || ! lvmkit status >/dev/null; do sleep 0.5; done")
    served.run("sha256sum", "--quiet", "--check", "--ignore-missing", "/root/sums")
    assert set(states(served, WWW).values()) == {IN_SERVICE}
    assert states(served, LAYERED)[LAYERED][0] == "OSF"


# ---- who may activate


def test_a_group_with_another_name_is_followed(parked: Guest) -> None:
    parked.run("vgrename", "-qq", VG, "other")
    restored = action(parked, "lvmvg", "restore", TAG)
    assert (restored.returncode, numbers(restored), len(held(parked, "other"))) == (0, ["110018"], 2)
    assert quick_check(parked, "lvmvg", TAG) == []
    assert action(parked, "lvmvg", "remove", TAG).returncode == 0
    assert held(parked, "other") == []


@pytest.mark.parametrize(
    ("obstacle", "number"),
    [
        (f"vgchange -qq -y --systemid elsewhere {VG}", "110016"),
        (f"vgexport -qq {VG}", "110015"),
        (f"set -- {BY_ID}SHARED2; {UNPLUG}", "110014"),
        (f"set -- {BY_ID}SHARED1 {BY_ID}SHARED2; {UNPLUG}; vgcreate -qq {VG} {BY_ID}SHARED4", "110017"),
        (f"set -- {BY_ID}SHARED1 {BY_ID}SHARED2; {UNPLUG}", "110013"),
        (f"{CLONE}; set -- {BY_ID}SHARED2; {UNPLUG}", "110019"),
    ],
    ids=["another host's", "exported", "incomplete", "an impostor", "nowhere", "cloned"],
)
def test_a_group_that_may_not_be_activated_here_is_refused(parked: Guest, obstacle: str, number: str) -> None:
    parked.sh(obstacle)
    refused = action(parked, "lvmvg", "restore", TAG)
    assert (refused.returncode != 0, numbers(refused, "ERROR")[0]) == (True, number)
    assert held(parked, VG) == []


def test_a_clone_of_a_disk_is_not_mistaken_for_it(parked: Guest) -> None:
    parked.sh(CLONE)
    assert action(parked, "lvmvg", "restore", TAG).returncode == 0
    striped = parked.run("dmsetup", "deps", "-o", "devname", "my--vg.1+a-www").stdout
    assert {Path(parked.disk(serial)).name in striped for serial in ("SHARED1", "SHARED2")} == {True}
    removed = action(parked, "lvmvg", "remove", TAG)
    assert (removed.returncode, numbers(removed), held(parked, VG)) == (0, [], [])


def _resources(mount: str = WWW) -> tuple[tuple[str, str], ...]:
    """(type, tag) of a hierarchy, parents first."""
    return ("filesys", mount), ("lvmlv", f"{TAG}/{mount.rsplit('/', 1)[1]}"), ("lvmvg", TAG)


def _order(said: str, verb: str) -> list[str]:
    """Tags in the order in which the engine did something with them."""
    steps = (line.split(f" {verb} ") for line in said.splitlines() if " 110093: " in line)
    return [step[1] for step in steps if len(step) == 2]


def _faults(guest: Guest, *options: str) -> list[str]:
    """The numbers that a check of the layered group finds."""
    table = guest.run("lvmkit", "--quiet", "check", LAYERED, *options, check=False).stdout
    return [line.split()[2] for line in table.splitlines()]


def _mounts(guest: Guest) -> str:
    """The IDs of all mounts below /srv: another one means that something was mounted anew."""
    return guest.sh("grep ' /srv/' /proc/self/mountinfo | cut -d' ' -f1").stdout


def _seqno(guest: Guest) -> str:
    return guest.run("vgs", "--noheadings", "-o", "vg_seqno", VG).stdout.strip()

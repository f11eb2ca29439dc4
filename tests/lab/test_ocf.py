"""The OCF agents on a real kernel, called as Pacemaker calls them."""

from __future__ import annotations

import re
import time

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab, Result
from lab.helpers_ocf import AGENTS, DATA, DEEP, VG, make, reason, run_agent
from lab.helpers_service import guest_in, held

OK, FAILED, INSTALLED, CONFIGURED, STOPPED = 0, 1, 5, 6, 7
HANG = "dmsetup suspend --noflush --nolockfs path"

CRM_MON = """#!/bin/sh
cat <<'END'
<pacemaker-result>
<nodes>
<node name="node1" online="true" unclean="false"/><node name="node2" online="{online}" unclean="{unclean}"/>
</nodes>
<resources><resource id="res">{where}</resource></resources>
</pacemaker-result>
END
"""


HISTORY = """#!/bin/sh
cat <<'END'
<status><node_state uname="node2"><lrm><lrm_resources><lrm_resource id="res">
<lrm_rsc_op operation="stop" call-id="9" rc-code="0" op-status="0"/>
</lrm_resource></lrm_resources></lrm></node_state></status>
END
"""


def start(guest: Guest) -> None:
    assert ocf(guest, "start").returncode == OK
    assert ocf(guest, "start", vg=DEEP).returncode == OK


@pytest.fixture
def made(pushed_lab: Lab) -> Guest:
    """Two volume groups, of which nothing is active."""
    return guest_in(pushed_lab, "ocf_made", make)


@pytest.fixture
def started(pushed_lab: Lab) -> Guest:
    """Both are started."""
    return guest_in(pushed_lab, "ocf_started", start, base=("ocf_made", make))


def ocf(
    guest: Guest, action: str, agent: str = "lvmvg", *, level: int = 0, probe: bool = False, **given: str
) -> Result:
    """One action of an agent, in the environment that Pacemaker makes."""
    meta = {"OCF_RESKEY_CRM_meta_interval": "0" if probe else "10000", "OCF_RESKEY_CRM_meta_timeout": "20000"}
    return run_agent(guest, agent, action, {"vg": VG, **given}, OCF_CHECK_LEVEL=str(level), **meta)


def owner(guest: Guest) -> str:
    return guest.run("vgs", "--noheadings", "--foreign", "-o", "systemid", VG).stdout.strip()


def test_a_group_is_started_watched_and_stopped(made: Guest) -> None:
    assert ocf(made, "validate-all", level=10).returncode == OK
    assert [ocf(made, "monitor", probe=probe).returncode for probe in (True, False)] == [STOPPED] * 2
    assert ocf(made, "start").returncode == OK
    assert len(held(made, VG)) == 2
    answers = [ocf(made, "monitor", probe=True), ocf(made, "monitor"), ocf(made, "monitor", level=10)]
    assert [(each.returncode, each.stderr) for each in answers] == [(OK, "")] * 3
    assert "already up" in ocf(made, "start").stderr
    assert [ocf(made, "stop").returncode for _ in range(2)] == [OK] * 2
    assert held(made, VG) == []
    assert ocf(made, "monitor").returncode == STOPPED


def test_a_volume_is_started_watched_and_stopped_alone_and_above_its_group(made: Guest) -> None:
    assert ocf(made, "monitor", "lvmlv", lv="www", probe=True).returncode == STOPPED
    assert ocf(made, "start", "lvmlv", lv="www").returncode == OK
    assert len(held(made, VG)) == 1
    assert ocf(made, "monitor", "lvmlv", lv="www", level=10).returncode == OK
    assert ocf(made, "stop", "lvmlv", lv="www").returncode == OK
    assert ocf(made, "monitor", "lvmlv", lv="www").returncode == STOPPED
    assert ocf(made, "start").returncode == OK
    assert ocf(made, "start", "lvmlv", lv="data--x").returncode == OK
    assert ocf(made, "stop", "lvmlv", lv="data--x").returncode == OK
    assert ocf(made, "monitor").returncode == OK
    assert ocf(made, "stop").returncode == OK
    assert held(made, VG) == []


def test_a_volume_that_a_snapshot_keeps_up_counts_as_stopped(made: Guest) -> None:
    made.run("lvcreate", "-qq", "-s", "-L", "16M", "-n", "snap", DATA)
    assert ocf(made, "start").returncode == OK
    assert ocf(made, "start", "lvmlv", lv="data--x").returncode == OK
    assert ocf(made, "monitor", "lvmlv", lv="data--x", level=10).returncode == OK
    assert ocf(made, "stop", "lvmlv", lv="data--x").returncode == OK
    assert ocf(made, "monitor", "lvmlv", lv="data--x").returncode == STOPPED
    assert ocf(made, "monitor").returncode == OK
    assert ocf(made, "stop").returncode == OK
    assert held(made, VG) == []


@pytest.mark.slow
def test_a_mirror_serves_without_a_disk_that_fails(made: Guest) -> None:
    made.sh(
        f"lvremove -qq -f {DATA} {VG}/www; lvcreate -qq --type raid1 -m1 -L 16M -n data--x {VG}; vgchange -qq -an {VG}"
    )
    assert ocf(made, "start").returncode == OK
    made.lose_disk("SHARED2")
    assert [ocf(made, "monitor", level=level).returncode for level in (0, 10)] == [OK, OK]
    assert ocf(made, "stop").returncode == OK
    assert held(made, VG) == []
    assert reason(ocf(made, "start")) == (FAILED, "110014")
    assert ocf(made, "start", missing_pv="degraded").returncode == OK
    assert ocf(made, "monitor").returncode == OK


@pytest.mark.parametrize(
    ("harm", "answer", "probed"),
    [
        ("dmsetup remove my--vg.1+a-www", (FAILED, "110040"), (FAILED, "110040")),
        ("dmsetup suspend my--vg.1+a-www", (FAILED, "110041"), (FAILED, "110041")),
        ("dmsetup wipe_table my--vg.1+a-www", (FAILED, "110042"), (FAILED, "110042")),
        (f"vgchange -qq -an {VG}", (FAILED, "110040"), (STOPPED, "")),
        ("rm /run/lvmkit/lvmvg-*", (OK, ""), (OK, "")),
        pytest.param(
            "rm /run/lvmkit/lvmvg-*; dmsetup suspend my--vg.1+a-www",
            (FAILED, "110041"),
            (FAILED, "110041"),
            marks=pytest.mark.slow,
        ),
        ("mv /usr/sbin/lvm /root", (OK, ""), (OK, "")),
    ],
)
def test_the_monitor_notices(started: Guest, harm: str, answer: tuple[int, str], probed: tuple[int, str]) -> None:
    started.sh(harm)
    assert reason(ocf(started, "monitor")) == answer
    assert reason(ocf(started, "monitor", probe=True)) == probed


def test_a_group_whose_disks_are_gone_is_noticed_and_stopped(started: Guest) -> None:
    started.lose_disk("SHARED1")
    started.lose_disk("SHARED2")
    assert reason(ocf(started, "monitor")) == (FAILED, "110043")
    assert ocf(started, "stop").returncode == OK
    assert held(started, VG) == []
    assert ocf(started, "monitor", probe=True).returncode == STOPPED
    assert reason(ocf(started, "start")) == (INSTALLED, "110013")


@pytest.mark.slow
def test_a_disk_that_hangs_holds_up_neither_the_deep_monitor_nor_the_stop(started: Guest) -> None:
    begun = time.monotonic()
    started.sh(HANG)
    assert reason(ocf(started, "monitor", vg=DEEP, level=10)) == (FAILED, "110044")
    assert ocf(started, "stop", vg=DEEP).returncode == OK
    assert held(started, DEEP) == []
    assert time.monotonic() - begun < 30


def test_a_disk_that_fails_is_seen_by_the_deep_monitor_only(started: Guest) -> None:
    started.lab.fail_disk(1, "SHARED1")
    assert ocf(started, "monitor").returncode == OK
    assert reason(ocf(started, "monitor", level=10)) == (FAILED, "110045")


def test_without_lvm_nothing_starts_but_what_is_down_stops(made: Guest) -> None:
    made.sh("mv /usr/sbin/lvm /root")
    assert reason(ocf(made, "start")) == (INSTALLED, "110060")
    assert [ocf(made, action).returncode for action in ("monitor", "stop")] == [STOPPED, OK]


def test_a_volume_in_use_fails_the_stop_and_is_named(started: Guest) -> None:
    started.sh("echo LVMKIT_BUSY_PATIENCE=0.5 > /etc/default/LifeKeeper")
    started.sh(f"sleep 1000 < /dev/{DATA} & echo $! > /root/pid; sleep 0.2")
    stopped = ocf(started, "stop")
    assert reason(stopped) == (FAILED, "110021")
    assert "sleep" in stopped.stderr
    assert len(held(started, VG)) == 2


def test_what_the_boot_or_a_hand_activated_is_found_and_taken_over_by_a_start(made: Guest) -> None:
    made.sh(f"vgchange -qq -ay {VG}")
    assert ocf(made, "monitor", probe=True).returncode == OK
    assert "already up" in ocf(made, "start").stderr
    assert ocf(made, "stop").returncode == OK


def test_a_monitor_is_one_process(started: Guest) -> None:
    calls = "execve,execveat,clone,clone3,fork,vfork"
    started.sh(f"OCF_RESKEY_vg={VG} strace -f -qq -o /root/trace -e trace={calls} {AGENTS}/lvmvg monitor")
    lines = started.run("cat", "/root/trace").stdout.splitlines()
    assert [re.sub(r"^\d+ +|\(.*", "", line) for line in lines] == ["execve"]


# ---- ownership


def test_the_start_makes_the_node_the_owner_and_no_other_lvm_touches_it(made: Guest) -> None:
    assert ocf(made, "start", ownership="system_id").returncode == OK
    assert owner(made) == "node1"
    assert [ocf(made, action, ownership="system_id").returncode for action in ("monitor", "stop")] == [OK] * 2
    assert owner(made) == "node1"
    made.run("vgchange", "-ay", VG, check=False)
    assert held(made, VG) == []
    assert reason(ocf(made, "start")) == (FAILED, "110016")
    before = _seqno(made)
    assert ocf(made, "start", ownership="system_id").returncode == OK
    assert _seqno(made) == before
    assert ocf(made, "start", "lvmlv", lv="www", ownership="system_id").returncode == OK
    assert ocf(made, "stop", "lvmlv", lv="www", ownership="system_id").returncode == OK
    assert ocf(made, "start", "lvmlv", lv="www", ownership="system_id").returncode == OK


def test_a_group_is_taken_over_only_when_the_cluster_says_that_its_owner_let_go(made: Guest) -> None:
    as_node2 = 'global/system_id_source="lvmlocal" local/system_id="node2"'
    made.run("vgchange", "-y", "--config", as_node2, "--systemid", "node2", VG)
    assert reason(ocf(made, "start", ownership="system_id")) == (FAILED, "110135")
    _cluster(made, online="true", where='<node name="node2"/>')
    assert reason(ocf(made, "start", ownership="system_id")) == (FAILED, "110134")
    _cluster(made, online="false", unclean="true")
    assert reason(ocf(made, "start", ownership="system_id")) == (FAILED, "110134")
    assert (owner(made), held(made, VG)) == ("node2", [])
    _cluster(made, online="true")
    assert ocf(made, "start", ownership="system_id").returncode == OK
    assert (owner(made), len(held(made, VG))) == ("node1", 2)


def test_what_is_up_without_an_owner_gets_one(made: Guest) -> None:
    made.sh(f"vgchange -qq -ay {VG}")
    assert ocf(made, "start", ownership="system_id").returncode == OK
    assert owner(made) == "node1"


def test_a_group_without_volumes_is_up_when_it_was_started(made: Guest) -> None:
    made.run("vgcreate", "-qq", "empty", BY_ID + "SHARED4")
    for policy in ("none", "system_id"):
        given = {"vg": "empty", "ownership": policy}
        calls = ("monitor", "start", "monitor", "stop", "monitor")
        assert [ocf(made, call, **given).returncode for call in calls] == [STOPPED, OK, OK, OK, STOPPED]


def _cluster(guest: Guest, *, online: str, unclean: str = "false", where: str = "") -> None:
    """A crm_mon that says this of node2, and a cibadmin that says that it stopped the resource."""
    stub = CRM_MON.format(online=online, unclean=unclean, where=where)
    guest.run("dd", "of=/usr/sbin/crm_mon", "status=none", stdin=stub.encode())
    guest.run("dd", "of=/usr/sbin/cibadmin", "status=none", stdin=HISTORY.encode())
    guest.run("chmod", "755", "/usr/sbin/crm_mon", "/usr/sbin/cibadmin")


def _seqno(guest: Guest) -> str:
    return guest.run("vgs", "--noheadings", "--foreign", "-o", "vg_seqno", VG).stdout.strip()


# ---- the file system above


def filesys(guest: Guest, action: str, **given: str) -> Result:
    """One action of the agent of file systems, for what is on the first volume."""
    place = {"device": f"/dev/{VG}/www", "directory": "/srv/www", "fstype": "ext4"}
    return ocf(guest, action, "filesys", **{**place, **given})


@pytest.fixture
def formatted(started: Guest) -> Guest:
    """A file system on a volume that is up, mounted nowhere."""
    started.run("mkfs.ext4", "-q", f"/dev/{VG}/www")
    return started


def test_a_file_system_is_mounted_watched_and_unmounted(formatted: Guest) -> None:
    assert filesys(formatted, "validate-all").returncode == OK
    assert filesys(formatted, "monitor").returncode == STOPPED
    assert [filesys(formatted, "start", options="rw,noatime").returncode for _ in range(2)] == [OK] * 2
    assert "noatime" in formatted.run("findmnt", "-n", "-o", "OPTIONS", "/srv/www").stdout
    assert filesys(formatted, "monitor").returncode == OK
    formatted.run("mount", "-o", "remount,ro", "/srv/www")
    assert reason(filesys(formatted, "monitor"))[0] == FAILED
    assert [filesys(formatted, "stop").returncode for _ in range(2)] == [OK] * 2
    assert filesys(formatted, "monitor").returncode == STOPPED


def test_who_uses_a_file_system_is_killed_at_its_stop(formatted: Guest) -> None:
    assert filesys(formatted, "start").returncode == OK
    formatted.sh("trap '' TERM; cd /srv/www; exec setsid sleep 10000 </dev/null >/dev/null 2>&1 &")
    stopped = filesys(formatted, "stop")
    assert stopped.returncode == OK, stopped.stderr
    assert "SIGKILL" in stopped.stderr


def test_what_is_mounted_within_a_file_system_goes_with_it(formatted: Guest) -> None:
    assert filesys(formatted, "start").returncode == OK
    formatted.sh("for each in a a/b; do mkdir /srv/www/$each; mount -t tmpfs none /srv/www/$each; done")
    stopped = filesys(formatted, "stop")
    assert (stopped.returncode, stopped.stderr.count("110035")) == (OK, 2), stopped.stderr
    assert "/srv/www" not in formatted.run("findmnt", "-rno", "TARGET").stdout


def test_a_file_system_whose_volume_is_not_up_says_why_it_is_not_mounted(made: Guest) -> None:
    assert reason(filesys(made, "start")) == (FAILED, "110026")
    assert filesys(made, "stop").returncode == OK

"""What an administrator and a parent kit do with a hierarchy: follow its volume group, delete, create by scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_changes import PROTECTED, Outcome, calls, made, protected, same_data, shell, traces
from lab.helpers_service import action, guest_in, numbers, quick_check

pytestmark = pytest.mark.slow

LKADM = "/opt/LifeKeeper/lkadm/subsys"
SHARED3 = f"{BY_ID}SHARED3"


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "protected", protected, base=("made", made))


def test_the_hierarchy_follows_disks_that_come_and_go(served: Guest) -> None:
    nothing, _, shown, facts, added, _, removed, again = calls(
        served,
        ("adddelpv", "vg1"),
        shell(f"vgextend -qq vg1 {SHARED3} {BY_ID}SHARED4; vgreduce -qq vg1 {BY_ID}SHARED2"),
        ("adddelpv", "vg1"),
        ("adddelpv", "vg1", "--format", "json"),
        ("adddelpv", "vg1", f"{SHARED3},{BY_ID}SHARED4", "-"),
        shell(f"vgreduce -qq vg1 {BY_ID}SHARED4"),
        ("adddelpv", "vg1", "-", "disk-SHARED2,disk-SHARED4"),
        ("lvmkit", "reconfigure", "vg1", "--yes"),
    )
    assert (nothing.returncode, nothing.numbers, nothing.changed) == (0, [], {})
    assert "110102" in nothing.stderr
    assert (shown.returncode, shown.numbers, shown.changed) == (0, ["110106"], {})
    rows = [line.split()[:3] for line in shown.stdout.splitlines()]
    assert rows[:3] == [["+", "disk", SHARED3], ["+", "disk", f"{BY_ID}SHARED4"], ["-", "disk", f"{BY_ID}SHARED2"]]
    found = json.loads(facts.stdout)
    assert [pv["device"] for pv in found["added"]] == [SHARED3, f"{BY_ID}SHARED4"]
    assert ([pv["tag"] for pv in found["removed"]], found["applied"]) == (["disk-SHARED2"], False)
    assert added.states == dict.fromkeys((*PROTECTED, "disk-SHARED3", "disk-SHARED4"), "ISP")
    assert removed.states == dict.fromkeys({*PROTECTED, "disk-SHARED3"} - {"disk-SHARED2"}, "ISP")
    assert (again.returncode, again.changed) == (0, {})
    assert quick_check(served, "lvmvg", "vg1") == []
    assert same_data(served)


def test_exactly_what_was_shown_is_applied_and_progress_comes_as_lines(served: Guest) -> None:
    _, shown, _, refused, again = calls(
        served,
        shell(f"vgextend -qq vg1 {SHARED3}"),
        ("adddelpv", "vg1", "--format", "json"),
        shell(f"vgextend -qq vg1 {BY_ID}SHARED4"),
        ("adddelpv", "vg1", "--expect", "0", "--format", "jsonl"),
        ("adddelpv", "vg1", "--format", "json"),
    )
    assert shown.changed == refused.changed == {}
    old, now = (json.loads(each.stdout)["digest"] for each in (shown, again))
    assert old != now
    late, applied = calls(
        served,
        ("adddelpv", "vg1", "--expect", old, "--format", "jsonl"),
        ("adddelpv", "vg1", "--expect", now, "--format", "jsonl"),
    )
    for each in (refused, late):
        assert [line["event"] for line in _lines(each)] == ["message", "result"]
        assert _lines(each)[0]["number"] == "110500"
        assert each.returncode != 0
    steps = [line for line in _lines(applied) if line["event"] == "step"]
    assert [step["position"] for step in steps if step["depth"] == 0] == list(range(1, steps[0]["count"] + 1))
    assert _lines(applied)[-1]["answer"]["applied"]
    assert applied.states == dict.fromkeys((*PROTECTED, "disk-SHARED3", "disk-SHARED4"), "ISP")


def _lines(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def test_a_disk_that_was_made_a_physical_volume_anew_is_still_the_group_s(served: Guest) -> None:
    anew = f"vgreduce -qq vg1 {BY_ID}SHARED2; pvremove -qq {BY_ID}SHARED2; vgextend -qq vg1 {BY_ID}SHARED2"
    _, applied, after = calls(served, shell(anew), ("adddelpv", "vg1", "--yes"), ("adddelpv", "vg1"))
    assert applied.states == dict.fromkeys(PROTECTED, "ISP")
    assert (after.returncode, after.numbers, after.stdout.count("disk")) == (0, [], 0)


def test_volumes_that_come_are_noted_and_those_that_go_take_their_file_system_along(served: Guest) -> None:
    _, shown, applied = calls(
        served, shell("lvcreate -qq -L 8M -n new vg1"), ("adddelpv", "vg1"), ("adddelpv", "vg1", "--yes")
    )
    assert ["volume", "vg1/new", "not", "protected"] in [line.split() for line in shown.stdout.splitlines()]
    assert applied.returncode == 0
    served.run("dmsetup", "remove", "vg1-new")
    assert quick_check(served, "lvmvg", "vg1") == []
    assert "110321" in served.run("lvmkit", "check", "vg1").stdout
    _, gone, left, after = calls(
        served,
        shell("lvchange -qq -ay vg1/new; mount /dev/vg1/www /srv/www; umount /srv/data; lvremove -qq --yes vg1/data"),
        ("adddelpv", "vg1"),
        ("adddelpv", "vg1", "--yes"),
        ("adddelpv", "vg1"),
    )
    assert ["-", "volume", "vg1/data", "vg1/data"] in [line.split() for line in gone.stdout.splitlines()]
    assert left.states == dict.fromkeys(PROTECTED - {"/srv/data", "vg1/data"}, "ISP")
    assert (after.returncode, after.numbers) == (0, [])


def test_the_end_of_protection_leaves_data_and_mounts(served: Guest) -> None:
    mounted, shared, one, preview, last, _, none = calls(
        served,
        shell("mount /dev/vg1/www /srv/www"),
        ("lvmkit", "-q", "create", "/srv/www"),
        ("lvmkit", "delete", "/srv/data"),
        ("lvmkit", "delete", "/srv/www", "--dry-run"),
        ("lvmkit", "delete", "/srv/www"),
        shell("rm /etc/lkvgs"),
        ("lvmkit", "status"),
    )
    assert set(shared.states) == {*PROTECTED, "/srv/www", "vg1/www"}
    assert (one.stdout.split(), one.returncode) == (["/srv/data", "vg1/data"], 0)
    assert set(one.states) == {"/srv/www", "vg1/www", "vg1", "disk-SHARED1", "disk-SHARED2"}
    assert traces(one.after)["listed"] == ["vg1"]
    assert preview.changed == {}
    assert last.states == none.states == {}
    after = traces(last.after)
    assert (after["listed"], after["autoactivation"], after["records"]) == ([], True, [])
    assert (after["mapped"], after["mounts"]) == (mounted.after["mapped"], mounted.after["mounts"])
    assert same_data(served)


def test_a_parent_kit_creates_asks_and_deletes_by_scripts(served: Guest) -> None:
    served.sh("mount /dev/vg1/www /srv/www")
    made_below = served.run(f"{LKADM}/scsi/lvmlv/bin/devicehier", "-p", "/srv/www")
    assert made_below.stdout == "vg1/www\n"
    top = served.run(
        f"{LKADM}/gen/filesys/bin/create", "-t", "site", "-s", "INTELLIGENT", "-p", "/srv/www", timeout=120
    )
    assert top.stdout == "site\n"
    assert action(served, "filesys", "quickCheck", "site").returncode == 0
    server = served.run("uname", "-n").stdout.strip()
    deps, again, away, gone, refused = calls(
        served,
        (f"{LKADM}/gen/filesys/bin/depstoextend", server, "site"),
        (f"{LKADM}/gen/filesys/bin/canextend", server, "site"),
        (f"{LKADM}/scsi/lvmvg/bin/unextend", server, "vg1"),
        (f"{LKADM}/gen/filesys/bin/delete", "-t", "site", "-i", "/srv/www"),
        (f"{LKADM}/gen/filesys/bin/delete", "-t", "site"),
    )
    assert (deps.returncode, deps.stdout) == (0, "vg1/www\n")
    assert (again.returncode, again.numbers) == (1, ["000004"])
    assert (away.returncode, away.numbers) == (1, ["110107"])
    assert (gone.returncode, gone.stdout.split()) == (0, ["site", "vg1/www"])
    assert (refused.returncode, refused.numbers) == (1, ["000019"])
    assert gone.states == dict.fromkeys(PROTECTED, "ISP")


def test_what_helps_an_administrator_is_installed(served: Guest) -> None:
    listed = served.run("lvmkit", "explain", "--all").stdout
    for number in ("000001", "000030", "110000", "110009", "110085", "110106"):
        assert f"\n{number} " in listed
    pages = ("man8/lvmkit.8", "man8/adddelpv.8", "man7/lvmkit-messages.7")
    served.sh('for page; do test -s "/usr/share/man/$page"; done', *pages)
    served.run("bash", "-ec", "source /usr/share/bash-completion/completions/lvmkit; complete -p lvmkit adddelpv")
    refused = served.run("lvmkit", "explain", "42", check=False)
    assert (refused.returncode, numbers(refused)) == (7, ["110101"])

"""Whatever is asked for in error, and whatever is broken below: a number, an exit code, and nothing changed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_changes import PROTECTED, Outcome, calls, made, protected, shell
from lab.helpers_service import guest_in

SCSI, GEN = "/opt/LifeKeeper/subsys/scsi/resources", "/opt/LifeKeeper/subsys/gen/resources"
LKADM = "/opt/LifeKeeper/lkadm/subsys/scsi"
STATE = "/var/lib/lvmkit"
LV = "/dev/vg1/www"
"""a volume that could be protected"""
UNTIDY = f"""
for pair in PRIVATE2/swapping SHARED3/exported SHARED4/foreign; do
    vgcreate -qq ${{pair#*/}} {BY_ID}${{pair%/*}}
    lvcreate -qq -L 8M -n lv ${{pair#*/}}
done
mkswap /dev/swapping/lv; swapon /dev/swapping/lv
vgchange -qq -an exported foreign
vgexport -qq exported
vgchange -qq --yes --systemid elsewhere foreign
"""
FAKE_LVM = "[ -e /usr/sbin/lvm.real ] || mv /usr/sbin/lvm /usr/sbin/lvm.real; rm -f /usr/sbin/lvm"

Expected = tuple[Sequence[str], str]

NAMES: tuple[Expected, ...] = (
    (("lvmkit", "create", "/nowhere"), "110064"),
    (("lvmkit", "create", "/"), "110065"),
    (("lvmkit", "create", "/run"), "110065"),
    (("lvmkit", "create", "srv/www"), "110100"),
    (("lvmkit", "create", "/srv/../srv/www"), "110100"),
    (("lvmkit", "create", ""), "110100"),
    (("lvmkit", "create", "-rf"), "000002"),
    (("lvmkit", "create", "--", "-rf"), "110100"),
    (("lvmkit", "create", "/" + "x" * 200), "110064"),
    (("lvmkit", "create", "/\udcff\udcfe"), "110100"),
    (("lvmkit", "create", "/srv\n/www"), "110100"),
    (("lvmkit", "create", "/dev/vg1/nothing"), "110028"),
    (("lvmkit", "create", "/dev/nothing/lv"), "110013"),
    (("lvmkit", "create", LV, "--tag", "x" * 257), "110100"),
    (("lvmkit", "create", LV, "--tag", "../x"), "110100"),
    (("lvmkit", "create", LV, "--tag", "/srv/data"), "000014"),
    (("lvmkit", "create", LV, "--switchback", "SOMETIMES"), "000002"),
    (("lvmkit", "create", "/srv/data"), "000014"),
    (("lvmkit", "status", "nothing"), "000019"),
    (("lvmkit", "in-service", "nothing"), "000019"),
    (("lvmkit", "in-service", "../x"), "110100"),
    (("lvmkit", "out-of-service", "x" * 300), "110100"),
    (("lvmkit", "out-of-service", "--", "-rf"), "110100"),
    (("lvmkit", "check", "\udcff"), "110100"),
    (("lvmkit", "delete", "nothing"), "000019"),
    (("lvmkit", "delete", "vg1"), "110086"),
    (("lvmkit", "delete"), "000002"),
    (("lvmkit", "reconfigure", "vg1/data"), "110005"),
    (("lvmkit", "nonsense"), "000002"),
    (("adddelpv",), "110006"),
    (("adddelpv", "vg1", "/dev/sdc"), "110006"),
    (("adddelpv", "vg1", "-rf", ""), "110006"),
    (("adddelpv", "nothing"), "000019"),
    (("adddelpv", "../x"), "110100"),
    (("adddelpv", "vg1", "/dev/\udcff", "-"), "110100"),
    (("adddelpv", "vg1", "/dev/nothing", "disk-SHARED1"), "110105"),
    ((f"{SCSI}/lvmvg/actions/restore",), "000011"),
    ((f"{SCSI}/lvmvg/actions/restore", "-t", "nothing"), "000019"),
    ((f"{SCSI}/lvmvg/actions/remove", "-i", "/dev/vg1/data"), "110005"),
    ((f"{SCSI}/lvmvg/actions/remove", "-t", "vg1", "-i", "lvmvg-other"), "000019"),
    ((f"{SCSI}/lvmvg/actions/remove", "-i", ""), "110005"),
    ((f"{SCSI}/lvmlv/actions/remove", "-t", "vg1"), "110005"),
    ((f"{SCSI}/lvmlv/actions/quickCheck", "-t", "../x"), "110100"),
    ((f"{SCSI}/lvmlv/actions/restore", "-t", ""), "110100"),
    ((f"{SCSI}/lvmlv/actions/restore", "-t", "\udcff"), "110100"),
    ((f"{SCSI}/lvmlv/actions/delete", "-rf"), "000002"),
    ((f"{GEN}/filesys/actions/remove", "-t", "x" * 300), "110100"),
    ((f"{LKADM}/lvmvg/bin/create", "-t", "x", "-s", "INTELLIGENT", "-p", "dev/vg1/www"), "110005"),
    ((f"{LKADM}/lvmlv/bin/create", "-t", "-rf", "-s", "INTELLIGENT", "-p", LV), "110100"),
    ((f"{LKADM}/lvmlv/bin/devicehier", "-p", "/dev/\udcff"), "110064"),
    ((f"{LKADM}/lvmlv/bin/depstoextend", "nobody", "vg1"), "000003"),
    ((f"{LKADM}/lvmvg/bin/delete", "-t", "vg1"), "110086"),
    ((f"{LKADM}/lvmvg/bin/delete",), "000011"),
    (("lvmkit", "create", "/dev/swapping/lv"), "110066"),
    (("lvmkit", "create", "/dev/exported/lv"), "110015"),
    (("lvmkit", "create", "/dev/foreign/lv"), "110016"),
)  # fmt: skip


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "protected", protected, base=("made", made))


def _refused(outcome: Outcome, number: str) -> None:
    """It failed with the number, and changed nothing."""
    assert outcome.returncode not in (0, 255), outcome
    assert outcome.numbers[:1] == [number], outcome
    assert outcome.stdout == ""
    assert outcome.changed == {}, outcome


def test_names_and_storage_that_cannot_be_meant(served: Guest) -> None:
    served.sh(UNTIDY)
    outcomes = calls(served, *(argv for argv, _ in NAMES))
    for outcome, (_, number) in zip(outcomes, NAMES):
        _refused(outcome, number)


def test_two_copies_of_a_physical_volume(pushed_lab: Lab) -> None:
    guest = guest_in(pushed_lab, "made", made)
    copy = f"dd if={BY_ID}SHARED1 of={BY_ID}PRIVATE1 bs=1M count=4 conv=fsync status=none; udevadm settle"
    # Where the group is active, which udev would see to, LVM knows which of the two is in use and says nothing; and
    # it looks for copies only where its hints are out of date, as they are when a disk has come.
    park = "umount /srv/*; vgchange -qq --setautoactivation n vg1; vgchange -qq -an vg1"
    guest.sh(f"{park}; {copy}; rm -f /run/lvm/hints")
    (outcome,) = calls(guest, ("lvmkit", "create", LV))
    _refused(outcome, "110019")


def test_an_lvm_that_is_missing_broken_or_hangs(served: Guest) -> None:
    def fake(text: str) -> str:
        return f"{FAKE_LVM}; printf '#!/bin/sh\\n{text}\\n' > /usr/sbin/lvm; chmod 755 /usr/sbin/lvm"

    impatient = "echo LVMKIT_COMMAND_DEADLINE=2 > /etc/default/LifeKeeper"
    create, grow = ("lvmkit", "create", LV), ("adddelpv", "vg1")
    check = (f"{SCSI}/lvmvg/actions/quickCheck", "-t", "vg1", "-i", "lvmvg-vg1")
    _, *missing, _, garbled, _, ends, _, hung, left = calls(
        served,
        *(shell(FAKE_LVM), create, grow, check),
        *(shell(fake("echo hello")), create),
        *(shell(fake("echo sorry >&2; exit 5")), create),
        *(shell(f"{fake('sleep 1000')}; {impatient}"), grow),
        shell("pgrep -x sleep || true"),
    )
    for outcome in missing[:2]:
        _refused(outcome, "110060")
    assert (missing[2].returncode, missing[2].stderr) == (0, "")  # a check needs no LVM
    _refused(garbled, "110063")
    _refused(ends, "110061")
    _refused(hung, "110062")
    assert left.stdout == ""


def test_a_list_of_groups_that_cannot_be_kept_is_a_warning(served: Guest) -> None:
    apply = ("adddelpv", "vg1", "--yes")
    _, gone, _, fixed, _, folder, _, rubbish, look = calls(
        served,
        *(shell("rm /etc/lkvgs"), apply),
        *(shell(": > /etc/lkvgs; chattr +i /etc/lkvgs"), apply),
        *(shell("chattr -i /etc/lkvgs; rm /etc/lkvgs; mkdir /etc/lkvgs"), apply),
        *(shell("rmdir /etc/lkvgs; head -c 3000 /dev/urandom > /etc/lkvgs; cp /etc/lkvgs /root/rubbish"), apply),
        shell("cmp -n 3000 /root/rubbish /etc/lkvgs; tail -n 1 /etc/lkvgs"),
    )
    assert (gone.returncode, gone.numbers, gone.after["lkvgs"].splitlines()[-1].split()[0]) == (0, [], "vg1")
    for outcome in (fixed, folder):
        assert (outcome.returncode, outcome.numbers, outcome.changed) == (0, ["110007"], {}), outcome
    assert (rubbish.returncode, rubbish.numbers) == (0, [])
    assert (look.returncode, look.stdout.split()[0]) == (0, "vg1")


def test_a_database_that_cannot_be_used_is_left_alone_and_the_checks_go_on(served: Guest) -> None:
    spoil = (
        (f"head -c 20000 /dev/urandom > {STATE}/engine.sqlite", "110080"),
        (f"cp /root/kept {STATE}/engine.sqlite; truncate -s 5000 {STATE}/engine.sqlite", "110080"),
        (f": > {STATE}/engine.sqlite", "110080"),
        (f"cp /root/kept {STATE}/engine.sqlite; python3 -c \"import sqlite3; "
         f"sqlite3.connect('{STATE}/engine.sqlite').execute('PRAGMA user_version = 99')\"", "110081"),
    )  # fmt: skip
    words: tuple[Sequence[str], ...] = (
        ("lvmkit", "status"),
        ("lvmkit", "create", LV),
        ("lvmkit", "check", "--all"),
        (f"{SCSI}/lvmvg/actions/restore", "-t", "vg1"),
    )
    check = (f"{SCSI}/lvmvg/actions/quickCheck", "-t", "vg1", "-i", "lvmvg-vg1")
    served.sh(f"cp {STATE}/engine.sqlite /root/kept")
    for script, number in spoil:
        _, *outcomes, last = calls(served, shell(f"rm -f {STATE}/*-wal {STATE}/*-shm; {script}; sync"), *words, check)
        for outcome in outcomes:
            _refused(outcome, number)
        assert (last.returncode, last.stderr) == (0, "")


def test_a_state_folder_that_takes_nothing(served: Guest) -> None:
    full = f"mount -t tmpfs -o size=16k none {STATE}; head -c 20000 /dev/zero > {STATE}/full || true"
    _, no_room, _, read_only, _, normal = calls(
        served,
        *(shell(full), ("lvmkit", "create", LV)),
        *(shell(f"mount -o remount,ro {STATE}"), ("lvmkit", "create", LV)),
        *(shell(f"umount {STATE}"), ("lvmkit", "-q", "check", "--all")),
    )
    _refused(no_room, "110082")
    _refused(read_only, "110082")
    assert (normal.returncode, normal.states) == (0, dict.fromkeys(PROTECTED, "ISP"))


def test_settings_that_make_no_sense_are_said_and_ignored(served: Guest) -> None:
    rubbish = "head -c 3000 /dev/urandom; printf '\\nLKCHECKINTERVAL=often\\nLVMKIT_MISSING_PV=maybe\\nA=$(reboot)\\n'"
    _, said, _, folder = calls(
        served,
        *(shell(f"{{ {rubbish}; }} > /etc/default/LifeKeeper"), ("lvmkit", "check", "vg1")),
        *(shell("rm /etc/default/LifeKeeper; mkdir /etc/default/LifeKeeper"), ("lvmkit", "check", "vg1")),
    )
    assert (said.returncode, said.numbers, said.changed) == (0, ["110068", "110068"], {})
    assert (folder.returncode, folder.numbers, folder.changed) == (0, ["110067"], {})


@pytest.mark.slow
def test_of_two_creations_at_once_one_wins(pushed_lab: Lab) -> None:
    guest = guest_in(pushed_lab, "made", made)
    create = "code=0; lvmkit -q create /srv/data > /root/out$n 2> /root/err$n || code=$?; echo $code > /root/code$n"
    _, both = calls(
        guest,
        shell(f"for n in 1 2; do ({create}) & done; wait"),
        shell("sort /root/code1 /root/code2; cat /root/out1 /root/out2; grep -ho ' 000014' /root/err1 /root/err2"),
    )
    assert both.stdout.split() == ["0", "4", "/srv/data", "000014"]
    assert both.states == dict.fromkeys(PROTECTED, "ISP")

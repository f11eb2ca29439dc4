"""What the guide of 2006 promises to parent kits and administrators, where it takes a kernel."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab, Result
from lab.helpers_changes import made
from lab.helpers_service import guest_in, numbers

pytestmark = pytest.mark.slow

LKADM = "/opt/LifeKeeper/lkadm/subsys"
FILESYSTEM_SCRIPT = "/opt/LifeKeeper/subsys/gen/resources/filesys/actions/restore"
PARENT = """
folder=/opt/LifeKeeper/subsys/database/resources/db/actions
mkdir -p $folder
for action in restore remove; do printf '#!/bin/sh\\nexit 0\\n' > $folder/$action; chmod 755 $folder/$action; done
PATH=$PATH:/opt/LifeKeeper/bin
ins_create -a database -r db -t db -i db -s INTELLIGENT
"""
LVM1 = """
{ printf 'HM\\001\\000'; head -c 40 /dev/zero; printf pv; head -c 126 /dev/zero; printf old; head -c 125 /dev/zero
  printf host; head -c 124 /dev/zero; } | dd of=@DISK@ conv=notrunc,fsync status=none
"""
"""the start of a physical volume of LVM1: mark, version, places of tables, names of 128 bytes each"""


@pytest.fixture
def guest(pushed_lab: Lab) -> Guest:
    """Two mounted file systems on one volume group; nothing is protected."""
    return guest_in(pushed_lab, "made", made)


def _provide(guest: Guest, path: str) -> Result:
    script = f"{LKADM}/gen/filesys/bin/filesyshier"
    return guest.run(script, "-t", "db", "-p", path, timeout=120, check=False)


def _tags(guest: Guest) -> set[str]:
    rows: list[dict[str, Any]] = json.loads(guest.run("lvmkit", "status", "--format", "json").stdout)["resources"]
    return {row["tag"] for row in rows}


def test_a_parent_kit_gets_its_file_system_or_nothing_is_left_of_it(guest: Guest) -> None:
    guest.sh(PARENT)
    guest.sh("mkdir -p /srv/data/16/main")
    done = _provide(guest, "/srv/data/16/main")
    assert (done.returncode, done.stdout) == (0, "/srv/data\n"), done.stderr
    before = _tags(guest)
    assert {"db", "/srv/data", "vg1/data", "vg1"} < before

    guest.run("chmod", "a-x", FILESYSTEM_SCRIPT)
    failed = _provide(guest, "/srv/www")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert {"000027", "000028", "000021"} <= set(_all_numbers(failed)), failed.stderr
    assert numbers(failed)[-1] == "110002"
    assert _tags(guest) == before
    guest.run("findmnt", "--mountpoint", "/srv/www")


def _all_numbers(result: Result) -> list[str]:
    """Of notes as well."""
    return re.findall(r":(\d{6}):", result.stderr)


def test_what_does_not_come_up_is_taken_back_with_the_guide_s_messages(guest: Guest) -> None:
    guest.sh("umount /srv/data /srv/www; vgchange -qq -an vg1")
    guest.sh("dmsetup create vg1-www --table '0 8192 zero'")
    script = f"{LKADM}/scsi/lvmvg/bin/create"
    failed = guest.run(script, "-t", "vg1", "-s", "INTELLIGENT", "-p", "/dev/vg1/data", timeout=120, check=False)
    assert failed.returncode == 1
    assert {"000021", "000023", "000018", "000024", "110002"} <= set(_all_numbers(failed)), failed.stderr
    assert _tags(guest) == set()
    assert "vg1" not in guest.sh("cat /etc/lkvgs || :").stdout.split()


def test_a_type_that_is_not_installed_is_named(guest: Guest) -> None:
    guest.run("rm", "/opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions/restore")
    failed = guest.run("lvmkit", "create", "/srv/data", timeout=120, check=False)
    assert failed.returncode != 0
    assert "110000" in numbers(failed)
    assert _tags(guest) == set()


def test_a_group_of_lvm1_is_recognised_and_refused(guest: Guest) -> None:
    disk = f"{BY_ID}SHARED4"
    guest.sh(LVM1.replace("@DISK@", disk))
    assert guest.run("blkid", "-p", "-o", "value", "-s", "TYPE", disk).stdout.strip() == "LVM1_member"
    for words in (("create", "/dev/old/data"), ("doctor",)):
        answer = guest.run("lvmkit", *words, timeout=120, check=False)
        assert answer.returncode != 0
        assert "110440" in answer.stdout + answer.stderr
        assert guest.run("readlink", "-e", disk).stdout.strip() in answer.stdout + answer.stderr

"""LifeKeeper's core as the engine, on a real kernel: the tests' second core, which runs the kit's real scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_protected import PATIENCE
from lab.helpers_service import guest_in, held, numbers, quick_check, states

SYSTEM, ROOT = "alpha", "/opt/core/alpha"
PROGRAM = Path(__file__).parents[1] / "contract/core/lcd"
OURS = [["scsi", "lvmvg"], ["scsi", "lvmlv"], ["scsi", "device"], ["scsi", "disk"], ["gen", "filesys"]]
TYPES = [*OURS, ["scsi", "netraid"]]
EMPTY = {"instances": [], "links": [], "types": TYPES, "flags": [], "state": "alive"}
POINT = "/srv/db"
PREPARE = f"""
systemctl stop lvmkit-check.timer
chmod 755 /opt/core/lcd
vgcreate -qq db {BY_ID}SHARED1
lvcreate -qq -L 64M -n data db
mkfs.ext4 -q /dev/db/data
mkdir -p {POINT}
mount /dev/db/data {POINT}
echo kept > {POINT}/file
"""
REPLICATION = """
folder=/opt/LifeKeeper/subsys/scsi/resources/netraid/actions
mkdir -p $folder
for name in restore remove; do
    printf '#!/bin/sh\\n/usr/sbin/dmsetup ls | grep -c ^db- > /root/netraid-%s || :\\n' $name > $folder/$name
    chmod 755 $folder/$name
done
"""
"""a kit whose scripts note how many volumes of the group are up when they run"""
COMMANDS = (
    "dep_create", "dep_list", "dep_remove", "eqv_create", "eqv_list", "flg_create", "flg_list", "flg_remove",
    "hry_setpri", "ins_create", "ins_list", "ins_remove", "ins_setas", "ins_setinfo", "ins_setinit", "ins_setstate",
    "lcdremexec", "lcdstatus", "lcdsync", "lcduname", "perform_action", "sendevent", "sys_list", "typ_list",
)  # fmt: skip


def write(guest: Guest, path: str, content: str) -> None:
    """Write a file in the guest."""
    guest.run("dd", f"of={path}", "status=none", stdin=content.encode())


def with_core(guest: Guest) -> None:
    """A core of one system, found by LKROOT, whose types have the kit's scripts; and a mounted file system."""
    guest.sh(f"mkdir -p {ROOT}/bin {ROOT}/lkadm/bin && ln -s /opt/LifeKeeper/subsys {ROOT}/subsys")
    write(guest, "/opt/core/lcd", PROGRAM.read_text())
    write(guest, f"{ROOT}/core.json", json.dumps({"name": SYSTEM, "database": "/opt/core/lcd.json"}))
    content = {"systems": {SYSTEM: EMPTY}, "ways": {}, "shared": {}, "events": {}}
    write(guest, "/opt/core/lcd.json", json.dumps(content))
    guest.sh(f"for name in {' '.join(COMMANDS)}; do ln -s /opt/core/lcd {ROOT}/bin/$name; done")
    guest.sh(f"for name in getlocks rlslocks; do ln -s /opt/core/lcd {ROOT}/lkadm/bin/$name; done")
    write(guest, "/etc/default/LifeKeeper", f"LKROOT={ROOT}\n")
    guest.sh(PREPARE, timeout=PATIENCE)


pytestmark = pytest.mark.slow


@pytest.fixture
def core(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "lifekeeper_core", with_core)


def known(guest: Guest) -> dict[str, dict[str, str]]:
    """The core's own instances by tag."""
    content = json.loads(guest.run("cat", "/opt/core/lcd.json").stdout)
    return {each["tag"]: each for each in content["systems"][SYSTEM]["instances"]}


def test_a_hierarchy_lives_in_the_core_and_is_run_by_it(core: Guest) -> None:
    core.run("lvmkit", "-q", "create", POINT, timeout=PATIENCE)
    assert {each["state"] for each in known(core).values()} == {"ISP"}
    assert states(core, POINT)["db"][0] == "ISP"
    assert quick_check(core, "filesys", POINT) == []
    core.run("lvmkit", "-q", "out-of-service", POINT, timeout=PATIENCE)
    assert held(core, "db") == ["db-data"]
    core.run(f"{ROOT}/bin/perform_action", "-t", "db", "-a", "remove", timeout=PATIENCE)
    assert held(core, "db") == []
    core.run("lvmkit", "-q", "in-service", POINT, timeout=PATIENCE)
    assert core.run("cat", f"{POINT}/file").stdout == "kept\n"
    core.run("lvmkit", "-q", "delete", "--yes", POINT, timeout=PATIENCE)
    assert known(core) == {}
    assert core.run("cat", f"{POINT}/file").stdout == "kept\n"


def test_what_breaks_is_reported_to_the_core_and_its_recovery_starts_it_again(core: Guest) -> None:
    core.run("lvmkit", "-q", "create", POINT, timeout=PATIENCE)
    core.run("umount", POINT)
    assert "000001" in quick_check(core, "filesys", POINT)
    events = json.loads(core.run("cat", "/opt/core/lcd.json").stdout)["events"]
    assert events == {POINT: [["filesys", "failed"]]}
    recovery = "/opt/LifeKeeper/subsys/gen/resources/filesys/recovery/filesys/failed"
    assert numbers(core.run(recovery, "-t", POINT, timeout=PATIENCE), "ERROR") == []
    assert core.run("cat", f"{POINT}/file").stdout == "kept\n"


@pytest.mark.parametrize("comes_later", [False, True])
def test_another_kit_s_storage_below_the_group_starts_first_and_is_not_deleted(core: Guest, comes_later: bool) -> None:
    if comes_later:
        core.run("lvmkit", "-q", "create", POINT, timeout=PATIENCE)
    disk = core.run("readlink", "-e", f"{BY_ID}SHARED1").stdout.strip()
    core.sh(REPLICATION)
    core.run(f"{ROOT}/bin/ins_create", "-a", "scsi", "-r", "netraid", "-t", "replica", "-i", disk)
    core.run(f"{ROOT}/bin/perform_action", "-t", "replica", "-a", "restore")
    if comes_later:
        core.run("lvmkit", "-q", "reconfigure", "db", "--yes", timeout=PATIENCE)
    else:
        core.run("lvmkit", "-q", "create", POINT, timeout=PATIENCE)
    assert "disk-SHARED1|replica" in core.run(f"{ROOT}/bin/dep_list", "-f|").stdout
    core.run(f"{ROOT}/bin/perform_action", "-t", "replica", "-a", "remove", timeout=PATIENCE)
    assert {each["state"] for each in known(core).values()} == {"OSU"}
    core.run("lvmkit", "-q", "in-service", POINT, timeout=PATIENCE)
    noted = [core.run("cat", f"/root/netraid-{name}").stdout.strip() for name in ("restore", "remove")]
    assert noted == ["0", "0"]
    core.run("lvmkit", "-q", "delete", "--yes", POINT, timeout=PATIENCE)
    assert set(known(core)) == {"replica"}

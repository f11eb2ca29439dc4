"""What storage/ asks the kernel and says of it, against a real kernel and the distribution's own tools."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import Lab

KIT = "/opt/LifeKeeper/lib"
VG = "my-vg"
BUILT = "kernel"
BUILD = r"""
printf 'devices { global_filter=[ "a|^/dev/mapper/slow$|", "a|^/dev/sd[b-f]$|", "r|.*|" ] }\n' > /etc/lvm/lvmlocal.conf
dmsetup create slow --table "0 $(blockdev --getsz "$1") linear $1 0"
vgcreate -s 4m my-vg "$2" "$3" "$4"
vgcreate -s 4m behind /dev/mapper/slow
lvcreate -yqn lin -L 32m my-vg "$2"
lvcreate -yqn str -L 16m -i 2 my-vg "$2" "$3"
lvcreate -yqn rd -L 16m --type raid1 -m 1 --nosync my-vg "$2" "$3"
lvcreate -yq -T my-vg/pool -L 32m -V 64m -n thin "$4"
lvcreate -yqs -n snap -L 8m my-vg/str
lvcreate -yqn far -L 16m behind
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/my-vg/lin
mkdir -p /srv/data && mount /dev/my-vg/lin /srv/data
"""
PRELUDE = f"""
import json, sys, time
sys.path.insert(0, "{KIT}")
from lvmkit.model import names
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.storage import dm, holders, mountinfo, probe, sysfs, vitals
from lvmkit.storage.mapped import MappedDevices
devices = {{device.name: device for device in dm.list_devices()}}
def record(vg, *lvs, pvs=()):
    packed = next(d.uuid[4:36] for d in devices.values() if names.split_dm_name(d.name)[:1] == (vg,)) if vg else ""
    def expected(lv):
        device = devices[names.dm_name(vg, lv)]
        return ExpectedLv(device.uuid[36:], lv, dm.status(device.uuid).kinds)
    def disk(path):
        number = sysfs.number_of(path)
        return ExpectedPv(path, path, number, sysfs.sequence(number))
    return Record("tag", vg, packed, tuple(map(expected, lvs)), tuple(map(disk, pvs)))
def faults(record):
    return [type(fault).__name__ for fault in vitals.record_faults(record, MappedDevices(dm.list_devices()))]
"""


def ask(guest: Guest, code: str, *arguments: str) -> Any:
    """Run Python with the kit in the guest; what it assigns to `answer`."""
    program = PRELUDE + textwrap.dedent(code) + "\nprint(json.dumps(answer))\n"
    return json.loads(guest.run("python3", "-IS", "-", *arguments, stdin=program.encode()).stdout)


@pytest.fixture(scope="module")
def standing(pushed_lab: Lab) -> Guest:
    """A guest with volumes of several kinds, for tests that leave it as it is."""
    pushed_lab.reset("pushed")
    guest = Guest(pushed_lab)
    guest.sh(BUILD, *(guest.disk(f"SHARED{n}") for n in (1, 2, 3, 4)), timeout=120)
    guest.settle()
    pushed_lab.save(BUILT)
    return guest


@pytest.fixture
def built(standing: Guest) -> Guest:
    """The same, for a test that breaks it."""
    standing.lab.reset(BUILT)
    return standing


def test_the_kernels_devices_are_those_that_dmsetup_shows(standing: Guest) -> None:
    shown = standing.run("dmsetup", "info", "-c", "--noheadings", "--separator=|", "-o", "name,uuid,major,minor").stdout
    expected = [line.split("|") for line in shown.splitlines()]
    found = ask(standing, "answer = [[d.name, d.uuid, *d.number.split(':')] for d in dm.list_devices()]")
    assert sorted(found) == sorted(expected)
    assert len(found) > 12


@pytest.mark.parametrize("what", ["status", "table"])
def test_every_line_is_the_one_that_dmsetup_shows(standing: Guest, what: str) -> None:
    shown = standing.run("dmsetup", what, *(["--noflush"] if what == "status" else [])).stdout
    found = ask(standing, f"""
        lines = [(name, dm.{what}(name=name)) for name in devices]
        shown = lambda name, t: f"{{name}}: {{t.start}} {{t.length}} {{t.kind}} {{t.params}}".strip()
        answer = [shown(name, target) for name, status in lines for target in status.targets]
        """)  # fmt: skip
    assert sorted(found) == sorted(line.strip() for line in shown.splitlines())


def test_dependencies_are_those_that_dmsetup_shows(standing: Guest) -> None:
    shown = standing.run("dmsetup", "deps", "-o", "devno").stdout.splitlines()
    expected = {
        line.split(":")[0]: sorted(f"({n.strip('()')})" for n in line.split(": ")[-1].strip().split(") ("))
        for line in shown
    }
    found = ask(standing, "answer = {n: list(dm.dependencies(name=n)) for n in devices}")
    assert {name: sorted(f"({n.replace(':', ', ')})" for n in numbers) for name, numbers in found.items()} == expected


def test_a_healthy_group_has_no_faults(standing: Guest) -> None:
    disks = [standing.disk(f"SHARED{n}") for n in (2, 3, 4)]
    assert ask(standing, """
        answer = faults(record("my-vg", "lin", "str", "rd", "thin", "snap", pvs=sys.argv[1:]))
        answer += faults(record("behind", "far", pvs=["/dev/mapper/slow"]))
        """, *disks) == []  # fmt: skip


def test_the_users_of_a_mount_are_named(built: Guest) -> None:
    built.sh("""
        cd /srv/data; cp /bin/sleep program; truncate -s 8M loopfile; losetup /dev/loop0 loopfile
        dd if=/dev/zero of=swapfile bs=1M count=8 status=none; chmod 600 swapfile; mkswap -q swapfile; swapon swapfile
        mkdir -p sub; mount -t tmpfs none sub
        (exec sleep 1000) & (cd /; exec sleep 1001 3< /srv/data/loopfile) & (cd /; exec /srv/data/program 1002) &
        (cd sub; exec sleep 1003) & unshare -m sh -c 'cd /; exec sleep 1004' & sleep 0.5
        """)  # fmt: skip
    found = ask(built, "answer = [[h.kind, h.name, h.how] for h in holders.of_mount('/srv/data')]")
    assert sorted(found) == [
        ["loop", "/dev/loop0", ""],
        ["mount", "/srv/data/sub", ""],
        ["process", "program", "program"],
        ["process", "sleep", "open file"],
        ["process", "sleep", "working directory"],
        ["swap", "/srv/data/swapfile", ""],
    ]


def test_the_users_of_a_volume_are_named(built: Guest) -> None:
    built.sh("""
        mkswap -q /dev/my-vg/rd; swapon /dev/my-vg/rd; losetup /dev/loop0 /dev/my-vg/thin
        printf 'devices { scan_lvs=1 }\\n' > /etc/lvm/lvmlocal.conf
        pvcreate -qy /dev/behind/far; vgcreate -q -s 1m inner /dev/behind/far; lvcreate -qyn lv -L 4m inner
        umount /srv/data; unshare -m sh -c 'mount /dev/my-vg/lin /mnt; exec sleep 1000' & sleep 1000 3< /dev/my-vg/lin &
        until grep -qs /mnt "/proc/$(pgrep -o sleep)/mounts"; do sleep 0.1; done
        """)  # fmt: skip
    found = ask(built, """
        users = lambda name: [[h.kind, h.name, h.pid > 0] for h in holders.of_device(devices[name].number)]
        names = ("my--vg-lin", "my--vg-rd", "my--vg-thin", "behind-far", "my--vg-str-real")
        answer = {name: users(name) for name in names}
        """)  # fmt: skip
    assert found == {
        "my--vg-lin": [["mount", "/mnt", True], ["process", "sleep", True]],
        "my--vg-rd": [["swap", "/dev/dm-" + found["my--vg-rd"][0][1].rsplit("-", 1)[-1], False]],
        "my--vg-thin": [["loop", "/dev/loop0", False]],
        "behind-far": [["nested PV", "inner-lv", False]],
        "my--vg-str-real": [["volume", "my--vg-snap", False], ["volume", "my--vg-str", False]],
    }


def test_a_disk_that_hangs_is_told_in_time_and_its_volume_can_not_be_wiped(built: Guest) -> None:
    built.sh(
        "dmsetup suspend --noflush --nolockfs slow; dd if=/dev/behind/far of=/dev/null iflag=direct count=1 & sleep 1"
    )
    found = ask(built, """
        begun = time.monotonic()
        results = [r.outcome for r in probe.probe(["/dev/mapper/slow", sys.argv[1], "/dev/none"], deadline=1)]
        took = time.monotonic() - begun
        wanted = record("behind", "far", pvs=["/dev/mapper/slow"])
        far = devices["behind-far"].uuid
        (refused,) = [message.number for message in dm.wipe([far], deadline=1)]
        answer = [results, took < 1.5, faults(wanted), refused, dm.status(far).kinds, dm.status(far).suspended]
        """, built.disk("SHARED2"))  # fmt: skip
    assert found == [["hung", "ok", "error"], True, ["PvNotRunning"], 110053, ["linear"], False]
    built.sh("dmsetup resume slow; wait; dmsetup info -c --noheadings -o tables_loaded behind-far | grep -qx Live")
    assert ask(built, "answer = [r.outcome for r in probe.probe(['/dev/behind/far'], deadline=10)]") == ["ok"]


def test_a_suspended_and_a_wiped_volume_are_faults(built: Guest) -> None:
    built.sh("sync; dmsetup suspend my--vg-lin")
    found = ask(built, """
        wanted = record("my-vg", "lin", "str")
        suspended = faults(wanted)
        lin, thin = devices["my--vg-lin"].uuid, devices["my--vg-str"].uuid
        refused = dm.wipe([lin, thin, lin, "LVM-none"])
        read = [r.outcome for r in probe.probe(["/dev/my-vg/lin"], deadline=5)]
        answer = [suspended, refused, read, faults(wanted), dm.remove(lin), dm.remove("LVM-none")]
        """)  # fmt: skip
    assert found == [["LvSuspended"], [], ["error"], ["LvWrongTable"] * 2, "busy", "absent"]


def test_a_group_is_taken_down_without_lvm_and_udev_cleans_up(built: Guest) -> None:
    built.run("umount", "/srv/data")
    left = ask(built, """
        mine = dm.of_vg(devices.values(), record("my-vg", "lin").vg_uuid)
        dm.wipe([device.uuid for device in mine])
        order = dm.removal_order(mine, lambda device: dm.dependencies(device.uuid))
        removed = [dm.remove(device.uuid) for device in order]
        answer = [removed, len(dm.of_vg(dm.list_devices(), mine[0].uuid[4:36]))]
        """)  # fmt: skip
    assert (set(left[0]), left[1]) == ({"removed"}, 0)
    built.settle()
    assert built.sh("ls /dev/mapper; ls /dev/my-vg 2>/dev/null || true").stdout.split() == [
        "behind-far",
        "control",
        "slow",
    ]
    built.run("vgchange", "-ay", VG)
    assert built.run("lvs", "--noheadings", "-o", "lv_health_status", VG).stdout.split() == []


def test_a_pulled_disk_is_a_fault_only_where_it_is_missed(built: Guest) -> None:
    disk = built.disk("SHARED2")
    built.sh("umount /srv/data; mkdir -p /run/test")
    ask(built, """
        from lvmkit.model.record import dump
        for name, lvs in (("all", ("lin", "rd")), ("raid", ("rd",))):
            open(f"/run/test/{name}", "w").write(dump(record("my-vg", *lvs, pvs=[sys.argv[1]])))
        answer = None
        """, disk)  # fmt: skip
    built.lose_disk("SHARED2")
    found = ask(built, """
        from lvmkit.model.record import parse
        now = {name: parse(open(f"/run/test/{name}").read()) for name in ("all", "raid")}
        answer = [sysfs.condition(now["all"].physical[0].number), faults(now["all"]), faults(now["raid"])]
        """)  # fmt: skip
    assert found[0] == "gone"
    assert found[1][-1:] == ["PvGone"]
    assert set(found[2]) <= {"PvDegraded", "LvDegraded"}
    assert "PvDegraded" in found[2]
    built.bring_disk_back("SHARED2")
    found = ask(built, """
        from lvmkit.model.record import parse
        answer = [fault for fault in faults(parse(open("/run/test/all").read())) if fault.startswith("Pv")]
        """)  # fmt: skip
    assert found == ["PvGone"], "back under the old number or another: the volumes stand on what is gone"

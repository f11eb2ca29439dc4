"""The rows of the fault table: what is done to the storage, and what is right to say about it then."""

from __future__ import annotations

from dataclasses import dataclass

from faults.layouts import LV, MOUNT, PATHS, SECTORS, VG, exchange, on_disk
from lab.guests.guest import BY_ID

DEVICE = f"/dev/{VG}/{LV}"
MAPPED = f"{VG}-{LV}"
ERROR = f"0 {SECTORS} error"
UP, DOWN = "up", "down"
USE = f"(head -c 300000 /dev/urandom > {MOUNT}/more; sync -f {MOUNT}) 2>/dev/null & sleep 2; kill $! 2>/dev/null || :"
"""somebody writes, so that the kernel notices"""
SPARE = f"{BY_ID}SHARED3"
"""a disk that nobody uses"""
ON_THEIR_WAY = "Requests of processes wait in the disk, and the kernel ends neither: a stop can only name them."
NOT_OURS = "A script leaves what others have mounted, and names it; the stop of a cluster unmounts it."
OTHER_HOST = """--config 'local/extra_system_ids=["elsewhere"]'"""


@dataclass(frozen=True)
class Row:
    """One fault.

    name: as the table has it.  layout: see layouts.  fault: a shell script that makes it.  when: UP, while the service
    runs, or DOWN, before it is brought up.  heal: undoes it; "" where nothing does, or nothing has to.
    allowed: whether a check that is not fine is right although the volume can be read and written.
    stays: whether a stop may fail, in time and with a number: somebody uses the volume who must not or cannot be ended.
    unseen: whether a start cannot see the fault: the kernel meets it when the next block is written.
    applies: whether the fault means anything to the peer.  note: what the table says besides.
    """

    name: str
    fault: str
    layout: str = "ext4"
    when: str = UP
    heal: str = ""
    allowed: bool = False
    stays: bool = False
    unseen: bool = False
    applies: bool = True
    note: str = ""


def _lying(name: str, feature: str) -> str:
    return exchange(name, on_disk(name, "flakey", f"0 60 1 {feature}"))


HEALED1 = exchange("path1", on_disk("path1", "linear"))
HEALED2 = exchange("path2", on_disk("path2", "linear"))
BOTH = f"{HEALED1}; {HEALED2}"
SUSPENDED = "dmsetup suspend --noflush --nolockfs {}"
_DISK1 = f'$(basename "$(readlink -e {PATHS["path1"]})")'
_NUMBER2 = f"cat /sys/block/$(basename $(readlink -e {PATHS['path2']}))/dev"
_RESCAN = f"echo '- - -' > /sys/class/scsi_host/host0/scan; until [ -e {BY_ID}SHARED1 ]; do sleep 0.1; done; {HEALED1}"

DISKS = (
    Row("PV answers errors below a mounted ext4", f"{exchange('path1', ERROR)}; {USE}", heal=HEALED1),
    Row("PV answers errors below a mounted xfs", f"{exchange('path1', ERROR)}; {USE}", "xfs", heal=HEALED1),
    Row("PV hangs: suspended", SUSPENDED.format("path1"), heal="dmsetup resume path1", stays=True, note=ON_THEIR_WAY),
    Row(
        "PV hangs: 60 s for each request",
        exchange("path1", on_disk("path1", "delay", "60000"), known=False),
        heal=HEALED1,
        stays=True,
        note=ON_THEIR_WAY,
    ),
    Row("every PV answers errors", f"{exchange('path1', ERROR)}; {exchange('path2', ERROR)}; {USE}", "both", heal=BOTH),
    Row(
        "every PV hangs: suspended",
        SUSPENDED.format("path1 path2"),
        "both",
        heal="dmsetup resume path1 path2",
        stays=True,
        note=ON_THEIR_WAY,
    ),
    Row("PV is slow: 200 ms for each request", exchange("path1", on_disk("path1", "delay", "200")), heal=HEALED1),
    Row("PV answers errors to writes only", f"{_lying('path1', 'error_writes')}; {USE}", heal=HEALED1),
    Row(
        "PV drops writes in silence",
        f"{_lying('path1', 'drop_writes')}; {USE}",
        heal=HEALED1,
        allowed=True,
        note="Nobody can see it: reads and writes succeed.",
    ),
    Row("SCSI disk deleted", f"echo 1 > /sys/block/{_DISK1}/device/delete; {USE}", heal=_RESCAN),
    Row("half of the PVs gone below a striped volume", f"{exchange('path2', ERROR)}; {USE}", "both", heal=HEALED2),
    Row(
        "half of the PVs gone, before the start",
        "dmsetup remove path2",
        "both",
        DOWN,
        f'dmsetup create path2 --table "0 {SECTORS} linear {PATHS["path2"]} 2048"; udevadm settle',
    ),
    Row("PV answers errors, before the start", exchange("path1", ERROR), when=DOWN, heal=HEALED1),
    Row(
        "PV hangs, before the start",
        "dmsetup suspend --noflush path1",
        when=DOWN,
        heal="dmsetup resume path1",
        stays=True,
        note="The LVM command of the start waits in the disk and may still act, so a stop names it.",
    ),
    Row(
        "a clone of a PV appears",
        f"dd if=/dev/mapper/path1 of={SPARE} bs=1M count=2 conv=fsync status=none; udevadm settle",
        allowed=True,
    ),
    Row(
        "a clone of a PV, before the start",
        f"dd if=/dev/mapper/path1 of={SPARE} bs=1M count=2 conv=fsync status=none; udevadm settle",
        when=DOWN,
        heal=f"wipefs -qa {SPARE}; udevadm settle",
    ),
    Row(
        "multipath with queue_if_no_path and all paths gone",
        f"dmsetup message path2 0 fail_path $({_NUMBER2})",
        "multipath",
        heal=f"dmsetup message path2 0 reinstate_path $({_NUMBER2})",
        stays=True,
        note=ON_THEIR_WAY,
    ),
)

_METADATA = f"{VG}-pool_tmeta"
_TAKE_ITS_TABLE = f"set -- $(dmsetup table {_METADATA})"
_NEEDS_CHECK = "; ".join(
    (
        _TAKE_ITS_TABLE,
        exchange(_METADATA, "0 $2 flakey $4 $5 0 60 1 error_writes"),
        USE,
        exchange(_METADATA, "0 $2 linear $4 $5"),
    )
)
"""its writes fail for a moment, so that the kernel notes that"""

VOLUMES = (
    Row("one of eight volumes taken away, protected", f"umount {MOUNT}; dmsetup remove {MAPPED}", "eight"),
    Row("one of eight volumes taken away, not protected", f"dmsetup remove {VG}-lv5", "eight"),
    Row(
        "a volume suspended",
        f"dmsetup suspend {MAPPED}",
        heal=f"dmsetup resume {MAPPED}",
        stays=True,
        note="Only who suspended it knows what for: a stop names it.",
    ),
    Row(
        "a volume suspended for half a second",
        f"(dmsetup suspend {MAPPED}; sleep 0.5; dmsetup resume {MAPPED}) & sleep 0.1",
    ),
    Row("a volume's table replaced by errors", exchange(MAPPED, "0 131072 error")),
    Row(
        "a volume's table replaced by zeros",
        exchange(MAPPED, "0 131072 zero"),
        allowed=True,
        note="Reads and writes succeed, and nothing is stored.",
    ),
    Row(
        "a thin pool is full",
        f"dd if=/dev/zero of={MOUNT}/full bs=1M count=40 oflag=direct || :",
        "thin",
        unseen=True,
        note="After a start the kernel takes the pool as good until it lacks a block.",
    ),
    Row(
        "a thin pool whose metadata cannot be written",
        f"{exchange(VG + '-pool_tmeta', '0 8192 error')}; {USE}",
        "thin",
    ),
    Row("a thin pool whose metadata needs a check", _NEEDS_CHECK, "thin", allowed=True),
    Row("raid1 with a dead leg", f"{exchange('path2', ERROR)}; {USE}", "raid1", heal=HEALED2, allowed=True),
    Row(
        "snapshot overflow",
        f"dd if=/dev/urandom of={MOUNT}/big bs=1M count=20 oflag=direct status=none",
        "snapshot",
    ),
    Row(
        "system ID stolen while active",
        f"vgchange -qq -y --driverloaded n --systemid elsewhere {VG}",
        heal=f"vgchange -qq -y --driverloaded n {OTHER_HOST} --systemid $(uname -n) {VG}",
        allowed=True,
    ),
    Row("group renamed while up", f"vgrename -qq {VG} other", heal=f"vgrename -qq other {VG}", allowed=True),
    Row("group renamed, before the start", f"vgrename -qq {VG} other", when=DOWN, heal=f"vgrename -qq other {VG}"),
    Row(
        "group replaced by another of its name, before the start",
        f"vgrename -qq {VG} other; vgcreate -qq {VG} {SPARE}; lvcreate -qqy -L 64M -n {LV} {VG};"
        f"mkfs.ext4 -q /dev/{VG}/{LV}; vgchange -qq -an {VG}; vgexport -qq other",
        when=DOWN,
    ),
)

FILE_SYSTEMS = (
    Row(
        "ext4 given up (errors=remount-ro)",
        f"echo 1 > /sys/fs/ext4/$(basename $(readlink -e {DEVICE}))/trigger_fs_error",
        "errors",
    ),
    Row("xfs given up (shut down)", f"xfs_io -x -c shutdown {MOUNT}", "xfs"),
    Row("remounted read-only by hand", f"mount -o remount,ro {MOUNT}", heal=f"mount -o remount,rw {MOUNT}"),
    Row(
        "mounted over by a tmpfs",
        f"mount -t tmpfs none {MOUNT}",
        heal=f"umount {MOUNT}",
        stays=True,
        note=NOT_OURS,
    ),
    Row(
        "mounted over by another device",
        f"mkfs.ext4 -q {SPARE}; mount {SPARE} {MOUNT}",
        heal=f"umount {MOUNT}",
        stays=True,
        note=NOT_OURS,
    ),
    Row("unmounted by hand", f"umount {MOUNT}"),
    Row(
        "the mount point is a symbolic link",
        f"mkdir /srv/real; rmdir {MOUNT}; ln -s real {MOUNT}",
        when=DOWN,
        heal=f"rm {MOUNT}; mkdir {MOUNT}",
    ),
    Row("frozen", f"fsfreeze -f {MOUNT}", heal=f"fsfreeze -u {MOUNT}"),
    Row("frozen xfs", f"fsfreeze -f {MOUNT}", "xfs", heal=f"fsfreeze -u {MOUNT}"),
    Row(
        "a volume becomes write-protected", f"lvchange -qq -p r {VG}/{LV}; {USE}", heal=f"lvchange -qq -p rw {VG}/{LV}"
    ),
    Row(
        "write-protected volume, before the start",
        f"lvchange -qq -p r {VG}/{LV}",
        when=DOWN,
        heal=f"lvchange -qq -p rw {VG}/{LV}",
    ),
    Row(
        "another device in the place of the volume, before the start",
        f"mkfs.ext4 -q {SPARE}; vgchange -qq -ay {VG}; udevadm settle; ln -sf $(readlink -e {SPARE}) {DEVICE}",
        when=DOWN,
        heal=f"ln -sf ../mapper/{MAPPED} {DEVICE}",
    ),
)

LOOP = f"truncate -s 16M {MOUNT}/image; losetup /dev/loop0 {MOUNT}/image"
LEG = f"/dev/{VG}/leg"
ARRAY = f"mdadm -q --create /dev/md7 --run --level=1 --force --raid-devices=1 --metadata=1.2 {LEG}"
SWAP = f"{MOUNT}/swap"

HOLDERS = (
    Row("held open by a process", f"cd {MOUNT}; sleep 1000 < file &"),
    Row(
        "held by a process that ignores SIGTERM",
        f"cd {MOUNT}; sh -c 'trap \"\" TERM; while :; do sleep 1; done' & sleep 0.5",
    ),
    Row("held in a private mount namespace", "unshare -m --propagation private sleep 1000 & sleep 0.5"),
    Row("held in a shared mount namespace", "unshare -m --propagation shared sleep 1000 & sleep 0.5"),
    Row(
        "swap on a file in it",
        f"dd if=/dev/zero of={SWAP} bs=1M count=4 status=none; chmod 600 {SWAP}; mkswap -q {SWAP}; swapon {SWAP}",
        heal=f"swapoff {SWAP}",
        stays=True,
    ),
    Row("loop device on a file in it", LOOP, heal="losetup -d /dev/loop0", stays=True),
    Row(
        "swap on another volume of the group",
        f"lvcreate -qqy -L 16M -n leg {VG}; mkswap -q {LEG}; swapon {LEG}",
        heal=f"swapoff {LEG}",
        stays=True,
    ),
    Row(
        "loop device on another volume of the group",
        f"lvcreate -qqy -L 16M -n leg {VG}; losetup /dev/loop0 {LEG}",
        heal="losetup -d /dev/loop0",
        stays=True,
    ),
    Row(
        "a nested volume group on a loop device in it",
        f"{LOOP}; vgcreate -qq nested /dev/loop0; lvcreate -qqy -l 1 -n inner nested",
        heal="vgchange -qq -an nested; losetup -d /dev/loop0",
        stays=True,
    ),
    Row(
        "an md array on another volume of the group",
        f"lvcreate -qqy -L 16M -n leg {VG}; {ARRAY}",
        heal="mdadm -q --stop /dev/md7",
        stays=True,
    ),
    Row(
        "bind-mounted elsewhere",
        f"mkdir -p /srv/bound; mount --bind {MOUNT} /srv/bound",
        heal="umount /srv/bound",
        stays=True,
    ),
)

_REAL = "umount /sbin/lvm"


def _instead_of_lvm(script: str) -> str:
    """Return what puts a script in the place of LVM's one program."""
    write = f"printf '#!/bin/sh\\n%s\\n' '{script}' > /root/lvm; chmod 755 /root/lvm"
    return f"{write}; mount --bind /root/lvm /sbin/lvm"


_LOCKED = f"mkdir -p /run/lock/lvm; flock /run/lock/lvm/V_{VG} sleep 1000 & sleep 0.5"
_FILLED = "dd if=/dev/zero of={folder}/full bs=64k status=none 2>/dev/null || :"
_VAR = "cp -a /var/lib/lvmkit /root/kept 2>/dev/null || :; mount -t tmpfs -o size=2m none /var/lib"

_UDEV = "$(pidof systemd-udevd)"

SURROUNDINGS = (
    Row("LVM's lock on the group held by another", _LOCKED, when=DOWN, heal="pkill -x sleep"),
    Row("LVM's lock held while the service runs", _LOCKED, heal="pkill -x sleep", stays=True),
    Row("lvm is killed", _instead_of_lvm("kill -9 $$"), when=DOWN, heal=_REAL),
    Row("lvm prints garbage", _instead_of_lvm("echo garbage; exit 0"), when=DOWN, heal=_REAL),
    Row("lvm never ends", _instead_of_lvm("exec sleep 1000"), when=DOWN, heal=_REAL),
    Row("lvm never ends while the service runs", _instead_of_lvm("exec sleep 1000"), heal=_REAL, stays=True),
    Row("lvm is missing", "mount --bind /dev/null /sbin/lvm", when=DOWN, heal=_REAL),
    Row("lvm is missing while the service runs", "mount --bind /dev/null /sbin/lvm", heal=_REAL, stays=True),
    Row("/run is full", _FILLED.format(folder="/run"), heal="rm /run/full"),
    Row(
        "/var is full",
        f"{_VAR}; cp -a /root/kept /var/lib/lvmkit 2>/dev/null || :; {_FILLED.format(folder='/var/lib')}",
        heal="umount /var/lib",
    ),
    Row("/etc is read-only", "mount --bind /etc /etc; mount -o remount,bind,ro /etc", heal="umount /etc"),
    Row("udev does not work, before the start", f"kill -STOP {_UDEV}", when=DOWN, heal=f"kill -CONT {_UDEV}"),
    Row(
        "/dev/mapper is hidden",
        "mount -t tmpfs none /dev/mapper",
        heal="umount /dev/mapper",
        allowed=True,
        stays=True,
        note="Device-mapper cannot be asked.",
    ),
    Row("the group's links below /dev are gone", f"rm -r /dev/{VG}"),
    Row("the record is lost", "rm -rf /run/lvmkit/*", applies=False),
    Row("the record is forged", "for it in /run/lvmkit/lvm*; do echo garbage > $it; done", applies=False),
    Row("the clock jumps an hour ahead", "date -s '+1 hour' > /dev/null"),
    Row("the clock jumps an hour back", "date -s '-1 hour' > /dev/null"),
)

ROWS = (*DISKS, *VOLUMES, *FILE_SYSTEMS, *HOLDERS, *SURROUNDINGS)

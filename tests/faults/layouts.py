"""The storage that a fault happens to: a volume group on two devices that can be made to fail, hang or lie.

The protected volume is always `data`, with a file system on /srv/data that holds a file with known content.
"""

from __future__ import annotations

from lab.guests.guest import BY_ID
from lab.helpers_kinds import MAP_WITHOUT_DAEMON

VG, LV, MOUNT = "vgf", "data", "/srv/data"
SECTORS = 514048
"""size of each of the two devices"""
PATHS = {"path1": f"{BY_ID}SHARED1", "path2": f"{BY_ID}SHARED2"}
"""the devices below the physical volumes, and the disk each begins on, at sector 2048"""

_BEGIN = (
    "".join(f'dmsetup create {name} --table "0 {SECTORS} linear {disk} 2048"\n' for name, disk in PATHS.items())
    + f"vgcreate -qq {VG} /dev/mapper/path1 /dev/mapper/path2\n"
)
_END = f"""
mkdir -p {MOUNT}
mount /dev/{VG}/{LV} {MOUNT}
head -c 1000000 /dev/urandom > {MOUNT}/file
sha256sum {MOUNT}/file > /root/sum
sync
"""
_EXT4 = f"mkfs.ext4 -q /dev/{VG}/{LV}"

_MULTIPATH = "multipath 1 queue_if_no_path 0 1 1 service-time 0 1 1"

LAYOUTS = {
    "ext4": f"lvcreate -qqy -L 64M -n {LV} {VG} /dev/mapper/path1; {_EXT4}",
    "errors": f"lvcreate -qqy -L 64M -n {LV} {VG} /dev/mapper/path1; {_EXT4}; tune2fs -e remount-ro /dev/{VG}/{LV}",
    "xfs": f"lvcreate -qqy -L 320M -n {LV} {VG}; mkfs.xfs -q /dev/{VG}/{LV}",
    "both": f"lvcreate -qqy -L 64M -i 2 -n {LV} {VG}; {_EXT4}",
    "thin": f"lvcreate -qqy -T {VG}/pool -L 16M -V 64M -n {LV} --errorwhenfull y /dev/mapper/path1; {_EXT4}",
    "raid1": f"lvcreate -qqy --type raid1 -m 1 --nosync -L 32M -n {LV} {VG}; {_EXT4}",
    "snapshot": f"lvcreate -qqy -L 64M -n {LV} {VG}; {_EXT4}; lvcreate -qqy -s -L 4M -n snap {VG}/{LV}",
    "eight": f"lvcreate -qqy -L 64M -n {LV} {VG}; {_EXT4}; "
    + "".join(f"lvcreate -qqy -L 8M -n lv{number} {VG}; " for number in range(2, 9)),
    "multipath": f"""
{MAP_WITHOUT_DAEMON}
vgreduce -qq {VG} /dev/mapper/path2
pvremove -qq /dev/mapper/path2
dmsetup remove path2
dmsetup create path2 --uuid mpath-path2 --table "0 {SECTORS} {_MULTIPATH} {PATHS["path2"]} 1"
vgextend -qq {VG} /dev/mapper/path2
lvcreate -qqy -L 64M -n {LV} {VG} /dev/mapper/path2; {_EXT4}""",
}
"""how the volumes of each layout are made"""


def build(layout: str) -> str:
    """Return the shell script that makes a layout on empty disks, mounted."""
    return f"{_BEGIN}{LAYOUTS[layout]}{_END}"


def exchange(name: str, table: str, known: bool = True) -> str:
    """Return the shell command that puts another table in the place of a device's, with I/O on its way.

    known: whether udev has looked at the device when it ends; it cannot where each request takes a minute.
    """
    resume = "dmsetup resume" if known else "dmsetup resume --noudevsync"
    return f'dmsetup suspend --noflush --nolockfs {name}; dmsetup load {name} --table "{table}"; {resume} {name}'


def on_disk(name: str, target: str, rest: str = "") -> str:
    """Return the table of a target that passes on to the disk below one of PATHS."""
    return f"0 {SECTORS} {target} {PATHS[name]} 2048{f' {rest}' if rest else ''}"

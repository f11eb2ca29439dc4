"""A volume group on every kind of physical volume, with every kind of logical volume."""

from __future__ import annotations

from lab.guests.guest import BY_ID, Guest

VG = "kinds"
MAP_WITHOUT_DAEMON = "ln -s /dev/null /etc/udev/rules.d/56-dm-mpath.rules; udevadm control --reload"
"""where multipathd does not run, udev's rules for its maps would have paths fail"""
MAP_UUID = "mpath-3333333330000007d0"
"""as multipathd names the map of a disk of scsi_debug"""

BUILD = f"""
echo 'label: gpt
,64MiB' | sfdisk -q {BY_ID}SHARED1
mdadm -q --create /dev/md0 --run --assume-clean --metadata=1.2 --level=1 --raid-devices=2 \
    {BY_ID}PRIVATE1 {BY_ID}PRIVATE2
dmsetup create plain --table "0 131072 linear {BY_ID}SHARED3 2048"
modprobe scsi_debug max_luns=1 num_tgts=1 vpd_use_hostno=0 add_host=2 dev_size_mb=64
udevadm settle
set -- $(grep -l scsi_debug /sys/block/sd*/device/model | cut -d/ -f4)
printf 'devices {{ global_filter=[ "r|^/dev/%s$|", "r|^/dev/%s$|" ] }}\n' $1 $2 > /etc/lvm/lvmlocal.conf
{MAP_WITHOUT_DAEMON}
dmsetup create multi --uuid {MAP_UUID} --table "0 131072 multipath 0 0 2 1 \
service-time 0 1 2 $(cat /sys/block/$1/dev) 1 1 service-time 0 1 2 $(cat /sys/block/$2/dev) 1 1"
udevadm settle
vgcreate -qq -s 1M {VG} {BY_ID}SHARED1-part1 {BY_ID}SHARED2 /dev/md0 /dev/mapper/plain /dev/mapper/multi
lvcreate -qqy -n wide -L 20M -i 5 -I 64k {VG}
lvcreate -qqy -n twin -L 8M --type raid1 -m 1 --nosync {VG} {BY_ID}SHARED2 /dev/mapper/plain
lvcreate -qqy -T {VG}/pool -L 16M -V 32M -n thin
lvcreate -qqy -n base -L 8M {VG}
lvcreate -qqy -n snap -L 4M -s {VG}/base
for lv in thin snap; do lvmkit -q create /dev/{VG}/$lv; done
"""


def build(guest: Guest) -> None:
    """Make the volume group; all its volumes are active, and two of them protected."""
    guest.sh("systemctl stop lvmkit-check.timer")
    guest.sh(BUILD, timeout=180)

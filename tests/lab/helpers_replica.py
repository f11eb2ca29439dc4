"""A DRBD device that both servers of the cluster have, replicated over the private link; Primary on the first.

Debian 12's kernel has DRBD 8.4. What matters of it: LVM sees the physical volume on the disk below, too, on a Secondary
without a word, unless a filter hides that disk; DRBD does not notice what is written there.
"""

from __future__ import annotations

from lab.audit import Cluster
from lab.guests.guest import BY_ID, Guest

DEVICE, BACKING = "/dev/drbd0", f"{BY_ID}PRIVATE1"
VG, MOUNT = "replicated", "/srv/replicated"
RESOURCE = f"""resource r0 {{
  device {DEVICE}; disk {BACKING}; meta-disk internal;
  on node1 {{ address 10.77.0.1:7789; }}
  on node2 {{ address 10.77.0.2:7789; }}
}}
"""
FILTER = r"""sed -i 's#^devices {#devices {\n\tglobal_filter = [ "r|^/dev/disk/by-id/.*PRIVATE1$|" ]#' /etc/lvm/lvm.conf
hidden=$(readlink -e /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_PRIVATE1)
if pvs -a --noheadings -o name | grep -qwF "$hidden"; then exit 1; fi"""
UP = "cat > /etc/drbd.d/r0.res; modprobe drbd; drbdadm create-md --force r0 >/dev/null 2>&1; drbdadm up r0"
PRIMARY = """until grep -q cs:Connected /proc/drbd; do sleep 0.5; done
drbdadm -- --clear-bitmap new-current-uuid r0/0
drbdadm primary r0"""
CONNECTED = "until grep -q 'cs:Connected.*ds:UpToDate/UpToDate' /proc/drbd; do sleep 0.5; done"
MAKE = f"""
vgcreate -qq --setautoactivation n {VG} {DEVICE}
lvcreate -qq -L 64M -n db {VG}
mkfs.ext4 -q /dev/{VG}/db
mkdir -p {MOUNT}
mount /dev/{VG}/db {MOUNT}
"""


def connect(cluster: Cluster) -> None:
    """Make the replicated device: Primary on the first server, Secondary on the second, both up to date."""
    for node in (1, 2):
        cluster.guest(node).run("/bin/sh", "-euc", UP, stdin=RESOURCE.encode())
    cluster.guest(1).sh(PRIMARY)
    for node in (1, 2):
        cluster.guest(node).sh(CONNECTED)


def hide_backing_disk(guest: Guest) -> None:
    """Keep LVM off the disk below the replicated device, as DRBD's own guide says."""
    guest.sh(FILTER)


def fingerprint(guest: Guest) -> str:
    """Return a digest of what LVM has at the beginning of the backing disk, label and metadata; no cache is asked."""
    return guest.sh(f"dd if={BACKING} bs=1M count=1 iflag=direct status=none | sha256sum").stdout.split()[0]

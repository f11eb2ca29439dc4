"""A file system on a disk that two servers share, reserved for the one that has it."""

from __future__ import annotations

import time

from lab.audit import Cluster
from lab.guests.luns import VENDOR, Lun
from lab.helpers_protected import PATIENCE

VG, MOUNT = "reserved", "/srv/reserved"
FILE = f"{MOUNT}/records"
FIND = f"""for i in $(seq 100); do
  for disk in /sys/block/sd*; do
    if grep -q {VENDOR} $disk/device/vendor; then echo /dev/${{disk##*/}}; exit 0; fi
  done
  sleep 0.2
done
exit 1"""
PREPARE = f"""
vgcreate -qq --setautoactivation n {VG} @DISK@
lvcreate -qq -Wn -Zn -L 128M -n data {VG}
mkfs.ext4 -q /dev/{VG}/data
mkdir -p {MOUNT}
mount /dev/{VG}/data {MOUNT}
"""
PROTECT = f"""
lvmkit create {MOUNT} --reservation scsi
lvmkit extend {MOUNT} --to node2
"""
# What doctor says of the disk: who holds it.
HOLDER = f"lvmkit doctor --here 2>&1 | grep -o 'on which {VG} is, is reserved by [^;]*' | head -1"


def find(cluster: Cluster) -> str:
    """Wait until both servers see the disk; return its device on node1."""
    cluster.guest(2).sh(FIND)
    return cluster.guest(1).sh(FIND).stdout.strip()


class Reserved:
    """The cluster with the file system on the shared disk, in service on node1."""

    def __init__(self, cluster: Cluster, lun: Lun, device: str) -> None:
        """device: of the disk on node1."""
        self.cluster, self.lun = cluster, lun
        cluster.guest(1).sh(PREPARE.replace("@DISK@", device) + PROTECT, timeout=PATIENCE)

    def holder(self, node: int) -> str:
        """The server that holds the disk, as a server's doctor sees it; "nobody"."""
        said = self.cluster.guest(node).sh(HOLDER, check=False).stdout.strip().rpartition(" by ")[2]
        return said.rpartition("(")[2].rstrip(")") if "(" in said else said

    def move(self, node: int) -> None:
        """Bring it in service on a server."""
        words = ("lvmkit", "in-service", MOUNT, "--on", f"node{node}")
        self.cluster.guest(node).run(*words, timeout=PATIENCE)

    def is_mounted(self, node: int) -> bool:
        """Whether the file system is mounted there."""
        return self.cluster.guest(node).run("mountpoint", "-q", MOUNT, check=False).returncode == 0

    def wait_until_mounted(self, node: int, deadline: float = PATIENCE) -> None:
        """Wait for the takeover."""
        end = time.monotonic() + deadline
        while not self.is_mounted(node):
            assert time.monotonic() < end, f"not mounted on node{node} in {deadline} s"
            time.sleep(1)

"""A DRBD resource of three volumes that both servers of the cluster have, replicated over the private link.

Debian 12's kernel has DRBD 8.4. What matters of it: LVM sees the physical volume on the disk below, too, on a Secondary
without a word, unless a filter hides that disk; DRBD does not notice what is written there.
"""

from __future__ import annotations

import time

from lab.audit import Cluster
from lab.guests.guest import BY_ID, Guest

DEVICES = ("/dev/drbd0", "/dev/drbd1", "/dev/drbd2")
BACKING = f"{BY_ID}PRIVATE1"
DISKS = {1: ("PRIVATE1", "PRIVATE2", "SHARED3"), 2: ("PRIVATE1", "PRIVATE2", "SHARED4")}
"""below the volumes of each server; a shared disk is used by one of them alone"""
VG, MOUNT, OTHER = "replicated", "/srv/replicated", "/srv/second"
GROUP, ROOT = f"lvmkit-{VG}", "lvmkit-_2fsrv_2freplicated"
"""what Pacemaker calls the volume group and the first file system"""
FILTER = r"""sed -i 's#^devices {#devices {\n\tglobal_filter = [ PATTERNS ]#' /etc/lvm/lvm.conf
hidden=$(readlink -e /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_PRIVATE1)
if pvs -a --noheadings -o name | grep -qwF "$hidden"; then exit 1; fi"""
NO_FILTER = r"""sed -i '/global_filter.*PRIVATE/d' /etc/lvm/lvm.conf
if lvmconfig devices/global_filter; then exit 1; fi"""
PATTERNS = r'"r|^/dev/disk/by-id/.*PRIVATE[12]$|", "r|^/dev/disk/by-id/.*SHARED[34]$|"'
UP = "cat > /etc/drbd.d/r0.res; modprobe drbd; drbdadm create-md --force r0 >/dev/null 2>&1; drbdadm up r0"
PRIMARY = """until [ "$(grep -c cs:Connected /proc/drbd)" = 3 ]; do sleep 0.5; done
for volume in 0 1 2; do drbdadm -- --clear-bitmap new-current-uuid r0/$volume; done
drbdadm primary r0"""
CONNECTED = """until [ "$(grep -c 'cs:Connected.*ds:UpToDate/UpToDate' /proc/drbd)" = 3 ]; do sleep 0.5; done"""
MAKE = f"""
vgcreate -qq --setautoactivation n {VG} {DEVICES[0]} {DEVICES[1]}
for name in replicated second; do
  lvcreate -qq -Wn -Zn --type striped --stripes 2 -L 48M -n $name {VG}
  mkfs.ext4 -q /dev/{VG}/$name
  mkdir -p /srv/$name
  mount /dev/{VG}/$name /srv/$name
done
"""
ONLY = f"--devices {DEVICES[0]},{DEVICES[1]}"
MAKE_UNFILTERED = MAKE.replace("vgcreate", f"vgcreate {ONLY}").replace("lvcreate", f"lvcreate {ONLY}")
"""where LVM sees the disks below, too"""
VERIFY = """drbdadm verify r0
sleep 1
while grep -q cs:Verify /proc/drbd; do sleep 0.5; done
grep -o 'oos:[0-9]*' /proc/drbd"""
CLONE = """<clone id="drbd-r0-clone">
  <meta_attributes id="drbd-r0-clone-meta">
    <nvpair id="drbd-r0-clone-meta-promotable" name="promotable" value="true"/>
    <nvpair id="drbd-r0-clone-meta-notify" name="notify" value="true"/>
    <nvpair id="drbd-r0-clone-meta-promoted-max" name="promoted-max" value="1"/>
    <nvpair id="drbd-r0-clone-meta-clone-max" name="clone-max" value="2"/>
  </meta_attributes>
  <primitive id="drbd-r0" class="ocf" provider="linbit" type="drbd">
    <instance_attributes id="drbd-r0-params">
      <nvpair id="drbd-r0-params-r" name="drbd_resource" value="r0"/>
    </instance_attributes>
    <operations>
      <op id="drbd-r0-start" name="start" interval="0s" timeout="240s"/>
      <op id="drbd-r0-promote" name="promote" interval="0s" timeout="90s"/>
      <op id="drbd-r0-demote" name="demote" interval="0s" timeout="90s"/>
      <op id="drbd-r0-stop" name="stop" interval="0s" timeout="100s"/>
      <op id="drbd-r0-notify" name="notify" interval="0s" timeout="90s"/>
      <op id="drbd-r0-promoted" name="monitor" interval="29s" timeout="30s" role="Promoted"/>
      <op id="drbd-r0-unpromoted" name="monitor" interval="31s" timeout="30s" role="Unpromoted"/>
    </operations>
  </primitive>
</clone>"""
RUN = f"""cibadmin --create --scope resources --xml-text '{CLONE}'
crm_resource --wait --timeout=120
grep -q ro:Primary /proc/drbd"""


def connect(cluster: Cluster) -> None:
    """Make the replicated devices: Primary on the first server, Secondary on the second, both up to date."""
    for node in (1, 2):
        cluster.guest(node).run("/bin/sh", "-euc", UP, stdin=_resource().encode())
    cluster.guest(1).sh(PRIMARY)
    is_whole(cluster)


def is_whole(cluster: Cluster, timeout: float = 120.0) -> None:
    """Wait until both servers see all volumes connected and up to date on both."""
    for node in (1, 2):
        cluster.guest(node).sh(CONNECTED, timeout=timeout)


def let_cluster_run_it(cluster: Cluster) -> None:
    """Have the cluster promote it from now on; it finds it as it is."""
    cluster.guest(1).sh(RUN, timeout=180)


def hide_backing_disk(guest: Guest) -> None:
    """Keep LVM off the disks below the replicated devices, as DRBD's own guide says."""
    guest.sh(FILTER.replace("PATTERNS", PATTERNS))


def show_backing_disk(guest: Guest) -> None:
    """Let LVM look at the disks below again, as it does where nobody has told it otherwise."""
    guest.sh(NO_FILTER)


def fingerprint(guest: Guest) -> str:
    """Return a digest of what LVM has at the beginning of the backing disk, label and metadata; no cache is asked."""
    return guest.sh(f"dd if={BACKING} bs=1M count=1 iflag=direct status=none | sha256sum").stdout.split()[0]


def same_on_both(cluster: Cluster) -> bool:
    """Return whether both backing disks have the same labels and metadata, which DRBD itself would not check."""
    for node in (1, 2):
        cluster.guest(node).run("sync")
    return fingerprint(cluster.guest(1)) == fingerprint(cluster.guest(2))


def replicas_are_equal(cluster: Cluster, node: int) -> None:
    """Have DRBD compare all that both servers have. node: where it is Primary."""
    cluster.guest(node).run("sync")
    unlike = cluster.guest(node).sh(VERIFY, timeout=300).stdout.split()
    assert set(unlike) == {"oos:0"}, "the replicas differ"


def is_in_service_on(cluster: Cluster, node: int) -> None:
    """Wait until a server has the group and the first file system, as its Pacemaker says."""
    wanted = (f"node{node}",)
    cluster.wait(lambda it: it.running(GROUP) == wanted and it.running(ROOT) == wanted, node=node, deadline=300)


def comes_back(cluster: Cluster) -> None:
    """Wait until node1, which was lost, is a member again and has all that was written meanwhile."""
    cluster.wait(lambda it: it.formed("node1", "node2"), node=2, deadline=300)
    cluster.guest(2).sh("crm_resource --wait --timeout=120", timeout=150, check=False)
    time.sleep(10)  # for the module on the server that came back
    is_whole(cluster, timeout=240)


def _resource() -> str:
    """Its configuration; fenced as DRBD's guide has it with Pacemaker."""
    servers = "\n".join(_server(node) for node in (1, 2))
    return f"""resource r0 {{
  net {{ verify-alg crc32c; }}
  disk {{ fencing resource-and-stonith; }}
  handlers {{
    fence-peer "/usr/lib/drbd/crm-fence-peer.sh";
    after-resync-target "/usr/lib/drbd/crm-unfence-peer.sh";
  }}
{servers}
}}
"""


def _server(node: int) -> str:
    volumes = "\n".join(
        f"    volume {number} {{ device {device}; disk {BY_ID}{disk}; meta-disk internal; }}"
        for number, (device, disk) in enumerate(zip(DEVICES, DISKS[node]))
    )
    return f"  on node{node} {{\n    address 10.77.0.{node}:7789;\n{volumes}\n  }}"

"""What the tests of two servers share: two file systems on one volume group, on disks that both servers see."""

from __future__ import annotations

import time

from lab.audit import Cluster
from lab.guests.guest import BY_ID, Guest

VG = "my-vg.1"
MOUNT, OTHER = "/srv/db", "/srv/www"
MEMBERS = {VG, f"{VG}/db", f"{VG}/www", MOUNT, OTHER}
"""the tags that have a state on each server; the disks' are their own"""
GROUP, ROOT = "lvmkit-my-vg.1", "lvmkit-_2fsrv_2fdb"
"""what Pacemaker calls the volume group and the first file system"""
DISKS = ("SHARED1", "SHARED2")
NODES = ("node1", "node2")
PATIENCE = 600.0
"""seconds for a command of the kit"""
PREPARE = f"""
vgcreate -qq {VG} {" ".join(BY_ID + disk for disk in DISKS)}
for name in db www; do
    lvcreate -qq --type striped --stripes 2 -L 64M -n $name {VG}
    mkfs.ext4 -q /dev/{VG}/$name
    mkdir -p /srv/$name
    mount /dev/{VG}/$name /srv/$name
done
"""


def create(guest: Guest, *options: str) -> None:
    """Make the file systems and protect them on this server."""
    guest.sh(PREPARE)
    for mount in (MOUNT, OTHER):
        guest.run("lvmkit", "create", mount, *options, timeout=PATIENCE)
    guest.run("sync")


def extend(guest: Guest, to: int = 2, priority: int | None = None) -> None:
    """Let them run on a further server, too."""
    place = ("--priority", f"{priority}") if priority else ()
    guest.run("lvmkit", "extend", MOUNT, "--to", f"node{to}", *place, timeout=PATIENCE)
    guest.run("sync")


def protect_on_three(guest: Guest, *options: str) -> None:
    """Make and protect them, to run on node3 and node2, in that order, when node1 is gone."""
    create(guest, *options)
    for node, priority in ((2, 20), (3, 10)):
        extend(guest, node, priority)


def dies_and_returns(cluster: Cluster, nodes: tuple[str, ...], successor: int, home: int) -> None:
    """Let node1 die and return: what it had goes to the successor, and is at home in the end."""
    cluster.lab.kill(1)
    is_up_on(cluster, successor)
    cluster.lab.start(1)
    cluster.wait(lambda it: it.formed(*nodes), node=2)
    time.sleep(20)
    is_up_on(cluster, home)
    cluster.guest(2).run("crm_resource", "--wait", "--timeout=60")
    assert cluster.lab.cluster_status(2).running(GROUP) == (f"node{home}",)


def is_up_on(cluster: Cluster, node: int, *, deadline: float = 300.0) -> None:
    """Wait until both file systems are in service on a server, as that server's Pacemaker says."""
    wanted = (GROUP, ROOT, ROOT.replace("db", "www"))
    cluster.wait(lambda it: all(it.running(r) == (f"node{node}",) for r in wanted), node=node, deadline=deadline)

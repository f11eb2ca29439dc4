"""What the tests of two servers share: two file systems on one volume group, on disks that both servers see."""

from __future__ import annotations

from lab.guests.guest import BY_ID, Guest

VG = "my-vg.1"
MOUNT, OTHER = "/srv/db", "/srv/www"
MEMBERS = {VG, f"{VG}/db", f"{VG}/www", MOUNT, OTHER}
"""the tags that have a state on each server; the disks' are their own"""
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


def create(guest: Guest) -> None:
    """Make the file systems and protect them on this server."""
    guest.sh(PREPARE)
    for mount in (MOUNT, OTHER):
        guest.run("lvmkit", "create", mount, timeout=PATIENCE)
    guest.run("sync")


def extend(guest: Guest) -> None:
    """Let them run on the second server, too."""
    guest.run("lvmkit", "extend", MOUNT, "--to", NODES[1], timeout=PATIENCE)
    guest.run("sync")

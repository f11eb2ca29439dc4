"""The same two guests set up for one side or the other, each setting saved: a turn begins with a reset to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import hierarchies
from bench.hierarchies import KIT, NODES, PEER, VG, VOLUMES, Disks, mount_point, volume
from lab.guests.crm import ClusterStatus
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import CLUSTER, Lab

Say = Callable[[str], None]

SETTLE = 4.0
"""seconds after a reset: the guests' clocks have jumped, and the cluster's daemons take note of that"""
MOST_FILESYSTEMS = 2
BARE = "disks"
CREATE = f"""
vgcreate -qq --setautoactivation n {VG} {BY_ID}SHARED1 {BY_ID}SHARED2
for n in $(seq {VOLUMES}); do lvcreate -qq -L 24M -n lv$n {VG}; done
for n in $(seq {MOST_FILESYSTEMS}); do mkfs.ext4 -q /dev/{VG}/lv$n; done
udevadm settle
vgchange -qq -an {VG}
"""
OWN = f"vgchange -qq -y --config 'global/system_id_source=\"uname\"' --systemid node1 {VG}"
UNAME = """sed -i 's/^\\(\\s*\\)# system_id_source = .*/\\1system_id_source = "uname"/' /etc/lvm/lvm.conf
[ "$(lvm systemid)" = "  system ID: $(uname -n)" ]"""
REPORT = ("lvm", "fullreport", "--foreign", "--units", "b", "--configreport", "vg", "-o", "vg_uuid")
OPTIONS = ("--noheadings", "--foreign", "--separator", " ")


@dataclass(frozen=True)
class Stage:
    """The guests with a volume group of eight volumes, and what is known of it."""

    lab: Lab
    disks: Disks

    def guest(self, node: int) -> Guest:
        """A guest, from 1."""
        return Guest(self.lab, node)

    def label(self, side: str, filesystems: int) -> str:
        """Under which label a setting is saved."""
        return f"{side}{filesystems}"

    def turn(self, side: str, filesystems: int) -> None:
        """Begin a turn: everything as it was saved for that side, in service on node 1, and quiet."""
        self.lab.reset(self.label(side, filesystems))
        self.lab.wait_for_cluster(lambda it: in_service(it, side, filesystems) == NODES[0])
        time.sleep(SETTLE)

    def prepare(self, side: str, filesystems: int, say: Say) -> None:
        """Make the setting of a side and save it: in service on node 1, after it has been on both nodes once."""
        say(f"setting: {side}, {filesystems} file system(s)")
        self.lab.reset(BARE)
        self.lab.wait_for_cluster(lambda it: it.formed(*NODES))
        if side == PEER:
            for each in (1, 2):
                self.guest(each).sh(UNAME)
            self._cibadmin("--create", "--scope", "resources", text=hierarchies.peer_resources(filesystems))
        else:
            cib = self.guest(1).run("cibadmin", "--query").stdout
            self._cibadmin("--replace", text=hierarchies.kit_cib(cib, self.disks, filesystems))
        status = self.lab.wait_for_cluster(lambda it: bool(in_service(it, side, filesystems)))
        for node in (NODES[1], NODES[0]):
            if in_service(status, side, filesystems) != node:
                status = self.move(side, filesystems, node)
        self.lab.save(self.label(side, filesystems))

    def move(self, side: str, filesystems: int, node: str) -> ClusterStatus:
        """Move what is served to a node, and wait until it is there."""
        self.guest(1).run("crm_resource", "--move", "--resource", moved(side), "--node", node)
        status = self.lab.wait_for_cluster(lambda it: in_service(it, side, filesystems) == node)
        self.guest(1).run("crm_resource", "--clear", "--resource", moved(side))
        return status

    def _cibadmin(self, *words: str, text: str) -> None:
        self.guest(1).run("cibadmin", *words, "--xml-pipe", stdin=text.encode())


def moved(side: str) -> str:
    """The resource that a move names; all others go with it."""
    return hierarchies.GROUP if side == PEER else hierarchies.kit_vg()


def agents(side: str, filesystems: int) -> tuple[str, ...]:
    """The resources of a side, lowest first."""
    numbers = range(1, filesystems + 1)
    if side == PEER:
        return (hierarchies.PEER_VG, *map(hierarchies.peer_filesystem, numbers))
    return (
        hierarchies.kit_vg(),
        *map(hierarchies.kit_volume, numbers),
        *map(hierarchies.kit_filesystem, numbers),
    )


def in_service(status: ClusterStatus, side: str, filesystems: int) -> str:
    """The node on which everything of a side runs; '' while it does not."""
    places = {status.running(resource) for resource in agents(side, filesystems)}
    roles = {status.resources[each].role for each in agents(side, filesystems) if each in status.resources}
    one = next(iter(places)) if len(places) == 1 and roles == {"Started"} else ()
    return one[0] if len(one) == 1 else ""


def raised(lab: Lab, say: Say) -> Stage:
    """Two guests with the working tree installed and the volume group made; saved as BARE."""
    say("guests")
    lab.up(kind=CLUSTER)
    lab.reset()
    lab.push()
    first, second = Guest(lab, 1), Guest(lab, 2)
    first.sh(CREATE, timeout=180)
    for guest in (first, second):
        guest.run("mkdir", "-p", *(mount_point(number) for number in range(1, MOST_FILESYSTEMS + 1)))
    first.sh(OWN)
    lab.save(BARE)
    return Stage(lab, _disks(first))


def _disks(guest: Guest) -> Disks:
    (group,) = guest.run("vgs", *OPTIONS, "-o", "vg_uuid", VG).stdout.split()
    volumes = dict(line.split() for line in guest.run("lvs", *OPTIONS, "-o", "lv_name,lv_uuid", VG).stdout.splitlines())
    physical = {serial: BY_ID + serial for serial in ("SHARED1", "SHARED2")}
    return Disks(group, {volume(n): volumes[volume(n)] for n in range(1, VOLUMES + 1)}, physical)


def other(node: str) -> str:
    """The other node's name."""
    return NODES[1] if node == NODES[0] else NODES[0]


def number(node: str) -> int:
    """A node's number, from 1."""
    return NODES.index(node) + 1


__all__ = ["KIT", "PEER", "Stage", "agents", "in_service", "moved", "number", "other", "raised"]

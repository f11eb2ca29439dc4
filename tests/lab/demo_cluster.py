"""Two servers, told step by step: `make demo`.

Two guests that are a Pacemaker cluster with real fencing. A file system on LVM is protected on one and extended to the
other, moved there and back; then the server it is on is killed while it is written to. An audit looks into both kernels
all the time: the volume group is never active on both. What the failover took goes to build/failover.json and .svg.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass

import click

from lab import timeline
from lab.audit import Audit
from lab.evidence import Cast
from lab.failover import Experiment, Failover
from lab.guests import accel
from lab.guests.crm import ClusterStatus
from lab.guests.errors import LabError
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import CHECKOUT, CLUSTER, Lab
from lab.story import Story, same, stage

NODES = ("node1", "node2")
VG, LV, MOUNT = "my-vg.1", "db", "/srv/db"
DEVICE = f"/dev/{VG}/{LV}"
SERVED, RECORDS = f"{MOUNT}/file", f"{MOUNT}/records"
CAST = Cast("node1", "node2", "lvmkit-my-vg.1", "lvmkit-my-vg.1_2fdb", "lvmkit-_2fsrv_2fdb")
UNAME = 's/# system_id_source = .*/system_id_source = "uname"/'
EMULATED = "tcg"
REJOIN_DEADLINE = 300.0
RESULTS = CHECKOUT / "build"
TITLE = "The server that writes is killed; the other one goes on"
SETTING = "corosync token 10 s, sbd msgwait 20 s; a striped volume on 2 disks, ext4. Pale: waiting for the cluster."


@dataclass(frozen=True)
class Scene:
    """What every part of the story has at hand."""

    story: Story
    lab: Lab
    audit: Audit

    def wait_until_it_is_on(self, node: int) -> None:
        """Wait until Pacemaker says of all resources that they have started on a server."""
        wanted = (CAST.group, CAST.volume, CAST.filesystem)
        self.lab.wait_for_cluster(lambda it: all(it.running(each) == (NODES[node - 1],) for each in wanted), node=node)


def main() -> int:
    """Bring the cluster up, tell the story, and leave nothing running."""
    try:
        with stage("demo of a cluster", CLUSTER) as lab, Audit(lab) as audit:
            story = Story(lab, prompt="node{node}#")
            scene = Scene(story, lab, audit)
            for part in (prepare, protect, extend, switch_over, kill, rejoin, grow):
                part(scene)
            end(scene)
    except (LabError, AssertionError) as error:
        click.echo(f"demo: {error}", err=True)
        return 1
    return 0


def prepare(scene: Scene) -> None:
    """What an administrator does before there is anything to protect."""
    scene.story.chapter("On node1: a volume group on two shared disks, a striped logical volume, a file system on it")
    scene.story.run("vgcreate", VG, f"{BY_ID}SHARED1", f"{BY_ID}SHARED2")
    scene.story.run("lvcreate", "--size", "128M", "--type", "striped", "--stripes", "2", "--name", LV, VG)
    scene.story.run("mkfs.ext4", "-q", DEVICE)
    scene.story.run("mkdir", "-p", MOUNT)
    scene.story.run("mount", DEVICE, MOUNT)


def protect(scene: Scene) -> None:
    """The first of two commands."""
    scene.story.chapter("First command: protect the file system and all that it stands on; nothing is unmounted")
    scene.story.run("lvmkit", "create", MOUNT)
    scene.story.run("dd", "if=/dev/urandom", f"of={SERVED}", "bs=1M", "count=16", "conv=fsync", "status=none")


def extend(scene: Scene) -> None:
    """The second one."""
    scene.story.chapter("Second command: extend it to the other server, which is looked at first")
    scene.story.run("lvmkit", "extend", MOUNT, "--to", NODES[1])
    scene.story.run("lvmkit", "status")
    scene.story.chapter("What would hurt later? doctor asks both servers, and we follow its advice")
    scene.story.run("lvmkit", "doctor")
    for node in (1, 2):
        scene.story.run("sed", "-i", UNAME, "/etc/lvm/lvm.conf", node=node)


def switch_over(scene: Scene) -> None:
    """There and back, with the same bytes."""
    scene.story.chapter("A planned switchover, and back; the bytes are the same each time")
    before = scene.story.run("sha256sum", SERVED).stdout
    for node in (2, 1):
        scene.story.run("lvmkit", "in-service", MOUNT, "--on", NODES[node - 1])
        same(before, scene.story.run("sha256sum", SERVED, node=node).stdout)


def kill(scene: Scene) -> None:
    """The server dies while it is written to."""
    story = scene.story
    experiment = Experiment(scene.lab, CAST, RECORDS)
    story.chapter(
        "A writer runs on node1: numbered records, each acknowledged when it is on disk. A power cut kills node1"
    )
    experiment.prepare()
    experiment.kill()
    story.say(f"node1 is dead; it had acknowledged {experiment.safe} records. Nobody touches anything.")
    story.say(f"{experiment.wait():.1f} s later node2 has acknowledged its first record.")
    scene.wait_until_it_is_on(2)
    story.run("lvmkit", "status", node=2)
    _report(scene, experiment.conclude(TITLE, (_where(scene.lab), SETTING)))


def _where(lab: Lab) -> str:
    """What the times were measured on."""
    cores = f"on {os.cpu_count()} cores"
    if accel.choose(lab.build(CLUSTER)) == EMULATED:
        return f"Two emulated guests {cores}, no KVM, measured by make demo: real servers are faster."
    return f"Two guests {cores} under KVM, measured by make demo."


def _report(scene: Scene, found: Failover) -> None:
    """Show what the failover took, and keep it."""
    scene.story.chapter(
        "What took how long, from the survivor's log, its clock compared with ours, and from its writer"
    )
    scene.story.say(timeline.table(found.timeline))
    parts = ", ".join(f"{who} {timeline.figure(seconds)} s" for who, seconds in found.timeline.by_whom().items())
    scene.story.say(f"{parts} (the clocks agree to {found.uncertain:.2f} s)")
    before, after = len(found.before), len(found.after)
    scene.story.say(f"In the file: all {before} records that node1 had acknowledged, and {after} of node2.")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "failover.json").write_text(json.dumps(found.facts(), indent=1) + "\n", encoding="utf-8")
    (RESULTS / "failover.svg").write_text(timeline.picture(found.timeline), encoding="utf-8")
    scene.story.say("kept as build/failover.json and build/failover.svg")


def rejoin(scene: Scene) -> None:
    """The dead server boots; it takes part again, and takes nothing."""
    scene.story.chapter("node1 is switched on again: it joins the cluster, and nothing activates there by itself")
    scene.lab.start(1)
    scene.lab.wait_for_cluster(_is_whole, node=2, deadline=REJOIN_DEADLINE)
    active = scene.story.run("dmsetup", "ls").stdout
    if VG in active.replace("--", "-"):
        raise LabError(f"something of {VG} is active on node1: {active}")
    scene.story.run("lvmkit", "status")
    scene.story.run("lvmkit", "timeline", node=2)


def _is_whole(status: ClusterStatus) -> bool:
    return status.formed(*NODES) and status.running(CAST.filesystem) == (NODES[1],)


def grow(scene: Scene) -> None:
    """A disk is added to the volume group; the hierarchy follows on both servers."""
    scene.story.chapter("The volume group gets a third disk; adddelpv shows and applies it, both servers have it")
    scene.story.run("vgextend", VG, f"{BY_ID}SHARED3", node=2)
    scene.story.run("adddelpv", VG, node=2)
    scene.story.run("adddelpv", VG, "--yes", node=2)
    for node in (2, 1):
        if "SHARED3" not in scene.story.run("lvmkit", "status", node=node).stdout:
            raise LabError(f"node{node} does not know of the third disk")


def end(scene: Scene) -> None:
    """Ask the audit. Raises AssertionError when the volume group was active on both servers, or nobody looked."""
    uuid = Guest(scene.lab, 2).run("vgs", "--noheadings", "-o", "vg_uuid", VG).stdout.strip()
    seen = scene.audit.seen(uuid)
    assert all(seen.values()), f"the audit has not seen {VG} on both servers: {seen}"
    scene.audit.check()
    looks = " and ".join(f"{len(samples)} times into node{node}'s" for node, samples in scene.audit.samples.items())
    scene.story.chapter("The end: every byte that was acknowledged is there.")
    scene.story.say(f"The audit has looked {looks} kernel: {VG} was never active on both.")


if __name__ == "__main__":
    sys.exit(main())

"""The main job on real LVM, on one server, told step by step: `make demo-local`.

One guest, one volume group on two disks with two file systems: protected, written to, taken out of service and back,
extended by a disk, and recovered after a disk died under the mounted file systems.
"""

from __future__ import annotations

import sys

import click

from lab.guests.errors import LabError
from lab.guests.lab import Lab
from lab.story import Story, same, stage, until

GUEST = 1
BY_ID = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_"
MOUNTS = ("/srv/db", "/srv/www")
VG = "my-vg.1"
ACTIONS = "/opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions"


def main() -> int:
    """Bring a guest up, tell the story, and leave nothing running."""
    try:
        with stage("demo") as lab:
            story = Story(lab)
            for part in (prepare, protect, switch_off_and_on, grow, lose_a_disk, recover):
                part(story, lab)
            story.chapter("The end: every byte that was written is there.")
    except LabError as error:
        click.echo(f"demo: {error}", err=True)
        return 1
    return 0


def prepare(story: Story, lab: Lab) -> None:
    """What an administrator does before there is anything to protect."""
    story.chapter("One volume group on two disks, two logical volumes with a file system each")
    story.run("vgcreate", VG, f"{BY_ID}SHARED1", f"{BY_ID}SHARED2")
    for mount in MOUNTS:
        volume = mount.rsplit("/", 1)[-1]
        story.run("lvcreate", "--size", "128M", "--type", "striped", "--stripes", "2", "--name", volume, VG)
        story.run("mkfs.ext4", "-q", f"/dev/{VG}/{volume}")
        story.run("mkdir", "-p", mount)
        story.run("mount", f"/dev/{VG}/{volume}", mount)
    # The story checks by hand what the timer would check by itself within two minutes.
    lab.run(GUEST, ("systemctl", "stop", "lvmkit-check.timer"), check=True)


def protect(story: Story, _lab: Lab) -> None:
    """The main job: one command for each mount point."""
    story.chapter("Protect them: one command for each mount point; what they stand on is found")
    for mount in MOUNTS:
        story.run("lvmkit", "create", mount)
    story.run("lvmkit", "status")
    story.chapter("Write a file and remember its checksum")
    story.run("dd", "if=/dev/urandom", f"of={MOUNTS[0]}/file", "bs=1M", "count=16", "conv=fsync", "status=none")


def switch_off_and_on(story: Story, lab: Lab) -> None:
    """Out of service and back, with the same bytes."""
    before = _checksum(lab)
    story.chapter("Out of service: unmounted, and nothing of the volume group left in the kernel")
    story.run("lvmkit", "--quiet", "out-of-service", VG)
    story.run("dmsetup", "ls")
    story.chapter("In service again, with the same bytes")
    for mount in MOUNTS:
        story.run("lvmkit", "--quiet", "in-service", mount)
    story.run("sha256sum", f"{MOUNTS[0]}/file")
    same(before, _checksum(lab))


def grow(story: Story, _lab: Lab) -> None:
    """A disk is added to the volume group; the hierarchy follows."""
    story.chapter("The volume group gets a third disk; adddelpv shows and applies the difference")
    story.run("vgextend", VG, f"{BY_ID}SHARED3")
    story.run("adddelpv", VG)
    story.run("adddelpv", VG, "--yes")


def lose_a_disk(story: Story, lab: Lab) -> None:
    """A disk dies below two mounted file systems."""
    story.chapter("A disk dies under the mounted file systems; the check says so")
    lab.lose_disk(GUEST, "SHARED2")
    until(lambda: lab.run(GUEST, ("test", "-e", f"{BY_ID}SHARED2")).returncode != 0, "the disk to be gone")
    story.run(f"{ACTIONS}/quickCheck", "-t", VG, "-i", f"lvmvg-{VG}", expected=1)
    story.run("lvmkit", "status", shown=True)


def recover(story: Story, lab: Lab) -> None:
    """The disk comes back, under another name; local recovery does the rest."""
    story.chapter("The disk is back; the timer's next round recovers everything")
    lab.bring_disk_back(GUEST, "SHARED2")
    until(lambda: lab.run(GUEST, ("test", "-e", f"{BY_ID}SHARED2")).returncode == 0, "the disk to be back")
    story.run("lvmkit", "check", "--all")
    story.run("lvmkit", "status")
    story.run("sha256sum", "--check", "/root/sum")


def _checksum(lab: Lab) -> str:
    """The file's checksum, also kept in the guest for the end of the story."""
    result = lab.run(GUEST, ("sha256sum", f"{MOUNTS[0]}/file"), check=True)
    lab.run(GUEST, ("tee", "/root/sum"), stdin=result.stdout.encode(), check=True)
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())

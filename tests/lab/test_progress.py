"""Many volumes: a start and a stop take longer than one command's limit, get on all the time, and end."""

from __future__ import annotations

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_service import action, held, numbers

VG, COUNT = "many", 300
LIMITS = "LVMKIT_COMMAND_DEADLINE=4\nLVMKIT_PROBE_DEADLINE=2\n"
"""seconds; LVM alone takes much longer for all the volumes, in a guest"""
MAKE = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq -s 128k {VG} {BY_ID}SHARED1
vgcfgbackup -qq -f /root/metadata {VG}
python3 -IS - <<'END'
lv = '''lv%d {{ id = "%06d-0000-0000-0000-0000-0000-000000" status = ["READ", "WRITE", "VISIBLE"] flags = []
creation_time = 1 creation_host = "x" segment_count = 1 segment1 {{ start_extent = 0 extent_count = 1
type = "striped" stripe_count = 1 stripes = ["pv0", %d] }} }}'''
volumes = "\\n".join(lv % (number, number, number) for number in range({COUNT}))
body = open("/root/metadata").read().rpartition("}}")[0]
open("/root/metadata", "w").write(body + "logical_volumes {{\\n" + volumes + "\\n}}\\n}}\\n")
END
vgcfgrestore -qq --yes -f /root/metadata {VG}
lvchange -qq -ay {VG}/lv0
lvmkit -q create /dev/{VG}/lv0
vgchange -qq -an {VG}
printf %s "$1" > /etc/default/LifeKeeper
"""


@pytest.mark.slow
def test_a_group_of_many_volumes_comes_up_and_goes_down_however_long_it_takes(pushed_lab: Lab) -> None:
    pushed_lab.reset("pushed")
    guest = Guest(pushed_lab)
    guest.sh(MAKE, LIMITS, timeout=300)
    started = action(guest, "lvmvg", "restore", VG, timeout=600)
    assert (started.returncode, numbers(started)) == (0, [])
    assert len(held(guest, VG)) == COUNT
    stopped = action(guest, "lvmvg", "remove", VG, timeout=600)
    assert (stopped.returncode, numbers(stopped)) == (0, [])
    assert held(guest, VG) == []


@pytest.mark.slow
def test_a_disk_of_somebody_else_that_hangs_does_not_keep_an_agent_from_starting(pushed_lab: Lab) -> None:
    pushed_lab.reset("pushed")
    guest = Guest(pushed_lab)
    guest.sh(FOREIGN, timeout=120)
    answer = guest.sh(START, timeout=60, check=False)
    assert (answer.returncode, len(held(guest, "mine"))) == (0, 1), answer
    guest.sh("dmsetup resume path")


FOREIGN = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq mine {BY_ID}SHARED1
lvcreate -qq -L 32M -n data mine
vgchange -qq -an mine
dmsetup create path --table "0 520192 linear {BY_ID}SHARED3 2048"
vgcreate -qq theirs /dev/mapper/path
mkdir -p /var/lib/pacemaker/cib
python3 -IS - "$(vgs --noheadings -o vg_uuid mine | tr -d ' ')" <<'END'
import os, sys
sys.path.insert(0, "/opt/LifeKeeper/lib")
from lvmkit.cluster.pacemaker import elements, primitive, template
from lvmkit.model.facts import DeviceFacts, VgFacts
from lvmkit.model.instance import Instance
name, disk = os.uname().nodename, "{BY_ID}SHARED1"
root = elements.new("cib")
elements.at(root, elements.NODES).append(elements.new("node", id="1", uname=name))
facts = VgFacts("mine", "lvmvg-mine", "mine", sys.argv[1]).pack()
resources = elements.at(root, elements.RESOURCES)
resources.append(primitive.make(Instance(name, "scsi", "lvmvg", "mine", "lvmvg-mine", facts, "OSU")))
device = Instance(name, "scsi", "device", "disk", disk, DeviceFacts("disk", disk).pack(), "OSU")
resources.append(template.make(device, ["mine"]))
open("/var/lib/pacemaker/cib/cib.xml", "w").write(elements.written(root))
END
dmsetup suspend --noflush --nolockfs path
"""
START = """
export OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=mine OCF_RESKEY_vg=mine OCF_RESKEY_CRM_meta_timeout=20000
OCF_RESKEY_vg_uuid=$(sed -n 's/.*name="vg_uuid" value="\\([^"]*\\)".*/\\1/p' /var/lib/pacemaker/cib/cib.xml)
export OCF_RESKEY_vg_uuid
exec /usr/lib/ocf/resource.d/lvmkit/lvmvg start
"""

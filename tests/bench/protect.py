"""Runs inside a guest: protects volume groups with all their volumes, as create does it, but in one change.

Arguments: the names of the volume groups. On stdout JSON: their UUIDs, by name.
"""

from __future__ import annotations

import glob
import json
import os
import sys

LIB = "/opt/LifeKeeper/lib"
NAMES = "/dev/disk/by-id/scale-*"
"""of the disks, as udev makes them for real ones"""


def main(vgs: list[str]) -> None:
    """Put them into the engine's records and into /etc/lkvgs."""
    sys.path.insert(0, LIB)
    from lvmkit.cluster.port import Change
    from lvmkit.entry.kit import kit
    from lvmkit.model import names
    from lvmkit.model.facts import DeviceFacts, LvFacts, VgFacts
    from lvmkit.model.instance import DISK, ISP, LVMLV, LVMVG, Dependency, Instance
    from lvmkit.model.settings import Paths
    from lvmkit.storage import lkvgs

    tools = kit(Paths(), lambda message: sys.exit(message.text))
    stable = {os.path.realpath(name): name for name in glob.glob(NAMES)}
    host, instances, links, uuids = os.uname().nodename, [], [], {}
    for group in tools.lvm.report():
        if group.name not in vgs:
            continue
        uuids[group.name] = group.uuid
        facts = VgFacts(group.name, names.lvmvg_id(group.name), group.name, group.uuid, was_autoactivated=False)
        instances.append(Instance(host, "scsi", LVMVG, facts.tag, facts.id, facts.pack(), ISP))
        for pv in group.physical:
            disk = DeviceFacts(f"disk-{pv.uuid}", stable[pv.device], pv.device, "loop", pv_uuid=pv.uuid)
            instances.append(Instance(host, "scsi", DISK, disk.tag, disk.id, disk.pack(), ISP))
            links.append(Dependency(facts.tag, disk.tag))
        for lv in group.logical:
            own = names.lvmlv_id(group.name, lv.name)
            volume = LvFacts(f"{group.name}/{lv.name}", own, group.name, lv.name, group.uuid, lv.uuid, lv.kind)
            instances.append(Instance(host, "scsi", LVMLV, volume.tag, own, volume.pack(), ISP))
            links.append(Dependency(volume.tag, facts.tag))
        lkvgs.add(Paths().lkvgs, group.name, group.uuid)
    tools.port.commit(Change(add=tuple(instances), link=tuple(links)))
    json.dump(uuids, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])

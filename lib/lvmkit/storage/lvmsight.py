"""What LVM on this server does not see: groups that its release is too old for, disks that its configuration hides."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.storage import lvmconf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.storage.lvm import Lvm
    from lvmkit.storage.lvmconf import LvmConf

OLDEST = "2.03.12"
"""the first LVM with the autoactivation property and --devices (its WHATS_NEW)"""
OLDEST_WITH_RESERVATIONS = "2.03.34"
"""the first LVM that can reserve disks by itself (its WHATS_NEW)"""
OLDEST_BY_MAJORITY = "2.03.17"
"""the first LVM that changes the owner of a volume group that lacks disks (vgchange(8), --majoritypvs)"""


def persistence(vg: VolumeGroup, lvm: Lvm) -> str:
    """What LVM itself is to do with persistent reservations of a group (vgchange --setpersist, since 2.03.34), in its
    own words; '' for nothing. Raises Failure as LVM's commands do.
    """
    if lvmconf.numbers(lvmconf.version(lvm)) < lvmconf.numbers(OLDEST_WITH_RESERVATIONS):
        return ""
    answer = lvm.command("vgs", "--noheadings", "-o", "vg_persist", vg.name, devices=vg.devices)
    if answer.status != 0:
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "it did not say why"))
    return answer.stdout.strip()


def is_too_old(version: str) -> bool:
    """Whether the reports of this release would not be understood."""
    return lvmconf.numbers(version) < lvmconf.numbers(OLDEST)


def asks_for_all_disks(version: str) -> bool:
    """Whether this release changes the owner of whole groups only."""
    return lvmconf.numbers(version) < lvmconf.numbers(OLDEST_BY_MAJORITY)


def by_uuid(groups: Iterable[VolumeGroup], uuid: str) -> VolumeGroup | None:
    """The volume group with this UUID."""
    return next((vg for vg in groups if vg.uuid == uuid), None)


def hidden_devices(seen: VolumeGroup | None, on_disks: VolumeGroup | None) -> tuple[str, ...]:
    """Devices on which LVM finds physical volumes that it does not see by itself.

    seen: the group as LVM sees it by itself.  on_disks: as it sees it when it is told where to look.
    """
    known = {pv.uuid for pv in seen.physical if not pv.missing} if seen else set()
    return tuple(pv.device for pv in on_disks.physical if not pv.missing and pv.uuid not in known) if on_disks else ()


def who_hides(conf: LvmConf) -> str:
    """Which setting hides devices, in words."""
    return f"they are not in {conf.devices_file}" if conf.devices_file else "lvm.conf's filter or global_filter"

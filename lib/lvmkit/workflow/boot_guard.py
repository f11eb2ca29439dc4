"""The boot guard: what the boot activated although the cluster decides where it runs is taken down again.

Protected volume groups have autoactivation off, so there is nothing to do as a rule. The property can be switched on by
another hand, be lost in a restored backup, or be ignored by an initramfs; then a server that comes back after it was
fenced would hold what another one has in service. So before the cluster starts, each volume group of /etc/lkvgs that
device-mapper holds is taken down. One that is in use is left and named: the boot goes on in any case.

It must never take down what is in service. So it acts once in each boot, never where a cluster's processes run, and
never on a volume group that the kit brought up: a start leaves a record under /run, which ends with the boot.
"""

from __future__ import annotations

import os
import time

from lvmkit.host import Host
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.boot import (
    BootActiveStays,
    BootDeactivated,
    BootUnsettled,
    BootWouldDeactivate,
    BroughtUpByKit,
    GuardInCluster,
    GuardRanAlready,
    SystemGroupListed,
)
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.value import Value, replace
from lvmkit.resources import lvmvg
from lvmkit.storage import activation, dm, files, lkvgs, mountinfo, records, sysfs
from lvmkit.storage.stack import SYSTEM_MOUNTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device

PATIENCE = 30.0
"""seconds to wait for the boot's own activations"""
DEADLINE = 60.0
"""seconds for all volume groups together"""
PROC = "/proc"

_CLUSTER = frozenset(
    {
        "corosync", "pacemakerd", "pacemaker-based", "pacemaker-fence", "pacemaker-execd", "pacemaker-attrd",
        "pacemaker-sched", "pacemaker-contr", "pacemaker-remot", "pacemaker_remot", "crmd", "cib",
    }
)  # fmt: skip
"""names of a running cluster's processes, cut to the 15 characters that the kernel keeps (proc(5), comm)"""
_VG_UUID = slice(len("LVM-"), len("LVM-") + 32)


class Active(Value):
    """A listed volume group that device-mapper holds."""

    vg: VgFacts
    devices: tuple[Device, ...]


def guard(kit: Kit, *, dry_run: bool = False) -> bool:
    """Take down every listed volume group that the boot activated; whether none of them stays active.

    dry_run: only say what would be done.  Takes about PATIENCE + DEADLINE seconds at the most.
    Raises Failure, with nothing done: GuardInCluster, FileUnreadable for the list, KernelUnreadable, StateNotStored.
    """
    _refuse_in_cluster()
    wanted = lkvgs.entries(kit.paths.lkvgs)
    if not wanted:
        return True
    if _ran_already(kit):
        kit.tell(GuardRanAlready())
        if not dry_run:
            return True
    if not dry_run:
        _mark(kit)
        _wait_for_boot(kit)
    return _handle(_ours(active(wanted), kit), kit, dry_run)


def _refuse_in_cluster() -> None:
    running = cluster_process()
    if running:
        raise Failure(GuardInCluster(running))


def cluster_process() -> str:
    """The name of a process of a cluster that runs here; '' where none does."""
    for pid in filter(str.isdigit, os.listdir(PROC)):
        name = _read(f"{PROC}/{pid}/comm").strip()
        if name in _CLUSTER:
            return name
    return ""


def active(wanted: Sequence[lkvgs.Entry]) -> tuple[Active, ...]:
    """The listed volume groups that device-mapper holds, each by its UUID. Raises Failure (110052).

    One that the list knows by its UUID is meant whatever its name is now, and no other one of that name.
    """
    held: dict[str, list[Device]] = {}
    for device in dm.list_devices():
        vg, uuid = _vg_name(device), names.lvm_uuid(device.uuid[_VG_UUID])
        if vg and any(lkvgs.means(entry, vg, uuid) for entry in wanted):
            held.setdefault(device.uuid[_VG_UUID], []).append(device)
    return tuple(_active(names.lvm_uuid(packed), devices) for packed, devices in held.items())


def system_groups() -> dict[str, str]:
    """{UUID: what for} of the volume groups that this server itself runs on, through whatever layers."""
    uuid_of = {device.number: device.uuid for device in dm.list_devices()}
    needed: dict[str, str] = {}
    for mount in mountinfo.mounts():
        if mount.mount_point in SYSTEM_MOUNTS:
            for number in sysfs.stack(mountinfo.device_number(mount)):
                uuid = uuid_of.get(number, "")
                if uuid.startswith("LVM-"):
                    needed.setdefault(names.lvm_uuid(uuid[_VG_UUID]), SYSTEM_MOUNTS[mount.mount_point])
    return needed


def _ours(groups: Sequence[Active], kit: Kit) -> tuple[Active, ...]:
    """Those that may be taken down; says of the others why not."""
    needed = system_groups() if groups else {}
    ours = []
    for each in groups:
        if each.vg.uuid in needed:
            kit.tell(SystemGroupListed(each.vg.name, kit.paths.lkvgs, needed[each.vg.uuid]))
        elif records.ids_of(kit.paths, each.vg.uuid):
            kit.tell(BroughtUpByKit(each.vg.name))
        else:
            ours.append(each)
    return tuple(ours)


def _handle(groups: Sequence[Active], kit: Kit, dry_run: bool) -> bool:
    """Take them down, again where one stood on another that has gone meanwhile; whether all went."""
    if dry_run:
        for each in groups:
            kit.tell(BootWouldDeactivate(each.vg.name, tuple(device.name for device in each.devices)))
        return True
    end = time.monotonic() + DEADLINE
    left = {each.vg: "" for each in groups}
    count = len(left) + 1
    while len(left) < count:
        count = len(left)
        for vg in tuple(left):
            left[vg] = _take_down(vg, end, kit)
            if not left[vg]:
                del left[vg]
    for vg, why in left.items():
        kit.tell(BootActiveStays(vg.name, why))
    return not left


def _take_down(vg: VgFacts, end: float, kit: Kit) -> str:
    """Take one down as an action does, in the time that is left; returns why it stays, or ''."""
    time_left = end - time.monotonic()
    if time_left <= 0:
        return f"the {DEADLINE:g} s of the boot guard are over"
    limits = {}
    for name in ("command_deadline", "probe_deadline", "busy_patience", "lock_patience"):
        limits[name] = min(getattr(kit.settings, name), time_left)
    try:
        _refuse_in_cluster()  # again: it may have been started by hand meanwhile
        detail = lvmvg.remove(vg, Host(kit.paths, replace(kit.settings, **limits), kit.tell))
    except Failure as failure:
        return str(failure)
    kit.tell(BootDeactivated(vg.name, detail))
    return ""


def _wait_for_boot(kit: Kit) -> None:
    """A boot that does not come to its end is a reason to look at what there is, and to say so."""
    try:
        activation.wait_until_done(deadline=PATIENCE)
    except Failure as failure:
        kit.tell(BootUnsettled(PATIENCE, str(failure)))


def _marker(kit: Kit) -> str:
    return f"{kit.paths.run}/boot-guard"


def _ran_already(kit: Kit) -> bool:
    return os.path.lexists(_marker(kit))


def _mark(kit: Kit) -> None:
    """Before the work: a guard that was killed in the middle must not come back when the cluster runs."""
    files.make_folder(kit.paths.run, mode=0o755)
    try:
        os.close(os.open(_marker(kit), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise Failure(StateNotStored(_marker(kit), files.why(error))) from error


def _vg_name(device: Device) -> str:
    """The volume group in the name of one of LVM's devices; '' for other devices."""
    parts = names.split_dm_name(device.name) if device.uuid.startswith("LVM-") else None
    return parts[0] if parts else ""


def _active(uuid: str, devices: Sequence[Device]) -> Active:
    name = _vg_name(devices[0])
    return Active(VgFacts(name, names.lvmvg_id(name), name, uuid), tuple(devices))


def _read(path: str) -> str:
    """A small file of /proc; '' where its process has gone."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""

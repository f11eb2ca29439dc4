"""What the kernel holds of a volume group or a volume, with and without a record of its start. No LVM command.

They are known by their UUIDs: those of the facts, else those of the record. Without either, the name in device-mapper
decides; that is how they are found after the boot or somebody has activated them.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.model.value import Value, replace
from lvmkit.storage import dm, files, records, sysfs
from lvmkit.storage.mapped import MappedDevices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.settings import Paths
    from lvmkit.storage.dm import Device, DeviceStatus
    from lvmkit.storage.mountinfo import Table

_PREFIX = "LVM-"
_VG_END = len(_PREFIX) + 32
_LV_END = _VG_END + 32
"""of a device-mapper UUID that LVM gave: the two UUIDs without their hyphens, then a suffix for hidden devices"""
_UNKNOWN_PV = "of unknown UUID"

DRIVERS = "/proc/devices"
_DRIVER = "device-mapper"


class Glance:
    """One glance at the kernel and at the records of starts, which serves many resources: each thing is read once.

    It ends with the round of checks, and before anything is changed.
    """

    def __init__(self, paths: Paths) -> None:
        """Asks device-mapper for its devices. Raises Failure as listed()."""
        self.paths = paths
        self.mapped = MappedDevices(listed())
        self._records: dict[str, Record | None] = {}
        self._mounts: Table | None = None

    def record(self, resource_id: str, paths: Paths | None = None) -> Record | None:
        """The record of a start. paths: where it is, if not with those of volume groups."""
        place = paths or self.paths
        path = records.path_of(place, resource_id)
        if path not in self._records:
            self._records[path] = records.load(place, resource_id)
        return self._records[path]

    @property
    def mounts(self) -> Table:
        """What is mounted."""
        if self._mounts is None:
            from lvmkit.storage import mountinfo  # volumes don't need it

            self._mounts = mountinfo.mounts()
        return self._mounts


class View(Value):
    """A resource as the kernel and its record show it."""

    vg_uuid: str
    """'' where nothing tells it"""
    record: Record | None
    """of a start"""
    mine: tuple[Device, ...]
    """what device-mapper holds of the resource"""
    glance: Glance


def listed() -> tuple[Device, ...]:
    """All devices of device-mapper; none where the kernel does not have it, as a probe must not get a server fenced.

    Raises Failure (KernelUnreadable, 110052). Source: proc(5), /proc/devices names every registered block driver;
    asking has tried to load the module.
    """
    try:
        return dm.list_devices()
    except Failure:
        drivers = files.read(DRIVERS)
        if drivers is None or _DRIVER in drivers.split():
            raise
        return ()


def group(facts: VgFacts, glance: Glance) -> View:
    """The volume group. Raises Failure: KernelUnreadable (110052), VgNameAmbiguous (110070)."""
    record = _record(facts, glance)
    vg_uuid = facts.uuid or (record.vg_uuid if record else "") or _uuid_by_name(facts.name, glance.mapped.all)
    return View(vg_uuid, record, glance.mapped.of_group(vg_uuid), glance)


def volume(facts: LvFacts, glance: Glance) -> View:
    """The logical volume, with its own record. A record without a volume says that it was stopped, but stays up.

    Raises Failure (KernelUnreadable, 110052).
    """
    record = _record(facts.group, glance, volume_paths(glance.paths, facts))
    recorded = record.logical[0].uuid if record and record.logical else ""
    if recorded and facts.uuid not in ("", recorded):
        record, recorded = None, ""
    vg_uuid = facts.vg_uuid or (record.vg_uuid if record else "")
    mine = _volumes_meant(facts, vg_uuid, facts.uuid or recorded, glance.mapped)
    return View(vg_uuid_of(mine[0]) if mine else vg_uuid, record, mine, glance)


def volume_paths(paths: Paths, facts: LvFacts) -> Paths:
    """The paths under which the record of one logical volume is kept, apart from that of its volume group."""
    return replace(paths, run=f"{paths.run}/lvmlv-{facts.name}")


def expected_by_group(facts: LvFacts, view: View) -> ExpectedLv | None:
    """The volume as recorded at its group's start; None without such a record, or where it is not in there."""
    record = _record(facts.group, view.glance)
    uuid = lv_uuid_of(view.mine[0]) if view.mine else facts.uuid
    return record.by_uuid.get(uuid) if record else None


def stand_in(tag: str, vg: str, view: View) -> Record:
    """A record of what the kernel holds now: the visible volumes and the disks below. It cannot say what is missing."""
    mapped = view.glance.mapped
    logical = tuple(_expected(device, mapped) for device in view.mine if _is_volume(device))
    return Record(tag, vg, view.vg_uuid, logical, _disks(view, mapped))


def is_live(status: DeviceStatus | None) -> bool:
    """Whether device-mapper holds the device with a live table that is not suspended. None: it does not hold it."""
    return status is not None and status.live and not status.suspended


def serves(status: DeviceStatus | None) -> bool:
    """Whether the device is live with a table of LVM's: a wiped one (`error`) is live, and every read of it fails."""
    return is_live(status) and not foreign_kinds(status)


def foreign_kinds(status: DeviceStatus | None) -> tuple[str, ...]:
    """Targets in the device's table that are not LVM's, such as `error` or `zero`: put there by the kit or by hand."""
    return tuple(kind for kind in kinds(status) if kind not in dm.OF_LVM)


def kinds(status: DeviceStatus | None) -> tuple[str, ...]:
    """The target types of a live table, each once; none where the device has gone or has no table."""
    return status.kinds if status else ()


def vg_uuid_of(device: Device) -> str:
    """The UUID of the volume group that a volume is in."""
    return names.lvm_uuid(device.uuid[len(_PREFIX) : _VG_END])


def lv_uuid_of(device: Device) -> str:
    """The UUID of a volume."""
    return names.lvm_uuid(device.uuid[_VG_END:_LV_END])


def _record(facts: VgFacts, glance: Glance, paths: Paths | None = None) -> Record | None:
    """The record of a start, if it is about the volume group that is meant."""
    record = glance.record(facts.id, paths)
    return record if record and facts.uuid in ("", record.vg_uuid) else None


def _uuid_by_name(vg: str, devices: Sequence[Device]) -> str:
    uuids: dict[str, None] = {}
    for device in devices:
        parts = names.split_dm_name(device.name) if device.uuid.startswith(_PREFIX) else None
        if parts and parts[0] == vg:
            uuids[vg_uuid_of(device)] = None
    if len(uuids) > 1:
        from lvmkit.model.messages.storage import VgNameAmbiguous  # only where something is wrong

        raise Failure(VgNameAmbiguous(vg, tuple(uuids)))
    return next(iter(uuids), "")


def _is_volume(device: Device) -> bool:
    """Whether the device is a volume that LVM shows, and not a part or a layer of one."""
    if not device.uuid.startswith(_PREFIX) or len(device.uuid) != _LV_END:
        return False
    parts = names.split_dm_name(device.name)
    return parts is not None and parts[2] == "" and names.is_lv_name(parts[1])


def _volumes_meant(facts: LvFacts, vg_uuid: str, lv_uuid: str, mapped: MappedDevices) -> tuple[Device, ...]:
    """The volume among the devices; one at most, as no two devices have one name, nor two in one group one UUID."""
    if vg_uuid and lv_uuid:
        device = mapped.by_uuid(names.dm_uuid(vg_uuid, lv_uuid))
        return (device,) if device else ()
    mine = mapped.of_group(vg_uuid) if vg_uuid else mapped.all
    return tuple(device for device in mine if _is_volume(device) and _is_meant(device, facts, vg_uuid, lv_uuid))


def _is_meant(device: Device, facts: LvFacts, vg_uuid: str, lv_uuid: str) -> bool:
    vg, lv, _ = names.split_dm_name(device.name) or ("", "", "")
    if not vg_uuid and vg != facts.vg:  # a clone of the group has volumes of the same UUIDs
        return False
    return lv_uuid_of(device) == lv_uuid if lv_uuid else lv == facts.name


def _expected(device: Device, mapped: MappedDevices) -> ExpectedLv:
    parts = names.split_dm_name(device.name)
    return ExpectedLv(lv_uuid_of(device), parts[1] if parts else device.name, kinds(mapped.status(device)))


def _disks(view: View, mapped: MappedDevices) -> tuple[ExpectedPv, ...]:
    """What the devices stand on outside of their volume group. The kernel does not know the UUIDs of these disks."""
    ahead = [device.number for device in view.mine]
    reached: set[str] = set()
    disks: dict[str, None] = {}
    while ahead:
        number = ahead.pop()
        device = mapped.by_number(number)
        if device is None or names.group_part(device.uuid) != names.dm_uuid(view.vg_uuid):
            disks[number] = None
        elif number not in reached:
            reached.add(number)
            ahead += mapped.below(device)
    return tuple(map(_expected_disk, disks))


def _expected_disk(number: str) -> ExpectedPv:
    path = f"/dev/{sysfs.kernel_name(number) or number}"
    return ExpectedPv(_UNKNOWN_PV, path, number, sysfs.sequence(number))

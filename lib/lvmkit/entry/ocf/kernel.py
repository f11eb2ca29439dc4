"""What the kernel holds of a resource, with and without a record of its start. No process, no LVM command.

Volumes are known by their UUIDs: the parameter's, else the record's. Without either the name decides that the volume
has in device-mapper, which is how it is found after a boot or a hand activated it.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import VgNameAmbiguous
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.model.value import Value, replace
from lvmkit.storage import dm, files, records, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Request
    from lvmkit.model.settings import Paths
    from lvmkit.storage.dm import Device

_PREFIX = "LVM-"
_VG_END = len(_PREFIX) + 32
_LV_END = _VG_END + 32
"""of a device-mapper UUID that LVM gave: the two UUIDs without their hyphens, then a suffix for hidden devices"""
_UNKNOWN_PV = "of unknown UUID"

DRIVERS = "/proc/devices"
_DRIVER = "device-mapper"


class View(Value):
    """A resource as the kernel and its record show it."""

    vg_uuid: str
    """'' where nothing tells it"""
    record: Record | None
    """of a start"""
    mine: tuple[Device, ...]
    """what device-mapper holds of the resource"""
    devices: tuple[Device, ...]
    """all that device-mapper holds"""


def group(request: Request, paths: Paths) -> View:
    """The volume group. Raises Failure: 110052 where device-mapper cannot be asked, 110070 for two of one name."""
    devices = _listed()
    record = _record(paths, request)
    vg_uuid = request.vg_uuid or (record.vg_uuid if record else "") or _uuid_by_name(request.vg, devices)
    return View(vg_uuid, record, dm.of_vg(devices, vg_uuid) if vg_uuid else (), devices)


def volume(request: Request, paths: Paths) -> View:
    """The logical volume. Its record is its own; one without a volume says that it was stopped, though it stays up.

    Raises Failure (110052).
    """
    devices = _listed()
    record = _record(volume_paths(paths, request), request)
    known = record.logical[0].uuid if record and record.logical else ""
    if known and request.lv_uuid not in ("", known):
        record, known = None, ""
    vg_uuid = request.vg_uuid or (record.vg_uuid if record else "")
    lv_uuid = request.lv_uuid or known
    mine = tuple(d for d in devices if _is_volume(d) and _is_meant(d, request, vg_uuid, lv_uuid))
    return View(vg_uuid_of(mine[0]) if mine else vg_uuid, record, mine, devices)


def volume_paths(paths: Paths, request: Request) -> Paths:
    """The paths under which the record of one logical volume is kept, apart from that of its volume group."""
    return replace(paths, run=f"{paths.run}/lvmlv-{request.lv}")


def stand_in(request: Request, view: View) -> Record:
    """A record of what the kernel holds now: the visible volumes and the disks below; nothing tells what is lacking."""
    logical = tuple(_expected(device) for device in view.mine if _is_volume(device))
    return Record(request.tag, request.vg, view.vg_uuid, logical, _disks(view))


def vg_uuid_of(device: Device) -> str:
    """The UUID of the volume group that a volume is in."""
    return names.lvm_uuid(device.uuid[len(_PREFIX) : _VG_END])


def lv_uuid_of(device: Device) -> str:
    """The UUID of a volume."""
    return names.lvm_uuid(device.uuid[_VG_END:_LV_END])


def _listed() -> tuple[Device, ...]:
    """All devices of device-mapper. A kernel without it holds none: such a node must not be fenced for a probe.

    Source: proc(5), /proc/devices names every block driver that is registered; asking has tried to load the module.
    """
    try:
        return dm.list_devices()
    except Failure:
        drivers = files.read(DRIVERS)
        if drivers is None or _DRIVER in drivers.split():
            raise
        return ()


def _record(paths: Paths, request: Request) -> Record | None:
    """The record of a start, if it is that of the volume group that is meant."""
    record = records.load(paths, request.id)
    return record if record and request.vg_uuid in ("", record.vg_uuid) else None


def _uuid_by_name(vg: str, devices: tuple[Device, ...]) -> str:
    parts = ((device, names.split_dm_name(device.name)) for device in devices if device.uuid.startswith(_PREFIX))
    uuids = tuple(dict.fromkeys(vg_uuid_of(device) for device, part in parts if part and part[0] == vg))
    if len(uuids) > 1:
        raise Failure(VgNameAmbiguous(vg, uuids))
    return uuids[0] if uuids else ""


def _is_volume(device: Device) -> bool:
    """Whether the device is a volume that LVM shows: not a part of one, and not a layer of it."""
    parts = names.split_dm_name(device.name)
    return device.uuid.startswith(_PREFIX) and len(device.uuid) == _LV_END and parts is not None and _is_shown(parts)


def _is_shown(parts: tuple[str, str, str]) -> bool:
    return parts[2] == "" and names.is_lv_name(parts[1])


def _is_meant(device: Device, request: Request, vg_uuid: str, lv_uuid: str) -> bool:
    if vg_uuid and vg_uuid_of(device) != vg_uuid:
        return False
    if lv_uuid:
        return lv_uuid_of(device) == lv_uuid
    parts = names.split_dm_name(device.name)
    return parts is not None and parts[1] == request.lv and (bool(vg_uuid) or parts[0] == request.vg)


def _expected(device: Device) -> ExpectedLv:
    parts = names.split_dm_name(device.name)
    status = dm.status(device.uuid)
    return ExpectedLv(lv_uuid_of(device), parts[1] if parts else device.name, status.kinds if status else ())


def _disks(view: View) -> tuple[ExpectedPv, ...]:
    """What the devices stand on outside of their volume group. The kernel does not know the UUIDs of its volumes."""
    group_of = {device.number: device for device in dm.of_vg(view.devices, view.vg_uuid)}
    ahead, reached, disks = [device.number for device in view.mine], set(), dict[str, None]()
    while ahead:
        number = ahead.pop()
        if number not in group_of:
            disks[number] = None
        elif number not in reached:
            reached.add(number)
            ahead += dm.dependencies(group_of[number].uuid)
    return tuple(ExpectedPv(_UNKNOWN_PV, f"/dev/{sysfs.kernel_name(n) or n}", n, sysfs.sequence(n)) for n in disks)

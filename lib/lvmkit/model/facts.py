"""What the kit knows of a protected thing, as values: packed into an instance's info field and read out of it.

The keys of the info field are known in this module alone. What another version wrote there and this one does not know
is kept in `others`, so that an update loses nothing. `noted` reads whatever there is; `unpack` insists on what the
actions need (110034). Both take the hierarchy of the instance where the caller has it: then the facts say on which
devices a volume group was last seen.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import LVMLV, OSU, pack_info
from lvmkit.model.messages import Failure
from lvmkit.model.resource_types import is_device
from lvmkit.model.settings import SCSI, SYSTEM_ID
from lvmkit.model.value import Value, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance

_VG_UUID, _LV_UUID, _PV_UUID = "vg_uuid", "lv_uuid", "pv_uuid"
AUTOACTIVATION, _OWNERSHIP, _OWNER_BEFORE, _MISSING_PV = "autoactivation", "ownership", "owner_before", "missing_pv"
_RESERVATION = "reservation"
_KIND, _PATH, _SERIAL = "kind", "path", "serial"
_DEVICE, _FSTYPE, _OPTIONS, _UUID, _LABEL = "device", "fstype", "options", "uuid", "label"

_VG_KEYS = (_VG_UUID, AUTOACTIVATION, _OWNERSHIP, _OWNER_BEFORE, _MISSING_PV, _RESERVATION)
_LV_KEYS = (_VG_UUID, _LV_UUID, _KIND, _OWNERSHIP, _MISSING_PV)
_FILESYSTEM_KEYS = (_DEVICE, _FSTYPE, _OPTIONS, _UUID, _VG_UUID, _LV_UUID, _LABEL)
_DEVICE_KEYS = (_PATH, _KIND, _SERIAL, _PV_UUID)

_DEFAULT_OPTIONS = "defaults"


class DeviceFacts(Value):
    """A block device: a physical volume, or something that one stands on."""

    tag: str
    id: str
    """its most stable path"""
    path: str = ""
    """its path when it was recorded, /dev/<kernel name>"""
    kind: str = ""
    """lsblk's TYPE"""
    serial: str = ""
    pv_uuid: str = ""
    """of the physical volume on it; '' where it carries none"""
    others: tuple[tuple[str, str], ...] = ()

    def pack(self) -> str:
        """The info field."""
        given = {_PATH: self.path, _KIND: self.kind, _SERIAL: self.serial, _PV_UUID: self.pv_uuid}
        return _packed(given, self.others)

    @classmethod
    def noted(cls, instance: Instance, _hierarchy: Hierarchy | None = None) -> DeviceFacts:
        """What the instance carries, whatever it lacks."""
        details = instance.details
        path, kind, serial, pv_uuid = (details.get(key, "") for key in _DEVICE_KEYS)
        return cls(instance.tag, instance.id, path, kind, serial, pv_uuid, _unknown(details, _DEVICE_KEYS))

    @classmethod
    def unpack(cls, instance: Instance, _hierarchy: Hierarchy | None = None) -> DeviceFacts:
        """The same: nothing is needed but the ID."""
        return cls.noted(instance)


class VgFacts(Value):
    """A protected volume group: the name it had when it was protected or last reconfigured, and its UUID."""

    tag: str
    id: str
    name: str
    uuid: str
    """'' where only the name is known"""
    was_autoactivated: bool | None = None
    """whether the boot could activate it before create; None where nothing is noted"""
    ownership: str = ""
    """SYSTEM_ID where the kit gives it an owner"""
    owner_before: str | None = None
    """the owner before create, '' for nobody; None where create gave it no owner"""
    missing_pv: str = ""
    """COMPLETE or DEGRADED where the resource has a policy of its own"""
    devices: tuple[DeviceFacts, ...] = ()
    """of its physical volumes, as far as the caller knows them; not in the info field"""
    others: tuple[tuple[str, str], ...] = ()
    reservation: str = ""
    """SCSI where its disks are reserved for the server that has it"""

    @property
    def has_owner(self) -> bool:
        """Whether the servers of the cluster own it in turn, by LVM's system ID."""
        return self.ownership == SYSTEM_ID

    @property
    def is_reserved(self) -> bool:
        """Whether its disks are to refuse the writes of all other servers."""
        return self.reservation == SCSI

    def pack(self) -> str:
        """The info field."""
        given = {_VG_UUID: self.uuid, _OWNERSHIP: self.ownership, _MISSING_PV: self.missing_pv}
        given[_RESERVATION] = self.reservation
        noted = dict(self.others)
        if self.was_autoactivated is not None:
            noted[AUTOACTIVATION] = "y" if self.was_autoactivated else "n"
        if self.owner_before is not None:
            noted[_OWNER_BEFORE] = self.owner_before
        return _packed(given, tuple(noted.items()))

    @classmethod
    def noted(cls, instance: Instance, hierarchy: Hierarchy | None = None) -> VgFacts:
        """What the instance carries, whatever it lacks."""
        details = instance.details
        noted = details.get(AUTOACTIVATION)
        return cls(
            instance.tag,
            instance.id,
            names.vg_of_lvmvg_id(instance.id) or "",
            details.get(_VG_UUID, ""),
            None if noted is None else noted == "y",
            details.get(_OWNERSHIP, ""),
            details.get(_OWNER_BEFORE),
            details.get(_MISSING_PV, ""),
            devices_below(hierarchy, instance.tag) if hierarchy else (),
            _unknown(details, _VG_KEYS),
            details.get(_RESERVATION, ""),
        )

    @classmethod
    def unpack(cls, instance: Instance, hierarchy: Hierarchy | None = None) -> VgFacts:
        """The facts that actions need. Raises Failure (110034) where the instance lacks one."""
        facts = cls.noted(instance, hierarchy)
        _require(instance, name=facts.name, vg_uuid=facts.uuid)
        return facts


class LvFacts(Value):
    """A protected logical volume."""

    tag: str
    id: str
    vg: str
    name: str
    vg_uuid: str
    """'' where only the name is known"""
    uuid: str
    kind: str = ""
    """type of its segments when it was protected"""
    ownership: str = ""
    """of its volume group"""
    missing_pv: str = ""
    devices: tuple[DeviceFacts, ...] = ()
    """of the group's physical volumes, as far as the caller knows them; not in the info field"""
    others: tuple[tuple[str, str], ...] = ()

    @property
    def dm_uuid(self) -> str:
        """The device-mapper UUID of the volume."""
        return names.dm_uuid(self.vg_uuid, self.uuid)

    @property
    def group(self) -> VgFacts:
        """The volume group that it is in, under the tag of the volume."""
        how = None, self.ownership, None, self.missing_pv, self.devices
        return VgFacts(self.tag, names.lvmvg_id(self.vg), self.vg, self.vg_uuid, *how)

    def pack(self) -> str:
        """The info field."""
        given = {_VG_UUID: self.vg_uuid, _LV_UUID: self.uuid, _KIND: self.kind}
        return _packed({**given, _OWNERSHIP: self.ownership, _MISSING_PV: self.missing_pv}, self.others)

    @classmethod
    def noted(cls, instance: Instance, hierarchy: Hierarchy | None = None) -> LvFacts:
        """What the instance carries, whatever it lacks."""
        details = instance.details
        vg, lv = names.vg_lv_of_lvmlv_id(instance.id) or ("", "")
        vg_uuid, uuid, kind, ownership, missing_pv = (details.get(key, "") for key in _LV_KEYS)
        devices: tuple[DeviceFacts, ...] = ()
        if hierarchy:
            devices = devices_below(hierarchy, next(iter(hierarchy.children(instance.tag)), ""))
        others = _unknown(details, _LV_KEYS)
        return cls(instance.tag, instance.id, vg, lv, vg_uuid, uuid, kind, ownership, missing_pv, devices, others)

    @classmethod
    def unpack(cls, instance: Instance, hierarchy: Hierarchy | None = None) -> LvFacts:
        """The facts that actions need. Raises Failure (110034) where the instance lacks one."""
        facts = cls.noted(instance, hierarchy)
        _require(instance, vg_uuid=facts.vg_uuid, lv_uuid=facts.uuid, name=facts.vg)
        return facts


class FilesystemFacts(Value):
    """A protected file system. Its volume is known by UUIDs, because the names in a path change hands."""

    tag: str
    mount_point: str
    device: str
    """the path of its volume, /dev/<vg>/<lv>, when it was protected or last reconfigured"""
    type: str
    options: str = _DEFAULT_OPTIONS
    uuid: str = ""
    """its own"""
    vg_uuid: str = ""
    """of its volume's group; '' where an older version protected it"""
    lv_uuid: str = ""
    label: str = ""
    others: tuple[tuple[str, str], ...] = ()

    @property
    def dm_uuid(self) -> str:
        """The device-mapper UUID of its volume; '' where that is known by its path alone."""
        return names.dm_uuid(self.vg_uuid, self.lv_uuid) if self.vg_uuid and self.lv_uuid else ""

    @property
    def is_read_only(self) -> bool:
        """Whether it is to be mounted read-only: of ro and rw the last one counts (mount(8))."""
        for option in reversed(self.options.split(",")):
            if option in ("ro", "rw"):
                return option == "ro"
        return False

    @property
    def device_names(self) -> tuple[str, ...]:
        """The paths under which its device is mounted."""
        volume = names.vg_lv_of_lvmlv_id(self.device)
        return (self.device, f"/dev/mapper/{names.dm_name(*volume)}") if volume else (self.device,)

    def pack(self) -> str:
        """The info field."""
        own = {_DEVICE: self.device, _FSTYPE: self.type, _OPTIONS: self.options, _UUID: self.uuid}
        volume = {_VG_UUID: self.vg_uuid, _LV_UUID: self.lv_uuid}
        return _packed({**own, **volume, _LABEL: self.label}, self.others)

    @classmethod
    def noted(cls, instance: Instance, hierarchy: Hierarchy | None = None) -> FilesystemFacts:
        """What the instance carries, whatever it lacks. Its volume's UUIDs may be those of the volume below it."""
        details = instance.details
        device, kind, options, uuid, vg_uuid, lv_uuid, label = (details.get(key, "") for key in _FILESYSTEM_KEYS)
        options = options or _DEFAULT_OPTIONS
        others = _unknown(details, _FILESYSTEM_KEYS)
        facts = cls(instance.tag, instance.id, device, kind, options, uuid, vg_uuid, lv_uuid, label, others)
        if hierarchy is None or facts.dm_uuid:
            return facts
        for volume in map(LvFacts.noted, hierarchy.of_tags(hierarchy.children(instance.tag), LVMLV)):
            facts = replace(facts, vg_uuid=volume.vg_uuid, lv_uuid=volume.uuid)
        return facts

    @classmethod
    def unpack(cls, instance: Instance, hierarchy: Hierarchy | None = None) -> FilesystemFacts:
        """The facts that actions need. Raises Failure (110034) where the instance lacks one."""
        facts = cls.noted(instance, hierarchy)
        _require(instance, device=facts.device, fstype=facts.type)
        return facts


def devices_below(hierarchy: Hierarchy, vg_tag: str) -> tuple[DeviceFacts, ...]:
    """The devices of a volume group's physical volumes, as its hierarchy has them."""
    children = hierarchy.of_tags(hierarchy.children(vg_tag))
    return tuple(DeviceFacts.unpack(child) for child in children if is_device(child.type))


def protected_volumes(hierarchy: Hierarchy, vg_tag: str, *, but: str = "") -> tuple[LvFacts, ...] | None:
    """The volumes of a group that have a resource; None where none has: then the group is protected as a whole.

    but: a state; volumes in it are left out.
    """
    volumes = hierarchy.of_tags(hierarchy.parents(vg_tag), LVMLV)
    if not volumes:
        return None
    return tuple(LvFacts.noted(volume) for volume in volumes if volume.state != but)


def volumes_in_service(hierarchy: Hierarchy, vg_tag: str) -> Iterator[LvFacts]:
    """The protected volumes of a group that nobody took out of service. Raises Failure (110034)."""
    for parent in hierarchy.of_tags(hierarchy.parents(vg_tag), LVMLV):
        if parent.state != OSU:
            yield LvFacts.unpack(parent)


def _packed(given: dict[str, str], others: tuple[tuple[str, str], ...]) -> str:
    """The info field; of the given facts those that are known."""
    known = {key: value for key, value in given.items() if value}
    return pack_info({**known, **dict(others)})


def _unknown(details: dict[str, str], keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The pairs that this version does not know."""
    return tuple((key, value) for key, value in details.items() if key not in keys)


def _require(instance: Instance, **facts: str) -> None:
    """Raises Failure (110034) for the first of the facts that the instance does not carry."""
    for key, value in facts.items():
        if not value:
            from lvmkit.model.messages.service import MissingInformation  # only where something is wrong

            raise Failure(MissingInformation(instance.tag, key))

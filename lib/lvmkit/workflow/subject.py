"""Who an action is about: the instance's facts as the workflows need them."""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.instance import Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.messages.service import MissingInformation
from lvmkit.model.resource_types import is_device
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy


class VgSubject(Value):
    """A protected volume group: the name it had when it was protected or last reconfigured, and its UUID."""

    tag: str
    id: str
    name: str
    uuid: str


class LvSubject(Value):
    """A protected logical volume."""

    tag: str
    id: str
    vg: str
    name: str
    vg_uuid: str
    uuid: str

    @property
    def dm_uuid(self) -> str:
        """The device-mapper UUID of the volume."""
        return names.dm_uuid(self.vg_uuid, self.uuid)


class FilesystemSubject(Value):
    """A protected file system."""

    tag: str
    mount_point: str
    device: str
    type: str
    options: str


def vg_subject(instance: Instance) -> VgSubject:
    """The facts of a lvmvg instance; Failure when it does not carry them."""
    name = names.vg_of_lvmvg_id(instance.id)
    return VgSubject(instance.tag, instance.id, _given(instance, "name", name), _fact(instance, "vg_uuid"))


def lv_subject(instance: Instance) -> LvSubject:
    """The facts of a lvmlv instance; Failure when it does not carry them."""
    vg, lv = names.vg_lv_of_lvmlv_id(instance.id) or ("", "")
    vg_uuid, uuid = _fact(instance, "vg_uuid"), _fact(instance, "lv_uuid")
    return LvSubject(instance.tag, instance.id, _given(instance, "name", vg), lv, vg_uuid, uuid)


def filesystem_subject(instance: Instance) -> FilesystemSubject:
    """The facts of a filesys instance; Failure when it does not carry them."""
    device, kind = _fact(instance, "device"), _fact(instance, "fstype")
    return FilesystemSubject(instance.tag, instance.id, device, kind, instance.details.get("options", "defaults"))


def fstab_names(instance: Instance) -> tuple[str, ...]:
    """The ways in which /etc/fstab may name the device of a filesys instance. Raises as filesystem_subject()."""
    device = filesystem_subject(instance).device
    volume = names.vg_lv_of_lvmlv_id(device)
    mapped = (f"/dev/mapper/{names.dm_name(*volume)}",) if volume else ()
    return (device, *mapped, f"UUID={instance.details.get('uuid', '')}")


def find(hierarchy: Hierarchy, tag: str | None, resource_id: str | None = None) -> Instance:
    """The instance with this tag, this ID, or both. Failure 000019 when there is none, or two."""
    by_tag = hierarchy.by_tag(tag) if tag is not None else None
    by_id = hierarchy.by_id(resource_id) if resource_id is not None else None
    found = by_tag or by_id
    if found is None or (tag is not None and found.tag != tag) or (resource_id is not None and found.id != resource_id):
        raise Failure(ResourceNotFound(" ".join(part for part in (tag, resource_id) if part)))
    return found


def device_paths(hierarchy: Hierarchy, vg_tag: str) -> tuple[str, ...]:
    """Device paths of the volume group's physical volumes that exist now, for LVM's --devices.

    Empty when any of them does not exist: then LVM must search all devices.
    """
    children = (hierarchy.by_tag(child) for child in hierarchy.children(vg_tag))
    paths = tuple(child.id for child in children if child is not None and is_device(child.type))
    return paths if all(map(os.path.exists, paths)) else ()


def _fact(instance: Instance, key: str) -> str:
    return _given(instance, key, instance.details.get(key))


def _given(instance: Instance, key: str, value: str | None) -> str:
    if not value:
        raise Failure(MissingInformation(instance.tag, key))
    return value

"""Which volumes of a group a resource of the cluster stands on, as an agent asks where its check finds a fault."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import copy, elements
from lvmkit.model import names
from lvmkit.model.facts import LvFacts
from lvmkit.model.instance import LVMLV

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from lvmkit.model.facts import VgFacts
    from lvmkit.model.settings import Paths


def volumes_of(group: VgFacts, paths: Paths) -> tuple[LvFacts, ...] | None:
    """The volumes of a group that a primitive names, whosever it is: as a volume of ours, or by the path of its device.

    None where no primitive names any: then the group is protected as a whole. Also where the configuration cannot be
    read. Starts no program: it reads Pacemaker's own copy on this disk.
    """
    root = copy.read(paths)
    if root is None:
        return None
    volumes: list[LvFacts] = []
    for primitive in root.iter("primitive"):
        volumes += _named_by(primitive, group)
    return tuple(volumes) or None


def _named_by(primitive: Element, group: VgFacts) -> Iterator[LvFacts]:
    given: dict[str, str] = {}
    for holder in primitive.iterfind("instance_attributes"):
        given.update(elements.values(holder))
    tag = primitive.get("id", "")
    vg, vg_uuid = given.get("vg", ""), given.get("vg_uuid", "")
    if primitive.get("type") == LVMLV and (vg_uuid or vg) in (group.uuid, group.name):
        lv = given.get("lv", "")
        yield LvFacts(tag, names.lvmlv_id(vg, lv), vg, lv, vg_uuid, given.get("lv_uuid", ""))
    for value in given.values():
        parts = _parts(value)
        if parts and parts[0] == group.name:
            yield LvFacts(tag, value, parts[0], parts[1], "", "")


def _parts(path: str) -> tuple[str, str] | None:
    """(VG, LV) of the path of a volume's device."""
    if not path.startswith("/dev/mapper/"):
        return names.vg_lv_of_lvmlv_id(path)
    parts = names.split_dm_name(path[len("/dev/mapper/") :])
    return parts[:2] if parts else None

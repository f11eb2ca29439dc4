"""Pacemaker's own copy of the configuration on this disk, which is read in no time, and also where Pacemaker is busy.

It may lag behind: good for questions that may be in vain and for where to look first, not for what is decided.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, primitive, template
from lvmkit.cluster.pacemaker.record import facts_of, instance_of
from lvmkit.model.facts import DeviceFacts, VgFacts
from lvmkit.model.instance import LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.resource_types import is_device
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.model.settings import Paths


def read(paths: Paths) -> Element | None:
    """The configuration; None where it cannot be read."""
    try:
        return elements.parse(files.read(paths.cib) or "", paths.cib)
    except Failure:
        return None


def servers(copy: Element | None) -> tuple[str, ...]:
    """The servers of the cluster."""
    nodes = () if copy is None else elements.children(copy, elements.NODES, "node")
    return tuple(node.get("uname", "") for node in nodes if node.get("uname"))


def disks(copy: Element | None, server: str, vg_uuid: str) -> tuple[DeviceFacts, ...]:
    """The disks of a volume group as they are recorded for a server; () for a group without a UUID."""
    if copy is None or not vg_uuid:
        return ()
    groups = {tag for tag, element in primitive.own(copy).items() if _uuid_of(element, tag) == vg_uuid}
    below = []
    for (tag, _), device in template.devices(copy, server).items():
        if groups.intersection(template.requirers(device)):
            below.append(instance_of(facts_of(device), tag, server))
    return tuple(DeviceFacts.noted(instance) for instance in below if is_device(instance.type))


def _uuid_of(element: Element, tag: str) -> str:
    instance = instance_of(facts_of(element), tag, "")
    return VgFacts.noted(instance).uuid if instance.type == LVMVG else ""

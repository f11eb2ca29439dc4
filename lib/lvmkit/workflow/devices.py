"""Instances to be made: tags chosen, devices and disks below a volume group, links between them."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import APPLICATION, DEVICE, DISK, OSU, Dependency, Instance, pack_info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.volumes import Layer


class Drafts:
    """New instances and links, collected before anything is stored."""

    def __init__(self, now: Hierarchy, server: str, switchback: str) -> None:
        self.now = now
        self.server = server
        self.switchback = switchback
        self.instances: list[Instance] = []
        self.links: list[Dependency] = []

    def add(self, kind: str, resource_id: str, tag: str, wanted: str, info: str) -> str:
        """Draft an instance; its tag is the given one, or one near the wanted name that is free. Returns the tag."""
        chosen = tag or self._free_tag(names.tag_from(wanted))
        new = Instance(
            self.server, APPLICATION[kind], kind, chosen, resource_id, info, state=OSU, switchback=self.switchback
        )
        self.instances.append(new)
        return chosen

    def link(self, parent: str, child: str) -> None:
        """Draft a dependency, once."""
        dependency = Dependency(parent, child)
        if dependency not in self.links and dependency not in self.now.dependencies:
            self.links.append(dependency)

    def known(self, kind: str, resource_id: str) -> Instance | None:
        """The instance with this ID, stored or drafted."""
        drafted = Hierarchy(tuple(self.instances)).by_id(resource_id, kind)
        return drafted or self.now.by_id(resource_id, kind)

    def has_new(self, kind: str) -> bool:
        """Whether an instance of this type is among the drafts."""
        return any(instance.type == kind for instance in self.instances)

    def change(self) -> Change:
        """The drafts as one change."""
        return Change(add=tuple(self.instances), link=tuple(self.links))

    def mismatches(self) -> tuple[tuple[str, str], ...]:
        """(parent, child) of every new link between resources with different switchback types."""
        both = Hierarchy((*self.now.instances, *self.instances))
        pairs = [(both.by_tag(d.parent), both.by_tag(d.child)) for d in self.links]
        return tuple((p.tag, c.tag) for p, c in pairs if p and c and p.switchback != c.switchback)

    def _free_tag(self, wanted: str) -> str:
        taken = {*self.now.tags, *(instance.tag for instance in self.instances)}
        numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
        return wanted if wanted not in taken else next(tag for tag in numbered if tag not in taken)


def add_devices(devices: Iterable[tuple[str, Layer]], vg_tag: str, drafts: Drafts) -> None:
    """Draft the devices and disks of physical volumes below a volume group. devices: (PV UUID, the PV's device)."""
    for pv_uuid, layer in devices:
        drafts.link(vg_tag, _add_layer(layer, pv_uuid, drafts))


def _add_layer(layer: Layer, pv_uuid: str, drafts: Drafts) -> str:
    """Draft one device and what it stands on; what exists already is used. Returns its tag."""
    kind = DEVICE if layer.below else DISK
    present = drafts.known(kind, layer.stable)
    if present is not None:
        return present.tag
    facts = {"path": layer.path, "kind": layer.kind, "serial": layer.serial, "pv_uuid": pv_uuid}
    info = pack_info({key: value for key, value in facts.items() if value})
    tag = drafts.add(kind, layer.stable, "", _tag_of(layer, kind), info)
    for lower in layer.below:
        drafts.link(tag, _add_layer(lower, "", drafts))
    return tag


def _tag_of(layer: Layer, kind: str) -> str:
    """A name that means something to a person and does not change with the kernel's order: by serial, else by path."""
    disk = layer
    while disk.below:
        disk = disk.below[0]
    name = layer.path.rsplit("/", 1)[-1]
    if len(layer.below) > 1 or not disk.serial:
        return f"{kind}-{name}"
    part = name[len(disk.path.rsplit("/", 1)[-1]) :] if layer is not disk and layer.kind == "part" else ""
    return f"{kind}-{disk.serial}" + (f"-part{part.lstrip('p')}" if part else "")

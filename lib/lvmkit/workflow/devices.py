"""Instances to be made: tags chosen, devices and disks below a volume group, links between them."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.facts import DeviceFacts
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, DISK, OSU, Dependency, Instance, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ResourceExists
from lvmkit.model.resource_types import application, is_device, is_ours
from lvmkit.model.value import Value, replace
from lvmkit.storage import drbd, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lvmkit.model.volumes import Layer

_MULTIPATH = "mpath"
"""as lsblk(8) calls a map of dm-multipath"""
_LONGEST_BEFORE_NUMBER = 248
"""characters of a tag that gets a number after it: 256 are the limit"""


class CarrierChange(Value):
    """A stored device that stands on another kit's storage by now, and does not require that yet."""

    tag: str
    carrier: str
    """the tag of the other kit's resource"""
    instead: tuple[str, ...]
    """the tags of what is required in its place, which is theirs"""


class Drafts:
    """New instances and links, collected before anything is stored."""

    def __init__(
        self, now: Hierarchy, server: str, switchback: str, reserved: str = "", *, joins_others: bool = False
    ) -> None:
        """Start with what is there. reserved: a tag kept for the root; no chosen tag takes it.

        joins_others: whether devices may stand on storage of other kits, which goes in service like everything else.
        """
        self.now = now
        self.server = server
        self.switchback = switchback
        self.instances: list[Instance] = []
        self.updates: list[Instance] = []
        self.links: list[Dependency] = []
        self.later: list[Dependency] = []
        """of what is in service on what is new: stored when that is in service, else a cluster would stop the former"""
        self._reserved = reserved
        self._joins_others = joins_others

    def add(self, kind: str, resource_id: str, tag: str, wanted: str, info: str) -> str:
        """Draft an instance; its tag is the given one, or one near the wanted name that is free. Returns the tag.

        Raises Failure (000014) when the given tag is taken.
        """
        if tag in self.now.tags:
            raise Failure(ResourceExists(tag))
        chosen = tag or self._free_tag(names.tag_from(wanted))
        app = application(kind)
        new = Instance(self.server, app, kind, chosen, resource_id, info, state=OSU, switchback=self.switchback)
        self.instances.append(new)
        return chosen

    def carries(self, device: Instance, pv_uuid: str) -> None:
        """Draft that a stored device carries another physical volume than the one it was stored with."""
        facts = DeviceFacts.unpack(device)
        if pv_uuid and device in self.now.instances and facts.pv_uuid != pv_uuid:
            self.updates.append(replace(device, info=replace(facts, pv_uuid=pv_uuid).pack()))

    def link(self, parent: str, child: str) -> None:
        """Draft a dependency, once."""
        dependency = Dependency(parent, child)
        if dependency not in self.links and dependency not in self.now.dependencies:
            self.links.append(dependency)

    def link_later(self, parent: str, child: str) -> None:
        """Draft a dependency that is to be stored when the new child is in service."""
        self.later.append(Dependency(parent, child))

    def known(self, kind: str, resource_id: str) -> Instance | None:
        """The instance with this ID, stored or drafted."""
        drafted = Hierarchy(tuple(self.instances)).by_id(resource_id, kind)
        return drafted or self.now.by_id(resource_id, kind)

    def carrier(self, number: str) -> str:
        """The tag of another kit's storage whose ID names a block device; '' where there is none."""
        for instance in self.now.instances if self._joins_others else ():
            is_storage = instance.app == application(DEVICE) and not is_ours(instance.type)
            if is_storage and instance.id.startswith("/dev/") and sysfs.number_of(instance.id) == number:
                return instance.tag
        return ""

    def has_new(self, kind: str) -> bool:
        """Whether an instance of this type is among the drafts."""
        return any(instance.type == kind for instance in self.instances)

    def change(self) -> Change:
        """The drafts as one change."""
        return Change(add=tuple(self.instances), link=tuple(self.links), update=tuple(self.updates))

    def mismatches(self) -> tuple[tuple[str, str], ...]:
        """(parent, child) of every new link between resources with different switchback types."""
        both = Hierarchy((*self.now.instances, *self.instances))
        pairs = []
        for link in (*self.links, *self.later):
            parent, child = both.by_tag(link.parent), both.by_tag(link.child)
            if parent and child and parent.switchback != child.switchback:
                pairs.append((parent.tag, child.tag))
        return tuple(pairs)

    def _free_tag(self, wanted: str) -> str:
        """The wanted tag, or the first with a number after it that is free."""
        taken = {*self.now.tags, *tags_of(self.instances), self._reserved}
        tag, number = wanted, 1
        while tag in taken:
            number += 1
            tag = f"{wanted[:_LONGEST_BEFORE_NUMBER]}-{number}"
        return tag


def add_devices(devices: Iterable[tuple[str, Layer]], vg_tag: str, drafts: Drafts) -> None:
    """Draft the devices and disks of physical volumes below a volume group. devices: (PV UUID, the PV's device)."""
    for pv_uuid, layer in devices:
        drafts.link(vg_tag, _add_layer(layer, pv_uuid, drafts))


def carrier_changes(devices: Iterable[Layer], drafts: Drafts) -> Iterator[CarrierChange]:
    """Which stored devices are to require other kits' storage, so that they stand as if they were made now."""
    for layer in devices:
        present = drafts.now.by_id(layer.stable, _kind(layer))
        if present is None:
            continue
        yield from _carrier_changes(present.tag, layer, drafts)
        if not drafts.carrier(layer.number):
            ours = [each for each in _standing_on(layer) if not drafts.carrier(each.number)]
            yield from carrier_changes(ours, drafts)


def _carrier_changes(tag: str, layer: Layer, drafts: Drafts) -> Iterator[CarrierChange]:
    """The same for one device: the storage that it lies on as a whole, else that which it stands on directly."""
    places = (layer,) if drafts.carrier(layer.number) else _standing_on(layer)
    for each in places:
        carrier = drafts.carrier(each.number)
        if not carrier or carrier in drafts.now.children(tag) or tag in drafts.now.below(carrier):
            continue
        below = drafts.now.of_tags(drafts.now.children(tag))
        instead = [i.tag for i in below if is_device(i.type) and (each is layer or i.id == each.stable)]
        yield CarrierChange(tag, carrier, tuple(instead))


def _add_layer(layer: Layer, pv_uuid: str, drafts: Drafts) -> str:
    """Draft one device and what it stands on; what exists already is used. Returns its tag.

    Where another kit has it, it stands on that kit's resource and nothing else of ours does: what is below is theirs.
    """
    carrier = drafts.carrier(layer.number)
    if carrier and not pv_uuid:
        return carrier
    kind = _kind(layer)
    present = drafts.known(kind, layer.stable)
    if present is not None:
        drafts.carries(present, pv_uuid)
        return present.tag
    facts = DeviceFacts("", layer.stable, layer.path, layer.kind, layer.serial, pv_uuid)
    tag = drafts.add(kind, layer.stable, "", _tag_of(layer, kind), facts.pack())
    if carrier:
        drafts.link(tag, carrier)
        return tag
    for lower in _standing_on(layer):
        drafts.link(tag, _add_layer(lower, "", drafts))
    return tag


def _standing_on(layer: Layer) -> tuple[Layer, ...]:
    """What is below and is something of its own. The paths of a multipath map are not: they come and go, also under
    other names, and the map is the disk."""
    return () if layer.kind == _MULTIPATH else layer.below


def _kind(layer: Layer) -> str:
    return DEVICE if _standing_on(layer) or drbd.volume_at(layer.stable) else DISK


def _tag_of(layer: Layer, kind: str) -> str:
    """A name that means something to a person and does not change with the kernel's order: by serial, else by path."""
    volume = drbd.volume_at(layer.stable)
    if volume is not None:  # the disk below is another one on every server
        return f"{kind}-drbd-{volume.resource}-{volume.number}"
    serials = _serials(layer)
    name = layer.path.rsplit("/", 1)[-1]
    if name.startswith("dm-"):  # numbered as they come up
        name = layer.stable.rsplit("/", 1)[-1]
    if len(serials) != 1 or not all(serials):
        return f"{kind}-{name}"
    below = layer.below[0].path.rsplit("/", 1)[-1] if layer.kind == "part" else name
    part = name[len(below) :].lstrip("p")
    words = [kind, *serials]
    if part:
        words.append(f"part{part}")
    return "-".join(words)


def _serials(layer: Layer) -> set[str]:
    """The serial numbers of the disks below: one for all paths of a multipath device, '' for a disk without."""
    return set().union(*map(_serials, layer.below)) if layer.below else {layer.serial}

"""Make the hierarchy follow its volume group after disks or volumes were added, removed or renamed (adddelpv)."""

from __future__ import annotations

import os
from contextlib import ExitStack

from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts, devices_below
from lvmkit.model.instance import FILESYS, IN_SERVICE, LVMLV, LVMVG, Dependency, Instance, tags_of
from lvmkit.model.messages import Failure, raise_errors
from lvmkit.model.messages.command import DifferenceChanged, UnknownDevices
from lvmkit.model.messages.engine import HasDependents
from lvmkit.model.messages.guide import DeviceDependencyNotCreated, InvalidConstructorArgument
from lvmkit.model.value import Value, replace
from lvmkit.plan import Plan, Step, carry_out, finish_interrupted
from lvmkit.resources import kernel, locks
from lvmkit.resources.bringing_up import held, observed
from lvmkit.steps import BringInService, Commit, ListVg, listing
from lvmkit.storage import dm, records, stack
from lvmkit.workflow import everywhere, nesting, replication
from lvmkit.workflow.delete import going_with
from lvmkit.workflow.devices import CarrierChange, Drafts, add_devices, carrier_changes
from lvmkit.workflow.renew import RenewRecord, find_group
from lvmkit.workflow.reservation import FollowDisks
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.volumes import Layer, VolumeGroup
    from lvmkit.plan import Kit


class PvChange(Value):
    """A physical volume that the volume group has and the hierarchy lacks, or the other way round."""

    device: str
    """the device's path now, or the last one known"""
    pv_uuid: str
    tag: str = ""
    """tag of the instance, where there is one"""


class LvChange(Value):
    """A logical volume that is new in the group, or protected but gone."""

    name: str
    lv_uuid: str
    tag: str = ""


class NameChange(Value):
    """A resource whose ID, or the path of whose device, has an old name in it."""

    tag: str
    old: str
    new: str
    """the same as the old one where only the UUIDs of a file system's volume are to be noted"""


class Difference(Value):
    """Between the hierarchy and the volume group."""

    tag: str
    vg: str
    added: tuple[PvChange, ...]
    removed: tuple[PvChange, ...]
    new_volumes: tuple[LvChange, ...]
    """they are protected when something on them is created; until then the checks have notes of them"""
    gone_volumes: tuple[LvChange, ...]
    unlisted: bool = False
    """/etc/lkvgs does not name the volume group"""
    unwatched: bool = False
    """the record that the checks compare with differs from the volume group"""
    renamed: tuple[NameChange, ...] = ()
    """also of other groups, where names were exchanged: no ID is free before all of them change"""
    carried: tuple[CarrierChange, ...] = ()
    contents: str = ""
    """digest of what the group consists of, which is the same on every server that sees the same disks"""

    @property
    def digest(self) -> str:
        """What tells this difference from every other. Volumes that are not protected are none of it."""
        return _digest(replace(self, new_volumes=()))

    @property
    def is_renamed(self) -> bool:
        """Whether the volume group itself has another name."""
        return any(change.tag == self.tag for change in self.renamed)

    @property
    def is_empty(self) -> bool:
        """Whether hierarchy and volume group agree."""
        changes = self.added or self.removed or self.gone_volumes or self.renamed or self.carried
        return not (changes or self.unlisted or self.unwatched)


def difference(tag: str, kit: Kit) -> Difference:
    """Compare; changes nothing. Raises Failure when tag is not a volume group's, or the group is not to be found."""
    return _compare(tag, kit)[0]


def contents(tag: str, kit: Kit) -> str:
    """The digest of what a volume group consists of, as this server sees it. Raises Failure as difference()."""
    return difference(tag, kit).contents


def reconfigure(
    tag: str,
    kit: Kit,
    only: tuple[Sequence[str], Sequence[str]] | None = None,
    *,
    here: bool = False,
    expected: str = "",
) -> Difference:
    """Apply the difference and return what was applied. The admin lock is taken.

    only: (devices to add, devices to remove), the rest is left; every device must be in the difference.
    here: leave the other servers of a cluster alone; else they follow the volume group too, unless only is given.
    expected: the digest of the difference that was shown, or of the group's contents; '': whatever is there now.
    Raises Failure, with nothing changed, where something else is there now (110500), or another server sees a group
    with other contents (110501).
    """
    follows = kit.port.capabilities.several_servers and only is None and not here
    find(kit.port.hierarchy(), tag)
    with kit.port.admin_lock(f"reconfigure {tag}"):
        finish_interrupted(kit)
        whole, layers = _compare(tag, kit)
        if expected and expected not in (whole.digest, whole.contents):
            raise Failure(DifferenceChanged(tag, expected, whole.digest))
        if expected and follows:
            everywhere.refuse_another_view(tag, whole.contents, kit)
        wanted = whole if only is None else _narrow(whole, *only)
        if wanted.added:
            raise_errors(replication.against_mixture(whole.vg, tuple(layers.items()), kit))
        if not wanted.is_empty:
            _carry_out(wanted, layers, kit)
    if follows:
        everywhere.follow(tag, kit, contents=whole.contents if expected else "")
        for other in tags_of(_renamed_groups(wanted, kit.port.hierarchy())):
            if other != tag:
                everywhere.follow(other, kit)
    return wanted


def _carry_out(wanted: Difference, layers: dict[str, Layer], kit: Kit) -> None:
    """Apply, and name in the guide's words a link that could not be made."""
    hierarchy = kit.port.hierarchy()
    vg = find(hierarchy, wanted.tag)
    drafts = _drafts(vg, hierarchy, kit)
    add_devices([(pv.pv_uuid, layers[pv.pv_uuid]) for pv in wanted.added], vg.tag, drafts)
    drafts.updates += _with_new_names(wanted.renamed, hierarchy)
    for each in wanted.carried:
        drafts.link(each.tag, each.carrier)
    change = _change(wanted, drafts, hierarchy)
    steps: list[Step] = []
    if change != Change():
        steps.append(Commit(change))
    steps += _new_listings(wanted, hierarchy, kit)
    if wanted.unlisted and not wanted.is_renamed:
        steps.append(ListVg(wanted.vg, True, VgFacts.unpack(vg).uuid))
    if vg.state in IN_SERVICE:  # it stays so: this only gives its new disks the state that they are in
        steps.append(BringInService(wanted.tag, True))
        if VgFacts.unpack(vg).is_reserved:
            steps.append(FollowDisks(wanted.tag))
    steps += map(RenewRecord, dict.fromkeys((wanted.tag, *tags_of(_renamed_groups(wanted, hierarchy)))))
    try:
        carry_out(Plan(f"reconfigure {wanted.tag}", tuple(steps)), kit)
    except Failure as failure:
        lost = [DeviceDependencyNotCreated(wanted.tag, pv.device) for pv in wanted.added]
        raise Failure(*failure.messages, *lost) from failure
    _move_own_records(wanted, hierarchy, kit)


def _drafts(vg: Instance, hierarchy: Hierarchy, kit: Kit) -> Drafts:
    joins_others = kit.port.capabilities.runs_devices
    return Drafts(hierarchy, kit.port.local_server(), vg.switchback, joins_others=joins_others)


def _renamed_groups(wanted: Difference, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    return hierarchy.of_tags((change.tag for change in wanted.renamed), LVMVG)


def _new_listings(wanted: Difference, hierarchy: Hierarchy, kit: Kit) -> Iterator[Step]:
    """What names renamed groups in /etc/lkvgs as they are named."""
    new_ids = {change.tag: change.new for change in wanted.renamed}
    for group in map(VgFacts.unpack, _renamed_groups(wanted, hierarchy)):
        yield from listing(group.name, group.uuid, False, kit)
        yield ListVg(names.vg_of_lvmvg_id(new_ids[group.tag]) or "", True, group.uuid)


def _move_own_records(wanted: Difference, before: Hierarchy, kit: Kit) -> None:
    """Give the records of renamed volumes that have their own the new names, which others may have had."""
    after = kit.port.hierarchy()
    moved = []
    volumes = tuple(map(LvFacts.unpack, before.of_tags((change.tag for change in wanted.renamed), LVMLV)))
    with ExitStack() as still:
        for uuid, vg in {old.vg_uuid: old.vg for old in volumes}.items():
            still.enter_context(locks.stopping(uuid, vg, kit.host))
        for old in volumes:
            new = LvFacts.unpack(find(after, old.tag))
            record = records.load(kernel.volume_paths(kit.paths, old), old.group.id)
            if record is not None:
                records.drop(kernel.volume_paths(kit.paths, old), old.group.id)
                moved.append((kernel.volume_paths(kit.paths, new), replace(record, vg=new.vg)))
        for place, record in moved:
            records.store(place, record)


def _change(wanted: Difference, drafts: Drafts, hierarchy: Hierarchy) -> Change:
    """What is stored for the difference."""
    reused = tags_of(drafts.updates)  # the same disk under a new physical volume stays
    leaving = replace(wanted, removed=tuple(pv for pv in wanted.removed if pv.tag not in reused))
    tags = tags_of(_leaving(leaving, hierarchy))
    replaced = _replaced(wanted)
    unlink = []
    for link in hierarchy.dependencies:
        if link.parent in tags or link.child in tags or _drops(link, leaving) or link in replaced:
            unlink.append(link)
    return replace(drafts.change(), unlink=tuple(unlink), remove=tags)


def _compare(tag: str, kit: Kit) -> tuple[Difference, dict[str, Layer]]:
    hierarchy = kit.port.hierarchy()
    instance = find(hierarchy, tag)
    if instance.type != LVMVG:
        raise Failure(InvalidConstructorArgument(LVMVG, tag))
    group = VgFacts.unpack(instance)
    vg = _on_another_server(instance, hierarchy, kit) or find_group(group, kit)
    layers = dict(stack.devices_of(vg, deadline=kit.settings.command_deadline))
    added, removed = _disk_changes(tag, vg, layers, hierarchy)
    new, gone = _volume_changes(tag, vg, hierarchy)
    unlisted = bool(listing(vg.name, vg.uuid, True, kit))
    renamed = _name_changes(instance, vg, hierarchy)
    for other, other_vg in _exchanged_with(instance, vg, hierarchy, kit):
        renamed += _name_changes(other, other_vg, hierarchy)
    unwatched = _unwatched(replace(group, id=names.lvmvg_id(vg.name)), vg, kit)
    carried = tuple(dict.fromkeys(carrier_changes(layers.values(), _drafts(instance, hierarchy, kit))))
    contained = _contents(vg, new)
    whole = Difference(tag, vg.name, added, removed, new, gone, unlisted, unwatched, renamed, carried, contained)
    return whole, layers


def _on_another_server(instance: Instance, hierarchy: Hierarchy, kit: Kit) -> VolumeGroup | None:
    """The group as the server that has it in service has recorded it, where it is on replicated devices.

    This one cannot read them, and they have the same names here. None for any other group, and where nobody has it.
    """
    if not replication.is_elsewhere(VgFacts.unpack(instance, hierarchy)):
        return None
    seen = kit.port.overview()
    for server in seen.in_service_on(instance.tag):
        there = seen.of(server)
        group = VgFacts.unpack(there.by_tag(instance.tag) or instance, there)
        if server != seen.local and replication.volumes(group):
            parents = there.of_tags(there.parents(instance.tag), LVMLV)
            return replication.stand_in(group, map(LvFacts.unpack, parents))
    return None


def _contents(vg: VolumeGroup, unprotected: tuple[LvChange, ...]) -> str:
    left_out = [lv.lv_uuid for lv in unprotected]
    volumes = [(lv.uuid, lv.name) for lv in vg.logical if lv.uuid not in left_out]
    return _digest((vg.uuid, vg.name, sorted(pv.uuid for pv in vg.physical), sorted(volumes)))


def _digest(facts: object) -> str:
    """16 hexadecimal digits. facts: of one spelling on every server: values, tuples, lists and words."""
    import hashlib  # only where something is compared

    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _exchanged_with(
    group: Instance, vg: VolumeGroup, hierarchy: Hierarchy, kit: Kit
) -> Iterator[tuple[Instance, VolumeGroup]]:
    """The groups that still have the ID which this one is to get, and so on, and each as LVM has it.

    Raises Failure as find_group() does.
    """
    known = {group.tag}
    holder = hierarchy.by_id(names.lvmvg_id(vg.name), LVMVG)
    while holder is not None and holder.tag not in known:
        known.add(holder.tag)
        held = find_group(VgFacts.unpack(holder), kit)
        yield holder, held
        holder = hierarchy.by_id(names.lvmvg_id(held.name), LVMVG)


def _name_changes(group: Instance, vg: VolumeGroup, hierarchy: Hierarchy) -> tuple[NameChange, ...]:
    """What has an old name in it: IDs of the group and its volumes, the device of a file system."""
    changes = []
    if group.id != names.lvmvg_id(vg.name):
        changes.append(NameChange(group.tag, group.id, names.lvmvg_id(vg.name)))
    for volume in hierarchy.of_tags(hierarchy.parents(group.tag), LVMLV):
        lv = vg.lv(LvFacts.unpack(volume).uuid)
        if lv is None:
            continue
        path = vg.lv_path(lv)
        if volume.id != path:
            changes.append(NameChange(volume.tag, volume.id, path))
        changes += _device_changes(hierarchy.of_tags(hierarchy.parents(volume.tag), FILESYS), path)
    return tuple(changes)


def _device_changes(filesystems: Iterable[Instance], path: str) -> Iterator[NameChange]:
    """File systems that note another path of their volume, or not by its UUIDs which volume it is."""
    for instance in filesystems:
        facts = FilesystemFacts.unpack(instance)
        if facts.device != path or not facts.dm_uuid:
            yield NameChange(instance.tag, facts.device, path)


def _with_new_names(changes: Iterable[NameChange], hierarchy: Hierarchy) -> Iterator[Instance]:
    """The instances as they are to be stored."""
    for change in changes:
        for instance in hierarchy.of_tags((change.tag,)):
            if instance.type == FILESYS:
                facts = FilesystemFacts.unpack(instance, hierarchy)
                yield replace(instance, info=replace(facts, device=change.new).pack())
            else:
                yield replace(instance, id=change.new)


def _disk_changes(
    tag: str, vg: VolumeGroup, layers: dict[str, Layer], hierarchy: Hierarchy
) -> tuple[tuple[PvChange, ...], tuple[PvChange, ...]]:
    """(added, removed) physical volumes. layers: by PV UUID, those that are there."""
    known = {device.pv_uuid: device for device in devices_below(hierarchy, tag)}
    present = [pv.uuid for pv in vg.physical]
    added = [PvChange(layers[uuid].stable, uuid) for uuid in present if uuid in layers and uuid not in known]
    removed = []
    for uuid, device in known.items():
        if uuid not in present:
            removed.append(PvChange(device.id, uuid, device.tag))
    return tuple(added), tuple(removed)


def _volume_changes(
    tag: str, vg: VolumeGroup, hierarchy: Hierarchy
) -> tuple[tuple[LvChange, ...], tuple[LvChange, ...]]:
    """(new, gone) logical volumes."""
    covered = set()
    gone = []
    for volume in map(LvFacts.unpack, hierarchy.of_tags(hierarchy.parents(tag), LVMLV)):
        covered.add(volume.uuid)
        if vg.lv(volume.uuid) is None:
            gone.append(LvChange(volume.name, volume.uuid, volume.tag))
    new = [LvChange(lv.name, lv.uuid) for lv in vg.logical if lv.uuid not in covered]
    return tuple(new), tuple(gone)


def _unwatched(group: VgFacts, vg: VolumeGroup, kit: Kit) -> bool:
    """Whether the group is up and its record does not name exactly what is up."""
    if not dm.of_vg(dm.list_devices(), vg.uuid):
        return False
    return records.load(kit.paths, group.id) != observed(vg, group, held())


def _narrow(whole: Difference, add: Sequence[str], remove: Sequence[str]) -> Difference:
    """Only the named devices of the difference; Failure when one is not part of it."""
    chosen_add = tuple(pv for pv in whole.added if not _names(pv).isdisjoint(add))
    chosen_remove = tuple(pv for pv in whole.removed if not _names(pv).isdisjoint(remove))
    known: set[str] = set()
    for pv in (*chosen_add, *chosen_remove):
        known |= _names(pv)
    strange = tuple(name for name in (*add, *remove) if name not in known)
    if strange:
        raise Failure(UnknownDevices(whole.vg, strange))
    chosen = replace(whole, added=chosen_add, removed=chosen_remove)
    return replace(chosen, new_volumes=(), gone_volumes=(), renamed=(), carried=())


def _names(pv: PvChange) -> set[str]:
    """Every word by which an administrator may mean this physical volume."""
    return {pv.device, os.path.realpath(pv.device), pv.pv_uuid, pv.tag} - {""}


def _leaving(wanted: Difference, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    """Instances that nothing requires any more once the difference is applied.

    They are lost volumes with the file systems that were on them, devices with their disks, and what is another kit's.
    """
    gone: dict[Instance, None] = {}
    for volume in wanted.gone_volumes:
        gone.update(dict.fromkeys(hierarchy.of_tags(_lost_with(volume.tag, hierarchy))))
    for pv in wanted.removed:
        if set(hierarchy.parents(pv.tag)) <= {wanted.tag}:
            gone.update(dict.fromkeys(going_with(pv.tag, hierarchy)))
    replaced = _replaced(wanted)
    for tag in dict.fromkeys(link.child for link in replaced):
        if all(Dependency(parent, tag) in replaced for parent in hierarchy.parents(tag)):
            gone.update(dict.fromkeys(going_with(tag, hierarchy)))
    return tuple(gone)


def _replaced(wanted: Difference) -> set[Dependency]:
    """What devices required before they stood on another kit's storage."""
    return {Dependency(each.tag, tag) for each in wanted.carried for tag in each.instead}


def _lost_with(volume: str, hierarchy: Hierarchy) -> tuple[str, ...]:
    """A volume that is gone and the file systems on it, parents first. Other file systems within those stay.

    Raises Failure (HasDependents, 110086) where anything else requires it.
    """
    going = (*tags_of(hierarchy.of_tags(hierarchy.parents(volume), FILESYS)), volume)
    above = dict.fromkeys(parent for tag in going for parent in _requiring(tag, hierarchy))
    others = tuple(tag for tag in above if tag not in going)
    others += tuple(tag for tag in going[:-1] if _requires_more(tag, volume, hierarchy))
    if others:
        raise Failure(HasDependents(volume, others))
    return going


def _requiring(tag: str, hierarchy: Hierarchy) -> Iterator[str]:
    """What requires a tag, without file systems that only lie within it."""
    for parent in hierarchy.parents(tag):
        if not nesting.is_nesting(Dependency(parent, tag), hierarchy):
            yield parent


def _requires_more(filesystem: str, volume: str, hierarchy: Hierarchy) -> bool:
    """Whether a file system requires anything beside its volume and the file systems that it lies in."""
    links = (Dependency(filesystem, child) for child in hierarchy.children(filesystem) if child != volume)
    return not all(nesting.is_nesting(link, hierarchy) for link in links)


def _drops(dependency: Dependency, wanted: Difference) -> bool:
    if dependency.parent != wanted.tag:
        return False
    return any(pv.tag == dependency.child for pv in wanted.removed)

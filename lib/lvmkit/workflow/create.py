"""Put a file system or a logical volume under protection, with all that it stands on.

The plan is made from what storage and engine say now; nothing is changed before it is carried out, and whatever fails
or interrupts it, it is taken back.
"""

from __future__ import annotations

from lvmkit import guards
from lvmkit.cluster.port import Change
from lvmkit.model import family, names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, Instance
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, raise_errors
from lvmkit.model.messages.command import InvalidName, ProtectedUnderOldName
from lvmkit.model.messages.guide import (
    ErrorCreatingResource,
    FailedCreation,
    IdInUse,
    ResourceExists,
    SwitchbackMismatch,
)
from lvmkit.model.messages.reservation import ReservationOtherwise
from lvmkit.model.messages.storage import MountedTwice, NotAMountPoint, SystemStorage
from lvmkit.model.settings import NO_RESERVATION, SCSI, SYSTEM_ID
from lvmkit.model.value import Value, replace
from lvmkit.plan import Plan, carry_out, finish_interrupted
from lvmkit.resources import mounting
from lvmkit.steps import BringInService, Commit, SetAutoactivation, listing
from lvmkit.storage import dm, mountinfo, stack, superblock
from lvmkit.storage.boot_needs import InactiveGroup
from lvmkit.workflow import nesting, owner, replication, reservation
from lvmkit.workflow.boot_mounts import boot_mounts
from lvmkit.workflow.devices import Drafts, add_devices
from lvmkit.workflow.renew import RenewRecord
from lvmkit.workflow.reservation import ReserveDisks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.volumes import MountedFilesystem, Stack, VolumeGroup
    from lvmkit.plan import Kit, Step

_KERNEL_ONLY_OPTIONS = frozenset(("seclabel", *superblock.STATE_WORDS))
"""options that /proc/self/mountinfo prints and mount(8) does not take"""


class CreateRequest(Value):
    """What is to be protected, and how. tag '' means: choose one."""

    path: str
    """a mount point, or the device of a logical volume"""
    tag: str = ""
    switchback: str = "INTELLIGENT"
    top: str = ""
    """FILESYS, LVMLV or LVMVG: where the hierarchy ends; '' means at the file system where path is a mount point"""
    reservation: str = ""
    """SCSI or NO_RESERVATION; '' means as the settings say"""


class CreateDraft(Value):
    """A plan, and the tag that its root has or will have."""

    plan: Plan
    root: str


def create(request: CreateRequest, kit: Kit) -> str:
    """Make the hierarchy and bring it in service; returns the root's tag. The admin lock is taken.

    Raises Failure: the reasons, then 000024; everything was backed out. What exists already as wished is success.
    """
    server = kit.port.local_server()
    try:
        with kit.port.admin_lock(f"create {request.path}"):
            finish_interrupted(kit)
            draft = draft_creation(request, kit)
            carry_out(draft.plan, kit)
    except Failure as failure:
        shown = request.tag or request.path
        raise Failure(
            *failure.messages, ErrorCreatingResource(shown, server), FailedCreation(shown, server)
        ) from failure
    except Interruption:
        kit.tell(FailedCreation(request.tag or request.path, server))
        raise
    return draft.root


def draft_creation(request: CreateRequest, kit: Kit) -> CreateDraft:
    """The plan for a request; changes nothing. Raises Failure with every reason against it."""
    storage = stack.stack_of(request.path, kit.lvm)
    _refuse(storage, request, kit)
    hierarchy = kit.port.hierarchy()
    joins_others = kit.port.capabilities.runs_devices
    own = kit.port.local_server()
    drafts = Drafts(hierarchy, own, request.switchback, request.tag, joins_others=joins_others)
    root = _draft_instances(storage, request, drafts, kit)
    if drafts.has_new(LVMVG):
        guards.refuse_active_elsewhere(storage.vg, kit.host, is_up_here=_is_up(storage))
    _warn(storage, drafts, kit)
    return CreateDraft(Plan(f"create {request.path}", _steps(storage, root, drafts, kit)), root)


def _refuse(storage: Stack, request: CreateRequest, kit: Kit) -> None:
    """Reasons why this storage must not, or not now, be protected."""
    vg = storage.vg
    if request.tag and not names.is_tag(request.tag):
        raise Failure(InvalidName(request.tag, "tag"))
    if not names.fits_device_mapper(vg.name, storage.lv.name):
        raise Failure(InvalidName(f"{vg.name}/{storage.lv.name}", "device-mapper name"))
    use = stack.system_use(vg, deadline=kit.settings.command_deadline)
    if use:
        raise Failure(SystemStorage(vg.name, use))
    raise_errors(guards.against_protection(vg, kit.host))
    replication.refuse(storage, request.switchback, kit)
    mount = mountinfo.at(storage.filesystem.mount_point) if storage.filesystem else None
    if mount is not None:
        mounting.refuse_unserved(mount, kit.host)


def _draft_instances(storage: Stack, request: CreateRequest, drafts: Drafts, kit: Kit) -> str:
    """Draft what is missing, from the disks up; returns the root's tag."""
    top = request.top or (FILESYS if storage.filesystem else LVMLV)
    if top == FILESYS and storage.filesystem is None:
        raise Failure(NotAMountPoint(request.path))
    vg_tag = _draft_vg(storage, request.tag if top == LVMVG else "", request.reservation, drafts, kit)
    if top == LVMVG:
        return vg_tag
    lv_tag = _draft_lv(storage, vg_tag, request.tag if top == LVMLV else "", drafts)
    if top != FILESYS or storage.filesystem is None:
        return lv_tag
    return _draft_filesystem(storage, storage.filesystem, lv_tag, request.tag, drafts)


def _draft_vg(storage: Stack, tag: str, reserving: str, drafts: Drafts, kit: Kit) -> str:
    vg = storage.vg
    present = _protected_group(vg, drafts.now)
    if present is not None:
        if VgFacts.noted(present).uuid != vg.uuid:
            raise Failure(IdInUse(present.id))
        if present.id != names.lvmvg_id(vg.name):
            raise Failure(ProtectedUnderOldName(vg.name, present.id, present.tag))
        _refuse_otherwise(present, reserving)
        return _same_tag(present, tag)
    facts = VgFacts(tag, names.lvmvg_id(vg.name), vg.name, vg.uuid, vg.autoactivation)
    if owner.is_wanted(kit):
        facts = replace(facts, ownership=SYSTEM_ID, owner_before=vg.system_id)
    if reservation.wanted(reserving, kit) == SCSI:
        facts = replace(facts, reservation=SCSI)
        reservation.refuse(vg, facts, kit)
    vg_tag = drafts.add(LVMVG, facts.id, tag, vg.name, facts.pack())
    add_devices(storage.devices, vg_tag, drafts)
    return vg_tag


def _refuse_otherwise(present: Instance, reserving: str) -> None:
    """Raises Failure where a protected group is guarded otherwise than was asked for."""
    group = VgFacts.noted(present)
    guarded = group.reservation or NO_RESERVATION
    if reserving not in ("", guarded):
        raise Failure(ReservationOtherwise(group.name, present.tag, guarded))


def _protected_group(vg: VolumeGroup, hierarchy: Hierarchy) -> Instance | None:
    """The instance of this volume group, also where it was protected under another name; else one with its name."""
    groups = family.groups(hierarchy.instances)
    for group in groups:
        if VgFacts.noted(group).uuid == vg.uuid:
            return group
    for group in groups:
        if group.id == names.lvmvg_id(vg.name):
            return group
    return None


def _draft_lv(storage: Stack, vg_tag: str, tag: str, drafts: Drafts) -> str:
    resource_id = storage.vg.lv_path(storage.lv)
    present = drafts.now.by_id(resource_id, LVMLV)
    if present is not None:
        if LvFacts.noted(present).uuid != storage.lv.uuid:
            raise Failure(IdInUse(present.id))
        return _same_tag(present, tag)
    vg, lv = storage.vg, storage.lv
    facts = LvFacts(tag, resource_id, vg.name, lv.name, vg.uuid, lv.uuid, lv.kind, _ownership(vg_tag, drafts))
    lv_tag = drafts.add(LVMLV, resource_id, tag, f"{vg.name}/{lv.name}", facts.pack())
    drafts.link(lv_tag, vg_tag)
    return lv_tag


def _ownership(vg_tag: str, drafts: Drafts) -> str:
    """What a volume's instance must know of the owner of its group, new or protected already."""
    group = next(instance for instance in (*drafts.instances, *drafts.now.instances) if instance.tag == vg_tag)
    return VgFacts.noted(group).ownership


def _draft_filesystem(storage: Stack, mounted: MountedFilesystem, lv_tag: str, tag: str, drafts: Drafts) -> str:
    present = drafts.now.by_id(mounted.mount_point, FILESYS)
    if present is not None:
        raise Failure(ResourceExists(present.tag))
    options = ",".join(option for option in mounted.options.split(",") if option not in _KERNEL_ONLY_OPTIONS)
    device = storage.vg.lv_path(storage.lv)
    uuids = mounted.uuid, storage.vg.uuid, storage.lv.uuid
    facts = FilesystemFacts(tag, mounted.mount_point, device, mounted.type, options, *uuids, mounted.label)
    raise_errors((*mounted_twice(mounted.mount_point, lv_tag, drafts.now), *nesting.hidden(facts, drafts.now)))
    root = drafts.add(FILESYS, mounted.mount_point, tag, mounted.mount_point, facts.pack())
    drafts.link(root, lv_tag)
    for outer in nesting.around(mounted.mount_point, drafts.now):
        drafts.link(root, outer.tag)
    for inner in nesting.within(mounted.mount_point, drafts.now):
        drafts.link_later(inner.tag, root)
    return root


def mounted_twice(mount_point: str, lv_tag: str, hierarchy: Hierarchy) -> tuple[MountedTwice, ...]:
    """What to say of a mount point whose volume carries the file system of another one. lv_tag: of the volume."""
    messages = []
    for other in hierarchy.of_tags(hierarchy.parents(lv_tag), FILESYS):
        if other.id != mount_point:
            first, second = sorted((mount_point, other.id))
            messages.append(MountedTwice(first, second, lv_tag))
    return tuple(messages)


def _same_tag(present: Instance, tag: str) -> str:
    """The tag of what exists already; Failure when another tag was asked for."""
    if tag and tag != present.tag:
        raise Failure(IdInUse(present.id))
    return present.tag


def _steps(storage: Stack, root: str, drafts: Drafts, kit: Kit) -> tuple[Step, ...]:
    steps: list[Step] = []
    vg = storage.vg
    if drafts.has_new(LVMVG) and vg.autoactivation:
        steps.append(SetAutoactivation(vg.name, False, True, vg.uuid))
    if any(VgFacts.noted(group).is_reserved for group in drafts.instances if group.type == LVMVG):
        steps.append(ReserveDisks(vg.name, vg.uuid, vg.devices))
    if drafts.has_new(LVMVG):
        steps += owner.taking(vg, kit)
        steps += listing(vg.name, vg.uuid, True, kit)
    if drafts.instances:
        steps.append(Commit(drafts.change()))
    steps.append(BringInService(root, _is_up(storage)))
    if drafts.later:
        steps.append(Commit(Change(link=tuple(drafts.later))))
    if not kit.port.capabilities.starts_what_is_up:  # then no start leaves a record
        steps += [RenewRecord(instance.tag) for instance in drafts.instances if instance.type == LVMVG]
    return tuple(steps)


def _is_up(storage: Stack) -> bool:
    """Whether the volume group was active before: then a back-out leaves it so."""
    return bool(dm.of_vg(dm.list_devices(), storage.vg.uuid))


def _warn(storage: Stack, drafts: Drafts, kit: Kit) -> None:
    """Things that do not stop a creation but bite later."""
    for parent, child in drafts.mismatches():
        kit.tell(SwitchbackMismatch(parent, child, drafts.server))
    for message in boot_mounts(_inactive_group(storage), kit):
        kit.tell(message)


def _inactive_group(storage: Stack) -> InactiveGroup:
    """What the boot will no longer have."""
    vg, mounted = storage.vg, storage.filesystem
    if mounted is None:
        return InactiveGroup(vg.name, vg.uuid)
    labels = (mounted.label,) if mounted.label else ()
    return InactiveGroup(vg.name, vg.uuid, (mounted.mount_point,), (mounted.uuid,), labels)

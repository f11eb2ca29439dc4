"""What the engine believes of every resource, beside what the kernel says of it now.

The engine's records only tell what the last action or check did. So everything in service gets the shallow check, what
is out of service is looked for in device-mapper and the mount table, and devices are looked up in sysfs. Nothing is
changed, no LVM command runs, and one resource that cannot be asked about does not hide the others.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, DISK, FILESYS, ILLSTATE, IN_SERVICE, LVMLV, LVMVG, OSF, OSU, Instance
from lvmkit.model.messages import ERROR, Failure, Message
from lvmkit.model.messages.command import DeviceUnwell, UpThoughOutOfService
from lvmkit.model.value import Value
from lvmkit.storage import dm, sysfs
from lvmkit.workflow import recover
from lvmkit.workflow.filesystem_check import mounted
from lvmkit.workflow.recover import Finding
from lvmkit.workflow.subject import filesystem_subject, find, lv_subject, vg_subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device


class Resource(Value):
    """One resource: the engine's record of it, its place, and what the kernel says against the record."""

    instance: Instance
    parents: tuple[str, ...]
    children: tuple[str, ...]
    faults: tuple[Message, ...] = ()

    @property
    def is_contradicted(self) -> bool:
        """Whether the kernel does not agree with the state that the engine has."""
        return any(fault.level == ERROR or isinstance(fault, UpThoughOutOfService) for fault in self.faults)

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to do something about it: it failed, or the kernel contradicts its state."""
        return self.instance.state == OSF or self.is_contradicted


class Survey(Value):
    """All resources looked at, in the order in which they were created."""

    server: str
    resources: tuple[Resource, ...]
    roots: tuple[str, ...]
    """tags under which every other resource of the survey is found"""

    @property
    def is_well(self) -> bool:
        """Whether no resource needs attention."""
        return not any(resource.needs_attention for resource in self.resources)


def survey(kit: Kit, tag: str | None = None) -> Survey:
    """Look at everything, or at one tag and all that it requires.

    Raises Failure 000019 for an unknown tag, and what the engine raises when its records cannot be read.
    """
    now = kit.port.hierarchy()
    chosen = frozenset(now.tags if tag is None else now.below(find(now, tag).tag))
    instances = tuple(instance for instance in now.instances if instance.tag in chosen)
    findings = examine((instance.tag for instance in instances), now, kit)
    resources = tuple(
        Resource(instance, now.parents(instance.tag), now.children(instance.tag), finding.messages)
        for instance, finding in zip(instances, findings)
    )
    return Survey(kit.port.local_server(), resources, entrances(now) if tag is None else (tag,))


def examine(tags: Iterable[str], now: Hierarchy, kit: Kit) -> tuple[Finding, ...]:
    """What the kernel says of these resources, as far as it is news; each tag once, in the given order.

    Raises nothing for a resource that cannot be asked about: the reason is its finding.
    """
    instances = [instance for instance in map(now.by_tag, tags) if instance is not None]
    checked = _checked(tuple(i.tag for i in instances if _is_checked(i, kit)), now, kit)
    devices = _devices_if_any(instances)
    return tuple(Finding(i.tag, checked.get(i.tag) or _against(i, devices)) for i in instances)


def in_service(now: Hierarchy, kit: Kit) -> tuple[str, ...]:
    """Tags that should be in service, children first."""
    return tuple(tag for tag in now.restore_order(now.tags) if _should_be_up(now.by_tag(tag), kit))


def entrances(now: Hierarchy) -> tuple[str, ...]:
    """The roots, and where damaged data holds a loop, which has no root, one tag of it: so nothing stays hidden."""
    found = list(now.roots())
    reached = {below for root in found for below in now.below(root)}
    for tag in now.tags:
        if tag not in reached:
            found.append(tag)
            reached.update(now.below(tag))
    return tuple(found)


def _is_checked(instance: Instance, kit: Kit) -> bool:
    return instance.type in (FILESYS, LVMLV, LVMVG) and _should_be_up(instance, kit)


def _should_be_up(instance: Instance | None, kit: Kit) -> bool:
    if instance is None:
        return False
    return instance.state in IN_SERVICE or (instance.state == ILLSTATE and kit.port.wanted(instance.tag))


def _checked(tags: tuple[str, ...], now: Hierarchy, kit: Kit) -> dict[str, tuple[Message, ...]]:
    """The shallow checks: with one look at the kernel for all, or one by one where that fails for any of them."""
    if not tags:
        return {}
    try:
        return {finding.tag: finding.messages for finding in recover.check_tags(tags, now, kit)}
    except Failure:
        return {tag: _checked_alone(tag, now, kit) for tag in tags}


def _checked_alone(tag: str, now: Hierarchy, kit: Kit) -> tuple[Message, ...]:
    try:
        return tuple(message for finding in recover.check_tags((tag,), now, kit) for message in finding.messages)
    except Failure as failure:
        return failure.messages


def _devices_if_any(instances: Sequence[Instance]) -> Sequence[Device]:
    """The kernel's devices where something is out of service; none where device-mapper cannot be asked."""
    if not any(i.type in (LVMVG, LVMLV) and i.state in (OSU, OSF) for i in instances):
        return ()
    try:
        return dm.list_devices()
    except Failure:
        return ()  # where nothing answers nothing is up, and what should be up is reported by its check


def _against(instance: Instance, devices: Sequence[Device]) -> tuple[Message, ...]:
    """What speaks against the state of a resource that has no check, or is not in service."""
    if instance.type in (DEVICE, DISK):
        number = sysfs.number_of(instance.id)
        condition = sysfs.condition(number) if number else "gone"
        return (DeviceUnwell(instance.id, condition),) if condition else ()
    if instance.state not in (OSU, OSF):
        return ()
    try:
        held = _held(instance, devices)
    except Failure as failure:
        return failure.messages
    return (UpThoughOutOfService(instance.tag, held),) if held else ()


def _held(instance: Instance, devices: Sequence[Device]) -> tuple[str, ...]:
    """What the kernel holds of a resource: device-mapper names, or the mount."""
    if instance.type == FILESYS:
        mount = mounted(filesystem_subject(instance))
        return () if mount is None else (f"{mount.source} on {instance.id}",)
    if instance.type == LVMVG:
        return tuple(device.name for device in dm.of_vg(devices, vg_subject(instance).uuid))
    if instance.type == LVMLV:
        volume = lv_subject(instance)
        return tuple(d.name for d in devices if d.uuid == names.dm_uuid(volume.vg_uuid, volume.uuid))
    return ()

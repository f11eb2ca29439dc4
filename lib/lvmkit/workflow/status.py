"""What the engine believes of every resource, beside what the kernel says of it now.

The engine's records only tell what the last action or check did. So everything in service gets the shallow check, what
is out of service is looked for in device-mapper and the mount table, and devices are looked up in sysfs. Nothing is
changed, no LVM command runs, and one resource that cannot be asked about does not hide the others.

In a cluster every server has its own record of a resource, all read at one moment; the kernel is that of this server.
"""

from __future__ import annotations

from lvmkit.model.facts import DeviceFacts, FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import FILESYS, ILLSTATE, IN_SERVICE, LVMLV, LVMVG, OSF, OSU, Instance
from lvmkit.model.messages import ERROR, Failure, Message
from lvmkit.model.messages.command import UpThoughOutOfService
from lvmkit.model.resource_types import has_scripts, is_device
from lvmkit.model.value import Value, replace
from lvmkit.resources import device
from lvmkit.resources.filesys import mounted
from lvmkit.resources.kernel import Glance
from lvmkit.workflow.look import CheckResult, check_tags
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lvmkit.cluster.port import Capabilities, Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.servers import Server
    from lvmkit.plan import Kit


class Place(Value):
    """A resource on one of its servers, as the engine knows it."""

    instance: Instance
    priority: int
    """1 is the highest; 0 for what has none of its own, as devices and disks"""
    is_failed: bool
    """whether somebody has to do something about it here"""


class Resource(Value):
    """One resource: the engine's record of it, its place, and what the kernel says against the record."""

    instance: Instance
    """on this server, else on the first that has it"""
    parents: tuple[str, ...]
    children: tuple[str, ...]
    faults: tuple[Message, ...] = ()
    """what this server's kernel says"""
    places: tuple[Place, ...] = ()
    """in the order of the servers; none for those to which it is not extended"""

    @property
    def is_contradicted(self) -> bool:
        """Whether the kernel does not agree with the state that the engine has."""
        return any(fault.level == ERROR or isinstance(fault, UpThoughOutOfService) for fault in self.faults)

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to do something about it: it failed somewhere, or the kernel contradicts its state."""
        return self.is_contradicted or any(place.is_failed for place in self.places)

    def on(self, server: str) -> Place | None:
        """The resource on this server."""
        for place in self.places:
            if place.instance.server == server:
                return place
        return None


class Survey(Value):
    """All resources looked at, in the order in which they were created."""

    server: str
    resources: tuple[Resource, ...]
    roots: tuple[str, ...]
    """tags under which every other resource of the survey is found"""
    servers: tuple[Server, ...] = ()
    warnings: tuple[Message, ...] = ()
    """of the cluster as a whole, also of what more than one server's kernel holds"""

    @property
    def is_well(self) -> bool:
        """Whether no resource needs attention, and the cluster can do its work."""
        if any(resource.needs_attention for resource in self.resources):
            return False
        return not any(warning.level == ERROR for warning in self.warnings)


def survey(kit: Kit, tag: str | None = None, seen: Overview | None = None) -> Survey:
    """Look at everything, or at one tag and all that it requires.

    seen: what has been read of the engine already.
    Raises Failure 000019 for an unknown tag, and what the engine raises when its records cannot be read.
    """
    seen = seen or kit.port.overview()
    records = recorded(seen, tag)
    here = [resource.instance.tag for resource in records.resources if resource.instance.server == seen.local]
    faults = {result.tag: result.messages for result in examine(here, seen.of(seen.local), kit)}
    resources = []
    for resource in records.resources:
        resources.append(replace(resource, faults=faults.get(resource.instance.tag, ())))
    return replace(records, resources=tuple(resources))


def recorded(seen: Overview, tag: str | None = None) -> Survey:
    """What the engine's records alone say, of everything or of one tag and all that it requires.

    Raises Failure (000019) for a tag that no server has.
    """
    union = seen.union()
    chosen = frozenset(union.tags if tag is None else union.below(find(union, tag).tag))
    places = _places(seen)
    resources = []
    for instance in union.instances:
        own = instance.tag
        if own in chosen:
            resources.append(Resource(instance, union.parents(own), union.children(own), places=tuple(places[own])))
    roots = entrances(union) if tag is None else (tag,)
    return Survey(seen.local, tuple(resources), roots, seen.servers, seen.warnings)


def _places(seen: Overview) -> dict[str, list[Place]]:
    """Every tag on every server that has it."""
    priorities = {(e.tag, e.server): e.priority for e in seen.equivalencies}
    found: dict[str, list[Place]] = {}
    for server, now in zip(seen.servers, seen.hierarchies):
        for instance in now.instances:
            priority = priorities.get((instance.tag, server.name), 0)
            is_failed = _is_failed(instance, server, seen.capabilities)
            found.setdefault(instance.tag, []).append(Place(instance, priority, is_failed))
    return found


def _is_failed(instance: Instance, server: Server, engine: Capabilities) -> bool:
    """Failed, or of no known state where the engine should know it, as what is active on two servers."""
    return instance.state == OSF or (engine.watches_itself and server.online and instance.state == ILLSTATE)


def examine(tags: Iterable[str], now: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    """What the kernel says about these resources that the records don't; each tag once, in the given order.

    Raises nothing for a resource that cannot be asked about: the reason is its result.
    """
    instances = now.of_tags(tags)
    up = _should_be_up(instances, kit)
    checked = _checked(tuple(each.tag for each in instances if each.tag in up and has_scripts(each.type)), now, kit)
    glance = _look_at_what_is_down(instances, kit)
    results = []
    for instance in instances:
        result = checked.get(instance.tag)
        if result is None or not result.messages:
            result = CheckResult(instance.tag, _against(instance, glance, now))
        results.append(result)
    return tuple(results)


def in_service(now: Hierarchy, kit: Kit) -> tuple[str, ...]:
    """Tags that should be in service, children first."""
    return now.restore_order(_should_be_up(now.instances, kit))


def entrances(now: Hierarchy) -> tuple[str, ...]:
    """The roots, and one tag of each loop in damaged data, which has no root: so nothing stays hidden."""
    tags = list(now.roots())
    reached = set(now.restore_order(now.tags))
    for tag in now.tags:
        if tag not in reached:
            tags.append(tag)
            reached.update(now.below(tag))
    return tuple(tags)


def _should_be_up(instances: Sequence[Instance], kit: Kit) -> set[str]:
    """Tags of what is in service among these; where nobody else brings back what was before the boot, of that too."""
    unknown = {instance.tag for instance in instances if instance.state == ILLSTATE}
    if unknown:
        unknown = set() if kit.port.capabilities.watches_itself else unknown & kit.port.wanted()
    return unknown | {instance.tag for instance in instances if instance.state in IN_SERVICE}


def _checked(tags: tuple[str, ...], now: Hierarchy, kit: Kit) -> dict[str, CheckResult]:
    """The shallow checks: with one look at the kernel for all, or one by one where that fails for any of them."""
    try:
        return {result.tag: result for result in check_tags(tags, now, kit)}
    except Failure:
        return {tag: _check_alone(tag, now, kit) for tag in tags}


def _check_alone(tag: str, now: Hierarchy, kit: Kit) -> CheckResult:
    try:
        (result,) = check_tags((tag,), now, kit)
    except Failure as failure:
        return CheckResult(tag, failure.messages, is_known=False)
    return result


def _look_at_what_is_down(instances: Sequence[Instance], kit: Kit) -> Glance | None:
    """A glance where something is out of service. None where that is not so, or device-mapper cannot be asked."""
    if not any(has_scripts(instance.type) and instance.state in (OSU, OSF) for instance in instances):
        return None
    try:
        return Glance(kit.paths)
    except Failure:  # where nothing answers nothing is up, and what should be up is reported by its check
        return None


def _against(instance: Instance, glance: Glance | None, now: Hierarchy) -> tuple[Message, ...]:
    """What speaks against the state of a resource that has no check, or is not in service."""
    if is_device(instance.type):
        return device.condition(DeviceFacts.unpack(instance))
    if instance.state not in (OSU, OSF):
        return ()
    try:
        held = _held(instance, glance, now)
    except Failure as failure:
        return failure.messages
    return (UpThoughOutOfService(instance.tag, held),) if held else ()


def _held(instance: Instance, glance: Glance | None, now: Hierarchy) -> tuple[str, ...]:
    """What the kernel holds of a resource: device-mapper names, or the mount."""
    if instance.type == FILESYS:
        mount = mounted(FilesystemFacts.unpack(instance, now), glance)
        return () if mount is None else (f"{mount.source} on {instance.id}",)
    if glance and instance.type == LVMVG:
        return tuple(device.name for device in glance.mapped.of_group(VgFacts.unpack(instance).uuid))
    if glance and instance.type == LVMLV:
        volume = glance.mapped.by_uuid(LvFacts.unpack(instance).dm_uuid)
        return (volume.name,) if volume else ()
    return ()

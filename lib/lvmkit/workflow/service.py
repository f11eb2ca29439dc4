"""Bring a hierarchy in service or take it out, through the engine; in a cluster on any of its servers."""

from __future__ import annotations

from lvmkit import guards
from lvmkit.model.facts import VgFacts
from lvmkit.model.family import family, groups
from lvmkit.model.instance import ILLSTATE, IN_SERVICE, ISP, LVMLV, LVMVG, OSF, Instance, tags_of
from lvmkit.model.messages import Failure, raise_errors
from lvmkit.model.messages.guide import EndFailedInService
from lvmkit.model.messages.pacemaker import ServerUnfit
from lvmkit.model.resource_types import is_device
from lvmkit.model.value import Value
from lvmkit.plan import finish_interrupted
from lvmkit.workflow.admission import refuse_lost_disks
from lvmkit.workflow.bystanders import PlannedStop, refuse_bystanders
from lvmkit.workflow.subject import find, hierarchy_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit

RESTORE, REMOVE = "restore", "remove"


class PlannedAction(Value):
    """One resource that goes in or out of service on the server of its instance."""

    action: str
    """RESTORE or REMOVE"""
    instance: Instance


def in_service(tag: str, kit: Kit, server: str = "") -> str:
    """Bring the tag and all it requires in service on a server ('': this one); returns the tag.

    Raises Failure: 000019 for a tag that no server has; else the reasons, then 000022; before anything is moved those
    of refuse_bystanders(), and what 110014-110019 and 110331 say of lost disks.
    """
    seen = kit.port.overview()
    instance = find(seen.union(), tag)
    with kit.port.admin_lock(f"in-service {tag}"):
        finish_interrupted(kit, _moving(instance.tag, seen))
        try:
            refuse_held(instance.tag, server, seen, kit)
            refuse_lost_disks(groups_moving(instance.tag, seen.union()), server, seen, kit)
            refuse_bystanders(moving_off(instance.tag, server, seen), seen, kit)
            kit.port.bring_in_service(instance.tag, kit.tell, server)
        except Failure as failure:
            place = server or kit.port.local_server()
            raise Failure(*failure.messages, EndFailedInService(instance.tag, place)) from failure
    return instance.tag


def out_of_service(tag: str, kit: Kit) -> str:
    """Take the tag and all that requires it out of service, wherever it is; returns the tag.

    Raises Failure: 000019 for a tag that no server has; else with the reasons, as in_service().
    """
    seen = kit.port.overview()
    instance = find(seen.union(), tag)
    with kit.port.admin_lock(f"out-of-service {tag}"):
        finish_interrupted(kit, _moving(instance.tag, seen))
        refuse_bystanders(going_out(instance.tag, seen), seen, kit)
        kit.port.take_out_of_service(instance.tag, kit.tell)
    return instance.tag


def _moving(tag: str, seen: Overview) -> set[str]:
    """All that moves with a tag."""
    return {tag, *tags_of(family(tag, seen.union()))}


def refuse_held(tag: str, server: str, seen: Overview, kit: Kit) -> None:
    """Raise Failure (110217) where a kernel holds a volume group of the tag and the cluster has not started it there.

    server: where it is to come in service ('': this one); what is up there already its start will see.
    Of a group whose resource does not say its UUID only the start itself can tell.
    """
    place = server or seen.local
    for group in groups_moving(tag, seen.union()):
        idle = tuple(name for name in seen.names if name not in (place, *seen.in_service_on(group.tag)))
        facts = VgFacts.noted(group)
        if facts.uuid:
            guards.refuse_held(facts.name, facts.uuid, idle, kit.host)


def moving_off(tag: str, server: str, seen: Overview) -> tuple[PlannedStop, ...]:
    """What leaves which servers when a tag comes in service on one ('': this one): all that stands on its groups."""
    place = server or seen.local
    stops = (PlannedStop(name, _on_groups_of(tag, seen.of(name))) for name in seen.names if name != place)
    return tuple(stop for stop in stops if _may_stop_a_volume(stop, seen))


def going_out(tag: str, seen: Overview) -> tuple[PlannedStop, ...]:
    """What leaves which servers when a tag goes out of service: all that requires it."""
    stops = (PlannedStop(name, seen.of(name).above(tag)) for name in seen.names)
    return tuple(stop for stop in stops if _may_stop_a_volume(stop, seen))


def coming_along(tag: str, seen: Overview) -> tuple[str, ...]:
    """What may come in service with a tag, children first: all that it requires, and what stands on its groups."""
    union = seen.union()
    return union.restore_order({*union.below(tag), *_on_groups_of(tag, union)})


def way_in(tag: str, server: str, seen: Overview) -> tuple[PlannedAction, ...]:
    """What in_service() would run on a server ('': this one), in order; what stands on the same groups moves along.

    Raises Failure: 000019, 110155, 110159, 110167, and errors of the whole cluster.
    """
    place = server or seen.local
    _refuse(tag, place, seen)
    here, union = seen.of(place), seen.union()
    actions = []
    leaving = []
    for instance in _active(union.remove_order(_on_groups_of(tag, union)), seen):
        if instance.server != place:
            leaving.append(instance.tag)
            actions.append(PlannedAction(REMOVE, instance))
    arriving = dict.fromkeys((*here.below(tag), *here.restore_order(leaving)))
    for instance in here.of_tags(arriving):
        if instance.state != ISP and _runs(instance, seen):
            actions.append(PlannedAction(RESTORE, instance))
    return tuple(actions)


def way_out(tag: str, seen: Overview) -> tuple[PlannedAction, ...]:
    """What out_of_service() would run, in order. Raises Failure (ResourceNotFound, 000019)."""
    union = seen.union()
    above = union.above(find(union, tag).tag)
    return tuple(PlannedAction(REMOVE, instance) for instance in _active(above, seen))


def _on_groups_of(tag: str, hierarchy: Hierarchy) -> tuple[str, ...]:
    """Everything that moves with a tag that requires a volume group; nothing for any other."""
    requires_any = bool(hierarchy.of_tags(hierarchy.below(tag), LVMVG))
    return tags_of(family(tag, hierarchy)) if requires_any else ()


def groups_moving(tag: str, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    """The volume groups that go where a tag goes."""
    return groups(family(tag, hierarchy))


def _may_stop_a_volume(stop: PlannedStop, seen: Overview) -> bool:
    """Whether a volume may be up where it leaves; of this server its kernel will say, which costs no ssh."""
    if stop.server == seen.local:
        return bool(stop.tags)
    volumes = [each for each in seen.of(stop.server).of_tags(stop.tags) if each.type in (LVMVG, LVMLV)]
    return seen.is_online(stop.server) and any(_may_be_up(each, seen) for each in volumes)


def _refuse(tag: str, server: str, seen: Overview) -> None:
    """Raise the Failure that the move itself would raise."""
    hierarchy_with(tag, server, seen)
    unfit = {each.name: each.unfit for each in seen.servers}[server]
    reasons = (ServerUnfit(server, tag, unfit),) if unfit else ()
    raise_errors((*seen.warnings, *reasons))


def _active(tags: Iterable[str], seen: Overview) -> list[Instance]:
    """Where these tags have anything to stop, in their order: where they may be up, else where they failed."""
    active: list[Instance] = []
    for tag in tags:
        up, failed = [], []
        for hierarchy in seen.hierarchies:
            for instance in hierarchy.of_tags((tag,)):
                if not _runs(instance, seen):
                    continue
                if _may_be_up(instance, seen):
                    up.append(instance)
                elif instance.state == OSF:
                    failed.append(instance)
        active += up or failed
    return active


def _may_be_up(instance: Instance, seen: Overview) -> bool:
    """What a cluster cannot tell of an active member may be up there; what failed on one server is up on another."""
    return instance.state in IN_SERVICE or (instance.state == ILLSTATE and seen.is_online(instance.server))


def _runs(instance: Instance, seen: Overview) -> bool:
    """Whether the engine does anything for it."""
    return seen.capabilities.runs_devices or not is_device(instance.type)

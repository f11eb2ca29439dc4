"""Take a hierarchy out of protection. Data, volumes and mounts stay exactly as they are; only the records go."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import HasDependents
from lvmkit.plan import Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import Commit, SetAutoactivation, listing
from lvmkit.storage import records
from lvmkit.workflow import everywhere, owner
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit


def delete(tag: str, kit: Kit) -> tuple[str, ...]:
    """Delete the hierarchy below a root tag on all servers; returns the tags that went. The admin lock is taken.

    What another hierarchy still requires stays. Raises Failure (000019, 110086); then nothing was changed.
    """
    find(kit.port.hierarchy(), tag)
    servers = everywhere.others(tag, kit.port.overview()) if kit.port.capabilities.several_servers else ()
    with kit.port.admin_lock(f"delete {tag}"):
        finish_interrupted(kit)
        gone, plan = draft_deletion(tag, kit)
        carry_out(plan, kit)
    for instance in gone:
        if names.vg_of_lvmvg_id(instance.id):
            records.drop(kit.paths, instance.id)
    if servers:
        everywhere.forget_there(gone, servers, kit)
    return tags_of(gone)


def draft_deletion(tag: str, kit: Kit) -> tuple[tuple[Instance, ...], Plan]:
    """The instances that would go, parents first, and the plan for it; changes nothing."""
    hierarchy = kit.port.hierarchy()
    root = find(hierarchy, tag)
    if hierarchy.parents(root.tag):
        raise Failure(HasDependents(root.tag, hierarchy.parents(root.tag)))
    gone = going_with(root.tag, hierarchy)
    steps: list[Step] = [Commit(removal(gone, hierarchy))]
    for instance in gone:
        if instance.type == LVMVG:
            steps += _giving_back(VgFacts.noted(instance, hierarchy), kit)
    return gone, Plan(f"delete {tag}", tuple(steps))


def going_with(root: str, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    """The root and all below it that nothing outside requires, parents first."""
    gone: list[str] = []
    for tag in reversed(hierarchy.below(root)):
        if tag == root or set(hierarchy.parents(tag)) <= set(gone):
            gone.append(tag)
    return hierarchy.of_tags(gone)


def removal(gone: tuple[Instance, ...], hierarchy: Hierarchy) -> Change:
    """The change that removes these instances and every link they are part of."""
    tags = tags_of(gone)
    links = tuple(d for d in hierarchy.dependencies if d.parent in tags or d.child in tags)
    return Change(unlink=links, remove=tags)


def _giving_back(group: VgFacts, kit: Kit) -> Iterator[Step]:
    """What gives a volume group back to the boot, and to who had it before create.

    Nothing but the ID is needed: also a resource that carries no UUID, from whatever hand, can be deleted.
    """
    if not group.name:
        return
    yield from listing(group.name, group.uuid, False, kit)
    yield from owner.giving_back(group, kit)
    if group.was_autoactivated:
        yield SetAutoactivation(group.name, True, False, group.uuid)

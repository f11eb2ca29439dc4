"""Take a hierarchy out of protection. Data, volumes and mounts stay exactly as they are; only the records go."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model.facts import VgFacts
from lvmkit.model.family import foreign_storage
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG, Dependency, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import HasDependents
from lvmkit.plan import Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import Commit, SetAutoactivation, drop_records, listing
from lvmkit.workflow import everywhere, nesting, other_kits, owner
from lvmkit.workflow.reservation import LetGoOfDisks
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
        drop_records(gone, kit)
    if servers:
        everywhere.forget_there(gone, servers, kit)
    return tags_of(gone)


def draft_deletion(tag: str, kit: Kit) -> tuple[tuple[Instance, ...], Plan]:
    """The instances that would go, parents first, and the plan for it; changes nothing.

    File systems within it stay, and are untied first: a cluster would stop them while it lets go of the outer one.
    """
    hierarchy = kit.port.hierarchy()
    root = find(hierarchy, tag)
    nested = _nested_in(root.tag, hierarchy)
    others = tuple(parent for parent in hierarchy.parents(root.tag) if Dependency(parent, root.tag) not in nested)
    if others:
        raise Failure(HasDependents(root.tag, others))
    gone = going_with(root.tag, hierarchy)
    steps: list[Step] = list(other_kits.deletions(gone, kit))
    if nested:
        steps.append(Commit(Change(unlink=nested)))
    steps.append(Commit(removal(gone, hierarchy, but=nested)))
    for instance in gone:
        if instance.type == LVMVG:
            steps += _giving_back(VgFacts.noted(instance, hierarchy), kit)
    return gone, Plan(f"delete {tag}", tuple(steps))


def going_with(root: str, hierarchy: Hierarchy) -> tuple[Instance, ...]:
    """The root and all below it that nothing outside requires, parents first.

    A file system that another one lies in is a service of its own, and stays; so does storage of other kits.
    """
    gone: list[str] = []
    storage = foreign_storage(hierarchy)
    for tag in reversed(hierarchy.below(root)):
        parents = set(hierarchy.parents(tag))
        is_free = parents <= set(gone) and tag not in storage and not _nested_in(tag, hierarchy)
        if tag == root or is_free:
            gone.append(tag)
    return hierarchy.of_tags(gone)


def removal(gone: tuple[Instance, ...], hierarchy: Hierarchy, but: Collection[Dependency] = ()) -> Change:
    """The change that removes these instances and every link they are part of. but: links that are gone by then."""
    tags = tags_of(gone)
    links = []
    for link in hierarchy.dependencies:
        if link not in but and (link.parent in tags or link.child in tags):
            links.append(link)
    return Change(unlink=tuple(links), remove=tags)


def _nested_in(tag: str, hierarchy: Hierarchy) -> tuple[Dependency, ...]:
    """The dependencies on a file system of those that lie within it."""
    links = (Dependency(parent, tag) for parent in hierarchy.parents(tag))
    return tuple(link for link in links if nesting.is_nesting(link, hierarchy))


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
    if group.is_reserved and group.uuid:
        yield LetGoOfDisks(group.name, group.uuid)

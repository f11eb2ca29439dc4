"""Take a hierarchy out of protection. Data, volumes and mounts stay exactly as they are; only the records go."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import HasDependents
from lvmkit.plan import Plan, Step, carry_out, finish_interrupted
from lvmkit.storage import records
from lvmkit.workflow.steps import Commit, ListVg, SetAutoactivation
from lvmkit.workflow.subject import find, vg_subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit


def delete(tag: str, kit: Kit) -> tuple[str, ...]:
    """Delete the hierarchy below a root tag; returns the tags that went. The admin lock is taken.

    What another hierarchy still requires stays. Raises Failure (000019, 110086); then nothing was changed.
    """
    find(kit.port.hierarchy(), tag)
    with kit.port.admin_lock(f"delete {tag}"):
        finish_interrupted(kit)
        gone, plan = draft_deletion(tag, kit)
        carry_out(plan, kit)
    for instance in gone:
        if instance.type == LVMVG:
            records.drop(kit.paths, instance.id)
    return tuple(instance.tag for instance in gone)


def draft_deletion(tag: str, kit: Kit) -> tuple[tuple[Instance, ...], Plan]:
    """The instances that would go, parents first, and the plan for it; changes nothing."""
    now = kit.port.hierarchy()
    root = find(now, tag)
    if now.parents(root.tag):
        raise Failure(HasDependents(root.tag, now.parents(root.tag)))
    gone = going_with(root.tag, now)
    groups = [vg_subject(instance) for instance in gone if instance.type == LVMVG]
    was_on = {i.id for i in gone if i.type == LVMVG and i.details.get("autoactivation") == "y"}
    steps: list[Step] = [Commit(removal(gone, now), gone)]
    steps += [ListVg(group.name, False) for group in groups]
    steps += [SetAutoactivation(group.name, True, False) for group in groups if group.id in was_on]
    return gone, Plan(f"delete {tag}", tuple(steps))


def going_with(root: str, now: Hierarchy) -> tuple[Instance, ...]:
    """The root and all below it that nothing outside requires, parents first."""
    gone: list[str] = []
    for tag in reversed(now.below(root)):
        if tag == root or set(now.parents(tag)) <= set(gone):
            gone.append(tag)
    return tuple(instance for tag in gone for instance in [now.by_tag(tag)] if instance is not None)


def removal(gone: tuple[Instance, ...], now: Hierarchy) -> Change:
    """The change that removes these instances and every link they are part of."""
    tags = tuple(instance.tag for instance in gone)
    links = tuple(d for d in now.dependencies if d.parent in tags or d.child in tags)
    return Change(unlink=links, remove=tags)


def release(instance: Instance, kit: Kit) -> str:
    """The delete action, which an engine runs before it forgets an instance: undo what create did outside of it."""
    if instance.type != LVMVG:
        return "nothing to undo"
    group = vg_subject(instance)
    ListVg(group.name, False).apply(kit)
    if instance.details.get("autoactivation") == "y":
        SetAutoactivation(group.name, True, False).apply(kit)
    records.drop(kit.paths, instance.id)
    return f"{group.name} released"

"""Removing instances: for each its type's delete script, then its record."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import HasDependents, NotStored
from lvmkit.model.resource_types import has_scripts
from lvmkit.resources import scripts
from lvmkit.resources.scripts import DELETE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.entry.lcdi.call import Call
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance


def remove(tags: Sequence[str], call: Call, gone: list[str]) -> None:
    """Remove these tags of this server, which come parents first. gone: gets each that has gone.

    Raises Failure, with nothing changed, where something requires one that stays (110086); else that of a script, and
    what came before it is gone. 110087 where others have removed all of them meanwhile.
    """
    hierarchy = call.hierarchy
    _refuse_required(tags, hierarchy)
    shared = _held_elsewhere(call)
    dropped = []
    for instance in hierarchy.of_tags(tags):
        is_shared = instance.tag in shared
        # what create did for a group is undone where the group goes at last
        if not is_shared or not has_scripts(instance.type):
            _run_delete(instance, call)
        dropped.append(_drop(instance, call, is_shared=is_shared))
        gone.append(instance.tag)
    if tags and not any(dropped):
        gone.clear()
        raise Failure(NotStored(f"there is no resource {tags[-1]}"))


def _refuse_required(tags: Sequence[str], hierarchy: Hierarchy) -> None:
    for tag in tags:
        staying = tuple(parent for parent in hierarchy.parents(tag) if parent not in tags)
        if staying:
            raise Failure(HasDependents(tag, staying))


def _held_elsewhere(call: Call) -> frozenset[str]:
    """Tags that other servers have, too, in an engine for which they are the same resource there."""
    if not call.port.capabilities.common_tags:
        return frozenset()
    equivalencies = call.port.overview().equivalencies
    return frozenset(each.tag for each in equivalencies if each.server != call.server)


def _run_delete(instance: Instance, call: Call) -> None:
    if scripts.find(instance, DELETE, call.paths) is not None:
        scripts.perform(instance, DELETE, call.paths, call.kit.settings)


def _drop(instance: Instance, call: Call, *, is_shared: bool) -> bool:
    """Whether it was there to be dropped: a device may have gone with what stood on it."""
    if is_shared:
        call.port.unextend((instance.tag,), call.server)
        return True
    is_there = instance.tag in call.port.hierarchy_of(call.server).tags
    if is_there:
        call.port.commit(Change(remove=(instance.tag,)))
    return is_there

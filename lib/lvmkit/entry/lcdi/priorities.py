"""Equivalencies and priorities, in an engine for which a tag is the same resource on every server that has it."""

from __future__ import annotations

from lvmkit.model.instance import LVMVG, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import SameTagEverywhere
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.messages.lcdi import EquivalencyFixed, NoCommunication, NoPlaceForPriority, NoSuchObject
from lvmkit.model.messages.pacemaker import PriorityInvalid
from lvmkit.model.servers import LOWEST_PRIORITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.entry.lcdi.call import Call


def join(call: Call) -> None:
    """Set the priorities that two servers have for a resource that both of them have.

    Raises Failure: 110380 for a server that there is not, 000019 where one lacks the resource, 110225 for another tag
    there, 110168 for a priority that cannot be, 110391 where the resource has no place for one.
    """
    tag, other = call.instance(call.get("t")).tag, _other_server(call)
    there = call.port.hierarchy_of(other)
    if there.by_tag(call.get("o")) is None:
        raise Failure(ResourceNotFound(f"tag {call.get('o')} on {other}"))
    if call.get("o") != tag:
        raise Failure(SameTagEverywhere(tag, call.get("o")))
    wanted = {}
    for letter, server in (("p", call.server), ("r", other)):
        if call.has(letter):
            wanted[server] = int(call.get(letter))
    if wanted:
        _set((tag,), wanted, call)


def part(call: Call) -> None:
    """Raises Failure: 110381 where the two have nothing in common; 110390 else, because both have the resource."""
    tag, other = call.instance(call.get("t")).tag, _other_server(call)
    there = call.port.hierarchy_of(other)
    if there.by_tag(call.get("o") or tag) is None or call.get("o") not in ("", tag):
        raise Failure(NoSuchObject("equivalency of", f"{tag} with {other}", call.server, "eqv_list"))
    raise Failure(EquivalencyFixed(tag, call.server, other))


def set_each(tags: Iterable[str], priority: int, call: Call) -> None:
    """Set a server's priority for several hierarchies. Raises Failure (110168, 110391), with none of them changed."""
    _set(tags, {call.server: priority}, call)


def _set(tags: Iterable[str], wanted: dict[str, int], call: Call) -> None:
    groups: dict[str, None] = {}
    for tag in tags:
        groups.update(dict.fromkeys(_groups(tag, wanted, call)))
    for group in groups:
        call.port.set_priorities(group, wanted)


def _groups(tag: str, wanted: dict[str, int], call: Call) -> tuple[str, ...]:
    """The volume groups whose priorities are those of a tag. Raises Failure (110168, 110391)."""
    for server, priority in wanted.items():
        if not 0 < priority <= LOWEST_PRIORITY:
            raise Failure(PriorityInvalid(tag, server, priority))
    groups = tags_of(call.hierarchy.of_tags(call.hierarchy.below(tag), LVMVG))
    if call.port.capabilities.several_servers and not groups:
        raise Failure(NoPlaceForPriority(tag))
    return groups


def _other_server(call: Call) -> str:
    """The server of -S. Raises Failure (110380) where it is none, or the one that is meant anyhow."""
    other = call.get("S")
    if other == call.server or other not in {server.name for server in call.port.servers()}:
        raise Failure(NoCommunication(other))
    return other

"""Does more than one server's kernel hold a volume group? The kit never brings that about, but a hand can.

Asked where a person waits, and of those who answer: who is silent is not accused of anything.
"""

from __future__ import annotations

from lvmkit.guards import elsewhere
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import LVMVG
from lvmkit.model.messages.guards import HeldTwice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lvmkit.cluster.port import Overview
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit

    Held = Mapping[str, tuple[str, ...]]
    """what a kernel holds, by volume group: elsewhere.by_group()"""
    Seen = Mapping[str, Held]
    """by server; of one that does not say nothing is known"""

PATIENCE = 5.0
"""seconds for all answers together: this is asked beside what the person wanted to know"""


def held_twice(seen: Overview, kit: Kit, tags: Iterable[str] | None = None) -> dict[str, HeldTwice]:
    """By its tag, each volume group that more than one server's kernel holds. tags: of what to look at; None: all.

    The other servers are asked only where a group is up here, or in service somewhere. While a group moves it may be
    seen on the server that it has just left, so only what is the same at a second look counts.
    """
    own = elsewhere.by_group(elsewhere.own_devices())
    groups = [group for group in _groups(seen, tags) if _may_be_up(group, seen, own)]
    if not groups or not seen.others:
        return {}
    first = _look(seen, kit)
    suspects = [group for group in groups if len(_holding(group, first)) > 1]
    if not suspects:
        return {}
    second = _look(seen, kit)
    doubled: dict[str, HeldTwice] = {}
    for group in suspects:
        before = _holding(group, first)
        holding = {server: volumes for server, volumes in _holding(group, second).items() if server in before}
        if len(holding) > 1:
            doubled[group.tag] = _message(group, holding, seen)
    return doubled


def _groups(seen: Overview, tags: Iterable[str] | None) -> list[Instance]:
    """The volume groups among these tags whose identity is on record."""
    union = seen.union()
    groups = union.of_tags(union.tags if tags is None else tags, LVMVG)
    return [group for group in groups if VgFacts.noted(group).uuid]


def _may_be_up(group: Instance, seen: Overview, own: Held) -> bool:
    return bool(seen.in_service_on(group.tag)) or _part(group) in own


def _look(seen: Overview, kit: Kit) -> Seen:
    """What the kernels of all servers hold; this one's is asked last."""
    peers = kit.host.peers
    answers = dict(peers.devices(seen.others, patience=PATIENCE)) if peers else {}
    answers[seen.local] = elsewhere.own_devices()
    return {server: elsewhere.by_group(devices) for server, devices in answers.items()}


def _holding(group: Instance, look: Seen) -> dict[str, tuple[str, ...]]:
    """By server, the volumes of the group that its kernel holds."""
    part = _part(group)
    return {server: held[part] for server, held in look.items() if part in held}


def _part(group: Instance) -> str:
    return names.dm_uuid(VgFacts.noted(group).uuid)


def _message(group: Instance, holding: dict[str, tuple[str, ...]], seen: Overview) -> HeldTwice:
    in_service = seen.in_service_on(group.tag)
    holders = tuple(f"{server} ({', '.join(holding[server])})" for server in sorted(holding))
    surplus = tuple(server for server in sorted(holding) if server not in in_service)
    return HeldTwice(VgFacts.noted(group).name, holders, in_service or ("no server",), surplus or ("all but one",))

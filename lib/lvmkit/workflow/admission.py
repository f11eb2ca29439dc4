"""Could a server start the volume groups of a tag with the disks that it sees? Asked before anything stops for a move.

A group that has lost disks goes on where it is, in its mirrors. Stopped for a server that cannot start it without
them, or that alone has lost them, it is out of service. So the server that is to have it looks first whether its disks
are there. It asks LVM only where one is not, or the loss shows where the group is: that costs a report.
"""

from __future__ import annotations

import os

from lvmkit.guards import metadata, system_id
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import IN_SERVICE, LVMVG
from lvmkit.model.messages import Failure, raise_errors
from lvmkit.model.messages.view import DisksThereUnknown
from lvmkit.peer import ask
from lvmkit.peer.requests import AskAdmission
from lvmkit.resources import bringing_up, lvmvg
from lvmkit.workflow import replication

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


def refuse_lost_disks(groups: Iterable[Instance], server: str, seen: Overview, kit: Kit) -> None:
    """Raise Failure where a server ('': this one) could not start one of these groups, which is up on another one.

    One that does not answer is told of (110333), and the move goes on.
    """
    place = server or seen.local
    here = seen.of(seen.local)
    moving = [group.tag for group in groups if _is_to_move(group, place, seen)]
    if place == seen.local:
        messages = reasons(moving, here, kit)
    else:
        up = [group for group in here.of_tags(moving, LVMVG) if group.state in IN_SERVICE]
        hurt = tuple(group.tag for group in up if _has_lost_disks(group, kit))
        messages = _reasons_there(AskAdmission(tuple(moving), hurt), place, kit)
    raise_errors(messages)


def _is_to_move(group: Instance, place: str, seen: Overview) -> bool:
    """Whether it is up on another server; one on replicated devices also where it is down, for it may not come up."""
    holders = seen.in_service_on(group.tag)
    if replication.volumes(VgFacts.noted(group, seen.of(place))):
        return place not in holders
    return any(name != place for name in holders)


def reasons(tags: Sequence[str], hierarchy: Hierarchy, kit: Kit, hurt: Collection[str] = ()) -> tuple[Message, ...]:
    """What this server's disks say against starting these volume groups here; also warnings. Changes nothing.

    hurt: those of which LVM is asked in any case; of others where not all recorded disks have their device.
    """
    messages: list[Message] = []
    for group in hierarchy.of_tags(tags, LVMVG):
        facts = VgFacts.noted(group, hierarchy)
        if replication.volumes(facts):
            messages += _of_replica(facts, kit)
            continue
        if group.tag not in hurt and _all_there(facts):
            continue
        try:
            messages += _of_group(facts, kit)
        except Failure as failure:
            messages += failure.messages
    return tuple(messages)


def _of_replica(facts: VgFacts, kit: Kit) -> tuple[Message, ...]:
    """A group whose disks nobody can read here: the replicated resource is asked in LVM's place."""
    seen = kit.port.overview()
    from_other = any(server != seen.local for server in seen.in_service_on(facts.tag))
    return tuple(replication.against_takeover(facts, kit, from_other=from_other))


def _of_group(facts: VgFacts, kit: Kit) -> tuple[Message, ...]:
    """Raises Failure as LVM's report does."""
    host = kit.host
    vg = bringing_up.find_group(facts, host)
    owner = system_id.against_lack_of_disks(vg, host.server, host.lvm) if facts.has_owner else ()
    return (*metadata.against(vg, facts, host.settings), *owner)


def _all_there(facts: VgFacts) -> bool:
    """Whether every recorded disk of a group has its device here."""
    return all(os.path.exists(device.id) for device in facts.devices)


def _has_lost_disks(group: Instance, kit: Kit) -> bool:
    """Whether the kernel says so of a group that is up here. A group that cannot be looked at is not well."""
    try:
        return bool(lvmvg.check(VgFacts.noted(group), kit.host).messages)
    except Failure:
        return True


def _reasons_there(question: AskAdmission, server: str, kit: Kit) -> tuple[Message, ...]:
    if not question.tags:
        return ()
    deadline = kit.settings.command_deadline if question.hurt else kit.settings.peer_patience
    answer = ask.admission(kit.remote(server), question, kit.tell, deadline=deadline)
    if isinstance(answer, Failure):
        kit.tell(DisksThereUnknown(server, question.tags, str(answer)))
        return ()
    return answer

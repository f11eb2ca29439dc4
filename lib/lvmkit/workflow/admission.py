"""Could a server start the volume groups of a tag with the disks that it sees? Asked before anything stops for a move.

A group that has lost disks goes on where it is, in its mirrors. Stopped for a server that cannot start it without
them, it is out of service. So the server that is to have it looks first, where something tells of a lost disk: a look
costs a report of LVM, and a move of what is well should not wait for one.
"""

from __future__ import annotations

import os

from lvmkit.guards import metadata, system_id
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import IN_SERVICE, LVMVG
from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.view import DisksThereUnknown
from lvmkit.model.value import replace
from lvmkit.resources import bringing_up, lvmvg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    moving = [group.tag for group in groups if any(name != place for name in seen.in_service_on(group.tag))]
    known = here.of_tags(moving, LVMVG)
    if place == seen.local:
        doubtful = [group.tag for group in known if not _all_there(VgFacts.noted(group, here))]
        messages = reasons(doubtful, here, kit)
    else:
        hurt = [group.tag for group in known if group.state in IN_SERVICE and _has_lost_disks(group, kit)]
        messages = _reasons_there(hurt, place, kit)
    errors = tuple(message for message in messages if message.level == ERROR)
    if errors:
        raise Failure(*errors)


def reasons(tags: Sequence[str], hierarchy: Hierarchy, kit: Kit) -> tuple[Message, ...]:
    """What this server's disks say against starting these volume groups here; also warnings. Changes nothing."""
    messages: list[Message] = []
    for group in hierarchy.of_tags(tags, LVMVG):
        facts = VgFacts.noted(group, hierarchy)
        try:
            messages += _of_group(facts, kit)
        except Failure as failure:
            messages += failure.messages
    return tuple(messages)


def _of_group(facts: VgFacts, kit: Kit) -> tuple[Message, ...]:
    """Raises Failure as LVM's report does."""
    host = kit.host
    vg = bringing_up.find_group(facts, host)
    settings = replace(host.settings, missing_pv=facts.missing_pv or host.settings.missing_pv)
    owner = system_id.against_lack_of_disks(vg, host.server, host.lvm) if facts.has_owner else ()
    return (*metadata.against(vg, facts, settings), *owner)


def _all_there(facts: VgFacts) -> bool:
    """Whether every recorded disk of a group has its device here."""
    return all(os.path.exists(device.id) for device in facts.devices)


def _has_lost_disks(group: Instance, kit: Kit) -> bool:
    """Whether the kernel says so of a group that is up here. A group that cannot be looked at is not well."""
    try:
        return bool(lvmvg.check(VgFacts.noted(group), kit.host).messages)
    except Failure:
        return True


def _reasons_there(tags: Sequence[str], server: str, kit: Kit) -> tuple[Message, ...]:
    if not tags:
        return ()
    from lvmkit.peer import ask  # only where a disk is lost

    answer = ask.admission(kit.remote(server), tuple(tags), kit.tell, deadline=kit.settings.command_deadline)
    if isinstance(answer, Failure):
        kit.tell(DisksThereUnknown(server, tuple(tags), str(answer)))
        return ()
    return answer

"""Who would keep a volume group from going out of service, though it is no part of the hierarchy.

A volume of the group that somebody mounted by hand, swap, a loop or a nested volume group: the cluster knows nothing
of them. Its stop of the group would fail, and a server whose stop fails is fenced. So they are named before that, by
the server that the group leaves. Another server is asked over ssh; the move does not depend on its answer.
"""

from __future__ import annotations

from lvmkit.model.facts import FilesystemFacts, VgFacts
from lvmkit.model.instance import FILESYS, LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.value import Value, replace
from lvmkit.resources import mounts
from lvmkit.storage import dm, holders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device
    from lvmkit.storage.holders import Holder

_LASTING = (holders.MOUNT, holders.SWAP, holders.NESTED_PV, holders.LOOP, holders.MD)
"""a process may have a volume open for a moment only, as udev does; remove waits for it, and names it"""


class PlannedStop(Value):
    """Tags that are to go out of service on a server."""

    server: str
    tags: tuple[str, ...]


def refuse_bystanders(leaving: Iterable[PlannedStop], seen: Overview, kit: Kit) -> None:
    """Name who would make a stop fail, on whatever server; changes nothing. Nothing where nobody is fenced for it.

    Other servers get the deadline of one command; one that does not answer is told of (110233) and passed over.
    Raises Failure: 110021 for each volume in use, and where this server's device-mapper cannot be asked.
    """
    if not kit.port.capabilities.fences_failed_stops:
        return
    named: list[Message] = []
    there: dict[str, tuple[str, ...]] = {}
    for each in leaving:
        if each.server == seen.local:
            named += bystanders(each.tags, seen.of(seen.local))
        else:
            there[each.server] = each.tags
    named += _bystanders_on_others(there, kit)
    if named:
        raise Failure(*named)


def bystanders(tags: Iterable[str], hierarchy: Hierarchy) -> tuple[LvBusy, ...]:
    """Who holds volumes of the groups among these tags on this server, beside the file systems of the hierarchy.

    Nothing where the group is not active here. Raises Failure where device-mapper cannot be asked.
    """
    leaving = tuple(tags)
    groups = [VgFacts.unpack(group).uuid for group in hierarchy.of_tags(leaving, LVMVG)]
    devices = dm.list_devices() if groups else ()
    own = {point for each in hierarchy.of_tags(leaving, FILESYS) for point in _places(each, hierarchy)}
    held = [(d, _strangers(d, own)) for uuid in groups for d in dm.of_vg(devices, uuid)]
    return tuple(LvBusy(device.name, holders.described(some)) for device, some in held if some)


def _places(filesystem: Instance, hierarchy: Hierarchy) -> tuple[str, str]:
    """The mount point of a file system as it is written, and as the mount table has it."""
    return filesystem.id, mounts.of(FilesystemFacts.noted(filesystem, hierarchy)).point


def _strangers(device: Device, own: set[str]) -> tuple[Holder, ...]:
    lasting = [holder for holder in holders.of_device(device.number) if holder.kind in _LASTING]
    within = (
        below for holder in lasting if holder.kind == holders.MOUNT for below in holders.mounts_below(holder.name)
    )
    everybody = dict.fromkeys((*lasting, *within))
    return tuple(holder for holder in everybody if not (holder.kind == holders.MOUNT and holder.name in own))


def _bystanders_on_others(leaving: dict[str, tuple[str, ...]], kit: Kit) -> list[Message]:
    """Whom other servers name. leaving: {server: tags}."""
    if not leaving:
        return []
    from lvmkit.model.messages.view import BystandersUnknown
    from lvmkit.peer import ask  # only where something leaves another server

    questions = {kit.remote(server): tags for server, tags in leaving.items()}
    named: list[Message] = []
    for server, answer in ask.bystanders(questions, kit.tell, deadline=kit.settings.command_deadline).items():
        if isinstance(answer, Failure):
            kit.tell(BystandersUnknown(server, str(answer)))
        else:
            named += (_placed(message, server) for message in answer)
    return named


def _placed(message: Message, server: str) -> Message:
    """What another server says of one volume, with the server's name."""
    return replace(message, where=f" on {server}") if isinstance(message, LvBusy) else message

"""Who would keep volumes from going out of service, though it is no part of the hierarchy.

A volume that somebody mounted by hand or has open, swap, a loop or a nested volume group: the cluster knows nothing
of them. Its stop would fail, and a server whose stop fails is fenced. So they are named before that, by the server
that the volumes leave. Another server is asked over ssh; the move does not depend on its answer.

On any engine the command itself may be in the way: called from a shell that stands in the mount point.
"""

from __future__ import annotations

import time

from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import FILESYS, ILLSTATE, IN_SERVICE, LVMLV, LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.filesystems import FilesystemKept, UsedByCaller
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.resource_types import is_ours
from lvmkit.model.value import Value, replace
from lvmkit.resources import evict, mounts, taking_down
from lvmkit.storage import dm, holders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device
    from lvmkit.storage.holders import Holder

_SECOND_LOOK = 1.0
"""seconds after the first"""


class PlannedStop(Value):
    """Tags that are to go out of service on a server."""

    server: str
    tags: tuple[str, ...]


def refuse_bystanders(leaving: Iterable[PlannedStop], seen: Overview, kit: Kit) -> None:
    """Name who would make a stop fail, on whatever server; changes nothing.

    Where nobody is fenced for it, only what called this command is looked for. Other servers get the deadline of one
    command; one that does not answer is told of (110233) and passed over.
    Raises Failure: 110350 for what called this command; 110021 or 110317 for each volume in use, and where this
    server's device-mapper cannot be asked.
    """
    stops = {stop.server: stop.tags for stop in leaving}
    here = stops.pop(seen.local, None)
    hierarchy = seen.of(seen.local)
    if here is not None:
        _refuse_callers(here, hierarchy)
    if not kit.port.capabilities.fences_failed_stops:
        return
    named: list[Message] = []
    if here is not None:
        named += bystanders(here, hierarchy, kit.port.required_by_others)
    named += _bystanders_on_others(stops, kit)
    if named:
        raise Failure(*named)


def bystanders(
    tags: Iterable[str], hierarchy: Hierarchy, required_by_others: Callable[[], Collection[str]]
) -> tuple[Message, ...]:
    """Who holds the volumes of these tags on this server, beside the file systems of the hierarchy.

    required_by_others: as of a port; what the cluster runs on a volume it stops first, so there nobody is named;
        the same holds where a resource of another kit that leaves stands on the volume.
    Nothing where no volume is active here. Raises Failure where device-mapper cannot be asked.
    """
    leaving = hierarchy.of_tags(tags)
    volumes = _volumes(leaving)
    own: set[str] = set()
    for each in leaving:
        if each.type == FILESYS and each.state in (*IN_SERVICE, ILLSTATE):
            own.update(_places(each, hierarchy))
    users = _lasting({device: _strangers(device, own) for device in volumes}, own)
    if not users:
        return ()
    required = _used_by_other_kits(leaving, hierarchy).union(required_by_others())
    return tuple(taking_down.in_the_way(d, some) for d, some in users.items() if volumes[d].isdisjoint(required))


def _used_by_other_kits(leaving: Iterable[Instance], hierarchy: Hierarchy) -> set[str]:
    """The tags that resources of other kits stand on. Their stop comes first, and ends who has the volume open."""
    used: set[str] = set()
    for each in leaving:
        if not is_ours(each.type) and each.state in IN_SERVICE:
            used.update(hierarchy.children(each.tag))
    return used


def _refuse_callers(tags: Iterable[str], hierarchy: Hierarchy) -> None:
    """Raises Failure (110350) where what called this command uses a file system among these tags."""
    messages = []
    for filesystem in hierarchy.of_tags(tags, FILESYS):
        users = evict.callers(_places(filesystem, hierarchy)[1])
        if users:
            messages.append(UsedByCaller(filesystem.id, users))
    if messages:
        raise Failure(*messages)


def _volumes(leaving: Iterable[Instance]) -> dict[Device, set[str]]:
    """The kernel's devices of the groups and volumes that leave, each with their tags."""
    parts = [each for each in leaving if each.type in (LVMVG, LVMLV)]
    devices = dm.list_devices() if parts else ()
    volumes: dict[Device, set[str]] = {}
    for each in parts:
        for device in _devices_of(each, devices):
            volumes.setdefault(device, set()).add(each.tag)
    return volumes


def _devices_of(instance: Instance, devices: Iterable[Device]) -> tuple[Device, ...]:
    if instance.type == LVMVG:
        return dm.of_vg(devices, VgFacts.unpack(instance).uuid)
    uuid = LvFacts.unpack(instance).dm_uuid
    return tuple(device for device in devices if device.uuid.startswith(uuid))


def _places(filesystem: Instance, hierarchy: Hierarchy) -> tuple[str, str]:
    """The mount point of a file system as it is written, and as the mount table has it."""
    return filesystem.id, mounts.of(FilesystemFacts.noted(filesystem, hierarchy)).point


def _strangers(device: Device, own: set[str]) -> tuple[Holder, ...]:
    """The users of a device that go neither with its group nor with the file systems that leave (own)."""
    users: dict[Holder, None] = {}
    for holder in holders.of_device(device.number):
        users[holder] = None
        if holder.kind == holders.MOUNT and not holder.pid:
            users.update(dict.fromkeys(holders.mounts_below(holder.name)))
    return tuple(holder for holder in users if not _goes_along(holder, own))


def _goes_along(holder: Holder, own: set[str]) -> bool:
    return holder.kind == holders.VOLUME or (holder.kind == holders.MOUNT and not holder.pid and holder.name in own)


def _lasting(users: dict[Device, tuple[Holder, ...]], own: set[str]) -> dict[Device, tuple[Holder, ...]]:
    """The users that stay. A process may have a volume open for a moment only, as udev does: it is looked for twice."""
    lasting = {device: some for device, some in users.items() if some}
    passing = [device for device, some in lasting.items() if any(user.kind == holders.PROCESS for user in some)]
    if passing:
        time.sleep(_SECOND_LOOK)
    for device in passing:
        again = _strangers(device, own)
        lasting[device] = tuple(user for user in lasting[device] if user in again)
    return {device: some for device, some in lasting.items() if some}


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
    return replace(message, where=f" on {server}") if isinstance(message, (LvBusy, FilesystemKept)) else message

"""Who would keep a volume group from going out of service, though it is no part of the hierarchy.

A volume of the group that somebody mounted by hand, swap, a loop or a nested volume group: the cluster knows nothing
of them. Its stop of the group would fail, and a server whose stop fails is fenced. So they are named before that, by
the server that the group leaves. Another server is asked over ssh; the move does not depend on its answer.
"""

from __future__ import annotations

from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import FILESYS, LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.value import Value, replace
from lvmkit.storage import dm, holders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device
    from lvmkit.storage.holders import Holder
    from lvmkit.storage.run import Finished

_LASTING = (holders.MOUNT, holders.SWAP, holders.NESTED_PV, holders.LOOP, holders.MD)
"""a process may have a volume open for a moment only, as udev does; remove waits for it, and names it"""


class Departure(Value):
    """Tags that are to go out of service on a server."""

    server: str
    tags: tuple[str, ...]


def refuse_bystanders(leaving: Iterable[Departure], seen: Overview, kit: Kit) -> None:
    """Name who would make a stop fail, on whatever server; changes nothing. Without a cluster nobody is fenced for it.

    Another server gets the deadline of one command; one that does not answer is told of (110233) and passed over.
    Raises Failure: 110021 for each volume in use, and where this server's device-mapper cannot be asked.
    """
    now = seen.of(seen.local)
    found: list[Message] = []
    for each in leaving if kit.port.is_shared else ():
        found += bystanders(each.tags, now) if each.server == seen.local else _there(each, kit)
    if found:
        raise Failure(*found)


def bystanders(tags: Iterable[str], now: Hierarchy) -> tuple[LvBusy, ...]:
    """Who holds volumes of the groups among these tags on this server, beside the file systems of the hierarchy.

    Nothing where the group is not active here. Raises Failure where device-mapper cannot be asked.
    """
    leaving = [instance for instance in map(now.by_tag, tags) if instance is not None]
    groups = [VgFacts.unpack(instance).uuid for instance in leaving if instance.type == LVMVG]
    devices = dm.list_devices() if groups else ()
    own = {instance.id for instance in leaving if instance.type == FILESYS}
    found = [(d, _strangers(d, own)) for uuid in groups for d in dm.of_vg(devices, uuid)]
    return tuple(LvBusy(device.name, holders.described(some)) for device, some in found if some)


def _strangers(device: Device, own: set[str]) -> tuple[Holder, ...]:
    lasting = [holder for holder in holders.of_device(device.number) if holder.kind in _LASTING]
    within = (
        below for holder in lasting if holder.kind == holders.MOUNT for below in holders.mounts_below(holder.name)
    )
    found = dict.fromkeys((*lasting, *within))
    return tuple(holder for holder in found if not (holder.kind == holders.MOUNT and holder.name in own))


def _there(leaving: Departure, kit: Kit) -> tuple[Message, ...]:
    """Whom another server names; nobody where it does not answer, which is told."""
    try:
        return _asked(leaving, kit)
    except Failure as failure:
        from lvmkit.model.messages.view import BystandersUnknown

        kit.tell(BystandersUnknown(leaving.server, str(failure)))
        return ()


def _asked(leaving: Departure, kit: Kit) -> tuple[Message, ...]:
    from lvmkit.cluster import transport  # only where something leaves another server

    argv = (f"{kit.paths.lkroot}/bin/lvmkit", "bystanders", *leaving.tags)
    deadline = kit.settings.command_deadline
    return _answered(leaving.server, transport.run_on(leaving.server, argv, kit.settings, deadline=deadline))


def _answered(server: str, answer: Finished) -> tuple[Message, ...]:
    """Those named in another server's answer. Raises Failure (110061, 110205) where it is none."""
    from lvmkit.workflow.wire import complaint, garbled, parsed

    if answer.status:
        raise complaint(answer)
    facts = parsed(server, answer)
    try:
        return tuple(_named(packed, server) for packed in facts["bystanders"])
    except (ValueError, LookupError, TypeError) as error:
        raise garbled(server, error) from error


def _named(packed: Any, server: str) -> Message:  # noqa: ANN401 - JSON
    """What another server says of one volume, with the server's name."""
    from lvmkit.workflow.wire import unpacked

    message = unpacked(packed, server)
    return replace(message, where=f" on {server}") if isinstance(message, LvBusy) else message

"""Does another server's kernel hold the volume group? They are asked, all at once, each for a limited time.

Neither LVM nor the cluster can tell: before a group has an owner LVM lets every server activate it, its owner may do so
at any time, and the cluster knows nothing of what was activated by hand.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import ActiveOutsideCluster
from lvmkit.model.value import Value
from lvmkit.storage import dm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.host import Devices, Peers
    from lvmkit.model.messages import Message


class Holdings(Value):
    """What servers said."""

    holding: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(server, names of the volumes that its kernel holds)"""
    silent: tuple[tuple[str, str], ...] = ()
    """(server, why it did not answer)"""


def ask(servers: Sequence[str], vg_uuid: str, here: str, peers: Peers | None, *, patience: float) -> Holdings:
    """Ask servers whether their kernels hold a volume group.

    here: the name of this server, whose own kernel is asked where it is among them.  peers: None where nobody else can
    be asked.  patience: seconds.
    """
    others = tuple(server for server in servers if server != here)
    if others and peers is None:
        return Holdings(silent=tuple((server, "there is no way to ask it") for server in others))
    said = dict(peers.devices(others, patience=patience)) if peers else {}
    if here in servers:
        said[here] = own_devices()
    silent = tuple((server, str(said[server])) for server in servers if isinstance(said[server], Failure))
    held = ((server, volumes_of(vg_uuid, said[server])) for server in servers)
    return Holdings(tuple((server, volumes) for server, volumes in held if volumes), silent)


def against(vg: str, answers: Holdings) -> tuple[Message, ...]:
    """A refusal for each server that holds the volume group."""
    return tuple(ActiveOutsideCluster(vg, server, volumes) for server, volumes in answers.holding)


def own_devices() -> Devices | Failure:
    """The same of this server's kernel."""
    try:
        return tuple((device.name, device.uuid) for device in dm.list_devices())
    except Failure as failure:
        return failure


def by_group(devices: Devices | Failure) -> dict[str, tuple[str, ...]]:
    """The names of volumes by the part of their UUIDs that names.dm_uuid() makes; none where nothing is known."""
    if isinstance(devices, Failure):
        return {}
    groups: dict[str, list[str]] = {}
    for name, uuid in devices:
        groups.setdefault(names.group_part(uuid), []).append(name)
    return {part: tuple(volumes) for part, volumes in groups.items()}


def volumes_of(vg_uuid: str, devices: Devices | Failure) -> tuple[str, ...]:
    """The device-mapper names of a volume group's volumes; () also where nothing is known."""
    if isinstance(devices, Failure):
        return ()
    prefix = names.dm_uuid(vg_uuid)
    return tuple(name for name, uuid in devices if uuid.startswith(prefix))

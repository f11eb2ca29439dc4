"""Does another server's kernel hold the volume group? They are asked, all at once, each for a limited time.

Neither LVM nor the cluster can tell: before a group has an owner LVM lets every server activate it, its owner may do so
at any time, and the cluster knows nothing of what was activated by hand.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import ActiveOutsideCluster
from lvmkit.model.value import Value
from lvmkit.storage import dm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.host import Peers
    from lvmkit.model.messages import Message


class Answers(Value):
    """What servers said."""

    holding: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(server, names of the volumes that its kernel holds)"""
    silent: tuple[tuple[str, str], ...] = ()
    """(server, why it did not answer)"""


def ask(servers: Sequence[str], vg_uuid: str, here: str, peers: Peers | None, *, patience: float) -> Answers:
    """Ask servers whether their kernels hold a volume group.

    here: the name of this server, whose own kernel is asked where it is among them.  peers: None where nobody else can
    be asked.  patience: seconds.
    """
    others = tuple(server for server in servers if server != here)
    if others and peers is None:
        return Answers(silent=tuple((server, "there is no way to ask it") for server in others))
    said = dict(peers.volumes(others, vg_uuid, patience=patience)) if others and peers else {}
    if here in servers:
        said[here] = _own(vg_uuid)
    each = tuple((server, said[server]) for server in servers)
    holding = tuple((server, names) for server, names in each if names and not isinstance(names, Failure))
    silent = tuple((server, str(why)) for server, why in each if isinstance(why, Failure))
    return Answers(holding, silent)


def against(vg: str, answers: Answers) -> tuple[Message, ...]:
    """A refusal for each server that holds the volume group."""
    return tuple(ActiveOutsideCluster(vg, server, volumes) for server, volumes in answers.holding)


def _own(vg_uuid: str) -> tuple[str, ...] | Failure:
    try:
        return tuple(device.name for device in dm.of_vg(dm.list_devices(), vg_uuid))
    except Failure as failure:
        return failure

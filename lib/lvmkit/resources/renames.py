"""What has another name now than the one that it was protected under, as device-mapper shows it."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.facts import LvFacts, VgFacts
from lvmkit.model.instance import LVMLV, LVMVG
from lvmkit.model.messages.service import LvRenamed, VgRenamed
from lvmkit.storage import dm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.storage.dm import Device


def renamed(instance: Instance, devices: Sequence[Device]) -> tuple[Message, ...]:
    """What to say of a volume group or volume that has another name now; () also for one that is down.

    devices: all that device-mapper holds.
    """
    if instance.type == LVMVG:
        return _group(VgFacts.noted(instance), devices)
    return _volume(LvFacts.noted(instance), devices) if instance.type == LVMLV else ()


def _group(facts: VgFacts, devices: Sequence[Device]) -> tuple[Message, ...]:
    for device in dm.of_vg(devices, facts.uuid) if facts.uuid else ():
        parts = names.split_dm_name(device.name)
        if parts and parts[0] != facts.name:
            return (VgRenamed(facts.name, parts[0]),)
    return ()


def _volume(facts: LvFacts, devices: Sequence[Device]) -> tuple[Message, ...]:
    for device in devices:
        parts = names.split_dm_name(device.name) if device.uuid == facts.dm_uuid else None
        if parts and parts[1] != facts.name:
            return (LvRenamed(parts[0], facts.name, parts[1]),)
    return ()

"""What has another name now than the one that it was protected under, as device-mapper shows it."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.facts import LvFacts, VgFacts
from lvmkit.model.instance import LVMLV, LVMVG
from lvmkit.model.messages.service import LvRenamed, VgRenamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.storage.mapped import MappedDevices


def renamed(instance: Instance, mapped: MappedDevices) -> tuple[Message, ...]:
    """What to say of a volume group or volume that has another name now; () also for one that is down."""
    if instance.type == LVMVG:
        return _group(VgFacts.noted(instance), mapped)
    return _volume(LvFacts.noted(instance), mapped) if instance.type == LVMLV else ()


def _group(facts: VgFacts, mapped: MappedDevices) -> tuple[Message, ...]:
    for device in mapped.of_group(facts.uuid):
        parts = names.split_dm_name(device.name)
        if parts and parts[0] != facts.name:
            return (VgRenamed(facts.name, parts[0]),)
    return ()


def _volume(facts: LvFacts, mapped: MappedDevices) -> tuple[Message, ...]:
    device = mapped.by_uuid(facts.dm_uuid)
    parts = names.split_dm_name(device.name) if device else None
    if parts and parts[1] != facts.name:
        return (LvRenamed(parts[0], facts.name, parts[1]),)
    return ()

"""Devices and disks below a volume group: the kernel brings them up, and the group's checks watch them."""

from __future__ import annotations

from lvmkit.resources.health import Health

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.host import Host
    from lvmkit.model.facts import DeviceFacts
    from lvmkit.model.messages import Message
    from lvmkit.storage.dm import Device

NOTHING_TO_DO = "nothing to do"


def restore(_facts: DeviceFacts, _host: Host) -> str:
    """Nothing: a device is there, or the start of what stands on it fails."""
    return NOTHING_TO_DO


def remove(_facts: DeviceFacts, _host: Host) -> str:
    """Nothing: a device stays."""
    return NOTHING_TO_DO


def give_up(_facts: DeviceFacts, _host: Host) -> str:
    """Nothing: a device stays."""
    return NOTHING_TO_DO


def release(_facts: DeviceFacts, _host: Host) -> str:
    """Nothing: create does nothing with a device."""
    return NOTHING_TO_DO


def check(_facts: DeviceFacts, _host: Host, _devices: Sequence[Device] | None = None) -> Health:
    """Always well: whether a lost disk matters depends on the volumes, so the group's check reports it."""
    return Health((), is_up=True)


def deep_check(_facts: DeviceFacts, _host: Host, _devices: Sequence[Device] | None = None) -> Health:
    """As check()."""
    return Health((), is_up=True)


def condition(facts: DeviceFacts) -> tuple[Message, ...]:
    """What is wrong with the device itself according to sysfs, whatever stands on it."""
    from lvmkit.model.messages.command import DeviceUnwell
    from lvmkit.storage import sysfs

    number = sysfs.number_of(facts.id)
    condition = sysfs.condition(number) if number else "gone"
    return (DeviceUnwell(facts.id, condition),) if condition else ()

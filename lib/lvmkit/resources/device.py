"""Devices and disks below a volume group: the kernel brings them up, and the group's checks watch them."""

from __future__ import annotations

from lvmkit.resources.health import Health

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.host import Host
    from lvmkit.model.facts import DeviceFacts
    from lvmkit.model.messages import Message
    from lvmkit.resources.kernel import Glance
    from lvmkit.resources.reading import Answers, Questions


def restore(_facts: DeviceFacts, _host: Host) -> str:
    """Nothing, as for all that is done: a device is there or not, and where it is not, what stands on it fails."""
    return "nothing to do"


remove = give_up = release = restore


def obstacles(_facts: DeviceFacts, _host: Host) -> tuple[Message, ...]:
    """None: there is nothing to start."""
    return ()


def check(_facts: DeviceFacts, _host: Host, _glance: Glance | None = None) -> Health:
    """Always well: whether a lost disk matters depends on the volumes, so the group's check reports it."""
    return Health((), is_up=True)


def questions(_facts: DeviceFacts, _host: Host, _glance: Glance) -> Questions:
    """None: the group's deep check reads them."""
    from lvmkit.resources.reading import Questions

    return Questions()


def deep_check(facts: DeviceFacts, host: Host, glance: Glance | None = None, _answers: Answers | None = None) -> Health:
    """As check()."""
    return check(facts, host, glance)


def condition(facts: DeviceFacts) -> tuple[Message, ...]:
    """What is wrong with the device itself according to sysfs, whatever stands on it."""
    from lvmkit.model.messages.command import DeviceUnwell
    from lvmkit.storage import sysfs

    number = sysfs.number_of(facts.id)
    condition = sysfs.condition(number) if number else "gone"
    return (DeviceUnwell(facts.id, condition),) if condition else ()

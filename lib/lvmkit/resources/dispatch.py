"""From an instance to the module of its type. A module is imported when something of its type is asked for."""

from __future__ import annotations

from lvmkit.model.facts import DeviceFacts, FilesystemFacts, LvFacts, VgFacts, protected_volumes, volumes_in_service
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, OSF
from lvmkit.model.resource_types import is_ours
from lvmkit.model.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from lvmkit.host import Host
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.resources.health import Health
    from lvmkit.resources.kernel import Glance
    from lvmkit.resources.reading import Answers, Questions

    Facts = Any
    """each module takes the facts of its own type"""
else:
    Protocol = object


class Verbs(Protocol):
    """What the module of a type has."""

    def restore(self, facts: Facts, host: Host, /) -> str:
        """Bring it in service."""

    def remove(self, facts: Facts, host: Host, /) -> str:
        """Take it out of service."""

    def give_up(self, facts: Facts, host: Host, /) -> str:
        """Let go of it, because another server takes it."""

    def check(self, facts: Facts, host: Host, glance: Glance | None = None, /) -> Health:
        """Ask the kernel whether it is well."""

    def questions(self, facts: Facts, host: Host, glance: Glance, /) -> Questions:
        """What its deep check asks."""

    def deep_check(
        self, facts: Facts, host: Host, glance: Glance | None = None, answers: Answers | None = None, /
    ) -> Health:
        """Read its disks."""

    def obstacles(self, facts: Facts, host: Host, /) -> tuple[Message, ...]:
        """Tell what would keep a start from helping."""

    def release(self, facts: Facts, host: Host, /) -> str:
        """Undo what create did outside of the engine."""


def restore(instance: Instance, hierarchy: Hierarchy, host: Host) -> str:
    """Bring a resource in service; returns in a few words what was done. Raises Failure when it is not in service."""
    return _module(instance).restore(_facts(instance).unpack(instance, hierarchy), _knowing(instance, hierarchy, host))


def remove(instance: Instance, hierarchy: Hierarchy, host: Host) -> str:
    """Take a resource out of service; returns in a few words what was done. Raises Failure when it is in use."""
    return _module(instance).remove(_facts(instance).unpack(instance, hierarchy), host)


def give_up(instance: Instance, hierarchy: Hierarchy, host: Host) -> str:
    """Another server takes the resource: let go of it without looking at metadata or disks. As remove()."""
    return _module(instance).give_up(_facts(instance).unpack(instance, hierarchy), host)


def release(instance: Instance, host: Host) -> str:
    """Undo what create did outside of the engine, by the ID alone; returns in a few words what was done."""
    return _module(instance).release(_facts(instance).noted(instance), host)


def check(instance: Instance, hierarchy: Hierarchy, host: Host, glance: Glance | None = None) -> tuple[Message, ...]:
    """What is wrong with a resource that should be in service; () when nothing is.

    No process is started but for a type of another kit, whose quickCheck is run.

    glance: may serve many resources.  hierarchy: only looked at where something is wrong with a volume group, or no
    start of it is on record; and for the volume of a file system that does not note it.
    Raises Failure: MissingInformation (110034), KernelUnreadable (110052), VgNameAmbiguous (110070).
    """
    if instance.type == FILESYS:
        return tuple(_filesys().check(FilesystemFacts.unpack(instance, hierarchy), host, glance).messages)
    if not is_ours(instance.type):
        from lvmkit.resources import scripts

        return scripts.check(instance, host.paths, host.settings)
    facts = _facts(instance).unpack(instance)
    if instance.type != LVMVG:
        return tuple(_module(instance).check(facts, host, glance).messages)
    from lvmkit.resources import lvmvg

    host = _knowing(instance, hierarchy, host, but=OSF)
    health = lvmvg.check(facts, host, glance, volumes_in_service(hierarchy, instance.tag))
    return (*_record_lost(instance.tag, health.is_recorded), *health.messages)


def questions(instance: Instance, host: Host, glance: Glance) -> Questions:
    """What a deep check of a resource asks. Raises as check()."""
    return _module(instance).questions(_facts(instance).unpack(instance), host, glance)


def deep_check(
    instance: Instance, hierarchy: Hierarchy, host: Host, glance: Glance | None = None, answers: Answers | None = None
) -> tuple[Message, ...]:
    """What is wrong when the disks of a resource are read. Takes up to settings.deep_deadline seconds.

    glance, answers: to questions(), where the caller has them. Raises as check().
    """
    knowing = _knowing(instance, hierarchy, host, but=OSF)
    health = _module(instance).deep_check(_facts(instance).unpack(instance), knowing, glance, answers)
    return (*_record_lost(instance.tag, health.is_recorded), *health.messages)


def obstacles(instance: Instance, hierarchy: Hierarchy, host: Host) -> tuple[Message, ...]:
    """Why taking it down and starting it again would not help; () where it may. Nothing that is up is changed.

    LVM may be asked, by one report; the record of a volume group follows that.
    """
    knowing = _knowing(instance, hierarchy, host)
    return _module(instance).obstacles(_facts(instance).unpack(instance, hierarchy), knowing)


def follow(group: Instance, hierarchy: Hierarchy, host: Host) -> None:
    """Let the record of a volume group miss nothing that is no fault. Raises Failure as locks.starting()."""
    from lvmkit.resources import lvmvg

    lvmvg.follow(VgFacts.unpack(group), _knowing(group, hierarchy, host, but=OSF))


def verbs_of(resource_type: str) -> Verbs:
    """The module of a type; for types without scripts that of devices, which does nothing."""
    return _MODULES.get(resource_type, _device)()


def _knowing(instance: Instance, hierarchy: Hierarchy, host: Host, *, but: str = "") -> Host:
    """The host, which knows from the hierarchy what of a volume group is protected.

    but: the state of volumes that do not count: what has failed by itself is no fault of its group.
    """
    if instance.type != LVMVG:
        return host
    return replace(host, protected=lambda _facts: protected_volumes(hierarchy, instance.tag, but=but))


def _record_lost(tag: str, is_recorded: bool) -> tuple[Message, ...]:
    if is_recorded:
        return ()
    from lvmkit.model.messages.faults import RecordLost  # only where something is wrong

    return (RecordLost(tag),)


def _lvmvg() -> Verbs:
    from lvmkit.resources import lvmvg

    return lvmvg


def _lvmlv() -> Verbs:
    from lvmkit.resources import lvmlv

    return lvmlv


def _filesys() -> Verbs:
    from lvmkit.resources import filesys

    return filesys


def _device() -> Verbs:
    from lvmkit.resources import device

    return device


_MODULES: dict[str, Callable[[], Verbs]] = {LVMVG: _lvmvg, LVMLV: _lvmlv, FILESYS: _filesys}
_FACTS: dict[str, Any] = {LVMVG: VgFacts, LVMLV: LvFacts, FILESYS: FilesystemFacts}


def _module(instance: Instance) -> Verbs:
    return verbs_of(instance.type)


def _facts(instance: Instance) -> Any:  # noqa: ANN401 - one of the classes of model/facts.py
    return _FACTS.get(instance.type, DeviceFacts)

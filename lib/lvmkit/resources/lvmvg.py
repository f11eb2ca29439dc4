"""The volume group: activated with all its volumes, watched with all its disks, and taken down as a whole.

The kernel decides: what device-mapper already holds needs no start, and after LVM's activation device-mapper, not LVM's
exit code, says whether every volume came up. Nothing is repaired.
"""

from __future__ import annotations

from lvmkit.model.messages import raise_errors
from lvmkit.model.record import ExpectedLv, Record
from lvmkit.model.value import replace
from lvmkit.resources import kernel
from lvmkit.resources.health import Health, settled
from lvmkit.resources.kernel import Glance
from lvmkit.storage import records, registered, sysfs, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.host import Host
    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.resources.reading import Answers, Questions

ALREADY_UP, ALREADY_DOWN = "already up", "already down"


def restore(facts: VgFacts, host: Host) -> str:
    """Activate the volume group and write the record that checks compare with; returns in a few words what was done.

    LVM commands: none where it is up and recorded; otherwise a report and the activation, one more where all disks must
    be searched or LVM must be asked for its own system ID, one more where the owner changes, two where there was none.
    Raises Failure when not all of it is up after that.
    """
    from lvmkit.resources.locks import starting

    if facts.uuid:
        with starting(facts.uuid, facts.name, host):
            return ALREADY_UP if _is_up_and_well(facts, host) else _bring_up(facts, None, host)
    if _is_up_and_well(facts, host):
        return ALREADY_UP
    from lvmkit.resources import bringing_up

    vg = bringing_up.find_group(facts, host)
    with starting(vg.uuid, vg.name, host):
        return _bring_up(replace(facts, uuid=vg.uuid), vg, host)


def remove(facts: VgFacts, host: Host) -> str:
    """Take the volume group down; returns in a few words what was done. Raises Failure when any of it stays up.

    LVM commands: none for plain volumes, or where the disks don't answer; otherwise one. Metadata is never written.
    """
    from lvmkit.resources import taking_down
    from lvmkit.resources.locks import stopping

    uuid = kernel.group(facts, Glance(host.paths)).vg_uuid
    if not uuid:
        return ALREADY_DOWN
    with stopping(uuid, facts.name, host):
        done = taking_down.take_down_group(replace(facts, uuid=uuid), host)
        _unreserve(facts.name, uuid, host)
    return done


def give_up(facts: VgFacts, host: Host) -> str:
    """Another server takes it: let go without looking at metadata or disks. Returns and raises as remove()."""
    from lvmkit.resources import taking_down
    from lvmkit.resources.locks import stopping

    with stopping(facts.uuid, facts.name, host):
        done = taking_down.give_up_group(facts, host)
        _unreserve(facts.name, facts.uuid, host)
    return done


def check(facts: VgFacts, host: Host, glance: Glance | None = None, volumes: Iterable[LvFacts] = ()) -> Health:
    """Every volume that restore saw must be live, and every disk below must be there and running.

    glance: where the caller has one.  volumes: protected volumes that should be up. They are looked at
    only where no start is on record: then they, and everything that the kernel holds, must be well.
    Volumes that nothing protected stands on are no faults, but notes.
    Raises Failure: MissingInformation (110034), KernelUnreadable (110052), VgNameAmbiguous (110070).
    """
    view = kernel.group(facts, glance or Glance(host.paths))
    record = view.record or _stand_in(facts, view, volumes)
    if view.record is None and view.mine and not record.logical:
        from lvmkit.model.messages.service import LvsStillUp  # only where something is wrong

        return Health((LvsStillUp(facts.name, tuple(device.name for device in view.mine)),), True, is_recorded=False)
    faults = _faults(record, view)
    if faults:
        from lvmkit.resources import protection  # only where something is wrong

        faults = protection.judged(faults, record, facts, host, lambda counted: _faults(counted, view))
    return Health(tuple(faults), bool(view.mine), view.record is not None)


def _faults(record: Record, view: kernel.View) -> list[Message]:
    faults = vitals.record_faults(record, view.glance.mapped)
    if _is_replicated(record):
        from lvmkit.resources import replicated

        faults += replicated.faults(record)
    return faults


def _is_replicated(record: Record) -> bool:
    """Whether it stands on DRBD: most groups do without, and pay nothing for it."""
    return any(sysfs.is_drbd(pv.number) for pv in record.physical)


def questions(facts: VgFacts, host: Host, glance: Glance) -> Questions:
    """What deep_check() needs to be answered. Raises Failure as check()."""
    return _questions(facts, _present(facts, kernel.group(facts, glance)), host)


def _questions(facts: VgFacts, record: Record, host: Host) -> Questions:
    from lvmkit.resources import reading

    if _is_replicated(record):
        from lvmkit.resources import replicated

        record = replicated.readable(record, host)
    asked = reading.disks_of(record)
    if not facts.is_reserved:
        return asked
    from lvmkit.resources import reserved

    return replace(asked, reserved=reserved.questions(record, host))


def deep_check(facts: VgFacts, host: Host, glance: Glance | None = None, answers: Answers | None = None) -> Health:
    """Read every physical volume and report those that do not answer, within settings.deep_deadline seconds.

    glance, answers: where the caller has them.
    """
    from lvmkit.resources import protection, reading  # it forks

    view = kernel.group(facts, glance or Glance(host.paths))
    record = _present(facts, view)
    answers = answers or reading.asked(_questions(facts, record, host), host)
    counting = protection.counting(record, facts, host)
    faults = reading.read_faults(counting, view.glance.mapped, answers)
    if facts.is_reserved and view.mine:
        from lvmkit.resources import reserved

        faults += reserved.faults(record, answers, host)
    if _is_replicated(record):
        from lvmkit.resources import replicated

        faults += replicated.deep_faults(record, host)
    return Health(tuple(faults), bool(view.mine), view.record is not None)


def obstacles(facts: VgFacts, host: Host) -> tuple[Message, ...]:
    """Why a start would be refused, by one report of LVM; the record follows that report first."""
    from lvmkit.resources import starting_again

    return starting_again.of_group(facts, host)


def follow(facts: VgFacts, host: Host) -> None:
    """Let the record miss no volume that nothing protected stands on. Raises Failure as restore() does for its lock."""
    from lvmkit.resources import starting_again

    starting_again.follow(facts, host)


def release(facts: VgFacts, host: Host) -> str:
    """The protection ends: the boot may activate the group again, as before create. What cannot be written is told."""
    from lvmkit.resources import boot_settings
    from lvmkit.resources.locks import stopping

    if not facts.name:
        return "nothing to undo"
    boot_settings.set_listed(facts.name, facts.uuid, False, host.paths.lkvgs, host.tell)
    if facts.was_autoactivated:
        boot_settings.allow_autoactivation(facts, host)
    with stopping(facts.uuid, facts.name, host):
        records.drop(host.paths, facts.id)
        _unreserve(facts.name, facts.uuid, host)
    return f"{facts.name} released"


def _unreserve(vg: str, uuid: str, host: Host) -> None:
    """Give up what a start has reserved, whatever the parameters say now."""
    if registered.is_noted(host.paths, uuid):
        from lvmkit.guards import reservation  # most groups do without

        reservation.release(vg, uuid, host)


def _is_up_and_well(facts: VgFacts, host: Host) -> bool:
    """Whether a start brought it up, and all of it is still up and well."""
    health = check(facts, host)
    return health.is_recorded and health.is_well


def _bring_up(facts: VgFacts, vg: VolumeGroup | None, host: Host) -> str:
    """The steps of a start, in their order. vg: as LVM sees it, where the caller has asked. The lock is held."""
    from lvmkit.resources import boot_settings, bringing_up, notes

    bringing_up.refuse_replica(facts)
    seen = vg or bringing_up.find_group(facts, host)
    bringing_up.refuse_lack_of_room(seen, seen.expected)
    owned = bringing_up.admit(seen, facts, host, by_name=vg is not None)
    before = bringing_up.held()
    answer = bringing_up.activate(owned, before, facts, host)
    after = before if answer is None else bringing_up.held()
    bringing_up.verify_group(owned, after, answer, facts, host, is_new_owner=owned.system_id != seen.system_id)
    notes.store(bringing_up.observed(owned, facts, after), host.paths, host)
    boot_settings.identify(owned, facts, host)
    if answer is None:
        _refuse_unwell(replace(facts, uuid=owned.uuid), host)
    return bringing_up.detail(owned, answer)


def _refuse_unwell(facts: VgFacts, host: Host) -> None:
    """Raises Failure with what is wrong with a group of which nothing had to be brought up."""
    raise_errors(settled(lambda: check(facts, host), lambda found: found.messages).messages)


def _present(facts: VgFacts, view: kernel.View) -> Record:
    """The record of the start, else one of what the kernel holds."""
    return view.record or kernel.stand_in(facts.tag, facts.name, view)


def _stand_in(facts: VgFacts, view: kernel.View, volumes: Iterable[LvFacts]) -> Record:
    """What must be well where no start is on record. A table of any kind that LVM makes will do."""
    record = kernel.stand_in(facts.tag, facts.name, view)
    expected = {}
    for lv in record.logical:
        expected[lv.uuid] = ExpectedLv(lv.uuid, lv.name, ())
    for volume in volumes:
        expected[volume.uuid] = ExpectedLv(volume.uuid, volume.name, ())
    return replace(record, logical=tuple(expected.values()))

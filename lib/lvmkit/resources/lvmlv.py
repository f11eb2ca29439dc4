"""The logical volume: it usually comes up with its volume group, and goes down just before it.

It is compared with the record of its group's start, and the group's check covers the disks. A volume that was started
alone has a record of its own, and its own check covers its disks. A record of its own without a volume means that it
was stopped, although a snapshot keeps it up.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure, errors, raise_errors
from lvmkit.model.record import ExpectedLv, Record
from lvmkit.model.value import replace
from lvmkit.resources import kernel
from lvmkit.resources.health import Health, settled
from lvmkit.resources.kernel import Glance
from lvmkit.storage import dm, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.host import Host
    from lvmkit.model.facts import LvFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.resources.reading import Answers, Questions

ALREADY_UP, ALREADY_DOWN = "already up", "already down"


def restore(facts: LvFacts, host: Host) -> str:
    """Activate this one volume, unless the group's activation has brought it up already.

    Returns in a few words what was done. LVM commands: none, or a report and the activation. Raises Failure when it
    is not up after that, or a check would find it at fault at once, as on a thin pool that takes no writes.
    """
    if came_with_its_group(facts, host):
        return ALREADY_UP
    from lvmkit.resources import bringing_up
    from lvmkit.resources.locks import starting

    vg = None
    if not facts.vg_uuid or not facts.uuid:
        facts, vg = bringing_up.identify_volume(facts, host)
    with starting(facts.vg_uuid, facts.vg, host):
        detail = ALREADY_UP if kernel.serves(dm.status(facts.dm_uuid)) else _bring_up(facts, vg, host)
        bringing_up.expect_in_record(facts, host)
        _note_start(facts, host)
        _refuse_unwell(facts, host)
    return detail


def came_with_its_group(facts: LvFacts, host: Host) -> bool:
    """Whether the volume is up, at work, and in the record of its group's start: there is nothing to do.

    This is the usual start, and every file system waits for it, so it imports only a fraction of what a real start
    needs. False also where the facts lack a UUID, and where anything is wrong: the real start says what. No process is
    started.
    """
    try:
        return _is_up_and_recorded(facts, host)
    except Failure:
        return False


def remove(facts: LvFacts, host: Host) -> str:
    """Take the volume down; returns in a few words what was done. Raises Failure when it stays up.

    LVM commands: none for a plain volume, else one. A volume that a snapshot ties to others stays up until its group
    goes down; it counts as out of service, and its record says so.
    """
    return _take_down(facts, host, given_up=False)


def give_up(facts: LvFacts, host: Host) -> str:
    """Another server takes it: LVM is not asked. Returns and raises as remove()."""
    return _take_down(facts, host, given_up=True)


def check(facts: LvFacts, host: Host, glance: Glance | None = None) -> Health:
    """The volume must be live, with the kind of table it had. glance: where the caller has one.

    Raises Failure (KernelUnreadable, 110052).
    """
    view = kernel.volume(facts, glance or Glance(host.paths))
    if view.record is not None and not view.record.logical:
        return Health((), is_up=False, is_recorded=False)
    by_group = kernel.expected_by_group(facts, view)
    is_recorded = view.record is not None or by_group is not None
    if not view.mine:
        from lvmkit.model.messages.faults import LvGone  # only where something is wrong

        return Health((LvGone(f"{facts.vg}/{facts.name}"),), False, is_recorded)
    record = _expected(facts, view, by_group)
    faults = vitals.record_faults(record, view.glance.mapped)
    return Health(tuple(faults), True, is_recorded)


def questions(facts: LvFacts, host: Host, glance: Glance) -> Questions:
    """What deep_check() needs to be answered. Raises Failure as check()."""
    from lvmkit.resources import reading

    del host
    return reading.disks_of(_present(facts, kernel.volume(facts, glance)))


def deep_check(facts: LvFacts, host: Host, glance: Glance | None = None, answers: Answers | None = None) -> Health:
    """Read every disk below the volume and report those that do not answer, within settings.deep_deadline seconds.

    glance, answers: where the caller has them.
    """
    from lvmkit.resources import reading  # it forks

    view = kernel.volume(facts, glance or Glance(host.paths))
    record = _present(facts, view)
    answers = answers or reading.asked(reading.disks_of(record), host)
    faults = reading.read_faults(record, view.glance.mapped, answers)
    return Health(tuple(faults), bool(view.mine))


def obstacles(facts: LvFacts, host: Host) -> tuple[Message, ...]:
    """Why a start would be refused, by one report of LVM: LvNotInVg (110028) where the volume has been removed."""
    from lvmkit.resources import starting_again

    return starting_again.of_volume(facts, host)


def release(facts: LvFacts, host: Host) -> str:
    """The protection ends: drop the record of the volume's own start."""
    from lvmkit.resources.locks import stopping

    if not facts.name:
        return "nothing to undo"
    with stopping(facts.vg_uuid, facts.vg, host):
        _drop_own_record(facts, host)
    return f"{facts.vg}/{facts.name} released"


def _present(facts: LvFacts, view: kernel.View) -> Record:
    """The record of the volume's own start, else one of what the kernel holds."""
    return view.record or kernel.stand_in(facts.tag, facts.vg, view)


def _expected(facts: LvFacts, view: kernel.View, by_group: ExpectedLv | None) -> Record:
    """What the volume is compared with: its group's record, which follows every change, else its own, else itself."""
    if by_group is not None:
        return Record(facts.tag, facts.vg, view.vg_uuid, (by_group,), ())
    if view.record is not None:
        return view.record
    stand_in = kernel.stand_in(facts.tag, facts.vg, view)
    return replace(stand_in, logical=tuple(replace(lv, kinds=()) for lv in stand_in.logical))


def _is_up_and_recorded(facts: LvFacts, host: Host) -> bool:
    if not facts.vg_uuid or not facts.uuid:
        return False
    view = kernel.volume(facts, Glance(host.paths))
    by_group = kernel.expected_by_group(facts, view)
    if not view.mine or by_group is None:
        return False
    if not kernel.serves(view.glance.mapped.status(view.mine[0])):
        return False
    if errors(vitals.record_faults(_expected(facts, view, by_group), view.glance.mapped)):
        return False
    return view.record is None  # else it has to go, for which the real start has the lock


def _bring_up(facts: LvFacts, vg: VolumeGroup | None, host: Host) -> str:
    """The steps of a start, in their order. vg: as LVM sees it, where the caller has asked. The lock is held."""
    from lvmkit.resources import bringing_up

    seen = vg or bringing_up.find_group(facts.group, host)
    bringing_up.admit_volume(seen, facts.group, host)
    lv = bringing_up.find_volume(seen, facts)
    bringing_up.refuse_lack_of_room(seen, (lv,))
    answer = bringing_up.activate_volume(seen, lv, facts, host)
    bringing_up.verify(seen, (lv,), answer, bringing_up.held())
    return "activated"


def _note_start(facts: LvFacts, host: Host) -> None:
    """Keep a record of the volume's own start where its group's does not name it."""
    up = kernel.volume(facts, Glance(host.paths))
    if kernel.expected_by_group(facts, up) is not None:
        _drop_own_record(facts, host)
        return
    from lvmkit.resources import notes

    notes.store(kernel.stand_in(facts.tag, facts.vg, up), kernel.volume_paths(host.paths, facts), host)


def _refuse_unwell(facts: LvFacts, host: Host) -> None:
    """Raises Failure with what is wrong with a volume that is up, as below a thin pool that takes no writes."""
    raise_errors(settled(lambda: check(facts, host), lambda found: found.messages).messages)


def _drop_own_record(facts: LvFacts, host: Host) -> None:
    from lvmkit.resources import notes  # a check writes none

    notes.drop(kernel.volume_paths(host.paths, facts), facts.group.id, host)


def _take_down(facts: LvFacts, host: Host, *, given_up: bool) -> str:
    from lvmkit.resources.locks import stopping

    vg_uuid = kernel.volume(facts, Glance(host.paths)).vg_uuid
    if not vg_uuid:
        return ALREADY_DOWN
    with stopping(vg_uuid, facts.vg, host):
        return _take_down_in(replace(facts, vg_uuid=vg_uuid), host, given_up)


def _take_down_in(facts: LvFacts, host: Host, given_up: bool) -> str:
    """Take it down in its volume group, whose lock is held, and record the result."""
    from lvmkit.resources import notes, taking_down

    view = kernel.volume(facts, Glance(host.paths))
    detail = ALREADY_DOWN
    for device in view.mine:
        known = replace(facts, uuid=kernel.lv_uuid_of(device))
        detail = taking_down.take_down_volume(known, host, given_up=given_up)
    if view.mine and kernel.volume(facts, Glance(host.paths)).mine:
        stopped = Record(facts.tag, facts.vg, view.vg_uuid, (), ())
        notes.store(stopped, kernel.volume_paths(host.paths, facts), host)
    else:
        _drop_own_record(facts, host)
    return detail

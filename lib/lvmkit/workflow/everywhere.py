"""What a change on this server means for the others of the cluster, done there by their own kit.

It comes after the change, which stands whatever becomes of this: what could not be done is named with its remedy.
"""

from __future__ import annotations

from lvmkit.guards import reservation
from lvmkit.model import names
from lvmkit.model.facts import devices_below
from lvmkit.model.instance import LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NothingToDo, SeenDifferently
from lvmkit.model.messages.extend import NotFollowedThere, StillListedThere, StillProtected
from lvmkit.model.messages.guide import DeviceNotExtendable
from lvmkit.peer import ask, order
from lvmkit.peer.requests import AskContents, OrderReconfigure
from lvmkit.resources import locks
from lvmkit.storage import lkvgs, records, registered
from lvmkit.workflow.subject import refuse_offline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.port import Overview
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


def others(tag: str, seen: Overview) -> tuple[str, ...]:
    """The servers besides this one that a tag is extended to."""
    return tuple(name for name in seen.others if seen.of(name).by_tag(tag) is not None)


def refuse_another_view(tag: str, contents: str, kit: Kit) -> None:
    """Raise Failure (110501) where another server sees a volume group with other contents.

    One that cannot be asked will be told what to expect, when it can: follow() says what became of it.
    """
    kits = list(map(kit.remote, others(tag, kit.port.overview())))
    answers = ask.contents(kits, AskContents(tag), _unheard, deadline=kit.settings.action_deadline)
    seen = tuple(SeenDifferently(server, tag) for server, answer in answers.items() if _differs(answer, contents))
    if seen:
        raise Failure(*seen)


def _differs(answer: str | Failure, contents: str) -> bool:
    return not isinstance(answer, Failure) and answer != contents


def follow(tag: str, kit: Kit, contents: str = "") -> None:
    """Have a volume group's hierarchy follow the group's disks on the other servers, whose paths are their own.

    contents: what the group must consist of there; '': whatever is there.
    """
    seen = kit.port.overview()
    followed = []
    deadline = kit.settings.action_deadline
    for server in others(tag, seen):
        try:
            refuse_offline(server, tag, seen)
            order.reconfigure(kit.remote(server), OrderReconfigure(tag, contents), _unheard, deadline=deadline)
            followed.append(server)
        except Failure as failure:
            kit.tell(NotFollowedThere(server, tag, str(failure)))
    if followed:
        _tell_absent(tag, followed, kit)


def _tell_absent(tag: str, servers: Iterable[str], kit: Kit) -> None:
    """Tell of disks that the volume group has here, and that servers which have followed it do not have (110008)."""
    seen = kit.port.overview()
    for server in servers:
        there = {device.pv_uuid for device in devices_below(seen.of(server), tag)}
        for device in devices_below(seen.of(seen.local), tag):
            if device.pv_uuid not in there:
                kit.tell(DeviceNotExtendable(device.id, device.tag, f"{server} does not have it."))


def forget_there(gone: Iterable[Instance], servers: Iterable[str], kit: Kit) -> None:
    """Have other servers take the volume groups among deleted instances off their /etc/lkvgs."""
    groups = tuple(filter(None, (names.vg_of_lvmvg_id(i.id) for i in gone if i.type == LVMVG)))
    seen = kit.port.overview()
    for server in servers if groups else ():
        try:
            refuse_offline(server, groups[0], seen)
            order.forget(kit.remote(server), groups, _unheard, deadline=kit.settings.action_deadline)
        except Failure:
            kit.tell(StillListedThere(server, groups))


def forget(groups: Iterable[str], kit: Kit) -> tuple[str, ...]:
    """Take volume groups off this server's /etc/lkvgs and drop their records; returns those that either had named.

    Says which neither named. The admin lock is taken: a create that begins now would lose what it has written.
    Raises Failure, with nothing changed, where one is still protected here (110228); 110007; and as locks.stopping().
    """
    groups = tuple(groups)
    with kit.port.admin_lock(f"forget {', '.join(groups)}"):
        return _forget(groups, kit)


def _forget(groups: tuple[str, ...], kit: Kit) -> tuple[str, ...]:
    hierarchy = kit.port.hierarchy()
    protected = tuple(vg for vg in groups if hierarchy.by_id(names.lvmvg_id(vg)) is not None)
    if protected:
        raise Failure(*(StillProtected(vg) for vg in protected))
    forgotten = []
    for vg in groups:
        if _drop(vg, kit):
            forgotten.append(vg)
        else:
            kit.tell(NothingToDo(vg))
    return tuple(forgotten)


def _drop(vg: str, kit: Kit) -> bool:
    """Drop list entry and record, and with that what its start has reserved; False where neither named it."""
    resource_id = names.lvmvg_id(vg)
    with locks.stopping(_uuid_of(vg, kit), vg, kit.host):
        record = records.load(kit.paths, resource_id)
        is_known = vg in lkvgs.listed(kit.paths.lkvgs) or record is not None
        if record is not None and registered.is_noted(kit.paths, record.vg_uuid):
            reservation.release(vg, record.vg_uuid, kit.host)
        lkvgs.remove(kit.paths.lkvgs, vg)
        records.drop(kit.paths, resource_id)
    return is_known


def _uuid_of(vg: str, kit: Kit) -> str:
    """The UUID that record or list have for a volume group; '' where neither has one."""
    record = records.load(kit.paths, names.lvmvg_id(vg))
    return record.vg_uuid if record else dict(lkvgs.entries(kit.paths.lkvgs)).get(vg, "")


def _unheard(_message: Message) -> None:
    """What another server says on its way is in its own log; here only the outcome counts."""

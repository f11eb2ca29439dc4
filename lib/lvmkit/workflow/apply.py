"""apply: make what is protected agree with a file. All of it is compared and tried first, then done in order.

Each change is the workflow of a command, whole in itself with a journal of its own. So a kill leaves some changes done
and none half done, and the same file again does the rest; where one fails, those before it are taken back.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.family import family
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.apply import (
    CreatedElsewhere,
    FileNotUnderstood,
    NotApplied,
    NotTakenBack,
    OtherResource,
    PlanChanged,
    ServersTorn,
    TagNotGiven,
)
from lvmkit.model.messages.engine import StepDone
from lvmkit.model.messages.pacemaker import UnknownServer
from lvmkit.model.resource_types import is_device
from lvmkit.model.settings import NO_RESERVATION, SCSI
from lvmkit.model.value import Value, replace
from lvmkit.model.wanted import WantedResource, read_wanted
from lvmkit.plan import within
from lvmkit.storage import files
from lvmkit.workflow.actions import (
    AmendResource,
    ApplyStep,
    CreateTop,
    EndProtection,
    ExtendTop,
    LeaveServer,
    RankServers,
    priorities_of,
)
from lvmkit.workflow.service import groups_moving

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lvmkit.cluster.port import Overview
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit

_TOPS = (FILESYS, LVMLV)


class Agreement(Value):
    """What has to be done so that what is protected agrees with a file."""

    actions: tuple[ApplyStep, ...]
    left: tuple[str, ...] = ()
    """what the file lacks and stays, in words"""

    @property
    def digest(self) -> str:
        """What tells it from every other: 16 hexadecimal digits."""
        import hashlib  # only where something is compared

        return hashlib.sha256(repr(self.actions).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def wanted_of(path: str) -> tuple[WantedResource, ...]:
    """What a file says. Raises Failure (110485), or as files.read() does."""
    text = files.read(path)
    if text is None:
        raise Failure(FileNotUnderstood(path, "there is no such file"))
    try:
        return read_wanted(text)
    except (ValueError, RecursionError) as error:
        raise Failure(FileNotUnderstood(path, str(error))) from error


def draft_agreement(wanted: Sequence[WantedResource], kit: Kit, *, may_delete: bool = False) -> Agreement:
    """What is to be done; changes nothing. may_delete: whether what the file lacks is to go.

    Raises Failure with all that apply cannot do, and then with all that speaks against what it could.
    """
    seen = kit.port.overview()
    problems = list(_problems(wanted, seen))
    if problems:
        raise Failure(*dict.fromkeys(problems))
    going = tuple(_going(wanted, seen))
    extensions = tuple(_extensions(wanted, seen))
    ranks = _ranks(wanted, extensions, seen)
    actions = (*_creations(wanted, seen), *extensions, *ranks, *_amendments(wanted, seen))
    left = () if may_delete else tuple(action.subject for action in going)
    agreement = Agreement((*actions, *(going if may_delete else ())), left)
    _refuse(agreement.actions, kit)
    return agreement


def carry_out_agreement(agreement: Agreement, kit: Kit) -> None:
    """Do it, in order. What fails or is interrupted takes back what was done before it, and is raised."""
    done: list[ApplyStep] = []
    try:
        for number, action in enumerate(agreement.actions, 1):
            kit.tell(StepDone(number, len(agreement.actions), action.describe()))
            action.apply(replace(kit, tell=within(number, len(agreement.actions), kit.tell)))
            done.append(action)
    except BaseException:
        for action in reversed(done):
            _take_back(action, kit)
        raise


def refuse_another(agreement: Agreement, path: str, expected: str) -> None:
    """Raise Failure (110491) where it is not the one that was shown. expected: its digest; '': any."""
    if expected and agreement.digest != expected:
        raise Failure(PlanChanged(path, expected, agreement.digest))


def _take_back(action: ApplyStep, kit: Kit) -> None:
    try:
        action.take_back(kit)
    except Failure as failure:
        kit.tell(NotTakenBack(action.describe(), str(failure)))


def _refuse(actions: Sequence[ApplyStep], kit: Kit) -> None:
    """Raise Failure with what speaks against any of them."""
    against: list[Message] = []
    for action in actions:
        try:
            action.refuse(kit)
        except Failure as failure:
            against += failure.messages
    if against:
        raise Failure(*dict.fromkeys(against))


def _problems(wanted: Sequence[WantedResource], seen: Overview) -> Iterator[Message]:
    """What apply cannot do."""
    union = seen.union()
    for each in wanted:
        present = union.by_tag(each.tag)
        if present is None:
            yield from _against_new(each, seen)
        else:
            yield from _otherwise(each, present)
        for server, _ in each.servers:
            if server not in seen.names:
                yield UnknownServer(server, seen.names)
    yield from _torn(wanted, seen)


def _against_new(each: WantedResource, seen: Overview) -> Iterator[Message]:
    union = seen.union()
    owner = union.by_id(each.id, each.type)
    servers = tuple(server for server, _ in each.servers)
    if owner is not None and not is_device(each.type):
        yield OtherResource(owner.tag, "tag", owner.tag, each.tag)
    elif each.type == LVMVG:
        chosen = names.tag_from(names.vg_of_lvmvg_id(each.id) or each.tag)
        if each.tag != chosen:
            yield TagNotGiven(each.tag, each.id, chosen)
    elif each.type in _TOPS and servers and seen.local not in servers:
        yield CreatedElsewhere(each.tag, seen.local, servers)
    elif each.type not in _TOPS and not is_device(each.type):
        yield NotApplied(each.tag, each.type)


def _otherwise(each: WantedResource, present: Instance) -> Iterator[Message]:
    """What makes it another resource than the file's. Disks are others on each server, and follow what they carry."""
    if is_device(each.type) and is_device(present.type):
        return
    facts = {"type": (each.type, present.type), "id": (each.id, present.id)}
    for name, value in each.identity:
        facts[name] = (value, present.details.get(name, value))
    if each.reservation and each.type == LVMVG == present.type:
        reserved = SCSI if VgFacts.noted(present).is_reserved else NO_RESERVATION
        facts["reservation"] = (each.reservation, reserved)
    for name, (value, other) in facts.items():
        if value != other:
            yield OtherResource(each.tag, name, other, value)


def _torn(wanted: Sequence[WantedResource], seen: Overview) -> Iterator[Message]:
    """Different servers for what stands on one group."""
    first: dict[str, WantedResource] = {}
    for each in _tops(wanted):
        for group in groups_moving(each.tag, seen.union()):
            other = first.setdefault(group.tag, each)
            if each.servers and sorted(other.servers) != sorted(each.servers):
                yield ServersTorn(other.tag, each.tag)


def _tops(wanted: Sequence[WantedResource]) -> Iterator[WantedResource]:
    """What is created by itself: file systems, volumes without one, and volumes whose tag was chosen."""
    mounted = {child for each in wanted if each.type == FILESYS for child in each.children}
    for each in wanted:
        pair = names.vg_lv_of_lvmlv_id(each.id) if each.type == LVMLV else None
        is_chosen = pair is not None and each.tag != names.tag_from("/".join(pair))
        if each.type == FILESYS or (each.type == LVMLV and (each.tag not in mounted or is_chosen)):
            yield each


def _creations(wanted: Sequence[WantedResource], seen: Overview) -> Iterator[ApplyStep]:
    """What is to be created: volumes with a tag of their own, then file systems, the outer ones first."""
    union = seen.union()
    reserved = {each.reservation for each in wanted if each.type == LVMVG}
    common = reserved.pop() if len(reserved) == 1 else ""
    for each in sorted(_tops(wanted), key=lambda top: (top.type == FILESYS, top.id.count("/"), top.id)):
        if union.by_tag(each.tag) is None:
            yield CreateTop(each.tag, each.id, each.switchback, each.reservation or common)


def _extensions(wanted: Sequence[WantedResource], seen: Overview) -> Iterator[ExtendTop]:
    """The servers that a family lacks, once for all that moves together."""
    union = seen.union()
    asked: set[tuple[str, str]] = set()
    for each in _tops(wanted):
        is_new = union.by_tag(each.tag) is None
        along = () if is_new else tags_of(family(each.tag, union))
        taken = priorities_of(each.tag, seen).values()
        for server, priority in sorted(each.servers, key=lambda place: place[1]):
            is_there = server == seen.local if is_new else seen.of(server).by_tag(each.tag) is not None
            if not is_there and (each.tag, server) not in asked:
                asked.update((tag, server) for tag in (each.tag, *along))
                yield ExtendTop(each.tag, server, 0 if priority in taken else priority, is_new)


def _ranks(wanted: Sequence[WantedResource], extensions: Sequence[ExtendTop], seen: Overview) -> Iterator[ApplyStep]:
    """Priorities that are to be others than after the extensions, once for what moves together."""
    if not seen.capabilities.several_servers:
        return
    union = seen.union()
    asked: set[str] = set()
    for each in _tops(wanted):
        along = tags_of(family(each.tag, union)) if union.by_tag(each.tag) else (each.tag,)
        before = priorities_of(each.tag, seen)
        after = {**before, **{e.server: e.priority for e in extensions if e.tag in along}}
        differing = [server for server, priority in each.servers if priority and after.get(server) != priority]
        if differing and each.tag not in asked:
            asked.update(along)
            ranks = tuple(place for place in each.servers if place[1])
            yield RankServers(each.tag, ranks, tuple(before.items()))


def _amendments(wanted: Sequence[WantedResource], seen: Overview) -> Iterator[ApplyStep]:
    union = seen.union()
    for each in wanted:
        present = union.by_tag(each.tag)
        if present is None or is_device(each.type):
            continue
        for fact in ("switchback", "initialisation"):
            value, before = getattr(each, fact), getattr(present, fact)
            if value and value != before:
                yield AmendResource(each.tag, fact, value, before)


def _going(wanted: Sequence[WantedResource], seen: Overview) -> Iterator[ApplyStep]:
    """What is there and the file lacks: servers, then hierarchies, the inner ones first."""
    union = seen.union()
    by_tag = {each.tag: each for each in wanted}
    left: set[tuple[str, str]] = set()
    for each in _tops(wanted):
        servers = {server for server, _ in each.servers}
        members = tags_of(family(each.tag, union)) if servers and union.by_tag(each.tag) else ()
        for e in seen.equivalencies:
            if e.tag == each.tag and members and e.server not in servers and (e.tag, e.server) not in left:
                left.update((tag, e.server) for tag in members)
                yield LeaveServer(each.tag, e.server, e.priority)
    roots = [i for i in union.instances if not union.parents(i.tag) and not is_device(i.type)]
    for root in sorted(roots, key=lambda i: i.id, reverse=True):
        if root.tag not in by_tag:
            yield EndProtection(root.tag)

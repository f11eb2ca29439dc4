"""Let a hierarchy of another server run on this one, too. It runs on the target: what it changes outside of the
cluster's configuration is this server's own, and so are the journal and the way back.

A volume group moves as a whole. So with a tag comes everything that stands on the same volume groups; one root that was
left behind would keep all others from ever running here.
"""

from __future__ import annotations

import os

from lvmkit.cluster.port import Change
from lvmkit.model.facts import VgFacts
from lvmkit.model.family import groups
from lvmkit.model.instance import AUTOMATIC, FILESYS, IN_SERVICE, OSU, tags_of
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, raise_errors
from lvmkit.model.messages.extend import WillMove
from lvmkit.model.messages.guide import (
    CannotExtend,
    ExtensionInterrupted,
    InsCreateFailed,
    RemovingAfterCreateError,
    TemplateAlreadyExtended,
)
from lvmkit.model.messages.pacemaker import PriorityInvalid
from lvmkit.model.phrase import Phrase
from lvmkit.model.resource_types import is_device
from lvmkit.model.servers import LOWEST_PRIORITY
from lvmkit.model.value import Value, replace
from lvmkit.peer.answers import Preview
from lvmkit.plan import Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import Commit, listing
from lvmkit.storage import files, locks, stack
from lvmkit.workflow import other_kits
from lvmkit.workflow.canextend import examine
from lvmkit.workflow.devices import Drafts, add_devices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import ClassVar

    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.peer.answers import Readiness
    from lvmkit.plan import Kit
    from lvmkit.workflow.canextend import Case, Examination


class ExtendRequest(Value):
    """What is to be extended to this server. priority 0: the next lower one."""

    tag: str
    template: str
    """the server whose hierarchy it is"""
    priority: int = 0


class MakeMountPoint(Step):
    """Make the folder that a file system is mounted on."""

    path: str
    made: tuple[str, ...]
    """it and the folders above it that do not exist, the uppermost first"""

    def describe(self) -> str:
        """What the step does."""
        return Phrase("make the folder {path}", path=self.path)

    def apply(self, kit: Kit) -> None:
        """Make it, with mode 0755."""
        del kit
        files.make_folder(self.path, mode=0o755)

    def undo(self, kit: Kit) -> None:
        """Remove what was made, as far as it is empty and nothing is mounted there."""
        del kit
        for path in reversed(self.made):
            try:
                os.rmdir(path)
            except OSError:
                return


class ExtendTo(Step):
    """Let the tags run on this server, with its own devices and disks below them."""

    decides: ClassVar[bool] = True
    server: str
    tag: str
    change: Change
    priorities: tuple[tuple[str, int], ...] = ()
    """(volume group, priority here) where one was asked for"""

    def describe(self) -> str:
        """What the step does."""
        disks = [i.tag for i in self.change.add if is_device(i.type)]
        below = Phrase(", on {disks}", disks=", ".join(disks)) if disks else ""
        rank = Phrase(", with priority {priority}", priority=self.priorities[0][1]) if self.priorities else ""
        tags = ", ".join(_tags(self.change))
        return Phrase("extend {tags} to {server}{below}{rank}", tags=tags, server=self.server, below=below, rank=rank)

    def names(self) -> tuple[str, ...]:
        """All tags that this server gets."""
        return tuple(dict.fromkeys((self.tag, *(i.tag for i in self.change.add))))

    def apply(self, kit: Kit) -> None:
        """Store it; the guide's own message follows the reason where the engine does not take it."""
        try:
            kit.port.commit(self.change)
            self._rank(kit)
        except Failure as failure:
            refused = InsCreateFailed(self.server, failure.messages[0].text)
            raise Failure(*failure.messages, refused) from failure

    def undo(self, kit: Kit) -> None:
        """Take this server from what was added, and from nothing else; the other servers keep theirs."""
        hierarchy = kit.port.hierarchy_of(self.server)
        added = tuple(tag for tag in _tags(self.change) if hierarchy.by_tag(tag) is not None)
        for tag in added:
            kit.tell(RemovingAfterCreateError(tag, self.server))
        if added:
            kit.port.unextend(added, self.server)

    def finish(self, kit: Kit) -> None:
        """Give the priority that was asked for; that the tags are extended is why the plan goes on."""
        if self.is_in_effect(kit):
            self._rank(kit)

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether this server has the tags."""
        return set(_tags(self.change)) <= set(kit.port.hierarchy_of(self.server).tags)

    def is_built_on(self, kit: Kit) -> bool:
        """Whether one of them is in service here."""
        here = kit.port.hierarchy_of(self.server)
        return any(instance.state in IN_SERVICE for instance in here.of_tags(_tags(self.change)))

    def _rank(self, kit: Kit) -> None:
        for group, priority in self.priorities:
            kit.port.set_priorities(group, {self.server: priority})


def extend(request: ExtendRequest, kit: Kit, *, is_told: bool = False) -> tuple[str, ...]:
    """Extend a hierarchy to this server; returns the tags that it got. The admin lock is taken.

    is_told: whoever asks has seen the warnings already.
    Raises Failure: 000003, 000004; else the reasons, then 000008; all was backed out. A signal is told as 000025.
    """
    server = kit.port.local_server()
    try:
        with kit.port.admin_lock(f"extend {request.tag} to {server}"):
            finish_interrupted(kit)
            examination = examine(request.tag, request.template, kit)
            heed(examination.readiness, request.tag, (lambda _message: None) if is_told else kit.tell)
            carry_out(draft_extension(examination, request.priority)[0], kit)
    except Failure as failure:
        raise refusal(failure, request.tag, server) from failure
    except Interruption as interruption:
        kit.tell(ExtensionInterrupted(request.tag, server, interruption.signal_name))
        raise
    return tags_of(examination.case.new)


def extend_alone(template: Instance, tag: str, kit: Kit) -> None:
    """Make one instance of this server out of another's; the engine's manager has asked canextend, and does the rest.

    template: as that server has it.  tag: here. The manager has the lock of all servers: only this server's is taken.
    Raises Failure: 000004; 000015 after the reason.
    """
    server, port = kit.port.local_server(), kit.port
    path, patience = f"{kit.paths.state}/admin.lock", kit.settings.lock_patience
    with locks.locked(path, what="the admin lock", patience=patience):
        finish_interrupted(kit)
        here = port.hierarchy()
        if here.by_tag(tag) is not None or here.by_id(template.id, template.type) is not None:
            raise Failure(TemplateAlreadyExtended(tag, server))
        instance = replace(template, server=server, tag=tag, state=OSU, reason="")
        carry_out(Plan(f"extend {tag} to {server}", _steps_alone(instance, kit)), kit)


def _steps_alone(instance: Instance, kit: Kit) -> tuple[Step, ...]:
    steps: list[Step] = []
    if instance.type == FILESYS:
        made = _absent(instance.id)
        if made:
            steps.append(MakeMountPoint(instance.id, made))
    for group in groups((instance,)):
        facts = VgFacts.unpack(group)
        steps += listing(facts.name, facts.uuid, True, kit)
    return (*steps, Commit(Change(add=(instance,))))


def preview(request: ExtendRequest, kit: Kit, *, only_check: bool = False) -> Preview:
    """What extend() would do; changes nothing. only_check: without steps and without asking what the cluster would do.

    Raises Failure: 000003, and as the cluster's tools do.
    """
    examination = examine(request.tag, request.template, kit)
    readiness, case = examination.readiness, examination.case
    told = (*readiness.messages, *_priority_problems(request.priority, case))
    readiness = replace(readiness, messages=tuple(dict.fromkeys(told)))
    tags = tuple(instance.tag for instance in case.new)
    if only_check or not readiness.is_ready:
        return Preview(readiness, tags)
    plan, change = draft_extension(examination, request.priority)
    return Preview(readiness, tags, plan.describe(), kit.port.foresee(change))


def heed(readiness: Readiness, tag: str, tell: Callable[[Message], None]) -> None:
    """Tell what is said besides. Raises the refusal() where anything forbids the extension."""
    for message in readiness.warnings:
        tell(message)
    if not readiness.is_ready:
        raise refusal(Failure(*readiness.refusals), tag, readiness.server)


def refusal(failure: Failure, tag: str, server: str) -> Failure:
    """The failure with the guide's own message at its end, once; 000004 says it all by itself."""
    if any(isinstance(message, (TemplateAlreadyExtended, CannotExtend)) for message in failure.messages):
        return failure
    return Failure(*failure.messages, CannotExtend(tag, server))


def draft_extension(examination: Examination, priority: int) -> tuple[Plan, Change]:
    """The plan, and the change of the cluster's records in it; changes nothing. Raises Failure (110168, lsblk's)."""
    case = examination.case
    raise_errors(_priority_problems(priority, case))
    change = _change(examination)
    ranked = []
    steps: list[Step] = []
    for instance in case.filesystems:
        made = () if case.is_nested(instance) else _absent(instance.id)
        if made:
            steps.append(MakeMountPoint(instance.id, made))
    for group in groups(case.members):
        if priority:
            ranked.append((group.tag, priority))
        facts = VgFacts.unpack(group)
        steps += listing(facts.name, facts.uuid, True, case.kit)
    steps.append(ExtendTo(case.server, case.tag, change, tuple(ranked)))
    steps += other_kits.extensions(case.new, case.kit)
    return Plan(f"extend {case.tag} to {case.server}", tuple(steps)), change


def _change(examination: Examination) -> Change:
    """The new instances of this server: the template's, and below volume groups the disks as this server sees them."""
    case, deadline = examination.case, examination.case.kit.settings.command_deadline
    by_uuid = {vg.uuid: vg for vg in examination.groups}
    joins_others = case.kit.port.capabilities.runs_devices
    drafts = Drafts(case.here, case.server, "", joins_others=joins_others)
    for instance in case.new:
        if not other_kits.extends_itself(instance, case.kit):
            drafts.instances.append(replace(instance, server=case.server, state=OSU, reason=""))
    if not case.kit.port.capabilities.common_tags:
        _inherit_links(case, drafts)
    for group in groups(case.new):
        drafts.switchback = group.switchback
        vg = by_uuid[VgFacts.unpack(group).uuid]
        add_devices(stack.devices_of(vg, deadline=deadline), group.tag, drafts)
    return replace(drafts.change(), template=case.template)


def _inherit_links(case: Case, drafts: Drafts) -> None:
    """Where each server has dependencies of its own, what is extended gets the template's; not on its disks."""
    tags = set(tags_of(case.members)) & {*case.here.tags, *tags_of(drafts.instances)}
    for link in case.there.dependencies:
        if {link.parent, link.child} <= tags:
            drafts.link(link.parent, link.child)


def _priority_problems(priority: int, case: Case) -> Iterator[Message]:
    """A priority that cannot be given, or that makes the cluster move the hierarchy at once."""
    for group in groups(case.members) if priority else ():
        others = {
            e.server: e.priority for e in case.seen.equivalencies if e.tag == group.tag and e.server != case.server
        }
        if not 0 < priority <= LOWEST_PRIORITY or priority in others.values():
            yield PriorityInvalid(group.tag, case.server, priority)
            continue
        source = next(iter(case.seen.in_service_on(group.tag)), "")
        if group.switchback == AUTOMATIC and source in others and priority < others[source]:
            yield WillMove(group.tag, source, case.server, priority)


def _tags(change: Change) -> tuple[str, ...]:
    """The tags that a change adds, without devices and disks: these follow what requires them."""
    return tuple(i.tag for i in change.add if not is_device(i.type))


def _absent(path: str) -> tuple[str, ...]:
    """The path and the folders above it that do not exist, the uppermost first."""
    absent: list[str] = []
    while path not in ("", "/") and not os.path.lexists(path):
        absent.insert(0, path)
        path = os.path.dirname(path)
    return tuple(absent)

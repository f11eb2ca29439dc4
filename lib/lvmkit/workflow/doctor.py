"""doctor: everything about this installation that would hurt later, found before it does. It changes nothing.

Each look is independent: one that cannot be taken is itself a finding and hides nothing else. In a cluster every server
that is online is asked for its own findings; it gives them as JSON.
"""

from __future__ import annotations

import os

from lvmkit import VERSION
from lvmkit.cluster.port import Overview
from lvmkit.model import family
from lvmkit.model.instance import FILESYS, LVMLV
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.boot import AgentMissing, EngineLeftover, GuardNotEnabled, ServerNotExamined
from lvmkit.model.messages.extend import KitVersionDiffers, LvmVersionDiffers
from lvmkit.model.messages.plans import JournalLeft
from lvmkit.model.messages.watch import MonitorsMayBeRarer, WatchOff
from lvmkit.model.value import Value
from lvmkit.peer.answers import Finding
from lvmkit.plan import all_journals
from lvmkit.storage import installed, lvmconf
from lvmkit.workflow import watcher
from lvmkit.workflow.boot_mounts import boot_mounts, inactive_group
from lvmkit.workflow.create import mounted_twice
from lvmkit.workflow.doctor_storage import Look, storage_findings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lvmkit.model.servers import Server
    from lvmkit.peer.answers import Findings
    from lvmkit.plan import Kit
    from lvmkit.workflow.doctor_storage import Told

CLUSTER = "cluster"
"""what a finding is about that every server of the cluster sees alike"""

_REMOTE_FACTOR = 4
"""a server's findings take several commands, so it gets the deadline of one this many times"""


class Diagnosis(Value):
    """The findings, and the servers that were looked at."""

    servers: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether there is nothing worse than a note."""
        return all(finding.is_note for finding in self.findings)


def diagnose(kit: Kit, *, here: bool = False) -> Diagnosis:
    """Look at this server and, unless here is set, at every other one of the cluster that is online.

    Raises nothing for what cannot be looked at: that is a finding. For each server a few LVM commands and one of
    systemd; none of them writes anything.
    """
    seen, unread = _overview(kit)
    own = [_finding(seen.local, "", message) for message in unread]
    own += (_finding(seen.local, CLUSTER, message) for message in seen.warnings)
    parts = [Diagnosis((seen.local,), (*own, *findings_of(Look(kit, seen))))]
    if not here:
        parts += _of_others((server for server in seen.servers if server.name != seen.local), kit)
        parts.append(Diagnosis((), tuple(_of_all_kernels(seen, kit))))
    servers = tuple(name for part in parts for name in part.servers)
    return Diagnosis(servers, tuple(dict.fromkeys(finding for part in parts for finding in part.findings)))


def findings_of(look: Look) -> tuple[Finding, ...]:
    """What there is to say of this server alone."""
    on_storage = (storage_findings, _filesystems, _boot_mounts)
    looks = (*on_storage, _unit_findings, _agent_findings, _watch_findings, _leftovers, _unfinished)
    told = (each for take in looks for each in _take(take, look))
    return tuple(_finding(look.server, about, message) for about, message in told)


def _overview(kit: Kit) -> tuple[Overview, tuple[Message, ...]]:
    """What the engine says; where it does not answer, why, and this server by the name of the host."""
    try:
        return kit.port.overview(), ()
    except Failure as failure:
        return Overview(os.uname().nodename, (), (), kit.port.capabilities), failure.messages


def _take(take: Callable[[Look], Iterator[Told]], look: Look) -> Iterator[Told]:
    """What one look tells; where it fails, why."""
    try:
        yield from take(look)
    except Failure as failure:
        yield from (("", message) for message in failure.messages)


def _finding(server: str, about: str, message: Message) -> Finding:
    where = "" if about == CLUSTER else server
    return Finding(where, about or server, **message.in_words(), facts=tuple(message.as_dict().items()))


def _filesystems(look: Look) -> Iterator[Told]:
    """File systems that have two resources, from before that was refused."""
    for instance in look.hierarchy.instances:
        if instance.type == FILESYS:
            for volume in look.hierarchy.of_tags(look.hierarchy.children(instance.tag), LVMLV):
                for message in mounted_twice(instance.id, volume.tag, look.hierarchy):
                    yield volume.tag, message


def _boot_mounts(look: Look) -> Iterator[Told]:
    """What the boot would mount before the cluster has decided where it belongs."""
    for group in family.groups(look.hierarchy.instances):
        for message in boot_mounts(inactive_group(group, look.hierarchy), look.kit):
            yield group.tag, message


def _unit_findings(_look: Look) -> Iterator[Told]:
    """Whether the boot starts the guard."""
    state = installed.guard_state()
    if state:
        yield installed.GUARD_UNIT, GuardNotEnabled(installed.GUARD_UNIT, state)


def _agent_findings(look: Look) -> Iterator[Told]:
    """What Pacemaker needs to run the resources."""
    if not look.kit.port.capabilities.needs_agents:
        return
    for path in installed.missing_agents():
        yield path.removeprefix(f"{installed.AGENTS}/"), AgentMissing(path)


def _watch_findings(look: Look) -> Iterator[Told]:
    """Whether the server is watched as it should be, and what that makes needless."""
    kit = look.kit
    if not look.hierarchy.instances:
        return
    if not watcher.is_wanted(kit):
        yield watcher.UNIT, WatchOff(look.server)
        return
    if not watcher.is_running(kit.paths):
        yield watcher.UNIT, watcher.watcher_missing(kit)
    intervals = kit.port.monitored_every()
    often = tuple(tag for tag, seconds in intervals.items() if seconds < watcher.BACKSTOP)
    if often:
        shortest = min(intervals[tag] for tag in often)
        yield CLUSTER, MonitorsMayBeRarer(often, shortest, watcher.BACKSTOP)


def _unfinished(look: Look) -> Iterator[Told]:
    """Changes that were interrupted and not finished since."""
    for journal in all_journals(look.kit):
        if journal.fault:
            yield f"journal {journal.name}", journal.fault
        elif not journal.is_running:
            yield f"journal {journal.name}", JournalLeft(journal.name, journal.work, journal.about)


def _leftovers(look: Look) -> Iterator[Told]:
    """Resources that the embedded engine still has, though it is not the engine any more."""
    kit = look.kit
    if kit.port.capabilities.keeps_database or not os.path.exists(kit.paths.database):
        return
    from lvmkit.cluster.embedded import Engine  # only where its database is

    tags = Engine(kit.paths, kit.settings).hierarchy().tags
    if tags:
        yield kit.paths.database, EngineLeftover(kit.paths.database, tuple(tags))


def _of_others(servers: Iterable[Server], kit: Kit) -> Iterator[Diagnosis]:
    """What other servers say of themselves, or why they say nothing; all are asked at the same time."""
    online: list[str] = []
    for server in servers:
        if server.online:
            online.append(server.name)
        else:
            message = ServerNotExamined(server.name, server.unfit or "offline")
            yield Diagnosis((), (_finding(server.name, "", message),))
    for name, answer in _ask(online, kit).items():
        yield _of_other(name, answer, kit)


def _of_all_kernels(seen: Overview, kit: Kit) -> Iterator[Finding]:
    """Volume groups that more than one server's kernel holds."""
    if not kit.port.capabilities.several_servers:
        return
    from lvmkit.workflow.two_holders import held_twice

    for tag, message in held_twice(seen, kit).items():
        yield _finding("", tag, message)


def _ask(servers: list[str], kit: Kit) -> dict[str, Findings | Failure]:
    if not servers:
        return {}
    from lvmkit.peer import ask  # only a cluster needs it

    return ask.findings(
        list(map(kit.remote, servers)), kit.tell, deadline=_REMOTE_FACTOR * kit.settings.command_deadline
    )


def _of_other(server: str, answer: Findings | Failure, kit: Kit) -> Diagnosis:
    if isinstance(answer, Failure):
        return Diagnosis((), tuple(_finding(server, "", message) for message in answer.messages))
    differing = (_finding(server, "", message) for message in _different_packages(server, answer, kit))
    return Diagnosis((server,), (*differing, *answer.findings))


def _different_packages(server: str, answer: Findings, kit: Kit) -> Iterator[Message]:
    """What is of another version there than here."""
    if answer.kit_version != VERSION:
        yield KitVersionDiffers(server, answer.kit_version, VERSION)
    own = lvmconf.version_if_known(kit.lvm)
    if not lvmconf.are_of_one_series(own, answer.lvm_version):
        yield LvmVersionDiffers(server, answer.lvm_version, own)

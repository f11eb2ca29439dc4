"""An engine in memory, and a command line that runs in this process; for tests of everything above the port."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from click.testing import CliRunner

from lvmkit import journal, plan
from lvmkit.cli.program import program
from lvmkit.cli.session import Session
from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.pacemaker import Pacemaker
from lvmkit.cluster.port import Overview
from lvmkit.entry import report
from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import (
    DEVICE,
    DISK,
    FILESYS,
    IN_SERVICE,
    ISP,
    LVMLV,
    LVMVG,
    OSU,
    Dependency,
    Instance,
    pack_info,
)
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ErrorBringingInService, ResourceNotFound
from lvmkit.model.resource_types import application
from lvmkit.model.servers import Equivalency, Server
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.standing import STOPPED, Standing
from lvmkit.model.value import replace
from lvmkit.model.volumes import LogicalVolume, PhysicalVolume, VolumeGroup
from lvmkit.plan import Kit
from tests.unit.schemas import assert_has_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import click
    import pytest
    from click.testing import Result

    from lvmkit.cluster.port import Change
    from lvmkit.model.messages import Message

SERVER = "n1"
ONE_SERVER = Engine(Paths(), Settings()).capabilities
SEVERAL_SERVERS = Pacemaker.capabilities
VG_UUID = "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
OTHER_UUID = "aZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
LV_UUID = "UC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5"


def group(**facts: Any) -> VolumeGroup:
    """vg1 as LVM's report is read: data and www on two disks. facts: what is otherwise."""
    physical = tuple(PhysicalVolume(names.lvm_uuid(letter * 32), f"/dev/sd{letter}", 1 << 30) for letter in "ab")
    logical = tuple(LogicalVolume(names.lvm_uuid(f"{lv:x<32}"), lv, "linear", 1 << 20) for lv in ("data", "www"))
    return replace(VolumeGroup(VG_UUID, "vg1", 1 << 30, False, "", True, physical, logical), **facts)


def instance(kind: str, tag: str, resource_id: str, state: str = ISP, **facts: str) -> Instance:
    """One instance on SERVER; facts go to its info field."""
    return Instance(SERVER, application(kind), kind, tag, resource_id, pack_info(facts), state)


def data_hierarchy(state: str = ISP) -> Hierarchy:
    """/data on vg1/data on vg1 on two disks."""
    return Hierarchy(
        (
            instance(FILESYS, "/data", "/data", state, device="/dev/vg1/data", fstype="ext4", options="rw"),
            instance(LVMLV, "vg1/data", "/dev/vg1/data", state, vg_uuid=VG_UUID, lv_uuid=LV_UUID),
            instance(LVMVG, "vg1", "lvmvg-vg1", state, vg_uuid=VG_UUID),
            instance(DISK, "disk-A", "/dev/disk/by-id/A", state, pv_uuid="A"),
            instance(DISK, "disk-B", "/dev/disk/by-id/B", state, pv_uuid="B"),
        ),
        (
            Dependency("/data", "vg1/data"),
            Dependency("vg1/data", "vg1"),
            Dependency("vg1", "disk-A"),
            Dependency("vg1", "disk-B"),
        ),
    )


class FakeMembership:
    """What a fake engine knows of servers: their names, and what a test says of one."""

    def __init__(self, port: FakePort) -> None:
        self._port = port

    def servers(self) -> tuple[str, ...]:
        return tuple(server.name for server in self._port.servers())

    def numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.servers(), 1)}

    def standing(self, owner: str, tag: str) -> Standing:
        return self._port.standings.get(owner, Standing(STOPPED))


class FakeRecovery:
    """The account of local recovery that remembers nothing."""

    def __init__(self, port: FakePort) -> None:
        self.take_down, self.bring_back = port.take_out_of_service, port.bring_in_service

    def is_interrupted(self) -> bool:
        return False

    def finish(self, tell: Callable[[Message], None]) -> None:
        """Nothing is interrupted."""

    def count(self, tag: str, seconds: float) -> int:
        return 0

    def faults_left(self, tag: str) -> str:
        return ""

    def note_in_vain(self, tag: str, faults: str) -> None:
        """Forgotten at once."""

    def note_well(self, tags: Iterable[str]) -> None:
        """Forgotten at once."""


class FakePort:
    """The cluster port over a Hierarchy in memory. What changes something is noted in `calls`, in order."""

    def __init__(self, now: Hierarchy | None = None) -> None:
        self.now = now or Hierarchy()
        self.calls: list[tuple[str, ...]] = []
        self.failing: dict[str, Message] = {}
        """tag: why it does not go in or out of service"""
        self.standings: dict[str, Standing] = {}
        """server: its standing, where it is not one that has stopped all"""
        self.unwanted: set[str] = set()
        self.required: frozenset[str] = frozenset()
        """tags that an administrator took out of service"""
        self.raised: set[str] = set()
        """flags that are on"""
        self.overviews = 0
        """how often all was read"""

    capabilities = ONE_SERVER
    rivals: tuple[str, ...] = ()
    """resources that fence by reservations"""

    fences: ClassVar[dict[str, str]] = {}
    """by server: what keeps DRBD's resources from being promoted there"""
    clones: dict[str, str] | None = None
    """by DRBD resource; None for an engine that promotes nothing"""

    @property
    def membership(self) -> FakeMembership | None:
        return FakeMembership(self) if self.capabilities.several_servers else None

    @property
    def recovery(self) -> FakeRecovery | None:
        return None if self.capabilities.watches_itself else FakeRecovery(self)

    def fences_by_reservation(self) -> tuple[str, ...]:
        return self.rivals

    def fenced_off(self, resource: str, server: str) -> str:
        del resource
        return self.fences.get(server, "")

    def promoter_of(self, resource: str) -> str | None:
        return None if self.clones is None else self.clones.get(resource, "")

    def local_server(self) -> str:
        return SERVER

    def servers(self) -> tuple[Server, ...]:
        return (Server(SERVER, online=True),)

    def warnings(self) -> tuple[Message, ...]:
        return ()

    def equivalencies(self) -> tuple[Equivalency, ...]:
        return tuple(Equivalency(tag, SERVER, 1) for tag in self.now.tags)

    def hierarchy_of(self, server: str) -> Hierarchy:
        return self.now if server == SERVER else Hierarchy()

    def overview(self) -> Overview:
        self.overviews += 1
        servers = self.servers()
        each = tuple(self.hierarchy_of(server.name) for server in servers)
        return Overview(self.local_server(), servers, each, self.capabilities, self.equivalencies(), self.warnings())

    def remember(self, change: Change, server: str = "") -> tuple[str, ...]:
        """All that every server has; put_back() takes of it what is gone."""
        self.calls.append(("remember", *change.remove, *filter(None, [server])))
        going = {*change.remove, *(i.tag for i in change.update)}
        links = {d for d in self._links() if {d.parent, d.child} & set(change.remove) or d in change.unlink}
        kept = [(s.name, self.hierarchy_of(s.name)) for s in self.servers() if server in ("", s.name)]
        after = {i.tag: i for i in change.update}
        self.kept = [
            (name, tuple(i for i in h.instances if i.tag in going or self._is_below(i, going, h, server)), links)
            for name, h in kept
        ]
        self.after = after
        self.gone = change.remove
        return ("kept",)

    def put_back(self, remembered: tuple[str, ...]) -> None:
        self.calls.append(("put_back",))
        assert remembered == ("kept",)
        if any(self.hierarchy_of(name).by_tag(t) for name, had, _ in self.kept for t in self.gone if _has(had, t)):
            return
        for name, had, links in self.kept:
            self._place(name, _restored(self.hierarchy_of(name), had, links, self.after))

    def _is_below(self, one: Instance, going: set[str], hierarchy: Hierarchy, server: str) -> bool:
        return bool(server) and one.type in (DEVICE, DISK) and bool(going & set(hierarchy.above(one.tag)))

    def _links(self) -> tuple[Dependency, ...]:
        return tuple(d for server in self.servers() for d in self.hierarchy_of(server.name).dependencies)

    def _place(self, server: str, hierarchy: Hierarchy) -> None:
        assert server == SERVER
        self.now = hierarchy

    def foresee(self, change: Change) -> tuple[str, ...]:
        return ()

    def unextend(self, tags: tuple[str, ...], server: str) -> None:
        self.calls.append(("unextend", *tags, server))

    def set_priorities(self, group: str, priorities: dict[str, int]) -> None:
        self.calls.append(("priorities", group, *(f"{server}={rank}" for server, rank in priorities.items())))

    def hierarchy(self) -> Hierarchy:
        return self.now

    def at_hand(self) -> Hierarchy:
        return self.now

    def excused(self) -> frozenset[str]:
        return frozenset()

    def in_charge(self) -> frozenset[str]:
        return frozenset(self.in_service())

    def monitored_every(self) -> dict[str, int]:
        return {}

    def report_failure(self, tag: str) -> None:
        self.calls.append(("report", tag))

    def amend(self, tag: str, facts: dict[str, str], server: str = "") -> None:
        self.calls.append(("amend", tag, server, *(f"{name}={fact}" for name, fact in facts.items())))

    def flags(self, server: str = "") -> tuple[str, ...]:
        return tuple(sorted(self.raised))

    def create_flag(self, flag: str, server: str = "") -> bool:
        is_new = flag not in self.raised
        self.raised.add(flag)
        return is_new

    def remove_flag(self, flag: str, server: str = "") -> bool:
        was_on = flag in self.raised
        self.raised.discard(flag)
        return was_on

    def commit(self, change: Change) -> None:
        self.calls.append(("commit", *(i.tag for i in change.add), *(f"-{tag}" for tag in change.remove)))
        kept = tuple(i for i in self.now.instances if i.tag not in change.remove)
        updated = {i.tag: i for i in change.update}
        links = tuple(d for d in self.now.dependencies if d not in change.unlink)
        links = tuple(d for d in links if not {d.parent, d.child} & set(change.remove))
        instances = (*(updated.get(i.tag, i) for i in kept), *change.add)
        self.now = Hierarchy(instances, (*links, *change.link))

    def set_state(self, tag: str, state: str, reason: str = "") -> None:
        self.calls.append(("set_state", tag, state))
        self._set({tag}, state, reason)

    def required_by_others(self) -> frozenset[str]:
        return self.required

    def wanted(self) -> frozenset[str]:
        return frozenset(self.now.tags) - self.unwanted

    def resume(self, tell: Callable[[Message], None]) -> None:
        self.calls.append(("resume",))

    def bring_in_service(self, tag: str, tell: Callable[[Message], None], server: str = "") -> None:
        self.calls.append(("restore", tag, *filter(None, [server])))
        self._require(tag, ErrorBringingInService(tag, SERVER))
        self._set(set(self.now.below(tag)), ISP)

    def take_out_of_service(self, tag: str, tell: Callable[[Message], None]) -> None:
        self.calls.append(("remove", tag))
        self._require(tag)
        self._set(set(self.now.above(tag)), OSU)

    @contextmanager
    def admin_lock(self, purpose: str) -> Iterator[None]:
        self.calls.append(("lock",))
        yield
        self.calls.append(("unlock",))

    @property
    def moves(self) -> list[tuple[str, ...]]:
        """What was brought in and taken out of service."""
        return [call for call in self.calls if call[0] in ("restore", "remove")]

    def in_service(self) -> set[str]:
        return {i.tag for i in self.now.instances if i.state in IN_SERVICE}

    def _require(self, tag: str, *after: Message) -> None:
        if all(self.hierarchy_of(server.name).by_tag(tag) is None for server in self.servers()):
            raise Failure(ResourceNotFound(tag))
        if tag in self.failing:
            raise Failure(self.failing[tag], *after)

    def _set(self, tags: set[str], state: str, reason: str = "") -> None:
        changed = (replace(i, state=state, reason=reason) if i.tag in tags else i for i in self.now.instances)
        self.now = Hierarchy(tuple(changed), self.now.dependencies)


def _has(had: tuple[Instance, ...], tag: str) -> bool:
    return any(instance.tag == tag for instance in had)


def _restored(
    now: Hierarchy, had: tuple[Instance, ...], links: set[Dependency], after: dict[str, Instance]
) -> Hierarchy:
    known = {i.tag: i for i in had}
    kept = [known[i.tag] if i.tag in after and i.info == after[i.tag].info else i for i in now.instances]
    back = [i for i in had if now.by_tag(i.tag) is None]
    instances = (*kept, *back)
    tags = {i.tag for i in instances}
    lost = [d for d in links if {d.parent, d.child} <= tags and d not in now.dependencies]
    return Hierarchy(instances, (*now.dependencies, *lost))


class FakeCluster(FakePort):
    """The port of a cluster of n1, which is this server, n2 and n3; all well until told otherwise."""

    capabilities = SEVERAL_SERVERS

    def __init__(self, now: Hierarchy | None = None, **others: Hierarchy) -> None:
        """now: of this server.  others: hierarchies of other servers, by name."""
        super().__init__(now)
        self.others = others
        self.members = {name: Server(name, online=True) for name in (SERVER, "n2", "n3")}
        self.trouble: tuple[Message, ...] = ()
        self.priorities = {SERVER: 1, "n2": 11, "n3": 21}

    def servers(self) -> tuple[Server, ...]:
        return tuple(self.members.values())

    def warnings(self) -> tuple[Message, ...]:
        return self.trouble

    def hierarchy_of(self, server: str) -> Hierarchy:
        return self.now if server == SERVER else self.others.get(server, Hierarchy())

    def equivalencies(self) -> tuple[Equivalency, ...]:
        return tuple(
            Equivalency(i.tag, server, priority)
            for server, priority in self.priorities.items()
            for i in self.hierarchy_of(server).instances
            if i.type != DISK
        )

    def _place(self, server: str, hierarchy: Hierarchy) -> None:
        if server == SERVER:
            self.now = hierarchy
        else:
            self.others[server] = hierarchy

    def bring_in_service(self, tag: str, tell: Callable[[Message], None], server: str = "") -> None:
        self.calls.append(("restore", tag, server))
        self._require(tag, ErrorBringingInService(tag, server))


def on(server: str, now: Hierarchy, **changes: Any) -> Hierarchy:
    """The hierarchy as another server has it; changes: of every instance."""
    return replace(now, instances=tuple(replace(i, server=server, **changes) for i in now.instances))


def kit(port: FakePort, folder: Path, tell: Callable[[Message], None]) -> Kit:
    """A kit on a fake engine, with all its files below a folder."""
    return Kit(port, paths(folder), Settings(), tell)


def paths(folder: Path) -> Paths:
    """Paths below a folder; the scripts are those of a Machine that was made there."""
    return Paths(
        lkroot=f"{folder}/{SERVER}/lk", state=f"{folder}/state", run=f"{folder}/run", lkvgs=f"{folder}/lkvgs",
        defaults="/nowhere", fstab=f"{folder}/f", crypttab=f"{folder}/c",
        own_defaults="/nowhere",
    )  # fmt: skip


class Shell:
    """Runs the command line in this process, as root, on a fake engine; the log is caught."""

    def __init__(self, folder: Path, port: FakePort, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = port
        self.folder = folder
        self.logged: list[bytes] = []
        self.told: list[Message] = []
        monkeypatch.setattr(report, "_send", self._log)
        monkeypatch.setattr(os, "geteuid", lambda: 0)

    def run(self, *words: str, command: click.Command = program) -> Result:
        """The result of a command: exit_code, stdout and stderr. What it answers in JSON must have its schema."""
        name = command.name or ""
        session = Session(paths(self.folder), self._open, program=name)
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            result = CliRunner(mix_stderr=False).invoke(command, words, obj=session)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        assert_has_schema(result.stdout, command, words)
        return result

    def _open(self, _paths: Paths, tell: Callable[[Message], None]) -> Kit:
        def heard(message: Message) -> None:
            self.told.append(message)
            tell(message)

        return kit(self.port, self.folder, heard)

    def _log(self, _path: str, datagram: bytes) -> bool:
        self.logged.append(datagram)
        return True


@contextmanager
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What happens to a plan in a `with` block is not taken back, as after kill -9; with what patches just for it."""
    with monkeypatch.context() as patched:
        patched.setattr(plan, "_back_out", lambda *_: None)
        yield patched


def has_journal(tools: Kit) -> bool:
    """Whether any plan was begun and is not finished."""
    return bool(journal.names(tools.paths))


def numbers(result: Any) -> list[int]:
    """The numbers of the messages on stderr, in order."""
    heads = (line.split(": ") for line in result.stderr.splitlines() if not line.startswith(" "))
    return [int(parts[1].split()[1]) for parts in heads if len(parts) > 2]

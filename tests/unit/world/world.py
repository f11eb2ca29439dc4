"""Two machines that share a disk and are a cluster: what people, power and networks do to them, and what must hold.

What is real: the kit, from its command line and its agents down to the edge. What is in memory: the machines
(tests/unit/machine) and the cluster (cluster.py, tools.py). A command of the kit is a process that may be struck at
each of its steps: by a signal, which the kit may answer, by a kill, after which nothing of it acts any more, or by the
loss of its machine's power; so may an agent, and the kit's far end on the other machine. A kill may leave the program
behind that was running: LVM, with the lock of the volume group if the kit gave it, or a far end that nobody hears. That
LVM dies with its parent is not counted on, for in uninterruptible sleep it does not; test_run.py looks at it.

Three things must hold after each step:
* the kit never makes a second kernel hold a volume group;
* a record that a mounted file system acknowledged is there when the kit mounts it again;
* what a command of the kit said it has done stays, until a command is told to end it.
"""

from __future__ import annotations

import copy
import errno
import itertools
import os
import re
import shlex
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lvmkit.cli.launch import launch
from lvmkit.cli.program import program
from lvmkit.cli.session import Session
from lvmkit.cluster.pacemaker import location
from lvmkit.entry import boot_guard
from lvmkit.entry import peer as far_end
from lvmkit.entry.ocf import agent as agents
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages.engine import InterruptedWork
from lvmkit.storage import files, locks
from tests.unit.machine import Answer, Machine, Metadata, SharedDisk, make_group
from tests.unit.world import tools
from tests.unit.world.cluster import Cluster
from tests.unit.world.view import TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lvmkit.storage.run import Finished
    from tests.unit.machine import Mapped

SERVERS = ("n1", "n2")
SIGNAL, KILL, POWER, LEAVE = "signal", "kill", "power", "kill that leaves its program"
KIT, HAND = "the kit", "somebody"
GROUP, VOLUME, POINT = "vg1", "/dev/vg1/data", "/srv/data"
_SETTINGS = "LVMKIT_BUSY_PATIENCE=0\nLVMKIT_LOCK_PATIENCE=1\nLVMKIT_ACTION_DEADLINE=30\n"
_HELD_TWICE, _LOOKS = "110245", (("doctor",), ("status",), ("check", "vg1"))
_UNEXPECTED = "110099"
"""number of an error that the kit did not expect, the older one as well"""
_TOLD = re.compile(rf"{InterruptedWork.number}: ?(.*)")
"""what a story says of a command's words: that it finishes an interrupted change, or takes it back"""
_KILLED = -9
_SSH_FAILED = 255


class Killed(BaseException):
    """The process has ended; nothing of it may act any more."""


class Broken(AssertionError):
    """Something that must hold does not."""


@dataclass(frozen=True)
class Blow:
    """What strikes a command, and before which of its steps: programs, direct reads, removals, files that it writes."""

    how: str
    """SIGNAL, KILL, POWER, or LEAVE, which comes while the step is done"""
    step: int = 0
    before: str = ""
    """in place of the number: a part of the step's words, as 'lvm vgchange' or the name of a file"""
    there: bool = False
    """it strikes the far end that the command calls, not the command"""

    def __str__(self) -> str:
        where = " of the far end" if self.there else ""
        return f"{self.how} {'in' if self.how == LEAVE else 'before'} {self.before or f'step {self.step}'}{where}"


@dataclass
class Process:
    """A process on one of the machines."""

    server: str
    who: str
    """KIT or HAND"""
    blow: Blow | None = None
    events: list[str] = field(default_factory=list)
    """its steps"""
    is_dead: bool = False
    is_unheard: bool = False
    """nobody reads what it writes any more"""


@dataclass
class Orphan:
    """An LVM command whose parent was killed."""

    server: str
    argv: tuple[str, ...]
    seen: Metadata | None
    """what it had read before that"""
    pid: int
    lock: int | None
    """the descriptor of the volume group's lock, where the kit gave it one"""


class Server(Machine):
    """A machine of the world; waiting on it lets the cluster work."""

    def __init__(self, folder: Path, name: str, world: World) -> None:
        super().__init__(folder, name, _SETTINGS)
        self.world = world
        self.given: bytes | None = None
        """stdin of the program that was started last"""

    def run(self, argv: Sequence[str], *, deadline: float, **given: Any) -> Finished:
        """Keep what the program may read, for the one that outlives its parent."""
        self.given = given.get("stdin")
        return super().run(argv, deadline=deadline, **given)

    def end_process(self, pid: int) -> None:
        """An LVM command that is ended does nothing any more."""
        super().end_process(pid)
        self.world.forget_orphan(self.name, pid)

    def sleep(self, seconds: float) -> None:
        """Time passes for the cluster, too."""
        super().sleep(seconds)
        self.world.settle()


@dataclass
class World:
    """Everything, and what was promised so far."""

    folder: Path
    machines: dict[str, Server] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    agent_blows: dict[str, Blow] = field(default_factory=dict)
    """by server: what strikes the next agent there that comes to that step"""
    has_struck: bool = False
    """something was struck in the middle"""
    silent: bool = False
    """no server reaches another one over ssh"""
    promised: set[tuple[str, str]] = field(default_factory=set)
    """(tag, server): a command said that the tag may run there"""
    records: list[str] = field(default_factory=list)
    """that a write was acknowledged for"""
    faults: list[str] = field(default_factory=list)
    """what was seen not to hold"""
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.disk = SharedDisk("A")
        self.group = make_group(GROUP, (self.disk,), "data")
        self._is_settling = False
        self._pids = 4000
        for name in SERVERS:
            self.machines[name] = self._machine(name)
        self.cluster = Cluster(SERVERS, self._operate, self._power_off, float)

    def saved(self, place: Path) -> World:
        """A copy that restored() can begin with again; place: for its files."""
        shutil.copytree(self.folder, place, symlinks=True)
        return copy.deepcopy(self)

    def end(self) -> None:
        """Give back what outlives an object: descriptors of locks."""
        for orphan in list(self.orphans):
            self.machines[orphan.server].end_process(orphan.pid)

    def restored(self, place: Path) -> World:
        """The world as it was saved, in the folder that it had then."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(place, self.folder, symlinks=True)
        return copy.deepcopy(self)

    def rehearsed(self, server: str, *words: str) -> tuple[World, list[str]]:
        """(this world, unchanged, to go on with, steps of the command if it was run now); no steps where it fails."""
        if self.orphans or not self.is_up(server):
            return self, []
        place = Path(f"{self.folder}-kept")
        kept, process = self.saved(place), Process(server, KIT)
        answer = self._run(process, lambda: self._lvmkit(server, words))
        shutil.rmtree(self.folder)
        place.rename(self.folder)
        return kept, [] if answer.code else process.events

    def _machine(self, name: str) -> Server:
        made = Server(self.folder, name, self)
        made.lvm.system_id = name
        made.attach(self.disk)
        made.watch = partial(self._watch, name)
        made.install("crm_mon")
        made.install("ssh")
        for tool in tools.TOOLS:
            made.programs[f"/usr/sbin/{tool}"] = partial(self._tool, name, tool)
        made.programs["/usr/bin/ssh"] = self._ssh
        made.install_agents()
        nodes = "".join(f'<node id="{each}" uname="{each}"/>' for each in SERVERS)
        with open(made.paths.cib, "w", encoding="ascii") as file:
            file.write(f"<cib><configuration><nodes>{nodes}</nodes></configuration></cib>")
        return made

    # -- the cluster's hands

    def settle(self) -> None:
        """Let the cluster do what it has to."""
        if self._is_settling:
            return
        self._is_settling = True
        try:
            self.cluster.settle()
        finally:
            self._is_settling = False

    def watch(self) -> None:
        """The monitors run."""
        self.story.append("the monitors run")
        self._is_settling = True
        try:
            self.cluster.watch()
        finally:
            self._is_settling = False

    def _operate(self, server: str, agent: str, action: str, given: dict[str, str]) -> tuple[int, str]:
        process = Process(server, KIT, self.agent_blows.pop(server, None))
        environment = {**given, "OCF_CHECK_LEVEL": "0"}
        paths = self.machines[server].paths
        answer = self._run(process, lambda: agents.main(f"/x/{agent}", [action], paths, environment))
        if process.blow is not None:
            self.agent_blows.setdefault(server, process.blow)
        if process.is_dead:
            self.story.append(f"{server}: {given['OCF_RESOURCE_INSTANCE']} {action} was killed")
        reason = re.search(r"^ocf-exit-reason:(.*)$", answer.err, re.MULTILINE)
        return (TIMED_OUT if process.is_dead else answer.code), reason.group(1) if reason else ""

    def _power_off(self, server: str) -> None:
        """Its kernel and its processes are gone."""
        for process in self.processes:
            process.is_dead = process.is_dead or process.server == server
        for orphan in list(self.orphans):
            if orphan.server == server:
                self.machines[server].end_process(orphan.pid)
        self.machines[server].reboot()

    def lose_power(self, *servers: str) -> None:
        """Machines stop; the others learn of it by their silence."""
        for server in filter(self.is_up, servers):
            self.story.append(f"{server}: power is lost")
            self.cluster.lose(server)
            self._power_off(server)
        self.settle()

    def boot(self, server: str) -> None:
        """A machine starts: LVM's own activation, the kit's boot guard; Pacemaker is started by another hand."""
        if self.is_up(server):
            return
        self.story.append(f"{server}: boots")
        self.cluster.power_on(server)
        self.lvm(server, "vgchange", "-aay")
        self._run(Process(server, KIT), lambda: boot_guard.main([], self.machines[server].paths))

    # -- processes

    def kit(self, server: str, *words: str, blow: Blow | None = None) -> Answer:
        """A command of the kit that an administrator types."""
        if not self.is_up(server):
            return Answer(_KILLED, [], "", [])
        self.story.append(f"{server}: lvmkit {' '.join(words)}{f', {blow}' if blow else ''}")
        process = Process(server, KIT, blow)
        answer = self._run(process, lambda: self._lvmkit(server, words))
        self._note(process, words, answer)
        self.story += [f"    {told}" for told in re.findall(_TOLD, answer.err)]
        if process.is_dead and blow is not None and blow.how == POWER:
            self.lose_power(server)
        self.settle()
        return answer

    def _lvmkit(self, server: str, words: Sequence[str]) -> int:
        return launch(program, words, Session(self.machines[server].paths))

    def action(self, server: str, kind: str, name: str, tag: str) -> Answer:
        """An action script by hand."""
        return self._by_hand(server, f"{kind}/{name} -t {tag}", lambda m: m.action(kind, name, tag))

    def admin(self, server: str, script: str, *words: str) -> Answer:
        """An administration script by hand, or from a parent kit; script: lvmvg/extend ..."""
        return self._by_hand(server, " ".join((script, *words)), lambda m: m.admin(script, *words))

    def adddelpv(self, server: str, *words: str) -> Answer:
        """adddelpv by hand."""
        return self._by_hand(server, " ".join(("adddelpv", *words)), lambda m: m.adddelpv(*words))

    def agent(self, server: str, agent: str, name: str, resource: str, **given: str) -> Answer:
        """An action of an agent, as the cluster would call it."""
        return self._by_hand(server, f"{agent} {name}", lambda m: m.agent(agent, name, resource, **given))

    def _by_hand(self, server: str, shown: str, call: Callable[[Server], Answer]) -> Answer:
        self.story.append(f"{server}: {shown}")
        with self._as(Process(server, KIT)):
            answer = call(self.machines[server])
        self._see_expected(answer)
        self.settle()
        return answer

    def _see_expected(self, answer: Answer) -> None:
        """An error that the kit did not expect is a fault of its own; so is what a fake does not know."""
        if _UNEXPECTED in answer.err:
            self.faults.append(f"the kit did not expect this: {answer.err.strip()}")

    def _run(self, process: Process, work: Callable[[], int]) -> Answer:
        """Run something as a process, and say how it ended."""

        def ended() -> int:
            try:
                with self._stepping_at_files(process):
                    return work()
            except Killed:
                return _KILLED

        with self._as(process):
            answer = self.machines[process.server].call(ended)
        self._see_expected(answer)
        return answer

    @contextmanager
    def _stepping_at_files(self, process: Process) -> Iterator[None]:
        """A file that is written is a step, too."""
        real = files.replace

        def replace(path: str, content: str, *, mode: int = 0o644) -> None:
            self._step(process, path)
            real(path, content, mode=mode)

        files.replace = replace
        try:
            yield
        finally:
            files.replace = real

    def _step(self, process: Process, event: str) -> None:
        if process.is_dead:
            raise Killed
        process.events.append(event)
        blow = process.blow
        if blow is None or blow.there:
            return
        if blow.before in event if blow.before else len(process.events) == blow.step:
            process.blow = None
            self._strike(process, blow.how, event)

    def _strike(self, process: Process, how: str, event: str) -> None:
        self.has_struck = True
        if how == SIGNAL:
            raise Interruption("SIGINT")
        process.is_dead = True
        machine = self.machines[process.server]
        if how == LEAVE and machine.ran and event == " ".join(machine.ran[-1]):
            self._leave(process.server, machine.ran[-1])
        raise Killed

    def _leave(self, server: str, argv: tuple[str, ...]) -> None:
        """A program that has just been started goes on without its parent."""
        machine = self.machines[server]
        if argv[0] == "/usr/bin/ssh":
            self._ssh(argv[1:], machine.given, is_unheard=True)
        if not argv[0].endswith("/lvm"):
            return
        held = locks.for_programs()
        path = () if held is None else (os.readlink(f"/proc/{os.getpid()}/fd/{held}"),)
        orphan = Orphan(server, argv, self.disk.metadata, self._next_pid(), None if held is None else os.dup(held))
        machine.start_process(orphan.pid, "lvm", opens=path, lock_of=orphan.pid - 1)
        self.orphans.append(orphan)

    def _next_pid(self) -> int:
        self._pids += 2
        return self._pids

    def forget_orphan(self, server: str, pid: int) -> None:
        """It has ended, and with it its lock."""
        for orphan in [each for each in self.orphans if (each.server, each.pid) == (server, pid)]:
            self.orphans.remove(orphan)
            if orphan.lock is not None:
                os.close(orphan.lock)

    def _watch(self, server: str, event: str) -> None:
        """What the machine says before it does something."""
        if event.startswith("dm create"):
            self._hold(server)
            return
        if self.processes and self.processes[-1].server == server:
            self._step(self.processes[-1], event)

    # -- between the servers

    def _tool(self, server: str, tool: str, words: Sequence[str], stdin: bytes | None) -> tuple[int, str, str]:
        return tools.answer(self.cluster, server, (tool, *words), stdin)

    def _ssh(self, words: Sequence[str], stdin: bytes | None, *, is_unheard: bool = False) -> tuple[int, str, str]:
        place = list(words).index("--")
        server, argv = words[place + 1], shlex.split(words[place + 2])
        if self.silent or not self.is_up(server):
            return _SSH_FAILED, "", f"ssh: connect to host {server} port 22: No route to host"
        if argv[0].endswith(f"/bin/{far_end.PROGRAM}"):
            return self._far_end(Process(server, KIT, is_unheard=is_unheard), argv[1:], stdin or b"")
        finished = self.machines[server].run(argv, deadline=60.0, stdin=stdin)
        return finished.status, finished.stdout, finished.stderr

    def _far_end(self, process: Process, words: list[str], request: bytes) -> tuple[int, str, str]:
        """The kit there answers."""
        caller = self.processes[-1]
        if caller.blow is not None and caller.blow.there:
            process.blow, caller.blow = replace(caller.blow, there=False), None
        blow, paths = process.blow, self.machines[process.server].paths
        answer = self._run(process, lambda: _heard(process, lambda: far_end.answer(words, lambda: request, paths)))
        if process.is_dead and blow is not None and blow.how == POWER:
            self.lose_power(process.server)
        code = _SSH_FAILED if process.is_dead else answer.code
        return code, "".join(f"{line}\n" for line in answer.out), answer.err

    # -- hands

    def lvm(self, server: str, *words: str) -> None:
        """An LVM command of an administrator, or of the boot."""
        self.story.append(f"{server}: lvm {' '.join(words)}")
        with self._as(Process(server, HAND)):
            self.machines[server].by_hand(*words)

    def mount(self, server: str) -> None:
        """mount(8) by hand, where the volume is up and nothing is mounted."""
        machine = self.machines[server]
        if machine.mounts or not machine.active(self.group.uuid):
            return
        self.story.append(f"{server}: mount")
        with self._as(Process(server, HAND)), machine.running():
            words = ("-t", "ext4", "-o", "rw", "--source", f"/dev/{self.name}/data", "--target", POINT)
            os.makedirs(machine.real(POINT), exist_ok=True)
            machine.run(("/usr/bin/mount", *words), deadline=60.0)

    def umount(self, server: str) -> None:
        """umount(8) by hand."""
        self.story.append(f"{server}: umount")
        with self._as(Process(server, HAND)):
            self.machines[server].run(("/usr/bin/umount", "--", POINT), deadline=60.0)

    @contextmanager
    def _as(self, process: Process) -> Iterator[None]:
        self.processes.append(process)
        try:
            yield
        finally:
            self.processes.remove(process)

    def activate(self, server: str) -> None:
        """vgchange -ay by hand, by LVM's rules, and mount; not where that would make a second holder of it."""
        if self.is_up(server) and self.holders() in ([], [server]):
            self.lvm(server, "vgchange", "-ay", self.name)
            self.mount(server)

    def override(self, server: str) -> bool:
        """Activate it past LVM's rules; whether it is up there then."""
        if not self.is_up(server):
            return False
        config = f'local/extra_system_ids=["{self.owner()}"]'
        self.lvm(server, "vgchange", "-ay", "--config", config, self.name)
        return server in self.holders()

    def look(self) -> None:
        """Where two kernels hold what is protected, the next look must say so, if everybody can be asked."""
        if len(self.holders()) < 2 or self.silent or {server for _, server in self.protected()} != set(SERVERS):
            return
        if not all(map(self.cluster.member_of, SERVERS)) or self.cluster.is_cut:
            return
        for server, words in itertools.product(SERVERS, _LOOKS):
            answer = self.kit(server, *words)
            if _HELD_TWICE not in "\n".join((*answer.out, answer.err)):
                self.faults.append(f"{words[0]} on {server} does not say that two servers hold {GROUP}")

    def deactivate(self, server: str) -> None:
        """umount and vgchange -an by hand."""
        if server in self.holders():
            self.umount(server)
            self.lvm(server, "vgchange", "-an", self.name)

    def swap_for_a_clone(self, server: str) -> None:
        """A snapshot by the array: a copy of the disk gets its place, and the disk itself another one beside it."""
        machine = self.machines[server]
        if len(machine.attached) > 1 or server in self.holders():
            return
        self.story.append(f"{server}: a clone takes the disk's name")
        machine.detach(self.disk)
        machine.attach(self.disk.clone("B"), "sda")
        machine.attach(self.disk, "sdb")

    # -- what is done to the cluster

    def tool(self, server: str, *words: str) -> None:
        """One of Pacemaker's tools by hand."""
        self.story.append(f"{server}: {' '.join(words)}")
        tools.answer(self.cluster, server, words, None)
        self.settle()

    def stop_pacemaker(self, server: str) -> None:
        """systemctl stop pacemaker corosync."""
        self.story.append(f"{server}: Pacemaker is stopped")
        self.cluster.stop_pacemaker(server)
        self.settle()

    def start_pacemaker(self, server: str) -> None:
        """systemctl start corosync pacemaker."""
        self.story.append(f"{server}: Pacemaker is started")
        self.cluster.start_pacemaker(server)
        self.settle()

    def cut(self) -> None:
        """The cluster's network fails."""
        if self.cluster.is_cut:
            return
        self.story.append("the cluster's network fails")
        self.cluster.cut()
        self.settle()

    def heal(self) -> None:
        """The cluster's network is back."""
        if not self.cluster.is_cut:
            return
        self.story.append("the cluster's network is back")
        self.cluster.heal()
        self.settle()

    def can_fence(self, works: bool) -> None:
        """The fence device breaks, or works again."""
        if self.cluster.can_fence != works:
            self.story.append(f"the fence device {'works' if works else 'breaks'}")
            self.cluster.can_fence = works
            self.settle()

    def be_silent(self, silent: bool) -> None:
        """ssh between the servers breaks, or works again."""
        if self.silent != silent:
            self.story.append(f"ssh {'fails' if silent else 'works again'}")
            self.silent = silent

    def strike_agent(self, server: str, blow: Blow) -> None:
        """Something is going to strike the next agent there that comes to that step."""
        self.story.append(f"{server}: for an agent: {blow}")
        self.agent_blows[server] = blow

    def be_slow(self, server: str) -> None:
        """The next activation by an agent there outlasts the time that the cluster gives it."""
        self.strike_agent(server, Blow(LEAVE, before=" vgchange -ay "))

    def is_up(self, server: str) -> bool:
        """Whether the machine has power."""
        return self.cluster.nodes[server].powered

    def has_unfinished(self, server: str) -> bool:
        """Whether a command there was ended in the middle of a change: a journal is left."""
        return any(Path(self.machines[server].paths.state).rglob("*.json"))

    def owner(self) -> str:
        """The system ID in the metadata."""
        assert self.disk.metadata is not None
        return self.disk.metadata.system_id

    @property
    def name(self) -> str:
        """The name that the volume group has now."""
        assert self.disk.metadata is not None
        return self.disk.metadata.name

    def end_orphans(self) -> None:
        """The LVM commands whose agents were killed come to their end."""
        if self.orphans:
            self.story.append("the LVM commands of killed agents end")
        for orphan in list(self.orphans):
            machine, now = self.machines[orphan.server], self.disk.metadata
            if "-ay" in orphan.argv:  # it has read the metadata; what writes reads it under LVM's own lock
                self.disk.metadata = orphan.seen
            with self._as(Process(orphan.server, KIT)):
                machine.lvm.run(orphan.argv[1:])
            if "-ay" in orphan.argv:
                self.disk.metadata = now
            machine.end_process(orphan.pid)

    def write(self, server: str) -> None:
        """A service writes a record."""
        record = f"record {len(self.records)}"
        if self.machines[server].append(POINT, record):
            self.records.append(record)

    # -- what must hold

    def holders(self) -> list[str]:
        """The servers whose device-mapper has devices of the volume group."""
        return [name for name, machine in self.machines.items() if machine.dm.of_group(self.group.uuid)]

    def _hold(self, server: str) -> None:
        """A machine has got a device of the volume group: by whom, and is it the only one?"""
        who = self.processes[-1].who
        others = [name for name in self.holders() if name != server]
        if who == KIT and others and self.machines[server].dm.of_group(self.group.uuid):
            # Not raised here: the kit would take it for a failure of its own, and answer it.
            self.faults.append(f"the kit activates {GROUP} on {server} while {others[0]} holds it")

    def check(self) -> None:
        """Raises Broken where something does not hold."""
        for machine in self.machines.values():
            for mount in machine.mounts:
                self._look_at_records(machine, machine.dm.devices.get(mount.number))
        lost = sorted(self.promised - self.protected())
        if lost:
            self.faults.append(f"nobody has ended the protection of {lost}")
        if self.faults:
            raise Broken("\n".join((*self.faults, "How it came to this:", *self.story)))

    def _look_at_records(self, machine: Server, device: Mapped | None) -> None:
        for content in machine.content_of(device) if device else ():
            lost = [record for record in self.records if record not in content.records]
            if lost:
                self.faults.append(f"{machine.name} has a file system mounted that lacks {lost}")

    def protected(self) -> set[tuple[str, str]]:
        """(tag, server) of all that the newest configuration lets run anywhere."""
        newest = max((node.view for node in self.cluster.nodes.values()), key=lambda view: view.version)
        return set(location.places(newest.cib))

    def _note(self, process: Process, words: Sequence[str], answer: Answer) -> None:
        """What the command promised, or has ended because it was told to."""
        if words[0] == "create" and not answer.code:
            self.promised.add((answer.out[-1], process.server))
        elif words[0] == "extend" and not answer.code:
            self.promised |= {(tag, words[-1]) for tag in answer.out}
        told = self._told_to_end(words)
        is_open = process.is_dead or any(map(self.has_unfinished, SERVERS))
        if not answer.code or is_open or told.isdisjoint(self.protected()):  # else it has taken all of it back
            self.promised -= told

    def _told_to_end(self, words: Sequence[str]) -> set[tuple[str, str]]:
        if words[0] == "delete":
            return set(self.promised)
        return {promise for promise in self.promised if words[0] == "unextend" and promise[1] == words[-1]}


def _heard(process: Process, work: Callable[[], int]) -> int:
    """Run the far end; where its caller has gone, it can't write."""
    if not process.is_unheard:
        return work()
    real, far_end.write_line = far_end.write_line, _unheard
    try:
        return work()
    finally:
        far_end.write_line = real


def _unheard(text: str) -> None:
    del text
    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

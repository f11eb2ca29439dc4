"""Two machines that share a disk and are a cluster: what people, power and networks do to them, and what must hold.

What is real: the kit, from its command line and its agents down to the edge. What is in memory: the machines
(tests/unit/machine) and the cluster (cluster.py, tools.py). A command of the kit is a process that may be struck at
each of its steps: by a signal, which the kit may answer, by a kill, after which nothing of it acts any more, or by the
loss of its machine's power.

Three things must hold after each step:
* the kit never makes a second kernel hold a volume group;
* a record that a mounted file system acknowledged is there when the kit mounts it again;
* what a command of the kit said it has done stays, until a command is told to end it.
"""

from __future__ import annotations

import inspect
import os
import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lvmkit.cli.launch import launch
from lvmkit.cli.program import program
from lvmkit.cli.session import Session
from lvmkit.cluster.pacemaker import location
from lvmkit.entry import boot_guard
from lvmkit.entry import peer as far_end
from lvmkit.entry.ocf import agent as agents
from lvmkit.model import resource_types
from lvmkit.model.interruption import Interruption
from lvmkit.storage import files, installed
from lvmkit.storage import run as run_module
from tests.unit.machine import Answer, Machine, Metadata, SharedDisk, make_group
from tests.unit.world import tools
from tests.unit.world.cluster import Cluster
from tests.unit.world.view import TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lvmkit.storage.run import Finished
    from tests.unit.machine import Mapped

SERVERS = ("n1", "n2")
SIGNAL, KILL, POWER = "signal", "kill", "power"
KIT, HAND = "the kit", "somebody"
GROUP, VOLUME, POINT = "vg1", "/dev/vg1/data", "/srv/data"
_SETTINGS = "LVMKIT_BUSY_PATIENCE=0\nLVMKIT_LOCK_PATIENCE=1\nLVMKIT_ACTION_DEADLINE=30\n"
_OUTLIVES_ITS_PARENT = "PDEATHSIG" not in inspect.getsource(run_module)
"""Whether an LVM command goes on when the agent that runs it is killed: unless the kit asks the kernel to end it. That
is below the edge that is turned here; that it works is the matter of test_run.py."""
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
    """SIGNAL, KILL or POWER"""
    step: int = 0
    before: str = ""
    """in place of the number: a part of the step's words, as 'lvm vgchange' or the name of a file"""

    def __str__(self) -> str:
        return f"{self.how} before {self.before or f'step {self.step}'}"


@dataclass
class Process:
    """A process on one of the machines."""

    server: str
    who: str
    """KIT or HAND"""
    blow: Blow | None = None
    is_agent: bool = False
    steps: int = 0
    is_dead: bool = False


@dataclass
class Orphan:
    """An LVM command whose parent was killed."""

    server: str
    argv: tuple[str, ...]
    seen: Metadata | None
    """what it had read before that"""


class Server(Machine):
    """A machine of the world; waiting on it lets the cluster work."""

    def __init__(self, folder: Path, name: str, world: World) -> None:
        super().__init__(folder, name, _SETTINGS)
        self.world = world

    def run(
        self, argv: Sequence[str], *, hear: Callable[[str], None] | None = None, deadline: float, **given: Any
    ) -> Finished:
        """A listener gets what comes on stdout."""
        finished = super().run(argv, deadline=deadline, **given)
        if hear is not None:
            for line in finished.stdout.splitlines():
                hear(line)
        return finished

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
    slow: set[str] = field(default_factory=set)
    """servers on which the next activation outlasts the time that the cluster gives a start"""
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
        for name in SERVERS:
            self.machines[name] = self._machine(name)
        self.cluster = Cluster(SERVERS, self._operate, self._power_off, lambda: 0.0)

    def _machine(self, name: str) -> Server:
        made = Server(self.folder, name, self)
        made.lvm.system_id = name
        made.attach(self.disk)
        made.watch = lambda event: self._watch(name, event)
        made.install("crm_mon")
        made.install("ssh")
        for tool in tools.TOOLS:
            made.programs[f"/usr/sbin/{tool}"] = self._tool(name, tool)
        made.programs["/usr/bin/ssh"] = lambda words, stdin: self._ssh(name, words, stdin)
        for provider, agent in resource_types.agents():
            place = made.real(f"{installed.AGENTS}/{provider}/{agent}")
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w", encoding="ascii"):
                os.chmod(place, 0o700)
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
        process = Process(server, KIT, is_agent=True)
        environment = {**given, "OCF_CHECK_LEVEL": "0"}
        paths = self.machines[server].paths
        answer = self._run(process, lambda: agents.main(f"/x/{agent}", [action], paths, environment))
        reason = re.search(r"^ocf-exit-reason:(.*)$", answer.err, re.MULTILINE)
        return (TIMED_OUT if process.is_dead else answer.code), reason.group(1) if reason else ""

    def _power_off(self, server: str) -> None:
        """Its kernel and its processes are gone."""
        for process in self.processes:
            process.is_dead = process.is_dead or process.server == server
        self.orphans = [orphan for orphan in self.orphans if orphan.server != server]
        self.machines[server].reboot()

    def lose_power(self, server: str) -> None:
        """A machine stops; the others learn of it by its silence."""
        if self.is_up(server):
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
        self._note(server, words, answer)
        if process.is_dead and blow is not None and blow.how == POWER:
            self.lose_power(server)
        self.settle()
        return answer

    def _lvmkit(self, server: str, words: Sequence[str]) -> int:
        return launch(program, words, Session(self.machines[server].paths))

    def _run(self, process: Process, work: Callable[[], int]) -> Answer:
        """Run something as a process, and say how it ended."""

        def ended() -> int:
            try:
                with self._stepping_at_files(process):
                    return work()
            except Killed:
                return _KILLED

        with self._as(process):
            return self.machines[process.server].call(ended)

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
        process.steps += 1
        blow = process.blow
        is_struck = blow is not None and (blow.before in event if blow.before else process.steps == blow.step)
        if blow is None or not is_struck:
            return
        process.blow = None
        if blow.how == SIGNAL:
            raise Interruption("SIGINT")
        process.is_dead = True
        raise Killed

    def _watch(self, server: str, event: str) -> None:
        """What the machine says before it does something."""
        if event.startswith("dm create"):
            self._hold(server)
            return
        if not self.processes or self.processes[-1].server != server:
            return
        process = self.processes[-1]
        self._step(process, event)
        if server in self.slow and process.is_agent and " vgchange -ay " in event:
            self.slow.discard(server)
            process.is_dead = True
            if _OUTLIVES_ITS_PARENT:
                self.orphans.append(Orphan(server, self.machines[server].ran[-1], self.disk.metadata))
            raise Killed

    # -- between the servers

    def _tool(self, server: str, tool: str) -> Callable[[Sequence[str], bytes | None], tuple[int, str, str]]:
        return lambda words, stdin: tools.answer(self.cluster, server, (tool, *words), stdin)

    def _ssh(self, _client: str, words: Sequence[str], stdin: bytes | None) -> tuple[int, str, str]:
        place = list(words).index("--")
        server, argv = words[place + 1], shlex.split(words[place + 2])
        if self.silent or not self.is_up(server):
            return _SSH_FAILED, "", f"ssh: connect to host {server} port 22: No route to host"
        if argv[0].endswith(f"/bin/{far_end.PROGRAM}"):
            return self._far_end(server, argv[1:], stdin or b"")
        finished = self.machines[server].run(argv, deadline=60.0, stdin=stdin)
        return finished.status, finished.stdout, finished.stderr

    def _far_end(self, server: str, words: list[str], request: bytes) -> tuple[int, str, str]:
        """The kit there answers."""
        paths = self.machines[server].paths
        answer = self._run(Process(server, KIT), lambda: far_end.answer(words, lambda: request, paths))
        return answer.code, "".join(f"{line}\n" for line in answer.out), answer.err

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

    def be_slow(self, server: str) -> None:
        """The next activation by an agent there outlasts the time that the cluster gives it."""
        self.story.append(f"{server}: the next activation is slow")
        self.slow.add(server)

    def is_up(self, server: str) -> bool:
        """Whether the machine has power."""
        return self.cluster.nodes[server].powered

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
        orphans, self.orphans = self.orphans, []
        for orphan in orphans:
            now, self.disk.metadata = self.disk.metadata, orphan.seen
            with self._as(Process(orphan.server, KIT)):
                self.machines[orphan.server].lvm.run(orphan.argv[1:])
            self.disk.metadata = now

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

    def _note(self, server: str, words: Sequence[str], answer: Answer) -> None:
        """What the command promised, or was told to end."""
        verb = words[0]
        if verb == "delete":
            self.promised.clear()
        elif verb == "unextend":
            self.promised -= {(tag, there) for tag, there in self.promised if there == words[-1]}
        elif answer.code != 0:
            return
        elif verb == "create":
            self.promised.add((answer.out[-1], server))
        elif verb == "extend":
            self.promised |= {(tag, words[-1]) for tag in answer.out}

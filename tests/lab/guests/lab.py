"""The lab as its users see it: bring guests up, run commands in them, break things, be back at the start in seconds."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from . import accel, channel, cluster, crm, fleet, image, instance, machine, push, store
from .crm import ClusterError, ClusterStatus
from .errors import LabError
from .fleet import Fleet
from .instance import Instance, Record, Wanted
from .machine import Disk, Machine, Setting
from .qmp import Qmp

CHECKOUT = Path(__file__).resolve().parents[3]
NAME_VARIABLE = "LVMKIT_LAB"
GOLDEN = "golden"
GOLDEN_KEPT = 8
PUSH_TIMEOUT = 120.0
STATUS_TIMEOUT = 30.0
CLUSTER_DEADLINE = 180.0
"""Seconds in which a cluster should have dealt with whatever has happened, on a busy machine."""

Argument = Union[str, bytes]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Kind:
    """What kinds of instances differ in.

    image: the image's variant.  counts: how many guests there may be, the usual number first.
    """

    image: str
    counts: tuple[int, ...]
    disks: tuple[Disk, ...]
    guests: type[Fleet]
    golden: Callable[[Setting], Path]


PLAIN, CLUSTER = "", "cluster"
KINDS = {
    PLAIN: Kind(image.PLAIN, (1, *range(2, 9)), machine.DISKS, Fleet, fleet.golden),
    CLUSTER: Kind(image.CLUSTER, (2, 3), cluster.CLUSTER_DISKS, cluster.ClusterFleet, cluster.golden),
}


class CommandFailedError(LabError):
    """A command in a guest ended with an exit code other than 0."""


@dataclass(frozen=True)
class Result:
    """How a command in a guest ended. Bytes that are not UTF-8 are surrogate escapes in the texts."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    def checked(self) -> Result:
        """Return this result. Raises CommandFailedError unless the command succeeded."""
        if self.returncode:
            raise CommandFailedError(f"{' '.join(self.argv)}: exit code {self.returncode}\n{self.stdout}{self.stderr}")
        return self


def default_name() -> str:
    """Return the name of the instance when none is given: $LVMKIT_LAB, or that of the checkout."""
    return os.environ.get(NAME_VARIABLE) or str(CHECKOUT)


def quiet(_line: str) -> None:
    """Show no progress."""


class Lab:
    """One instance of the lab. Nothing lives in the object: another process may use the same instance by its name."""

    def __init__(self, name: str | None = None, *, owned: bool = False, progress: Progress = quiet) -> None:
        """Name an instance.

        owned: its guests die with this process, however that ends.  progress: gets a line of text now and then.
        Clears away instances whose owner is dead.
        """
        self._instance = Instance(name or default_name())
        self._owned = owned
        self._progress = progress
        instance.reap()

    # ---- the instance as a whole

    def build(self, kind: str = PLAIN, release: str = "") -> image.Image:
        """Build the guest image unless it is built. Return it. release: of Debian; "" means the usual one."""
        recipe = image.Recipe(KINDS[kind].image, image.known_release(release or image.default_release()))
        return image.ensure(self._progress, recipe)

    def up(self, nodes: int | None = None, kind: str = PLAIN, release: str = "") -> None:
        """Bring the guests up in the golden state, which is made first when it is missing.

        kind: PLAIN, or CLUSTER for guests that are a cluster.  nodes: None means what is usual for the kind.
        release: of Debian; "" means the usual one.  Harmless when they are up already.
        """
        wanted = Wanted(nodes or KINDS[kind].counts[0], kind, image.known_release(release or image.default_release()))
        if wanted.nodes not in KINDS[kind].counts:
            counts = " or ".join(map(str, KINDS[kind].counts))
            raise LabError(f"{wanted.nodes}: such guests are {counts}")
        with self._locked():
            record = self._instance.record()
            if record is None:
                self._bring_up(wanted)
            elif record.wanted != wanted:
                raise LabError(f"{self.name}: up with {record.wanted}, not {wanted} (first: lab down)")
            elif not all(each.running() for each in self._fleet().machines):
                raise LabError(f"{self.name}: some guests do not run (lab start N, or lab reset)")

    def _bring_up(self, wanted: Wanted) -> None:
        built = self.build(wanted.kind, wanted.release)
        setting = Setting(built, accel.choose(built), wanted.nodes)
        golden = _ensure_golden(setting, wanted, self._progress)
        owner = instance.myself() if self._owned else None
        self._instance.write(Record(self.name, built.key, setting.accelerator, golden.name, wanted, owner))
        try:
            self._fleet().restore(golden)
        except LabError:
            self._instance.remove()
            raise

    def down(self) -> None:
        """End the guests and remove everything of the instance. Harmless when there is none."""
        with self._locked():
            self._instance.remove()

    def save(self, label: str) -> None:
        """Save the state of all guests and disks under `label`, in place of an older one."""
        if label == GOLDEN or not label.isidentifier():
            raise LabError(f"{label}: not usable as a label (letters, digits and _)")
        with self._locked():
            fleet_now = self._fleet()
            with store.unfinished(self._instance.saves / label) as folder:
                fleet_now.save(folder)
            for each in fleet_now.machines:
                machine.wait_for_agent(each, deadline=fleet.RESTORE_DEADLINE)

    def reset(self, to: str = GOLDEN) -> None:
        """Put all guests and disks back to the state saved under `to`."""
        with self._locked():
            fleet_now = self._fleet()
            fleet_now.restore(self._saved(to))

    def has(self, label: str) -> bool:
        """Return whether a state is saved under `label`."""
        return (self._instance.saves / label / fleet.SUMMARY).is_file()

    def _saved(self, label: str) -> Path:
        """Return where the state saved under `label` is, and note its use."""
        record = self._record()
        folder = fleet.golden_folder(record.golden) if label == GOLDEN else self._instance.saves / label
        if not folder.is_dir() or not (folder / fleet.SUMMARY).is_file():
            raise LabError(f"{label}: no such saved state (or of another version of the lab: lab down, lab up)")
        for used in (folder, self._image(record).folder):
            os.utime(used)
        return folder

    def status(self) -> list[tuple[str, str]]:
        """Return (name, what it does) of every guest; empty when the instance does not exist."""
        if self._instance.record() is None:
            return []
        return [(each.name, _status(each)) for each in self._fleet().machines]

    @property
    def name(self) -> str:
        """The instance's name."""
        return self._instance.name

    @property
    def run_folder(self) -> Path:
        """Folder of the instance's sockets and logs."""
        return self._instance.run

    # ---- commands in a guest

    def run(
        self,
        node: int,
        argv: Sequence[Argument],
        *,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        check: bool = False,
    ) -> Result:
        """Run a command in guest `node` and return how it ended.

        argv goes unchanged, through no shell.  stdin: what it reads, None for nothing.  env: added to its environment.
        timeout: seconds; a command that has not ended by then is killed and has exit code 124.
        check: raise CommandFailedError when the exit code is not 0.
        """
        out, err = bytearray(), bytearray()
        with contextlib.ExitStack() as stack:
            fd = None if stdin is None else stack.enter_context(_readable(stdin))
            code = self.stream(node, argv, out.extend, err.extend, stdin=fd, env=env, timeout=timeout)
        result = Result(tuple(map(os.fsdecode, argv)), code, os.fsdecode(bytes(out)), os.fsdecode(bytes(err)))
        return result.checked() if check else result

    def stream(
        self,
        node: int,
        argv: Sequence[Argument],
        out: channel.Sink,
        err: channel.Sink,
        *,
        stdin: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 0.0,
    ) -> int:
        """Run a command in guest `node`, passing its output on as it comes. Return its exit code.

        stdin: a file descriptor.  The rest is as in run(); timeout 0 waits for ever.
        """
        added = {os.fsencode(name): os.fsencode(value) for name, value in (env or {}).items()}
        request = channel.Request([os.fsencode(word) for word in argv], added, timeout, stdin)
        return channel.run(self._machine(node).run, request, out, err)

    def copy(self, node: int, source: Path, target: str) -> None:
        """Copy a file of the host into guest `node`, mode included. target: its name there."""
        with source.open("rb") as file:
            self._stream_checked(node, ("dd", f"of={target}", "bs=64K", "status=none"), stdin=file.fileno())
        self.run(node, ("chmod", f"{source.stat().st_mode & 0o7777:o}", target), check=True)

    def fetch(self, node: int, source: str, target: Path) -> None:
        """Copy a file of guest `node` to the host."""
        with target.open("wb") as file:
            self._stream_checked(node, ("cat", "--", source), out=lambda data: _write(file.fileno(), data))

    def _stream_checked(
        self, node: int, argv: Sequence[str], *, out: channel.Sink = channel.ignore, stdin: int | None = None
    ) -> None:
        err = bytearray()
        code = self.stream(node, argv, out, err.extend, stdin=stdin)
        Result(tuple(argv), code, "", os.fsdecode(bytes(err))).checked()

    def push(self, checkout: Path = CHECKOUT) -> None:
        """Install the working tree in every guest, as `make install` does it."""
        with tempfile.TemporaryDirectory(prefix="lvmkit-push-") as staging, tempfile.TemporaryFile() as file:
            push.stage(checkout, Path(staging))
            names = push.pack(Path(staging), file)
            for each in self._fleet().machines:
                file.seek(0)
                self.run(each.number, push.CLEAR, timeout=PUSH_TIMEOUT, check=True)
                self._stream_checked(each.number, push.UNPACK, stdin=file.fileno())
                for argv in push.afterwards(names):
                    self.run(each.number, argv, timeout=PUSH_TIMEOUT, check=True)

    @contextlib.contextmanager
    def session(self, node: int, *, deadline: float) -> Iterator[tuple[channel.Session, bytes]]:
        """Offer a session with guest `node`, and what came with its greeting, to who needs more than stream().

        Raises ChannelError when none begins in `deadline` seconds.
        """
        free = channel.free_port(self._machine(node).run, deadline=deadline)
        with free as path, contextlib.closing(channel.Session(path)) as session:
            yield session, session.greet(0.0, deadline=deadline)

    # ---- the cluster

    def cluster_status(self, node: int | None = None) -> ClusterStatus:
        """Return the cluster as guest `node` sees it; None: the first that answers. Raises ClusterError for none."""
        reasons = []
        for each in [self._machine(node)] if node else self._fleet().machines:
            if node is None and not _answers(each):
                continue
            done = self.run(each.number, crm.STATUS, timeout=STATUS_TIMEOUT)
            if not done.returncode:
                return crm.parse(done.stdout)
            reasons.append(f"{each.name}: crm_mon: {done.stderr.strip() or done.returncode}")
        raise ClusterError("; ".join(reasons) or f"{self.name}: no guest runs")

    def wait_for_cluster(
        self, accept: Callable[[ClusterStatus], bool], *, node: int | None = None, deadline: float = CLUSTER_DEADLINE
    ) -> ClusterStatus:
        """Wait until the cluster, as guest `node` sees it, is as `accept` likes it. Return how it is then.

        Raises ClusterError with its last state after `deadline` seconds.
        """
        return crm.wait(lambda: self.cluster_status(node), accept, deadline=deadline)

    # ---- breaking things

    def lose_disk(self, node: int, serial: str) -> None:
        """Unplug a disk of guest `node` while it runs."""
        self._machine(node).lose(self._disk(serial))

    def bring_disk_back(self, node: int, serial: str) -> None:
        """Plug a lost disk of guest `node` in again."""
        self._machine(node).bring_back(self._disk(serial))

    def fail_disk(self, node: int, serial: str) -> None:
        """Let all reads and writes of a disk end in an I/O error, in guest `node` only."""
        self._machine(node).fail(self._disk(serial))

    def heal_disk(self, node: int, serial: str) -> None:
        """Let a failing disk of guest `node` work again."""
        self._machine(node).heal(self._disk(serial))

    def hang_disk(self, node: int, serial: str) -> None:
        """Let a disk of guest `node` answer no more: whoever uses it waits."""
        self._machine(node).hang(self._disk(serial))

    def resume_disk(self, node: int, serial: str) -> None:
        """Let a hanging disk of guest `node` answer again, also to what was asked meanwhile."""
        self._machine(node).unhang(self._disk(serial))

    def kill(self, node: int) -> None:
        """End guest `node` at once: a power cut."""
        self._machine(node).kill()

    def start(self, node: int) -> None:
        """Boot guest `node` again from the disks it has, and wait until it has booted."""
        with self._locked():
            which = self._machine(node)
            if which.running():
                raise LabError(f"{which.name}: runs already")
            self._fleet().start(which)
            machine.wait_for_agent(which, deadline=machine.BOOT_DEADLINE)
            fleet.settle(which)

    def reboot(self, node: int) -> None:
        """Press the reset button of guest `node`; do not wait for its boot."""
        with self._machine(node).monitor() as monitor:
            monitor.execute("system_reset")

    def monitor(self, node: int) -> Qmp:
        """Return a connection to the monitor of guest `node`'s QEMU, to be used in a with statement."""
        return self._machine(node).monitor()

    def pause(self, node: int) -> None:
        """Let guest `node` stand still: a hung server."""
        self._machine(node).pause()

    def resume(self, node: int) -> None:
        """Let a paused guest go on. Its clock stays behind, as after a real hang."""
        self._machine(node).resume()

    def cut(self, node: int) -> None:
        """Pull the cable of guest `node`'s private link."""
        self._machine(node).set_link(up=False)

    def mend(self, node: int) -> None:
        """Put the cable of guest `node`'s private link back."""
        self._machine(node).set_link(up=True)

    def console(self, node: int) -> str:
        """Return what guest `node` wrote to its serial console."""
        return self._machine(node).console.read_text(encoding="utf-8", errors="replace")

    # ---- inside

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with store.lock(self._instance.lock_name):
            yield

    def _fleet(self) -> Fleet:
        record = self._record()
        setting = Setting(self._image(record), record.accelerator, record.wanted.nodes)
        guests = KINDS[record.wanted.kind].guests
        return guests(setting, self._instance.run, self._instance.data, owned=record.owner == instance.myself())

    def _record(self) -> Record:
        record = self._instance.record()
        if record is None:
            raise LabError(f"{self.name}: not up (lab up)")
        return record

    @staticmethod
    def _image(record: Record) -> image.Image:
        return image.Image(store.cache() / "images" / record.image)

    def _machine(self, node: int) -> Machine:
        machines = self._fleet().machines
        if not 1 <= node <= len(machines):
            raise LabError(f"{node}: no such guest (there are {len(machines)})")
        return machines[node - 1]

    def _disk(self, serial: str) -> Disk:
        """Return the disk with that serial number. Raises LabError when there is none."""
        known = {each.serial: each for each in KINDS[self._record().wanted.kind].disks}
        if serial not in known:
            raise LabError(f"{serial}: no such disk (there are {', '.join(known)})")
        return known[serial]


def _answers(which: Machine) -> bool:
    """Return whether a guest runs and is not paused."""
    if not which.running():
        return False
    with which.monitor() as monitor:
        return bool(monitor.execute("query-status")["running"])


def _status(which: Machine) -> str:
    if not which.running():
        return "not running"
    with which.monitor() as monitor:
        state = str(monitor.execute("query-status")["status"])
    lost = which.condition().lost
    return f"{state}, lost: {' '.join(lost)}" if lost else state


def _ensure_golden(setting: Setting, wanted: Wanted, progress: Progress) -> Path:
    """Return the golden state for `setting`, booting guests to make it when it is missing."""
    final = KINDS[wanted.kind].golden(setting)
    if not final.is_dir():
        with store.lock("golden"):
            _make_golden_unless_made(final, setting, wanted, progress)
    os.utime(final)
    return final


def _make_golden_unless_made(final: Path, setting: Setting, wanted: Wanted, progress: Progress) -> None:
    if final.is_dir():
        return
    with store.unfinished(final) as folder:
        _make_golden(setting, wanted, folder, progress)
    store.keep_newest(final.parent, GOLDEN_KEPT, {record.golden for record in instance.records()})


def _make_golden(setting: Setting, wanted: Wanted, folder: Path, progress: Progress) -> None:
    maker = Instance(f"golden {folder.name}")
    owner = instance.myself()
    maker.write(Record(maker.name, setting.image.key, setting.accelerator, folder.name, wanted, owner))
    guests = KINDS[wanted.kind].guests(setting, maker.run, maker.data, owned=True)
    try:
        progress(f"booting {wanted} under {setting.accelerator} to make the golden state")
        guests.boot()
        progress("saving the golden state")
        guests.save(folder)
    finally:
        maker.remove()


@contextlib.contextmanager
def _readable(data: bytes) -> Iterator[int]:
    """Offer a file descriptor to read `data` from."""
    fd = os.memfd_create("stdin")
    try:
        _write(fd, data)
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]

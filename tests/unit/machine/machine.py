"""One machine: its kernel, its LVM, its disks and its mounts, for tests of everything above the edge.

    machine = Machine(tmp_path, name="n1")
    machine.attach(disk)
    with machine.running():
        code = action.main(script, ["-t", "vg1"], machine.paths)

Nothing is shared between machines but the disks, and nothing is patched outside of running(), so that several of them
can take turns in one process; take_over() is for a test that has only one. A program or an ioctl that the machine does
not know is an AssertionError.
"""

from __future__ import annotations

import errno
import json
import os
import re
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandHung, CommandMissing
from lvmkit.model.resource_types import agents
from lvmkit.model.settings import Paths
from lvmkit.peer.kernels import LOOK
from lvmkit.storage import mountinfo, probe, recorder
from lvmkit.storage.installed import AGENTS
from lvmkit.storage.run import KILLED, Command, Finished
from lvmkit.storage.scsi import Reply
from tests.unit.machine import edge
from tests.unit.machine.drbd import DRBDSETUP, Drbd
from tests.unit.machine.filesystems import BOOT, Filesystems
from tests.unit.machine.kernel import DeviceMapper, Hung, Mapped
from tests.unit.machine.lvm import Lvm
from tests.unit.machine.network import FAR_END
from tests.unit.machine.sysfs import Sysfs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import pytest

    from tests.unit.machine.disks import Content, Metadata, SharedDisk

    Program = Callable[[Sequence[str], "bytes | None"], "tuple[int, str, str]"]

REPOSITORY = Path(__file__).parents[3]
_TREE = REPOSITORY / "opt" / "LifeKeeper"
_SCRIPTS = (
    *(str(path.relative_to(_TREE)) for path in sorted(_TREE.glob("subsys/*/resources/*/actions/*"))),
    *(str(path.relative_to(REPOSITORY)) for path in sorted(REPOSITORY.glob("lkadm/subsys/*/*/bin/*"))),
)
_QUICK, _FOR_EVER = 0.01, 1e9
"""seconds that a command takes, as its answer says"""


@dataclass(eq=False)
class Attached:
    """A disk as one machine has it."""

    disk: SharedDisk
    name: str
    """kernel name"""
    number: str
    sequence: str
    """the kernel's serial number of it, diskseq"""
    state: str = ""
    """'' well; "fails": every read fails; "hangs": nothing comes back; "offline": as the driver says it"""
    session: int = 1
    """for the disk every session is another one, whoever makes it"""
    below: str = ""
    """number of the disk that it stands on, where it is a device of DRBD"""

    @property
    def path(self) -> str:
        return f"/dev/{self.name}"


@dataclass
class Mount:
    """One mount."""

    id: int
    point: str
    number: str
    kind: str
    source: str
    options: str
    uuid: str = ""
    read_only: bool = False
    """by the kernel, after an error"""
    parent: int = 1
    """ID of the mount that it is mounted on"""
    root: str = "/"
    """folder of the file system that is mounted"""


@dataclass
class Process:
    """A process that is not the test's own; it may use a mount or a device."""

    pid: int
    command: str
    folder: str = "/"
    """its working directory"""
    opens: tuple[str, ...] = ()
    stubborn: tuple[int, ...] = ()
    """signals that it survives; of SIGKILL a process that waits for a dead disk"""
    namespace: str = "mnt:[1]"
    """of mounts; the first is the machine's own"""


@dataclass
class Namespace:
    """The mounts that some processes see."""

    mounts: list[Mount]
    follows: bool
    """whether it takes part in what is unmounted on the machine"""


@dataclass
class Answer:
    """How one call of an entry point ended."""

    code: int
    out: list[str]
    """lines of stdout"""
    err: str
    logged: list[int]
    """numbers of all messages that went to the log, those of stderr among them"""

    @property
    def said(self) -> list[int]:
        """Numbers of the messages on stderr, in order."""
        found = re.findall(r"^\S+: [A-Z]+(?:[^\n]*?:| )(\d{6}):", self.err, re.MULTILINE)
        return [int(number) for number in found]

    @property
    def reason(self) -> int:
        """The number in an agent's exit reason; 0 where there is none."""
        found = re.findall(r"^ocf-exit-reason:(\d{6}) \S", self.err, re.MULTILINE)
        assert len(found) < 2, found
        return int(found[0]) if found else 0


class Beside:
    """A program that runs beside others."""

    def __init__(self, machine: Machine, command: Command, outcome: Finished | Failure | None) -> None:
        self._machine, self._command, self._outcome = machine, command, outcome

    def outcome(self, *, deadline: float) -> Finished | Failure:
        """In the place of storage.run.Begun.outcome."""
        return self._outcome or self._machine.run_all((self._command,), deadline=deadline)[0]


def _room(kibibytes: int = 1 << 20, inodes: int = 1 << 20, flags: int = 0) -> os.statvfs_result:
    return os.statvfs_result((1024, 1024, 1 << 21, kibibytes, kibibytes, 1 << 21, inodes, inodes, flags, 255))


@dataclass(eq=False, repr=False)
class Machine:
    """A server. Everything that it is made of may be changed by a test at any time."""

    folder: Path
    """for its files; given is the folder in which it is made"""
    name: str = "n1"
    settings: InitVar[str] = "LVMKIT_BUSY_PATIENCE=0\n"
    """the text of /etc/default/LifeKeeper"""

    # what it is made of
    nodes: dict[str, str] = field(default_factory=dict)
    """device nodes: path to major:minor"""
    attached: dict[str, Attached] = field(default_factory=dict)
    """by kernel name"""
    drbd: dict[str, Drbd] = field(default_factory=dict)
    """by resource"""
    mounts: list[Mount] = field(default_factory=list)
    swaps: set[str] = field(default_factory=set)
    """numbers of the devices that are in use as swap"""
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    """of mounts, beside the machine's own"""
    processes: dict[int, Process] = field(default_factory=dict)
    installed: set[str] = field(default_factory=lambda: {"sh", *edge.PROGRAMS} - {"crm_mon", "ssh"})
    programs: dict[str, Program] = field(default_factory=dict)
    """by path: those that a test adds, and the kit's own far end, which it may take away"""
    unit: str = "LoadState=loaded\nWantedBy=multi-user.target\n"
    """what systemctl show says of the kit's units"""

    # how it behaves
    watch: Callable[[str], None] = lambda _event: None
    """hears of every program, change of device-mapper and direct read before it happens; what it raises comes to the
    kit there"""
    slow: dict[str, float] = field(default_factory=dict)
    """seconds that a program takes, by a part of its command line; longer than the deadline: it hangs"""
    steady: set[str] = field(default_factory=set)
    """parts of command lines of programs that make progress all the time that they take"""
    unended: set[str] = field(default_factory=set)
    """parts of command lines of programs that do their work, and then wait until they are killed"""
    room_in_run: os.statvfs_result = field(default_factory=_room)
    removal: float = 0.0
    """seconds that the kernel takes to remove a device of device-mapper"""

    # what has happened on it
    ran: list[tuple[str, ...]] = field(default_factory=list)
    """every program that was started, in order"""
    asked: dict[int, int] = field(default_factory=dict)
    """ioctls of device-mapper: command to how many"""
    forked: int = 0
    """pieces of work that were given to a child"""
    killed: list[tuple[int, int]] = field(default_factory=list)
    """(process ID, signal) of every signal that was sent"""
    logged: list[int] = field(default_factory=list)
    """numbers of the messages in the log"""
    sent: list[bytes] = field(default_factory=list)
    """commands of SCSI"""
    slept: float = 0.0
    """seconds"""

    _boots: int = 0
    _disks_seen: int = 0
    _mount_ids: int = 20
    _handles: dict[int, int] = field(default_factory=dict)

    def __post_init__(self, settings: str) -> None:
        self.folder = self.folder / self.name
        self.root = str(self.folder / "root")
        self.paths = _paths(self.folder)
        self.lvm = Lvm(self)
        self.filesystems = Filesystems(self.root)
        self.dm = DeviceMapper(self.is_mounted, self._device_changed)
        self.sysfs = Sysfs(self.root, self.nodes)
        self.programs[FAR_END] = self._far_end
        for each in ("etc", "run"):
            (self.folder / each).mkdir(parents=True)
        self._install_scripts()
        Path(self.paths.defaults).write_text(settings)
        Path(self.paths.fstab).write_text("")
        self._boot()

    # -- hardware

    def attach(self, disk: SharedDisk, name: str = "") -> Attached:
        """Let the machine see a disk; again, under a new serial number of the kernel, where it was taken away."""
        free = (f"sd{letter}" for letter in "abcdefghijklmnop")
        name = name or next(each for each in free if each not in self.attached)
        self._disks_seen += 1
        attached = Attached(disk, name, f"8:{16 * (ord(name[-1]) - ord('a'))}", str(self._disks_seen))
        self.attached[name] = attached
        self.sysfs.add_disk(name, attached.number, attached.sequence, disk.size)
        self.settle()
        return attached

    def detach(self, disk: SharedDisk) -> None:
        """Take a disk away; what stood on it stays where it is."""
        found = self.place_of(disk)
        del self.attached[found.name]
        self.sysfs.remove_disk(found.name, found.number)
        self.settle()

    def place_of(self, disk: SharedDisk) -> Attached:
        """The disk as this machine has it."""
        return next(each for each in self.attached.values() if each.disk is disk)

    def set_state(self, disk: SharedDisk, state: str) -> None:
        """Let a disk be well (''), "fails", "hangs" or "offline"."""
        found = self.place_of(disk)
        found.state = state
        self.sysfs.set_driver_state(found.name, "offline" if state == "offline" else "running")

    def hold(self, disk: SharedDisk, holder: str = "drbd0", number: str = "147:0") -> None:
        """Let another driver's device stand on a disk."""
        self._write(f"/sys/devices/{self.place_of(disk).name}/holders/{holder}/dev", f"{number}\n")

    def replicate(self, disk: SharedDisk, resource: str = "r0", volume: int = 0, *, version: int = 8) -> Drbd:
        """Let a device of DRBD stand on a disk; it is Primary, connected and whole until a test says otherwise.

        version: 8 shows its states in /proc/drbd, 9 does not.
        """
        below = self.place_of(disk)
        minor = len(self.replicas_on())
        name, number = f"drbd{minor}", f"147:{minor}"
        self.attached[name] = Attached(disk, name, number, "", below=below.number)
        self.sysfs.add_replica(name, number, disk.size, below.number, f"{resource}/{volume}")
        known = self.drbd.setdefault(resource, Drbd(self, resource, version))
        known.minors[str(volume)] = str(minor)
        self.programs[DRBDSETUP] = self._drbdsetup
        known.show()
        return known

    def replicas_on(self, number: str = "") -> list[Attached]:
        """The devices of DRBD, all or those on one disk."""
        return [each for each in self.attached.values() if each.below and number in ("", each.below)]

    def _drbdsetup(self, words: Sequence[str], _stdin: bytes | None) -> tuple[int, str, str]:
        assert list(words[:2]) == ["events2", "--now"], words
        known = self.drbd.get(words[2])
        return (0, known.events(), "") if known else (10, "", f"{words[2]}: No such resource\n")

    def put_signature_of_drbd(self, disk: SharedDisk) -> None:
        """Let a disk carry DRBD's metadata in its last 4 KiB (libblkid's drbd.c: the magic of DRBD 9 at byte 60)."""
        block = (b"\0" * 60 + b"\x83\x74\x02\x6d").ljust(4096, b"\0")
        Path(self.real(self.place_of(disk).path)).write_bytes(block)

    def put_metadata_of_lvm1(self, disk: SharedDisk, group: str) -> None:
        """Let a disk carry the metadata of LVM1 (libblkid's lvm.c: HM and a version; names of 128 bytes each)."""
        names = (b"pv", group.encode(), b"host")
        sector = b"HM\x01\x00".ljust(44, b"\0") + b"".join(name.ljust(128, b"\0") for name in names)
        Path(self.real(self.place_of(disk).path)).write_bytes(sector.ljust(512, b"\0"))

    def settle(self) -> None:
        """What udev does: names that persist for disks, and for the physical volumes on them."""
        links = {}
        for each in self.attached.values():
            if each.below:
                continue
            if each.disk.serial:
                links[f"wwn-{each.disk.serial}"] = each.name
            if each.disk.pv_uuid:
                links[f"lvm-pv-uuid-{each.disk.pv_uuid}"] = each.name
        self.sysfs.link_by_id(links)

    def readable(self, only: Collection[str] | None, hidden: Collection[str]) -> list[Attached]:
        """The disks that an LVM command reads. Raises Hung where one of them does not answer.

        only: paths of the only devices to look at; filters don't hide those.
        """
        asked = [
            each
            for each in self.attached.values()
            if (each.path in only if only is not None else each.name not in hidden) and not self._is_secondary(each)
        ]
        if any(each.state == "hangs" for each in asked):
            raise Hung
        return [each for each in asked if each.state == ""]

    def _is_secondary(self, attached: Attached) -> bool:
        """Whether it is a device of DRBD that nobody can open: "Wrong medium type"."""
        owners = (each for each in self.drbd.values() if attached.number[4:] in each.minors.values())
        return bool(attached.below) and any(each.role != "Primary" for each in owners)

    def scsi(self, path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
        """In the place of a command by SG_IO."""
        found = next((each for each in self.attached.values() if each.path == path), None)
        if found is None or found.state in ("fails", "offline"):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        if found.state == "hangs":
            raise Hung
        self.sent.append(command)
        reply = found.disk.target.answer(self.nexus(found), command, out)
        return Reply(reply.status, reply.data.ljust(room, b"\0"), reply.sense_key, reply.sense_code)

    def nexus(self, attached: Attached) -> str:
        """What the server is to a disk."""
        return f"{self.name}/{attached.name}/{attached.session}"

    def may_write(self, disk: SharedDisk) -> bool:
        """Whether a disk's reservation lets this server write."""
        return disk.target.may_write(self.nexus(self.place_of(disk)))

    def lose_session(self, disk: SharedDisk) -> None:
        """The way to a disk is lost and found again."""
        self.place_of(disk).session += 1

    # -- the kernel

    def _boot(self) -> None:
        self._boots += 1
        self.sysfs.clear()
        self._write("/proc/sys/kernel/random/boot_id", f"{self.name}-{self._boots}\n")
        if not os.path.exists(f"{self.root}/etc/machine-id"):
            self._write("/etc/machine-id", f"{self.name.encode().hex():0>32}\n")
        self.set_drivers("sd", "device-mapper")
        self.set_filesystems("ext4", "xfs")
        self._write("/proc/swaps", "Filename Type Size Used Priority\n")
        self._write("/proc/stat", f"cpu 1 2 3\nbtime {BOOT}\n")
        self._write("/dev/mapper/control", "")
        os.makedirs(f"{self.root}/srv", exist_ok=True)
        self._write_mounts()
        for program in self.installed:
            self.install(program)

    def set_drivers(self, *names: str) -> None:
        """The drivers of block devices that the kernel has, as /proc/devices says."""
        numbers = {"sd": 8, "device-mapper": 253}
        self._write("/proc/devices", "Block devices:\n" + "".join(f"{numbers[each]:3} {each}\n" for each in names))

    def set_filesystems(self, *kinds: str) -> None:
        """The types of file systems that the kernel has."""
        self._write("/proc/filesystems", "nodev\tproc\n" + "".join(f"\t{kind}\n" for kind in kinds))

    def leave_room_in_run(self, **room: int) -> None:
        """udev runs, and /run has this much room: kibibytes and inodes, flags as statvfs(3) has them."""
        self._write("/run/udev/control", "")
        self.room_in_run = _room(**room)

    def reboot(self) -> None:
        """Everything that only the kernel held is gone; what is on disks and in /etc and /var stays."""
        self.mounts.clear()
        self.swaps.clear()
        self.namespaces.clear()
        self.filesystems.clear()
        self.processes.clear()
        self.dm.devices.clear()
        self.nodes.clear()
        for path in Path(self.paths.run).glob("**/*"):
            if path.is_file():
                path.unlink()
        self._boot()
        for each in self.attached.values():
            each.session += 1
            self.sysfs.add_disk(each.name, each.number, each.sequence, each.disk.size)
        self.settle()

    def install(self, program: str) -> None:
        """Let a program be there, for those who ask before they run it."""
        self.installed.add(program)
        place = _place_of(program)
        self._write(place, "")
        os.chmod(f"{self.root}{place}", 0o700)

    def install_agents(self) -> None:
        """Let the kit's agents be where Pacemaker looks for them."""
        for provider, agent in agents():
            self._write(f"{AGENTS}/{provider}/{agent}", "")
            os.chmod(self.real(f"{AGENTS}/{provider}/{agent}"), 0o700)

    def remove_agent(self, agent: str) -> None:
        """Take one of them away."""
        os.unlink(self.real(f"{AGENTS}/lvmkit/{agent}"))

    def uninstall(self, program: str) -> None:
        """Take a program away."""
        self.installed.remove(program)
        os.unlink(self.real(_place_of(program)))

    def _install_scripts(self) -> None:
        """The scripts have their places; what they hold does not matter, as run() calls the kit for them."""
        for script in _SCRIPTS:
            place = Path(self.paths.lkroot, script)
            place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            place.touch(mode=0o700)

    def _write(self, path: str, text: str) -> None:
        place = Path(self.root + path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def ioctl(self, control: int, request: int, buffer: bytearray) -> None:
        """In the place of fcntl.ioctl on device-mapper's control node."""
        command = request & 0xFF
        self.asked[command] = self.asked.get(command, 0) + 1
        self.dm.ioctl(control, request, buffer)

    def _device_changed(self, what: str, device: Mapped) -> None:
        self.watch(f"dm {what} {device.name}")
        if what == "create":
            self.sysfs.add_mapped(device)
        elif what == "remove":
            self.slept += self.removal
            self.sysfs.remove_mapped(device)

    def rename_devices(self, metadata: Metadata, group: str) -> None:
        """What vgrename and lvrename do to volumes that are up."""
        for volume in metadata.volumes:
            device = self.dm.by_uuid(names.dm_uuid(metadata.uuid, volume.uuid))
            if device is not None:
                self.sysfs.remove_mapped(device)
                device.name = names.dm_name(group, volume.name)
                self.sysfs.add_mapped(device)

    def lay_on(self, device: Mapped, disks: Sequence[SharedDisk]) -> None:
        """What pvmove does to a volume that is up: it lies on these disks now."""
        self.sysfs.remove_mapped(device)
        device.below, device.legs = tuple(self.place_of(disk).number for disk in disks), tuple(disks)
        self.sysfs.add_mapped(device)

    def is_mounted(self, number: str) -> bool:
        """Whether a device carries a file system that is at work, mostly because it is mounted."""
        return number in self.filesystems or number in self._mounted()

    def _mounted(self) -> set[str]:
        """The devices of what is mounted in any namespace."""
        everywhere = [*self.mounts, *(mount for each in self.namespaces.values() for mount in each.mounts)]
        return {mount.number for mount in everywhere}

    def _end_unmounted(self) -> None:
        for number in set(self.dm.devices) - self._mounted():
            self.filesystems.end(number)

    def number_of(self, point: str) -> str:
        """The device of what is mounted at a point."""
        return next(each.number for each in reversed(self.mounts) if each.point == point)

    def question(self, mount: mountinfo.Mount, is_written: bool) -> Callable[[], bytes]:
        """In the place of a question to a file system."""
        found = self.filesystems.get(self.number_of(mount.mount_point))

        def ask() -> bytes:
            if found is not None and found.hangs:
                raise Hung
            if found is not None and found.shut_down:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            if found is not None and found.aborted and is_written:
                self.filesystems.fail(found.number, errors=found.errors + 1, function="ext4_journal_check_start")
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            if found is not None and found.words:  # an older ext4 says that all is durable, for there is nothing to do
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return b""

        return ask

    def wait_for_thaw(self, device: str) -> None:
        """In the place of a wait that the kernel ends."""
        working = self.filesystems.get(self.number_at(device))
        if working is not None and working.frozen:
            raise Hung

    def is_shut_down(self, path: str) -> bool:
        """Whether a path is the root of an XFS that answers no question any more."""
        mount = next((each for each in reversed(self.mounts) if each.point == path), None)
        found = self.filesystems.get(mount.number) if mount else None
        return found is not None and found.kind == "xfs" and found.shut_down

    # -- processes and time

    def start_process(
        self, pid: int, command: str, folder: str = "/", opens: Sequence[str] = (), lock_of: int = 0, **how: Any
    ) -> Process:
        """A process that works in a folder and has files or devices open.

        lock_of: the process that took the flock(2) lock which comes with what is open.
        """
        process = Process(pid, command, folder, tuple(opens), **how)
        self.processes[pid] = process
        proc = f"{self.root}/proc/{pid}"
        self._write(f"/proc/{pid}/comm", f"{command}\n")
        self._write(f"/proc/{pid}/status", "PPid:\t1\n")
        os.makedirs(f"{proc}/fd")
        os.makedirs(f"{proc}/ns")
        for link, target in (("cwd", folder), ("root", "/"), ("exe", "/usr/bin/x"), ("ns/mnt", "mnt:[1]")):
            os.symlink(target, f"{proc}/{link}")
        for handle, path in enumerate(opens):
            lock = f"lock:\t1: FLOCK  ADVISORY  WRITE {lock_of} 00:01:1 0 EOF\n" if lock_of else ""
            self._write(f"/proc/{pid}/fdinfo/{handle}", f"mnt_id:\t{_mount_of(path, self.mounts)}\n{lock}")
            os.symlink(path, f"{proc}/fd/{handle}")
            self._count_open(path, 1)
        return process

    def end_process(self, pid: int) -> None:
        """Let a process end."""
        process = self.processes.pop(pid)
        for path in process.opens:
            self._count_open(path, -1)
        edge.remove_tree(f"{self.root}/proc/{pid}")
        if all(each.namespace != process.namespace for each in self.processes.values()):
            self.namespaces.pop(process.namespace, None)
            self._end_unmounted()

    def unshare(self, pid: int, *, follows: bool = False) -> None:
        """Give a process a mount namespace of its own, with all that is mounted now."""
        process = self.processes[pid]
        process.namespace = f"mnt:[{1000 + pid}]"
        copies = []
        for mount in self.mounts:
            self._mount_ids += 1
            copies.append(replace(mount, id=self._mount_ids))
        self.namespaces[process.namespace] = Namespace(copies, follows)
        link = f"{self.root}/proc/{pid}/ns/mnt"
        os.unlink(link)
        os.symlink(process.namespace, link)
        for handle, path in enumerate(process.opens):
            self._write(f"/proc/{pid}/fdinfo/{handle}", f"mnt_id:\t{_mount_of(path, copies)}\n")
        self._write_mounts()

    def _count_open(self, path: str, by: int) -> None:
        device = self._device_at(path)
        if device is not None:
            device.opens += by

    def kill(self, pid: int, number: int) -> None:
        """In the place of os.kill; a signal to this very process is real."""
        if pid == os.getpid():
            edge.real_kill(pid, number)
            return
        if pid not in self.processes:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        self.killed.append((pid, number))
        if number not in self.processes[pid].stubborn:
            self.end_process(pid)

    def pidfd_open(self, pid: int, _flags: int = 0) -> int:
        """In the place of os.pidfd_open."""
        if pid not in self.processes:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        handle = os.open("/dev/null", os.O_RDONLY)
        self._handles[handle] = pid
        return handle

    def pidfd_send_signal(self, handle: int, number: int, *_further: object) -> None:
        """In the place of signal.pidfd_send_signal."""
        self.kill(self._handles[handle], number)

    def sleep(self, seconds: float) -> None:
        """In the place of time.sleep: the clock goes on, and the test does not wait."""
        self.slept += seconds

    def all_bounded(
        self, works: Sequence[Callable[[], bytes]], deadline: float, **_further: object
    ) -> list[probe.Ending]:
        """In the place of the children that do what may hang; what hangs takes the whole deadline."""
        self.forked += len(works)
        endings = [self._ending(work, deadline) for work in works]
        if any(ending.hung for ending in endings):
            self.slept += deadline
        return endings

    def _ending(self, work: Callable[[], bytes], deadline: float) -> probe.Ending:
        began = self.slept
        try:
            result = work()
        except Hung:
            return probe.Ending(hung=True)
        except OSError as error:
            return probe.Ending(error=error.errno or errno.EIO)
        return probe.Ending(hung=True) if self.slept - began > deadline else probe.Ending(result=result)

    def in_turn(self, works: Sequence[Callable[[], object]], *, patience: float, end: float) -> int:
        """In the place of the child that does one thing after the other; one that hangs takes the whole patience."""
        self.forked += 1
        for done, work in enumerate(works):
            began = self.slept
            try:
                work()
            except Hung:
                self.slept += patience
                return done
            except (OSError, Failure):
                return done
            if self.slept - began > patience or edge.START + self.slept >= end:
                return done
        return len(works)

    def read_directly(self, device: str) -> None:
        """In the place of a read past the page cache."""
        self.watch(f"read {device}")
        number = self.number_at(device)
        found = next((each for each in self.attached.values() if each.number == number), None)
        if found is None:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        if found.state == "hangs":
            raise Hung
        if found.state:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def read_part(self, device: str, number: str, start: int, size: int) -> bytes:
        """In the place of a read of a superblock. That of an ext4 is known, where its UUID is one."""
        self.watch(f"read {device}")
        mapped = self.dm.devices.get(self.number_at(device))
        if mapped is None or mapped.number != number or mapped.kind == "error":
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        if any(each.state == "hangs" for each in self.attached.values() if each.disk in mapped.legs):
            raise Hung
        block = bytearray(4096)
        digits = self.content_of(mapped)[0].uuid.replace("-", "")
        if len(digits) == 32:
            block[1024 + 56 : 1024 + 58] = b"\x53\xef"
            block[1024 + 104 : 1024 + 120] = bytes.fromhex(digits)
        working = self.filesystems.get(number)
        if working is not None and working.kind == "ext4":
            block[1024 + 0x5C] = 0x4 if working.journal else 0
            block[1024 + 0x60] = 0x4 if working.journal and not working.frozen else 0
        return bytes(block[start : start + size])

    def take_datagram(self, _path: str, datagram: bytes) -> bool:
        """In the place of the system's log: keeps the numbers."""
        found = re.search(rb"LVMKIT_NUMBER\n.{8}(\d{6})\n", datagram, re.DOTALL)
        if found:
            self.logged.append(int(found.group(1)))
        return True

    # -- devices and what is on them

    def number_at(self, path: str) -> str:
        """major:minor of the device that a path names; '' for anything else."""
        place = os.path.realpath(self.root + path)
        return self.nodes.get(place[len(os.path.realpath(self.root)) :], "")

    def put_node(self, path: str, number: str) -> None:
        """Put a device node of an administrator's in the place of whatever is there."""
        if os.path.lexists(self.root + path):
            os.unlink(self.root + path)
        self._write(path, "")
        self.nodes[path] = number

    def set_write_protected(self, vg_lv: str, protected: bool = True) -> None:
        """What lvchange -p does to a volume that is up."""
        device = self._device_at(f"/dev/{vg_lv}")
        assert device is not None, vg_lv
        device.read_only = protected
        self._write(f"/sys/dev/block/{device.number}/ro", f"{int(protected)}\n")

    def _device_at(self, path: str) -> Mapped | None:
        return self.dm.devices.get(self.number_at(path)) if path.startswith("/dev/") else None

    def content_of(self, device: Mapped) -> list[Content]:
        """What each disk below a logical volume's device holds of it."""
        lv_uuid = names.lvm_uuid(device.uuid[len("LVM-") + 32 :][:32])
        return [leg.contents[lv_uuid] for leg in device.legs if lv_uuid in leg.contents]

    def append(self, path: str, record: str) -> bool:
        """Write a record to the volume that is mounted at a path; whether it was acknowledged."""
        mount = next((each for each in reversed(self.mounts) if each.point == path), None)
        device = self.dm.devices.get(mount.number) if mount else None
        if device is None or device.suspended or device.kind == "error" or not self._reaches(device):
            return False
        for content in self.content_of(device):
            content.records.append(record)
        return True

    def _reaches(self, device: Mapped) -> bool:
        there = {each.disk: each.state for each in self.attached.values()}
        return bool(device.legs) and all(there.get(leg, "gone") == "" and self.may_write(leg) for leg in device.legs)

    def active(self, vg_uuid: str = "") -> list[str]:
        """Names in device-mapper of the volumes of a group, or of all groups, in order."""
        prefix = names.dm_uuid(vg_uuid)
        return sorted(device.name for device in self.dm.devices.values() if device.uuid.startswith(prefix))

    # -- programs

    def run_all(self, commands: Sequence[Command], *, deadline: float) -> tuple[Finished | Failure, ...]:
        """In the place of storage.run.run_all: one after the other, each with the whole time."""
        outcomes: list[Finished | Failure] = []
        for command in commands:
            try:
                outcomes.append(self.run(command.argv, deadline=deadline, stdin=command.stdin))
            except Failure as failure:
                outcomes.append(failure)
        return tuple(outcomes)

    def run_beside(self, command: Command) -> Beside:
        """In the place of storage.run.run_beside: it does its work at once; what is slow takes its time when asked."""
        is_slow = any(part in " ".join(command.argv) for part in self.slow)
        return Beside(self, command, None if is_slow else self.run_all((command,), deadline=_FOR_EVER)[0])

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline: float,
        stdin: bytes | None = None,
        pass_output: tuple[int, int] | None = None,
        environment: Mapping[str, str] | None = None,
        hear: Callable[[str], None] | None = None,
        progress: Callable[[], object] | None = None,
        end: float = _FOR_EVER,
        **_further: object,
    ) -> Finished:
        """In the place of storage.run.run. What it does not know is about the life of a real process."""
        del environment
        assert deadline > 0, argv
        entry = recorder.begin(argv)
        self.ran.append(tuple(argv))
        self.watch(" ".join(argv))
        seconds = max((time for part, time in self.slow.items() if part in " ".join(argv)), default=_QUICK)
        try:
            is_late = seconds > deadline and not (progress and any(part in " ".join(argv) for part in self.steady))
            if is_late or seconds > end - edge.START - self.slept:
                raise Hung
            status, out, err = self._program(argv)(argv[1:], stdin)
            if any(part in " ".join(argv) for part in self.unended):
                raise Hung
        except Hung:
            self.slept += deadline
            entry.failed(KILLED, deadline)
            raise Failure(CommandHung(" ".join(argv), deadline, KILLED)) from None
        self.slept += seconds
        entry.ended(status, seconds, out, err)
        if hear:
            for line in out.splitlines():
                hear(line)
        if pass_output:
            os.write(pass_output[0], out.encode())
            os.write(pass_output[1], err.encode())
        return Finished(tuple(argv), status, out, err, seconds)

    def _program(self, argv: Sequence[str]) -> Program:
        path = argv[0]
        known = FAR_END if path.endswith(FAR_END) else path
        if known in self.programs:
            return self.programs[known]
        if path.startswith(f"{self.paths.lkroot}/subsys/"):
            return lambda words, _stdin: self._script(path, words)
        name = path.rpartition("/")[2]
        if name not in self.installed:
            if name in edge.PROGRAMS:
                raise Failure(CommandMissing(path))
            raise AssertionError(f"{path} is not known to the machine")
        return {
            "lvm": lambda words, _stdin: self.lvm.run_by_kit(words),
            "mount": lambda words, _stdin: self._mount(words),
            "umount": lambda words, _stdin: self._umount(words),
            "findmnt": lambda words, _stdin: self._findmnt(words),
            "lsblk": lambda words, _stdin: self._lsblk(words),
            "sh": lambda words, _stdin: self._shell(words),
            "udevadm": lambda words, _stdin: (0, "", ""),
            "systemctl": lambda words, _stdin: self._systemctl(words),
            "fsfreeze": lambda words, _stdin: self._fsfreeze(words),
        }[name]

    def _script(self, path: str, words: Sequence[str]) -> tuple[int, str, str]:
        """An action script that the engine runs: in this process, on this machine."""
        from lvmkit.entry import action

        answer = _answered(self, lambda: action.main(path, list(words), self.paths))
        return answer.code, "".join(f"{line}\n" for line in answer.out), answer.err

    def _far_end(self, words: Sequence[str], stdin: bytes | None) -> tuple[int, str, str]:
        """What another server's kit asks of this machine's."""
        from lvmkit.entry import peer

        answer = _answered(self, lambda: peer.answer(list(words), lambda: stdin or b"", self.paths))
        return answer.code, "".join(f"{line}\n" for line in answer.out), answer.err

    def _mount(self, words: Sequence[str]) -> tuple[int, str, str]:
        """mount(8): it follows links; --rw: it does not fall back on mounting read-only."""
        flags = [word for word in words if word in ("-c", "--rw")]
        rest = [word for word in words if word not in flags]
        options = dict(zip(rest[::2], rest[1::2]))
        assert set(options) == {"-t", "-o", "--source", "--target"}, words
        source, target, kind = options["--source"], options["--target"], options["-t"]
        device = self._device_at(source)
        if device is None:
            return 32, "", f"mount: {target}: special device {source} does not exist.\n"
        if not os.path.isdir(self.real(target)):
            return 32, "", f"mount: {target}: mount point does not exist.\n"
        contents = self.content_of(device)
        if device.kind == "error" or not self._reaches(device):
            return 32, "", f"mount: {target}: can't read superblock on {source}.\n"
        if not contents or contents[0].kind != kind:
            return 32, "", f"mount: {target}: wrong fs type, bad option, bad superblock on {source}.\n"
        why, said = "", ""
        if device.read_only and "ro" not in options["-o"].split(","):
            said = f"mount: {target}: WARNING: source write-protected, mounted read-only.\n"
            why = f"mount: {target}: {source} is write-protected but explicit read-write mode requested.\n"
        if why and "--rw" in flags:
            return 32, "", why
        shown = source if "-c" in flags else f"/dev/mapper/{device.name}"
        self.add_mount(target, device.number, kind, shown, options["-o"], contents[0].uuid, read_only=bool(said))
        return 0, "", said

    def add_mount(
        self, point: str, number: str, kind: str, source: str, options: str = "rw", uuid: str = "", **more: Any
    ) -> Mount:
        """Mount something, whoever does it; more: further fields of the mount."""
        self.watch(f"mount {point}")
        self._mount_ids += 1
        real = self._without_links(point)
        mount = Mount(
            self._mount_ids, real, number, kind, source, options, uuid, parent=_mount_of(real, self.mounts), **more
        )
        self.mounts.append(mount)
        self.filesystems.begin(number, kind)
        self._write_mounts()
        return mount

    def _without_links(self, path: str) -> str:
        """A path below the machine's folder as the kernel knows it; links in it must be relative."""
        place, root = os.path.realpath(self.real(path)), os.path.realpath(self.root)
        return place[len(root) :] if place.startswith(root + "/") else path

    def real(self, path: str) -> str:
        """Where a path of the machine is on this host."""
        return str(edge.located(self, path))

    def mount_at(self, point: str, vg_lv: str) -> None:
        """Mount a volume that is up by hand."""
        os.makedirs(self.real(point), exist_ok=True)
        status, _, why = self._mount(("-t", "ext4", "-o", "rw", "--source", f"/dev/{vg_lv}", "--target", point))
        assert status == 0, why

    def unmount(self, point: str) -> None:
        """Take away what is mounted at a point, by hand."""
        status, _, why = self._umount(("--", point))
        assert status == 0, why

    def _umount(self, words: Sequence[str]) -> tuple[int, str, str]:
        """umount(8): it takes away what was mounted last, whatever that is."""
        assert list(words[:-1]) in (["--"], ["-c", "--"]), words
        point = words[-1] if "-c" in words else self._without_links(words[-1])
        mount = next((each for each in reversed(self.mounts) if each.point == point), None)
        if mount is None or mount.id != _mount_of(point, self.mounts):
            return 32, "", f"umount: {point}: not mounted.\n"
        if self._is_busy(mount):
            return 32, "", f"umount: {point}: target is busy.\n"
        self.watch(f"umount {point}")
        self.mounts.remove(mount)
        for namespace in self._followers():
            namespace.mounts = [each for each in namespace.mounts if each.point != point]
        self._end_unmounted()
        self._write_mounts()
        return 0, "", ""

    def _followers(self) -> list[Namespace]:
        return [each for each in self.namespaces.values() if each.follows]

    def _is_busy(self, mount: Mount) -> bool:
        def is_in(path: str) -> bool:
            return path == mount.point or path.startswith(mount.point + "/")

        def is_in_the_way(process: Process) -> bool:
            namespace = self.namespaces.get(process.namespace)
            return (namespace is None or namespace.follows) and any(map(is_in, (process.folder, *process.opens)))

        below = any(other.parent == mount.id for other in self.mounts)
        return below or any(map(is_in_the_way, self.processes.values()))

    def _write_mounts(self) -> None:
        self._write("/proc/self/mountinfo", self._table(self.mounts, "shared:1"))
        for pid, process in self.processes.items():
            seen = self.namespaces.get(process.namespace)
            if seen is not None:
                self._write(f"/proc/{pid}/mountinfo", self._table(seen.mounts, "master:1" if seen.follows else ""))
        namespace = f"{self.root}/proc/self/ns"
        os.makedirs(namespace, exist_ok=True)
        if not os.path.lexists(f"{namespace}/mnt"):
            os.symlink("mnt:[1]", f"{namespace}/mnt")

    def _table(self, mounts: Sequence[Mount], propagation: str) -> str:
        """A mountinfo file. propagation: of the root."""
        lines = [f"1 0 259:1 / / rw,relatime {f'{propagation} ' if propagation else ''}- ext4 /dev/root rw\n"]
        for each in mounts:
            working = self.filesystems.get(each.number)
            words = ("ro" if each.read_only else "rw", *(working.words if working else ()))
            point = each.point.replace(" ", "\\040")
            where = f"{each.id} {each.parent} {each.number} {each.root} {point}"
            lines.append(f"{where} {each.options} - {each.kind} {each.source} {','.join(words)}\n")
        return "".join(lines)

    def fail_filesystem(self, point: str, **how: Any) -> None:
        """Let what is mounted at a point meet an error. how: as Filesystems.fail() takes it."""
        self.filesystems.fail(self.number_of(point), **how)
        self._write_mounts()

    def _fsfreeze(self, words: Sequence[str]) -> tuple[int, str, str]:
        assert words[0] == "--unfreeze", words
        working = self.filesystems.get(self.number_of(words[1]))
        if working is None or not working.frozen:
            return 1, "", f"fsfreeze: {words[1]}: unfreeze failed: Invalid argument\n"
        working.frozen = False
        for process in self.processes.values():  # who waited to write to it can be ended
            process.stubborn = ()
        return 0, "", ""

    def set_read_only(self, point: str) -> None:
        """What the kernel does with a file system after an error."""
        for each in self.mounts:
            each.read_only = each.read_only or each.point == point
        self._write_mounts()

    def _findmnt(self, words: Sequence[str]) -> tuple[int, str, str]:
        assert list(words[:3]) == ["--json", "--nofsroot", "--mountpoint"], words
        found = [each for each in self.mounts if each.point == words[3]]
        if not found:
            return 1, "", ""
        rows = [
            {
                "target": each.point, "source": each.source, "maj:min": each.number, "fstype": each.kind,
                "options": each.options, "uuid": each.uuid or None, "fsroot": "/",
            }
            for each in found
        ]  # fmt: skip
        return 0, json.dumps({"filesystems": rows}), ""

    def _lsblk(self, words: Sequence[str]) -> tuple[int, str, str]:
        assert list(words[:4]) == ["--all", "--json", "--bytes", "--output"], words
        rows = [
            self._block(each.name, each.name, each.number, "disk", each.disk.size, each.disk.serial)
            for each in self.attached.values()
            if not each.below
        ]
        return 0, json.dumps({"blockdevices": rows}), ""

    def _block(self, kernel: str, name: str, number: str, kind: str, size: int, serial: str | None) -> dict[str, Any]:
        above = [device for device in self.dm.devices.values() if number in device.below]
        children = [
            self._block(f"dm-{device.number.partition(':')[2]}", device.name, device.number, "lvm", device.size, None)
            for device in above
        ]
        for each in self.replicas_on(number):
            children.append(self._block(each.name, each.name, each.number, "disk", each.disk.size, None))
        return {
            "kname": kernel, "name": name, "maj:min": number, "type": kind, "serial": serial, "size": size,
            "mountpoints": self._used_at(number) or [None],
            **({"children": children} if children else {}),
        }  # fmt: skip

    def _used_at(self, number: str) -> list[str]:
        """What lsblk shows as the mount points of a device."""
        points = [mount.point for mount in self.mounts if mount.number == number]
        return [*points, "[SWAP]"] if number in self.swaps else points

    def swap_on(self, path: str) -> None:
        """Use a device as swap."""
        self.swaps.add(self.number_at(path))
        self._count_open(path, 1)

    def _shell(self, words: Sequence[str]) -> tuple[int, str, str]:
        """The one fixed text that the kit has for a shell."""
        assert ("/bin/sh", *words) == LOOK
        if "dmsetup" not in self.installed:
            return 127, "", "/bin/sh: 1: exec: /usr/sbin/dmsetup: not found\n"
        rows = [f"{device.name} {device.uuid}\n" for device in self.dm.devices.values()]
        return 0, f"lvmkit-boot {self.name}-{self._boots}\n" + ("".join(rows) or "No devices found\n"), ""

    def _systemctl(self, words: Sequence[str]) -> tuple[int, str, str]:
        if words[0] == "show":
            return 0, self.unit, ""
        assert words[0] == "list-units", words
        return 0, "", ""

    def lvm_commands(self) -> list[str]:
        """The LVM commands that were run, each with its -ay or -an, or what else it changes."""
        marks = ("-ay", "-an", "--systemid", "--setautoactivation")
        return [
            " ".join((argv[1], *(word for word in argv[2:] if word in marks)))
            for argv in self.ran
            if argv[0].endswith("/lvm")
        ]

    # -- calling

    @contextmanager
    def running(self) -> Iterator[None]:
        """This process is this machine for the length of a block."""
        yield from edge.within(self)

    def take_over(self, patch: pytest.MonkeyPatch) -> None:
        """This process is this machine until a test's patches end."""
        edge.take_over(self, patch)

    def by_hand(self, *words: str) -> int:
        """An LVM command that an administrator types; its exit status. It is not counted among those of the kit."""
        return self.lvm.run(words)[0]

    def action(self, kind: str, name: str, tag: str = "", resource_id: str = "", *more: str) -> Answer:
        """Run an action script; kind: lvmvg, lvmlv or filesys."""
        from lvmkit.entry import action

        application = "gen" if kind == "filesys" else "scsi"
        script = f"{self.paths.lkroot}/subsys/{application}/resources/{kind}/actions/{name}"
        words = (*(("-t", tag) if tag else ()), *(("-i", resource_id) if resource_id else ()), *more)
        return self.call(lambda: action.main(script, list(words), self.paths))

    def admin(self, script: str, *words: str) -> Answer:
        """Run an administration script; script: lvmvg/create ..."""
        from lvmkit.entry import admin

        kind, name = script.split("/")
        application = "gen" if kind == "filesys" else "scsi"
        path = f"{self.paths.lkroot}/lkadm/subsys/{application}/{kind}/bin/{name}"
        return self.call(lambda: admin.main(path, list(words), self.paths))

    def command(self, *words: str) -> Answer:
        """Run lvmkit as an administrator types it."""
        from lvmkit.cli.launch import launch
        from lvmkit.cli.program import program
        from lvmkit.cli.session import Session

        return self.call(lambda: launch(program, words, Session(self.paths)))

    def adddelpv(self, *words: str) -> Answer:
        """Run adddelpv as an administrator types it."""
        from lvmkit.cli import adddelpv
        from lvmkit.cli.session import Session

        session = Session(self.paths, program=adddelpv.NAME)
        return self.call(lambda: adddelpv.call(words, session))

    def agent(self, agent: str, action: str, resource: str = "res", **given: str) -> Answer:
        """Run an action of an OCF agent; given: its parameters, and names of the environment that begin with OCF_ or
        CRM_meta_ as they are.
        """
        from lvmkit.entry.ocf import agent as entry

        environment = {
            "OCF_RESOURCE_INSTANCE": resource,
            "OCF_RESKEY_CRM_meta_on_node": self.name,
            "OCF_RESKEY_CRM_meta_interval": "10000",
            "OCF_RESKEY_CRM_meta_timeout": "20000",
        }
        for name, value in given.items():
            environment[name if name.startswith("OCF_") else f"OCF_RESKEY_{name}"] = value
        words = [action] if action else []
        return self.call(lambda: entry.main(f"/x/{agent}", words, self.paths, environment))

    def call(self, work: Callable[[], int]) -> Answer:
        """Run something on this machine; what it wrote and logged is in the answer."""
        with self.running():
            return _answered(self, work)


def _paths(folder: Path) -> Paths:
    """Where the kit's files are on the machine of a folder."""
    return Paths(
        lkroot=f"{folder}/lk",
        state=f"{folder}/state",
        run=f"{folder}/run",
        lkvgs=f"{folder}/etc/lkvgs",
        defaults=f"{folder}/etc/LifeKeeper",
        own_defaults=f"{folder}/etc/lvmkit",
        fstab=f"{folder}/etc/fstab",
        crypttab=f"{folder}/etc/crypttab",
        cib=f"{folder}/cib.xml",
    )


def _place_of(program: str) -> str:
    return f"/usr/{'s' * (program in ('lvm', 'dmsetup', 'crm_mon'))}bin/{program}"


def _answered(machine: Machine, work: Callable[[], int]) -> Answer:
    before = len(machine.logged)
    with edge.captured() as streams:
        code = work()
    out, err = streams
    return Answer(code, out.splitlines(), err, machine.logged[before:])


def _mount_of(path: str, mounts: Sequence[Mount]) -> int:
    """The mount that is met at a path: of those on the way to it, the one that was mounted last."""
    found = [m for m in mounts if path == m.point or path.startswith(m.point + "/")]
    return found[-1].id if found else 1

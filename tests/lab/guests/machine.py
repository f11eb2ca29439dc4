"""One guest: its QEMU process, its disks, its monitor."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import accel, channel, process, rootfs, store
from .errors import LabError, NotInstalledError
from .image import Image
from .qmp import Qmp, QmpError

MEMORY_MIB = 512
DISK_BYTES = 256 * 1024 * 1024
START_DEADLINE = 30.0
BOOT_DEADLINE = 120.0
"""Seconds until the agent of a cold boot answers: many times what it takes, because the machine may be busy."""
MIGRATION_DEADLINE = 120.0
AS_FAST_AS_POSSIBLE = 1 << 40
INCOMING_FD = 3
CONTROLLER = "scsi0"
LINK = "link"
CPUS = {"kvm": "host", "tcg": "qemu64"}
FAILING = ("read", "write", "write-zeroes", "discard")
"""What fails on a failing disk. Not flush: QEMU itself has to flush the disk to let it work again."""
UNLIMITED = ("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr")
IMAGE_OPTIONS = {"discard": "unmap", "cache": {"no-flush": True}}
"""A host that crashes may lose the guests' data, a guest that is killed may not."""
KERNEL_ARGUMENTS = (
    "console=ttyS0 quiet root=/dev/vda rw net.ifnames=0 mitigations=off panic=5 systemd.show_status=0 "
    # The emulator translates a page of code anew at each address it stands at: a seventh of all time goes into that.
    "norandmaps nokaslr "
    # The controllers of QEMU's chipset that no disk of ours is on, and what probes for minutes under emulation.
    "modprobe.blacklist=ata_piix,ata_generic,kvm_amd,kvm_intel,powernow_k8,i2c_piix4,psmouse,floppy"
)


@dataclass(frozen=True)
class Disk:
    """A SCSI disk of every guest: the same backing file for all of them if shared."""

    serial: str
    target: int
    shared: bool

    @property
    def device(self) -> str:
        """QEMU's name of the disk as the guest sees it."""
        return f"dev-{self.serial}"

    @property
    def node(self) -> str:
        """QEMU's name of what the disk's content comes from."""
        return f"disk-{self.serial}"

    @property
    def file(self) -> str:
        """QEMU's name of the backing file."""
        return f"file-{self.serial}"

    @property
    def fault(self) -> str:
        """QEMU's name of what stands between disk and backing file while the disk fails."""
        return f"fault-{self.serial}"

    def format(self, source: str) -> dict[str, Any]:
        """Return QEMU's description of the disk's content as taken from the block node `source`."""
        return {"driver": "raw", "node-name": self.node, "file": source, **IMAGE_OPTIONS}


DISKS = (
    *(Disk(f"SHARED{number}", number, shared=True) for number in range(1, 5)),
    *(Disk(f"PRIVATE{number}", number + 4, shared=False) for number in range(1, 3)),
)


def disk(serial: str) -> Disk:
    """Return the disk with that serial number. Raises LabError when there is none."""
    for candidate in DISKS:
        if candidate.serial == serial:
            return candidate
    raise LabError(f"{serial}: no such disk (there are {', '.join(known.serial for known in DISKS)})")


@dataclass(frozen=True)
class Setting:
    """What the guests of one instance have in common."""

    image: Image
    accelerator: str
    nodes: int


@dataclass
class Condition:
    """What a machine has to remember from one command to the next: its process, and the disks it has lost."""

    process: process.Process | None = None
    lost: list[str] = field(default_factory=list)


class Machine:
    """One guest of an instance. The object holds nothing that must live: everything is in its folders."""

    def __init__(self, setting: Setting, number: int, run: Path, data: Path) -> None:
        """Describe guest `number` (from 1) of the instance with the folders `run` (sockets) and `data` (disks)."""
        self.setting = setting
        self.number = number
        self.run = run / f"node{number}"
        self.data = data / f"node{number}"
        self._runs, self._shared = run, data / "shared"

    @property
    def name(self) -> str:
        """The guest's host name."""
        return f"node{self.number}"

    @property
    def console(self) -> Path:
        """Where the guest's serial console is logged."""
        return self.run / "console.log"

    def backing_file(self, which: Disk) -> Path:
        """Return the file that holds a disk's content."""
        return (self._shared if which.shared else self.data) / f"{which.serial}.raw"

    def condition(self) -> Condition:
        """Return what is remembered of this machine."""
        try:
            stored = json.loads((self.run / "condition.json").read_text(encoding="ascii"))
        except FileNotFoundError:
            return Condition()
        running = stored["process"]
        return Condition(process.Process(**running) if running else None, stored["lost"])

    def remember(self, condition: Condition) -> None:
        """Remember `condition`."""
        running = condition.process and {"pid": condition.process.pid, "started": condition.process.started}
        fresh = self.run / "condition.json.new"
        fresh.write_text(json.dumps({"process": running, "lost": condition.lost}), encoding="ascii")
        fresh.rename(self.run / "condition.json")

    def running(self) -> bool:
        """Return whether the guest's QEMU runs."""
        current = self.condition().process
        return current is not None and current.alive()

    # ---- life

    def create_disks(self) -> None:
        """Make pristine disks: an overlay on the image's root disk, and zeros."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._shared.mkdir(exist_ok=True)
        self.overlay(self.setting.image.root, "raw")
        for each in DISKS:
            with self.backing_file(each).open("a", encoding="ascii"):
                os.truncate(self.backing_file(each), DISK_BYTES)

    def overlay(self, base: Path, kind: str) -> None:
        """Make the root disk a fresh overlay on `base` (kind: its format)."""
        command = [
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            kind,
            "-b",
            str(base),
            str(self.data / "root.qcow2"),
        ]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise LabError(f"qemu-img: {done.stderr.strip()}")

    def launch(self, *, owned: bool, incoming: Path | None = None) -> None:
        """Start QEMU, stopped before its first instruction.

        owned: it dies with the calling process (source: prctl(2) PR_SET_PDEATHSIG), however that ends.
        incoming: file with the saved memory to start from.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        condition = self.condition()
        condition.process = self._spawn(self._command(condition.lost, incoming is not None), owned, incoming)
        self.remember(condition)

    def _spawn(self, command: list[str], owned: bool, incoming: Path | None) -> process.Process:
        prefix = ["setpriv", "--pdeathsig", "KILL", "--"] if owned else []
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions: list[tuple[Any, ...]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.run / "qemu.log"), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        with contextlib.ExitStack() as stack:
            if incoming is not None:
                actions.append((os.POSIX_SPAWN_DUP2, stack.enter_context(incoming.open("rb")).fileno(), INCOMING_FD))
            pid = self._posix_spawn([*prefix, *command], actions)
        return process.find(pid) or process.Process(pid, 0)

    @staticmethod
    def _posix_spawn(command: list[str], actions: list[tuple[Any, ...]]) -> int:
        try:
            return os.posix_spawnp(command[0], command, os.environ, file_actions=actions, setsid=True)
        except FileNotFoundError as error:
            raise NotInstalledError(command[0], "qemu-system-x86 util-linux") from error

    def wait_launched(self) -> None:
        """Wait until QEMU has started and has loaded its saved memory, if it got any.

        Raises LabError with QEMU's words when it fails.
        """
        end = time.monotonic() + START_DEADLINE
        while True:
            try:
                with self.monitor() as monitor:
                    monitor.wait("query-status", lambda it: it["status"] != "inmigrate", deadline=MIGRATION_DEADLINE)
                return
            except QmpError as error:
                if not self.running() or time.monotonic() >= end:
                    text = (self.run / "qemu.log").read_text(encoding="utf-8", errors="replace").strip()
                    raise LabError(f"{self.name}: QEMU did not start: {text or error}") from error
            time.sleep(0.02)

    def kill(self) -> None:
        """End QEMU at once, as a power cut would. Harmless when it does not run."""
        current = self.condition().process
        if current is not None and not current.kill():
            raise LabError(f"{self.name}: QEMU (process {current.pid}) does not die")

    # ---- monitor

    def monitor(self) -> Qmp:
        """Return a connection to QEMU's monitor, to be used in a with statement."""
        return Qmp(self.run / "qmp.sock")

    def pause(self) -> None:
        """Let the guest stand still: a hung server."""
        with self.monitor() as monitor:
            monitor.execute("stop")

    def resume(self) -> None:
        """Let the guest run (on)."""
        with self.monitor() as monitor:
            monitor.execute("cont")

    def set_link(self, up: bool) -> None:
        """Pull the cable of the private link, or put it back."""
        with self.monitor() as monitor:
            monitor.execute("set_link", name=LINK, up=up)

    def save_memory(self, path: Path) -> None:
        """Write the memory and device state of the stopped guest to `path`.

        Its disks are complete in their files after that.
        """
        with self.monitor() as monitor, path.open("wb") as file:
            monitor.execute("migrate-set-parameters", **{"max-bandwidth": AS_FAST_AS_POSSIBLE})
            monitor.pass_fd(file.fileno(), "memory")
            monitor.execute("migrate", uri="fd:memory")
            result = monitor.wait(
                "query-migrate", lambda it: it.get("status") in ("completed", "failed"), deadline=MIGRATION_DEADLINE
            )
        if result["status"] != "completed":
            raise LabError(f"{self.name}: the memory was not saved: {result.get('error-desc', 'no reason given')}")

    # ---- disks

    def lose(self, which: Disk) -> None:
        """Unplug a disk while the guest runs."""
        condition = self.condition()
        if which.serial in condition.lost:
            raise LabError(f"{self.name}: {which.serial} is lost already")
        with self.monitor() as monitor:
            monitor.execute("device_del", id=which.device)
        condition.lost.append(which.serial)
        self.remember(condition)

    def bring_back(self, which: Disk) -> None:
        """Plug a lost disk in again: same content, same serial number."""
        condition = self.condition()
        if which.serial not in condition.lost:
            raise LabError(f"{self.name}: {which.serial} is not lost")
        with self.monitor() as monitor:
            monitor.execute("device_add", **_device(which))
        condition.lost.remove(which.serial)
        self.remember(condition)

    def fail(self, which: Disk) -> None:
        """Let every read and write of the disk end in an I/O error, in this guest only."""
        rules = [{"event": "none", "errno": errno.EIO, "iotype": kind} for kind in FAILING]
        with self.monitor() as monitor:
            options: dict[str, Any] = {
                "driver": "blkdebug",
                "node-name": which.fault,
                "image": which.file,
                "inject-error": rules,
            }
            monitor.execute("blockdev-add", **options)
            monitor.execute("blockdev-reopen", options=[which.format(which.fault)])

    def heal(self, which: Disk) -> None:
        """Undo fail()."""
        with self.monitor() as monitor:
            monitor.execute("blockdev-reopen", options=[which.format(which.file)])
            monitor.execute("blockdev-del", **{"node-name": which.fault})

    def hang(self, which: Disk) -> None:
        """Let the disk answer no more (one byte a second), in this guest only: I/O waits."""
        self._throttle(which, 1)

    def unhang(self, which: Disk) -> None:
        """Undo hang(): what waited is done now."""
        self._throttle(which, 0)

    def _throttle(self, which: Disk, bytes_a_second: int) -> None:
        limits = {**dict.fromkeys(UNLIMITED, 0), "bps": bytes_a_second}
        with self.monitor() as monitor:
            monitor.execute("block_set_io_throttle", id=which.device, **limits)

    # ---- command line

    def _command(self, lost: list[str], incoming: bool) -> list[str]:
        image = self.setting.image
        command = [
            accel.QEMU,
            "-name",
            self.name,
            "-accel",
            self.setting.accelerator,
            "-cpu",
            CPUS[self.setting.accelerator],
            "-machine",
            "pc",
            "-m",
            str(MEMORY_MIB),
            "-smp",
            "1",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-S",
            "-kernel",
            str(image.kernel),
            "-initrd",
            str(image.initramfs),
            "-append",
            self._kernel_arguments(),
            "-qmp",
            f"unix:{self.run / 'qmp.sock'},server=on,wait=off",
            "-chardev",
            f"file,id=console,path={self.console},append=on",
            "-serial",
            "chardev:console",
            "-device",
            "virtio-rng-pci",
            "-device",
            "virtio-serial-pci,id=ports",
            "-device",
            f"virtio-scsi-pci,id={CONTROLLER}",
        ]
        command += self._root_disk() + self._ports() + self._link()
        for each in DISKS:
            command += self._disk(each, each.serial in lost)
        return [*command, "-incoming", f"fd:{INCOMING_FD}"] if incoming else command

    def _kernel_arguments(self) -> str:
        identity = hashlib.sha256(f"lvmkit lab {self.name}".encode()).hexdigest()[:32]
        link = f" lab.link lab.nodes={self.setting.nodes}" if self.setting.nodes > 1 else ""
        return f"{KERNEL_ARGUMENTS} systemd.hostname={self.name} systemd.machine_id={identity}{link}"

    def _root_disk(self) -> list[str]:
        source = {
            "driver": "qcow2",
            "node-name": "root",
            "discard": "unmap",
            "cache": {"no-flush": True},
            "file": {"driver": "file", "filename": str(self.data / "root.qcow2")},
        }
        return ["-blockdev", json.dumps(source), "-device", "virtio-blk-pci,drive=root"]

    def _ports(self) -> list[str]:
        options = []
        for number, name in enumerate(rootfs.PORTS):
            options += [
                "-chardev",
                f"socket,id=port{number},path={self.run / f'port{number}.sock'},server=on,wait=off",
                "-device",
                f"virtserialport,bus=ports.0,nr={number + 1},chardev=port{number},name={name}",
            ]
        return options

    def _disk(self, which: Disk, lost: bool) -> list[str]:
        name = str(self.backing_file(which))
        file = {"driver": "file", "node-name": which.file, "filename": name, "locking": "off", **IMAGE_OPTIONS}
        options = ["-blockdev", json.dumps(file), "-blockdev", json.dumps(which.format(which.file))]
        return options if lost else [*options, "-device", json.dumps(_device(which))]

    def _link(self) -> list[str]:
        """The private link, of datagrams, so that a guest may go and come back.

        Two guests have a cable between them; more of them are equals on a segment that none has to keep up.
        """
        if self.setting.nodes < 2:
            return []
        wire = self._cable(3 - self.number) if self.setting.nodes == 2 else self._segment()
        card = f"virtio-net-pci,id={LINK},netdev=wire,mac=52:54:00:6c:76:{self.number:02x},romfile="
        return ["-netdev", f"dgram,id=wire,{wire}", "-device", card]

    def _cable(self, peer: int) -> str:
        local, remote = (self._runs / f"link{a}-{b}.sock" for a, b in ((self.number, peer), (peer, self.number)))
        return f"local.type=unix,local.path={local},remote.type=unix,remote.path={remote}"

    def _segment(self) -> str:
        """A multicast address of the instance's own on this machine's loopback (RFC 2365: 239.255.0.0/16 is local)."""
        digest = bytes.fromhex(store.digest(str(self._runs)))
        host, port = f"239.255.{digest[0]}.{digest[1]}", 10000 + int.from_bytes(digest[2:4], "big") % 20000
        here = "local.type=inet,local.host=127.0.0.1,local.port=0"
        return f"remote.type=inet,remote.host={host},remote.port={port},{here}"


def _device(which: Disk) -> dict[str, Any]:
    return {
        "driver": "scsi-hd",
        "id": which.device,
        "bus": f"{CONTROLLER}.0",
        "scsi-id": which.target,
        "lun": 0,
        "drive": which.node,
        "share-rw": True,
        "serial": which.serial,
        "rerror": "report",
        "werror": "report",
    }


def wait_for_agent(machine: Machine, *, deadline: float) -> None:
    """Wait until the guest's agent answers, and correct the guest's clock.

    Raises NoAnswerError after `deadline` seconds.
    """
    channel.set_clock(machine.run, deadline=deadline)

"""All guests of one instance together: boot, save and restore them as of one moment."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from . import accel, channel, machine, store
from .errors import LabError, NotInstalledError
from .machine import Condition, Machine, Setting

MEMORY = "memory"
SUMMARY = "saved.json"
SETTLE_TIMEOUT = 120.0
RESTORE_DEADLINE = 30.0
SETTLE = (("udevadm", "settle", "--timeout=100"), ("systemctl", "is-system-running", "--wait"))
WARM_UP = (
    ("lvs",),
    ("pvs", "-a"),
    ("vgchange", "--help"),
    ("python3", "-c", "import click, json, sqlite3, subprocess"),
    ("sync",),
)
"""What nearly every test needs is in the page cache of the golden state, then."""


class Fleet:
    """The guests of one instance."""

    def __init__(self, setting: Setting, run: Path, data: Path, *, owned: bool) -> None:
        """Describe the guests with the folders `run` (sockets) and `data` (disks).

        owned: they die with the calling process.
        """
        self.setting = setting
        self._data = data
        self._owned = owned
        self.machines = [Machine(setting, number, run, data) for number in range(1, setting.nodes + 1)]

    def boot(self) -> None:
        """Boot every guest from pristine disks, and wait until all of them are idle."""
        for each in self.machines:
            each.create_disks()
        for each in self.machines:
            self.start(each)
        for each in self.machines:
            machine.wait_for_agent(each, deadline=machine.BOOT_DEADLINE)
        for each in self.machines:
            settle(each)
            _run_all(each, WARM_UP)

    def start(self, which: Machine) -> None:
        """Boot one guest from the disks it has; do not wait for it."""
        which.launch(owned=self._owned)
        which.wait_launched()
        which.resume()

    def kill(self) -> None:
        """End every guest at once."""
        for each in self.machines:
            each.kill()

    def save(self, folder: Path) -> None:
        """Write the state of all guests at one moment into the empty `folder`; they run on after that."""
        self._each(lambda it: it.pause())
        try:
            (folder / SUMMARY).write_text(
                json.dumps({it.name: it.condition().lost for it in self.machines}), encoding="ascii"
            )
            for each in self.machines:
                (folder / each.name).mkdir()
                each.save_memory(folder / each.name / MEMORY)
            _copy([*self._data.glob("node*"), *self._data.glob("shared")], folder)
        finally:
            self._each(lambda it: it.resume())

    def restore(self, folder: Path) -> None:
        """Put every guest into the state that save() left in `folder`. Whatever they did since is lost."""
        self.kill()
        shutil.rmtree(self._data, ignore_errors=True)
        lost = json.loads((folder / SUMMARY).read_text(encoding="ascii"))
        self._data.mkdir(parents=True)
        _copy([folder / "shared"], self._data)
        for each in self.machines:
            self._restore_one(each, folder / each.name, lost[each.name])
        self._each(lambda it: it.wait_launched())
        self._each(lambda it: it.resume())
        self._each(lambda it: machine.wait_for_agent(it, deadline=RESTORE_DEADLINE))

    def _restore_one(self, which: Machine, saved: Path, lost: list[str]) -> None:
        which.data.mkdir()
        which.run.mkdir(parents=True, exist_ok=True)
        _copy(list(saved.glob("*.raw")), which.data)
        which.overlay(saved / "root.qcow2", "qcow2")
        which.remember(Condition(lost=lost))
        which.launch(owned=self._owned, incoming=saved / MEMORY)

    def _each(self, do: Callable[[Machine], None]) -> None:
        for each in self.machines:
            do(each)


def _copy(sources: Sequence[Path], target: Path) -> None:
    """Copy files and folders into `target`, holes as holes."""
    command = ["cp", "-R", "--sparse=always", "--reflink=auto", "--", *map(str, sources), str(target)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise LabError(done.stderr.strip())


def settle(which: Machine) -> None:
    """Wait until nothing of the boot is left to do."""
    _run_all(which, SETTLE)


def _run_all(which: Machine, commands: Sequence[Sequence[str]]) -> None:
    """Run commands in a guest, whatever comes of them."""
    for argv in commands:
        request = channel.Request([word.encode() for word in argv], timeout=SETTLE_TIMEOUT)
        channel.run(which.run, request, channel.ignore, channel.ignore)


def golden(setting: Setting) -> Path:
    """Return where the golden state for `setting` is kept: freshly booted guests, idle, empty disks."""
    parts = (setting.image.key, setting.accelerator, str(setting.nodes), _definition(), qemu_version())
    return golden_folder(store.digest(" ".join(parts)))


def golden_folder(name: str) -> Path:
    """Return where the golden state of that name is kept."""
    return store.cache() / "golden" / name


def _definition() -> str:
    """Return a text that changes when the machines do: a saved state fits only the machine it was saved from."""
    return "".join(hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (__file__, machine.__file__))


def qemu_version() -> str:
    """Return QEMU's version: another one may not load this one's saved states."""
    try:
        done = subprocess.run([accel.QEMU, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError as error:
        raise NotInstalledError(accel.QEMU, "qemu-system-x86") from error
    return done.stdout.splitlines()[0]

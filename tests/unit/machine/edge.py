"""Where the kit meets the system, turned to a machine in memory for the length of a block.

Paths below /dev, /sys, /proc and a few more are looked up in the machine's folder, whichever module asks; programs,
device-mapper, direct reads, the log, signals and the host's name are the machine's. All is given back at the end, in
the reverse order, so that one machine's block may stand within another one's.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import io
import os
import pkgutil
import shutil
import signal
import stat
import sys
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import lvmkit
from lvmkit.entry import peer, report
from lvmkit.peer.kernels import Kernels
from lvmkit.storage import dm, filesystem_uuid, freezing, probe, scsi, superblock
from lvmkit.storage import run as run_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tests.unit.machine.machine import Machine

ROOTS = (
    "/dev", "/sys", "/proc", "/srv", "/lib/modules", "/usr/lib/ocf", "/etc/lvm", "/etc/machine-id",
    "/etc/systemd", "/run/systemd", "/usr/lib/systemd", "/usr/local/lib/systemd", "/lib/systemd", "/run/udev",
    "/etc/nbd-server",
)  # fmt: skip
_REAL = ("/dev/null", "/dev/full", "/dev/zero", "/dev/urandom", "/dev/shm", "/dev/fd", "/dev/tty", "/dev/pts")
_PROGRAM_FOLDERS = ("/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/")
PROGRAMS = (
    "lvm",
    "mount",
    "umount",
    "findmnt",
    "lsblk",
    "dmsetup",
    "udevadm",
    "systemctl",
    "crm_mon",
    "ssh",
    "fsfreeze",
)
"""those whose presence the kit asks for"""

_ONE_PATH = ("lstat", "listdir", "scandir", "readlink", "open", "access", "mkdir", "rmdir", "unlink", "remove", "chmod")
_TWO_PATHS = ("rename", "replace", "link")
_real_symlink = os.symlink
_RUN = ("run", "run_all", "run_beside")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_real_open, _real_stat, _real_readlink = builtins.open, os.stat, os.readlink
_real_os: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in (*_ONE_PATH, *_TWO_PATHS)}
_real_lstat, _real_uname = os.lstat, os.uname
_real_devices = Kernels.devices
_MOST_LINKS = 20
START = 1000.0
"""seconds on a machine's clock when nothing has waited yet; it does not go by itself, so that no test hangs on it"""
_users: dict[str, list[Any]] = {}
"""modules by function, as long as no further one is imported: looking through all is a third of a short command"""
_imported = [0]
real_kill, remove_tree = os.kill, shutil.rmtree


def within(machine: Machine) -> Iterator[None]:
    """Turn the edge to the machine; for contextlib.contextmanager."""
    saved: list[tuple[Any, str, Any]] = []
    ours = _replacements(machine)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {name: getattr(run_module, name) for name in _RUN}
    for name in before:
        for module in _modules_with(name):
            saved.append((module, name, getattr(module, name)))
            setattr(module, name, getattr(machine, name))
    for owner, name, value in ours:
        saved.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in reversed(saved):
            setattr(owner, name, value)
        for name, function in before.items():
            for module in _modules_with(name):  # those that were imported meanwhile
                if getattr(module, name) == getattr(machine, name):
                    setattr(module, name, function)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def take_over(machine: Machine, patch: pytest.MonkeyPatch) -> None:
    """The same until a test's patches end; what servers elsewhere hold stays as conftest.py has it."""
    _import_all()
    for name in _RUN:
        for module in _modules_with(name):
            patch.setattr(module, name, getattr(machine, name))
    for owner, name, value in _replacements(machine):
        if owner is not Kernels:
            patch.setattr(owner, name, value)


@cache
def _import_all() -> None:
    """A module of the kit that were imported later would keep what stands in the place of run()."""
    for each in pkgutil.walk_packages(lvmkit.__path__, "lvmkit."):
        importlib.import_module(each.name)


@contextmanager
def captured() -> Iterator[list[str]]:
    """What is written to stdout and stderr in the block; the list has both texts when it has ended."""
    texts: list[str] = []
    memory, kept = os.memfd_create("stderr"), os.dup(2)
    before, out = (sys.stdout, sys.stderr), io.StringIO()
    os.dup2(memory, 2)
    sys.stdout, sys.stderr = out, io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
    try:
        yield texts
    finally:
        sys.stdout, sys.stderr = before
        os.dup2(kept, 2)
        texts += [out.getvalue(), os.pread(memory, 1 << 24, 0).decode("utf-8", "surrogateescape")]
        for handle in (memory, kept):
            os.close(handle)


def _modules_with(function: str) -> list[Any]:
    """The modules of the kit that hold one of the functions that start programs, under its own name."""
    if _imported[0] != len(sys.modules):
        _users.clear()
        _imported[0] = len(sys.modules)
    if function not in _users:
        ours = [module for name, module in list(sys.modules.items()) if name.startswith("lvmkit.")]
        _users[function] = [module for module in ours if callable(vars(module).get(function))]
    return _users[function]


def _replacements(machine: Machine) -> list[tuple[Any, str, Any]]:
    found: list[tuple[Any, str, Any]] = [
        (dm, "_ioctl", machine.ioctl),
        (probe, "all_bounded", machine.all_bounded),
        (probe, "in_turn", machine.in_turn),
        (probe, "_read_directly", machine.read_directly),
        (scsi, "execute", machine.scsi),
        (filesystem_uuid, "read_part", machine.read_part),
        (freezing, "wait_for_thaw", machine.wait_for_thaw),
        (superblock, "question", machine.question),
        (report, "_send", machine.take_datagram),
        (peer, "write_line", lambda text: sys.stdout.write(f"{text}\n")),
        (Kernels, "devices", _real_devices),  # conftest.py keeps all other tests from asking anybody
        (os, "stat", _stat_of(machine)),
        (os, "uname", lambda: os.uname_result((*_real_uname()[:1], machine.name, *_real_uname()[2:]))),
        (os, "symlink", lambda text, path, *_, **__: _real_symlink(text, located(machine, path))),
        (os, "geteuid", lambda: 0),
        (os, "statvfs", lambda _path: machine.room_in_run),
        (os, "kill", machine.kill),
        (time, "sleep", machine.sleep),
        (os, "pidfd_open", machine.pidfd_open),
        (signal, "pidfd_send_signal", machine.pidfd_send_signal),
        (time, "monotonic", lambda: START + machine.slept),
        (builtins, "open", _redirected(machine, _real_open)),
    ]
    found += [(os, name, _redirected(machine, _real_os[name])) for name in _ONE_PATH]
    found += [(os, name, _redirected_twice(machine, _real_os[name])) for name in _TWO_PATHS]
    return found


def located(machine: Machine, path: Any) -> Any:
    """Where a path of the machine really is; what is no path of the machine comes back as it is."""
    if not isinstance(path, str):
        return path
    if path.startswith("/proc/"):
        return _located_process(machine, path)
    if _is_below(path, _REAL):
        return path
    if _is_below(path, ROOTS) or _is_program(path):
        return machine.root + path
    return path


def _located_process(machine: Machine, path: str) -> str:
    """This process is the test's own, whose start the kit may ask for."""
    own = f"/proc/{os.getpid()}"
    return path if _is_below(path, (own,)) else machine.root + path


def _is_below(path: str, roots: tuple[str, ...]) -> bool:
    return path in roots or path.startswith(_folders(roots))


@cache
def _folders(roots: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{root}/" for root in roots)


def _is_program(path: str) -> bool:
    folder, name = path[: path.rfind("/") + 1], path[path.rfind("/") + 1 :]
    return folder in _PROGRAM_FOLDERS and name in PROGRAMS


def _redirected(machine: Machine, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Any = ".", *rest: Any, **named: Any) -> Any:
        return function(located(machine, path), *rest, **named)

    return call


def _redirected_twice(machine: Machine, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(first: Any, second: Any, **named: Any) -> Any:
        return function(located(machine, first), located(machine, second), **named)

    return call


def _stat_of(machine: Machine) -> Callable[..., os.stat_result]:
    """os.stat that shows the machine's device nodes as block devices: the files that stand for them are none."""

    def call(path: Any, **named: Any) -> os.stat_result:
        if isinstance(path, str) and machine.is_shut_down(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if named:
            return _real_stat(located(machine, path), **named)
        place = _followed(machine, located(machine, path))
        found = _real_stat(place)
        number = machine.nodes.get(place[len(machine.root) :]) if isinstance(place, str) else None
        if number is None or not place.startswith(machine.root):
            return found
        major, _, minor = number.partition(":")
        words = list(found)
        words[0] = stat.S_IFBLK | 0o600
        return os.stat_result(words, {"st_rdev": os.makedev(int(major), int(minor))})

    return call


def _followed(machine: Machine, place: Any) -> Any:
    """The end of a chain of symbolic links; one that says /dev/... means the machine's."""
    for _ in range(_MOST_LINKS):
        if not isinstance(place, str) or not _links(place):
            break
        target = _real_readlink(place)
        joined = os.path.normpath(f"{os.path.dirname(place)}/{target}")
        place = located(machine, target) if target.startswith("/") else joined
    return place


def _links(place: str) -> bool:
    try:
        return stat.S_ISLNK(_real_lstat(place).st_mode)
    except (OSError, ValueError):
        return False

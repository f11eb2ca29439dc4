"""report: what support needs to understand a server, in one file.

Every part of it is what a program says, each in a process of its own with a deadline, also where only a file is read or
the kit itself is asked: whatever hangs costs its own part and the time of its group. A part that is missing is named in
the index. No secret leaves the server (model/secrets.py), and nothing is changed on it.
"""

from __future__ import annotations

import io
import os
import tarfile
import time

from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StepDone
from lvmkit.model.messages.packages import ReportExists, ReportNotWritten
from lvmkit.model.messages.storage import CommandMissing
from lvmkit.model.secrets import without_secrets
from lvmkit.model.value import Value
from lvmkit.storage import files
from lvmkit.storage.run import Command, run_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths
    from lvmkit.storage.run import Finished

FOLDER = "/var/tmp"  # noqa: S108 - made anew, exclusively and for root alone
LARGEST_PART, LARGEST_WHOLE = 4 * 1024 * 1024, 64 * 1024 * 1024
"""bytes before compression; of a longer part the end is kept, which is the newest of a log"""
INDEX = "index.txt"
_BINARIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
_MOST_OWN_FILES = 100
_LINES = "20000"
_PACKAGES = (
    "lvmkit",
    "lvmkit-lifekeeper",
    "cockpit-lvmkit",
    "lvm2",
    "dmsetup",
    "device-mapper",
    "pacemaker",
    "corosync",
)
_SPEAKERS = (
    "lvmkit", "adddelpv", "lvmkit-watch", "lvmkit-peer", "lvmkit-boot-guard", "lvmvg", "lvmlv", "filesys", "restore",
    "remove", "quickCheck", "delete", "create", "extend", "canextend",
)  # fmt: skip
"""names under which programs of the kit stand in the log"""
_UNITS = ("pacemaker.service", "corosync.service", "sbd.service", "lvmkit-check.service", "lvmkit-watch.service")
_SYSTEM_FILES = (
    "/etc/os-release", "/etc/fstab", "/etc/crypttab", "/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf",
    "/etc/lvm/devices/system.devices", "/etc/corosync/corosync.conf", "/proc/self/mountinfo", "/proc/mdstat",
    "/proc/diskstats", "/proc/modules", "/proc/meminfo", "/proc/loadavg", "/proc/uptime", "/proc/cmdline",
)  # fmt: skip


class Part(Value):
    """One file of the bundle, and the program that says what is in it."""

    name: str
    command: Command


class Group(Value):
    """Parts that are asked for at the same time."""

    title: str
    parts: tuple[Part, ...]


class ReportRequest(Value):
    """What is asked for."""

    path: str = ""
    """of the archive; '': chosen"""
    seconds: float = 60.0
    """until what has not answered in a group is given up"""


class Bundle(Value):
    """A report that was written."""

    path: str
    size: int
    missing: tuple[str, ...]
    """parts that are not in it, or only in part; the index says why"""


def report(program: str, wish: ReportRequest, paths: Paths, tell: Callable[[Message], None]) -> Bundle:
    """Collect everything and write it to a compressed archive that only root may read.

    program: path of the lvmkit command.  Raises Failure: ReportExists (110461), ReportNotWritten (110460); then no file
    is left.
    """
    name = f"lvmkit-report-{os.uname().nodename}-{time.strftime('%Y%m%d-%H%M%S')}"
    path = wish.path or f"{FOLDER}/{name}.tar.gz"
    handle = _make(path)
    try:
        archive = _Archive(name, handle)
        groups = groups_of(program, paths)
        for number, group in enumerate(groups, 1):
            tell(StepDone(number, len(groups), f"ask {group.title}"))
            _collect(group, archive, wish.seconds)
        size = archive.end()
    except BaseException as error:
        os.unlink(path)
        if isinstance(error, OSError):
            raise Failure(ReportNotWritten(path, files.why(error))) from error
        raise
    finally:
        os.close(handle)
    return Bundle(path, size, tuple(archive.missing))


def groups_of(program: str, paths: Paths) -> tuple[Group, ...]:
    """All that is asked for; first what answers where everything else hangs."""
    return (
        Group("the system", tuple(_of_system(paths))),
        Group("the kit", tuple(_of_kit(program))),
        Group("LVM and device-mapper", tuple(_of_storage())),
        Group("the cluster", tuple(_of_cluster(paths))),
    )


def _of_system(paths: Paths) -> Iterator[Part]:
    for path in (*_SYSTEM_FILES, paths.defaults, paths.own_defaults, paths.lkvgs, *_own_files(paths)):
        yield Part(f"files{path}", Command((_binary("head"), "-c", str(LARGEST_PART), "--", path)))
    yield _part("system/uname.txt", "uname", "-a")
    yield _part("system/processes.txt", "ps", "-eo", "pid,ppid,stat,etimes,wchan:40,comm")
    yield _part("system/dpkg.txt", "dpkg-query", "-W", *_PACKAGES)
    yield _part("system/rpm.txt", "rpm", "-q", *_PACKAGES)
    yield _part("system/units.txt", "systemctl", "--no-pager", "--full", "status", "lvmkit*", *_UNITS)
    yield _part("system/kernel.log", "journalctl", "-k", "-b", "--no-pager", "-o", "short-iso", "-n", _LINES)
    ours: list[str] = []
    for speaker in _SPEAKERS:
        ours += (f"SYSLOG_IDENTIFIER={speaker}", "+")
    for unit in _UNITS:
        ours += (f"_SYSTEMD_UNIT={unit}", "+")
    yield _part("system/journal.log", "journalctl", "-b", "--no-pager", "-o", "short-iso", "-n", _LINES, *ours[:-1])


def _own_files(paths: Paths) -> list[str]:
    """What the kit has written: journals, records of what was brought up, what the watcher has seen."""
    own: list[str] = []
    for place in (paths.state, paths.run):
        for folder, _, names in os.walk(place):
            own += (f"{folder}/{name}" for name in names if ".sqlite" not in name and "lock" not in name)
    return sorted(own)[:_MOST_OWN_FILES]


def _of_kit(program: str) -> Iterator[Part]:
    yield Part("kit/version.txt", Command((program, "--version")))
    for name in ("status", "doctor", "journal"):
        yield Part(f"kit/{name}.json", Command((program, "--quiet", name, "--format", "json")))
    yield Part("kit/doctor-here.json", Command((program, "--quiet", "doctor", "--here", "--format", "json")))
    yield Part("kit/status.txt", Command((program, "--quiet", "status")))
    yield Part("kit/show.json", Command((program, "--quiet", "show", "--output-format", "json")))
    yield Part("kit/metrics.txt", Command((program, "--quiet", "metrics")))


def _of_storage() -> Iterator[Part]:
    yield _part("storage/lvm-version.txt", "lvm", "version")
    yield _part("storage/lvm-config.txt", "lvm", "lvmconfig", "--typeconfig", "diff")
    yield _part(
        "storage/lvm.json", "lvm", "fullreport", "--nolocking", "--reportformat", "json", "--foreign", "--shared"
    )
    yield _part("storage/lvs.txt", "lvm", "lvs", "--nolocking", "-a", "-o", "+devices,lv_uuid", "--foreign", "--shared")
    for name in ("table", "status", "info", "deps"):
        yield _part(f"storage/dmsetup-{name}.txt", "dmsetup", name)
    yield _part("storage/dmsetup-tree.txt", "dmsetup", "ls", "--tree")
    yield _part("storage/lsblk.json", "lsblk", "--json", "-O")
    yield _part("storage/disks.txt", "ls", "-lR", "/dev/disk", "/dev/mapper")
    yield _part("storage/multipath.txt", "multipath", "-ll")


def _of_cluster(paths: Paths) -> Iterator[Part]:
    yield _part("cluster/cib.xml", "cibadmin", "--query")
    yield Part("cluster/cib-on-disk.xml", Command((_binary("head"), "-c", str(LARGEST_PART), "--", paths.cib)))
    yield _part("cluster/crm_mon.txt", "crm_mon", "-1", "-r", "-n", "-A", "-f")
    yield _part("cluster/crm_verify.txt", "crm_verify", "--live-check", "-V")
    yield _part("cluster/fencing.txt", "stonith_admin", "--history", "*", "--verbose")
    yield _part("cluster/quorum.txt", "corosync-quorumtool", "-s")
    yield _part("cluster/links.txt", "corosync-cfgtool", "-s")
    yield Part("cluster/lcdstatus.txt", Command((f"{paths.lkroot}/bin/lcdstatus", "-e")))


def _part(name: str, binary: str, *words: str) -> Part:
    return Part(name, Command((_binary(binary), *words)))


def _binary(name: str) -> str:
    return files.first_present([f"{folder}/{name}" for folder in _BINARIES])


def _collect(group: Group, archive: _Archive, seconds: float) -> None:
    outcomes = run_all([part.command for part in group.parts], deadline=seconds)
    for part, outcome in zip(group.parts, outcomes):
        archive.add(part, outcome)


def _make(path: str) -> int:
    """A new file for root alone. Raises Failure."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise Failure(ReportExists(path)) from error
    except OSError as error:
        raise Failure(ReportNotWritten(path, files.why(error))) from error


class _Archive:
    """The bundle as it grows, and its index."""

    def __init__(self, folder: str, handle: int) -> None:
        self._folder, self._handle = folder, handle
        self._tar = tarfile.open(fileobj=os.fdopen(os.dup(handle), "wb"), mode="w:gz")  # noqa: SIM115 - end() closes it
        self._index = ["part | status | seconds | command"]
        self._size = 0
        self.missing: list[str] = []

    def add(self, part: Part, outcome: Finished | Failure) -> None:
        """What a program has said, or why it has not."""
        words = " ".join(part.command.argv)
        if isinstance(outcome, Failure):
            if not outcome.is_only(CommandMissing):  # what is not installed has nothing to say
                self.missing.append(part.name)
            self._index.append(f"{part.name} | {outcome} | | {words}")
            return
        text = outcome.stdout
        if outcome.stderr:
            text += f"\n--- standard error ---\n{outcome.stderr}"
        status = str(outcome.status) if self.put(part.name, text) else f"{outcome.status}, shortened or left out"
        self._index.append(f"{part.name} | {status} | {outcome.seconds:.1f} | {words}")

    def put(self, name: str, text: str) -> bool:
        """Add a file; whether all of the text is in it."""
        data = without_secrets(text).encode("utf-8", "backslashreplace")
        kept = data[-min(LARGEST_PART, LARGEST_WHOLE - self._size) :] if self._size < LARGEST_WHOLE else b""
        self._size += len(kept)
        self._write(name, kept)
        if len(kept) < len(data):
            self.missing.append(name)
        return len(kept) == len(data)

    def end(self) -> int:
        """Add the index, and close; the size of the archive in bytes. Raises OSError."""
        self._write(INDEX, ("\n".join(self._index) + "\n").encode("utf-8", "backslashreplace"))
        self._tar.close()
        if self._tar.fileobj is not None:
            self._tar.fileobj.close()
        os.fsync(self._handle)
        return os.fstat(self._handle).st_size

    def _write(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(f"{self._folder}/{name}")
        member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
        self._tar.addfile(member, io.BytesIO(data))

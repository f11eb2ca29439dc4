"""The agents as Pacemaker calls them: their paths and environments; and what a trace of one says that it started."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench import hierarchies
from bench.hierarchies import VG, Disks, volume

LVM, DEVICE_MAPPER = "lvm", "dmsetup"
TRACE_FILE = "/root/trace"
STRACE = ("/usr/bin/strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve", "-o", TRACE_FILE)

_OCF = "/usr/lib/ocf"
_COMMON = {
    "OCF_ROOT": _OCF,
    "OCF_RA_VERSION_MAJOR": "1",
    "OCF_RA_VERSION_MINOR": "1",
    "OCF_RESKEY_crm_feature_set": "3.16.2",
    "OCF_RESKEY_CRM_meta_on_node": "node1",
    "OCF_RESKEY_CRM_meta_timeout": "90000",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
}
_STARTED = re.compile(
    r'^(?P<pid>\d+)\s+execve\("(?P<path>[^"]+)", \[(?P<words>.*?)\](?:\.\.\.)?, .*?(?P<end> = 0$|<unfinished|$)'
)
_RESUMED = re.compile(r"^(?P<pid>\d+)\s+<\.\.\. execve resumed>.*= 0$")


@dataclass(frozen=True)
class Call:
    """One action of an agent: the program with its word, and what it finds in its environment."""

    argv: tuple[str, ...]
    environment: dict[str, str]

    def turn(self, *, status: int = 0, counts: bool = True) -> dict[str, object]:
        """The call as timed.py wants it."""
        return turn([self], status=status, counts=counts)


def turn(calls: Sequence[Call], *, status: int = 0, counts: bool = True) -> dict[str, object]:
    """Calls that follow each other, as one turn of timed.py."""
    given = [{"argv": list(call.argv), "env": call.environment} for call in calls]
    return {"calls": given, "status": status, "counts": counts}


def peer(action: str, vg: str = VG) -> Call:
    """An action of LVM-activate."""
    given = {"vgname": vg, "vg_access_mode": "system_id"}
    return _call("heartbeat/LVM-activate", hierarchies.PEER_VG, action, given)


def peer_filesystem(action: str, number: int = 1) -> Call:
    """An action of Filesystem."""
    return _call("heartbeat/Filesystem", hierarchies.peer_filesystem(number), action, hierarchies.mounted(number))


def kit_group(action: str, disks: Disks) -> Call:
    """An action of lvmvg."""
    given = {"vg": VG, "vg_uuid": disks.vg_uuid, "ownership": "system_id"}
    return _call("lvmkit/lvmvg", hierarchies.kit_vg(), action, given)


def kit_monitor(vg: str, vg_uuid: str) -> Call:
    """A monitor of lvmvg, for a volume group without an owner of the cluster's."""
    return _call("lvmkit/lvmvg", vg, "monitor", {"vg": vg, "vg_uuid": vg_uuid})


def kit_volume(action: str, disks: Disks, number: int = 1) -> Call:
    """An action of lvmlv."""
    given = {"vg": VG, "lv": volume(number), "vg_uuid": disks.vg_uuid, "lv_uuid": disks.volumes[volume(number)]}
    return _call("lvmkit/lvmlv", hierarchies.kit_volume(number), action, {**given, "ownership": "system_id"})


def kit_filesystem(action: str, number: int = 1) -> Call:
    """An action of filesys."""
    return _call("lvmkit/filesys", hierarchies.kit_filesystem(number), action, hierarchies.mounted(number))


def _call(agent: str, instance: str, action: str, given: dict[str, str]) -> Call:
    parameters = {f"OCF_RESKEY_{name}": value for name, value in given.items()}
    interval = {"OCF_RESKEY_CRM_meta_interval": "10000"} if action == "monitor" else {}
    own = {"OCF_RESOURCE_INSTANCE": instance, "OCF_RESOURCE_TYPE": agent.rpartition("/")[2]}
    return Call((f"{_OCF}/resource.d/{agent}", action), {**_COMMON, **own, **interval, **parameters})


@dataclass(frozen=True)
class Started:
    """What a call started besides itself: programs by their names, and the LVM commands by their first words."""

    programs: Counter[str]
    lvm: tuple[str, ...]

    @property
    def total(self) -> int:
        """All programs."""
        return sum(self.programs.values())


def started(trace: str) -> Started:
    """What a trace of execve(2) tells; the first line is the call itself."""
    waiting: dict[str, tuple[str, str]] = {}
    done: list[tuple[str, str]] = []
    for line in trace.splitlines():
        begun, resumed = _STARTED.match(line), _RESUMED.match(line)
        if begun and begun["end"] == " = 0":
            done.append((begun["path"], begun["words"]))
        elif begun and begun["end"]:
            waiting[begun["pid"]] = begun["path"], begun["words"]
        elif resumed and resumed["pid"] in waiting:
            done.append(waiting.pop(resumed["pid"]))
    names = [(path.rpartition("/")[2], words) for path, words in done[1:]]
    commands = tuple(_subcommand(name, words) for name, words in names if _is_lvm(name))
    return Started(Counter(LVM if _is_lvm(name) else name for name, _ in names), commands)


def _is_lvm(name: str) -> bool:
    """LVM's commands are links to one program: lvm, vgs, lvchange, pvscan ..."""
    return name.startswith(("vg", "lv", "pv")) and name not in ("lvmlv", "lvmvg", "lvmkit")


def _subcommand(name: str, words: str) -> str:
    return words.split('", "')[1].rstrip('"') if name == LVM else name

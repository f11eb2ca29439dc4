"""dm-multipath and its daemon: which key it is to give to paths that come back, and which paths of a map are in use.

A reservation lets only registered paths write, and a path that comes back is a new one for the disk. multipathd
registers it before it uses it, where it knows the map's key and finds that key registered with the disk (its main.c,
mpath_pr_event_handle). It keeps keys in a file of its own where multipath.conf says so; mpathpersist(8) tells it them.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.storage import dm, sysfs
from lvmkit.storage.run import run

_DAEMON, _PERSIST = "/usr/sbin/multipathd", "/usr/sbin/mpathpersist"
_PATIENCE = 10.0
"""seconds for one of the two"""
IN_FILE = "file"
"""multipath.conf: keys are kept as mpathpersist tells them"""
_REFUSALS = ("fail", "timeout")
"""what multipathd answers where it does not do it; the exit status does not always tell"""
_OPTION, _ANY = "reservation_key", ""
_PREFIX = "mpath-"


class Untold(Exception):
    """multipathd does not answer, or has not taken a key; the text says why."""


def key_sources() -> dict[str, str]:
    """Where multipathd takes keys from: IN_FILE or a key of multipath.conf, by WWID; by '' for all other disks.

    Raises Untold.
    """
    return parse_sources(_ask(_DAEMON, "show", "config", "local"))


def source_of(device: str, sources: dict[str, str]) -> str:
    """That of one map, '' where there is none. device: /dev/dm-3.  sources: key_sources()."""
    wwid = sysfs.dm_uuid(sysfs.number_of(device)).removeprefix(_PREFIX)
    return sources.get(wwid) or sources.get(_ANY, "")


def parse_sources(text: str) -> dict[str, str]:
    """key_sources() in the output of `multipathd show config`.

    It has one `name value` in a line, strings in quotation marks. Only the sections defaults, which is the first, and
    multipaths can have the option (multipath.conf(5)); of a disk there the WWID comes first.
    """
    sources: dict[str, str] = {}
    disk = _ANY
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        value = value.strip('"')
        if name == "wwid":
            disk = value
        elif name == _OPTION:
            sources[disk] = value
    return sources


def register(device: str, key: int, *, persist: bool) -> None:
    """Have multipathd know the key of a map, and register it through all paths that work.

    persist: over a loss of power. Raises Untold.
    """
    words = ("--param-aptpl",) if persist else ()
    _ask(_PERSIST, "--out", "--register-ignore", f"--param-sark={key:x}", *words, device)


def forget(device: str, key: int) -> None:
    """Have multipathd register no path of a map with this key any more. A map with another key is not ours.

    Raises Untold.
    """
    known = _ask(_DAEMON, "getprkey", "map", device.rpartition("/")[2]).strip().partition(":")[0]
    if known == f"{key:#x}":
        _ask(_PERSIST, "--out", "--register-ignore", f"--param-rk={key:x}", "--param-sark=0", device)


def unused_paths(device: str) -> frozenset[str]:
    """The paths of a map that are not used, because they failed. Raises Untold where the kernel cannot be asked.

    In the status of the map each path is a device number followed by A or F (dm-mpath.c, multipath_status).
    """
    try:
        state = dm.status(sysfs.dm_uuid(sysfs.number_of(device)))
    except Failure as failure:
        raise Untold(failure.messages[0].text) from failure
    words = state.targets[0].params.split() if state and state.targets else []
    failed = (number for number, use in zip(words, words[1:]) if ":" in number and use == "F")
    return frozenset(f"/dev/{sysfs.kernel_name(number)}" for number in failed)


def _ask(*argv: str) -> str:
    """What a program says. Raises Untold."""
    try:
        answer = run(argv, deadline=_PATIENCE)
    except Failure as failure:
        raise Untold(failure.messages[0].text) from failure
    if answer.status == 0 and answer.stdout.strip() not in _REFUSALS:
        return answer.stdout
    lines = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
    raise Untold(f"{answer.command}: {lines[-1] if lines else f'exit status {answer.status}'}")

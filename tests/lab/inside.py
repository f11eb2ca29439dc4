"""Runs inside a guest: calls the kit's programs one after the other, and says what each changed.

A Python that has the kit loaded is forked for each call, because under emulation loading it costs more than all else;
it waits for calls already when the state is saved that a test begins with. What the programs start in turn (LVM, action
scripts) are real processes. Lists of calls come as JSON through the one FIFO that is named
as an argument, lists of results go as JSON (or as a traceback) through the other:

argv: 'lvmkit', 'adddelpv', the path of a script of the kit, or 'sh' for anything else, and its words.
at, nth: text of the event before which the process gets the signal (SIGKILL by default), and which one of those that
have it, counted from 1.  after: count only from the first event with this text on.  later: so many seconds after that
event instead.
Events are renames, removals, starts of programs and openings of the engine's database, which Python's audit hooks tell
(https://docs.python.org/3/library/audit_events.html).
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from typing import Any

ROOT = "/opt/LifeKeeper"
sys.path.insert(0, f"{ROOT}/lib")

from lvmkit.cli import adddelpv, layout, program  # noqa: E402, F401
from lvmkit.cli.commands import check, create, delete, in_service, out_of_service, reconfigure, status  # noqa: E402, F401
from lvmkit.cluster.embedded import Engine, moves  # noqa: E402, F401
from lvmkit.entry import action, admin  # noqa: E402
from lvmkit.entry import kit as entry_kit  # noqa: E402, F401
from lvmkit.model.messages import Failure, catalogue  # noqa: E402
from lvmkit.model.settings import Paths, Settings  # noqa: E402
from lvmkit.resources import scripts  # noqa: E402, F401
from lvmkit.storage import birth  # noqa: E402
from lvmkit.view import document  # noqa: E402, F401
from lvmkit.workflow import deep_check, look, recover, service  # noqa: E402, F401
from lvmkit.workflow import status as survey  # noqa: E402, F401

DISKS = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_SHARED"
METADATA = 1 << 20
_AREA, _LOCATION = 4096, 40
"""where a PV's metadata area begins, and where in it stands what is valid: offset and size (lvm2, format-text.h)"""
EVENTS = {"os.rename": 1, "os.remove": 0, "os.link": 1, birth.EVENT: 0, "sqlite3.connect": 0}
"""audit events that count, and which of their arguments says what it is about"""


def main(calls_from: str, results_to: str) -> None:
    """Wait for lists of calls for ever, and make each list in a process of its own."""
    os.mkfifo(calls_from)
    os.mkfifo(results_to)
    while True:
        with open(calls_from, encoding="utf-8") as file:
            calls = json.load(file)
        pid = os.fork()
        if not pid:
            text = _answer(calls)
            with open(results_to, "w", encoding="utf-8") as file:
                file.write(text)
            os._exit(0)
        os.waitpid(pid, 0)


def _answer(calls: list[dict[str, Any]]) -> str:
    """Make all calls; the state between two calls is looked at once."""
    results = []
    try:
        before = state()
        for call in calls:
            result = made(call)
            after = state()
            results.append({**result, "before": before, "after": after})
            before = after
        return json.dumps(results)
    except Exception:  # noqa: BLE001 - the test gets it in place of the results
        return traceback.format_exc()


def made(call: dict[str, Any]) -> dict[str, Any]:
    """One call in a process of its own."""
    log = os.memfd_create("events")
    streams = [os.memfd_create("out"), os.memfd_create("err")]
    begun = time.monotonic()
    pid = os.fork()
    if not pid:
        _child(call, streams, log)
    _, ending = os.waitpid(pid, 0)
    seconds = time.monotonic() - begun
    out, err, events = map(_text, (*streams, log))
    return {
        "argv": call["argv"],
        "returncode": os.waitstatus_to_exitcode(ending),
        "stdout": out,
        "stderr": err,
        "events": events.splitlines(),
        "seconds": round(seconds, 1),
    }


def _child(call: dict[str, Any], streams: list[int], log: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(streams[0], 1)
    os.dup2(streams[1], 2)
    os.chdir(call.get("cwd", "/"))
    code = 255
    try:
        if call["argv"][0] == "sh":
            os.execv("/bin/sh", ["sh", "-euc", *call["argv"][1:]])  # noqa: S606
        _watch(log, call)
        code = _program(call["argv"][0])(call["argv"][1:])
        sys.stdout.flush()
    finally:
        os._exit(code)


def _program(name: str) -> Any:
    if name == "lvmkit":
        return lambda words: program.main(f"{ROOT}/bin/lvmkit", words)
    if name == "adddelpv":
        return lambda words: adddelpv.main(f"{ROOT}/bin/adddelpv", words)
    module = admin if "/lkadm/" in name else action
    return lambda words: module.main(name, words)


def _watch(log: int, call: dict[str, Any]) -> None:
    """Note events, and send the signal at the one that was asked for."""
    left = call.get("nth", 1) if "at" in call else 0
    prelude = call.get("after", "")

    def strike() -> None:
        os.kill(os.getpid(), call.get("signal", signal.SIGKILL))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left, prelude
        if event not in EVENTS:
            return
        about = arguments[EVENTS[event]]
        words = about if isinstance(about, (list, tuple)) else [about]
        text = " ".join((event, *map(os.fsdecode, words)))
        os.write(log, os.fsencode(f"{text[:200]}\n"))
        if prelude and prelude in text:
            prelude = ""
        elif left and not prelude and call["at"] in text:
            left -= 1
            if not left:
                threading.Timer(call["later"], strike).start() if "later" in call else strike()

    sys.addaudithook(hook)


def state() -> dict[str, Any]:
    """All that the kit can change: kernel, LVM metadata, its own files."""
    return {
        "mapped": _mapped(),
        "mounts": sorted(line.split(" - ")[0].split()[4] for line in _file("/proc/self/mountinfo").splitlines()),
        "metadata": [
            hashlib.md5(_bytes(f"{DISKS}{n}", METADATA), usedforsecurity=False).hexdigest() for n in range(1, 5)
        ],
        "autoactivation": _autoactivation(),
        "lkvgs": _file("/etc/lkvgs"),
        "engine": _engine(),
        "journal": bool(glob.glob("/var/lib/lvmkit/journal/*.json")),
        "flags": _flags(),
        "records": sorted(n for n in _listed("/run/lvmkit") if n.startswith("lvmvg-")),
        "leftovers": sorted(n for n in (*_listed("/var/lib/lvmkit"), *_listed("/etc")) if "lvmkit-new" in n),
    }


def _mapped() -> dict[str, str]:
    folders = [f"/sys/block/{name}/dm" for name in os.listdir("/sys/block") if name.startswith("dm-")]
    return {_file(f"{folder}/name").strip(): _file(f"{folder}/suspended").strip() for folder in folders}


def _autoactivation() -> bool:
    """Whether the boot may activate the volume group on the first disk."""
    area = _bytes(f"{DISKS}1", METADATA)[_AREA:]
    offset, size = (int.from_bytes(area[at : at + 8], "little") for at in (_LOCATION, _LOCATION + 8))
    return b"NOAUTOACTIVATE" not in area[offset : offset + size]


def _engine() -> Any:
    try:
        now = Engine(Paths(), Settings()).hierarchy()
    except Failure as failure:
        return [message.number for message in failure.messages]
    instances = {i.tag: {"state": i.state, "id": i.id, "info": i.details} for i in now.instances}
    return {"instances": instances, "links": sorted(f"{d.parent} {d.child}" for d in now.dependencies)}


def _flags() -> Any:
    try:
        return list(Engine(Paths(), Settings()).flags())
    except Failure as failure:
        return [message.number for message in failure.messages]


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _file(path: str) -> str:
    try:
        return _bytes(path, 1 << 20).decode("utf-8", "replace")
    except OSError as error:
        return f"({type(error).__name__})"


def _bytes(path: str, size: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(size) or b""


def _text(handle: int) -> str:
    size = os.lseek(handle, 0, os.SEEK_END)
    return os.pread(handle, size, 0).decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    catalogue()
    main(*sys.argv[1:])

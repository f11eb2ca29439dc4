"""getlocks and rlslocks: kits' scripts that create, extend or delete keep out of each other's way on this server.

A process of ours holds the lock for the caller, because the lock must outlive getlocks itself; it ends with the caller
at the latest. The kit's own commands have a lock of their own, for as long as each runs (the port's admin lock), so a
script may call them while it has this one.
"""

from __future__ import annotations

import os
import select

from lvmkit.cluster.embedded.processes import Process, is_running, process
from lvmkit.entry.lcdi.description import LcdiCommand, LcdiReply, Option, is_number
from lvmkit.model import names, signals
from lvmkit.model.messages import LCDI_EXISTS, LCDI_NO_OBJECT, Failure
from lvmkit.model.messages.lcdi import LockfileTaken, NoLockHeld
from lvmkit.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call

_PATIENCE = 5.0
"""seconds until a holder that was told to end has ended"""
_HELD = b"held"


def getlocks(call: Call) -> LcdiReply:
    """Get the lock for the caller. Raises Failure: 110397, 110398, 110082.

    What keeps the holder from the lock it says itself: 110031 where another one has it for too long, 110082.
    """
    path = call.get("l")
    holder = _holder(path)
    if holder is not None and is_running(holder):
        raise Failure(LockfileTaken(path, holder.pid))
    caller = _caller(call.get("p") or str(os.getppid()))
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)  # else it would hold the lock though nobody waits any more
        _hold(caller, writing, call)
    os.close(writing)  # else a holder that was killed would be waited for
    said = os.read(reading, len(_HELD))
    if not said:
        raise Failure(NoLockHeld(path, "the process that was to hold it has ended"))
    if said != _HELD:
        return LcdiReply(status=int(said))
    _note(path, process(pid))
    return LcdiReply()


def _note(path: str, holder: Process) -> None:
    """Write the lock file. Where that fails (110082) the holder ends: nobody could tell it to."""
    is_written = False
    try:
        files.replace(path, f"{holder.boot} {holder.pid} {holder.started}\n")
        is_written = True
    finally:
        if not is_written:
            _end(holder.pid)


def rlslocks(call: Call) -> LcdiReply:
    """Release the lock that a lock file names. Raises Failure (110398) where there is none."""
    path = call.get("l")
    holder = _holder(path)
    if holder is None:
        raise Failure(NoLockHeld(path, "it names no process"))
    is_held = is_running(holder)
    if is_held:
        _end(holder.pid)
    files.remove(path)
    if not is_held:
        raise Failure(NoLockHeld(path, "the process that held it has ended"))
    return LcdiReply()


def _holder(path: str) -> Process | None:
    """The process that a lock file names; None where there is no such file, or it is none of ours."""
    words = (files.read(path) or "").split()
    if len(words) != 3 or not (is_number(words[1]) and is_number(words[2])):
        return None
    return Process(words[0], int(words[1]), int(words[2]))


def _caller(pid: str) -> int:
    """A descriptor of the process that is to have the lock. Raises Failure (110398) where there is none."""
    try:
        return os.pidfd_open(int(pid))
    except (OSError, OverflowError) as error:
        raise Failure(NoLockHeld(f"process {pid}", files.why(error))) from error


def _hold(caller: int, told: int, call: Call) -> None:
    """Hold the lock until the caller ends, or SIGTERM; in a process of its own, which never returns.

    caller: a pidfd. told: where whoever waits learns that it is held, or with which exit code to end.
    """
    try:
        os.setsid()
        patience = call.kit.settings.action_deadline
        with locks.locked(f"{call.paths.state}/lcdi.lock", what="the lock of getlocks", patience=patience):
            os.write(told, _HELD)
            _let_go_of_streams()
            select.select([caller], [], [])
    except Failure as failure:
        for message in failure.messages:
            call.tell(message)
        os.write(told, str(failure.messages[0].lcdi_exit).encode())
    finally:
        os._exit(0)


def _let_go_of_streams() -> None:
    """A script that collects what getlocks prints waits for the end of its streams."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _end(pid: int) -> None:
    handle = os.pidfd_open(pid)
    os.kill(pid, signals.SIGTERM)
    select.select([handle], [], [], _PATIENCE)


_LOCKFILE = Option("l", "lockfile", "a file that notes who holds the lock", required=True, fits=names.is_path)
_MACHINE = Option("a", "amach", "the server that asks", required=True, fits=names.is_server_name)

COMMANDS = (
    LcdiCommand(
        "getlocks",
        "keep other callers of getlocks on this server out",
        (
            _MACHINE,
            Option("i", "identifier", "what it is for", required=True, fits=bool),
            _LOCKFILE,
            Option("o", "omach", "taken, and nothing is done with it", fits=names.is_server_name),
            Option("e", "", "not documented in public", is_idle=True),
            Option("p", "pid", "the process that is to have the lock; by default the caller", fits=is_number),
        ),
        getlocks,
        changes=True,
        exits=(LCDI_EXISTS, LCDI_NO_OBJECT),
        notes=(
            "It waits while somebody else has the lock, up to LVMKIT_ACTION_DEADLINE. The lock ends with rlslocks, and"
            " with the process that has it. It does not keep out the kit's own commands, which exclude each other while"
            " they run, in the whole cluster: so they may be called meanwhile. Both are in $LKROOT/lkadm/bin.",
        ),
    ),
    LcdiCommand(
        "rlslocks",
        "end what getlocks began",
        (_MACHINE, _LOCKFILE),
        rlslocks,
        changes=True,
        exits=(LCDI_NO_OBJECT,),
    ),
)

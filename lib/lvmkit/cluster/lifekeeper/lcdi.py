"""LifeKeeper's LCDI commands: one function for each that the kit starts, values in and out.

Sources: LifeKeeper's manual pages LCDI-instances(1M), LCDI-relationship(1M), LCDI-resource_type(1M), LCD(1M),
LRACI-perform_action(1M), sendevent(5), getlocks(1M). Every function raises Failure, by the exit code (110401-110410),
and for what is missing or hangs (110060, 110062).
"""

from __future__ import annotations

from lvmkit.cluster.lifekeeper import records
from lvmkit.model.instance import ISP, ISU, OSU
from lvmkit.model.messages import Failure
from lvmkit.model.messages.lifekeeper import (
    CoreArgumentRefused,
    CoreEnded,
    CoreGarbled,
    CoreHasIt,
    CoreHasNone,
    CoreInternalError,
    CoreKeepsRequired,
    CoreRangeExceeded,
    CoreSyntaxError,
    CoreSystemError,
    CoreUnreachable,
)
from lvmkit.model.value import Value
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.lifekeeper.records import Pair
    from lvmkit.model.instance import Dependency, Instance
    from lvmkit.model.messages import Message
    from lvmkit.storage.run import Finished

SYSTEM, SYNTAX, INTERNAL, EXISTS, ARGUMENT, RANGE, NO_OBJECT, REQUIRED, NO_COMMUNICATION = range(1, 10)
SETTABLE = (ISP, ISU, OSU)
"""states that ins_setstate takes; OSF is the core's own to set, and ILLSTATE is what an instance begins with"""
MONITOR, EVENT = "lvmkit", "failed"
"""what sendevent is told: the monitor's name, and the event; the class is the resource type"""

_KINDS: dict[int, type[Message]] = {
    SYSTEM: CoreSystemError,
    SYNTAX: CoreSyntaxError,
    INTERNAL: CoreInternalError,
    EXISTS: CoreHasIt,
    ARGUMENT: CoreArgumentRefused,
    RANGE: CoreRangeExceeded,
    NO_OBJECT: CoreHasNone,
    REQUIRED: CoreKeepsRequired,
}
_ADMIN = ("getlocks", "rlslocks")
"""commands below lkadm/bin"""
_OUTPUT = (1, 2)
"""our own stdout and stderr"""
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_LONGEST_REASON = 500
_READINGS = 3
"""how often instances and dependencies are read until they agree: they come from two commands"""


class Commands(Value):
    """How the commands are run."""

    root: str
    """LKROOT"""
    deadline: float
    """seconds for each"""


def ins_list(how: Commands, server: str, destination: str = "") -> tuple[Instance, ...]:
    """The instances of a server. destination: its name, where it is not this one."""
    return records.instances(_run(how, "ins_list", *_at(destination)).stdout, server, "ins_list")


def graph(how: Commands, server: str, destination: str = "") -> tuple[tuple[Instance, ...], tuple[Dependency, ...]]:
    """Instances and dependencies of a server, as they were together."""
    for last in range(_READINGS - 1, -1, -1):
        instances = ins_list(how, server, destination)
        listed = _run(how, "dep_list", *_at(destination)).stdout
        try:
            return instances, records.links(listed, [instance.tag for instance in instances], "dep_list")
        except Failure:
            if not last:
                raise
    raise AssertionError


def eqv_list(how: Commands, destination: str = "") -> tuple[Pair, ...]:
    """The equivalencies that a server knows of."""
    return records.pairs(_run(how, "eqv_list", *_at(destination)).stdout, "eqv_list")


def typ_list(how: Commands, destination: str = "") -> frozenset[tuple[str, str]]:
    """(application, type) of what is installed on a server."""
    return records.types(_run(how, "typ_list", *_at(destination)).stdout, "typ_list")


def flg_list(how: Commands, destination: str = "") -> tuple[str, ...]:
    """The flags that are on."""
    return records.names(_run(how, "flg_list", *_at(destination)).stdout, "flg_list")


def flg_create(how: Commands, flag: str, destination: str = "") -> bool:
    """Turn a flag on; False where it was."""
    return _unless(EXISTS, how, "flg_create", *_at(destination), "-f", flag)


def flg_remove(how: Commands, flag: str, destination: str = "") -> bool:
    """Turn a flag off; False where it was."""
    return _unless(NO_OBJECT, how, "flg_remove", *_at(destination), "-f", flag)


def lcdstatus(how: Commands) -> str:
    """The long status of all that this server knows."""
    return _run(how, "lcdstatus").stdout


def lcduname(how: Commands) -> str:
    """The name of this server."""
    names = records.names(_run(how, "lcduname").stdout, "lcduname")
    if len(names) != 1:
        raise Failure(CoreGarbled("lcduname", f"{len(names)} names"))
    return names[0].strip()


def ins_create(how: Commands, instance: Instance, destination: str = "") -> None:
    """Make an instance; it has no state yet."""
    words = ("-a", instance.app, "-r", instance.type, "-I", instance.initialisation, "-v", instance.info)
    _run(how, "ins_create", *_at(destination), *words, "-s", instance.switchback, "-t", instance.tag, "-i", instance.id)


def ins_remove(how: Commands, tag: str, destination: str = "") -> None:
    """Remove an instance with its dependencies and equivalencies; what requires it must have gone, or goes along."""
    _run(how, "ins_remove", *_at(destination), "-t", tag)


def ins_setinfo(how: Commands, tag: str, info: str, destination: str = "") -> None:
    """Give an instance another info."""
    _run(how, "ins_setinfo", *_at(destination), "-t", tag, "-v", info)


def ins_setas(how: Commands, tag: str, switchback: str, destination: str = "") -> None:
    """Give an instance another switchback."""
    _run(how, "ins_setas", *_at(destination), "-t", tag, "-s", switchback)


def ins_setinit(how: Commands, tag: str, initialisation: str, destination: str = "") -> None:
    """Give an instance another initialisation."""
    _run(how, "ins_setinit", *_at(destination), "-t", tag, "-I", initialisation)


def ins_setstate(how: Commands, tag: str, state: str, reason: str = "", destination: str = "") -> None:
    """Give an instance a state. state: one of SETTABLE."""
    words = ("-R", reason) if reason else ()
    _run(how, "ins_setstate", *_at(destination), "-t", tag, "-S", state, *words)


def dep_create(how: Commands, link: Dependency, destination: str = "") -> None:
    """Let the parent require the child."""
    _run(how, "dep_create", *_at(destination), "-p", link.parent, "-c", link.child)


def dep_remove(how: Commands, link: Dependency, destination: str = "") -> None:
    """Let the parent not require the child any more."""
    _run(how, "dep_remove", *_at(destination), "-p", link.parent, "-c", link.child)


def eqv_create(how: Commands, pair: Pair, ranks: tuple[int, int], destination: str = "") -> None:
    """Say that both are the same; the core says so on the other server by itself. ranks: the priority of each."""
    words = ("-t", pair.one.tag, "-p", str(ranks[0]), "-S", pair.other.server, "-r", str(ranks[1]))
    _run(how, "eqv_create", *_at(destination), *words, "-o", pair.other.tag, "-e", "SHARED")


def hry_setpri(how: Commands, tag: str, priority: int, destination: str = "") -> None:
    """Give a server another priority for the hierarchy that a tag is part of."""
    _run(how, "hry_setpri", *_at(destination), "-t", tag, "-p", str(priority))


def lcdsync(how: Commands, destination: str = "") -> None:
    """Have a server store its database on disk."""
    _run(how, "lcdsync", *_at(destination))


def perform_action(how: Commands, tag: str, action: str, destination: str = "", *, deadline: float) -> Finished:
    """Bring a tag in service with all that it takes (restore), or take it out (remove), and pass on what is said.

    -G: no scripts for all types before and after. They may want the admin lock, which whoever calls this has.
    Returns how it ended, whatever its exit code: what came of it stands in the states. deadline: seconds in all.
    Raises Failure where the other server cannot be reached (110409).
    """
    words = (f"{how.root}/bin/perform_action", "-G", "-t", tag, "-a", action)
    if destination:
        return remote(how, destination, words, deadline=deadline)
    environment = _environment(how)
    return run(words, deadline=deadline, pass_output=_OUTPUT, environment=environment, outlives_us=True)


def remote(how: Commands, server: str, words: tuple[str, ...], *, deadline: float) -> Finished:
    """Run a program on another server, over LifeKeeper's own paths. Returns how it ended there.

    A program that itself ends with 9 cannot be told from a server that was not reached, and is taken for that.
    """
    limit = str(max(1, int(deadline)))
    argv = (f"{how.root}/bin/lcdremexec", "-d", server, "-t", limit, "--", *words)
    answer = run(argv, deadline=deadline + 1, environment=_environment(how), outlives_us=True)
    if answer.status == NO_COMMUNICATION:
        raise Failure(CoreUnreachable(server, "lcdremexec", _why(answer)))
    return answer


def sendevent(how: Commands, instance: Instance, *, deadline: float) -> None:
    """Tell the core that a resource has failed. deadline: seconds; recovery itself runs beside it."""
    words = ("-C", instance.type, "-E", EVENT, "-m", MONITOR, "-n", instance.tag)
    _run(how, "sendevent", *words, deadline=deadline)


def getlocks(how: Commands, server: str, purpose: str, path: str, pid: int, *, deadline: float) -> None:
    """Wait for the admin lock of all servers, for a process. path: a file in which the command notes what it has."""
    words = ("-a", server, "-i", purpose, "-l", path, "-p", str(pid))
    _run(how, "getlocks", *words, deadline=deadline)


def rlslocks(how: Commands, server: str, path: str) -> None:
    """Give the lock back."""
    _run(how, "rlslocks", "-a", server, "-l", path)


def _at(destination: str) -> tuple[str, ...]:
    return ("-d", destination) if destination else ()


def _environment(how: Commands) -> dict[str, str]:
    return {"LKROOT": how.root, "PATH": _PATH}


def _run(how: Commands, name: str, *words: str, deadline: float = 0.0) -> Finished:
    """A command that ended with 0."""
    limit = deadline or how.deadline
    folder = "lkadm/bin" if name in _ADMIN else "bin"
    answer = run((f"{how.root}/{folder}/{name}", *words), deadline=limit, environment=_environment(how))
    if answer.status == 0:
        return answer
    raise Failure(_message(answer, name, words))


def _unless(code: int, how: Commands, name: str, *words: str) -> bool:
    """Whether a command ended with 0, and not with this code."""
    try:
        _run(how, name, *words)
    except Failure as failure:
        if isinstance(failure.messages[0], _KINDS[code]):
            return False
        raise
    return True


def _message(answer: Finished, name: str, words: tuple[str, ...]) -> Message:
    shown, why = " ".join((name, *words[:4])), _why(answer)
    if answer.status == NO_COMMUNICATION:
        server = words[1] if words[:1] == ("-d",) else "another server"
        return CoreUnreachable(server, shown, why)
    kind = _KINDS.get(answer.status)
    if kind is None:
        status = f"signal {-answer.status}" if answer.status < 0 else f"exit status {answer.status}"
        return CoreEnded(shown, status, why)
    return kind(shown, why)


def _why(answer: Finished) -> str:
    """What a command said of its failure, on one line."""
    said = answer.stderr if answer.stderr.strip() else answer.stdout
    return " ".join(said.split())[-_LONGEST_REASON:] or "no reason given"

"""Pacemaker's own tools: one function for each, XML in and out, and their exit codes.

Exit codes are those of crm_exit_t (source: 'crm_error --exit --list'), the same for all the tools.
"""

from __future__ import annotations

import os

from lvmkit.cluster.pacemaker import elements
from lvmkit.model import signals
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import ClusterUnreachable, ToolFailed, ToolGarbled
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.value import Value
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.storage.run import Finished

OK, ERROR, UNAVAILABLE, INVALID, DISCONNECTED, OLD, NO_OBJECT, TIMEOUT = 0, 1, 69, 78, 102, 103, 105, 124

_SBIN = "/usr/sbin/"
_XML = "--output-as=xml"
_SLACK = 10.0
"""seconds that a tool with a time limit of its own gets beyond it"""


class Action(Value):
    """Something that the cluster would do."""

    action: str
    resource: str
    server: str
    """where; of a move the server it goes to"""
    source: str = ""
    """of a move: the server it leaves"""


class Tools(Value):
    """How the tools are run."""

    deadline: float
    """seconds for each"""
    cib_file: str = ""
    """a file to work on in place of the live cluster (CIB_file, pacemaker(7)); for tests"""


def cibadmin_query(tools: Tools) -> Element:
    """The whole CIB. Raises Failure (110150-110152)."""
    return _xml(_run(tools, "cibadmin", "--query"))


def cibadmin_status(tools: Tools) -> Element:
    """The CIB's status section: what each server did last. Raises Failure (110150-110152)."""
    return _xml(_run(tools, "cibadmin", "--query", "--scope", "status"))


def cibadmin_patch(tools: Tools, difference: str) -> int:
    """Apply a difference; OK, or OLD when the CIB has moved on since it was made. Raises Failure (110150, 110151).

    A signal that asks this process to end waits until the tool has: the cluster would still do what was sent, after we
    had looked at what there is to take back.
    """
    mask = signals.pthread_sigmask(signals.SIG_BLOCK, signals.ENDING)
    try:
        return _run(tools, "cibadmin", "--patch", "--xml-pipe", stdin=difference, also=(OLD,)).status
    finally:
        signals.pthread_sigmask(signals.SIG_SETMASK, mask)


def crm_diff(tools: Tools, old: Element, new: Element) -> str:
    """The difference between two CIBs with their versions; '' when there is none. Raises Failure (110151).

    It wants files. These are in memory: a CIB may hold passwords, and nothing of it is left where we are killed.
    """
    handles = list(map(_in_memory, (old, new)))
    try:
        names = [f"/proc/{os.getpid()}/fd/{handle}" for handle in handles]
        words = ("--cib", "--original", names[0], "--new", names[1])
        return _run(tools, "crm_diff", *words, also=(ERROR,)).stdout.strip()
    finally:
        for handle in handles:
            os.close(handle)


def _in_memory(root: Element) -> int:
    """A descriptor of a CIB as a file in memory (memfd_create(2))."""
    handle = os.memfd_create("cib")
    with open(handle, "w", encoding="utf-8", errors="surrogateescape", closefd=False) as file:
        file.write(elements.written(root))
    return handle


def crm_verify(tools: Tools, root: Element) -> tuple[str, ...]:
    """What Pacemaker finds wrong with a CIB, line by line; empty when it would accept it. Raises Failure (110151)."""
    words = ("--xml-pipe", "--verbose")
    answer = _run(tools, "crm_verify", *words, stdin=elements.written(root), also=(INVALID,))
    lines = tuple(line.strip() for line in answer.stderr.splitlines() if line.strip())
    return () if answer.status == OK else lines or ("no reason given",)


def crm_simulate(tools: Tools, root: Element) -> tuple[Action, ...]:
    """What the cluster would do with a CIB, in the order of crm_simulate's summary. Raises Failure (110151, 110152)."""
    answer = _xml(_run(tools, "crm_simulate", "--xml-pipe", "--run", _XML, stdin=elements.written(root)))
    return tuple(_action(found) for found in answer.iterfind("actions/rsc_action"))


def crm_mon(tools: Tools) -> Element:
    """The state of the cluster. Raises Failure (110150-110152)."""
    return _xml(_run(tools, "crm_mon", "--one-shot", "--inactive", _XML))


def crm_resource_wait(tools: Tools, seconds: float) -> bool:
    """Wait until the cluster has nothing more to do; False when it still has after so long. Raises Failure.

    On a starved server the tool itself may outlive its limit; it only looks, so then it is ended, and has not said yes.
    """
    whole = max(1, int(seconds))
    words = ("--wait", f"--timeout={whole}s")
    try:
        return _run(tools, "crm_resource", *words, also=(TIMEOUT,), deadline=whole + _SLACK).status == OK
    except Failure as failure:
        if isinstance(failure.messages[0], CommandHung):
            return False
        raise


def crm_resource_refresh(tools: Tools, resource: str) -> None:
    """Make the cluster forget what it knows of a resource on all servers. Raises Failure."""
    _run(tools, "crm_resource", "--refresh", "--force", "--resource", resource)


def crm_resource_cleanup(tools: Tools, resource: str, server: str) -> None:
    """Make the cluster forget the failures of a resource on a server. Raises Failure."""
    _run(tools, "crm_resource", "--cleanup", "--resource", resource, "--node", server)


def crm_resource_fail(tools: Tools, resource: str, server: str) -> None:
    """Tell the cluster that a resource has failed on a server; it then recovers it. Raises Failure.

    failures.report() has it counted once.
    """
    _run(tools, "crm_resource", "--fail", "--resource", resource, "--node", server)


def crm_attribute_update(tools: Tools, server: str, name: str, value: str) -> None:
    """Set a node attribute until that server leaves the cluster. Raises Failure."""
    words = ("--node", server, "--name", name, f"--update={value}", "--lifetime", "reboot")
    _run(tools, "crm_attribute", *words)


def crm_attribute_unmark(tools: Tools, server: str, name: str) -> None:
    """Take such an attribute away; one that is not set is no error. Raises Failure."""
    words = ("--node", server, "--name", name, "--delete", "--lifetime", "reboot")
    _run(tools, "crm_attribute", *words, also=(NO_OBJECT,))


def crm_node_name(tools: Tools) -> str:
    """The name of this server, as the cluster knows it. Raises Failure (110150, 110151)."""
    return _run(tools, "crm_node", "--name").stdout.strip()


def _run(
    tools: Tools, tool: str, *words: str, stdin: str | None = None, also: tuple[int, ...] = (), deadline: float = 0.0
) -> Finished:
    """A tool that ended well, or with one of the other codes that its caller knows."""
    given = None if stdin is None else stdin.encode("utf-8", "surrogateescape")
    environment = {"CIB_file": tools.cib_file} if tools.cib_file else {}
    limit = deadline or tools.deadline
    answer = run((_SBIN + tool, *words), deadline=limit, stdin=given, environment=environment)
    if answer.status in (OK, *also):
        return answer
    why = _why(answer)
    if answer.status in (DISCONNECTED, UNAVAILABLE):
        raise Failure(ClusterUnreachable(why))
    raise Failure(ToolFailed(" ".join((tool, *words)), answer.status, why))


def _why(answer: Finished) -> str:
    """Why a tool failed, in its own words; one that answers in XML has them there."""
    said = answer.stderr
    if _XML in answer.argv and answer.stdout.strip() and not said.strip():
        said = " ".join(error.text or "" for error in _xml(answer).iterfind("status/errors/error"))
    return " ".join(said.split()) or "no reason given"


def _xml(answer: Finished) -> Element:
    """The document that a tool printed. Raises Failure (110152), where it printed nothing with what it says of that."""
    if not answer.stdout.strip():
        raise Failure(ToolGarbled(answer.command, _why(answer)))
    return elements.parse(answer.stdout, answer.command)


def _action(found: Element) -> Action:
    server = found.get("dest") or found.get("node") or found.get("source") or ""
    return Action(found.get("action", ""), found.get("resource", ""), server, found.get("source", ""))

"""Has a server let go of a resource? What Pacemaker's status, history and record of fencings say of it.

Pacemaker keeps in the CIB's status section the last operations of each resource on each server, with the number that
the server's executor gave them (call-id). While a server is away that history stays as it was. A successful fencing
erases all of it, and so does the server's return, which writes it anew, beginning with probes. So:

* the newest operation is a successful stop, or a monitor that found the resource down: the cluster has let go of it;
* it is anything else and the server is away: it left with the resource running, and has not been fenced since;
* there is no history at all (no `lrm` element), and a fencing of this server succeeded: it was fenced and is not back.

Sources: send_stonith_update() and handle_fence_notification() in Pacemaker's controld_fencing.c, and a cluster of
Pacemaker 2.1.5 that was looked at in each of these states (tests/unit/data/standing).
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import tools
from lvmkit.cluster.pacemaker.tools import Tools
from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandMissing
from lvmkit.model.standing import ACTIVE, FENCED, LEFT, STOPPED, STRANGER, UNCLEAR, UNFENCED, Standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from xml.etree.ElementTree import Element

    from lvmkit.model.settings import Settings

_YES, _NO = "true", "false"
_OK, _NOT_RUNNING, _DONE, _PENDING = "0", "7", "0", "-1"
"""rc-code and op-status of an operation (OCF return codes; enum pcmk_exec_status)"""
_BY_HAND = "stonith_admin"
"""the client of a fencing that an administrator ordered or confirmed"""


class PacemakerMembership:
    """The membership of a server that runs Pacemaker. crm_mon and cibadmin are run once each, when they are needed."""

    def __init__(self, how: Tools, resource_of: Callable[[str], str] = str) -> None:
        """how: the way in which the tools are run.  resource_of: gives the ID of a tag's primitive; an agent asks about
        its resource by that ID."""
        self._how, self._resource_of = how, resource_of
        self._asked = False
        self._answer: Element | None = None
        self._history: Element | None = None

    def servers(self) -> tuple[str, ...]:
        """All servers that the configuration knows, also those that are down. Raises Failure (110150-110152)."""
        status = self._status()
        return () if status is None else tuple(node.get("name", "") for node in status.iterfind("nodes/node"))

    def numbers(self) -> Mapping[str, int]:
        """Corosync's number of each of them; 0 where it says none. Raises Failure (110150-110152)."""
        status = self._status()
        nodes = () if status is None else status.iterfind("nodes/node")
        return {node.get("name", ""): _number(node.get("id", "")) for node in nodes}

    def standing(self, owner: str, tag: str) -> Standing:
        """What Pacemaker says of the previous owner of a volume group. Raises Failure (110150-110152).

        owner: a system ID, which is a server's name.  tag: of the volume group, as resource_of() takes it.
        Where Pacemaker is not installed every owner is a STRANGER.
        """
        status = self._status()
        node = None if status is None else _node(status, owner)
        if status is None or node is None:
            return Standing(STRANGER)
        resource = self._resource_of(tag)
        active = _why_active(status, node, resource)
        if active:
            return Standing(ACTIVE, active)
        if self._history is None:
            self._history = tools.cibadmin_status(self._how)
        return _judge(status, self._history, node, resource)

    def _status(self) -> Element | None:
        """The answer of crm_mon; None where Pacemaker is not installed."""
        if not self._asked:
            self._answer = _crm_mon(self._how)
            self._asked = True
        return self._answer


def membership(settings: Settings) -> PacemakerMembership:
    """What Pacemaker knows of servers, as an agent asks, which needs nothing else of the engine."""
    return PacemakerMembership(Tools(settings.command_deadline))


def _crm_mon(how: Tools) -> Element | None:
    try:
        return tools.crm_mon(how)
    except Failure as failure:
        if isinstance(failure.messages[0], CommandMissing):
            return None
        raise


def _node(status: Element, owner: str) -> Element | None:
    return next((node for node in status.iterfind("nodes/node") if node.get("name") == owner), None)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _why_active(status: Element, node: Element, resource: str) -> str:
    """Why a server may be running the resource now, as the cluster sees it; '' where it sees nothing of the kind."""
    if node.get("unclean") != _NO:
        return "it is unclean, and not fenced yet"
    if node.get("online") != _YES:
        return ""
    mine = [each for each in status.iterfind("resources//resource") if each.get("id") == resource]
    if any(place.get("name") == node.get("name") for each in mine for place in each.iterfind("node")):
        return f"resource {resource} has not stopped there"
    return ""


def _judge(status: Element, history: Element, node: Element, resource: str) -> Standing:
    """The standing of a server on which the cluster does not see the resource."""
    state = next((each for each in history.iter("node_state") if each.get("uname") == node.get("name")), None)
    record = None if state is None else state.find("lrm")
    operations = [] if record is None else _operations(record, resource)
    if operations and _is_stopped(operations):
        return Standing(STOPPED)
    if node.get("online") == _YES:
        return Standing(UNCLEAR, _last(operations))
    trouble = _why_unable(status, node)
    if operations:
        return Standing(LEFT, "; ".join((_last(operations), *trouble)))
    if record is None and _was_fenced(status, node, able=not trouble):
        return Standing(FENCED)
    return Standing(UNFENCED, "; ".join(trouble) or "no fencing of it is on record since it was last seen")


def _operations(record: Element, resource: str) -> list[Element]:
    """The newest operations of a resource on a server: those with its highest call-id, and those that have not ended.

    A failure is kept beside what came after it under the same call-id.
    """
    mine = [each for each in record.iter("lrm_resource") if each.get("id") == resource]
    every = [operation for each in mine for operation in each.iterfind("lrm_rsc_op")]
    highest = max(map(_call, every), default=0)
    return [each for each in every if _call(each) == highest or each.get("op-status") == _PENDING]


def _call(operation: Element) -> int:
    text = operation.get("call-id", "")
    return int(text) if text.isascii() and text.isdigit() else -1


def _is_stopped(operations: list[Element]) -> bool:
    return all(_says_down(each) for each in operations)


def _says_down(operation: Element) -> bool:
    ended = operation.get("op-status") == _DONE and _call(operation) >= 0
    what = (operation.get("operation"), operation.get("rc-code"))
    return ended and what in (("stop", _OK), ("monitor", _NOT_RUNNING))


def _last(operations: list[Element]) -> str:
    """The newest operation in words."""
    if not operations:
        return "it has no history there"
    newest = next((each for each in operations if not _says_down(each)), operations[-1])
    what = newest.get("operation", "operation")
    if newest.get("op-status") == _PENDING:
        return f"its {what} there has not ended"
    return f"its last {what} there ended with {newest.get('rc-code', 'no code')}"


def _why_unable(status: Element, node: Element) -> tuple[str, ...]:
    """What keeps the cluster from fencing this server by itself."""
    summary = status.find("summary/cluster_options")
    options = {} if summary is None else summary.attrib
    each = {
        "fencing is off, stonith-enabled=false": options.get("stonith-enabled") != _YES,
        "the cluster is in maintenance mode": options.get("maintenance-mode") != _NO,
        "the server is in maintenance mode": node.get("maintenance") != _NO,
    }
    return tuple(reason for reason, true in each.items() if true)


def _was_fenced(status: Element, node: Element, *, able: bool) -> bool:
    """Whether a fencing of this server succeeded; by an administrator's hand only, where the cluster is not able to."""
    record = status.find("fence_history")
    if record is None or record.get("status", _OK) != _OK:
        return False
    mine = (event for event in record.iterfind("fence_event") if event.get("target") == node.get("name"))
    done = [event for event in mine if event.get("status") == "success" and event.get("action") in ("reboot", "off")]
    return any(able or event.get("client", "").startswith(_BY_HAND) for event in done)

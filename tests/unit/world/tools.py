"""Pacemaker's tools on a server of the cluster in memory, as storage.run sees them: words in, status and XML out.

Exit codes are those of crm_exit_t, the forms of the answers those of crm_mon-*.rng and of the CIB's schema. A
difference (crm_diff) is the version that it was made against and the whole new configuration: only cibadmin reads it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

from tests.unit.world.view import NOT_RUNNING, OK, TIMED_OUT, View, meta

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from tests.unit.world.cluster import Cluster
    from tests.unit.world.view import History, Member, Operation

    Answer = tuple[int, str, str]

DISCONNECTED, OLD, NO_OBJECT = 102, 103, 105
TOOLS = (
    "cibadmin",
    "crm_attribute",
    "crm_diff",
    "crm_mon",
    "crm_node",
    "crm_resource",
    "crm_simulate",
    "crm_verify",
    "stonith_admin",
)
_YES, _NO = "true", "false"
_END = "</cib>"
_WORDS = {OK: "ok", NOT_RUNNING: "not running", TIMED_OUT: "Timed Out"}


def answer(cluster: Cluster, server: str, argv: Sequence[str], stdin: bytes | None) -> Answer:
    """(exit status, stdout, stderr) of a tool that is run on a server."""
    name, words = argv[0].rpartition("/")[2], list(argv[1:])
    if name == "crm_diff":
        return _difference(words)
    if name in ("crm_verify", "crm_simulate"):
        return (0, "<pacemaker-result><actions/></pacemaker-result>" if name == "crm_simulate" else "", "")
    view = cluster.member_of(server)
    if view is None:
        return DISCONNECTED, "", "Could not connect to the cluster: Transport endpoint is not connected"
    if name == "crm_node":
        return 0, f"{server}\n", ""
    if name == "crm_mon":
        return 0, _text(_state(view, server)), ""
    if name == "cibadmin":
        return (0, _with_status(view), "") if "--query" in words else _patched(view, stdin or b"")
    if name == "crm_attribute":
        return _attribute(view, words)
    if name == "stonith_admin":
        return _fencing(cluster, view, words)
    return _resource(cluster, view, words)


def _difference(words: list[str]) -> Answer:
    old, new = (_read(_after(words, option)) for option in ("--original", "--new"))
    if old == new:
        return 0, "", ""
    return 1, f"{_version(old)}{new}", ""


def _patched(view: View, difference: bytes) -> Answer:
    text = difference.decode("utf-8", "surrogateescape")
    version, fresh = text[: text.index("<")], text[text.index("<") :]
    if version != _version(view.written()):
        return OLD, "", "Call cib_apply_diff failed: Update was older than existing configuration"
    view.cib, view.text = ElementTree.fromstring(fresh), fresh  # noqa: S314 - our own
    return 0, "", ""


def _read(path: str) -> str:
    """A configuration without its status section."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    return text[: text.index("<status")] + _END if "<status" in text else text


def _version(text: str) -> str:
    return " ".join(re.findall(r'(?:admin_epoch|epoch|num_updates)="\d+"', text[: text.index(">")]))


def _attribute(view: View, words: list[str]) -> Answer:
    name = _after(words, "--name")
    value = "" if "--delete" in words else _after(words, "--update")
    if "--node" not in words:
        view.set_option(name, value)
        return 0, "", ""
    server = _after(words, "--node")
    if "--lifetime" not in words:
        view.set_node_attribute(server, name, value)
        return 0, "", ""
    attributes = view.members[server].attributes
    if not value:
        return (0, "", "") if attributes.pop(name, None) else (NO_OBJECT, "", "No such object")
    attributes[name] = value
    return 0, "", ""


def _resource(cluster: Cluster, view: View, words: list[str]) -> Answer:
    if "--wait" in words:
        cluster.settle()
        return 0, "", ""
    resource = _after(words, "--resource")
    if "--set-parameter" in words:
        if resource not in view.primitives():
            return NO_OBJECT, "", f"Resource '{resource}' not found"
        view.set_meta(resource, _after(words, "--set-parameter"), _after(words, "--parameter-value"))
        return 0, "", ""
    servers = [_after(words, "--node")] if "--node" in words else view.online()
    for server in servers:
        history = view.members[server].history
        if resource in history and "--fail" in words:
            history[resource].broken = True
            history[resource].fails += 1
        elif resource in history and _may_forget(history[resource], words):
            del history[resource]
    return 0, "", ""


def _may_forget(history: History, words: list[str]) -> bool:
    """--cleanup erases only where something failed, --refresh in any case; both have the cluster probe anew."""
    return "--refresh" in words or bool(history.fails or history.broken or history.stuck)


def _fencing(cluster: Cluster, view: View, words: list[str]) -> Answer:
    if "--confirm" in words:
        cluster.confirm(view, _after(words, "--confirm"))
        return 0, "", ""
    made = ElementTree.Element("pacemaker-result", request="stonith_admin")
    made.append(_fence_history(view))
    return 0, _text(made), ""


def _state(view: View, server: str) -> Element:
    """crm_mon --one-shot --inactive --output-as=xml."""
    made = ElementTree.Element("pacemaker-result", {"api-version": "2.30", "request": "crm_mon"})
    summary = ElementTree.SubElement(made, "summary")
    ElementTree.SubElement(summary, "stack", {"type": "corosync"})
    # corosync's two_node: the one that is left has quorum.
    ElementTree.SubElement(summary, "current_dc", {"present": _YES, "name": server, "with_quorum": _YES})
    options = {name: view.option(name, default) for name, default in _OPTIONS.items()}
    ElementTree.SubElement(summary, "cluster_options", options)
    nodes = ElementTree.SubElement(made, "nodes")
    nodes.extend(_node(view, name, member) for name, member in view.members.items())
    resources = ElementTree.SubElement(made, "resources")
    resources.extend(_shown(view, name, primitive) for name, primitive in view.primitives().items())
    gone = {r for m in view.members.values() for r in m.history if view.active_on(r)} - set(view.primitives())
    resources.extend(_shown(view, name, None) for name in sorted(gone))
    histories = ElementTree.SubElement(made, "node_history")
    seen = {name: member for name, member in view.members.items() if member.online}
    histories.extend(_node_history(name, member) for name, member in seen.items())
    failures = ElementTree.SubElement(made, "failures")
    for name, member in seen.items():
        failures.extend(_failures(name, member))
    made.append(_fence_history(view))
    ElementTree.SubElement(made, "status", {"code": "0", "message": "OK"})
    return made


_OPTIONS = {
    "stonith-enabled": _YES,
    "symmetric-cluster": _YES,
    "no-quorum-policy": "stop",
    "maintenance-mode": _NO,
    "stop-all-resources": _NO,
}


def _node(view: View, name: str, member: Member) -> Element:
    facts = {
        "name": name,
        "id": str(list(view.members).index(name) + 1),
        "online": _bool(member.online),
        "standby": _bool(view.node_attribute(name, "standby") == "on"),
        "standby_onfail": _NO,
        "maintenance": _bool(view.node_attribute(name, "maintenance") == _YES),
        "pending": _NO,
        "unclean": _bool(view.is_unclean(name)),
        "shutdown": _NO,
        "expected_up": _bool(member.expected),
        "is_dc": _bool(member.online and name == view.online()[0]),
        "resources_running": str(sum(h.active for h in member.history.values())),
        "type": "member",
    }
    return ElementTree.Element("node", facts)


def _shown(view: View, resource: str, primitive: Element | None) -> Element:
    known = {n: m.history[resource] for n, m in view.members.items() if resource in m.history}
    active = view.active_on(resource)
    busy = {name: history.doing for name, history in known.items() if history.doing}
    given = meta(primitive) if primitive is not None else {}
    role = next(iter(busy.values()), "Started" if active else "Stopped")
    facts = {
        "id": resource,
        "role": role,
        "active": _bool(bool(active)),
        "orphaned": _bool(primitive is None),
        "blocked": _bool(any(known[name].stuck for name in active)),
        "maintenance": _bool(view.in_maintenance or given.get("maintenance") == _YES),
        "managed": _bool(_is_managed(view, given, active)),
        "failed": _bool(any(known[name].broken for name in active)),
        "failure_ignored": _NO,
        "nodes_running_on": str(len(active)),
    }
    if given.get("target-role"):
        facts["target_role"] = given["target-role"]
    if busy:
        facts["pending"] = next(iter(busy.values()))
    made = ElementTree.Element("resource", facts)
    for name in dict.fromkeys((*active, *busy)):
        ElementTree.SubElement(made, "node", {"name": name, "id": name, "cached": _bool(not view.members[name].online)})
    return made


def _is_managed(view: View, given: dict[str, str], active: list[str]) -> bool:
    in_maintenance = any(view.node_attribute(name, "maintenance") == _YES for name in active)
    is_wanted = given.get("is-managed", _YES) == _YES and given.get("maintenance") != _YES
    return is_wanted and not view.in_maintenance and not in_maintenance


def _node_history(name: str, member: Member) -> Element:
    made = ElementTree.Element("node", {"name": name})
    for resource, history in member.history.items():
        facts = {"id": resource, "orphan": _NO, "migration-threshold": "2"}
        if history.fails:
            facts["fail-count"] = str(history.fails)
        held = ElementTree.SubElement(made, "resource_history", facts)
        held.extend(_operation(each) for each in history.operations)
    return made


def _operation(each: Operation) -> Element:
    facts = {
        "call": str(each.number),
        "task": "probe" if each.task == "monitor" and not each.interval else each.task,
        "rc": str(each.rc),
        "rc_text": _WORDS.get(each.rc, "error"),
        "interval": f"{each.interval}ms",
        "last-rc-change": str(each.time),
    }
    return ElementTree.Element("operation_history", facts)


def _failures(name: str, member: Member) -> list[Element]:
    found = []
    for resource, history in member.history.items():
        for each in history.operations:
            is_probe = each.task == "monitor" and not each.interval
            if each.rc == OK or (is_probe and each.rc == NOT_RUNNING) or not (history.fails or history.broken):
                continue
            facts = {
                "op_key": f"{resource}_{each.task}_{each.interval}",
                "node": name,
                "exitstatus": _WORDS.get(each.rc, "error"),
                "exitreason": each.reason,
                "exitcode": str(each.rc),
                "call": str(each.number),
                "status": "Timed Out" if each.rc == TIMED_OUT else "complete",
                "task": each.task,
                "interval": str(each.interval),
            }
            found.append(ElementTree.Element("failure", facts))
    return found


def _fence_history(view: View) -> Element:
    made = ElementTree.Element("fence_history", {"status": "0"})
    for each in reversed(view.fencings):
        facts = {"status": each.status, "action": each.action, "target": each.target, "completed": str(each.time)}
        facts["client"] = each.client
        ElementTree.SubElement(made, "fence_event", facts)
    return made


def _with_status(view: View) -> str:
    """The CIB as cibadmin --query prints it, with the status section (Pacemaker Explained, 'Status')."""
    status = ElementTree.Element("status")
    for number, (name, member) in enumerate(view.members.items(), 1):
        status.append(_node_state(name, str(number), member))
    return view.written()[: -len(_END)] + _text(status) + _END


def _node_state(name: str, number: str, member: Member) -> Element:
    facts = {
        "id": number,
        "uname": name,
        "in_ccm": _bool(member.online),
        "crmd": "online" if member.online else "offline",
        "join": "member" if member.online else "down",
        "expected": "member" if member.expected else "down",
    }
    made = ElementTree.Element("node_state", facts)
    if not member.known:  # a fencing erases it as a whole
        return made
    lrm = ElementTree.SubElement(ElementTree.SubElement(made, "lrm", {"id": number}), "lrm_resources")
    lrm.extend(_lrm_resource(resource, history) for resource, history in member.history.items())
    return made


def _lrm_resource(resource: str, history: History) -> Element:
    facts = {"id": resource, "class": "ocf", "provider": "lvmkit", "type": history.agent}
    made = ElementTree.Element("lrm_resource", facts)
    for each in history.operations:
        facts = {
            "id": f"{resource}_{'last' if not each.interval else each.task}_{each.interval}",
            "operation": each.task,
            "operation_key": f"{resource}_{each.task}_{each.interval}",
            "interval": str(each.interval),
            "call-id": str(each.number),
            "rc-code": str(each.rc),
            "op-status": "2" if each.rc == TIMED_OUT else "0",
            "last-rc-change": str(int(each.time)),
        }
        ElementTree.SubElement(made, "lrm_rsc_op", facts)
    return made


def _after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def _bool(value: bool) -> str:
    return _YES if value else _NO


def _text(element: Element) -> str:
    return ElementTree.tostring(element, encoding="unicode")

"""The action scripts: restore, remove, remoteremove, quickCheck and delete, called with `-t TAG -i ID`.

LifeKeeper's contract: one of the two options is enough, exit 0 is success, anything else is not. The resource type
and the action are the script's own place in the tree: .../resources/<type>/actions/<action>.
"""

from __future__ import annotations

import os

from lvmkit.entry.boundary import guarded
from lvmkit.entry.report import Voice
from lvmkit.model import names
from lvmkit.model.instance import FILESYS, LVMVG, Instance
from lvmkit.model.messages import Failure, Message
from lvmkit.model.resource_types import is_id_of
from lvmkit.model.settings import Paths
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit

QUICK_CHECK = "quickCheck"


class Call(Value):
    """One call of an action script."""

    type: str
    action: str
    tag: str | None
    id: str | None


def main(script: str, arguments: list[str], paths: Paths | None = None) -> int:
    """Run the action of the script at this path; returns the exit code."""
    parts = script.split("/")
    resource_type, action = parts[-3], parts[-1]
    tag = _option(arguments, "-t") or _option(arguments, "-i") or ""
    voice = Voice(action, resource_type, action, tag)

    def work() -> int:
        call = _parsed(resource_type, action, arguments)
        return (
            _quick_check(call, voice, _paths(paths, script))
            if action == QUICK_CHECK
            else _act(call, voice, paths, script)
        )

    is_check = action == QUICK_CHECK
    return guarded(work, voice, os.uname().nodename, lambda message: message.script_exit, interruptible=not is_check)


def _quick_check(call: Call, voice: Voice, paths: Paths) -> int:
    """The check; quiet when all is well. Without a fault it costs one process, no fork and no LVM command."""
    from lvmkit.storage import dm, records
    from lvmkit.workflow import check

    record = None
    vg = _vg_of(call)
    if vg is not None:
        record = records.load(paths, names.lvmvg_id(vg))
    if call.type == LVMVG and call.id and record and call.tag in (None, record.tag):
        found = check.faults_by_record(call.id, record, dm.list_devices())
    else:
        from lvmkit.entry.kit import engine
        from lvmkit.workflow.subject import find

        hierarchy = engine(paths, voice.tell).hierarchy()
        instance = _instance_of(call, find(hierarchy, call.tag, call.id))
        devices = () if call.type == FILESYS else dm.list_devices()
        found = check.quick_check(instance, paths, devices, hierarchy)
    for message in found:
        voice.tell(message)
    return max((message.script_exit for message in found), default=0)


def _act(call: Call, voice: Voice, paths: Paths | None, script: str) -> int:
    """Any action but the check, between its BEGIN and END lines."""
    from lvmkit.entry.kit import kit
    from lvmkit.model.messages.service import Begin, EndFailed, EndSuccessful
    from lvmkit.storage import lvm
    from lvmkit.workflow.subject import find

    tools = kit(_paths(paths, script), voice.tell)
    instance = _instance_of(call, find(tools.port.hierarchy(), call.tag, call.id))
    voice.tell(Begin(call.action, instance.tag, instance.server))
    try:
        with lvm.knowing(system_id=_owner_name(instance)):
            detail = _work(call.action, instance, tools)
    except Failure as failure:
        raise Failure(*failure.messages, EndFailed(call.action, instance.tag, instance.server)) from failure
    voice.tell(EndSuccessful(call.action, instance.tag, instance.server, detail))
    return 0


def _owner_name(instance: Instance) -> str:
    """The host that LVM commands speak as: this server where the volume group has an owner, else LVM's own choice."""
    from lvmkit.model.facts import VgFacts

    return instance.server if VgFacts.noted(instance).has_owner else ""


def _work(action: str, instance: Instance, tools: Kit) -> str:
    if action == "restore":
        from lvmkit.workflow.restore import restore

        return restore(instance, tools)
    if action == "delete":
        from lvmkit.workflow.delete import release

        return release(instance, tools)
    from lvmkit.workflow.remove import give_up, remove

    return remove(instance, tools) if action == "remove" else give_up(instance, tools)


def _parsed(resource_type: str, action: str, arguments: list[str]) -> Call:
    """The options, checked. Raises Failure 000002, 000011, 110005 or 110100."""
    tag, resource_id = _option(arguments, "-t"), _option(arguments, "-i")
    _refuse_strays(arguments, action)
    if tag is None and resource_id is None:
        from lvmkit.model.messages.guide import TagAndIdMissing

        raise Failure(TagAndIdMissing())
    if tag is not None and not names.is_tag(tag):
        from lvmkit.model.messages.command import InvalidName

        raise Failure(InvalidName(tag or "''", "tag"))
    if resource_id is not None and not is_id_of(resource_type, resource_id):
        raise Failure(_wrong_argument(resource_type, resource_id))
    return Call(resource_type, action, tag, resource_id)


def _option(arguments: list[str], name: str) -> str | None:
    """The word after an option; the last one counts."""
    places = [place for place in range(0, len(arguments) - 1, 2) if arguments[place] == name]
    return arguments[places[-1] + 1] if places else None


def _refuse_strays(arguments: list[str], action: str) -> None:
    if len(arguments) % 2 or any(word not in ("-t", "-i") for word in arguments[::2]):
        from lvmkit.model.messages.guide import UsageError

        raise Failure(UsageError(f"{action} -t TAG -i ID"))


def _instance_of(call: Call, found: Instance) -> Instance:
    """The instance, if the script is the one for its type."""
    if found.type != call.type:
        raise Failure(_wrong_argument(call.type, found.tag))
    return found


def _wrong_argument(resource_type: str, given: str) -> Message:
    from lvmkit.model.messages.guide import InvalidConstructorArgument

    return InvalidConstructorArgument(resource_type, given or "''")


def _vg_of(call: Call) -> str | None:
    return names.vg_of_lvmvg_id(call.id) if call.type == LVMVG and call.id else None


def _paths(paths: Paths | None, script: str) -> Paths:
    """The given paths, or the installed ones; the tree that the script stands in is LKROOT."""
    if paths is not None:
        return paths
    root, found, _ = script.partition("/subsys/")
    return Paths(lkroot=root) if found else Paths()

"""The action scripts: restore, remove, remoteremove, quickCheck and delete, called with `-t TAG -i ID`.

LifeKeeper's contract: one of the two options is enough, exit 0 is success, anything else is not. The resource type
and the action are the script's own place in the tree: .../resources/<type>/actions/<action>.
"""

from __future__ import annotations

import os

from lvmkit.entry.boundary import guarded
from lvmkit.entry.report import Voice
from lvmkit.host import Host
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import LVMVG, Instance
from lvmkit.model.messages import INFO, Failure, Message, errors
from lvmkit.model.resource_types import is_id_of
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lvmkit.model.facts import LvFacts
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit

QUICK_CHECK, RECOVER = "quickCheck", "recover"
_RECOVERY = "recovery"


class ScriptCall(Value):
    """One call of an action script."""

    type: str
    action: str
    tag: str | None
    id: str | None


def main(script: str, arguments: list[str], paths: Paths | None = None) -> int:
    """Run the action of the script at this path; returns the exit code."""
    resource_type, action = _place(script.split("/"))
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


def _place(parts: list[str]) -> tuple[str, str]:
    """(resource type, action) of a script at .../<type>/actions/<action>, or .../<type>/recovery/<class>/<event>.

    The class of our events is the resource type, and each of them calls for the same.
    """
    return (parts[-2], RECOVER) if parts[-3] == _RECOVERY else (parts[-3], parts[-1])


def _quick_check(call: ScriptCall, voice: Voice, paths: Paths) -> int:
    """The check; quiet when all is well. Without a fault it costs one process, no fork and no LVM command."""
    from lvmkit.resources.health import settled

    host = Host(paths, Settings(), voice.tell, protected=_protected_in(paths, voice))
    messages = settled(lambda: _check(call, host), lambda found: found)
    for message in messages:
        if message.level != INFO:
            voice.tell(message)
    if any(message.script_exit for message in messages):
        _report(call, paths, voice)
    return max((message.script_exit for message in messages), default=0)


def _check(call: ScriptCall, host: Host) -> tuple[Message, ...]:
    """What is wrong. A volume group with a record is checked without asking the engine anything."""
    group = _recorded_group(call, host.paths)
    if group is not None:
        from lvmkit.resources import lvmvg

        return lvmvg.check(group, host).messages
    from lvmkit.entry.kit import engine
    from lvmkit.resources import dispatch
    from lvmkit.workflow.subject import find

    port = engine(host.paths, host.tell)
    at_hand = port.at_hand()
    if at_hand.by_tag(call.tag or "") or at_hand.by_id(call.id or ""):
        messages = dispatch.check(_instance_of(call, find(at_hand, call.tag, call.id)), at_hand, host)
        if port.capabilities.keeps_database or not any(message.script_exit for message in messages):
            return messages
    hierarchy = port.hierarchy()  # what is at hand may lag behind there, and is no reason to say that all is not well
    return dispatch.check(_instance_of(call, find(hierarchy, call.tag, call.id)), hierarchy, host)


def _report(call: ScriptCall, paths: Paths, voice: Voice) -> None:
    """Tell an engine whose monitor this script is what has failed, as far as it has it in service.

    Not where the kit itself runs the script, and acts on its exit status. Raises Failure as the engine does.
    """
    from lvmkit.entry.kit import engine
    from lvmkit.model.instance import IN_SERVICE
    from lvmkit.model.messages.guide import CallingSendevent
    from lvmkit.resources.scripts import CHECKED_BY
    from lvmkit.workflow.subject import find

    port = engine(paths, lambda _message: None)  # the settings were told of
    if not port.capabilities.checks_report or CHECKED_BY in os.environ:
        return
    instance = find(port.hierarchy(), call.tag, call.id)
    if instance.state in IN_SERVICE:
        voice.tell(CallingSendevent(instance.tag, instance.server))
        port.report_failure(instance.tag)


def _protected_in(paths: Paths, voice: Voice) -> Callable[[VgFacts], Sequence[LvFacts] | None]:
    """What tells the volumes of a group that a resource stands on."""

    def volumes(group: VgFacts) -> Sequence[LvFacts] | None:
        from lvmkit.entry.kit import protected_volumes  # asked only where something is wrong

        return protected_volumes(group, paths, voice.tell)

    return volumes


def _recorded_group(call: ScriptCall, paths: Paths) -> VgFacts | None:
    """The called volume group as recorded at its start; None where the engine must be asked.

    That is so, too, where /etc/lkvgs does not say that this ID means the recorded one: a record is only a note.
    """
    if call.type != LVMVG or not call.id:
        return None
    from lvmkit.storage import lkvgs, records

    record = records.load(paths, call.id)
    if record is None or call.tag not in (None, record.tag):
        return None
    try:
        listed = lkvgs.entries(paths.lkvgs)
    except Failure:
        return None
    if (names.vg_of_lvmvg_id(call.id), record.vg_uuid) not in listed:
        return None
    return VgFacts(record.tag, call.id, record.vg, record.vg_uuid)


def _act(call: ScriptCall, voice: Voice, paths: Paths | None, script: str) -> int:
    """Any action but the check, between its BEGIN and END lines."""
    from lvmkit.entry.kit import kit
    from lvmkit.model.messages.service import Begin, EndFailed, EndSuccessful
    from lvmkit.workflow.subject import find

    tools = kit(_paths(paths, script), voice.tell)
    hierarchy = tools.port.hierarchy()
    instance = _instance_of(call, find(hierarchy, call.tag, call.id))
    voice.tell(Begin(call.action, instance.tag, instance.server))
    try:
        if call.action == "delete":
            instance = _leaving_to_others(instance, tools)
        detail = _work(call.action, instance, hierarchy, tools.host)
    except Failure as failure:
        raise Failure(*failure.messages, EndFailed(call.action, instance.tag, instance.server)) from failure
    voice.tell(EndSuccessful(call.action, instance.tag, instance.server, detail))
    return 0


def _leaving_to_others(instance: Instance, tools: Kit) -> Instance:
    """The instance without what it would give back to all servers, where another one still has it.

    LifeKeeper runs this script on each server for itself, also when only that one is taken from the hierarchy.
    """
    from lvmkit.model.facts import AUTOACTIVATION
    from lvmkit.model.instance import pack_info
    from lvmkit.model.value import replace
    from lvmkit.workflow.everywhere import others

    if not tools.port.capabilities.checks_report or not others(instance.tag, tools.port.overview()):
        return instance
    kept = {key: value for key, value in instance.details.items() if key != AUTOACTIVATION}
    return replace(instance, info=pack_info(kept))


def _recover(instance: Instance, hierarchy: Hierarchy, host: Host) -> str:
    """Local recovery of LifeKeeper: start it here once more, and look. Raises Failure where it is not well then.

    What stands on it stays where it is: where that is not enough the engine moves all of it to another server.
    """
    from lvmkit.model.messages import raise_errors
    from lvmkit.resources import dispatch

    if not errors(dispatch.check(instance, hierarchy, host)):
        return "it is well"
    detail = dispatch.restore(instance, hierarchy, host)
    raise_errors(dispatch.check(instance, hierarchy, host))
    return detail


def _work(action: str, instance: Instance, hierarchy: Hierarchy, host: Host) -> str:
    from lvmkit.resources import dispatch

    if action == RECOVER:
        return _recover(instance, hierarchy, host)
    if action == "restore":
        return dispatch.restore(instance, hierarchy, host)
    if action == "remove":
        return dispatch.remove(instance, hierarchy, host)
    if action == "delete":
        return dispatch.release(instance, host)
    return dispatch.give_up(instance, hierarchy, host)


def _parsed(resource_type: str, action: str, arguments: list[str]) -> ScriptCall:
    """The options, checked.

    Raises Failure: UsageError (000002), TagAndIdMissing (000011), InvalidConstructorArgument (110005), InvalidName
    (110100).
    """
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
    return ScriptCall(resource_type, action, tag, resource_id)


def _option(arguments: list[str], name: str) -> str | None:
    """The word after an option; the last one counts."""
    for option, word in reversed(tuple(zip(arguments[::2], arguments[1::2]))):
        if option == name:
            return word
    return None


def _refuse_strays(arguments: list[str], action: str) -> None:
    if len(arguments) % 2 or any(word not in ("-t", "-i") for word in arguments[::2]):
        from lvmkit.model.messages.guide import UsageError

        raise Failure(UsageError(f"{action} -t TAG -i ID"))


def _instance_of(call: ScriptCall, instance: Instance) -> Instance:
    """The instance, if the script is the one for its type."""
    if instance.type != call.type:
        raise Failure(_wrong_argument(call.type, instance.tag))
    return instance


def _wrong_argument(resource_type: str, given: str) -> Message:
    from lvmkit.model.messages.guide import InvalidConstructorArgument

    return InvalidConstructorArgument(resource_type, given or "''")


def _paths(paths: Paths | None, script: str) -> Paths:
    """The given paths, or the installed ones; the tree that the script stands in is LKROOT."""
    if paths is not None:
        return paths
    root, found, _ = script.partition("/subsys/")
    return Paths(lkroot=root) if found else Paths()

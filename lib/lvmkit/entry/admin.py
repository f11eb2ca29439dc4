"""The administration scripts below lkadm/: create, devicehier, filesyshier, delete, extend, canextend, depstoextend,
unextend.

They are driven by the create or extend of a higher-level kit. create, extend and delete print the tags that they made
or removed on stdout, one per line; depstoextend prints the tags of the children. canextend, extend and unextend work on
the server that they run on: TEMPLATESYS names the one whose hierarchy it is. In a cluster a volume group moves as a
whole, so extend and unextend take all along that stands on it, whichever resource they are called for.
"""

from __future__ import annotations

import os

from lvmkit.entry.boundary import guarded
from lvmkit.entry.kit import kit
from lvmkit.entry.output import write_lines
from lvmkit.entry.report import Voice
from lvmkit.model import names
from lvmkit.model.instance import FILESYS, INTELLIGENT, SWITCHBACKS, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName, NoUnextendHere
from lvmkit.model.messages.extend import SameTagEverywhere
from lvmkit.model.messages.guide import (
    CreateUsageError,
    HierarchyNotCreated,
    InvalidConstructorArgument,
    SwitchbackMissing,
    TagAndIdMissing,
    TagMissing,
    TemplateAlreadyExtended,
    TemplateArgumentsMissing,
    TemplateDoesNotExist,
    UsageError,
)
from lvmkit.model.messages.pacemaker import NotExtended
from lvmkit.model.settings import Paths
from lvmkit.workflow import create, delete, filesyshier
from lvmkit.workflow.subject import find, refuse_elsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit

_USAGE = {
    "create": "create -t TAG -s INTELLIGENT|AUTOMATIC -p MOUNTPOINT|DEVICE",
    "devicehier": "devicehier -p DEVICE [-t TAG] [-s INTELLIGENT|AUTOMATIC]",
    "filesyshier": "filesyshier -t PARENTTAG -p PATH [-s INTELLIGENT|AUTOMATIC]",
    "delete": "delete -t TAG -i ID",
    "extend": "extend TEMPLATESYS TEMPLATETAG -t TAG",
    "canextend": "canextend TEMPLATESYS TEMPLATETAG",
    "depstoextend": "depstoextend TEMPLATESYS TEMPLATETAG",
    "unextend": "unextend TEMPLATESYS TEMPLATETAG",
}

_CREATING = ("create", "devicehier", "filesyshier")


def main(script: str, arguments: list[str], paths: Paths | None = None) -> int:
    """Run the administration script at this path (.../<type>/bin/<name>); returns the exit code."""
    parts = script.split("/")
    resource_type, name = parts[-3], parts[-1]
    voice = Voice(name, resource_type, name, "")

    def work() -> int:
        options, rest = _parsed(arguments, name)
        tools = kit(paths or _installed(script), voice.tell)
        write_lines(_run(name, resource_type, options, rest, tools))
        return 0

    return guarded(work, voice, os.uname().nodename, lambda message: message.script_exit)


def _run(name: str, resource_type: str, options: dict[str, str], rest: list[str], tools: Kit) -> tuple[str, ...]:
    """What the script prints, a tag a line."""
    if name in ("create", "devicehier"):
        return (_create(name, resource_type, options, rest, tools),)
    if name == "filesyshier":
        return (_provide(options, rest, tools),)
    if name == "delete":
        return _delete(resource_type, options, tools)
    server, instance = _template(resource_type, rest, tools)
    if name == "depstoextend":
        return tools.port.hierarchy_of(server).children(instance.tag)
    given = _tag_there(name, instance.tag, options, tools) if name == "extend" else instance.tag
    if tools.port.capabilities.extends_by_itself:
        return _one_by_one(name, server, instance, given, tools)
    if tools.port.capabilities.several_servers:
        return _across(name, server, given, tools)
    if name == "unextend":
        raise Failure(NoUnextendHere(instance.tag, instance.server))
    raise Failure(TemplateAlreadyExtended(instance.tag, tools.port.local_server()))


def _tag_there(name: str, tag: str, options: dict[str, str], tools: Kit) -> str:
    """The tag that the resource is to have here; an engine of several servers has one for all of them."""
    given = options.get("-t")
    if not given:
        raise Failure(TagMissing(name))
    if tools.port.capabilities.common_tags and given != tag:
        raise Failure(SameTagEverywhere(tag, given))
    return given


def _across(name: str, template: str, tag: str, tools: Kit) -> tuple[str, ...]:
    """canextend, extend and unextend in a cluster: this server is the target, or the one that the tags are taken from.

    canextend prints nothing; what extend and unextend print comes children first.
    """
    from lvmkit.workflow import canextend, extend, unextend

    if name == "unextend":
        return unextend.unextend(tag, tools)
    if name == "extend":
        return extend.extend(extend.ExtendRequest(tag, template), tools)
    extend.heed(canextend.canextend(tag, template, tools), tag, tools.tell)
    return ()


def _one_by_one(name: str, template: str, instance: Instance, tag: str, tools: Kit) -> tuple[str, ...]:
    """The same where the engine's own manager goes through a hierarchy: each call is about one resource.

    instance: as the template server has it.  tag: that it gets here.
    """
    from lvmkit.workflow import canextend, extend

    if name == "extend":
        extend.extend_alone(instance, tag, tools)
        return (tag,)
    local, here = tools.port.local_server(), tools.port.hierarchy().by_id(instance.id, instance.type)
    if name == "unextend":
        if here is None:
            raise Failure(NotExtended(instance.tag, local))
        tools.port.unextend((here.tag,), local)
        return (here.tag,)
    if here is not None:
        raise Failure(TemplateAlreadyExtended(instance.tag, local))
    seen = tools.port.overview().of(template).by_id(instance.id, instance.type)
    named = instance.tag if seen is None else seen.tag
    extend.heed(canextend.canextend(named, template, tools), instance.tag, tools.tell)
    return ()


def _create(name: str, resource_type: str, options: dict[str, str], rest: list[str], tools: Kit) -> str:
    """Create the hierarchy from the given device down; the messages of the guide for what is missing."""
    if rest or "-p" not in options or "-i" in options:
        raise Failure(CreateUsageError(_USAGE[name]))
    if name == "create" and not options.get("-t"):
        raise Failure(TagMissing(name))
    if name == "create" and "-s" not in options:
        raise Failure(SwitchbackMissing())
    switchback = _switchback(name, options)
    if not options["-p"].startswith("/"):
        raise Failure(InvalidConstructorArgument(resource_type, options["-p"] or "''"))
    request = create.CreateRequest(options["-p"], options.get("-t", ""), switchback, resource_type)
    try:
        return create.create(request, tools)
    except Failure as failure:
        if resource_type == FILESYS:
            raise
        raise Failure(*failure.messages, HierarchyNotCreated(options["-p"])) from failure


def _switchback(name: str, options: dict[str, str]) -> str:
    switchback = options.get("-s", INTELLIGENT).upper()
    if switchback not in SWITCHBACKS:
        raise Failure(CreateUsageError(_USAGE[name]))
    return switchback


def _provide(options: dict[str, str], rest: list[str], tools: Kit) -> str:
    """The file system that a path of a parent kit lies on, protected and below the parent's resource."""
    if rest or "-p" not in options or "-i" in options:
        raise Failure(CreateUsageError(_USAGE["filesyshier"]))
    if not options.get("-t"):
        raise Failure(TagMissing("filesyshier"))
    if not options["-p"].startswith("/"):
        raise Failure(InvalidConstructorArgument(FILESYS, options["-p"] or "''"))
    wanted = filesyshier.Wanted(options["-p"], options["-t"], _switchback("filesyshier", options))
    return filesyshier.provide(wanted, tools)


def _delete(resource_type: str, options: dict[str, str], tools: Kit) -> tuple[str, ...]:
    tag, resource_id = options.get("-t") or None, options.get("-i") or None
    if tag is None and resource_id is None:
        raise Failure(TagAndIdMissing())
    hierarchy = tools.port.hierarchy()
    refuse_elsewhere(tag or resource_id or "", hierarchy, tools.port)
    instance = find(hierarchy, tag, resource_id)
    if instance.type != resource_type:
        raise Failure(InvalidConstructorArgument(resource_type, instance.tag))
    return delete.delete(instance.tag, tools)


def _template(resource_type: str, rest: list[str], tools: Kit) -> tuple[str, Instance]:
    """(the template server, its instance). An engine of one server knows no other one."""
    if len(rest) < 2:
        raise Failure(TemplateArgumentsMissing())
    server, tag = rest[:2]
    if not names.is_tag(tag):
        raise Failure(InvalidName(tag or "''", "tag"))
    if server not in {each.name for each in tools.port.servers()}:
        raise Failure(TemplateDoesNotExist(tag, server))
    instance = tools.port.hierarchy_of(server).by_tag(tag)
    if instance is None or instance.type != resource_type:
        raise Failure(TemplateDoesNotExist(tag, server))
    return server, instance


def _parsed(arguments: list[str], name: str) -> tuple[dict[str, str], list[str]]:
    """({option: word}, other words). Raises Failure: UsageError (000002), CreateUsageError (000013)."""
    options: dict[str, str] = {}
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word not in ("-t", "-i", "-s", "-p"):
            rest.append(word)
            continue
        value = next(words, None)
        if value is None:
            usage = CreateUsageError if name in _CREATING else UsageError
            raise Failure(usage(_USAGE[name]))
        options[word] = value
    if any(word.startswith("-") for word in rest):
        raise Failure(UsageError(_USAGE[name]))
    return options, rest


def _installed(script: str) -> Paths:
    root, found, _ = script.partition("/lkadm/")
    return Paths(lkroot=root) if found else Paths()

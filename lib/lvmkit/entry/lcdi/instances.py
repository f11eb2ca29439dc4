"""The commands about instances: ins_create, ins_remove, ins_list, ins_gettag and those that set one field."""

from __future__ import annotations

from _operator import attrgetter

from lvmkit.entry.lcdi.arguments import wrong
from lvmkit.entry.lcdi.call import BYTE
from lvmkit.entry.lcdi.description import (
    APP,
    DEST,
    ID,
    INFO,
    INIT,
    SEPARATOR,
    SWITCHBACK,
    TAG,
    TYPE,
    LcdiCommand,
    LcdiReply,
    Option,
    required,
    tag_option,
)
from lvmkit.entry.output import write_lines
from lvmkit.model.instance import AUTORES_ISP, INTELLIGENT, ISP, ISU, OSU, Instance
from lvmkit.model.messages import LCDI_EXISTS, LCDI_HAS_DEPENDENTS, LCDI_NO_COMMUNICATION, LCDI_NO_OBJECT, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.entry.lcdi.call import Call
    from lvmkit.model.hierarchy import Hierarchy

_FIELDS = attrgetter(*Instance._fields)
RECORD = ("system", "app", "type", "tag", "id", "info", "state", "reason", "initialisation", "switchback")
SETTABLE = (ISP, ISU, OSU)
"""OSF is the engine's to set, when an action fails"""


def ins_list(call: Call) -> LcdiReply:
    """The instances that match, one a line. Raises Failure (000019) where -t, -i or -R names none."""
    instances = _chosen(call, call.hierarchy.below(_top(call)) if call.has("R") else None)
    return LcdiReply(call.records(map(_FIELDS, instances)))


def ins_gettag(call: Call) -> LcdiReply:
    """The tags of the resources that have an ID."""
    return LcdiReply(tuple(instance.tag for instance in _chosen(call)))


def ins_create(call: Call) -> LcdiReply:
    """Store an instance, out of service, as it is given."""
    from lvmkit.cluster.port import Change
    from lvmkit.entry.lcdi import installed

    app, kind = call.get("a"), call.get("r")
    installed.refuse_missing_type(app, kind, call)
    fresh = Instance(
        call.server,
        app,
        kind,
        call.get("t"),
        call.get("i"),
        call.get("v"),
        OSU,
        initialisation=call.get("I") or AUTORES_ISP,
        switchback=call.get("s") or INTELLIGENT,
    )
    call.port.commit(Change(add=(fresh,)))
    return LcdiReply()


def ins_setinfo(call: Call) -> LcdiReply:
    """Replace the info field; without -v it is emptied."""
    return _amend(call, info=call.get("v"))


def ins_setas(call: Call) -> LcdiReply:
    """Set the switchback."""
    return _amend(call, switchback=call.get("s"))


def ins_setinit(call: Call) -> LcdiReply:
    """Set the initialisation."""
    return _amend(call, initialisation=call.get("I"))


def ins_setstate(call: Call) -> LcdiReply:
    """Set the state; no script is run. Raises Failure (110383) where the engine keeps states itself."""
    from lvmkit.model.messages.lcdi import StateIsEngines

    instance, state = call.instance(call.get("t")), call.get("S")
    if not call.port.capabilities.takes_states:
        if instance.state != state:
            raise Failure(StateIsEngines(instance.tag, instance.state, state))
        return LcdiReply()
    call.port.set_state(instance.tag, state, call.get("R"))
    return LcdiReply()


def ins_remove(call: Call) -> LcdiReply:
    """Remove instances, what requires them first. The type's delete script is run before each."""
    from lvmkit.entry.lcdi import removal

    if not any(map(call.has, "Rarti")):
        raise wrong(call.command, "nothing is said about what to remove")
    gone: list[str] = []
    try:
        removal.remove(_going(call), call, gone)
    except Failure:
        if gone and call.has("v"):
            write_lines(gone)
        raise
    return LcdiReply(tuple(gone) if call.has("v") else ())


def _amend(call: Call, **facts: str) -> LcdiReply:
    call.port.amend(call.get("t"), facts, call.server if call.has("d") else "")
    return LcdiReply()


def _top(call: Call) -> str:
    return call.instance(call.get("R")).tag


def _chosen(call: Call, tags: Iterable[str] | None = None) -> tuple[Instance, ...]:
    """The instances that match the options -a, -r, -t and -i, of all or of these tags. Raises Failure (000019)."""
    hierarchy = call.hierarchy
    instances = hierarchy.instances if tags is None else hierarchy.of_tags(reversed(tuple(tags)))
    for letter, field in (("a", "app"), ("r", "type"), ("t", "tag"), ("i", "id")):
        if call.has(letter):
            instances = tuple(each for each in instances if getattr(each, field) == call.get(letter))
    if not instances and (call.has("t") or call.has("i")):
        from lvmkit.model.messages.guide import ResourceNotFound  # messages are loaded when one is needed

        sought = [f"{word} {call.get(letter)}" for letter, word in (("t", "tag"), ("i", "ID")) if call.has(letter)]
        raise Failure(ResourceNotFound(", ".join(sought)))
    return instances


def _going(call: Call) -> tuple[str, ...]:
    """The tags that a removal is about, parents first. Raises Failure (000019)."""
    hierarchy = call.hierarchy
    candidates = _below_roots(call.get("R").split(BYTE), call) if call.has("R") else None
    chosen = {instance.tag for instance in _chosen(call, candidates)}
    is_restricted = call.has("a") or call.has("r") or call.has("R")
    for tag in () if is_restricted else tuple(chosen):
        chosen.update(hierarchy.above(tag))
    return hierarchy.remove_order(chosen)


def _below_roots(roots: list[str], call: Call) -> tuple[str, ...]:
    """The roots, what requires them, and what is below that nothing outside requires."""
    hierarchy: Hierarchy = call.hierarchy
    going: set[str] = set()
    for root in roots:
        going.update(hierarchy.above(call.instance(root).tag))
    for tag in hierarchy.remove_order(hierarchy.tags):
        parents = set(hierarchy.parents(tag))
        if parents and parents <= going:
            going.add(tag)
    return hierarchy.remove_order(going)


_ONE = (LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION)
_WHICH = (APP, TYPE, TAG, ID)

COMMANDS = (
    LcdiCommand(
        "ins_list",
        "list resource instances",
        (DEST, SEPARATOR, tag_option("R", "top", "only this resource and what it requires"), *_WHICH),
        ins_list,
        record=RECORD,
        exits=_ONE,
        notes=("Without an option all instances are listed. Where -t, -i or -R names none, the exit code is 7.",),
    ),
    LcdiCommand(
        "ins_gettag",
        "print the tag of a resource by its ID",
        (DEST, required(ID)),
        ins_gettag,
        record=("tag",),
        exits=_ONE,
        notes=("An ID may belong to several resources of different types; then each tag is on a line of its own.",),
    ),
    LcdiCommand(
        "ins_create",
        "store a resource instance",
        (DEST, required(APP), required(TYPE), INIT, INFO, SWITCHBACK, required(TAG), required(ID)),
        ins_create,
        changes=True,
        exits=(LCDI_EXISTS, *_ONE),
        notes=(
            "It is stored as it is given, out of service (OSU); no script is run. -I is AUTORES_ISP and -s is"
            " INTELLIGENT where they are not given. The resource type must be installed: see typ_list.",
        ),
    ),
    LcdiCommand(
        "ins_remove",
        "remove resource instances, with all that requires them",
        (
            DEST,
            Option("R", "roottag", "the hierarchies below these roots; several are joined by byte 0x01", fits=bool),
            *_WHICH,
            Option("v", "", "print each tag that was removed"),
            Option("I", "", "make the hierarchy ready for removal", is_idle=True),
            Option("N", "", "not documented in public", is_idle=True),
            Option("G", "", "run no global scripts; there are none here"),
            Option("U", "", "not documented in public", is_idle=True),
        ),
        ins_remove,
        changes=True,
        is_local=True,
        exits=(LCDI_HAS_DEPENDENTS, *_ONE),
        notes=(
            "Parents go first. Where a type has a delete script, it is run before its instance goes. Dependencies and"
            " equivalencies go with an instance; what is in service is not touched.",
            "-R also removes what is below the roots, except what other resources require. With -a or -r only resources"
            " of that application or type go, with -R and -t or -i only that one of the hierarchy, and the exit code is"
            " 8 where another one requires them.",
        ),
    ),
    LcdiCommand(
        "ins_setinfo",
        "replace the info field of a resource",
        (DEST, required(TAG), INFO),
        ins_setinfo,
        changes=True,
        exits=_ONE,
        notes=("Without -v the field is emptied.",),
    ),
    LcdiCommand(
        "ins_setas",
        "set the switchback of a resource",
        (DEST, required(TAG), required(SWITCHBACK)),
        ins_setas,
        changes=True,
        exits=_ONE,
    ),
    LcdiCommand(
        "ins_setinit",
        "set what a start of the server makes of a resource",
        (DEST, required(TAG), required(INIT)),
        ins_setinit,
        changes=True,
        exits=_ONE,
    ),
    LcdiCommand(
        "ins_setstate",
        "set the state of a resource; nothing is started or stopped",
        (
            DEST,
            required(TAG),
            Option("S", "state", "the state", required=True, choices=SETTABLE),
            Option("R", "reason", "why, in a few words"),
            Option("A", "", "not documented in public", is_idle=True),
        ),
        ins_setstate,
        changes=True,
        is_local=True,
        exits=_ONE,
        notes=("Under Pacemaker states are the cluster's, and only the present one can be set.",),
    ),
)

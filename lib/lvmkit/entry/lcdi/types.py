"""The commands about applications and resource types; see installed.py for what these are here."""

from __future__ import annotations

from lvmkit.entry.lcdi import installed
from lvmkit.entry.lcdi.description import APP, DEST, SEPARATOR, TYPE, LcdiCommand, LcdiReply, required
from lvmkit.model.messages import LCDI_EXISTS, LCDI_HAS_DEPENDENTS, LCDI_NO_COMMUNICATION, LCDI_NO_OBJECT, Failure
from lvmkit.model.messages.lcdi import NoSuchObject, ObjectExists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call


def app_list(call: Call) -> LcdiReply:
    """The applications."""
    return LcdiReply(_applications(call))


def app_create(call: Call) -> LcdiReply:
    """Note an application. Raises Failure (110382) where it was noted before."""
    app = call.get("a")
    if not call.port.create_flag(f"{installed.APP_NOTE}{app}"):
        raise Failure(ObjectExists("Application", app, call.server))
    return LcdiReply()


def app_remove(call: Call) -> LcdiReply:
    """Remove the note, and all instances of the application's types. Raises Failure (110381, 110086)."""
    app = call.get("a")
    _remove_instances(call, {kind for owner, kind in _types(call) if owner == app})
    for name in _noted(call, f"{installed.TYPE_NOTE}{app}!"):
        call.port.remove_flag(f"{installed.TYPE_NOTE}{app}!{name}")
    is_noted = call.port.remove_flag(f"{installed.APP_NOTE}{app}")
    if not is_noted and app not in installed.applications(call.paths.lkroot):
        raise Failure(_no_application(app, call))
    return LcdiReply()


def typ_list(call: Call) -> LcdiReply:
    """The resource types, with their applications."""
    wanted = call.get("a")
    return LcdiReply(call.records(each for each in _types(call) if wanted in ("", each[0])))


def typ_create(call: Call) -> LcdiReply:
    """Note a type. Raises Failure: 110381, 110000 where it is not installed, 110382 where it was noted before."""
    app, kind = call.get("a"), call.get("r")
    if app not in _applications(call):
        raise Failure(_no_application(app, call))
    installed.refuse_missing_type(app, kind, call)
    if not call.port.create_flag(f"{installed.TYPE_NOTE}{app}!{kind}"):
        raise Failure(ObjectExists("Resource type", kind, call.server))
    return LcdiReply()


def typ_remove(call: Call) -> LcdiReply:
    """Remove the note, and all instances of the type. Raises Failure (110381, 110086)."""
    app, kind = call.get("a"), call.get("r")
    if (app, kind) not in _types(call):
        raise Failure(NoSuchObject("resource type", f"{kind} of application {app}", call.server, "typ_list"))
    _remove_instances(call, {kind})
    call.port.remove_flag(f"{installed.TYPE_NOTE}{app}!{kind}")
    return LcdiReply()


def _applications(call: Call) -> tuple[str, ...]:
    known = {*installed.applications(call.paths.lkroot), *_noted(call, installed.APP_NOTE)}
    return tuple(sorted(known))


def _types(call: Call) -> tuple[tuple[str, str], ...]:
    return installed.types(call.paths.lkroot)


def _noted(call: Call, kind: str) -> tuple[str, ...]:
    return tuple(flag[len(kind) :] for flag in call.port.flags() if flag.startswith(kind))


def _remove_instances(call: Call, kinds: set[str]) -> None:
    from lvmkit.entry.lcdi import removal

    app, hierarchy = call.get("a"), call.hierarchy
    own = [each.tag for each in hierarchy.instances if each.app == app and each.type in kinds]
    removal.remove(hierarchy.remove_order(own), call, [])


def _no_application(app: str, call: Call) -> NoSuchObject:
    return NoSuchObject("application", app, call.server, "app_list")


_INSTALLED = "A type is there when its scripts are, below $LKROOT/subsys/APP/resources/TYPE/actions."

COMMANDS = (
    LcdiCommand("app_list", "list applications", (DEST,), app_list, record=("app",), is_local=True),
    LcdiCommand(
        "app_create",
        "make an application known",
        (DEST, required(APP)),
        app_create,
        changes=True,
        is_local=True,
        exits=(LCDI_EXISTS, LCDI_NO_COMMUNICATION),
        notes=("An application with an installed type is known in any case.",),
    ),
    LcdiCommand(
        "app_remove",
        "remove an application's instances, and the application",
        (DEST, required(APP)),
        app_remove,
        changes=True,
        is_local=True,
        exits=(LCDI_NO_OBJECT, LCDI_HAS_DEPENDENTS, LCDI_NO_COMMUNICATION),
        notes=("Files stay: an application whose scripts are installed is listed on.",),
    ),
    LcdiCommand(
        "typ_list",
        "list resource types",
        (DEST, SEPARATOR, APP),
        typ_list,
        record=("app", "type"),
        is_local=True,
        notes=(_INSTALLED,),
    ),
    LcdiCommand(
        "typ_create",
        "make a resource type known",
        (DEST, required(APP), required(TYPE)),
        typ_create,
        changes=True,
        is_local=True,
        exits=(LCDI_EXISTS, LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=(_INSTALLED, "One without scripts is refused. Instances can be made without this command, too."),
    ),
    LcdiCommand(
        "typ_remove",
        "remove all instances of a resource type, and the type",
        (DEST, required(APP), required(TYPE)),
        typ_remove,
        changes=True,
        is_local=True,
        exits=(LCDI_NO_OBJECT, LCDI_HAS_DEPENDENTS, LCDI_NO_COMMUNICATION),
        notes=("Files stay: a type whose scripts are installed is listed on.",),
    ),
)

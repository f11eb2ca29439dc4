"""Which applications and resource types there are: a type is where its action scripts are.

LKROOT/subsys/<app>/resources/<type>/actions, where a kit's own installation puts them. What typ_create and app_create
add to that is a note of ours, a flag, which tells the first call from the second.
"""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import TypeNotInstalled
from lvmkit.model.messages.lcdi import NoSuchObject
from lvmkit.model.resource_types import RESOURCE_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call

APP_NOTE, TYPE_NOTE = "!app!", "!type!"
"""flags that begin so: the application, or the application, '!' and the type, follow"""


def types(lkroot: str) -> tuple[tuple[str, str], ...]:
    """(application, resource type) of every type that is installed, and of the kit's own that need no scripts."""
    known = {(kind.application, kind.name) for kind in RESOURCE_TYPES.values() if not kind.has_scripts}
    for app in _folders(f"{lkroot}/subsys"):
        for name in _folders(f"{lkroot}/subsys/{app}/resources"):
            if has_scripts(lkroot, app, name):
                known.add((app, name))
    return tuple(sorted(known))


def applications(lkroot: str) -> tuple[str, ...]:
    """Every application that has a type."""
    return tuple(sorted({app for app, _ in types(lkroot)}))


def has_scripts(lkroot: str, app: str, name: str) -> bool:
    """Whether the action scripts of a type are installed."""
    return bool(_entries(f"{lkroot}/subsys/{app}/resources/{name}/actions"))


def is_type(app: str, name: str, call: Call) -> bool:
    """Whether an instance of this type can be made on this server."""
    kind = RESOURCE_TYPES.get(name)
    if kind is not None and kind.application == app and not kind.has_scripts:
        return True
    return has_scripts(call.paths.lkroot, app, name)


def refuse_missing_type(app: str, name: str, call: Call) -> None:
    """Raise Failure (110000 for the kit's own types, 110381 for others) where the type is not installed here."""
    if is_type(app, name, call):
        return
    kind = RESOURCE_TYPES.get(name)
    if kind is not None and kind.application == app:
        raise Failure(TypeNotInstalled(name, call.port.local_server()))
    raise Failure(NoSuchObject("resource type", f"{name} of application {app}", call.port.local_server(), "typ_list"))


def _folders(path: str) -> tuple[str, ...]:
    return tuple(name for name in _entries(path) if os.path.isdir(f"{path}/{name}"))


def _entries(path: str) -> tuple[str, ...]:
    """What a folder holds but hidden files; () where there is none."""
    try:
        return tuple(sorted(name for name in os.listdir(path) if not name.startswith(".")))
    except (FileNotFoundError, NotADirectoryError):
        return ()

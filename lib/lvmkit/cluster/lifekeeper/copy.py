"""The kit's own copy of what this server's core holds, on this disk, which is read without starting a program.

It is written whenever the core was asked, and may lag behind: good for questions that may be in vain and for a check
that asks the core before it says that something is wrong. It has no states.
"""

from __future__ import annotations

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ILLSTATE, Dependency, Instance
from lvmkit.model.messages import Failure
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.settings import Paths

_NAME, _END = "lifekeeper.copy", "end"
_SEPARATOR = "\x01"


def read(paths: Paths) -> Hierarchy:
    """The copy; empty where there is none, or none that is whole."""
    try:
        return parse(files.read(_path(paths)) or "")
    except (Failure, ValueError, TypeError):  # what another version wrote may have other fields
        return Hierarchy()


def keep(paths: Paths, hierarchy: Hierarchy) -> None:
    """Write it, unless it says the same already. Where it cannot be written, it lags behind."""
    text = dump(hierarchy)
    try:
        if files.read(_path(paths)) != text:
            files.make_folder(paths.state, mode=0o700)
            files.replace(_path(paths), text, mode=0o600)
    except Failure:
        return


def dump(hierarchy: Hierarchy) -> str:
    """A hierarchy as text, without states and reasons."""
    text = ""
    for i in hierarchy.instances:
        text += _line("instance", i.server, i.app, i.type, i.tag, i.id, i.info, i.initialisation, i.switchback)
    for link in hierarchy.dependencies:
        text += _line("link", link.parent, link.child)
    return text + _line(_END)


def parse(text: str) -> Hierarchy:
    """The hierarchy of a text; empty for one that is not whole."""
    *lines, last = text.removesuffix("\n").split("\n")
    if last != _END:
        return Hierarchy()
    instances, links = [], []
    for line in lines:
        kind, *fields = line.split(_SEPARATOR)
        if kind == "link":
            links.append(Dependency(*fields))
        else:
            server, app, resource_type, tag, ident, info, initialisation, switchback = fields
            facts = (server, app, resource_type, tag, ident, info, ILLSTATE, "")
            instances.append(Instance(*facts, initialisation, switchback))
    return Hierarchy(tuple(instances), tuple(links))


def _line(*fields: str) -> str:
    return f"{_SEPARATOR.join(fields)}\n"


def _path(paths: Paths) -> str:
    return f"{paths.state}/{_NAME}"

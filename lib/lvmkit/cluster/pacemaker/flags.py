"""LifeKeeper's flags in a CIB: a set of attributes of our own beside the attributes of each server."""

from __future__ import annotations

import copy

from lvmkit.cluster.checks import require_flag
from lvmkit.cluster.pacemaker import elements, ids, record
from lvmkit.model.messages import Failure
from lvmkit.model.messages.lcdi import FlagEndsElsewhere
from lvmkit.model.messages.pacemaker import UnknownServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_VOLATILE = "!volatile!"
_LASTS = "lasts"
"""the value of a flag that does not end with a boot; that of a volatile one is the boot's ID"""


def names(root: Element, server: str, boot: str) -> tuple[str, ...]:
    """The flags of a server that are on, sorted. boot: that the server is in; '' where it is not known.

    Then volatile flags count as on. Raises Failure (UnknownServer, 110155).
    """
    held = elements.values(_holder(_node(root, server)))
    return tuple(sorted(record.plain(name) for name, kept in held.items() if kept == _LASTS or boot in ("", kept)))


def create(root: Element, flag: str, server: str, boot: str) -> Element | None:
    """The CIB with the flag; None where it is on. Raises Failure (110100, 110155, 110388)."""
    require_flag(flag)
    if flag.startswith(_VOLATILE) and not boot:
        raise Failure(FlagEndsElsewhere(flag, server))
    if flag in names(root, server, boot):
        return None
    return _with(root, flag, server, boot if flag.startswith(_VOLATILE) else _LASTS)


def remove(root: Element, flag: str, server: str, boot: str) -> Element | None:
    """The CIB without the flag; None where it is off. Raises Failure (UnknownServer, 110155)."""
    return _with(root, flag, server, "") if flag in names(root, server, boot) else None


def _with(root: Element, flag: str, server: str, kept: str) -> Element:
    """The CIB with another value of the flag; '' for none."""
    made = copy.deepcopy(root)
    node = _node(made, server)
    holder, held = _holder(node), elements.values(_holder(node))
    held.pop(record.escaped(flag), None)
    if kept:
        held[record.escaped(flag)] = kept
    if holder is not None:
        node.remove(holder)
    if held:
        node.append(_set(node, held))
    return made


def _set(node: Element, held: dict[str, str]) -> Element:
    """Flags may hold any character, and IDs of XML may not: pairs are numbered."""
    made = elements.new("instance_attributes", id=_set_id(node))
    for number, (name, kept) in enumerate(sorted(held.items())):
        made.append(elements.new("nvpair", id=f"{_set_id(node)}-{number}", name=name, value=kept))
    return made


def _holder(node: Element) -> Element | None:
    return node.find(f"instance_attributes[@id='{_set_id(node)}']")


def _set_id(node: Element) -> str:
    return f"{ids.PREFIX}flags-{node.get('id', '')}"


def _node(root: Element, server: str) -> Element:
    known = {node.get("uname", ""): node for node in elements.children(root, elements.NODES, "node")}
    if server not in known:
        raise Failure(UnknownServer(server, tuple(known)))
    return known[server]

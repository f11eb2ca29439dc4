"""A dependency of two primitives: an order and a colocation, which come and go together.

What requires another primitive is started after it and stopped before it, on the same server.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, INFINITY
from lvmkit.model.instance import Dependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from xml.etree.ElementTree import Element

ORDER, COLOCATION = "rsc_order", "rsc_colocation"


def order(link: Dependency) -> Element:
    """The order of a dependency."""
    parent, child = _ids(link)
    return elements.new(ORDER, id=_order_id(parent, child), first=child, then=parent, kind="Mandatory")


def colocation(link: Dependency) -> Element:
    """The colocation of a dependency. Its influence is the default: the child is placed with its parents' wishes."""
    parent, child = _ids(link)
    return elements.new(COLOCATION, id=_colocation_id(parent, child), rsc=parent, with_rsc=child, score=INFINITY)


def ends(element: Element) -> tuple[str, str] | None:
    """The IDs of parent and child in an order or a colocation of ours; None for any other element."""
    if element.tag == ORDER:
        parent, child = element.get("then", ""), element.get("first", "")
        is_ours = element.get("id") == _order_id(parent, child)
    else:
        parent, child = element.get("rsc", ""), element.get("with-rsc", "")
        is_ours = element.tag == COLOCATION and element.get("id") == _colocation_id(parent, child)
    return (parent, child) if is_ours else None


def links(root: Element, own: Collection[str]) -> Iterator[Dependency]:
    """The dependencies for which there is an order. own: the tags of our primitives."""
    for element in elements.children(root, CONSTRAINTS, ORDER):
        parent, child = map(ids.tag_of, ends(element) or ("", ""))
        if parent and child and parent in own and child in own:
            yield Dependency(parent, child)


def add(root: Element, link: Dependency) -> None:
    """Store a dependency. Changes root."""
    elements.at(root, CONSTRAINTS).extend((order(link), colocation(link)))


def drop(root: Element, link: Dependency) -> None:
    """Remove a dependency. Changes root."""
    elements.drop(root, CONSTRAINTS, lambda element: ends(element) == _ids(link))


def drop_of(root: Element, gone: set[str]) -> None:
    """Remove all dependencies of primitives with these IDs. Changes root."""
    elements.drop(root, CONSTRAINTS, lambda element: bool(gone.intersection(ends(element) or ())))


def _ids(link: Dependency) -> tuple[str, str]:
    return ids.resource_id(link.parent), ids.resource_id(link.child)


def _order_id(parent: str, child: str) -> str:
    return f"{child}_then_{parent}"


def _colocation_id(parent: str, child: str) -> str:
    return f"{parent}_with_{child}"

"""The colocation of two primitives: what requires another one runs on the same server."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.model.instance import Dependency

KIND = "rsc_colocation"


def make(link: Dependency) -> Element:
    """The colocation of a dependency. Its influence is the default: the child is placed with its parents' wishes."""
    parent, child = ids.resource_id(link.parent), ids.resource_id(link.child)
    return elements.new(KIND, id=_element_id(parent, child), rsc=parent, with_rsc=child, score=INFINITY)


def ends(element: Element) -> tuple[str, str] | None:
    """The IDs of what is placed and of what it is placed with in a colocation of ours; None for any other element."""
    own, other = element.get("rsc", ""), element.get("with-rsc", "")
    is_ours = element.tag == KIND and element.get("id") == _element_id(own, other)
    return (own, other) if is_ours else None


def add(root: Element, link: Dependency) -> None:
    """Store the colocation of a dependency. Changes root."""
    elements.at(root, CONSTRAINTS).append(make(link))


def drop(root: Element, link: Dependency) -> None:
    """Remove the colocation of a dependency. Changes root."""
    pair = ids.resource_id(link.parent), ids.resource_id(link.child)
    elements.drop(root, CONSTRAINTS, lambda element: ends(element) == pair)


def drop_of(root: Element, gone: set[str]) -> None:
    """Remove all our colocations of primitives with these IDs. Changes root."""
    elements.drop(root, CONSTRAINTS, lambda element: bool(gone.intersection(ends(element) or ())))


def _element_id(own: str, other: str) -> str:
    return f"{own}_with_{other}"

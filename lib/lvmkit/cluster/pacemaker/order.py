"""The order of two primitives: what requires another one is started after it, and stopped before it."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS
from lvmkit.model.instance import Dependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from xml.etree.ElementTree import Element

KIND = "rsc_order"


def make(link: Dependency) -> Element:
    """The order of a dependency."""
    first, then = ids.resource_id(link.child), ids.resource_id(link.parent)
    return elements.new(KIND, id=_element_id(first, then), first=first, then=then, kind="Mandatory")


def ends(element: Element) -> tuple[str, str] | None:
    """The IDs of what is first and of what is then in an order of ours; None for any other element."""
    first, then = element.get("first", ""), element.get("then", "")
    is_ours = element.tag == KIND and element.get("id") == _element_id(first, then)
    return (first, then) if is_ours else None


def links(root: Element, own: Collection[str]) -> Iterator[Dependency]:
    """The dependencies for which there is an order. own: the tags of our primitives."""
    for element in elements.children(root, CONSTRAINTS, KIND):
        first, then = map(ids.tag_of, ends(element) or ("", ""))
        if first and then and first in own and then in own:
            yield Dependency(then, first)


def add(root: Element, link: Dependency) -> None:
    """Store the order of a dependency. Changes root."""
    elements.at(root, CONSTRAINTS).append(make(link))


def drop(root: Element, link: Dependency) -> None:
    """Remove the order of a dependency. Changes root."""
    pair = ids.resource_id(link.child), ids.resource_id(link.parent)
    elements.drop(root, CONSTRAINTS, lambda element: ends(element) == pair)


def drop_of(root: Element, gone: set[str]) -> None:
    """Remove all our orders of primitives with these IDs. Changes root."""
    elements.drop(root, CONSTRAINTS, lambda element: bool(gone.intersection(ends(element) or ())))


def _element_id(first: str, then: str) -> str:
    return f"{first}_then_{then}"

"""Reading, making and finding XML elements; comments and the order of what is there are kept."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import ToolGarbled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any
    from xml.etree.ElementTree import Element

    Form = tuple[str, frozenset[tuple[str, str]], tuple[Any, ...]]

RESOURCES, CONSTRAINTS, NODES = "configuration/resources", "configuration/constraints", "configuration/nodes"
INFINITY = "INFINITY"
INFINITE = 1_000_000
"""what Pacemaker counts INFINITY as"""


def parse(text: str, source: str) -> Element:
    """The root element of a document. source: the command that printed it. Raises Failure (110152)."""
    builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
    try:
        return ElementTree.fromstring(text, ElementTree.XMLParser(target=builder))  # noqa: S314 - from tools that root runs
    except ElementTree.ParseError as error:
        raise Failure(ToolGarbled(source, str(error))) from error


def written(element: Element) -> str:
    """The element as text, without what follows it."""
    return ElementTree.tostring(element, encoding="unicode").strip()


def form(element: Element) -> Form:
    """What an element says, the same however it was printed."""
    return str(element.tag), frozenset(element.attrib.items()), tuple(map(form, element))


def new(kind: str, /, **attributes: str) -> Element:
    """An element; '_' in an attribute's name is written '-', and a trailing one dropped, as in id_ or with_rsc."""
    return ElementTree.Element(kind, {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()})


def at(root: Element, path: str) -> Element:
    """The element at a path that every valid CIB has, made where it lacks."""
    for name in path.split("/"):
        child = root.find(name)
        root = ElementTree.SubElement(root, name) if child is None else child
    return root


def children(root: Element, path: str, name: str | None = None) -> Iterator[Element]:
    """The elements (no comments) below a path, in their order; none where there is no such path."""
    section = root.find(path)
    for child in () if section is None else section:
        if isinstance(child.tag, str) and name in (None, child.tag):
            yield child


def with_id(root: Element, path: str, element_id: str) -> Element | None:
    """The child of path with this ID."""
    return next((child for child in children(root, path) if child.get("id") == element_id), None)


def drop(root: Element, path: str, unwanted: Callable[[Element], bool]) -> None:
    """Remove the children of path that are unwanted."""
    section = root.find(path)
    for child in [child for child in children(root, path) if unwanted(child)]:
        if section is not None:
            section.remove(child)


def put_in_place(section: Element, old: Element, fresh: Element) -> None:
    """Put an element where another one is."""
    section[list(section).index(old)] = fresh


def values(holder: Element | None) -> dict[str, str]:
    """The names and values of a set's nvpairs."""
    return {} if holder is None else {pair.get("name", ""): pair.get("value", "") for pair in holder.iter("nvpair")}


def pairs(kind: str, set_id: str, given: dict[str, str]) -> Element:
    """A set of nvpairs; their IDs are the set's and the name."""
    made = new(kind, id=set_id)
    made.extend(new("nvpair", id=f"{set_id}-{name}", name=name, value=value) for name, value in given.items())
    return made


def score(text: str) -> int:
    """A score, also a count of failures; what is no number counts as 0 (Pacemaker Explained, 'Scores')."""
    text = text.lstrip("+")
    if text.lstrip("-") == INFINITY:
        return -INFINITE if text.startswith("-") else INFINITE
    return int(text) if text.lstrip("-").isdecimal() else 0

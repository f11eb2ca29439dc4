"""What a change takes from the CIB, element by element and with all that an administrator added, to be put back.

A note is '<kept path= next=>' with the element as it was and, where the change leaves it in another form, as the change
leaves it; `next` is the ID of the element that came after it.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import cib, elements, release
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, RESOURCES
from lvmkit.cluster.pacemaker.record import facts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

_ENDS = ("rsc", "with-rsc", "first", "then")


def remember(before: Element, after: Element) -> tuple[str, ...]:
    """A note for each element that goes or changes between two CIBs; what comes is none of them."""
    return tuple(elements.written(note) for path in (RESOURCES, CONSTRAINTS) for note in _notes(before, after, path))


def put_back(root: Element, remembered: tuple[str, ...]) -> Element:
    """The CIB in which all that was let go is held again, and what was remembered is there as it was.

    Only held again where the change was not made, or where somebody has protected the same anew: a change is atomic, so
    one element that is there says it. What somebody else changed since stays as it is.
    """
    made = release.held_again(root)
    notes = [elements.parse(text, "the journal") for text in remembered]
    if any(_is_there(made, note) for note in notes):
        return made
    for path in (RESOURCES, CONSTRAINTS):
        for note in reversed([note for note in notes if note.get("path") == path]):
            _restore(made, note)
    return made


def _notes(before: Element, after: Element, path: str) -> Iterator[Element]:
    left = {element.get("id"): element for element in elements.children(after, path)}
    section = list(elements.children(before, path))
    for element, following in zip(section, [*section[1:], None]):
        changed = left.get(element.get("id"))
        if changed is not None and elements.form(changed) == elements.form(element):
            continue
        note = elements.new("kept", path=path, next="" if following is None else following.get("id", ""))
        note.extend([element] if changed is None else [element, changed])
        yield note


def _is_there(root: Element, note: Element) -> bool:
    """Whether what the change removed is there, or something else with the same ID in the kit's own terms."""
    if len(note) > 1:
        return False
    element, path = note[0], note.get("path", "")
    if elements.with_id(root, path, element.get("id", "")) is not None:
        return True
    facts = facts_of(element)
    key = (facts.get("server", ""), facts.get("type", ""), facts.get("id", ""))
    return bool(facts) and key in cib.owners(root)


def _restore(root: Element, note: Element) -> None:
    path, element = note.get("path", ""), note[0]
    stored = elements.with_id(root, path, element.get("id", ""))
    section = elements.at(root, path)
    if len(note) > 1:
        if stored is not None and elements.form(stored) == elements.form(note[1]):
            elements.put_in_place(section, stored, element)
        return
    if not _fits(root, element):
        return
    following = elements.with_id(root, path, note.get("next", ""))
    position = len(section) if following is None else list(section).index(following)
    section.insert(position, element)


def _fits(root: Element, element: Element) -> bool:
    """Whether all that a constraint names is there."""
    ends = [element.get(key) for key in _ENDS if element.get(key)]
    if any(elements.with_id(root, RESOURCES, end or "") is None for end in ends):
        return False
    return element.tag != "rsc_location" or element.get("node") is None or element.get("node") in cib.servers(root)

"""The first half of a removal: the cluster lets go of what runs, so that it is not stopped as an orphan.

Each primitive gets a set of meta attributes of its own for that, 'lvmkit-TAG_letgo', and its places say that nobody is
to look for it. The set notes what the places said before. So any later run, on any server, can undo it exactly, and
what an administrator has set, maintenance=true among it, stays.
"""

from __future__ import annotations

import copy

from lvmkit.cluster.pacemaker import cib, elements, ids, location, primitive
from lvmkit.cluster.pacemaker.elements import INFINITY
from lvmkit.cluster.pacemaker.location import DISCOVERY, EXCLUSIVE, NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    Places = dict[str, Element]

_NOTE = "lvmkit-discovery"


def let_go(root: Element, tags: tuple[str, ...]) -> Element:
    """The CIB in which nothing is done for these tags and nobody even looks for them.

    When their history is wiped then, they can leave the configuration. Else the cluster would stop them as orphans,
    and in no order: the volume below a mounted file system first.
    """
    made = copy.deepcopy(root)
    primitives, servers = primitive.own(made), cib.servers(made)
    for tag in tags:
        if _mark(primitives[tag]) is None:
            _release(made, tag, primitives[tag], servers)
    return made


def held_again(root: Element) -> Element:
    """The CIB in which whatever was let go, and not removed, is the cluster's again, as it was."""
    made = copy.deepcopy(root)
    for tag, element in primitive.own(made).items():
        places = location.of_tag(made, tag)
        mark = _mark(element)
        if mark is not None:
            _reset(made, places, _noted(mark))
            element.remove(mark)
        elif _was_let_go_by_an_older_version(made, element, places):
            _reset(made, places, {s: EXCLUSIVE for s, place in places.items() if location.score(place) >= 0})
            primitive.set_meta(element, {"maintenance": None})
    return made


def _release(root: Element, tag: str, owner: Element, servers: tuple[str, ...]) -> None:
    places = location.of_tag(root, tag)
    before = {server: place.get(DISCOVERY, "") for server, place in places.items()}
    own = _mark_id(owner)
    note = " ".join(f"{ids.encoded(server)}={word}" for server, word in before.items())
    mark = elements.pairs("meta_attributes", own, {"maintenance": "true", _NOTE: note})
    mark.set("score", INFINITY)  # it counts before a set of somebody else's
    owner.insert(0, mark)
    for server in servers:
        if server not in places:
            places[server] = location.no_place(tag, server)
            location.add(root, places[server])
        places[server].set(DISCOVERY, NEVER)


def _reset(root: Element, places: Places, before: dict[str, str]) -> None:
    """Give places back what they said; what was made for the removal goes. Who changed one since is right."""
    for server, place in places.items():
        if place.get(DISCOVERY) != NEVER:
            continue
        if server not in before:
            location.remove(root, place)
        elif before[server]:
            place.set(DISCOVERY, before[server])
        else:
            del place.attrib[DISCOVERY]


def _mark(owner: Element) -> Element | None:
    return owner.find(f"meta_attributes[@id='{_mark_id(owner)}']")


def _mark_id(owner: Element) -> str:
    return ids.part_id(owner.get("id", ""), "letgo")


def _noted(mark: Element) -> dict[str, str]:
    words = elements.values(mark).get(_NOTE, "").split()
    pairs = (word.partition("=") for word in words)
    return {ids.decoded(server) or server: before for server, _, before in pairs}


def _was_let_go_by_an_older_version(root: Element, owner: Element, places: Places) -> bool:
    """It left no note: maintenance for the resource, and on every server a place that forbids to look."""
    if primitive.meta_of(owner).get("maintenance") != "true":
        return False
    servers = cib.servers(root)
    return bool(servers) and all(s in places and places[s].get(DISCOVERY) == NEVER for s in servers)

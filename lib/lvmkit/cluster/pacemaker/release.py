"""The first half of a removal: the cluster lets go of what runs, so that it is not stopped as an orphan.

Each primitive gets a set of meta attributes of its own for that, 'lvmkit-TAG_letgo', and its places say that nobody is
to look for it. The set notes what the places said before. So any later run, on any server, can undo it exactly, and
what an administrator has set, maintenance=true among it, stays.
"""

from __future__ import annotations

import copy

from lvmkit.cluster.pacemaker import cib, elements, ids
from lvmkit.cluster.pacemaker.cib import CONSTRAINTS, INFINITY
from lvmkit.cluster.pacemaker.places import DISCOVERY
from lvmkit.cluster.pacemaker.primitives import meta_of, set_meta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    Places = dict[str, Element]

_NEVER = "never"
_NOTE = "lvmkit-discovery"


def let_go(root: Element, tags: tuple[str, ...]) -> Element:
    """The CIB in which nothing is done for these tags and nobody even looks for them.

    When their history is wiped then, they can leave the configuration. Else the cluster would stop them as orphans,
    and in no order: the volume below a mounted file system first.
    """
    made = copy.deepcopy(root)
    primitives, servers = cib.own_primitives(made), cib.servers(made)
    for tag in tags:
        if _mark(primitives[tag]) is None:
            _release(made, tag, primitives[tag], servers)
    return made


def held_again(root: Element) -> Element:
    """The CIB in which whatever was let go, and not removed, is the cluster's again, as it was."""
    made = copy.deepcopy(root)
    for tag, primitive in cib.own_primitives(made).items():
        places = _places(made, tag)
        mark = _mark(primitive)
        if mark is not None:
            _reset(made, places, _noted(mark))
            primitive.remove(mark)
        elif _was_let_go_by_an_older_version(made, primitive, places):
            _reset(made, places, {s: "exclusive" for s, place in places.items() if cib.score(place) >= 0})
            set_meta(primitive, {"maintenance": None})
    return made


def _release(root: Element, tag: str, primitive: Element, servers: tuple[str, ...]) -> None:
    places = _places(root, tag)
    before = {server: place.get(DISCOVERY, "") for server, place in places.items()}
    own = ids.part_id(primitive.get("id", ""), "letgo")
    note = " ".join(f"{ids.encoded(server)}={word}" for server, word in before.items())
    mark = elements.pairs("meta_attributes", own, {"maintenance": "true", _NOTE: note})
    mark.set("score", INFINITY)  # it counts before a set of somebody else's
    primitive.insert(0, mark)
    for server in servers:
        if server not in places:
            places[server] = _no_place(tag, server)
            elements.at(root, CONSTRAINTS).append(places[server])
        places[server].set(DISCOVERY, _NEVER)


def _reset(root: Element, places: Places, before: dict[str, str]) -> None:
    """Give places back what they said; what was made for the removal goes. Who changed one since is right."""
    for server, place in places.items():
        if place.get(DISCOVERY) != _NEVER:
            continue
        if server not in before:
            elements.at(root, CONSTRAINTS).remove(place)
        elif before[server]:
            place.set(DISCOVERY, before[server])
        else:
            del place.attrib[DISCOVERY]


def _mark(primitive: Element) -> Element | None:
    own = ids.part_id(primitive.get("id", ""), "letgo")
    return primitive.find(f"meta_attributes[@id='{own}']")


def _noted(mark: Element) -> dict[str, str]:
    words = elements.values(mark).get(_NOTE, "").split()
    pairs = (word.partition("=") for word in words)
    return {ids.decoded(server) or server: before for server, _, before in pairs}


def _was_let_go_by_an_older_version(root: Element, primitive: Element, places: Places) -> bool:
    """It left no note: maintenance for the resource, and on every server a place that forbids to look."""
    if meta_of(primitive).get("maintenance") != "true":
        return False
    servers = cib.servers(root)
    return bool(servers) and all(s in places and places[s].get(DISCOVERY) == _NEVER for s in servers)


def _places(root: Element, tag: str) -> Places:
    """The constraints by server that say where a tag may run, or for a while may not be looked for."""
    own = ids.resource_id(tag)
    each = (e for e in elements.children(root, CONSTRAINTS, "rsc_location") if e.get("rsc") == own and cib.is_place(e))
    return {place.get("node", ""): place for place in each}


def _no_place(tag: str, server: str) -> Element:
    own = ids.resource_id(tag)
    return elements.new("rsc_location", id=cib.location_id(tag, server), rsc=own, node=server, score=f"-{INFINITY}")

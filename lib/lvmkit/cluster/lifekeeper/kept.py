"""What a change takes from the core's records, kept row by row so that each row can be put back by itself.

A change here is many commands, and may have ended after any of them. So a row that is there says nothing of the next
one; but a row that is there with other facts was protected anew by somebody, and then nothing is put back.
"""

from __future__ import annotations

import json

from lvmkit.cluster.lifekeeper import commit, lcdi
from lvmkit.cluster.lifekeeper.records import Pair, Site
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import Dependency, Instance
from lvmkit.model.value import Value, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.cluster.lifekeeper.known import Known
    from lvmkit.cluster.lifekeeper.lcdi import Commands
    from lvmkit.cluster.port import Change

_FACTS = ("app", "type", "id", "info", "initialisation", "switchback")


class Notes(Value):
    """What was remembered."""

    removed: tuple[Instance, ...]
    """of every server, by its own tags"""
    updated: tuple[tuple[Instance, dict[str, str]], ...]
    """(as it was, the facts that the change gives it)"""
    links: tuple[tuple[str, Dependency], ...]
    """(server, dependency)"""
    shared: tuple[commit.Shared, ...]


def remember(known: Known, change: Change, server: str) -> tuple[str, ...]:
    """The rows that a change removes, updates and unlinks, or that unextending its tags from a server would remove."""
    places = _places(known, change, server)
    notes: list[dict[str, object]] = []
    for place in places:
        instance = dict(known.graphs)[place.server].by_tag(place.tag)
        if instance is not None:
            notes.append({"row": instance.as_dict()})
    for update in change.update:
        stored = known.own().by_tag(update.tag)
        if stored is not None:
            notes.append({"row": stored.as_dict(), "after": _facts(update)})
    changed = {*places, *(Site(known.local, update.tag) for update in change.update)}
    notes += _links(known, changed, change, server)
    for pair in known.pairs:
        if pair.one in changed or pair.other in changed:
            notes.append(_share(pair, known))
    return tuple(map(json.dumps, notes))


def servers(remembered: tuple[str, ...]) -> tuple[str, ...]:
    """The servers that the rows are of."""
    notes = parse(remembered)
    names = [instance.server for instance in notes.removed]
    names += [server for server, _ in notes.links]
    for shared in notes.shared:
        names += [shared.pair.one.server, shared.pair.other.server]
    return tuple(dict.fromkeys(names))


def parse(remembered: tuple[str, ...]) -> Notes:
    """The rows as values."""
    removed, updated, links, shared = [], [], [], []
    for note in map(json.loads, remembered):
        if "after" in note:
            updated.append((Instance(**note["row"]), note["after"]))
        elif "row" in note:
            removed.append(Instance(**note["row"]))
        elif "link" in note:
            links.append((note["server"], Dependency(*note["link"])))
        else:
            pair = Pair(*(Site(*place) for place in note["pair"]))
            shared.append(commit.Shared(pair, tuple(note["ranks"])))
    return Notes(tuple(removed), tuple(updated), tuple(links), tuple(shared))


def put_back(how: Commands, known: Known, remembered: tuple[str, ...]) -> None:
    """Put back what is missing. known: read anew, with all servers() of the rows. Raises Failure as the commands do."""
    notes, graphs = parse(remembered), dict(known.graphs)
    if any(_is_another(instance, graphs) for instance in notes.removed):
        return
    missing = [instance for instance in notes.removed if graphs[instance.server].by_tag(instance.tag) is None]
    again: list[Instance] = []
    for instance, after in notes.updated:
        again += _revert(how, instance, after, known)
    missing += again
    for instance in missing:
        commit.make(how, instance, commit.at(instance.server, known.local))
    present = {Site(server, tag) for server, graph in known.graphs for tag in graph.tags}
    present |= {Site(instance.server, instance.tag) for instance in missing}
    touched = {instance.server for instance in missing}
    lost = {Site(instance.server, instance.tag) for instance in again}
    touched |= _link_again(how, notes, present, lost, known)
    touched |= _share_again(how, notes, present, lost, known)
    commit.store(how, touched, known.local)


def _places(known: Known, change: Change, server: str) -> tuple[Site, ...]:
    """What goes: on one server, or on all that have it."""
    names = [server] if server else [name for name, _ in known.graphs]
    places = []
    for tag in change.remove:
        for name in names:
            place = known.place(tag, name)
            if place is not None:
                places.append(place)
    return tuple(places)


def _links(known: Known, changed: set[Site], change: Change, server: str) -> list[dict[str, object]]:
    notes: list[dict[str, object]] = []
    for name, graph in known.graphs:
        for link in graph.dependencies:
            is_unlinked = name == known.local and not server and link in change.unlink
            if is_unlinked or Site(name, link.parent) in changed or Site(name, link.child) in changed:
                notes.append({"server": name, "link": (link.parent, link.child)})
    return notes


def _share(pair: Pair, known: Known) -> dict[str, object]:
    (shared,) = commit.shares_between([(pair.one, pair.other)], known)
    places = ((place.server, place.tag) for place in (pair.one, pair.other))
    return {"pair": tuple(places), "ranks": shared.ranks}


def _facts(instance: Instance) -> dict[str, str]:
    return {name: getattr(instance, name) for name in _FACTS}


def _is_another(instance: Instance, graphs: dict[str, Hierarchy]) -> bool:
    """Whether somebody has protected the same anew."""
    graph = graphs[instance.server]
    stored = graph.by_tag(instance.tag) or graph.by_id(instance.id, instance.type)
    return stored is not None and (stored.tag, _facts(stored)) != (instance.tag, _facts(instance))


def _revert(how: Commands, instance: Instance, after: dict[str, Any], known: Known) -> list[Instance]:
    """Undo an update, unless something has changed the row since; returns the row where it must be made again.

    One without info was about to be made anew, and one that is not there was being made anew.
    """
    stored = known.own().by_tag(instance.tag)
    if stored is None:
        return [] if known.own().by_id(instance.id, instance.type) else [instance]
    is_emptied = bool(instance.info) and stored == replace(instance, info="", state=stored.state, reason=stored.reason)
    if not is_emptied and _facts(stored) != after:
        return []
    if (stored.app, stored.type, stored.id) == (instance.app, instance.type, instance.id):
        commit.alter(how, stored, instance)
        return []
    for link in known.own().dependencies:
        if instance.tag in (link.parent, link.child):
            lcdi.dep_remove(how, link)
    lcdi.ins_setinfo(how, instance.tag, "")
    lcdi.ins_remove(how, instance.tag)
    return [instance]


def _link_again(how: Commands, notes: Notes, present: set[Site], lost: set[Site], known: Known) -> set[str]:
    """Make the dependencies that are missing. lost: what was made anew, and so has none. Returns the servers."""
    servers = set()
    for server, link in notes.links:
        ends = {Site(server, link.parent), Site(server, link.child)}
        is_there = link in dict(known.graphs)[server].dependencies and not ends & lost
        if is_there or not ends <= present:
            continue
        lcdi.dep_create(how, link, commit.at(server, known.local))
        servers.add(server)
    return servers


def _share_again(how: Commands, notes: Notes, present: set[Site], lost: set[Site], known: Known) -> set[str]:
    """The same for equivalencies."""
    servers: set[str] = set()
    there = {frozenset((pair.one, pair.other)) for pair in known.pairs}
    for each in notes.shared:
        ends = {each.pair.one, each.pair.other}
        is_there = frozenset(ends) in there and not ends & lost
        if is_there or not ends <= present:
            continue
        lcdi.eqv_create(how, each.pair, each.ranks, commit.at(each.pair.one.server, known.local))
        servers |= {place.server for place in ends}
    return servers

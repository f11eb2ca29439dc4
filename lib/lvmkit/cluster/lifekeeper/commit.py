"""A change of the core's records, command by command. What does not fit was refused before (fitting.py).

The order: what goes, parents first, on every server that has it; what comes, and what is made anew; what is altered;
states; dependencies; equivalencies; and each server that was changed stores its database. So at any moment no
dependency is there without its ends, and nothing is required that is not there.
"""

from __future__ import annotations

from lvmkit.cluster.lifekeeper import lcdi
from lvmkit.cluster.lifekeeper.records import Pair, Site
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.lifekeeper.known import Known
    from lvmkit.cluster.lifekeeper.lcdi import Commands
    from lvmkit.cluster.port import Change
    from lvmkit.model.instance import Dependency, Instance


class Shared(Value):
    """An equivalency to be made, and the priority of each side."""

    pair: Pair
    ranks: tuple[int, int]


def carry_out(how: Commands, change: Change, known: Known) -> None:
    """Make all parts of a change. Raises Failure as the commands do; what was done until then stays."""
    own, local = known.own(), known.local
    renewed = tuple(each for each in change.update if _is_made_anew(each, known))
    links = _links_of(renewed, known, change)
    shared = _shares_of(renewed, known)
    for link in (*change.unlink, *links):
        lcdi.dep_remove(how, link)
    gone = remove(how, change.remove, known)
    for instance in renewed:
        lcdi.ins_setinfo(how, instance.tag, "")
        lcdi.ins_remove(how, instance.tag)
    for instance in (*change.add, *renewed):
        make(how, instance, at(instance.server, local))
    for instance in change.update:
        stored = own.by_tag(instance.tag)
        if stored is not None and instance not in renewed:
            alter(how, stored, instance)
    touched = _link(how, change, links, known)
    for each in (*shared, *_new_shares(change, known)):
        lcdi.eqv_create(how, each.pair, each.ranks, at(each.pair.one.server, local))
        touched |= {each.pair.one.server, each.pair.other.server}
    store(how, {local, *gone, *touched}, local)


def remove(how: Commands, tags: tuple[str, ...], known: Known) -> set[str]:
    """Remove instances by their tags here on every server that has them, parents first; returns the servers."""
    servers = set()
    for server, _ in known.graphs:
        places = [place for tag in tags if (place := known.place(tag, server)) is not None]
        servers |= remove_from(how, server, [place.tag for place in places], known)
    return servers


def remove_from(how: Commands, server: str, tags: Iterable[str], known: Known) -> set[str]:
    """Remove instances of a server by their tags there, parents first; returns the servers that were changed."""
    graph = dict(known.graphs)[server]
    doomed = graph.remove_order(tags)
    for tag in doomed:
        lcdi.ins_remove(how, tag, at(server, known.local))
    return {server} if doomed else set()


def make(how: Commands, instance: Instance, destination: str) -> None:
    """Make an instance, with its state where it can have it from us."""
    lcdi.ins_create(how, instance, destination)
    if instance.state in lcdi.SETTABLE:
        lcdi.ins_setstate(how, instance.tag, instance.state, instance.reason, destination)


def store(how: Commands, servers: Iterable[str], local: str) -> None:
    """Have these servers store their databases."""
    for server in sorted(servers):
        lcdi.lcdsync(how, at(server, local))


def at(server: str, local: str) -> str:
    """What -d is to name: nothing for this server."""
    return "" if server == local else server


def shares_between(places: Iterable[tuple[Site, Site]], known: Known) -> tuple[Shared, ...]:
    """Equivalencies with the priorities that are known, or for the first of each two the next that is free.

    A core may say a priority of what has no equivalency yet, too: one that the other side has counts as none.
    """
    ranks = dict(known.ranks)
    shared = []
    for one, other in places:
        theirs = ranks.get(other, 1)
        taken = (theirs, *(rank for place, rank in known.ranks if place.tag == other.tag))
        mine = ranks.get(one, theirs)
        shared.append(Shared(Pair(one, other), (mine if mine != theirs else max(taken) + 1, theirs)))
    return tuple(shared)


def _is_made_anew(instance: Instance, known: Known) -> bool:
    """Whether it gets what no command can change."""
    stored = known.own().by_tag(instance.tag)
    kept = (instance.app, instance.type, instance.id)
    return stored is not None and (stored.app, stored.type, stored.id) != kept


def _links_of(renewed: tuple[Instance, ...], known: Known, change: Change) -> tuple[Dependency, ...]:
    """The dependencies that what is made anew loses for a while."""
    tags = {instance.tag for instance in renewed}
    return tuple(
        link
        for link in known.own().dependencies
        if (link.parent in tags or link.child in tags) and link not in change.unlink
    )


def _shares_of(renewed: tuple[Instance, ...], known: Known) -> tuple[Shared, ...]:
    """The equivalencies that what is made anew loses for a while."""
    places = []
    for instance in renewed:
        for other in known.elsewhere(instance.tag):
            places.append((Site(known.local, instance.tag), other))
    return shares_between(places, known)


def _new_shares(change: Change, known: Known) -> tuple[Shared, ...]:
    """Equivalencies of what is extended: with the template, and with whatever is the same as that."""
    places = []
    for instance in (*change.add, *known.own().of_tags(change.same)):
        origin = change.template or (known.local if instance.server != known.local else "")
        if not origin:
            continue
        here, there = Site(instance.server, instance.tag), _original(instance.tag, origin, known)
        if there is None:
            continue
        partners = dict.fromkeys((there, *_partners(there, known)))
        others = {here, *_partners(here, known)}
        places += [(here, place) for place in partners if place.server != here.server and place not in others]
    return shares_between(places, known)


def _original(tag: str, server: str, known: Known) -> Site | None:
    graph = dict(known.graphs).get(server)
    return Site(server, tag) if graph is not None and graph.by_tag(tag) is not None else None


def _partners(place: Site, known: Known) -> tuple[Site, ...]:
    partners = []
    for pair in known.pairs:
        if place == pair.one:
            partners.append(pair.other)
        elif place == pair.other:
            partners.append(pair.one)
    return tuple(partners)


def alter(how: Commands, stored: Instance, instance: Instance, destination: str = "") -> None:
    """Give an instance what it is to have, as far as it has it not."""
    if stored.info != instance.info:
        lcdi.ins_setinfo(how, instance.tag, instance.info, destination)
    if stored.switchback != instance.switchback:
        lcdi.ins_setas(how, instance.tag, instance.switchback, destination)
    if stored.initialisation != instance.initialisation:
        lcdi.ins_setinit(how, instance.tag, instance.initialisation, destination)
    if stored.state != instance.state and instance.state in lcdi.SETTABLE:
        lcdi.ins_setstate(how, instance.tag, instance.state, instance.reason, destination)


def _link(how: Commands, change: Change, lost: tuple[Dependency, ...], known: Known) -> set[str]:
    """Make the dependencies, on each server that has both ends; returns the servers."""
    servers = set()
    for server, graph in known.graphs:
        added = {instance.tag for instance in change.add if instance.server == server}
        if server != known.local and not added:
            continue
        tags = {*graph.tags, *added}
        for link in (*(lost if server == known.local else ()), *change.link):
            is_new = link not in graph.dependencies or link in lost or link in change.unlink
            if is_new and {link.parent, link.child} <= tags:
                lcdi.dep_create(how, link, at(server, known.local))
                servers.add(server)
    return servers

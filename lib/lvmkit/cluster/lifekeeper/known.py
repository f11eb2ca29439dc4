"""All that the core knows of all servers, and what is the same on two of them though it has another tag."""

from __future__ import annotations

from lvmkit.cluster.lifekeeper import lcdi, status
from lvmkit.cluster.lifekeeper.records import Pair, Site
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ILLSTATE, Dependency
from lvmkit.model.servers import Equivalency, Server
from lvmkit.model.value import Value, once, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.lifekeeper.lcdi import Commands

DEAD = "its state is unknown, as LifeKeeper does not reach the server"


class Known(Value):
    """What was read."""

    local: str
    machines: tuple[tuple[str, str], ...]
    """(server, state)"""
    pairs: tuple[Pair, ...]
    ranks: tuple[tuple[Site, int], ...]
    graphs: tuple[tuple[str, Hierarchy], ...]
    """of each server that could be asked, with its own tags"""

    @property
    def servers(self) -> tuple[Server, ...]:
        """All servers."""
        each = []
        for name, state in self.machines:
            is_alive = state == status.ALIVE
            each.append(Server(name, is_alive, "" if is_alive else state.lower() or "unknown"))
        return tuple(each)

    @once
    def own_tags(self) -> dict[Site, str]:
        """The tag that each resource of another server has here, where it is one of this server's, too."""
        tags = {}
        for pair in self.pairs:
            for one, other in ((pair.one, pair.other), (pair.other, pair.one)):
                if one.server == self.local:
                    tags[other] = one.tag
        return tags

    def own(self) -> Hierarchy:
        """What this server has."""
        return dict(self.graphs)[self.local]

    def elsewhere(self, tag: str) -> tuple[Site, ...]:
        """Where the resource with a tag of this server is, besides here."""
        return tuple(place for place, own in self.own_tags.items() if own == tag)

    def place(self, tag: str, server: str) -> Site | None:
        """A resource by its tag here, on a server; None where that does not have it."""
        if server == self.local:
            return Site(server, tag)
        return next((place for place in self.elsewhere(tag) if place.server == server), None)

    def seen_from_here(self, server: str) -> Hierarchy:
        """What a server has, by the tags of this one. What this one does not have keeps its own tag.

        Where that tag means something else here, the server's name follows it: no tag has an '@'.
        Of a server that cannot be asked it is what is known here of it, with states that nobody knows.
        """
        if server == self.local:
            return self.own()
        graph = dict(self.graphs).get(server)
        if graph is None:
            return self._remembered(server)
        tags = {tag: self._name(Site(server, tag)) for tag in graph.tags}
        instances = tuple(replace(instance, tag=tags[instance.tag]) for instance in graph.instances)
        return Hierarchy(instances, tuple(Dependency(tags[i.parent], tags[i.child]) for i in graph.dependencies))

    def equivalencies(self) -> tuple[Equivalency, ...]:
        """Which tag may run on which server, by the tags of this one."""
        ranks = dict(self.ranks)
        each = [Equivalency(tag, self.local, ranks.get(Site(self.local, tag), 1)) for tag in self.own().tags]
        for place, tag in self.own_tags.items():
            rank = ranks.get(place, self._position(place.server))
            each.append(Equivalency(tag, place.server, rank, place.tag if place.tag != tag else ""))
        return (*each, *self._of_others_alone())

    def _of_others_alone(self) -> tuple[Equivalency, ...]:
        """Of what this server does not have."""
        each = []
        for server, graph in self.graphs:
            for tag in graph.tags if server != self.local else ():
                if Site(server, tag) not in self.own_tags:
                    name = self._name(Site(server, tag))
                    each.append(Equivalency(name, server, 1, tag if tag != name else ""))
        return tuple(each)

    def _position(self, server: str) -> int:
        """A priority for a server of which none is known: after those before it."""
        return [name for name, _ in self.machines].index(server) + 1 if server in dict(self.machines) else 1

    def _name(self, place: Site) -> str:
        own = self.own_tags.get(place)
        if own is not None:
            return own
        return f"{place.tag}@{place.server}" if self.own().by_tag(place.tag) is not None else place.tag

    def _remembered(self, server: str) -> Hierarchy:
        own = self.own()
        tags = {tag for place, tag in self.own_tags.items() if place.server == server}
        instances = []
        for instance in own.of_tags(tag for tag in own.tags if tag in tags):
            instances.append(replace(instance, server=server, state=ILLSTATE, reason=DEAD))
        links = tuple(link for link in own.dependencies if {link.parent, link.child} <= tags)
        return Hierarchy(tuple(instances), links)


def read(how: Commands, local: str, servers: Iterable[str] | None = None) -> Known:
    """Ask the core. servers: whose instances are needed besides ours; None for all that are alive.

    Raises Failure: also where one of these servers cannot be asked (110409).
    """
    said = status.parse(lcdi.lcdstatus(how), local)
    alive = [name for name, state in said.machines if state == status.ALIVE and name != local]
    graphs = [(local, Hierarchy(*lcdi.graph(how, local)))]
    for server in alive if servers is None else servers:
        graphs.append((server, Hierarchy(*lcdi.graph(how, server, server))))
    return Known(local, said.machines, lcdi.eqv_list(how), said.ranks, tuple(graphs))

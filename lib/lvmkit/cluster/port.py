"""The cluster port: what the kit needs of an engine, in LifeKeeper's vocabulary.

Adapters: embedded/ (SQLite, one server), pacemaker/ and lifekeeper/ (many servers). Workflows know this protocol only.
"""

from __future__ import annotations

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import IN_SERVICE, Dependency, Instance
from lvmkit.model.servers import Equivalency, Server
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from typing import Protocol

    from lvmkit.host import Membership
    from lvmkit.model.messages import Message
else:
    Protocol = object


class Change(Value):
    """Additions to and removals from the engine's records, stored as one unit or not at all.

    Removing a tag removes its dependencies with it. `update` replaces instances that exist, by tag. An instance of
    another server in `add` extends its tag to that server; `link` then holds there too.
    """

    add: tuple[Instance, ...] = ()
    link: tuple[Dependency, ...] = ()
    unlink: tuple[Dependency, ...] = ()
    remove: tuple[str, ...] = ()
    update: tuple[Instance, ...] = ()
    template: str = ""
    """the server whose resources of these tags the additions are, too; '' where it has none of them"""
    same: tuple[str, ...] = ()
    """what is here already and is the template's resource of that tag, where tags are each server's own"""


class Capabilities(Value):
    """What an engine can and does, as far as the kit acts on it. Whoever asks names the fact, not the engine."""

    several_servers: bool
    """other servers may take part: what is in service here may be in service there instead"""
    common_tags: bool
    """a tag is the same resource on every server, so an extension cannot give it another one"""
    watches_itself: bool
    """it finds what broke, or what a boot took down, and recovers it; were we to do so as well, the two would fight"""
    runs_devices: bool
    """devices and disks go in and out of service like everything else; elsewhere they follow what requires them"""
    needs_agents: bool
    """it runs resources through OCF agents, which must be installed"""
    starts_what_is_up: bool
    """what is up already when it is brought in service is started all the same, which leaves our record of it"""
    fences_failed_stops: bool
    """a server on which a stop fails is fenced"""
    keeps_database: bool
    """what is protected is in this server's database (Paths.database)"""
    takes_reports: bool = False
    """it can be told that something has failed here, and then does what it does when its own monitor says so"""
    takes_states: bool = False
    """a state can be set from outside; elsewhere it is what its own actions and monitors say"""
    extends_by_itself: bool = False
    """its own manager extends hierarchies: extend makes one instance, and dependencies are the manager's"""
    checks_report: bool = False
    """its monitor is quickCheck, which has to tell it itself what has failed"""


class Overview(Value):
    """All servers and what may run on them, read at one moment."""

    local: str
    """the name of this server"""
    servers: tuple[Server, ...]
    hierarchies: tuple[Hierarchy, ...]
    """one for each server, in their order"""
    capabilities: Capabilities
    """the engine's"""
    equivalencies: tuple[Equivalency, ...] = ()
    """which tag may run on which server, with which priority"""
    warnings: tuple[Message, ...] = ()
    """what keeps the cluster as a whole from protecting anything: no quorum, no fencing, maintenance"""

    @property
    def has_several_servers(self) -> bool:
        """Whether there is more than one server now."""
        return len(self.servers) > 1

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all servers."""
        return tuple(server.name for server in self.servers)

    @property
    def others(self) -> tuple[str, ...]:
        """The names of the other servers."""
        return tuple(name for name in self.names if name != self.local)

    def is_online(self, name: str) -> bool:
        """Whether a server is an active member."""
        return any(server.name == name and server.online for server in self.servers)

    def in_service_on(self, tag: str) -> tuple[str, ...]:
        """The servers on which the engine has a tag in service."""
        servers = []
        for server, hierarchy in zip(self.names, self.hierarchies):
            instance = hierarchy.by_tag(tag)
            if instance is not None and instance.state in IN_SERVICE:
                servers.append(server)
        return tuple(servers)

    def of(self, server: str) -> Hierarchy:
        """The hierarchy of a server; empty for one that there is not."""
        return dict(zip(self.names, self.hierarchies)).get(server, Hierarchy())

    def union(self) -> Hierarchy:
        """Every tag once: as it is on this server, else as on the first that has it."""
        each = (self.of(self.local), *self.hierarchies)
        instances = {instance.tag: instance for hierarchy in reversed(each) for instance in hierarchy.instances}
        tags = dict.fromkeys(tag for hierarchy in each for tag in hierarchy.tags)
        links = dict.fromkeys(link for hierarchy in each for link in hierarchy.dependencies)
        return Hierarchy(tuple(instances[tag] for tag in tags), tuple(links))


class Recovery(Protocol):
    """The account of local recovery, where the engine leaves that to the kit. Every method may raise Failure."""

    def is_interrupted(self) -> bool:
        """Whether a move in or out of service was killed; Port.resume() finishes it."""

    def count(self, tag: str, seconds: float) -> int:
        """How many recoveries of a tag there were in so many seconds of this boot."""

    def faults_left(self, tag: str) -> str:
        """The word for what the last recovery of a tag did not help; '' where it did, or there was none."""

    def note_in_vain(self, tag: str, faults: str) -> None:
        """Note what a recovery did not help."""

    def note_well(self, tags: Iterable[str]) -> None:
        """These are well: a recovery that did not help is no reason against another one any more."""

    def take_down(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Count a recovery, and take the tag down with all above it.

        All of that is owed, and noted so on disk first: it is ILLSTATE and still wanted, so whoever comes next brings
        it back. Raises Failure where something would not go; the rest is owed as well.
        """

    def finish(self, tell: Callable[[Message], None]) -> None:
        """Go on taking down what an interrupted recovery had not, so that it can be brought back. Raises Failure."""

    def bring_back(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Restore the tag and all it requires, children first. Raises Failure and marks OSF what failed."""


class Port(Protocol):
    """An engine. Every method may raise Failure with a numbered message."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can and does; always the same."""

    @property
    def membership(self) -> Membership | None:
        """What it knows of servers that had a volume group before; None where there are no others."""

    @property
    def recovery(self) -> Recovery | None:
        """The account of local recovery; None where the engine watches itself."""

    def local_server(self) -> str:
        """The name of this server, as the engine knows it."""

    def servers(self) -> tuple[Server, ...]:
        """All servers of the cluster, this one among them."""

    def hierarchy_of(self, server: str) -> Hierarchy:
        """The instances and dependencies of any server of the cluster, read at one moment."""

    def overview(self) -> Overview:
        """Servers, warnings, equivalencies and hierarchies of all servers, read at one moment."""

    def hierarchy(self) -> Hierarchy:
        """All instances and dependencies of the local server, read at one moment."""

    def at_hand(self) -> Hierarchy:
        """The same at little cost, for whoever looks all the time: no program is started to ask for it.

        It may lag behind. An engine that would have to be asked for the states gives ILLSTATE.
        """

    def excused(self) -> frozenset[str]:
        """Tags that may be down at this moment: somebody brings them up or takes them down, or has done so.

        Asked where a check has found something; an engine that is asked again before anything is done names none.
        """

    def in_charge(self) -> frozenset[str]:
        """Tags that the engine has in service here, watches, and neither moves nor recovers at this moment."""

    def monitored_every(self) -> dict[str, int]:
        """For each tag the seconds between two quick monitors of the engine's own; none where it has no monitors."""

    def fences_by_reservation(self) -> tuple[str, ...]:
        """The resources by which the engine itself fences with the reservations of disks."""

    def promoter_of(self, resource: str) -> str | None:
        """The engine's resource that promotes a DRBD resource before what stands on it is started; '' where it lacks.

        None where the engine promotes nothing: then whoever runs the replica does.
        """

    def fenced_off(self, resource: str, server: str) -> str:
        """The constraint by which DRBD's own fencing keeps a resource from being promoted on a server; '' for none."""

    def report_failure(self, tag: str) -> None:
        """Tell an engine that takes reports that something it has in service here has failed. Raises Failure."""

    def commit(self, change: Change) -> None:
        """Store a change as one unit; one that does not fit raises Failure (000014, 110004, 110086, 110087)."""

    def remember(self, change: Change, server: str = "") -> tuple[str, ...]:
        """What a change would remove, update or unlink, as the engine holds it on all servers: for put_back() only.

        server: then `remove` means what unextend() takes from that server. Raises Failure as commit() and unextend().
        """

    def put_back(self, remembered: tuple[str, ...]) -> None:
        """Put back what a change took, as one unit and as it was; what others changed since stays as they left it.

        Nothing where the change was not made, or where somebody has protected the same anew.
        """

    def foresee(self, change: Change) -> tuple[str, ...]:
        """What the cluster would do at once because of a change, in its own words; changes nothing."""

    def unextend(self, tags: tuple[str, ...], server: str) -> None:
        """Let these tags run on a server no more, as one unit. Raises Failure where one is in service there."""

    def set_priorities(self, group: str, priorities: dict[str, int]) -> None:
        """Give servers of a volume group other priorities, as one unit. Raises Failure (110167, 110168)."""

    def set_state(self, tag: str, state: str, reason: str = "") -> None:
        """Store the state of one instance."""

    def amend(self, tag: str, facts: dict[str, str], server: str = "") -> None:
        """Give an instance other facts, and leave the rest of it as it is by then, its state too.

        facts: info, initialisation, switchback, by name. server: whose instance ('': this one's).
        Raises Failure (000019, 110100, 110155).
        """

    def flags(self, server: str = "") -> tuple[str, ...]:
        """LifeKeeper's named marks that are on, of a server ('': this one). Raises Failure (110155)."""

    def create_flag(self, flag: str, server: str = "") -> bool:
        """Turn a flag on; False where it was. One that begins with '!volatile!' ends with the boot."""

    def remove_flag(self, flag: str, server: str = "") -> bool:
        """Turn a flag off; False where it was off."""

    def required_by_others(self) -> frozenset[str]:
        """Tags on which something stands that is not the kit's, and that the engine stops before them."""

    def wanted(self) -> frozenset[str]:
        """Tags of what should be in service: it was when its state was last set, and no one took it out."""

    def resume(self, tell: Callable[[Message], None]) -> None:
        """Finish actions whose process was killed; they are idempotent, so they are run again."""

    def bring_in_service(self, tag: str, tell: Callable[[Message], None], server: str = "") -> None:
        """Restore the tag and all it requires on a server ('': this one), children first; it moves from another one.

        Raises Failure (000023) and marks OSF what failed.
        """

    def take_out_of_service(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Remove the tag and all that requires it, parents first. Raises Failure and marks OSF what would not go."""

    def admin_lock(self, purpose: str) -> AbstractContextManager[None]:
        """Only one create, delete, reconfigure or move at a time. Raises Failure (110083) after the lock patience."""

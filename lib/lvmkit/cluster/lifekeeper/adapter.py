"""The cluster port over LifeKeeper."""

from __future__ import annotations

from lvmkit.cluster.checks import refuse_unstorable, require_flag
from lvmkit.cluster.lifekeeper import commit, copy, core, fitting, kept, known, lcdi, lock, moves, status
from lvmkit.cluster.lifekeeper.known import Known
from lvmkit.cluster.lifekeeper.lcdi import Commands
from lvmkit.cluster.lifekeeper.records import Site
from lvmkit.cluster.port import Capabilities, Change, Overview
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import IN_SERVICE, LVMVG, OSF, STATES, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.messages.lifekeeper import ChangeHalfMade, FencingUntold, NoCoreHere, StaysOnDeadServer
from lvmkit.model.messages.pacemaker import LastServer, NotExtended, PriorityInvalid, StillInService, UnknownServer
from lvmkit.model.resource_types import is_device
from lvmkit.model.servers import LOWEST_PRIORITY, Server
from lvmkit.model.settings import YES
from lvmkit.model.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from lvmkit.cluster.lifekeeper.standing import LifeKeeperMembership
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings


class LifeKeeper:
    """The cluster port for servers that run LifeKeeper; port.Port says what each method is for."""

    capabilities = Capabilities(
        several_servers=True,
        common_tags=False,
        watches_itself=True,
        runs_devices=True,
        needs_agents=False,
        starts_what_is_up=True,
        fences_failed_stops=False,
        keeps_database=False,
        takes_reports=True,
        takes_states=True,
        extends_by_itself=True,
        checks_report=True,
    )
    recovery = None

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        server: str = "",
        ask_holder: Callable[[str], None] = lambda _server: None,
    ) -> None:
        """server: its name, where the caller has asked for it.  ask_holder: see lock.admin_lock().

        Raises Failure (110400) where there is no core.
        """
        why = core.why_not(settings.lkroot)
        if why:
            raise Failure(NoCoreHere(settings.lkroot, why))
        self._paths, self._settings, self._server = paths, settings, server
        self._ask_holder = ask_holder
        self._how = Commands(settings.lkroot, settings.command_deadline)

    @property
    def membership(self) -> LifeKeeperMembership:
        """What the core knows of servers at this moment."""
        from lvmkit.cluster.lifekeeper.standing import LifeKeeperMembership  # few commands ask

        return LifeKeeperMembership(self._how, self.local_server(), fences=self._fences)

    def local_server(self) -> str:
        """The name of this server, as the core knows it."""
        self._server = self._server or lcdi.lcduname(self._how)
        return self._server

    def hierarchy(self) -> Hierarchy:
        """All instances and dependencies of this server, by two commands."""
        graph = Hierarchy(*lcdi.graph(self._how, self.local_server()))
        copy.keep(self._paths, graph)
        return graph

    def at_hand(self) -> Hierarchy:
        """The same from the kit's own copy, without states; empty where nobody has asked the core yet."""
        return copy.read(self._paths)

    def excused(self) -> frozenset[str]:
        """None: in_charge() is asked before anything is reported."""
        return frozenset()

    def in_charge(self) -> frozenset[str]:
        """What is in service here with all that requires it: the core takes things down from above."""
        graph = self.hierarchy()
        up = {instance.tag for instance in graph.instances if instance.state in IN_SERVICE}
        return frozenset(tag for tag in up if set(graph.parents(tag)) <= up)

    def promoter_of(self, resource: str) -> str | None:
        """Nothing that is known: a replication kit of LifeKeeper's has resources of its own."""
        del resource
        return None

    def fenced_off(self, resource: str, server: str) -> str:
        """Nothing: DRBD's handlers know Pacemaker."""
        del resource, server
        return ""

    def fences_by_reservation(self) -> tuple[str, ...]:
        """The core itself, which reserves the disks of what it has in service."""
        return ("LifeKeeper",)

    def monitored_every(self) -> dict[str, int]:
        """LKCHECKINTERVAL, for what is in service."""
        up = (instance.tag for instance in self.hierarchy().instances if instance.state in IN_SERVICE)
        return dict.fromkeys(up, self._settings.check_interval)

    def report_failure(self, tag: str) -> None:
        """By sendevent, whose class is the resource type. The core then looks for a recovery, here or elsewhere."""
        lcdi.sendevent(self._how, self._own(tag), deadline=self._settings.action_deadline)

    def hierarchy_of(self, server: str) -> Hierarchy:
        """The same of any server, with the tags that it has there. Raises Failure (110155, 110409)."""
        destination = self._destination(server)
        return Hierarchy(*lcdi.graph(self._how, server, destination)) if destination else self.hierarchy()

    def required_by_others(self) -> frozenset[str]:
        """None: what stands on a tag is an instance, whoever's it is."""
        return frozenset()

    def servers(self) -> tuple[Server, ...]:
        """All servers that the core knows."""
        return Known(self.local_server(), self._status().machines, (), (), ()).servers

    def overview(self) -> Overview:
        """All servers, by the tags that things have here; of one that is dead what is known of it here."""
        seen = self._read(None)
        hierarchies = tuple(seen.seen_from_here(server.name) for server in seen.servers)
        warnings = () if self._fences or len(seen.servers) < 2 else (FencingUntold(),)
        return Overview(seen.local, seen.servers, hierarchies, self.capabilities, seen.equivalencies(), warnings)

    def commit(self, change: Change) -> None:
        """Make a change. One that fails on its way is taken back.

        Raises Failure: 000014, 110000, 110003, 110004, 110086, 110087, 110100 with nothing changed; 110401-110411;
        110415; 110412 where a part of it stays.
        """
        seen = self._read(self._servers_of(change))
        self._refuse(change, seen)
        remembered = kept.remember(seen, change, "")
        try:
            commit.carry_out(self._how, change, seen)
        except BaseException as error:
            self._take_back(change, remembered, error)
            raise
        self.hierarchy()  # for whoever asks for what is at hand

    def remember(self, change: Change, server: str = "") -> tuple[str, ...]:
        """Row by row, of every server that has a part in it; see kept.py."""
        seen = self._read(self._servers_of(change, server))
        if not server:
            self._refuse(change, seen)
        return kept.remember(seen, change, server)

    def put_back(self, remembered: tuple[str, ...]) -> None:
        """Put back each row that is missing. Raises Failure as the commands do."""
        if remembered:
            local = self.local_server()
            others = tuple(server for server in kept.servers(remembered) if server != local)
            kept.put_back(self._how, self._read(others), remembered)
            self.hierarchy()

    def foresee(self, change: Change) -> tuple[str, ...]:
        """Nothing: a change of records moves nothing."""
        del change
        return ()

    def unextend(self, tags: tuple[str, ...], server: str) -> None:
        """Remove these from a server, and the devices below that nothing else there requires.

        tags: as they are here, or on that server where it is not here. Raises Failure: 110155, 110166, 110167, 110169,
        110409.
        """
        seen = self._read((server,) if server != self.local_server() else ())
        if server not in dict(seen.machines):
            raise Failure(UnknownServer(server, tuple(name for name, _ in seen.machines)))
        graph = dict(seen.graphs)[server]
        going = self._leaving(tags, server, seen)
        doomed = (*going, *_devices_left(going, graph))
        commit.store(self._how, commit.remove_from(self._how, server, doomed, seen), seen.local)
        self.hierarchy()

    def set_priorities(self, group: str, priorities: dict[str, int]) -> None:
        """Give servers other priorities for the hierarchy of a volume group. Raises Failure (110167, 110168)."""
        seen = self._read(())
        if seen.own().of_tags((group,), LVMVG) == ():
            raise Failure(NotExtended(group, seen.local))
        ranks = {each.server: each.priority for each in seen.equivalencies() if each.tag == group}
        wanted = {**ranks, **priorities}
        for server, priority in priorities.items():
            if server not in ranks:
                raise Failure(NotExtended(group, server))
            if not 0 < priority <= LOWEST_PRIORITY or list(wanted.values()).count(priority) > 1:
                raise Failure(PriorityInvalid(group, server, priority))
        for server, priority in priorities.items():
            place = seen.place(group, server) or Site(server, group)
            lcdi.hry_setpri(self._how, place.tag, priority, commit.at(server, seen.local))
        commit.store(self._how, priorities, seen.local)

    def set_state(self, tag: str, state: str, reason: str = "") -> None:
        """ISP, ISU and OSU are stored. A failure (OSF) of what is in service is reported: OSF is the core's own to set.

        Raises Failure: 000019 for an unknown tag, 110100 for a state that is none.
        """
        if state not in STATES:
            raise Failure(InvalidName(state, "state"))
        instance = self._own(tag)
        if state in lcdi.SETTABLE:
            lcdi.ins_setstate(self._how, tag, state, reason)
        elif state == OSF and instance.state in IN_SERVICE:
            self.report_failure(tag)

    def amend(self, tag: str, facts: dict[str, str], server: str = "") -> None:
        """By one command for each fact. Raises Failure: 000019, 110100, 110155."""
        graph = self.hierarchy_of(server) if server else self.hierarchy()
        instance = graph.by_tag(tag)
        if instance is None:
            raise Failure(ResourceNotFound(f"tag {tag}"))
        altered = replace(instance, **facts)
        refuse_unstorable(altered)
        commit.alter(self._how, instance, altered, commit.at(server or self.local_server(), self.local_server()))
        self.hierarchy()

    def flags(self, server: str = "") -> tuple[str, ...]:
        """By flg_list."""
        return lcdi.flg_list(self._how, self._destination(server))

    def create_flag(self, flag: str, server: str = "") -> bool:
        """By flg_create. Raises Failure (110100) for what cannot be one."""
        require_flag(flag)
        return lcdi.flg_create(self._how, flag, self._destination(server))

    def remove_flag(self, flag: str, server: str = "") -> bool:
        """By flg_remove. Raises Failure as create_flag()."""
        require_flag(flag)
        return lcdi.flg_remove(self._how, flag, self._destination(server))

    def wanted(self) -> frozenset[str]:
        """What is in service here, or has failed here."""
        return frozenset(i.tag for i in self.hierarchy().instances if i.state in (*IN_SERVICE, OSF))

    def resume(self, tell: Callable[[Message], None]) -> None:
        """Nothing: the core finishes what it was told."""

    def bring_in_service(self, tag: str, tell: Callable[[Message], None], server: str = "") -> None:
        """By perform_action there: the core takes it out elsewhere first, and brings what stands on it along.

        Raises Failure as moves.bring_in().
        """
        place = server or self.local_server()
        with self.admin_lock(f"in-service {tag} on {place}"):
            moves.bring_in(self._how, self._read(None), tag, place, self._settings.action_deadline, tell)

    def take_out_of_service(self, tag: str, tell: Callable[[Message], None]) -> None:
        """By perform_action, wherever it is. Raises Failure as moves.take_out()."""
        with self.admin_lock(f"out-of-service {tag}"):
            moves.take_out(self._how, self._read(None), tag, self._settings.action_deadline, tell)

    def admin_lock(self, purpose: str) -> AbstractContextManager[None]:
        """Of all servers; see lock.py."""
        patience = self._settings.lock_patience
        return lock.admin_lock(self._how, self._paths, self.local_server(), purpose, patience, self._ask_holder)

    @property
    def _fences(self) -> bool:
        return self._settings.core_fences == YES

    def _status(self) -> status.Status:
        return status.parse(lcdi.lcdstatus(self._how), self.local_server())

    def _read(self, servers: Iterable[str] | None) -> Known:
        return known.read(self._how, self.local_server(), servers)

    def _destination(self, server: str) -> str:
        """What -d is to name. Raises Failure (110155) for no server."""
        local = self.local_server()
        if server in ("", local):
            return ""
        names = tuple(name for name, _ in self._status().machines)
        if server not in names:
            raise Failure(UnknownServer(server, names))
        return server

    def _own(self, tag: str) -> Instance:
        instance = self.hierarchy().by_tag(tag)
        if instance is None:
            raise Failure(ResourceNotFound(f"tag {tag}"))
        return instance

    def _servers_of(self, change: Change, server: str = "") -> tuple[str, ...] | None:
        """The other servers whose records a change concerns; None for all that are alive."""
        local = self.local_server()
        if server:
            return () if server == local else (server,)
        if change.remove or change.template:
            return None
        return tuple(dict.fromkeys(each.server for each in change.add if each.server != local))

    def _refuse(self, change: Change, seen: Known) -> None:
        """Raise Failure for what does not fit, on any server."""
        self._refuse_out_of_reach(change.remove, seen)
        for server, graph in seen.graphs:
            part = fitting.on_server(change, server, seen.local)
            fitting.refuse_unfit(part, graph, server, is_local=server == seen.local)
            if part.add:
                types = lcdi.typ_list(self._how, commit.at(server, seen.local))
                fitting.refuse_unknown_types(part.add, types, server)

    def _refuse_out_of_reach(self, tags: tuple[str, ...], seen: Known) -> None:
        """What would go here stays on a server that is dead, and comes back with it. Raises Failure (110415)."""
        reached = dict(seen.graphs)
        for tag in tags:
            dead = tuple(place.server for place in seen.elsewhere(tag) if place.server not in reached)
            if dead:
                raise Failure(StaysOnDeadServer(tag, dead))

    def _take_back(self, change: Change, remembered: tuple[str, ...], error: BaseException) -> None:
        """Take back what was made of a change. Raises Failure (110412) where that fails, too."""
        try:
            seen = self._read(self._servers_of(change))
            for server, graph in seen.graphs:
                added = [each.tag for each in change.add if each.server == server and _is_stored(each, graph)]
                commit.remove_from(self._how, server, added, seen)
            self._unlink_again(change)
            self.put_back(remembered)
        except Failure as failure:
            tags = tags_of((*change.add, *change.update)) + change.remove
            reasons = error.messages if isinstance(error, Failure) else ()
            raise Failure(*reasons, ChangeHalfMade(tags, str(failure)), *failure.messages) from failure

    def _unlink_again(self, change: Change) -> None:
        """Take away the new dependencies between instances that were there before."""
        links = self.hierarchy().dependencies if change.link else ()
        for link in change.link:
            if link in links:
                lcdi.dep_remove(self._how, link)

    def _leaving(self, tags: tuple[str, ...], server: str, seen: Known) -> tuple[str, ...]:
        """The tags as they are on the server. Raises Failure where one is not there, in service, or has no other."""
        graph = dict(seen.graphs)[server]
        refused: list[Message] = []
        going = []
        for tag in tags:
            place = seen.place(tag, server)
            instance = graph.by_tag(place.tag if place is not None else tag)
            if instance is None:
                refused.append(NotExtended(tag, server))
                continue
            going.append(instance.tag)
            if instance.state in IN_SERVICE:
                refused.append(StillInService(tag, server))
            if not any(Site(server, instance.tag) in (pair.one, pair.other) for pair in seen.pairs):
                refused.append(LastServer(tag, server))
        if refused:
            raise Failure(*refused)
        return tuple(going)


def _is_stored(instance: Instance, graph: Hierarchy) -> bool:
    """Whether it is there as we made it, and not somebody else's of the same tag."""
    stored = graph.by_tag(instance.tag)
    mine = (instance.app, instance.type, instance.id, instance.info)
    return stored is not None and (stored.app, stored.type, stored.id, stored.info) == mine


def _devices_left(going: tuple[str, ...], graph: Hierarchy) -> tuple[str, ...]:
    """The devices and disks below these that nothing else requires."""
    doomed = set(going)
    left = []
    below = {tag for each in going for tag in graph.below(each)}
    for tag in graph.remove_order(below):
        instance = graph.by_tag(tag)
        if instance is None or tag in doomed or not is_device(instance.type):
            continue
        if set(graph.parents(tag)) <= doomed:
            doomed.add(tag)
            left.append(tag)
    return tuple(left)

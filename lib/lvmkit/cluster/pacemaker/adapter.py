"""The cluster port over Pacemaker."""

from __future__ import annotations

import os
from contextlib import contextmanager

from lvmkit.cluster.pacemaker import (
    cib,
    commit,
    copy,
    failures,
    flags,
    ids,
    kept,
    lock,
    moves,
    patch,
    primitive,
    promotion,
    release,
    states,
    tools,
)
from lvmkit.cluster.pacemaker.moves import ClusterMove
from lvmkit.cluster.pacemaker.tools import Tools
from lvmkit.cluster.port import Capabilities, Overview
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import OSF, STATES
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.messages.pacemaker import StillInService
from lvmkit.model.resource_types import is_ours
from lvmkit.model.servers import Server
from lvmkit.resources import scripts
from lvmkit.storage.boot import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from xml.etree.ElementTree import Element

    from lvmkit.cluster.pacemaker.states import Cluster
    from lvmkit.cluster.pacemaker.tools import Action
    from lvmkit.cluster.port import Change
    from lvmkit.host import Membership
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

_FENCE_BY_RESERVATION = ("fence_scsi", "fence_mpath")


class Pacemaker:
    """The cluster port for servers that run Pacemaker; port.Port says what each method is for."""

    capabilities = Capabilities(
        several_servers=True,
        common_tags=True,
        watches_itself=True,
        runs_devices=False,
        needs_agents=True,
        starts_what_is_up=False,
        fences_failed_stops=True,
        keeps_database=False,
        takes_reports=True,
    )

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        tell: Callable[[Message], None] = lambda _message: None,
        server: str = "",
        cib_file: str = "",
        ask_holder: Callable[[str], None] = lambda _server: None,
    ) -> None:
        """tell: learns of what is not a failure. server, cib_file: in place of asking a live cluster, for tests.

        ask_holder: see lock.Manner.
        """
        self._paths, self._settings, self._tell = paths, settings, tell
        self._ask_holder = ask_holder
        self._server = server
        self._tools = Tools(settings.command_deadline, cib_file)

    recovery = None

    @property
    def membership(self) -> Membership:
        """What Pacemaker knows of servers at this moment."""
        from lvmkit.cluster.pacemaker.standing import PacemakerMembership  # few commands ask

        return PacemakerMembership(self._tools, ids.resource_id)

    def local_server(self) -> str:
        """The name of this server, as the cluster knows it."""
        self._server = self._server or tools.crm_node_name(self._tools)
        return self._server

    def hierarchy(self) -> Hierarchy:
        """All instances and dependencies of this server; states are those that crm_mon knows of it."""
        return self.hierarchy_of(self.local_server())

    def at_hand(self) -> Hierarchy:
        """The same from Pacemaker's own copy of the configuration on this disk, which has no states."""
        root = copy.read(self._paths)
        if root is None:
            return Hierarchy()
        host = os.uname().nodename  # mostly the name in the cluster, too, which does not have to be asked for then
        server = self._server or (host if host in copy.servers(root) else self.local_server())
        return cib.hierarchy(root, server)

    def excused(self) -> frozenset[str]:
        """None: in_charge() is asked before anything is reported."""
        return frozenset()

    def in_charge(self) -> frozenset[str]:
        """What the cluster runs on this server and leaves alone at this moment, by one crm_mon."""
        cluster, server = self.cluster(), self.local_server()
        tags = map(ids.tag_of, (resource.id for resource in cluster.resources))
        return frozenset(tag for tag in tags if tag and cluster.tends(tag, server))

    def monitored_every(self) -> dict[str, int]:
        """By the configuration."""
        intervals = {}
        for tag, element in primitive.own(tools.cibadmin_query(self._tools)).items():
            seconds = primitive.monitored_every(element)
            if seconds:
                intervals[tag] = seconds
        return intervals

    def fences_by_reservation(self) -> tuple[str, ...]:
        """Those of fence_scsi and fence_mpath, and the templates of such."""
        root = tools.cibadmin_query(self._tools)
        fencing = root.iterfind("configuration/resources//*[@class='stonith']")
        return tuple(each.get("id", "") for each in fencing if each.get("type") in _FENCE_BY_RESERVATION)

    def promoter_of(self, resource: str) -> str:
        """The promotable clone that runs it, whoever has made that."""
        return promotion.clone_of(tools.cibadmin_query(self._tools), resource)

    def fenced_off(self, resource: str, server: str) -> str:
        """The constraint of crm-fence-peer."""
        return promotion.fence_of(tools.cibadmin_query(self._tools), resource, server)

    def report_failure(self, tag: str) -> None:
        """The cluster then does what it does after a failed monitor."""
        failures.report(self._tools, tools.cibadmin_query(self._tools), ids.resource_id(tag), self.local_server())

    def hierarchy_of(self, server: str) -> Hierarchy:
        """The same of any server of the cluster."""
        root = tools.cibadmin_query(self._tools)
        return states.with_states(cib.hierarchy(root, server), server, self.cluster())

    def required_by_others(self) -> frozenset[str]:
        """Tags on which resources stand that are not ours, by the cluster's configuration."""
        return cib.required_by_others(tools.cibadmin_query(self._tools))

    def servers(self) -> tuple[Server, ...]:
        """All servers that the cluster knows, also those that are down."""
        return tuple(Server(member.name, member.online, member.unfit) for member in self.cluster().servers)

    def overview(self) -> Overview:
        """All servers, with one call of cibadmin and one of crm_mon. A server that only the CIB has counts as down."""
        root, cluster = tools.cibadmin_query(self._tools), self.cluster()
        known = {member.name: Server(member.name, member.online, member.unfit) for member in cluster.servers}
        servers = tuple(known.get(name, Server(name, False, "offline")) for name in cib.servers(root))
        each = tuple(states.with_states(cib.hierarchy(root, s.name), s.name, cluster) for s in servers)
        local, equivalencies = self.local_server(), cib.equivalencies(root)
        return Overview(local, servers, each, self.capabilities, equivalencies, cluster.warnings())

    def cluster(self) -> Cluster:
        """Servers, quorum, fencing, maintenance, and every resource with its faults, at one moment."""
        return states.cluster(tools.crm_mon(self._tools))

    def commit(self, change: Change) -> None:
        """Store a change as one patch. What is active and leaves the cluster's records goes on running, as it is.

        So does what gets other parameters: the cluster would restart it for them.

        An instance of another server in `add` extends its tag to that server, in the same patch.
        Raises Failure: 110000 for another kit's type whose scripts are not on this server; 000014, 110003, 110004,
        110034, 110086, 110087, 110100, 110150-110157.
        """
        server = self.local_server()
        for instance in change.add:
            if instance.server == server and not is_ours(instance.type):
                scripts.refuse_uninstalled(instance, server, self._paths)
        active = self._active(change, server)
        with self._released(active):
            commit.change(self._tools, lambda root: patch.apply(root, change, server))
        if not set(active) <= set(change.remove):  # until the cluster has found again what runs
            tools.crm_resource_wait(self._tools, self._settings.command_deadline)

    def remember(self, change: Change, server: str = "") -> tuple[str, ...]:
        """The elements that a change, or unextend(change.remove, server), would take or alter; see kept.py."""
        before = tools.cibadmin_query(self._tools)
        if server:
            return kept.remember(before, patch.unextend(before, change.remove, server))
        return kept.remember(before, patch.apply(before, change, self.local_server()))

    def put_back(self, remembered: tuple[str, ...]) -> None:
        """Put these elements back, in one patch. Raises Failure: 110150-110154."""
        commit.change(self._tools, lambda root: kept.put_back(root, remembered))

    def simulate(self, change: Change) -> tuple[Action, ...]:
        """What the cluster would do because of a change; changes nothing. Raises Failure as commit does."""
        before = tools.cibadmin_query(self._tools)
        after = patch.apply(before, change, self.local_server())
        commit.verify(self._tools, before, after)
        gone = {ids.resource_id(tag) for tag in change.remove}
        anyhow = set(tools.crm_simulate(self._tools, before))
        coming = tools.crm_simulate(self._tools, after)
        return tuple(action for action in coming if action not in anyhow and action.resource not in gone)

    def foresee(self, change: Change) -> tuple[str, ...]:
        """The same in words, one line for each action."""
        return tuple(_line(action) for action in self.simulate(change))

    def unextend(self, tags: tuple[str, ...], server: str) -> None:
        """Take a server from these tags, in one patch. Raises Failure: 110166, 110167, 110169 where one is active."""
        cluster = self.cluster()
        active = [tag for tag in tags if server in cluster.active_on(tag)]
        if active:
            raise Failure(*(StillInService(tag, server) for tag in active))
        commit.change(self._tools, lambda root: patch.unextend(root, tags, server))

    def set_priorities(self, group: str, priorities: dict[str, int]) -> None:
        """Give servers of a volume group other priorities, in one patch. Raises Failure (110167, 110168)."""
        commit.change(self._tools, lambda root: patch.set_priorities(root, group, priorities))

    def set_state(self, tag: str, state: str, reason: str = "") -> None:
        """Report a failure (OSF) of what is active here, which the cluster then recovers. It keeps all other states.

        reason: not used; the agent's own next message is what the cluster shows.
        Raises Failure: 000019 for an unknown tag, 110100 for a state that is none.
        """
        del reason
        if state not in STATES:
            raise Failure(InvalidName(state, "state"))
        server = self.local_server()
        root = tools.cibadmin_query(self._tools)
        if cib.hierarchy(root, server).by_tag(tag) is None:
            raise Failure(ResourceNotFound(f"tag {tag}"))
        resource = self.cluster().resource(tag)
        if state == OSF and resource is not None and server in resource.servers:
            failures.report(self._tools, root, resource.id, server)

    def amend(self, tag: str, facts: dict[str, str], server: str = "") -> None:
        """In one patch. Raises Failure as commit()."""
        place = server or self.local_server()

        def amended(root: Element) -> Change:
            return patch.amendment(root, tag, facts, place)

        with self._released(self._active(amended(tools.cibadmin_query(self._tools)), place)):
            commit.change(self._tools, lambda root: patch.apply(root, amended(root), place))

    def flags(self, server: str = "") -> tuple[str, ...]:
        """As the CIB has them beside the server."""
        place = server or self.local_server()
        return flags.names(tools.cibadmin_query(self._tools), place, self._boot_of(place))

    def create_flag(self, flag: str, server: str = "") -> bool:
        """In one patch. Raises Failure: 110100; 110150-110155; 110388 for a volatile flag of another server."""
        place = server or self.local_server()
        return self._change_flags(lambda root: flags.create(root, flag, place, self._boot_of(place)))

    def remove_flag(self, flag: str, server: str = "") -> bool:
        """In one patch. Raises Failure: 110150-110155."""
        place = server or self.local_server()
        return self._change_flags(lambda root: flags.remove(root, flag, place, self._boot_of(place)))

    def _change_flags(self, edit: Callable[[Element], Element | None]) -> bool:
        """Whether there was anything to change. edit: returns None where there is not."""
        results: list[bool] = []

        def edited(root: Element) -> Element:
            made = edit(root)
            results.append(made is not None)
            return root if made is None else made

        commit.change(self._tools, edited, is_structural=False)
        return results[-1]

    def _boot_of(self, server: str) -> str:
        """The boot ID of this server; '' for another one, of which it is not known."""
        return boot_id() if server == self.local_server() else ""

    def wanted(self) -> frozenset[str]:
        """Tags of what the cluster is to keep in service: managed, with a target-role other than Stopped; and the
        devices below."""
        root = tools.cibadmin_query(self._tools)
        graph = cib.hierarchy(root, self.local_server())
        own = primitive.own(root)
        tags = {tag for tag, element in own.items() if primitive.is_wanted(element)}
        for tag in tuple(tags):
            tags.update(below for below in graph.below(tag) if below not in own)
        return frozenset(tags)

    def resume(self, tell: Callable[[Message], None]) -> None:
        """Nothing: the cluster finishes what it was told, and the next admin lock tidies up after a killed change."""

    def bring_in_service(self, tag: str, tell: Callable[[Message], None], server: str = "") -> None:
        """No constraint stays behind. Raises Failure as moves.bring_in()."""
        place = server or self.local_server()
        with self.admin_lock(f"in-service {tag} on {place}"):
            moves.bring_in(self._tools, ClusterMove(tag, place, self._settings.action_deadline), tell)

    def take_out_of_service(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Wherever it is; it stays out until it is brought in again. Raises Failure as moves.take_out()."""
        with self.admin_lock(f"out-of-service {tag}"):
            moves.take_out(self._tools, ClusterMove(tag, "", self._settings.action_deadline), tell)

    def admin_lock(self, purpose: str) -> AbstractContextManager[None]:
        """Of the whole cluster; see lock.py."""
        manner = lock.Manner(self._settings.lock_patience, self._tell, self._ask_holder)
        return lock.admin_lock(self._tools, self._paths, self.local_server(), purpose, manner)

    def _active(self, change: Change, server: str) -> tuple[str, ...]:
        """The tags that a change removes, or gives other parameters, while they run somewhere; and what stands on them.

        Raises Failure where the change does not fit.
        """
        if not change.remove and not change.update:
            return ()
        before = tools.cibadmin_query(self._tools)
        tags = (*change.remove, *primitive.reparametrised(before, patch.apply(before, change, server)))
        if not tags:
            return ()
        graph, cluster = Hierarchy((), cib.links(before)), self.cluster()
        affected = dict.fromkeys(above for tag in tags for above in graph.above(tag))
        return tuple(tag for tag in affected if cluster.active_on(tag))

    @contextmanager
    def _released(self, tags: tuple[str, ...]) -> Iterator[None]:
        """Have the cluster forget what runs while a `with` block removes or changes it; see release.let_go().

        Whatever ends the block, what was not removed is the cluster's again, as it was.
        """
        if not tags:
            yield
            return
        try:
            commit.change(self._tools, lambda root: release.let_go(root, tags))
            tools.crm_resource_wait(self._tools, self._settings.command_deadline)
            for tag in tags:
                tools.crm_resource_refresh(self._tools, ids.resource_id(tag))
            tools.crm_resource_wait(self._tools, self._settings.command_deadline)
            yield
        finally:
            commit.change(self._tools, release.held_again)


def _line(action: Action) -> str:
    whence = f" from {action.source}" if action.source else ""
    return f"{action.action} {ids.tag_of(action.resource) or action.resource}{whence} on {action.server}"

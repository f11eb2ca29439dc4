"""The embedded engine: the port of one server, over its database and the action scripts.

What runs scripts or writes is imported where it is used: looking up one resource must stay quick.
"""

from __future__ import annotations

import os

from lvmkit.cluster.embedded import rows
from lvmkit.cluster.embedded.database import reading, writing
from lvmkit.model.instance import IN_SERVICE
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from lvmkit.cluster.embedded.flags import ServiceMove
    from lvmkit.cluster.embedded.recovery import EmbeddedRecovery
    from lvmkit.cluster.port import Capabilities, Change, Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.servers import Server
    from lvmkit.model.settings import Paths, Settings


class Engine:
    """The cluster port for one server; port.Port says what each method is for."""

    membership = None

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._paths = paths
        self._settings = settings

    @property
    def capabilities(self) -> Capabilities:
        """One server, whose timer and scripts are all that acts."""
        from lvmkit.cluster.port import Capabilities

        return Capabilities(
            several_servers=False,
            common_tags=False,
            watches_itself=False,
            runs_devices=True,
            needs_agents=False,
            starts_what_is_up=True,
            fences_failed_stops=False,
            keeps_database=True,
            takes_states=True,
        )

    @property
    def recovery(self) -> EmbeddedRecovery:
        """The account of local recovery, which is the timer's."""
        from lvmkit.cluster.embedded.recovery import EmbeddedRecovery

        return EmbeddedRecovery(self._paths, self._settings)

    def local_server(self) -> str:
        """The name of this server, that of the host (uname -n); where the database is another machine's, of that."""
        with reading(self._paths.database) as connection:
            return rows.server(connection) or os.uname().nodename

    def hierarchy(self) -> Hierarchy:
        """All instances and dependencies, read at one moment."""
        with reading(self._paths.database) as connection:
            return rows.hierarchy(connection)

    def at_hand(self) -> Hierarchy:
        """The same: it is a file."""
        return self.hierarchy()

    def excused(self) -> frozenset[str]:
        """What a move that runs now brings up or takes down, and what is out of service."""
        from lvmkit.cluster.embedded import moves

        with reading(self._paths.database) as connection:
            return moves.excused(connection)

    def in_charge(self) -> frozenset[str]:
        """What is in service, and is not moved now."""
        in_service = (instance.tag for instance in self.hierarchy().instances if instance.state in IN_SERVICE)
        return frozenset(in_service) - self.excused()

    def monitored_every(self) -> dict[str, int]:
        """Nothing: the timer looks at everything at once."""
        return {}

    def promoter_of(self, resource: str) -> str | None:
        """Nothing: DRBD's own units or an administrator do."""
        del resource
        return None

    def fenced_off(self, resource: str, server: str) -> str:
        """Nothing: DRBD's handlers know Pacemaker."""
        del resource, server
        return ""

    def fences_by_reservation(self) -> tuple[str, ...]:
        """None: there is nobody to fence."""
        return ()

    def report_failure(self, tag: str) -> None:
        """Nothing: here the kit itself recovers."""
        del tag

    def servers(self) -> tuple[Server, ...]:
        """This server."""
        from lvmkit.model.servers import Server

        return (Server(self.local_server(), online=True),)

    def hierarchy_of(self, server: str) -> Hierarchy:
        """hierarchy(), for this server. Raises Failure (110155) for any other."""
        self._require_local(server)
        return self.hierarchy()

    def overview(self) -> Overview:
        """This server with all its tags."""
        from lvmkit.cluster.port import Overview
        from lvmkit.model.servers import Equivalency, Server

        server, hierarchy = self.local_server(), self.hierarchy()
        equivalencies = tuple(Equivalency(tag, server, 1) for tag in hierarchy.tags)
        return Overview(server, (Server(server, online=True),), (hierarchy,), self.capabilities, equivalencies)

    def foresee(self, change: Change) -> tuple[str, ...]:
        """Nothing: a change of records moves nothing here."""
        del change
        return ()

    def unextend(self, tags: tuple[str, ...], server: str) -> None:
        """Raises Failure: 110155 for another server, 110166 for this one, which is the last."""
        from lvmkit.model.messages.pacemaker import LastServer

        self._require_local(server)
        raise Failure(*(LastServer(tag, server) for tag in tags))

    def set_priorities(self, group: str, priorities: dict[str, int]) -> None:
        """Nothing: one server has no order. Raises Failure (110155) for another server."""
        del group
        for server in priorities:
            self._require_local(server)

    def find(self, tag: str | None, resource_id: str | None) -> Instance:
        """The instance with this tag, this ID or both. Raises Failure (000011, 000019)."""
        with reading(self._paths.database) as connection:
            return rows.find(connection, tag, resource_id)

    def required_by_others(self) -> frozenset[str]:
        """None: what stands on a tag here is an instance, too."""
        return frozenset()

    def wanted(self) -> frozenset[str]:
        """Tags of what should be in service: it was when its state was last known, and is AUTORES_ISP."""
        with reading(self._paths.database) as connection:
            return rows.wanted(connection)

    def commit(self, change: Change) -> None:
        """Store a change as one unit. Raises Failure (000014, 110003, 110004, 110086, 110087, 110100)."""
        from lvmkit.cluster.embedded import changes

        with writing(self._paths.database) as connection:
            changes.apply(connection, change)

    def remember(self, change: Change, server: str = "") -> tuple[str, ...]:
        """What a change takes, row by row. Raises Failure for a server other than this one (110155)."""
        from lvmkit.cluster.embedded import kept

        self._require_local(server)
        with reading(self._paths.database) as connection:
            return kept.remember(connection, change)

    def put_back(self, remembered: tuple[str, ...]) -> None:
        """Put back what remember() gave, as one unit. Raises Failure as commit()."""
        from lvmkit.cluster.embedded import kept

        with writing(self._paths.database) as connection:
            kept.put_back(connection, remembered)

    def set_state(self, tag: str, state: str, reason: str = "") -> None:
        """Store the state of one instance. Raises Failure (000019, 110100)."""
        from lvmkit.cluster.embedded import changes

        with writing(self._paths.database) as connection:
            changes.set_state(connection, tag, state, reason)

    def amend(self, tag: str, facts: dict[str, str], server: str = "") -> None:
        """In one transaction. Raises Failure (000019, 110100, 110155)."""
        from lvmkit.cluster.embedded import changes

        self._require_local(server)
        with writing(self._paths.database) as connection:
            changes.amend(connection, tag, facts)

    def bring_in_service(self, tag: str, tell: Callable[[Message], None], server: str = "") -> None:
        """What is ISP already is left alone; ISU becomes ISP without a script. Raises Failure as moves.carry_out().

        What was counted of local recovery is over then.
        """
        from lvmkit.cluster.embedded.flags import RESTORE, ServiceMove

        self._require_local(server)
        self._carry_out(ServiceMove(RESTORE, tag), tell)
        self.recovery.forget(self.hierarchy().below(tag))

    def take_out_of_service(self, tag: str, tell: Callable[[Message], None]) -> None:
        """What is OSU already is left alone. Raises Failure as moves.carry_out()."""
        from lvmkit.cluster.embedded.flags import REMOVE, ServiceMove

        self._carry_out(ServiceMove(REMOVE, tag), tell)

    def interrupted(self) -> tuple[ServiceMove, ...]:
        """Moves in or out of service whose process was killed."""
        from lvmkit.cluster.embedded import flags

        with reading(self._paths.database) as connection:
            return flags.interrupted(connection)

    def resume(self, tell: Callable[[Message], None]) -> None:
        """Carry out again what interrupted() names. Raises Failure as the moves do."""
        from lvmkit.cluster.embedded import moves

        if self.interrupted():
            with self.admin_lock("finish interrupted work"):
                moves.resume(self._paths, self._settings, tell)

    def flags(self, server: str = "") -> tuple[str, ...]:
        """All flags that are on, the engine's own among them."""
        from lvmkit.cluster.embedded import flags

        self._require_local(server)
        with reading(self._paths.database) as connection:
            return flags.names(connection)

    def create_flag(self, flag: str, server: str = "") -> bool:
        """Raises Failure (110100, 110155)."""
        from lvmkit.cluster.checks import require_flag
        from lvmkit.cluster.embedded import flags

        self._require_local(server)
        require_flag(flag)
        with writing(self._paths.database) as connection:
            is_new = flag not in flags.names(connection)
            if is_new:
                flags.create(connection, flag)
            return is_new

    def remove_flag(self, flag: str, server: str = "") -> bool:
        """The engine's own flags are its own to remove. Raises Failure (110155)."""
        from lvmkit.cluster.embedded import flags

        self._require_local(server)
        with writing(self._paths.database) as connection:
            return flags.remove_given(connection, flag)

    def admin_lock(self, purpose: str) -> AbstractContextManager[None]:
        """A process that has it may enter again."""
        from lvmkit.cluster.embedded.lock import admin_lock  # it brings contextlib, which looking something up need not

        return admin_lock(self._paths, purpose, self._settings.lock_patience)

    def _require_local(self, server: str) -> None:
        from lvmkit.model.messages.pacemaker import UnknownServer

        own = self.local_server()
        if server not in ("", own):
            raise Failure(UnknownServer(server, (own,)))

    def _carry_out(self, move: ServiceMove, tell: Callable[[Message], None]) -> None:
        from lvmkit.cluster.embedded import moves

        with self.admin_lock(f"{move.action} {move.tag}"):
            moves.carry_out(move, self._paths, self._settings, tell)

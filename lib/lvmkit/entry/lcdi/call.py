"""One call of a command: what was given, and the engine that it is about."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.value import Value, once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lvmkit.cluster.port import Port
    from lvmkit.entry.lcdi.arguments import Given
    from lvmkit.entry.lcdi.description import LcdiCommand
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.servers import Server
    from lvmkit.model.settings import Paths
    from lvmkit.plan import Kit

BYTE = "\x01"
"""what separates the fields of a record, and several tags in one argument"""


class Call(Value):
    """One call of a command."""

    command: LcdiCommand
    given: Given
    paths: Paths
    tell: Callable[[Message], None]

    def get(self, letter: str) -> str:
        """The argument of an option; '' where it was not given."""
        return self.given.options.get(letter, "")

    def has(self, letter: str) -> bool:
        """Whether an option was given."""
        return letter in self.given.options

    @once
    def port(self) -> Port:
        """The engine of this server."""
        from lvmkit.entry.kit import engine

        return engine(self.paths, self.tell)

    @once
    def kit(self) -> Kit:
        """What workflows need."""
        from lvmkit.entry.kit import kit

        return kit(self.paths, self.tell)

    @once
    def server(self) -> str:
        """The server whose records are meant. Raises Failure (NoCommunication, 110380) for one that there is not."""
        wanted = self.get("d")
        own = self.port.local_server()
        if not wanted or wanted == own:
            return own
        self.refuse_unknown(self.port.servers())
        return wanted

    def refuse_unknown(self, servers: Iterable[Server]) -> None:
        """Raise Failure (NoCommunication, 110380) where the server of -d is none of these."""
        wanted = self.get("d")
        if wanted not in {server.name for server in servers}:
            from lvmkit.model.messages.lcdi import NoCommunication

            raise Failure(NoCommunication(wanted))

    @once
    def is_elsewhere(self) -> bool:
        """Whether another server's records are meant."""
        return self.has("d") and self.server != self.port.local_server()

    @once
    def hierarchy(self) -> Hierarchy:
        """What the meant server has, read at one moment."""
        return self.port.hierarchy_of(self.server) if self.is_elsewhere else self.port.hierarchy()

    def instance(self, tag: str) -> Instance:
        """The instance with a tag. Raises Failure (ResourceNotFound, 000019)."""
        instance = self.hierarchy.by_tag(tag)
        if instance is None:
            from lvmkit.model.messages.guide import ResourceNotFound  # messages are loaded when one is needed

            raise Failure(ResourceNotFound(f"tag {tag}"))
        return instance

    def records(self, rows: Iterable[Iterable[str]]) -> tuple[str, ...]:
        """Rows as lines."""
        return tuple(map((self.get("f") or BYTE).join, rows))

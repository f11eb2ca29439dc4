"""The cluster port: what the kit needs of an engine, in LifeKeeper's vocabulary.

Adapters: embedded.py (SQLite, one server). Workflows know this protocol only.
"""

from __future__ import annotations

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import Dependency, Instance
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Protocol

    from lvmkit.model.messages import Message
else:
    Protocol = object


class Change(Value):
    """Additions to and removals from the engine's records, stored as one unit or not at all.

    Removing a tag removes its dependencies with it. `update` replaces instances that exist, by tag.
    """

    add: tuple[Instance, ...] = ()
    link: tuple[Dependency, ...] = ()
    unlink: tuple[Dependency, ...] = ()
    remove: tuple[str, ...] = ()
    update: tuple[Instance, ...] = ()


class Port(Protocol):
    """An engine. Every method may raise Failure with a numbered message."""

    def local_server(self) -> str:
        """The name of this server, as the engine knows it."""

    def hierarchy(self) -> Hierarchy:
        """All instances and dependencies of the local server, read at one moment."""

    def commit(self, change: Change) -> None:
        """Store a change as one unit; one that does not fit raises Failure (000014, 110004, 110086, 110087)."""

    def set_state(self, tag: str, state: str, reason: str = "") -> None:
        """Store the state of one instance."""

    def wanted(self, tag: str) -> bool:
        """Whether the resource should be in service: it was when its state was last set, and no one took it out."""

    def resume(self, tell: Callable[[Message], None]) -> None:
        """Finish actions whose process was killed; they are idempotent, so they are run again."""

    def bring_in_service(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Restore the tag and all it requires, children first. Raises Failure (000023) and marks OSF what failed."""

    def take_out_of_service(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Remove the tag and all that requires it, parents first. Raises Failure and marks OSF what would not go."""

    def admin_lock(self, purpose: str) -> AbstractContextManager[None]:
        """Only one create, delete, reconfigure or move at a time. Raises Failure (110083) after the lock patience."""

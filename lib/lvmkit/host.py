"""This server as guards and resources see it: where its things are, who it is, and whom it can ask about others."""

from __future__ import annotations

from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Failure, Message
    from lvmkit.model.standing import Standing
    from lvmkit.storage.lvm import Lvm

    Devices = tuple[tuple[str, str], ...]
    """(device-mapper name, UUID) of each"""
else:
    Protocol = object


class Membership(Protocol):
    """What a cluster knows of its servers."""

    def standing(self, owner: str, tag: str) -> Standing:
        """What it says of a previous owner of the volume group with this tag. Raises Failure if it does not answer."""

    def servers(self) -> tuple[str, ...]:
        """All servers that its configuration knows. Raises Failure where it does not answer."""

    def numbers(self) -> Mapping[str, int]:
        """The number that the cluster gives each of them. Raises Failure where it does not answer."""


class Peers(Protocol):
    """Other servers' kernels."""

    def devices(self, servers: Sequence[str], *, patience: float) -> Mapping[str, Devices | Failure]:
        """For each server the devices of LVM that its kernel holds, or why it does not say.

        All are asked at the same time.  patience: seconds in all, connecting included.
        """


class Host(Value):
    """This server. tell: learns of what is not a failure."""

    paths: Paths
    settings: Settings
    tell: Callable[[Message], None]
    server: str = ""
    """its name in the cluster; '' where the caller does not need it"""
    membership: Membership | None = None
    """None: there is no cluster that could say who has let go of a volume group, so none is taken over"""
    peers: Peers | None = None
    """None where there is no cluster"""
    protected: Callable[[VgFacts], Sequence[LvFacts] | None] | None = None
    """tells the volumes of a group that have a resource of their own; None where none has, or nobody can tell: then the
    group is protected as a whole. May raise Failure."""
    end: float = float("inf")
    """of time.monotonic(): when the action must be done, because whoever asked for it will not wait longer"""

    @property
    def time_left(self) -> float:
        """Seconds for the next command."""
        from lvmkit.storage.run import time_left  # a check runs none

        return time_left(self.settings.command_deadline, self.end)

    @property
    def lvm(self) -> Lvm:
        """How LVM is asked."""
        from lvmkit.storage.lvm import Lvm  # a check does not ask it

        return Lvm(self.settings.command_deadline, self.end)

    def lvm_for(self, group: VgFacts) -> Lvm:
        """How LVM is asked to change a volume group: as its owner, where it is to have one."""
        return self.lvm.speaking_as(self.server) if group.has_owner else self.lvm

"""The changes that an apply is made of: each is the workflow of a command, with the way back from it."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.phrase import Phrase
from lvmkit.model.value import Value
from lvmkit.workflow import create, delete, elsewhere, unextend
from lvmkit.workflow.extend import refusal
from lvmkit.workflow.service import groups_moving
from lvmkit.workflow.subject import refuse_offline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.port import Overview
    from lvmkit.plan import Kit


def priorities_of(tag: str, seen: Overview) -> dict[str, int]:
    """The priorities of the servers of a tag."""
    return {e.server: e.priority for e in seen.equivalencies if e.tag == tag}


class ApplyStep(Value):
    """One change, which is a command of its own."""

    tag: str

    def describe(self) -> str:
        """What it does, in the imperative."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return self.tag

    def refuse(self, kit: Kit) -> None:
        """Raise Failure with all that can be known to speak against it before anything is done; changes nothing."""
        del kit

    def apply(self, kit: Kit) -> None:
        """Do it. Raises Failure; then nothing is left of it."""
        raise NotImplementedError

    def take_back(self, kit: Kit) -> None:
        """Put back what was. Raises Failure."""
        raise NotImplementedError


class CreateTop(ApplyStep):
    """Protect a file system or a volume."""

    path: str
    switchback: str
    reservation: str

    def describe(self) -> str:
        """What it does."""
        return Phrase("create {path}, with the tag {tag}", path=self.path, tag=self.tag)

    def refuse(self, kit: Kit) -> None:
        """As create does."""
        create.draft_creation(self._request(), kit)

    def apply(self, kit: Kit) -> None:
        """Create it, and bring it in service."""
        create.create(self._request(), kit)

    def take_back(self, kit: Kit) -> None:
        """End the protection; nothing is unmounted."""
        delete.delete(self.tag, kit)

    def _request(self) -> create.CreateRequest:
        return create.CreateRequest(self.path, self.tag, self.switchback or "INTELLIGENT", reservation=self.reservation)


class ExtendTop(ApplyStep):
    """Let it run on one more server."""

    server: str
    priority: int
    is_new: bool = False
    """whether the hierarchy is created by this run, so that no server can be asked about it yet"""

    def describe(self) -> str:
        """What it does."""
        rank = Phrase(", with priority {priority}", priority=self.priority) if self.priority else ""
        return Phrase("extend {tags} to {server}{below}{rank}", tags=self.tag, server=self.server, below="", rank=rank)

    def refuse(self, kit: Kit) -> None:
        """As extend does: that server is asked."""
        refuse_offline(self.server, self.tag, kit.port.overview())
        if self.is_new:
            return
        readiness = elsewhere.preview(self._order(), kit).readiness
        if not readiness.is_ready:
            raise refusal(Failure(*readiness.refusals), self.tag, self.server)

    def apply(self, kit: Kit) -> None:
        """Extend it."""
        elsewhere.extend(self._order(), kit)

    def take_back(self, kit: Kit) -> None:
        """Take that server from it."""
        elsewhere.unextend(self.tag, self.server, kit)

    def _order(self) -> elsewhere.ExtendOrder:
        return elsewhere.ExtendOrder(self.tag, self.server, self.priority)


class RankServers(ApplyStep):
    """Give the servers of what moves with a tag their priorities."""

    priorities: tuple[tuple[str, int], ...]
    before: tuple[tuple[str, int], ...]
    """empty where it is created by this run"""

    def describe(self) -> str:
        """What it does."""
        ranks = (f"{server} {priority}" for server, priority in self.priorities)
        return Phrase("give the servers of {tag} the priorities {ranks}", tag=self.tag, ranks=", ".join(ranks))

    def apply(self, kit: Kit) -> None:
        """Store them."""
        self._rank(dict(self.priorities), kit)

    def take_back(self, kit: Kit) -> None:
        """Store those that were."""
        self._rank(dict(self.before), kit)

    def _rank(self, priorities: dict[str, int], kit: Kit) -> None:
        with kit.port.admin_lock(f"apply priorities of {self.tag}"):
            seen = kit.port.overview()
            for group in groups_moving(self.tag, seen.union()):
                asked = {
                    server: priorities.get(server, rank) for server, rank in priorities_of(group.tag, seen).items()
                }
                if asked != priorities_of(group.tag, seen):
                    kit.port.set_priorities(group.tag, asked)


class AmendResource(ApplyStep):
    """Give a resource another switchback or initialisation, on every server that has it."""

    fact: str
    value: str
    before: str

    def describe(self) -> str:
        """What it does."""
        return Phrase("set the {fact} of {tag} to {value}", fact=self.fact, tag=self.tag, value=self.value)

    def apply(self, kit: Kit) -> None:
        """Store it."""
        self._amend(self.value, kit)

    def take_back(self, kit: Kit) -> None:
        """Store what was."""
        self._amend(self.before, kit)

    def _amend(self, value: str, kit: Kit) -> None:
        with kit.port.admin_lock(f"apply {self.fact} of {self.tag}"):
            seen = kit.port.overview()
            for server in seen.names:
                if seen.of(server).by_tag(self.tag) is not None:
                    kit.port.amend(self.tag, {self.fact: value}, server)


class LeaveServer(ApplyStep):
    """Let it run on a server no more."""

    server: str
    priority: int

    def describe(self) -> str:
        """What it does."""
        return Phrase("unextend {tag} from {server}", tag=self.tag, server=self.server)

    @property
    def subject(self) -> str:
        """The tag on that server."""
        return f"{self.tag} on {self.server}"

    def refuse(self, kit: Kit) -> None:
        """As unextend does."""
        unextend.draft_unextension(self.tag, self.server, kit)

    def apply(self, kit: Kit) -> None:
        """Take the server from it."""
        elsewhere.unextend(self.tag, self.server, kit)

    def take_back(self, kit: Kit) -> None:
        """Extend it again."""
        elsewhere.extend(elsewhere.ExtendOrder(self.tag, self.server, self.priority), kit)


class EndProtection(ApplyStep):
    """Delete a hierarchy; these come last, because they are not taken back."""

    def describe(self) -> str:
        """What it does."""
        return Phrase("delete {tag}; data and mounts stay", tag=self.tag)

    def apply(self, kit: Kit) -> None:
        """End it."""
        delete.delete(self.tag, kit)

    def take_back(self, kit: Kit) -> None:
        """Nothing: what its storage is by now may be something else."""

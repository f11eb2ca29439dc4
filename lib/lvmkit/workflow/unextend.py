"""Take a server from a hierarchy: it may no longer run there. Data, disks and mount points stay as they are."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.family import coming_along, family, groups
from lvmkit.model.instance import IN_SERVICE, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import MovesAlong, StillListedThere
from lvmkit.model.messages.pacemaker import LastServer, StillInService
from lvmkit.model.phrase import Phrase
from lvmkit.model.value import Value, replace
from lvmkit.plan import Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import drop_records, listing
from lvmkit.workflow.subject import hierarchy_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from lvmkit.cluster.port import Overview
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit


class GiveUp(Step):
    """Let the tags run on a server no more; its devices and disks below them go with them."""

    decides: ClassVar[bool] = True
    server: str
    tags: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """what the engine held of this server, in its own words"""

    def describe(self) -> str:
        """What the step does."""
        return Phrase("take {server} from {tags}", server=self.server, tags=", ".join(self.tags))

    def names(self) -> tuple[str, ...]:
        """The tags."""
        return self.tags

    def prepared(self, kit: Kit) -> GiveUp:
        """With what the engine holds of this server."""
        return replace(self, kept=kit.port.remember(Change(remove=self.tags), self.server))

    def apply(self, kit: Kit) -> None:
        """Store it. Raises Failure where one is in service there, or the server is its last."""
        kit.port.unextend(self.tags, self.server)

    def undo(self, kit: Kit) -> None:
        """Extend it again, as it was."""
        if self.kept:
            kit.port.put_back(self.kept)

    def finish(self, kit: Kit) -> None:
        """Nothing: a plan goes on from here only where it is done."""

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether the server has none of them."""
        return not set(self.tags) & set(kit.port.hierarchy_of(self.server).tags)


class UnextendDraft(Value):
    """A plan, and the instances that would go, children first."""

    plan: Plan
    gone: tuple[Instance, ...]


def unextend(tag: str, kit: Kit) -> tuple[str, ...]:
    """Take this server from a hierarchy and all that moves with it; returns the tags. The admin lock is taken.

    Raises Failure, with nothing changed: 110167 where it is not extended here, 110169 in service here, 110166 where
    this is its only server.
    """
    return tags_of(_take(tag, kit.port.local_server(), kit))


def unextend_absent(tag: str, server: str, kit: Kit) -> tuple[str, ...]:
    """The same for a server that is down: in the cluster's configuration only. Warns of what stays there (110224).

    Raises Failure as unextend(); 110169 too where the cluster cannot be sure that nothing runs there.
    """
    gone = _take(tag, server, kit)
    kit.tell(StillListedThere(server, tuple(map(_vg, groups(gone)))))
    return tags_of(gone)


def _take(tag: str, server: str, kit: Kit) -> tuple[Instance, ...]:
    with kit.port.admin_lock(f"unextend {tag} from {server}"):
        finish_interrupted(kit)
        draft = draft_unextension(tag, server, kit)
        carry_out(draft.plan, kit)
        if server == kit.port.local_server():
            drop_records(draft.gone, kit)
    return draft.gone


def draft_unextension(tag: str, server: str, kit: Kit) -> UnextendDraft:
    """What it would do; changes nothing. /etc/lkvgs is part of it where the server is this one. Raises Failure."""
    seen = kit.port.overview()
    hierarchy = hierarchy_with(tag, server, seen)
    gone = family(tag, hierarchy)
    _refuse(gone, server, seen)
    others = coming_along(tag, gone, hierarchy)
    if others:
        kit.tell(MovesAlong(tag, others))
    steps: list[Step] = [GiveUp(server, tags_of(gone))]
    if server == seen.local:
        for group in groups(gone):
            steps += listing(_vg(group), VgFacts.noted(group).uuid, False, kit)
    return UnextendDraft(Plan(f"unextend {tag} from {server}", tuple(steps)), gone)


def _refuse(gone: tuple[Instance, ...], server: str, seen: Overview) -> None:
    """Raises Failure with every reason: in service there, or nowhere else to go."""
    up = [StillInService(i.tag, server) for i in gone if i.state in IN_SERVICE]
    others = {e.tag for e in seen.equivalencies if e.server != server}
    last = [LastServer(i.tag, server) for i in gone if i.tag not in others]
    if up or last:
        raise Failure(*up, *last)


def _vg(group: Instance) -> str:
    return names.vg_of_lvmvg_id(group.id) or group.tag

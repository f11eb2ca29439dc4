"""The steps that plans are made of."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.instance import DEVICE, DISK, ILLSTATE, IN_SERVICE, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import InsCreateFailed, LkvgsNotUpdated, RemovingAfterCreateError
from lvmkit.model.messages.service import AutoactivationUnchanged
from lvmkit.model.value import replace
from lvmkit.plan import Step
from lvmkit.storage import lkvgs, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit


class SetAutoactivation(Step):
    """Whether the boot and udev may activate the volume group by themselves (lvmautoactivation(7)).

    Where the disks are dead the property cannot be written; a plan that does not depend on it goes on with a warning.
    """

    vg: str
    on: bool
    required: bool

    def describe(self) -> str:
        """What the step does."""
        return f"turn autoactivation of volume group {self.vg} {'on' if self.on else 'off'}"

    def names(self) -> tuple[str, ...]:
        """The volume group."""
        return (self.vg,)

    def apply(self, kit: Kit) -> None:
        """Write the property."""
        self._set(kit, self.on, self.required)

    def undo(self, kit: Kit) -> None:
        """Write back what it was; a warning where the disks don't let us."""
        self._set_later(kit, not self.on)

    def finish(self, kit: Kit) -> None:
        """Write it where that still fits."""
        self._set_later(kit, self.on)

    def _set_later(self, kit: Kit, on: bool) -> None:
        """Nothing boots by itself what some server has protected by now."""
        if on and _protects(self.vg, kit.port.overview().union()):
            return
        self._set(kit, on, False)

    def _set(self, kit: Kit, on: bool, required: bool) -> None:
        try:
            kit.lvm.set_autoactivation(self.vg, on)
        except Failure as failure:
            if required:
                raise
            kit.tell(AutoactivationUnchanged(self.vg, str(failure)))


class ListVg(Step):
    """Name the volume group in /etc/lkvgs, or take it off that list."""

    vg: str
    listed: bool

    def describe(self) -> str:
        """What the step does."""
        return f"{'add' if self.listed else 'remove'} {self.vg} {'to' if self.listed else 'from'} /etc/lkvgs"

    def names(self) -> tuple[str, ...]:
        """The volume group."""
        return (self.vg,)

    def apply(self, kit: Kit) -> None:
        """Update the list; 110007 is a warning in the guide, so it does not stop the plan."""
        self._update(kit, self.listed)

    def undo(self, kit: Kit) -> None:
        """Update the list back."""
        self._update_later(kit, not self.listed)

    def finish(self, kit: Kit) -> None:
        """Update the list where that still fits."""
        self._update_later(kit, self.listed)

    def _update_later(self, kit: Kit, listed: bool) -> None:
        """What this server protects by now stays on its list."""
        if listed or not _protects(self.vg, kit.port.hierarchy()):
            self._update(kit, listed)

    def _update(self, kit: Kit, listed: bool) -> None:
        try:
            (lkvgs.add if listed else lkvgs.remove)(kit.paths.lkvgs, self.vg)
        except Failure as failure:
            warnings = [message for message in failure.messages if isinstance(message, LkvgsNotUpdated)]
            if len(warnings) != len(failure.messages):
                raise
            for message in warnings:
                kit.tell(message)


def listing(vg: str, listed: bool, kit: Kit) -> tuple[ListVg, ...]:
    """The step that names a volume group in /etc/lkvgs or takes it off; none where the list is so already.

    For then its way back would undo what another hand did. A list that cannot be read is left to the step to warn of.
    """
    try:
        is_listed = vg in lkvgs.listed(kit.paths.lkvgs)
    except Failure:
        is_listed = not listed
    return () if is_listed == listed else (ListVg(vg, listed),)


def _protects(vg: str, hierarchy: Hierarchy) -> bool:
    return hierarchy.by_id(names.lvmvg_id(vg), LVMVG) is not None


class Commit(Step):
    """Store a change of instances and dependencies as one unit."""

    decides: ClassVar[bool] = True
    change: Change
    before: tuple[Instance, ...] = ()
    """the instances that the change removes or updates"""
    kept: tuple[str, ...] = ()
    """what the engine held of them on every server, in its own words"""

    def describe(self) -> str:
        """What the step does."""
        change = self.change
        parts = [("create", [i.tag for i in change.add]), ("remove", change.remove)]
        parts += [("update", [i.tag for i in change.update]), ("link", [f"{d.parent}-{d.child}" for d in change.link])]
        parts += [("unlink", [f"{d.parent}-{d.child}" for d in change.unlink])]
        return "; ".join(f"{verb} {', '.join(what)}" for verb, what in parts if what) or "store nothing"

    def names(self) -> tuple[str, ...]:
        """All tags of the change."""
        return _tags_of(self.change)

    def prepared(self, kit: Kit) -> Commit:
        """With what the engine holds of all that goes or changes."""
        change = self.change
        if not (change.remove or change.update or change.unlink):
            return self
        return replace(self, kept=kit.port.remember(change))

    def apply(self, kit: Kit) -> None:
        """Store it; the guide's own message follows the reason where instances could not be created."""
        try:
            kit.port.commit(self.change)
        except Failure as failure:
            if not self.change.add:
                raise
            refused = InsCreateFailed(kit.port.local_server(), failure.messages[0].text)
            raise Failure(*failure.messages, refused) from failure

    def undo(self, kit: Kit) -> None:
        """Take away what was added and is still as it was added, then put back what went, as it was."""
        hierarchy = kit.port.hierarchy()
        added = tuple(i for i in self.change.add if _is_same(i, hierarchy.by_tag(i.tag)))
        links = tuple(d for d in self.change.link if d in hierarchy.dependencies)
        for instance in added:
            kit.tell(RemovingAfterCreateError(instance.tag, kit.port.local_server()))
        if added or links:
            kit.port.commit(Change(unlink=links, remove=tuple(i.tag for i in added)))
        if self.kept:
            kit.port.put_back(self.kept)
        for group in (i for i in added if i.type == LVMVG):
            records.drop(kit.paths, group.id)

    def finish(self, kit: Kit) -> None:
        """Nothing: a plan goes on from here only where the change is stored, or others went on from it."""

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether it is stored. A change is atomic, so it is there as a whole or not at all."""
        hierarchy = kit.port.hierarchy()
        stored = (*self.change.add, *self.change.update)
        if not all(_is_same(instance, hierarchy.by_tag(instance.tag)) for instance in stored):
            return False
        if not set(self.change.link) <= set(hierarchy.dependencies):
            return False
        gone = set(self.change.remove) - {instance.tag for instance in self.change.add}
        return not gone & set(hierarchy.tags) and not set(self.change.unlink) & set(hierarchy.dependencies)

    def is_built_on(self, kit: Kit) -> bool:
        """Whether another server may run what was added; or nobody knows how to put back what went (older versions)."""
        added = {instance.tag for instance in self.change.add if instance.type not in (DEVICE, DISK)}
        seen = kit.port.overview()
        others = (tag for s in seen.servers if s.name != seen.local for tag in seen.of(s.name).tags)
        if added & set(others):
            return True
        return bool(self.change.remove) and not self.kept and self.is_in_effect(kit)


def _tags_of(change: Change) -> tuple[str, ...]:
    links = (tag for link in (*change.link, *change.unlink) for tag in (link.parent, link.child))
    tags = (*(i.tag for i in change.add), *change.remove, *(i.tag for i in change.update), *links)
    return tuple(dict.fromkeys(tags))


def _is_same(wanted: Instance, stored: Instance | None) -> bool:
    """Whether an instance is stored as it was meant to be; its state is the engine's affair."""
    if stored is None:
        return False
    return replace(stored, state=wanted.state, reason=wanted.reason) == wanted


class BringInService(Step):
    """Bring a tag and all that it requires in service."""

    decides: ClassVar[bool] = True
    tag: str
    was_up: bool
    """the storage was active before the plan, so the way back leaves it so"""

    def describe(self) -> str:
        """What the step does."""
        return f"bring {self.tag} in service"

    def names(self) -> tuple[str, ...]:
        """The tag."""
        return (self.tag,)

    def apply(self, kit: Kit) -> None:
        """Restore, children first."""
        kit.port.bring_in_service(self.tag, kit.tell)

    def undo(self, kit: Kit) -> None:
        """Take it down again, unless it was up before: from the volume group on, which takes all that is above it."""
        if self.was_up:
            return
        now = kit.port.hierarchy()
        below = [instance for instance in map(now.by_tag, now.below(self.tag)) if instance is not None]
        for group in (instance for instance in below if instance.type == LVMVG):
            kit.port.take_out_of_service(group.tag, kit.tell)

    def finish(self, kit: Kit) -> None:
        """Bring up what lacks below it where it is in service here; else it is left where, and as, others have it."""
        instance = kit.port.hierarchy().by_tag(self.tag)
        if instance is not None and instance.state in IN_SERVICE:
            kit.port.bring_in_service(self.tag, kit.tell)

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether it is in service on any server, or was here when the server went down."""
        seen = kit.port.overview()
        each = [i for i in (h.by_tag(self.tag) for h in seen.hierarchies) if i is not None]
        if any(instance.state in IN_SERVICE for instance in each):
            return True
        return any(i.state == ILLSTATE and i.server == seen.local for i in each) and kit.port.wanted(self.tag)

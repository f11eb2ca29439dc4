"""The steps that plans are made of."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model.instance import LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import InsCreateFailed, LkvgsNotUpdated, RemovingAfterCreateError
from lvmkit.model.messages.service import AutoactivationUnchanged
from lvmkit.plan import Step
from lvmkit.storage import lkvgs, lvm, records

TYPE_CHECKING = False
if TYPE_CHECKING:
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

    def apply(self, kit: Kit) -> None:
        """Write the property."""
        self._set(kit, self.on, self.required)

    def undo(self, kit: Kit) -> None:
        """Write back what it was; a warning where the disks don't let us."""
        self._set(kit, not self.on, False)

    def _set(self, kit: Kit, on: bool, required: bool) -> None:
        try:
            lvm.set_autoactivation(self.vg, on, deadline=kit.settings.command_deadline)
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

    def apply(self, kit: Kit) -> None:
        """Update the list; 110007 is a warning in the guide, so it does not stop the plan."""
        self._update(kit, self.listed)

    def undo(self, kit: Kit) -> None:
        """Update the list back."""
        self._update(kit, not self.listed)

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


class Commit(Step):
    """Store a change of instances and dependencies as one unit."""

    change: Change
    before: tuple[Instance, ...] = ()
    """the instances that the change removes or updates, for the way back"""

    def describe(self) -> str:
        """What the step does."""
        change = self.change
        parts = [("create", [i.tag for i in change.add]), ("remove", change.remove)]
        parts += [("update", [i.tag for i in change.update]), ("link", [f"{d.parent}-{d.child}" for d in change.link])]
        parts += [("unlink", [f"{d.parent}-{d.child}" for d in change.unlink])]
        return "; ".join(f"{verb} {', '.join(what)}" for verb, what in parts if what) or "store nothing"

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
        """Store the opposite of what was stored; a change is atomic, so it is there as a whole or not at all."""
        now = kit.port.hierarchy()
        added = tuple(i.tag for i in self.change.add if now.by_tag(i.tag))
        for tag in added:
            kit.tell(RemovingAfterCreateError(tag, kit.port.local_server()))
        back = tuple(i for i in self.before if now.by_tag(i.tag) is None)
        same = tuple(i for i in self.before if now.by_tag(i.tag) is not None)
        known = {*now.tags, *(i.tag for i in back)} - set(added)
        lost = tuple(d for d in self.change.unlink if d not in now.dependencies and {d.parent, d.child} <= known)
        made = tuple(d for d in self.change.link if d in now.dependencies)
        kit.port.commit(Change(add=back, link=lost, unlink=made, remove=added, update=same))
        for group in (i for i in self.change.add if i.type == LVMVG and i.tag in added):
            records.drop(kit.paths, group.id)


class BringInService(Step):
    """Bring a tag and all that it requires in service."""

    tag: str
    was_up: bool
    """the storage was active before the plan, so the way back leaves it so"""

    def describe(self) -> str:
        """What the step does."""
        return f"bring {self.tag} in service"

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

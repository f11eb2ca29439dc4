"""The steps that plans are made of."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import DEVICE, DISK, FILESYS, ILLSTATE, IN_SERVICE, LVMVG, Instance, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import (
    InsCreateFailed,
    RemovingAfterCreateError,
    RemovingFilesysDependency,
    RemovingFilesysHierarchy,
)
from lvmkit.model.messages.service import AutoactivationUnchanged, RecordLeft
from lvmkit.model.phrase import Phrase
from lvmkit.model.value import replace
from lvmkit.plan import Step
from lvmkit.resources import boot_settings, locks
from lvmkit.storage import lkvgs, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Dependency
    from lvmkit.plan import Kit


class SetAutoactivation(Step):
    """Whether the boot and udev may activate the volume group by themselves (lvmautoactivation(7)).

    Where the disks are dead the property cannot be written; a plan that does not depend on it goes on with a warning.
    """

    vg: str
    on: bool
    required: bool
    uuid: str = ""
    """'' in the journal of an older version: then the name decides"""

    def describe(self) -> str:
        """What the step does."""
        if self.on:
            return Phrase("turn autoactivation of volume group {vg} on", vg=self.vg)
        return Phrase("turn autoactivation of volume group {vg} off", vg=self.vg)

    def apply(self, kit: Kit) -> None:
        """Write the property."""
        self._set(kit, self.on, self.required)

    def undo(self, kit: Kit) -> None:
        """Write back what it was; where the disks refuse, that is a warning."""
        self._set_later(kit, not self.on)

    def finish(self, kit: Kit) -> None:
        """Write it, unless the volume group is protected by now."""
        self._set_later(kit, self.on)

    def _set_later(self, kit: Kit, on: bool) -> None:
        """A volume group that any server protects by now is not left to the boot again."""
        if on and _protects(self.vg, self.uuid, kit.port.overview().union()):
            return
        self._set(kit, on, False)

    def _set(self, kit: Kit, on: bool, required: bool) -> None:
        try:
            boot_settings.set_autoactivation(self.vg, self.uuid, on, kit.lvm)
        except Failure as failure:
            if required:
                raise
            kit.tell(AutoactivationUnchanged(self.vg, str(failure)))


class ListVg(Step):
    """Name the volume group in /etc/lkvgs, or take it off that list."""

    vg: str
    listed: bool
    uuid: str = ""
    """'' in the journal of an older version: then the name decides"""

    def describe(self) -> str:
        """What the step does."""
        if self.listed:
            return Phrase("add {vg} to /etc/lkvgs", vg=self.vg)
        return Phrase("remove {vg} from /etc/lkvgs", vg=self.vg)

    def apply(self, kit: Kit) -> None:
        """Update the list; 110007 is a warning in the guide, so it does not stop the plan."""
        self._update(kit, self.listed)

    def undo(self, kit: Kit) -> None:
        """Update the list back."""
        self._update_later(kit, not self.listed)

    def finish(self, kit: Kit) -> None:
        """Update the list, unless this server protects the volume group by now."""
        self._update_later(kit, self.listed)

    def _update_later(self, kit: Kit, listed: bool) -> None:
        """A volume group that this server protects by now stays on its list."""
        if listed or not _protects(self.vg, self.uuid, kit.port.hierarchy()):
            self._update(kit, listed)

    def _update(self, kit: Kit, listed: bool) -> None:
        boot_settings.set_listed(self.vg, self.uuid, listed, kit.paths.lkvgs, kit.tell)


def listing(vg: str, uuid: str, listed: bool, kit: Kit) -> tuple[ListVg, ...]:
    """The step that names a volume group in /etc/lkvgs or takes it off; none where nothing has to change.

    Taking such a step back would undo what somebody else did. Where the list cannot be read, the step will warn of it.
    """
    try:
        entries = lkvgs.entries(kit.paths.lkvgs)
    except Failure:
        return (ListVg(vg, listed, uuid),)
    found = [entry for entry in entries if lkvgs.means(entry, vg, uuid)]
    is_right = any(name == vg for name, _ in found) if listed else not found
    return () if is_right else (ListVg(vg, listed, uuid),)


def _protects(vg: str, uuid: str, hierarchy: Hierarchy) -> bool:
    """Whether a volume group is protected. uuid: '' where only the name is known."""
    if not uuid:
        return hierarchy.by_id(names.lvmvg_id(vg), LVMVG) is not None
    return any(VgFacts.noted(group).uuid == uuid for group in hierarchy.instances if group.type == LVMVG)


class Commit(Step):
    """Store a change of instances and dependencies as one unit."""

    decides: ClassVar[bool] = True
    change: Change
    kept: tuple[str, ...] = ()
    """what the engine held of them on every server, in its own words"""

    def describe(self) -> str:
        """What the step does."""
        change = self.change
        parts = (
            Phrase("create {tags}", tags=", ".join(tags_of(change.add))),
            Phrase("remove {tags}", tags=", ".join(change.remove)),
            Phrase("update {tags}", tags=", ".join(tags_of(change.update))),
            Phrase("link {pairs}", pairs=", ".join(map(_pair, change.link))),
            Phrase("unlink {pairs}", pairs=", ".join(map(_pair, change.unlink))),
        )
        said = (part for part in parts if any(part.facts.values()))
        return Phrase.joined(said, "; ") or Phrase("store nothing")

    def names(self) -> tuple[str, ...]:
        """All tags of the change."""
        return _tags_of(self.change)

    def prepared(self, kit: Kit) -> Commit:
        """The step with what the engine holds of everything that goes or changes."""
        change = self.change
        if not (change.remove or change.update or change.unlink):
            return self
        return replace(self, kept=kit.port.remember(change))

    def apply(self, kit: Kit) -> None:
        """Store it. Where instances could not be created, the guide's message (InsCreateFailed) follows the reason."""
        try:
            kit.port.commit(self.change)
        except Failure as failure:
            if not self.change.add:
                raise
            refused = InsCreateFailed(kit.port.local_server(), failure.messages[0].text)
            raise Failure(*failure.messages, refused) from failure

    def undo(self, kit: Kit) -> None:
        """Take away what was added and has not been changed since, then put back what went, as it was."""
        hierarchy = kit.port.hierarchy()
        added = [instance for instance in self.change.add if _is_stored(instance, hierarchy)]
        links = tuple(link for link in self.change.link if link in hierarchy.dependencies)
        self._tell_undone(added, links, hierarchy, kit)
        if added or links:
            kit.port.commit(Change(unlink=links, remove=tags_of(added)))
        if self.kept:
            kit.port.put_back(self.kept)
        for instance in added:
            if instance.type == LVMVG:
                drop_record(VgFacts.noted(instance), kit)

    def _tell_undone(
        self, added: list[Instance], links: tuple[Dependency, ...], hierarchy: Hierarchy, kit: Kit
    ) -> None:
        """What goes, in the guide's words: links to file systems, file systems made for a parent, instances."""
        server, tags = kit.port.local_server(), tags_of(added)
        for link in links:
            child = hierarchy.by_tag(link.child)
            if child is None or child.type != FILESYS:
                continue
            kit.tell(RemovingFilesysDependency(link.parent, link.child, server))
            if link.child in tags and link.parent not in tags:
                kit.tell(RemovingFilesysHierarchy(link.child, link.parent, server))
        for tag in tags:
            kit.tell(RemovingAfterCreateError(tag, server))

    def finish(self, kit: Kit) -> None:
        """Nothing: a plan is finished only where the change is stored, or others have built on it."""

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether it is stored. A change is atomic, so it is there as a whole or not at all."""
        hierarchy = kit.port.hierarchy()
        change = self.change
        if not all(_is_stored(instance, hierarchy) for instance in (*change.add, *change.update)):
            return False
        if not set(change.link) <= set(hierarchy.dependencies):
            return False
        gone = set(change.remove).difference(tags_of(change.add))
        return gone.isdisjoint(hierarchy.tags) and set(change.unlink).isdisjoint(hierarchy.dependencies)

    def is_built_on(self, kit: Kit) -> bool:
        """Whether what was added must stay, as another server may run it, or what went cannot be put back.

        The latter is so where an older version wrote the journal: it did not keep what the engine held.
        """
        added = {instance.tag for instance in self.change.add if instance.type not in (DEVICE, DISK)}
        overview = kit.port.overview()
        for server in overview.servers:
            if server.name != overview.local and not added.isdisjoint(overview.of(server.name).tags):
                return True
        return bool(self.change.remove) and not self.kept and self.is_in_effect(kit)


def _pair(link: Dependency) -> str:
    return f"{link.parent}-{link.child}"


def _tags_of(change: Change) -> tuple[str, ...]:
    tags = [*tags_of(change.add), *change.remove, *tags_of(change.update)]
    for link in (*change.link, *change.unlink):
        tags += (link.parent, link.child)
    return tuple(dict.fromkeys(tags))


def drop_record(group: VgFacts, kit: Kit) -> None:
    """Take the record away once no start is at work: that of a killed run goes on, and would write it afterwards."""
    with locks.stopping(group.uuid, group.name, kit.host):
        records.drop(kit.paths, group.id)


def drop_records(gone: Iterable[Instance], kit: Kit) -> None:
    """The same for the volume groups of what is protected no more: a record that stays is only told.

    The admin lock must be held, or it may be the record of one that has been protected anew.
    """
    for instance in gone:
        if instance.type == LVMVG and names.vg_of_lvmvg_id(instance.id):
            group = VgFacts.noted(instance)
            try:
                drop_record(group, kit)
            except Failure as failure:
                kit.tell(RecordLeft(group.name, str(failure)))


def _is_stored(instance: Instance, hierarchy: Hierarchy) -> bool:
    """Whether an instance is stored as it was meant to be; its state is the engine's business.

    So is the name of this server, which may have changed since.
    """
    stored = hierarchy.by_tag(instance.tag)
    if stored is None:
        return False
    return replace(stored, server=instance.server, state=instance.state, reason=instance.reason) == instance


class BringInService(Step):
    """Bring a tag and all that it requires in service."""

    decides: ClassVar[bool] = True
    tag: str
    was_up: bool
    """the storage was active before the plan, so taking the step back leaves it active"""

    def describe(self) -> str:
        """What the step does."""
        return Phrase("bring {tag} in service", tag=self.tag)

    def apply(self, kit: Kit) -> None:
        """Restore, children first."""
        kit.port.bring_in_service(self.tag, kit.tell)

    def undo(self, kit: Kit) -> None:
        """Unless it was up before, take its volume group down, and with that everything above the group."""
        if self.was_up:
            return
        hierarchy = kit.port.hierarchy()
        for group in hierarchy.of_tags(hierarchy.below(self.tag), LVMVG):
            kit.port.take_out_of_service(group.tag, kit.tell)

    def finish(self, kit: Kit) -> None:
        """Where it is in service here, bring up what is missing below it; elsewhere leave it as others have it."""
        instance = kit.port.hierarchy().by_tag(self.tag)
        if instance is not None and instance.state in IN_SERVICE:
            kit.port.bring_in_service(self.tag, kit.tell)

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether it is in service on any server, or was here when the server went down."""
        overview = kit.port.overview()
        is_unknown_here = False
        for hierarchy in overview.hierarchies:
            for instance in hierarchy.of_tags((self.tag,)):
                if instance.state in IN_SERVICE:
                    return True
                is_unknown_here |= instance.state == ILLSTATE and instance.server == overview.local
        return is_unknown_here and self.tag in kit.port.wanted()

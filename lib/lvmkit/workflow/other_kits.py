"""Resources of other kits in a hierarchy: their own scripts have a say when it is extended or deleted."""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model.instance import Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import NotExtendedByKit
from lvmkit.model.phrase import Phrase
from lvmkit.model.resource_types import is_ours
from lvmkit.plan import Step
from lvmkit.resources import scripts
from lvmkit.resources.scripts import CANEXTEND, DELETE, EXTEND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import ClassVar

    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


class RunExtend(Step):
    """Let another kit extend its resource to this server: its script makes the instance here."""

    decides: ClassVar[bool] = True
    instance: Instance
    """on the template server"""

    def describe(self) -> str:
        """What the step does."""
        return Phrase("run the extend script of {type} for {tag}", type=self.instance.type, tag=self.instance.tag)

    def names(self) -> tuple[str, ...]:
        """The tag."""
        return (self.instance.tag,)

    def apply(self, kit: Kit) -> None:
        """Run it. Raises Failure as scripts.administer(); 110422 where it has made no instance."""
        tag, template = self.instance.tag, self.instance.server
        scripts.administer(self.instance, EXTEND, (template, tag, "-t", tag), kit.paths, kit.settings)
        if not self.is_in_effect(kit):
            raise Failure(NotExtendedByKit(tag, kit.port.local_server(), self.instance.type))
        self._join(kit)

    def undo(self, kit: Kit) -> None:
        """Take this server from the tag."""
        if self.is_in_effect(kit):
            self._join(kit)  # so that the engine knows who keeps it
            kit.port.unextend((self.instance.tag,), kit.port.local_server())

    def finish(self, kit: Kit) -> None:
        """Run it where it has not made the instance yet."""
        if self.is_in_effect(kit):
            self._join(kit)
        else:
            self.apply(kit)

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether this server has the tag."""
        return kit.port.hierarchy().by_tag(self.instance.tag) is not None

    def _join(self, kit: Kit) -> None:
        """Have the engine know that it is the template's, and what it requires: the script leaves that to its caller.

        Once it is known to be the same the template's dependencies name it by its tag here.
        """
        if kit.port.capabilities.common_tags:
            return
        tag, template = self.instance.tag, self.instance.server
        kit.port.commit(Change(same=(tag,), template=template))
        here, missing = kit.port.hierarchy(), []
        for link in kit.port.overview().of(template).dependencies:
            ends = {link.parent, link.child}
            if tag in ends and ends <= set(here.tags) and link not in here.dependencies:
                missing.append(link)
        if missing:
            kit.port.commit(Change(link=tuple(missing)))


class RunDelete(Step):
    """Let another kit undo what its create did outside of the engine, before its instance goes."""

    instance: Instance

    def describe(self) -> str:
        """What the step does."""
        return Phrase("run the delete script of {type} for {tag}", type=self.instance.type, tag=self.instance.tag)

    def names(self) -> tuple[str, ...]:
        """The tag."""
        return (self.instance.tag,)

    def apply(self, kit: Kit) -> None:
        """Run it. Raises Failure as scripts.perform()."""
        scripts.perform(self.instance, DELETE, kit.paths, kit.settings)

    def undo(self, kit: Kit) -> None:
        """Nothing: LifeKeeper's interface has no script for that."""


def against(new: Iterable[Instance], server: str, kit: Kit) -> Iterator[Message]:
    """What speaks against resources of other kits on this server: no scripts, or what their canextend says."""
    for instance in new:
        if is_ours(instance.type):
            continue
        try:
            scripts.refuse_uninstalled(instance, server, kit.paths)
            words = (instance.server, instance.tag)
            scripts.administer(instance, CANEXTEND, words, kit.paths, kit.settings)
        except Failure as failure:
            yield from failure.messages


def extends_itself(instance: Instance, kit: Kit) -> bool:
    """Whether another kit has a script that extends its resources."""
    return not is_ours(instance.type) and scripts.find_administration(instance, EXTEND, kit.paths) is not None


def extensions(new: Iterable[Instance], kit: Kit) -> tuple[RunExtend, ...]:
    """The steps that extend what other kits extend by themselves. new: on the template, children first."""
    return tuple(RunExtend(instance) for instance in new if extends_itself(instance, kit))


def deletions(gone: Iterable[Instance], kit: Kit) -> tuple[RunDelete, ...]:
    """The steps that run the delete scripts of other kits. gone: parents first."""
    steps = []
    for instance in gone:
        if not is_ours(instance.type) and scripts.find(instance, DELETE, kit.paths) is not None:
            steps.append(RunDelete(instance))
    return tuple(steps)

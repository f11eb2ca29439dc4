"""The hierarchy graph: who requires whom, and in which order things start and stop."""

from __future__ import annotations

from lvmkit.model.instance import Dependency, Instance, tags_of
from lvmkit.model.value import Value, once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Hierarchy(Value):
    """All instances of one server and the dependencies between them. Neighbours are looked up, not searched for."""

    instances: tuple[Instance, ...] = ()
    dependencies: tuple[Dependency, ...] = ()

    @once
    def tags(self) -> tuple[str, ...]:
        """All tags, in the order in which they were created."""
        return tags_of(self.instances)

    def by_tag(self, tag: str) -> Instance | None:
        """The instance with this tag."""
        return self._by_tag.get(tag)

    def by_id(self, resource_id: str, resource_type: str | None = None) -> Instance | None:
        """The instance with this ID, optionally of one type only."""
        for instance in self.instances:
            if instance.id == resource_id and resource_type in (None, instance.type):
                return instance
        return None

    def of_tags(self, tags: Iterable[str], resource_type: str | None = None) -> tuple[Instance, ...]:
        """The instances with these tags, in the order of the tags, optionally of one type only.

        A tag without an instance is skipped.
        """
        chosen = []
        for tag in tags:
            instance = self._by_tag.get(tag)
            if instance is not None and resource_type in (None, instance.type):
                chosen.append(instance)
        return tuple(chosen)

    def children(self, tag: str) -> tuple[str, ...]:
        """Tags that this tag requires directly."""
        return tuple(self._children.get(tag, ()))

    def parents(self, tag: str) -> tuple[str, ...]:
        """Tags that require this tag directly."""
        return tuple(self._parents.get(tag, ()))

    def roots(self) -> tuple[str, ...]:
        """Tags that nothing requires."""
        return tuple(tag for tag in self.tags if tag not in self._parents)

    def below(self, tag: str) -> tuple[str, ...]:
        """The tag and all it requires, children before parents: the order of restore."""
        return _depth_first([tag], self.children)

    def above(self, tag: str) -> tuple[str, ...]:
        """The tag and all that require it, parents before children: the order of remove."""
        return _depth_first([tag], self.parents)

    def restore_order(self, tags: Iterable[str]) -> tuple[str, ...]:
        """These tags, children first."""
        return self._sort(tags)

    def remove_order(self, tags: Iterable[str]) -> tuple[str, ...]:
        """These tags, parents first."""
        return tuple(reversed(self._sort(tags)))

    def would_loop(self, dependency: Dependency) -> bool:
        """Whether this dependency would make a tag require itself."""
        return dependency.parent in self.below(dependency.child)

    @once
    def _by_tag(self) -> dict[str, Instance]:
        return {instance.tag: instance for instance in self.instances}

    @once
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {}
        for link in self.dependencies:
            children.setdefault(link.parent, []).append(link.child)
        return children

    @once
    def _parents(self) -> dict[str, list[str]]:
        parents: dict[str, list[str]] = {}
        for link in self.dependencies:
            parents.setdefault(link.child, []).append(link.parent)
        return parents

    def _sort(self, tags: Iterable[str]) -> tuple[str, ...]:
        return tuple(filter(set(tags).__contains__, _depth_first(self.roots(), self.children)))


def _depth_first(starts: Iterable[str], successors: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """Post-order walk without recursion: each tag once, after all its successors; a loop (damaged data) is cut."""
    done: dict[str, None] = {}
    entered: set[str] = set()
    waiting = [(start, False) for start in reversed(tuple(starts))]
    while waiting:
        tag, is_expanded = waiting.pop()
        if is_expanded:
            done[tag] = None
        elif tag not in entered:
            entered.add(tag)
            waiting.append((tag, True))
            for successor in reversed(successors(tag)):
                waiting.append((successor, False))
    return tuple(done)

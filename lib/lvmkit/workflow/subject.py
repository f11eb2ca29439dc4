"""The instance that a tag, an ID or both name."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.messages.pacemaker import NotExtended, UnknownServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance


def find(hierarchy: Hierarchy, tag: str | None, resource_id: str | None = None) -> Instance:
    """The instance with this tag, this ID, or both. Failure 000019 when there is none, or two."""
    by_tag = hierarchy.by_tag(tag) if tag is not None else None
    by_id = hierarchy.by_id(resource_id) if resource_id is not None else None
    found = by_tag or by_id
    if found is None or (tag is not None and found.tag != tag) or (resource_id is not None and found.id != resource_id):
        raise Failure(ResourceNotFound(" ".join(part for part in (tag, resource_id) if part)))
    return found


def hierarchy_with(tag: str, server: str, seen: Overview) -> Hierarchy:
    """What a server has, which must have the tag.

    Raises Failure: 000019 for a tag that no server has, 110155 for no server of the cluster, 110167 where it is not
    extended to that server.
    """
    find(seen.union(), tag)
    if server not in seen.names:
        raise Failure(UnknownServer(server, seen.names))
    hierarchy = seen.of(server)
    if hierarchy.by_tag(tag) is None:
        raise Failure(NotExtended(tag, server))
    return hierarchy

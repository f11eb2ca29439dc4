"""The instance that a tag, an ID or both name."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ResourceNotFound, WrongServer
from lvmkit.model.messages.pacemaker import NotExtended, ServerUnfit, UnknownServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.port import Overview, Port
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance


def find(hierarchy: Hierarchy, tag: str | None, resource_id: str | None = None) -> Instance:
    """The instance with this tag, this ID, or both. Raises Failure (000019) where there is none."""
    instance = hierarchy.by_id(resource_id or "") if tag is None else hierarchy.by_tag(tag)
    if instance is None or resource_id not in (None, instance.id):
        raise Failure(ResourceNotFound(" ".join(part for part in (tag, resource_id) if part)))
    return instance


def refuse_elsewhere(word: str, here: Hierarchy, port: Port) -> None:
    """Raise Failure (110001) where other servers of the cluster have this tag or ID, and this one has not."""
    if not port.capabilities.several_servers or _has(here, word):
        return
    seen = port.overview()
    having = [name for name in seen.others if _has(seen.of(name), word)]
    if having:
        started = seen.in_service_on(word)
        raise Failure(WrongServer(min(having, key=lambda name: name not in started)))


def _has(hierarchy: Hierarchy, word: str) -> bool:
    return hierarchy.by_tag(word) is not None or hierarchy.by_id(word) is not None


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


def refuse_offline(server: str, tag: str, seen: Overview) -> None:
    """A server that is down can neither be asked nor told about a tag. Raises Failure (110159)."""
    if not seen.is_online(server):
        unfit = {each.name: each.unfit for each in seen.servers}
        raise Failure(ServerUnfit(server, tag, unfit.get(server) or "offline"))

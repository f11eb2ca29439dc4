"""Bringing hierarchies in service and taking them out: perform_action does it, on the server where it is to happen."""

from __future__ import annotations

from lvmkit.cluster.lifekeeper import commit, lcdi
from lvmkit.cluster.lifekeeper.records import Site
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ISP, OSU
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ErrorBringingInService, ResourceNotFound
from lvmkit.model.messages.pacemaker import FailedOnServer, NotExtended, ServerUnfit, Started, UnknownServer
from lvmkit.model.phrase import Phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.cluster.lifekeeper.known import Known
    from lvmkit.cluster.lifekeeper.lcdi import Commands
    from lvmkit.model.messages import Message
    from lvmkit.storage.run import Finished

_RESTORE, _REMOVE = "restore", "remove"


def bring_in(
    how: Commands, known: Known, tag: str, server: str, deadline: float, tell: Callable[[Message], None]
) -> None:
    """Bring a tag and all it requires in service on a server. deadline: seconds for each resource.

    Raises Failure: 000019, 110155, 110159, 110167 before anything is changed; the reasons (110163) and 000023 when
    something did not come up there.
    """
    there = _place(known, tag, server)
    before = dict(known.graphs)[server]
    order = before.below(there.tag)
    answer = lcdi.perform_action(
        how, there.tag, _RESTORE, commit.at(server, known.local), deadline=deadline * len(order)
    )
    after = Hierarchy(*lcdi.graph(how, server, commit.at(server, known.local)))
    failed = _not_in(order, ISP, after)
    for each in order:
        if each not in failed and _state(each, before) != ISP:
            tell(Started(each, Phrase("in service"), server))
    if failed:
        reasons = (FailedOnServer(each, server, _why(each, after, answer)) for each in failed)
        raise Failure(*reasons, ErrorBringingInService(tag, server))


def take_out(how: Commands, known: Known, tag: str, deadline: float, tell: Callable[[Message], None]) -> None:
    """Take a tag and all that requires it out of service, wherever it is. deadline: seconds for each resource.

    Raises Failure: 000019, and 110163 for what would not stop.
    """
    refused: list[Message] = []
    is_known = False
    for server, before in known.graphs:
        there = known.place(tag, server)
        if there is None or before.by_tag(there.tag) is None:
            continue
        is_known = True
        order = before.above(there.tag)
        if not _not_in(order, OSU, before):
            continue
        destination = commit.at(server, known.local)
        answer = lcdi.perform_action(how, there.tag, _REMOVE, destination, deadline=deadline * len(order))
        after = Hierarchy(*lcdi.graph(how, server, destination))
        left = _not_in(order, OSU, after)
        for each in order:
            if each not in left and _state(each, before) != OSU:
                tell(Started(each, Phrase("out of service"), server))
        refused += [FailedOnServer(each, server, _why(each, after, answer)) for each in left]
    if not is_known:
        raise Failure(ResourceNotFound(f"tag {tag}"))
    if refused:
        raise Failure(*refused)


def _place(known: Known, tag: str, server: str) -> Site:
    """The resource on the server. Raises Failure where it cannot come in service there."""
    servers = {each.name: each for each in known.servers}
    if server not in servers:
        raise Failure(UnknownServer(server, tuple(servers)))
    if not servers[server].online:
        raise Failure(ServerUnfit(server, tag, servers[server].unfit))
    there = known.place(tag, server)
    if there is None or dict(known.graphs)[server].by_tag(there.tag) is None:
        is_known = any(known.seen_from_here(name).by_tag(tag) is not None for name in servers)
        raise Failure(NotExtended(tag, server) if is_known else ResourceNotFound(f"tag {tag}"))
    return there


def _not_in(tags: tuple[str, ...], state: str, graph: Hierarchy) -> tuple[str, ...]:
    return tuple(tag for tag in tags if _state(tag, graph) != state)


def _state(tag: str, graph: Hierarchy) -> str:
    instance = graph.by_tag(tag)
    return "" if instance is None else instance.state


def _why(tag: str, graph: Hierarchy, answer: Finished) -> str:
    """The reason that the core gives, else what perform_action said last."""
    instance = graph.by_tag(tag)
    if instance is not None and instance.reason:
        return instance.reason
    lines = [line.strip() for line in f"{answer.stdout}\n{answer.stderr}".splitlines() if line.strip()]
    return lines[-1] if lines else f"it is {_state(tag, graph) or 'not there'}"

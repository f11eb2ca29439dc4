"""In and out of service through the cluster: say what is wanted, wait with progress, look at what came of it."""

from __future__ import annotations

import time

from lvmkit.cluster.pacemaker import cib, commit, ids, location, primitive, roles, states, tools
from lvmkit.model.family import family
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import AUTOMATIC, LVMVG, Instance, tags_of
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ErrorBringingInService, ResourceNotFound
from lvmkit.model.messages.pacemaker import (
    FailedOnServer,
    NoQuorum,
    NotExtended,
    NotSettled,
    ServerUnfit,
    Started,
    UnknownServer,
)
from lvmkit.model.phrase import Phrase
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from lvmkit.cluster.pacemaker.states import Cluster
    from lvmkit.cluster.pacemaker.tools import Tools
    from lvmkit.model.messages import Message

_PAUSE = 0.5
"""seconds between two looks while the cluster works"""
_LOOK = 5.0
"""seconds until it is asked whether it still does"""
_LONGER = 60
"""seconds that a constraint of a move outlives our waiting, should we be killed"""


class ClusterMove(Value):
    """A hierarchy on its way."""

    tag: str
    server: str
    """where it is wanted; '' to take it out of service"""
    deadline: float
    """seconds"""


def bring_in(how: Tools, move: ClusterMove, tell: Callable[[Message], None]) -> None:
    """Bring a tag and all it requires in service on a server; from another server everything on the group moves along.

    The admin lock must be held: its release drops the constraint that draws the group there.
    Raises Failure: 000019, 110155, 110159, 110160, 110167 before anything is changed; 110158 when the cluster takes
    too long; the reasons (110163) and 000023 when something did not come up there.
    """
    root = tools.cibadmin_query(how)
    graph, cluster = cib.hierarchy(root, move.server), states.cluster(tools.crm_mon(how))
    _refuse(root, graph, cluster, move)
    tags = tags_of(_with_primitive(root, graph, graph.below(move.tag)))
    coming = (*tags, *_along(root, graph, move.tag, tags))
    groups = graph.of_tags(coming, LVMVG)
    for tag in (tag for tag in tags if cluster.reason(tag, move.server)):
        tools.crm_resource_cleanup(how, ids.resource_id(tag), move.server)

    def draw() -> None:
        commit.change(how, lambda cib_now: _wanted_on(cib_now, tags, groups, move), is_structural=False)

    draw()
    after = wait(how, coming, move, tell, _when_the_clock_is_set(draw))
    for group in groups:
        _mark(how, group, move.server, cib.servers(root))
    _judge(after, coming, move)


def take_out(how: Tools, move: ClusterMove, tell: Callable[[Message], None]) -> None:
    """Take a tag and all that requires it out of service, wherever it is.

    Raises Failure: 000019, 110158, and 110163 for what would not stop.
    """
    root = tools.cibadmin_query(how)
    graph = Hierarchy(tuple(_everywhere(root)), cib.links(root))
    if graph.by_tag(move.tag) is None:
        raise Failure(ResourceNotFound(f"tag {move.tag}"))
    tags = graph.above(move.tag)
    commit.change(how, lambda cib_now: roles.stopped(cib_now, tags), is_structural=False)
    cluster = wait(how, tags, move, tell)
    left = [tag for tag in tags if cluster.active_on(tag)]
    if left:
        places = ((tag, cluster.active_on(tag)[0]) for tag in left)
        raise Failure(*(FailedOnServer(t, s, cluster.reason(t, s) or "it is still active") for t, s in places))


def _when_the_clock_is_set(work: Callable[[], None]) -> Callable[[], None]:
    """Something to be called now and then, which does the work anew where the date was changed since it was done.

    The end of a constraint is a date, which Pacemaker compares with the clock; our own waiting goes by another one.
    """
    ahead = time.time() - time.monotonic()

    def look() -> None:
        nonlocal ahead
        now = time.time() - time.monotonic()
        if abs(now - ahead) > _LONGER / 2:
            ahead = now
            work()

    return look


def wait(
    how: Tools,
    tags: tuple[str, ...],
    move: ClusterMove,
    tell: Callable[[Message], None],
    each_time: Callable[[], None] = lambda: None,
) -> Cluster:
    """Wait until all tags are where they are wanted, or the cluster has nothing more to do; returns its state then.

    Whether it has is asked seldom and with growing patience: on a busy server the question alone takes seconds.
    tell: learns what has come up or gone.  each_time: is called before each look. Raises Failure (110158).
    """
    limit = time.monotonic() + move.deadline
    patience = _LOOK
    ask = time.monotonic() + patience
    told: set[str] = set()
    is_idle = False
    while True:
        each_time()
        cluster = states.cluster(tools.crm_mon(how))
        _tell_reached(cluster, tags, move, told, tell)
        if is_idle or told == set(tags):
            return cluster
        left = limit - time.monotonic()
        if left <= 0:
            raise Failure(NotSettled(move.deadline, _unfinished(cluster, tags, move)))
        if time.monotonic() < ask:
            time.sleep(_PAUSE)
            continue
        is_idle = tools.crm_resource_wait(how, min(patience, left))
        patience *= 2
        ask = time.monotonic() + patience


def _tell_reached(
    cluster: Cluster, tags: tuple[str, ...], move: ClusterMove, told: set[str], tell: Callable[[Message], None]
) -> None:
    """Tell once what has newly come up or gone; what has not, or not any more, is not among the told."""
    for tag in tags:
        if not _is_reached(cluster, tag, move.server):
            told.discard(tag)
        elif tag not in told:
            told.add(tag)
            state = Phrase("in service") if move.server else Phrase("out of service")
            tell(Started(tag, state, move.server or Phrase("all servers")))


def _refuse(root: Element, graph: Hierarchy, cluster: Cluster, move: ClusterMove) -> None:
    if move.server not in cib.servers(root):
        raise Failure(UnknownServer(move.server, cib.servers(root)))
    if move.tag not in {instance.tag for instance in _everywhere(root)} and graph.by_tag(move.tag) is None:
        raise Failure(ResourceNotFound(f"tag {move.tag}"))
    if graph.by_tag(move.tag) is None:
        raise Failure(NotExtended(move.tag, move.server))
    if not cluster.quorum and cluster.quorum_policy != "ignore":
        raise Failure(NoQuorum(cluster.quorum_policy))
    server = cluster.server(move.server)
    why = server.unfit if server else Phrase("unknown to the cluster")
    if cluster.maintenance:
        why = Phrase("maintenance mode")
    if why:
        raise Failure(ServerUnfit(move.server, move.tag, why))


def _wanted_on(root: Element, tags: tuple[str, ...], groups: tuple[Instance, ...], move: ClusterMove) -> Element:
    until = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(time.time() + move.deadline + _LONGER))
    made = roles.started(root, tags)
    for group in groups:
        made = location.draw(made, group.tag, move.server, until)
    return made


def _mark(how: Tools, group: Instance, server: str, servers: tuple[str, ...]) -> None:
    """Let an AUTOMATIC group stay where it was brought until a better server joins anew, as LifeKeeper does."""
    if group.switchback != AUTOMATIC:
        return
    name = location.left_attribute(group.tag)
    tools.crm_attribute_unmark(how, server, name)
    for other in servers:
        if other != server:
            tools.crm_attribute_update(how, other, name, "yes")


def _judge(cluster: Cluster, tags: tuple[str, ...], move: ClusterMove) -> None:
    missing = [tag for tag in tags if not _is_reached(cluster, tag, move.server)]
    if missing:
        server = move.server
        reasons = (FailedOnServer(tag, server, cluster.reason(tag, server) or "it is not active") for tag in missing)
        raise Failure(*reasons, ErrorBringingInService(move.tag, server))


def _is_reached(cluster: Cluster, tag: str, server: str) -> bool:
    """Whether a tag is where it is wanted, and the cluster is not at work on it."""
    resource = cluster.resource(tag)
    if resource is None or resource.failed or resource.pending:
        return False
    return resource.servers == (server,) and resource.managed if server else not resource.servers


def _unfinished(cluster: Cluster, tags: tuple[str, ...], move: ClusterMove) -> str:
    return ", ".join(tag for tag in tags if not _is_reached(cluster, tag, move.server)) or "other resources"


def _along(root: Element, graph: Hierarchy, tag: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    """What else moves with a tag, as far as the cluster is to run it at all. tags: what moves anyway."""
    own = primitive.own(root)
    others = (member.tag for member in family(tag, graph) if member.tag not in tags)
    return tuple(other for other in others if other in own and primitive.is_wanted(own[other]))


def _with_primitive(root: Element, graph: Hierarchy, tags: tuple[str, ...]) -> tuple[Instance, ...]:
    own = primitive.own(root)
    return tuple(instance for instance in graph.of_tags(tags) if instance.tag in own)


def _everywhere(root: Element) -> list[Instance]:
    return [instance for server in cib.servers(root) for instance in cib.hierarchy(root, server).instances]

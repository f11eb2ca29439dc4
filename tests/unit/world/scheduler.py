"""What Pacemaker would do for a view, one round after the other, as far as the configurations of the kit need it.

Imitated, each from 'Pacemaker Explained' where nothing else is named:
* a lost server, and one that left with something running that is managed now, is fenced before anything starts, unless
  it is not meant ('stonith-enabled'), cannot be done, or the cluster is in maintenance ("Delaying fencing operations
  until there are resources to manage", the scheduler's log); without fencing what ran there is taken for stopped, and
  the history of it stays (seen on two guests; tests/unit/data/standing);
* a probe before anything else, where the location constraints let it ('resource-discovery'); 'exclusive' bounds the
  places, too;
* orders (mandatory) and colocations: a group goes where its location score, stickiness and the move's rule want it,
  together with what stands on it; a root that may not run there any more takes it along;
* target-role, is-managed, maintenance, standby; orphans are stopped, in no order (seen on a real cluster);
* start-failure-is-fatal, migration-threshold; a stop that fails has the server fenced, or blocks without fencing;
* active in two places: stopped everywhere, then started once ('multiple-active').
Not imitated: time (each operation is done at once), groups and clones, quorum of more than two, transitions in flight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from tests.unit.world.view import (
    INFINITY,
    NOT_RUNNING,
    OK,
    History,
    Operation,
    View,
    is_managed,
    meta,
    parameters,
    score,
    timeout,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree.ElementTree import Element

ROUNDS = 60
"""more than any change of a small cluster needs; a cluster that is busy for longer is taken to go round in circles"""
START, STOP, MONITOR = "start", "stop", "monitor"


@dataclass
class Means:
    """What the scheduler acts with."""

    operate: Callable[[str, str, str, dict[str, str]], tuple[int, str]]
    """(server, agent, action, environment) -> (return code, exit reason)"""
    fence: Callable[[str], bool]
    """power a server off; False where that can't be done"""
    clock: Callable[[], float]


def settle(view: View, means: Means) -> bool:
    """Do all that is to be done; False when it does not come to an end."""
    return any(not _round(view, means) for _ in range(ROUNDS))


def watch(view: View, means: Means) -> None:
    """Run each recurring monitor once."""
    for server in view.online():
        for resource, primitive in view.primitives().items():
            history = view.members[server].history.get(resource)
            if history is None or not history.active or not _is_watched(view, primitive, server):
                continue
            rc = _operate(view, means, server, resource, MONITOR, 10_000)
            if rc != OK:
                history.fails += 1
                history.broken = True
                history.active = rc != NOT_RUNNING


def _round(view: View, means: Means) -> bool:
    """One step of the cluster; False when nothing is left to do."""
    if _fences(view, means):
        return True
    if _probes(view, means):
        return True
    if not view.online():
        return False
    target = _placed(view)
    if _stops(view, means, target):
        return True
    if any(map(view.is_unclean, view.members)):
        return False
    return _starts(view, means, target)


def _fences(view: View, means: Means) -> bool:
    if not view.online():
        return False
    if view.in_maintenance:
        return False
    return any(means.fence(name) for name in view.members if view.is_unclean(name))


def _probes(view: View, means: Means) -> bool:
    did = False
    for server in view.online():
        member = view.members[server]
        for resource in view.primitives():
            if resource in member.history or not _may_look(view, resource, server):
                continue
            rc = _operate(view, means, server, resource, MONITOR, 0)
            member.history[resource].active = rc != NOT_RUNNING
            member.history[resource].broken = rc not in (OK, NOT_RUNNING)
            did = True
    return did


def _stops(view: View, means: Means, target: dict[str, str]) -> bool:
    """Stop the first resource that is to go somewhere; what stands on it goes before it."""
    for server in view.online():
        going = _going(view, server, target)
        for resource in _tops_first(view, going):
            if not view.manages(resource, server):
                continue
            if any(
                view.members[server].history[p].active for p in _standing_on(view, resource) if _known(view, p, server)
            ):
                continue
            _stop(view, means, server, resource)
            return True
    return False


def _stop(view: View, means: Means, server: str, resource: str) -> None:
    history = view.members[server].history[resource]
    if _operate(view, means, server, resource, STOP, 0) == OK:
        history.active = history.broken = False
        if resource not in view.primitives():
            del view.members[server].history[resource]
        return
    history.broken = history.stuck = True
    if view.can_mean_fencing and resource in view.primitives():
        view.members[server].condemned = True


def _going(view: View, server: str, target: dict[str, str]) -> set[str]:
    """What is active on a server and has to be stopped there."""
    history = view.members[server].history
    primitives = view.primitives()
    going = set()
    for resource, known in history.items():
        if not known.active or known.stuck:
            continue
        is_elsewhere = target.get(resource) != server or len(view.active_on(resource)) > 1
        if resource not in primitives or known.broken or is_elsewhere:
            going.add(resource)
    before: set[str] = set()
    while before != going:
        before = set(going)
        going |= {p for r in before for p in _standing_on(view, r) if p in history and history[p].active}
    return {r for r in going if not history[r].stuck}


def _starts(view: View, means: Means, target: dict[str, str]) -> bool:
    for resource, server in target.items():
        history = view.members[server].history.get(resource)
        if history is None or view.active_on(resource) or not view.manages(resource, server):
            continue
        if any(
            view.active_on(child) != [server] or _is_broken(view, child, server) for child in _below(view, resource)
        ):
            continue
        if _operate(view, means, server, resource, START, 0) == OK:
            history.active, history.broken = True, False
        else:
            history.active = history.broken = True  # it may be half up: a stop comes first
            history.fails = INFINITY
        return True
    return False


def _operate(view: View, means: Means, server: str, resource: str, task: str, interval: int) -> int:
    """Run one operation, and note what came of it."""
    member = view.members[server]
    history = member.history.get(resource)
    primitive = view.primitives().get(resource)
    if history is None:
        assert primitive is not None
        history = member.history[resource] = History(str(primitive.get("type")), parameters(primitive))
    if primitive is not None:
        history.agent, history.parameters = str(primitive.get("type")), parameters(primitive)
    given = {f"OCF_RESKEY_{name}": value for name, value in history.parameters.items()}
    limit = timeout(primitive, task) if primitive is not None else 90_000
    given["OCF_RESKEY_CRM_meta_interval"] = str(interval)
    given["OCF_RESKEY_CRM_meta_timeout"] = str(limit)
    given["OCF_RESKEY_CRM_meta_on_node"] = server
    given["OCF_RESOURCE_INSTANCE"] = resource
    history.doing = {START: "Starting", STOP: "Stopping"}.get(task, "")
    try:
        rc, reason = means.operate(server, history.agent, task, given)
    finally:
        history.doing = ""
    member.calls += 1
    history.operations = [o for o in history.operations if (o.task, o.interval) != (task, interval)]
    history.operations.append(Operation(task, rc, reason, interval, member.calls, means.clock()))
    return rc


def _placed(view: View) -> dict[str, str]:
    """The server that each resource is wanted on, those below first; without what is to be down."""
    target: dict[str, str] = {}
    for resource in reversed(list(_tops_first(view, view.primitives()))):
        active = view.active_on(resource)
        primitive = view.primitives()[resource]
        if not is_managed(primitive):
            if active:
                target[resource] = active[0]
            continue
        if meta(primitive).get("target-role", "Started") == "Stopped":
            continue
        below = _below(view, resource)
        if below:
            places = {target.get(child, "") for child in below}
            server = places.pop() if len(places) == 1 else ""
            if server and not _is_banned(view, resource, server):
                target[resource] = server
            continue
        server = _best(view, resource)
        if server:
            target[resource] = server
    return target


def _best(view: View, resource: str) -> str:
    """The server with the best score for what stands on nothing."""
    scores = {}
    for server in view.online():
        if _is_banned(view, resource, server):
            continue
        scores[server] = _score(view, resource, server)
    possible = {server: value for server, value in scores.items() if value > -INFINITY}
    return max(possible, key=lambda server: possible[server]) if possible else ""


def _score(view: View, resource: str, server: str) -> int:
    primitive = view.primitives()[resource]
    total = sum(_location_scores(view, resource, server))
    if total <= -INFINITY:
        return -INFINITY
    if server in view.active_on(resource):
        total += int(meta(primitive).get("resource-stickiness", "0"))
    wanted = [p for p in _all_above(view, resource) if meta(view.primitives()[p]).get("target-role") != "Stopped"]
    for above in wanted:
        if _is_banned(view, above, server) and not all(_is_banned(view, above, other) for other in view.online()):
            total -= 10 * INFINITY
    return max(total, 1 - INFINITY)


def _location_scores(view: View, resource: str, server: str) -> Iterator[int]:
    for constraint in view.constraints("rsc_location"):
        if constraint.get("rsc") != resource:
            continue
        rule = constraint.find("rule")
        if rule is None and constraint.get("node") == server:
            yield score(constraint)
        elif rule is not None and all(_holds(view, e, server) for e in rule.iterfind("expression")):
            yield score(rule)


def _holds(view: View, expression: Element, server: str) -> bool:
    """An expression of a rule. A date has not passed: a move is over long before its end."""
    name = str(expression.get("attribute"))
    value = server if name == "#uname" else view.members[server].attributes.get(name)
    return value == expression.get("value")


def _is_banned(view: View, resource: str, server: str) -> bool:
    """Whether a resource may not run on a member."""
    is_set_aside = view.node_attribute(server, "maintenance") == "true"
    if view.node_attribute(server, "standby") == "on" or (is_set_aside and server not in view.active_on(resource)):
        return True
    exclusive = _places(view, resource, "exclusive")
    if exclusive and server not in exclusive:
        return True
    history = view.members[server].history.get(resource)
    threshold = meta(view.primitives()[resource]).get("migration-threshold", "INFINITY")
    limit = INFINITY if threshold == "INFINITY" else int(threshold)
    return any(s <= -INFINITY for s in _location_scores(view, resource, server)) or bool(
        history and history.fails >= limit
    )


def _may_look(view: View, resource: str, server: str) -> bool:
    """Whether the cluster probes for a resource there."""
    exclusive = _places(view, resource, "exclusive")
    return server not in _places(view, resource, "never") and (not exclusive or server in exclusive)


def _places(view: View, resource: str, discovery: str) -> set[str]:
    own = (c for c in view.constraints("rsc_location") if c.get("rsc") == resource and c.get("node"))
    return {str(c.get("node")) for c in own if c.get("resource-discovery", "always") == discovery}


def _is_watched(view: View, primitive: Element, server: str) -> bool:
    in_maintenance = view.in_maintenance or view.node_attribute(server, "maintenance") == "true"
    return not in_maintenance and meta(primitive).get("maintenance") != "true"


def _is_broken(view: View, resource: str, server: str) -> bool:
    return view.members[server].history[resource].broken


def _known(view: View, resource: str, server: str) -> bool:
    return resource in view.members[server].history


def _below(view: View, resource: str) -> list[str]:
    return [str(o.get("first")) for o in view.constraints("rsc_order") if o.get("then") == resource]


def _standing_on(view: View, resource: str) -> list[str]:
    return [str(o.get("then")) for o in view.constraints("rsc_order") if o.get("first") == resource]


def _all_above(view: View, resource: str) -> set[str]:
    found: set[str] = set()
    ahead = [resource]
    while ahead:
        fresh = [p for p in _standing_on(view, ahead.pop()) if p not in found]
        found.update(fresh)
        ahead += fresh
    return found


def _tops_first(view: View, resources: Iterable[str]) -> Iterator[str]:
    """What stands on others before these. Orphans have no order any more."""
    return iter(sorted(resources, key=lambda each: (len(_all_above(view, each)), each)))

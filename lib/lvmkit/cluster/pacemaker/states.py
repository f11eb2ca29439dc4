"""What crm_mon says of servers and resources, as values and in LifeKeeper's states."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import ids
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ILLSTATE, ISP, ISU, OSF, OSU, Instance
from lvmkit.model.messages.pacemaker import FencingOff, MaintenanceMode, NoQuorum
from lvmkit.model.phrase import Phrase
from lvmkit.model.resource_types import is_device
from lvmkit.model.value import Value, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.model.messages import Message

_YES = "true"
_UNDER_WAY = ("Starting", "Stopping", "Migrating")
"""what crm_mon says of an action that has begun; a monitor is "Monitoring" and does not count"""


class Member(Value):
    """A server of the cluster."""

    name: str
    online: bool
    standby: bool
    maintenance: bool
    pending: bool
    unclean: bool

    @property
    def unfit(self) -> str:
        """Why it cannot take a resource; '' when it can."""
        reasons = {
            Phrase("unclean"): self.unclean,
            Phrase("offline"): not self.online,
            Phrase("joining"): self.pending,
            Phrase("standby"): self.standby,
            Phrase("in maintenance"): self.maintenance,
        }
        return Phrase.joined((reason for reason, true in reasons.items() if true), ", ")


class Primitive(Value):
    """A primitive as the cluster sees it."""

    id: str
    servers: tuple[str, ...]
    """where it is active"""
    managed: bool
    failed: bool
    blocked: bool
    pending: bool = False
    """the cluster is starting or stopping it now"""


class Fault(Value):
    """An action that failed and was not forgotten yet."""

    id: str
    server: str
    why: str


class Cluster(Value):
    """The cluster at one moment."""

    servers: tuple[Member, ...]
    resources: tuple[Primitive, ...]
    faults: tuple[Fault, ...]
    quorum: bool
    quorum_policy: str
    fencing: bool
    maintenance: bool

    def server(self, name: str) -> Member | None:
        """The server with this name."""
        return next((server for server in self.servers if server.name == name), None)

    def resource(self, tag: str) -> Primitive | None:
        """The primitive of a tag."""
        return next((r for r in self.resources if r.id == ids.resource_id(tag)), None)

    def active_on(self, tag: str) -> tuple[str, ...]:
        """The servers on which a tag is active."""
        resource = self.resource(tag)
        return resource.servers if resource else ()

    def tends(self, tag: str, server: str) -> bool:
        """Whether a tag runs on a server and nowhere else, and the cluster watches it and does nothing with it now."""
        resource, own = self.resource(tag), self.server(server)
        if resource is None or own is None or resource.servers != (server,):
            return False
        is_busy = resource.failed or resource.blocked or resource.pending
        return resource.managed and not is_busy and not (self.maintenance or own.maintenance or own.unclean)

    def warnings(self) -> tuple[Message, ...]:
        """What keeps the cluster as a whole from protecting anything."""
        warnings: list[Message] = []
        if not self.quorum:
            warnings.append(NoQuorum(self.quorum_policy))
        if not self.fencing:
            warnings.append(FencingOff())
        if self.maintenance:
            warnings.append(MaintenanceMode())
        return tuple(warnings)

    def reason(self, tag: str, server: str) -> str:
        """Why a tag failed on a server; '' where it did not."""
        own = ids.resource_id(tag)
        return "; ".join(dict.fromkeys(f.why for f in self.faults if (f.id, f.server) == (own, server)))


def cluster(root: Element) -> Cluster:
    """The answer of crm_mon --output-as=xml (schema: /usr/share/pacemaker/api/crm_mon-*.rng)."""
    leader = root.find("summary/current_dc")
    options = root.find("summary/cluster_options")
    settings = {} if options is None else dict(options.attrib)
    return Cluster(
        tuple(map(_member, root.iterfind("nodes/node"))),
        tuple(map(_primitive, root.iterfind("resources//resource"))),
        tuple(map(_fault, root.iterfind("failures/failure"))),
        leader is not None and leader.get("with_quorum") == _YES,
        settings.get("no-quorum-policy", "stop"),
        settings.get("stonith-enabled") == _YES,
        settings.get("maintenance-mode") == _YES,
    )


def with_states(hierarchy: Hierarchy, server: str, cluster: Cluster) -> Hierarchy:
    """The hierarchy of a server with the states of this moment; devices are in service where what requires them is."""
    by_id = {resource.id: resource for resource in cluster.resources}
    states = {i.tag: _state(i, server, cluster, by_id.get(ids.resource_id(i.tag))) for i in hierarchy.instances}
    for instance in hierarchy.of_tags(hierarchy.remove_order(hierarchy.tags)):
        if is_device(instance.type):
            states[instance.tag] = _following(hierarchy, instance.tag, states)
    return replace(
        hierarchy,
        instances=tuple(replace(i, state=states[i.tag][0], reason=states[i.tag][1]) for i in hierarchy.instances),
    )


def _following(hierarchy: Hierarchy, tag: str, states: dict[str, tuple[str, str]]) -> tuple[str, str]:
    above = [states[parent][0] for parent in hierarchy.parents(tag)]
    return next(((state, "") for state in (ISP, ISU, ILLSTATE) if state in above), (OSU, ""))


def _state(instance: Instance, server: str, cluster: Cluster, resource: Primitive | None) -> tuple[str, str]:
    """(state, reason) of a resource on a server. ISU is what runs there and the cluster does not watch."""
    own = cluster.server(server)
    if resource is None or own is None or not own.online:
        return ILLSTATE, f"{server} is not an active member of the cluster"
    if len(resource.servers) > 1:
        return ILLSTATE, f"active on {' and '.join(resource.servers)}"
    why = cluster.reason(instance.tag, server)
    if server not in resource.servers:
        return (OSF, why) if why else (OSU, "")
    if resource.failed or resource.blocked:
        return OSF, why or "the cluster calls it failed"
    watched = resource.managed and not cluster.maintenance and not own.maintenance
    return (ISP, "") if watched else (ISU, "the cluster does not manage it")


def _member(node: Element) -> Member:
    names = ("online", "standby", "maintenance", "pending", "unclean")
    return Member(node.get("name", ""), *(node.get(name) == _YES for name in names))


def _primitive(found: Element) -> Primitive:
    places = tuple(node.get("name", "") for node in found.iterfind("node"))
    managed, failed, blocked = (found.get(name) == _YES for name in ("managed", "failed", "blocked"))
    role = found.get("role", "")
    is_pending = found.get("pending", "") in _UNDER_WAY or role in _UNDER_WAY
    return Primitive(found.get("id", ""), places, managed, failed, blocked, is_pending)


def _fault(failure: Element) -> Fault:
    key, task = failure.get("op_key", ""), failure.get("task", "")
    end = f"_{task}_{failure.get('interval', '0')}"
    own = key[: -len(end)] if key.endswith(end) else key
    status = failure.get("exitstatus") or failure.get("status") or "failed"
    why = failure.get("exitreason") or status
    return Fault(own, failure.get("node", ""), f"{task}: {why}")

"""A primitive of ours: an instance that Pacemaker runs, with its agent, parameters, operations and record."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids
from lvmkit.cluster.pacemaker.elements import RESOURCES
from lvmkit.cluster.pacemaker.record import facts_of, record
from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import AUTOMATIC, FILESYS, IN_SERVICE, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import NoAgent
from lvmkit.model.resource_types import agent_of, is_ours, timings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

KIND = "primitive"

STICKY = 100_000
"""more than any difference of priorities, less than the INFINITY (1000000) of a move; Pacemaker Explained, 'Scores'"""
LOCAL_RECOVERIES = 1
"""failures that are answered where they happen; the next one moves the hierarchy"""
FORGIVEN_AFTER = "3600s"
"""a failure so long ago counts no more"""

_DEEP_LEVEL = "10"
_MANAGED = "is-managed"


def make(instance: Instance) -> Element:
    """A new primitive. What is not in service yet is left unmanaged: nothing may stop a file system that is mounted.

    Raises Failure: 110156 for a type without an agent, as a device; 110034 when the info field lacks what it needs.
    """
    offered = agent_of(instance.type)
    if offered is None:
        raise Failure(NoAgent(f"{instance.tag}, a {instance.type},"))
    provider, agent = offered
    own = ids.resource_id(instance.tag)
    made = elements.new(KIND, id=own, class_="ocf", provider=provider, type=agent)
    made.append(elements.pairs("instance_attributes", ids.part_id(own, "parameters"), parameters(instance)))
    made.append(elements.pairs("meta_attributes", ids.part_id(own, "meta"), _meta(instance)))
    made.append(record(own, instance))
    made.append(_operations(own, instance.type))
    return made


def own(root: Element) -> dict[str, Element]:
    """Our primitives by tag: with an ID that is spelled as ours and with our record."""
    primitives: dict[str, Element] = {}
    for element in elements.children(root, RESOURCES, KIND):
        tag = ids.tag_of(element.get("id", "")) if facts_of(element) else None
        if tag:
            primitives[tag] = element
    return primitives


def add(root: Element, known: dict[str, Element], instance: Instance) -> None:
    """Store a new primitive. Changes root and the known primitives. Raises Failure as make()."""
    known[instance.tag] = make(instance)
    elements.at(root, RESOURCES).append(known[instance.tag])


def put(root: Element, known: dict[str, Element], instance: Instance) -> None:
    """Store a primitive whose instance has changed. Changes root and the known primitives. Raises Failure as make()."""
    old = known[instance.tag]
    known[instance.tag] = updated(old, instance)
    elements.put_in_place(elements.at(root, RESOURCES), old, known[instance.tag])


def drop(root: Element, gone: set[str]) -> None:
    """Remove the primitives with these IDs. Changes root."""
    elements.drop(root, RESOURCES, lambda element: element.tag == KIND and element.get("id") in gone)


def parameters(instance: Instance) -> dict[str, str]:
    """The agent's parameters. Raises Failure (110034) when the instance lacks a fact."""
    if instance.type == FILESYS:
        return _of_filesystem(FilesystemFacts.unpack(instance))
    if instance.type == LVMVG:
        return _of_vg(VgFacts.unpack(instance))
    if not is_ours(instance.type):
        return {"app": instance.app, "type": instance.type, "tag": instance.tag, "id": instance.id}
    return _of_lv(LvFacts.unpack(instance))


def reparametrised(before: Element, after: Element) -> tuple[str, ...]:
    """The tags whose primitives have other parameters in the CIB after a change."""
    known, tags = own(before), []
    for tag, element in own(after).items():
        if tag in known and _parameters_of(element) != _parameters_of(known[tag]):
            tags.append(tag)
    return tuple(tags)


def _parameters_of(owner: Element) -> dict[str, str]:
    return elements.values(set_of(owner, "instance_attributes", "parameters"))


def updated(old: Element, instance: Instance) -> Element:
    """The primitive of an instance that has changed. What an administrator added or set otherwise stays."""
    fresh = make(instance)
    own = ids.resource_id(instance.tag)
    kept = elements.values(set_of(old, "meta_attributes", "meta"))
    meta = {**kept, "resource-stickiness": _meta(instance)["resource-stickiness"]}
    given = {**elements.values(set_of(old, "instance_attributes", "parameters")), **parameters(instance)}
    replaced = {
        ids.part_id(own, "parameters"): elements.pairs("instance_attributes", ids.part_id(own, "parameters"), given),
        ids.part_id(own, "meta"): elements.pairs("meta_attributes", ids.part_id(own, "meta"), meta),
        ids.part_id(own, "record"): set_of(fresh, "meta_attributes", "record"),
    }
    made = elements.new(KIND, id=own, class_="ocf", provider=fresh.get("provider", ""), type=fresh.get("type", ""))
    for part in old:
        replacement = replaced.get(part.get("id", ""))
        made.append(part if replacement is None else replacement)
    return made


def is_wanted(owner: Element) -> bool:
    """Whether the cluster is to keep a primitive running."""
    meta = meta_of(owner)
    return meta.get("target-role", "Started") != "Stopped" and meta.get("is-managed", "true") == "true"


def monitored_every(owner: Element) -> int:
    """Seconds between two monitors at level 0, the shortest of several; 0 where none says seconds."""
    intervals = []
    for operation in owner.iterfind("operations/op[@name='monitor']"):
        level = operation.find("instance_attributes/nvpair[@name='OCF_CHECK_LEVEL']")
        number = operation.get("interval", "").removesuffix("s")
        if level is None and number.isascii() and number.isdecimal() and int(number):
            intervals.append(int(number))
    return min(intervals, default=0)


def set_of(owner: Element, kind: str, word: str) -> Element | None:
    """One of our own sets of a primitive."""
    return owner.find(f"{kind}[@id='{ids.part_id(owner.get('id', ''), word)}']")


def meta_of(owner: Element) -> dict[str, str]:
    """The meta attributes that Pacemaker heeds, by name; of several sets the first that has a name counts.

    Other tools may have put theirs into sets of their own, as crm_resource --meta does.
    """
    meta: dict[str, str] = {}
    for holder in _meta_sets(owner):
        meta = {**elements.values(holder), **meta}
    return meta


def set_meta(owner: Element, changes: dict[str, str | None]) -> None:
    """Set meta attributes, in our own set and in no other; None takes one away. The rest of the primitive stays."""
    own = ids.part_id(owner.get("id", ""), "meta")
    old = set_of(owner, "meta_attributes", "meta")
    for holder in _meta_sets(owner):
        for pair in [pair for pair in holder.iterfind("nvpair") if pair.get("name") in changes]:
            holder.remove(pair)
    merged: dict[str, str | None] = {**elements.values(old), **changes}
    fresh = elements.pairs("meta_attributes", own, {n: value for n, value in merged.items() if value is not None})
    if old is None:
        owner.append(fresh)
    else:
        elements.put_in_place(owner, old, fresh)


def _meta_sets(owner: Element) -> list[Element]:
    record_id = ids.part_id(owner.get("id", ""), "record")
    return [holder for holder in owner.iterfind("meta_attributes") if holder.get("id") != record_id]


def _meta(instance: Instance) -> dict[str, str]:
    """Only the volume group is sticky: what stands on it follows it, and its own would be added up to INFINITY."""
    sticky = STICKY if instance.type == LVMVG and instance.switchback != AUTOMATIC else 0
    managed = {} if instance.state in IN_SERVICE else {_MANAGED: "false"}
    return {
        "resource-stickiness": str(sticky),
        "migration-threshold": str(LOCAL_RECOVERIES + 1),
        "failure-timeout": FORGIVEN_AFTER,
        **managed,
    }


def _operations(own: str, resource_type: str) -> Element:
    times = timings(resource_type)
    made = elements.new("operations")
    planned = (("start", 0, times.start), ("stop", 0, times.stop), ("monitor", times.interval, times.monitor))
    for name, every, seconds in planned:
        made.append(_operation(ids.part_id(own, "op", name), name, every, seconds))
    if resource_type == LVMVG:  # every disk is read once for all that stands on the group
        deep = _operation(ids.part_id(own, "op", "monitor-deep"), "monitor", times.deep, times.deep)
        level = {"OCF_CHECK_LEVEL": _DEEP_LEVEL}
        deep.append(elements.pairs("instance_attributes", f"{deep.get('id')}-parameters", level))
        made.append(deep)
    return made


def _operation(own: str, name: str, every: int, limit: int) -> Element:
    return elements.new("op", id=own, name=name, interval=f"{every}s", timeout=f"{limit}s")


def _of_vg(facts: VgFacts) -> dict[str, str]:
    identity = {"vg": facts.name, "vg_uuid": facts.uuid}
    guards = {"ownership": facts.ownership, "reservation": facts.reservation}
    return _given({**identity, "missing_pv": facts.missing_pv, **guards})


def _of_lv(facts: LvFacts) -> dict[str, str]:
    identity = {"vg": facts.vg, "lv": facts.name, "vg_uuid": facts.vg_uuid, "lv_uuid": facts.uuid}
    return _given({**identity, "missing_pv": facts.missing_pv, "ownership": facts.ownership})


def _of_filesystem(facts: FilesystemFacts) -> dict[str, str]:
    place = {"device": facts.device, "directory": facts.mount_point}
    uuid = facts.uuid if names.is_filesystem_uuid(facts.uuid) else ""
    volume = {"vg_uuid": facts.vg_uuid, "lv_uuid": facts.lv_uuid, "uuid": uuid}
    return {**place, "fstype": facts.type, "options": facts.options, **_given(volume)}


def _given(parameters: dict[str, str]) -> dict[str, str]:
    """Those that are set; for the others the agents' defaults hold."""
    return {name: value for name, value in parameters.items() if value}

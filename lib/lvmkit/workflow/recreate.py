"""The commands that would make a hierarchy again as it is: to keep, to compare, or to type on another cluster."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.view import NotRecreatable, TagChosenAnew
from lvmkit.model.settings import SCSI
from lvmkit.model.value import Value
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy

_CREATABLE = (FILESYS, LVMLV)


class Recreation(Value):
    """Commands, and what to know before they are used."""

    server: str
    """where they are to be run: the one with the highest priority, because create gives that to its own"""
    commands: tuple[tuple[str, ...], ...]
    """words of each, unquoted"""
    renamed: tuple[TagChosenAnew, ...]


def recreation(tag: str, seen: Overview) -> Recreation:
    """What makes the hierarchy below a tag; for what cannot be created alone, all hierarchies that stand on it.

    Raises Failure: 000019 for a tag that no server has, 110230 where nothing that can be created is there.
    """
    union = seen.union()
    instance = find(union, tag)
    tops = [instance] if instance.type in _CREATABLE else _tops_above(tag, union)
    if not tops:
        raise Failure(NotRecreatable(instance.tag, instance.type))
    commands: dict[tuple[str, ...], None] = {}
    for top in tops:
        commands.update(dict.fromkeys(_commands(top, union, seen)))
    return Recreation(_servers(tops[0].tag, seen)[0][1], tuple(commands), _renamed(tops, union))


def _tops_above(tag: str, union: Hierarchy) -> list[Instance]:
    """The roots above a tag that can be created."""
    tops = []
    for instance in union.of_tags(reversed(union.above(tag))):
        if instance.type in _CREATABLE and not union.parents(instance.tag):
            tops.append(instance)
    return tops


def _commands(top: Instance, union: Hierarchy, seen: Overview) -> list[tuple[str, ...]]:
    """create, extend to each further server in the order of priorities, and where it is in service."""
    made, extended = [], []
    for instance in union.of_tags(union.below(top.tag)):
        if instance.type == FILESYS or instance == top or (instance.type == LVMLV and instance.tag != _name(instance)):
            made.append(_create(instance, union))
    for priority, server in _servers(top.tag, seen)[1:]:
        extended.append(("lvmkit", "extend", top.tag, "--to", server, "--priority", str(priority)))
    servers = seen.in_service_on(top.tag) if seen.has_several_servers else ()
    brought = [("lvmkit", "in-service", top.tag, "--on", server) for server in servers]
    return [*made, *extended, *brought]


def _create(instance: Instance, union: Hierarchy) -> tuple[str, ...]:
    given = ["--tag", instance.tag, "--switchback", instance.switchback.lower()]
    if any(VgFacts.noted(group).is_reserved for group in union.of_tags(union.below(instance.tag), LVMVG)):
        given += ("--reservation", SCSI)
    return ("lvmkit", "create", instance.id, *given)


def _servers(tag: str, seen: Overview) -> list[tuple[int, str]]:
    """(priority, server) of where a tag may run, the highest priority first."""
    return sorted((e.priority, e.server) for e in seen.equivalencies if e.tag == tag) or [(1, seen.local)]


def _name(instance: Instance) -> str:
    """The tag that create chooses for a volume or a group where none is given."""
    if instance.type == LVMVG:
        return names.tag_from(names.vg_of_lvmvg_id(instance.id) or instance.tag)
    pair = names.vg_lv_of_lvmlv_id(instance.id) if instance.type == LVMLV else None
    return names.tag_from("/".join(pair)) if pair else instance.tag


def _renamed(tops: list[Instance], union: Hierarchy) -> tuple[TagChosenAnew, ...]:
    """The volume groups whose tag create would choose anew."""
    renamed: dict[TagChosenAnew, None] = {}
    for top in tops:
        for group in union.of_tags(union.below(top.tag), LVMVG):
            if group.tag != _name(group):
                renamed[TagChosenAnew(group.tag, group.id, _name(group))] = None
    return tuple(renamed)

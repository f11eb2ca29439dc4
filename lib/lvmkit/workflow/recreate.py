"""The commands that would make a hierarchy again as it is: to keep, to compare, or to type on another cluster."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import FILESYS, IN_SERVICE, LVMLV, LVMVG, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.view import NotRecreatable, TagChosenAnew
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
    found = find(union, tag)
    above = [i for i in map(union.by_tag, reversed(union.above(tag))) if i is not None and not union.parents(i.tag)]
    tops = [found] if found.type in _CREATABLE else [i for i in above if i.type in _CREATABLE]
    if not tops:
        raise Failure(NotRecreatable(found.tag, found.type))
    commands = dict.fromkeys(words for top in tops for words in _commands(top, union, seen))
    return Recreation(_servers(tops[0].tag, seen)[0][1], tuple(commands), _renamed(tops, union))


def _commands(top: Instance, union: Hierarchy, seen: Overview) -> list[tuple[str, ...]]:
    """create, extend to each further server in the order of priorities, and where it is in service."""
    below = [i for i in map(union.by_tag, union.below(top.tag)) if i is not None and i.type in _CREATABLE]
    made = [_create(i) for i in below if i == top or i.tag != _name(i)]
    extended = [
        ("lvmkit", "extend", top.tag, "--to", server, "--priority", str(priority))
        for priority, server in _servers(top.tag, seen)[1:]
    ]
    here = [i for now in seen.hierarchies for i in [now.by_tag(top.tag)] if i is not None and i.state in IN_SERVICE]
    brought = [("lvmkit", "in-service", top.tag, "--on", i.server) for i in here if seen.has_several_servers]
    return [*made, *extended, *brought]


def _create(instance: Instance) -> tuple[str, ...]:
    given = ("--tag", instance.tag, "--switchback", instance.switchback.lower())
    return ("lvmkit", "create", instance.id, *given)


def _servers(tag: str, seen: Overview) -> list[tuple[int, str]]:
    """(priority, server) of where a tag may run, the highest priority first."""
    return sorted((e.priority, e.server) for e in seen.equivalencies if e.tag == tag) or [(1, seen.local)]


def _name(instance: Instance) -> str:
    """The tag that create chooses where none is given; for what is neither volume nor group the one that it has."""
    if instance.type == LVMVG:
        return names.tag_from(names.vg_of_lvmvg_id(instance.id) or instance.tag)
    pair = names.vg_lv_of_lvmlv_id(instance.id) if instance.type == LVMLV else None
    return names.tag_from("/".join(pair)) if pair else instance.tag


def _renamed(tops: list[Instance], union: Hierarchy) -> tuple[TagChosenAnew, ...]:
    below = dict.fromkeys(tag for top in tops for tag in union.below(top.tag))
    groups = [i for i in map(union.by_tag, below) if i is not None and i.type == LVMVG]
    return tuple(TagChosenAnew(i.tag, i.id, _name(i)) for i in groups if i.tag != _name(i))

"""A survey as text: a list of states on one server, a matrix of them in a cluster."""

from __future__ import annotations

import sys

from lvmkit.cli.console import RED, YELLOW, may_colour, one_a_line, painted
from lvmkit.cli.layout import columns, glyphs, head, twigs, width
from lvmkit.model.messages import shown
from lvmkit.model.phrase import Phrase
from lvmkit.view.language import advice_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.messages import Message
    from lvmkit.model.servers import Server
    from lvmkit.workflow.status import Resource, Survey

_WIDEST_REASON = 20
"""longer ones are put below the matrix, so that two servers and a tag of 30 characters fit into 80 columns"""


def as_list(survey: Survey, by: str) -> str:
    """Resources of one server with state and reason; no bare heading where there are none. by: tag or id."""
    if not survey.resources:
        return ""
    table: list[tuple[str, ...]] = [head(by.upper(), "STATE", "REASON")]
    colours = [""]
    for name, resource in _named(survey, by):
        mark = "!" if resource.is_contradicted else ""
        table.append((name, resource.instance.state + mark, "; ".join(_reasons(resource, survey.server))))
        colours.append(_colour(resource))
    return _coloured(table, colours)


def as_matrix(survey: Survey, by: str) -> str:
    """Resources and their states on every server; the cluster's troubles first, long reasons last. by: tag or id."""
    names: list[str] = [*head(by.upper())]
    conditions = [""]
    for server in survey.servers:
        is_here = server.name == survey.server
        names.append(Phrase("{server} (here)", server=server.name) if is_here else server.name)
        conditions.append(server.unfit or Phrase("online"))
    table = [tuple(names), tuple(conditions)]
    colours = ["", _server_colour(survey.servers)]
    for name, resource in _named(survey, by):
        cells = [_cell(resource, server.name, survey.server) for server in survey.servers]
        table.append((name, *cells))
        colours.append(_colour(resource))
    notes = one_a_line(_notes(survey))
    if notes:
        notes = f"\n{notes}"
    return _troubles(survey.warnings) + _coloured(table, colours) + notes


def _named(survey: Survey, by: str) -> Iterator[tuple[str, Resource]]:
    """The lines of the tree: the drawing with the name, and the resource."""
    by_tag = {resource.instance.tag: resource for resource in survey.resources}
    for twig in twigs(survey.roots, lambda tag: by_tag[tag].children, glyphs()):
        resource = by_tag[twig.tag]
        name = twig.tag if by == "tag" else resource.instance.id
        yield twig.labelled(name), resource


def _cell(resource: Resource, server: str, here: str) -> str:
    place = resource.on(server)
    if place is None:
        return ""
    reasons = _reasons(resource, server)
    mark = "!" if server == here and resource.is_contradicted else ""
    state = place.instance.state + mark
    return f"{state} {reasons[0]}" if _fits_in_cell(reasons) else state


def _reasons(resource: Resource, server: str) -> tuple[str, ...]:
    """The faults that this server's kernel shows, then the reason that the engine stored."""
    reasons = []
    if server == resource.instance.server:
        reasons = [text_of(fault) for fault in resource.faults]
    place = resource.on(server)
    if place and place.instance.reason:
        reasons.append(place.instance.reason)
    return tuple(reasons)


def _fits_in_cell(reasons: tuple[str, ...]) -> bool:
    """Whether there is one reason, and a short one; others are shown as notes."""
    return len(reasons) == 1 and width(shown(reasons[0])) <= _WIDEST_REASON


def _notes(survey: Survey) -> Iterator[str]:
    """Every reason that is in no cell, once for all tags of a server that have it: `tag@server: reason`."""
    for server in survey.servers:
        tags: dict[str, list[str]] = {}
        everything = []
        for resource in survey.resources:
            reasons = _reasons(resource, server.name)
            if reasons:
                everything.append(resource.instance.tag)
            if not _fits_in_cell(reasons):
                for reason in reasons:
                    tags.setdefault(reason, []).append(resource.instance.tag)
        for reason, those in tags.items():
            is_of_all = len(those) > 1 and those == everything
            whose = server.name if is_of_all else f"{', '.join(those)}@{server.name}"
            yield shown(f"{whose}: {reason}")


def _troubles(warnings: tuple[Message, ...]) -> str:
    wanted = may_colour(sys.stdout)
    text = ""
    for message in warnings:
        line = f"{message.level} {message.number:06d}: {text_of(message)}\n  -> {advice_of(message)}"
        text += painted(line, RED, wanted) + "\n"
    return f"{text}\n" if text else ""


def _coloured(table: list[tuple[str, ...]], colours: list[str]) -> str:
    wanted = may_colour(sys.stdout)
    text = ""
    for line, colour in zip(columns(table).splitlines(), colours):
        text += painted(line, colour, wanted) + "\n"
    return text


def _server_colour(servers: tuple[Server, ...]) -> str:
    if not all(server.online for server in servers):
        return RED
    return YELLOW if any(server.unfit for server in servers) else ""


def _colour(resource: Resource) -> str:
    if resource.needs_attention:
        return RED
    return YELLOW if resource.faults else ""

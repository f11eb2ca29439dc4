"""A survey as text: a list of states on one server, a matrix of them in a cluster."""

from __future__ import annotations

import sys

from lvmkit.cli.console import RED, YELLOW, may_colour, painted
from lvmkit.cli.layout import SHOWN_ABOVE, columns, glyphs, twigs, width
from lvmkit.model.messages import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.messages import Message
    from lvmkit.model.servers import Server
    from lvmkit.workflow.status import Resource, Survey

_WIDEST_REASON = 20
"""what is longer stands below the matrix: two servers and a tag of 30 characters then fit into 80 columns"""


def as_list(found: Survey, by: str) -> str:
    """Resources of one server with state and reason. by: tag or id."""
    table: list[tuple[str, ...]] = [(by.upper(), "STATE", "REASON")]
    colours = [""]
    for name, resource in _named(found, by):
        mark = "!" if resource.is_contradicted else ""
        table.append((name, resource.instance.state + mark, "; ".join(_reasons(resource, found.server))))
        colours.append(_colour(resource))
    return _coloured(table, colours)


def as_matrix(found: Survey, by: str) -> str:
    """Resources and their states on every server; the cluster's troubles first, long reasons last. by: tag or id."""
    servers = found.servers
    here = [f"{server.name} (here)" if server.name == found.server else server.name for server in servers]
    table: list[tuple[str, ...]] = [(by.upper(), *here), ("", *(server.unfit or "online" for server in servers))]
    colours = ["", _server_colour(servers)]
    for name, resource in _named(found, by):
        table.append((name, *(_cell(resource, server.name, found.server) for server in servers)))
        colours.append(_colour(resource))
    notes = "".join(f"{note}\n" for note in _notes(found))
    return _troubles(found.warnings) + _coloured(table, colours) + (f"\n{notes}" if notes else "")


def _named(found: Survey, by: str) -> Iterator[tuple[str, Resource]]:
    """The lines of the tree: what is drawn and the name, and the resource."""
    by_tag = {resource.instance.tag: resource for resource in found.resources}
    for twig in twigs(found.roots, lambda tag: by_tag[tag].children, glyphs()):
        resource = by_tag[twig.tag]
        name = twig.tag if by == "tag" else resource.instance.id
        yield twig.lead + name + SHOWN_ABOVE * twig.is_repeated, resource


def _cell(resource: Resource, server: str, here: str) -> str:
    place = resource.on(server)
    if place is None:
        return ""
    reasons = _reasons(resource, server)
    mark = "!" if server == here and resource.is_contradicted else ""
    return " ".join((place.instance.state + mark, *filter(_is_short, (reasons if len(reasons) == 1 else ()))))


def _reasons(resource: Resource, server: str) -> tuple[str, ...]:
    """The faults that this server's kernel shows, then the reason that the engine stored."""
    place = resource.on(server)
    faults = [fault.text for fault in resource.faults] if server == resource.instance.server else []
    return (*faults, *filter(None, (place.instance.reason if place else "",)))


def _is_short(reason: str) -> bool:
    return width(shown(reason)) <= _WIDEST_REASON


def _notes(found: Survey) -> Iterator[str]:
    """Every reason that is in no cell, once for all tags of a server that have it: `tag@server: reason`."""
    for server in found.servers:
        tags: dict[str, list[str]] = {}
        given = [(r.instance.tag, _reasons(r, server.name)) for r in found.resources]
        for tag, reasons in given:
            for reason in reasons if len(reasons) > 1 else (r for r in reasons if not _is_short(r)):
                tags.setdefault(reason, []).append(tag)
        everything = [tag for tag, reasons in given if reasons]
        for reason, those in tags.items():
            whose = server.name if len(those) > 1 and those == everything else f"{', '.join(those)}@{server.name}"
            yield shown(f"{whose}: {reason}")


def _troubles(warnings: tuple[Message, ...]) -> str:
    wanted = may_colour(sys.stdout)
    lines = [f"{message.level} {message.number:06d}: {message.text}\n  -> {message.advice}" for message in warnings]
    return "".join(f"{painted(line, RED, wanted)}\n" for line in lines) + ("\n" if lines else "")


def _coloured(table: list[tuple[str, ...]], colours: list[str]) -> str:
    wanted = may_colour(sys.stdout)
    return "".join(painted(line, colour, wanted) + "\n" for line, colour in zip(columns(table).splitlines(), colours))


def _server_colour(servers: tuple[Server, ...]) -> str:
    if not all(server.online for server in servers):
        return RED
    return YELLOW if any(server.unfit for server in servers) else ""


def _colour(resource: Resource) -> str:
    if resource.needs_attention:
        return RED
    return YELLOW if resource.faults else ""

"""lcdstatus: what runs where, as LifeKeeper prints it. -q and -e are tables, else each resource has a block."""

from __future__ import annotations

from lvmkit.entry.lcdi.description import DEST, LcdiCommand, LcdiReply, Option, tag_option
from lvmkit.entry.lcdi.systems import ALIVE, DEAD
from lvmkit.model.instance import AUTORES_ISP, INIT_ISP, INIT_OSU
from lvmkit.model.messages import LCDI_NO_COMMUNICATION, LCDI_NO_OBJECT
from lvmkit.model.value import Value, once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.cluster.port import Overview
    from lvmkit.entry.lcdi.call import Call
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.servers import Equivalency, Server

    Row = tuple[str, ...]

NONE = "------"
"""in a column that has nothing"""
_START = {
    AUTORES_ISP: "automatic restore to IN-SERVICE by LifeKeeper",
    INIT_ISP: "initially IN-SERVICE",
    INIT_OSU: "initially OUT-OF-SERVICE",
}
_HEAD = ("TAG", "ID", "STATE", "PRIO", "PRIMARY")
_MACHINES = ("MACHINE", "NETWORK", "ADDRESSES/DEVICE", "STATE", "PRIO")


def lcdstatus(call: Call) -> LcdiReply:
    """Print what a server has. Raises Failure (000019) where -r names no resource."""
    picture = Picture(call.server, call.port.overview(), call.port.flags(call.server))
    roots = (call.instance(call.get("r")).tag,) if call.has("r") else picture.hierarchy.roots()
    if call.has("q") or call.has("e"):
        return LcdiReply(tuple(_tables(picture, roots, with_backup=call.has("e"))))
    return LcdiReply(tuple(_blocks(picture, roots)))


class Picture(Value):
    """All servers at one moment, seen from one of them."""

    server: str
    seen: Overview
    flags: Row

    @property
    def hierarchy(self) -> Hierarchy:
        """What the server has."""
        return self.seen.of(self.server)

    @once
    def places(self) -> dict[str, list[Equivalency]]:
        """Where each tag may run, the highest priority first."""
        places: dict[str, list[Equivalency]] = {}
        for each in sorted(self.seen.equivalencies, key=lambda each: (each.priority, each.server)):
            places.setdefault(each.tag, []).append(each)
        return places

    def elsewhere(self, tag: str) -> list[Equivalency]:
        """Where else a tag may run, the highest priority first."""
        return [each for each in self.places.get(tag, ()) if each.server != self.server]

    def priority(self, tag: str) -> str:
        """This server's priority; '--' where a tag has none."""
        for each in self.places.get(tag, ()):
            if each.server == self.server:
                return str(each.priority)
        return "--"

    def primary(self, tag: str) -> str:
        """The server with the highest priority."""
        return self.places[tag][0].server if tag in self.places else self.server

    def trees(self, roots: Row) -> Iterator[tuple[Instance, int]]:
        """Each root and all below it, with its depth. What two require is there twice, the second time alone."""
        hierarchy, told = self.hierarchy, set()
        waiting = [(root, 0) for root in reversed(roots)]
        while waiting:
            tag, depth = waiting.pop()
            for instance in hierarchy.of_tags((tag,)):
                yield instance, depth
            if tag not in told:
                waiting += [(child, depth + 1) for child in reversed(hierarchy.children(tag))]
            told.add(tag)


def _tables(picture: Picture, roots: Row, *, with_backup: bool) -> Iterator[str]:
    """The resources, and the other servers."""
    rows: list[Row] = [("BACKUP" if with_backup else "LOCAL", *_HEAD)]
    for instance, depth in picture.trees(roots):
        others = picture.elsewhere(instance.tag)
        backup = others[0].server if others else NONE
        facts = (instance.id, instance.state, picture.priority(instance.tag), picture.primary(instance.tag))
        rows.append((backup if with_backup else picture.server, " " * depth + instance.tag, *facts))
    yield from _columns(rows)
    machines = []
    for server in picture.seen.servers:
        if server.name != picture.server:
            machines.append((server.name, NONE, NONE, _state(server), "--"))
    if machines:
        yield ""
        yield from _columns([_MACHINES, *machines])


def _columns(rows: list[Row]) -> Iterator[str]:
    """Rows whose columns begin at the same place, with at least two blanks between them."""
    widths = [max(map(len, column)) + 2 for column in zip(*rows)]
    for row in rows:
        yield "".join(map(str.ljust, row, widths)).rstrip()


def _blocks(picture: Picture, roots: Row) -> Iterator[str]:
    """The long form."""
    for root in roots:
        yield "ROOT of RESOURCE HIERARCHY"
        for instance in dict.fromkeys(instance for instance, _ in picture.trees((root,))):
            yield from _block(picture, instance)
        yield ""
    yield from _trailer(picture)


def _block(picture: Picture, instance: Instance) -> Iterator[str]:
    tag = instance.tag
    yield f"{tag}: id={instance.id} app={instance.app} type={instance.type} state={instance.state}"
    yield f"\tinitialize=({instance.initialisation}) {_START[instance.initialisation]}"
    yield f"\tinfo={instance.info}"
    if instance.reason:
        yield f"\treason={instance.reason}"
    children, parents = picture.hierarchy.children(tag), picture.hierarchy.parents(tag)
    if children:
        yield f"\tdepends on resources: {','.join(children)}"
    if parents:
        yield f"\tthese resources are dependent: {','.join(parents)}"
    yield f"\tLocal priority = {picture.priority(tag)}"
    others = picture.elsewhere(tag)
    for other in others:
        yield f'\tSHARED equivalency with "{other.tag_there}" on "{other.server}", priority = {other.priority}'
    is_allowed = any(picture.seen.is_online(other.server) for other in others)
    yield f"\tFAILOVER {'ALLOWED' if is_allowed else 'INHIBITED'}"


def _trailer(picture: Picture) -> Iterator[str]:
    yield "The following LifeKeeper machines are known:"
    for server in picture.seen.servers:
        yield f"\tmachine={server.name} state={_state(server)}"
    if picture.flags:
        yield ""
        yield "The following LifeKeeper flags are on:"
        for flag in picture.flags:
            yield f"\t{flag}"
    yield ""
    strategy = "switchover" if picture.seen.capabilities.several_servers else "do not switch over"
    yield f"The shutdown strategy is set to: {strategy}."


def _state(server: Server) -> str:
    return ALIVE if server.online else DEAD


COMMANDS = (
    LcdiCommand(
        "lcdstatus",
        "print resources, their states and the servers",
        (
            DEST,
            Option("q", "", "a table that begins with this server"),
            Option("e", "", "a table that begins with the server that would take over"),
            tag_option("r", "root-tag", "only this resource and what it requires"),
            Option("u", "", "not documented in public", is_idle=True),
        ),
        lcdstatus,
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=(
            "With -q and -e the columns begin where their headings do, with at least two blanks before each. A child"
            " stands below its parent, indented by one blank more. States are those on the server of -d.",
            "What two resources require is there twice; what it requires itself is below the first one only.",
        ),
    ),
)

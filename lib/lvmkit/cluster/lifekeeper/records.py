"""The records that LCDI commands print: fields with 0x01 between them, one record a line.

Every function raises Failure (CoreGarbled, 110411) for a text that is not whole.
"""

from __future__ import annotations

from lvmkit.model.instance import AUTORES_ISP, INITIALISATIONS, INTELLIGENT, STATES, SWITCHBACKS, Dependency, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.lifekeeper import CoreGarbled
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SEPARATOR = "\x01"
_LONGEST_SHOWN = 80


class Site(Value):
    """A resource on a server."""

    server: str
    tag: str


class Pair(Value):
    """A resource that is the same on two servers; only one of them may have it in service."""

    one: Site
    other: Site


def instances(text: str, server: str, command: str) -> tuple[Instance, ...]:
    """The instances of a server, by ins_list. server: its name, as the caller knows it."""
    return tuple(_instance(record, server, command) for record in _records(text, 7, command))


def links(text: str, tags: Iterable[str], command: str) -> tuple[Dependency, ...]:
    """The dependencies between these tags, by dep_list."""
    known = set(tags)
    return tuple(_link(record, known, command) for record in _records(text, 2, command))


def pairs(text: str, command: str) -> tuple[Pair, ...]:
    """The equivalencies, by eqv_list. The command may list each once, or from both sides."""
    each: dict[frozenset[Site], Pair] = {}
    for record in _records(text, 4, command):
        one, other = Site(record[0], record[1]), Site(record[2], record[3])
        each.setdefault(frozenset((one, other)), Pair(one, other))
    return tuple(each.values())


def types(text: str, command: str) -> frozenset[tuple[str, str]]:
    """(application, type) of each type, by typ_list."""
    return frozenset((record[0], record[1]) for record in _records(text, 2, command))


def names(text: str, command: str) -> tuple[str, ...]:
    """One name a line."""
    return tuple(record[0] for record in _records(text, 1, command))


def _records(text: str, least: int, command: str) -> list[list[str]]:
    if text and not text.endswith("\n"):
        raise Failure(CoreGarbled(command, f"it is cut short: {text[-_LONGEST_SHOWN:]!r}"))
    records = []
    for line in text[:-1].split("\n") if text else ():
        fields = line.split(SEPARATOR)
        if len(fields) < least or not fields[0]:
            raise Failure(CoreGarbled(command, f"{line[:_LONGEST_SHOWN]!r} has fewer than {least} fields"))
        records.append(fields)
    return records


def _instance(record: list[str], server: str, command: str) -> Instance:
    app, kind, tag, ident, info, state = record[1:7]
    state, rest = state.upper(), [word.strip() for word in record[7:]]
    if state not in STATES or not tag or not kind:
        raise Failure(CoreGarbled(command, f"{SEPARATOR.join(record)[:_LONGEST_SHOWN]!r} is no instance"))
    initialisation = _word(rest, INITIALISATIONS, AUTORES_ISP)
    reason = rest[0] if rest and rest[0].upper() not in (*INITIALISATIONS, *SWITCHBACKS) else ""
    switchback = _word(rest, SWITCHBACKS, INTELLIGENT)
    return Instance(server, app, kind, tag, ident, info, state, reason, initialisation, switchback)


def _word(fields: list[str], words: tuple[str, ...], default: str) -> str:
    """The first field that is one of these words; the default where a core does not print it."""
    return next((field.upper() for field in fields if field.upper() in words), default)


def _link(record: list[str], known: set[str], command: str) -> Dependency:
    """Parent and child stand side by side; a name of a system may come before them."""
    for parent, child in zip(record[:3], record[1:3]):
        if parent in known and child in known:
            return Dependency(parent, child)
    raise Failure(CoreGarbled(command, f"{SEPARATOR.join(record)[:_LONGEST_SHOWN]!r} names what there is not"))

"""What is to be protected, as a file says it: what `lvmkit show --output-format json` prints, or a part of that.

Of a resource only tag, type and ID are needed; what is not said is left as it is. Fields that are not known are passed
over, as every reader of the kit's answers does.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import FILESYS, INITIALISATIONS, LVMLV, LVMVG, SWITCHBACKS
from lvmkit.model.servers import LOWEST_PRIORITY
from lvmkit.model.settings import NO_RESERVATION, SCSI
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    Kind = TypeVar("Kind")

SCHEMA_VERSION = 1
_LONGEST_ID = 4095
IDENTITY = ("vg_uuid", "lv_uuid")
"""facts that make it this group or volume and no other"""


class WantedResource(Value):
    """A resource as it is to be."""

    tag: str
    type: str
    id: str
    switchback: str = ""
    """'': as it is"""
    initialisation: str = ""
    children: tuple[str, ...] = ()
    identity: tuple[tuple[str, str], ...] = ()
    """(fact, value) of IDENTITY"""
    reservation: str = ""
    """SCSI, NO_RESERVATION; '': as the settings say"""
    servers: tuple[tuple[str, int], ...] = ()
    """(server, priority) of where it may run; priority 0: not said. Empty: on the servers that it has"""


def read_wanted(text: str) -> tuple[WantedResource, ...]:
    """The resources in a file. Raises ValueError, with what is wrong in words."""
    import json  # here, as only this needs it

    document = _of_type(json.loads(text), dict, "the file", "an object")
    if document.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise ValueError(f"schema_version is not {SCHEMA_VERSION}")
    resources = _of_type(document.get("resources"), list, "resources", "a list")
    wanted = tuple(map(_resource, resources))
    tags = [each.tag for each in wanted]
    if len(set(tags)) < len(tags):
        raise ValueError("a tag is there twice")
    return wanted


def _resource(given: object) -> WantedResource:
    facts = _of_type(given, dict, "a resource", "an object")
    tag, kind, resource_id = (_text(facts, name) for name in ("tag", "type", "id"))
    if not names.is_tag(tag):
        raise ValueError(f"{tag!r} is no tag")
    if not kind.isidentifier() or not resource_id.isprintable() or not 0 < len(resource_id) <= _LONGEST_ID:
        raise ValueError(f"type or id of {tag} cannot be one")
    if kind in (FILESYS, LVMLV) and (not resource_id.startswith("/") or ".." in resource_id.split("/")):
        raise ValueError(f"the id of {tag} is no absolute path")
    info = _of_type(facts.get("info", {}), dict, f"info of {tag}", "an object")
    return WantedResource(
        tag,
        kind,
        resource_id,
        _choice(facts, "switchback", SWITCHBACKS),
        _choice(facts, "initialisation", INITIALISATIONS),
        tuple(_of_type(child, str, f"a child of {tag}", "text") for child in facts.get("children", ())),
        tuple((name, _text(info, name)) for name in IDENTITY if name in info),
        _reservation(kind, facts, info),
        tuple(_servers(tag, _of_type(facts.get("servers", {}), dict, f"servers of {tag}", "an object"))),
    )


def _reservation(kind: str, facts: dict[str, Any], info: dict[str, Any]) -> str:
    """Of a group it is among its facts, where show has it; anywhere else it may stand beside them."""
    if kind == LVMVG:
        return _choice(info, "reservation", (SCSI, NO_RESERVATION)) or (NO_RESERVATION if info else "")
    return _choice(facts, "reservation", (SCSI, NO_RESERVATION))


def _servers(tag: str, places: dict[str, Any]) -> list[tuple[str, int]]:
    servers = []
    for name, place in places.items():
        if not names.is_server_name(name):
            raise ValueError(f"{name!r} is no name of a server")
        priority = _of_type(place, dict, f"{name} of {tag}", "an object").get("priority") or 0
        if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= LOWEST_PRIORITY:
            raise ValueError(f"the priority of {tag} on {name} is none")
        servers.append((name, priority))
    given = [priority for _, priority in servers if priority]
    if len(set(given)) < len(given):
        raise ValueError(f"two servers of {tag} have the same priority")
    return servers


def _choice(facts: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """A word of several, in their spelling; '' where it is not there."""
    given = _text(facts, name) if name in facts else ""
    for word in allowed:
        if given.lower() == word.lower():
            return word
    if given:
        raise ValueError(f"{name} is not one of {', '.join(allowed)}")
    return ""


def _text(facts: dict[str, Any], name: str) -> str:
    return _of_type(facts.get(name), str, name, "text")


def _of_type(value: object, kind: type[Kind], what: str, form: str) -> Kind:
    if not isinstance(value, kind):
        raise ValueError(f"{what} is not {form}")
    return value

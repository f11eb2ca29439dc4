"""What the kit itself knows of an instance, kept in the CIB as a set of meta attributes beside Pacemaker's own.

Pacemaker ignores meta attributes whose names it does not know, keeps them, and does not count them among the
parameters whose change restarts a resource. They are also the second half of the mark of what is ours.
"""

from __future__ import annotations

from lvmkit.cluster.pacemaker import elements, ids
from lvmkit.model.instance import AUTORES_ISP, ILLSTATE, INTELLIGENT, Instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MARK = "lvmkit-type"


def record(owner: str, instance: Instance, **more: str) -> Element:
    """The set for an instance. owner: ID of the element it goes into.  more: further values, by name without prefix."""
    facts = {
        "type": instance.type,
        "app": instance.app,
        "id": instance.id,
        "info": instance.info,
        "initialisation": instance.initialisation,
        "switchback": instance.switchback,
        **more,
    }
    return pack(owner, facts)


def pack(owner: str, facts: dict[str, str]) -> Element:
    """The set that keeps values, by name without prefix. owner: ID of the element it goes into."""
    named = {f"{ids.PREFIX}{name}": escaped(value) for name, value in facts.items()}
    return elements.pairs("meta_attributes", ids.part_id(owner, "record"), named)


def facts_of(element: Element) -> dict[str, str]:
    """The recorded values of a primitive or template, by name without prefix; empty when it carries no mark of ours."""
    holder = element.find(f"meta_attributes[@id='{ids.part_id(element.get('id', ''), 'record')}']")
    stored = elements.values(holder)
    own = {name: plain(value) for name, value in stored.items() if name.startswith(ids.PREFIX)}
    return {name[len(ids.PREFIX) :]: value for name, value in own.items()} if MARK in own else {}


def instance_of(facts: dict[str, str], tag: str, server: str) -> Instance:
    """The instance on a server, of a state that nobody has looked at yet."""
    return Instance(
        server,
        facts.get("app", ""),
        facts["type"],
        tag,
        facts.get("id", ""),
        facts.get("info", ""),
        ILLSTATE,
        initialisation=facts.get("initialisation", AUTORES_ISP),
        switchback=facts.get("switchback", INTELLIGENT),
    )


def escaped(text: str) -> str:
    """Text as XML can carry it: the separator of info fields, 0x02, is no XML character (XML 1.0, section 2.2)."""
    return "".join(f"%{ord(c):02x}" if c < " " or c in "%\x7f" else c for c in text)


def plain(text: str) -> str:
    """The text that was escaped; what is no escape stays as it is."""
    head, *parts = text.split("%")
    return head + "".join(_character(part) for part in parts)


def _character(part: str) -> str:
    try:
        return chr(int(part[:2], 16)) + part[2:] if len(part) >= 2 else f"%{part}"
    except ValueError:
        return f"%{part}"

"""Resource instances: what the cluster knows about one protected thing on one server.

Words and state names are LifeKeeper's (LCDI instances). The info field of our types is a list of key=value pairs
separated by byte 0x02: 0x01 separates the fields of the LCDI records themselves and may not occur.
"""

from __future__ import annotations

from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ISP, ISU, OSF, OSU, ILLSTATE = "ISP", "ISU", "OSF", "OSU", "ILLSTATE"
STATES = (ISP, ISU, OSF, OSU, ILLSTATE)
IN_SERVICE = (ISP, ISU)
INTELLIGENT, AUTOMATIC = "INTELLIGENT", "AUTOMATIC"
SWITCHBACKS = (INTELLIGENT, AUTOMATIC)
AUTORES_ISP, INIT_ISP, INIT_OSU = "AUTORES_ISP", "INIT_ISP", "INIT_OSU"
INITIALISATIONS = (AUTORES_ISP, INIT_ISP, INIT_OSU)

FILESYS, LVMLV, LVMVG, DEVICE, DISK = "filesys", "lvmlv", "lvmvg", "device", "disk"

INFO_SEPARATOR = "\x02"
_FORBIDDEN = frozenset("\x00\x01\x02\n")


class Instance(Value):
    """One resource instance on one server."""

    server: str
    app: str
    type: str
    tag: str
    id: str
    info: str = ""
    state: str = ILLSTATE
    reason: str = ""
    initialisation: str = AUTORES_ISP
    switchback: str = INTELLIGENT

    @property
    def details(self) -> dict[str, str]:
        """The key=value pairs of the info field."""
        return unpack_info(self.info)


class Dependency(Value):
    """Parent requires child; both are tags on the same server."""

    parent: str
    child: str


def tags_of(instances: Iterable[Instance]) -> tuple[str, ...]:
    """The tags of some instances, in their order."""
    return tuple(instance.tag for instance in instances)


def pack_info(details: dict[str, str]) -> str:
    """key=value pairs as an info field.

    Raises ValueError for a '=' in a key, and for a byte that separates records (0x01), pairs (0x02) or lines.
    """
    pairs = []
    for key, value in details.items():
        if "=" in key or not _FORBIDDEN.isdisjoint(key + value):
            raise ValueError(f"not storable in an info field: {details!r}")
        pairs.append(f"{key}={value}")
    return INFO_SEPARATOR.join(pairs)


def unpack_info(info: str) -> dict[str, str]:
    """The pairs of an info field; parts without '=' (another kit's info) are ignored."""
    details = {}
    for pair in info.split(INFO_SEPARATOR):
        key, equals, value = pair.partition("=")
        if equals:
            details[key] = value
    return details

"""Resource instances: what the cluster knows of one protected thing on one server.

Words and state names are LifeKeeper's (LCDI instances). The info field of our types is a list of key=value pairs
separated by byte 0x02: 0x01 separates the fields of the LCDI records themselves and may not occur.
"""

from __future__ import annotations

from lvmkit.model.value import Value

ISP, ISU, OSF, OSU, ILLSTATE = "ISP", "ISU", "OSF", "OSU", "ILLSTATE"
STATES = (ISP, ISU, OSF, OSU, ILLSTATE)
IN_SERVICE = (ISP, ISU)
INTELLIGENT, AUTOMATIC = "INTELLIGENT", "AUTOMATIC"
SWITCHBACKS = (INTELLIGENT, AUTOMATIC)
AUTORES_ISP, INIT_ISP, INIT_OSU = "AUTORES_ISP", "INIT_ISP", "INIT_OSU"
INITIALISATIONS = (AUTORES_ISP, INIT_ISP, INIT_OSU)

FILESYS, LVMLV, LVMVG, DEVICE, DISK = "filesys", "lvmlv", "lvmvg", "device", "disk"

INFO_SEPARATOR = "\x02"


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


def pack_info(details: dict[str, str]) -> str:
    """key=value pairs as an info field.

    Raises ValueError when a key or value holds a byte that separates records (0x01), pairs (0x02) or lines.
    """
    pairs = [f"{key}={value}" for key, value in details.items()]
    if any(mark in pair for pair in pairs for mark in "\x00\x01\x02\n") or any("=" in key for key in details):
        raise ValueError(f"not storable in an info field: {details!r}")
    return INFO_SEPARATOR.join(pairs)


def unpack_info(info: str) -> dict[str, str]:
    """The pairs of an info field; parts without '=' (another kit's info) are ignored."""
    return dict(pair.split("=", 1) for pair in info.split(INFO_SEPARATOR) if "=" in pair)

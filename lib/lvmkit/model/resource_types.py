"""The one table of resource types: what the kit knows of each before it looks at any instance.

A type that is not in the table is another kit's: the agent for all of those runs its scripts, and it is no device.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import DEVICE, DISK, FILESYS, LVMLV, LVMVG
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Timings(Value):
    """How long the actions of an agent may take and how often it is monitored, all in seconds."""

    start: int
    stop: int
    interval: int
    """between two monitors"""
    monitor: int
    deep: int = 0
    """interval and limit of the monitor that reads every disk, or asks the file system; 0 where there is none"""


class ResourceType(Value):
    """One type of resource."""

    name: str
    application: str
    """LifeKeeper's: the folder below subsys/ and lkadm/subsys/ that has the type"""
    fits: Callable[[str], bool]
    """whether a text has the form of its IDs; model/names.py makes them"""
    has_scripts: bool = False
    """whether an instance is nothing without the action scripts"""
    is_device: bool = False
    """a block device below a volume group: it has neither script nor agent, and follows what stands on it"""
    agent: tuple[str, str] | None = None
    """(provider, name) of its OCF agent"""
    timings: Timings | None = None
    """of its agent"""


_PROVIDER = "lvmkit"


def _is_printable_path(text: str) -> bool:
    return text.startswith("/") and text.isprintable()


_TABLE = (
    ResourceType(
        LVMVG,
        "scsi",
        lambda text: names.vg_of_lvmvg_id(text) is not None,
        has_scripts=True,
        agent=(_PROVIDER, LVMVG),
        timings=Timings(start=90, stop=90, interval=10, monitor=20, deep=60),
    ),
    ResourceType(
        LVMLV,
        "scsi",
        lambda text: names.vg_lv_of_lvmlv_id(text) is not None,
        has_scripts=True,
        agent=(_PROVIDER, LVMLV),
        # The group's monitor looks at each of its volumes, too, and more often.
        timings=Timings(start=90, stop=90, interval=60, monitor=20, deep=60),
    ),
    ResourceType(
        FILESYS,
        "gen",
        _is_printable_path,
        has_scripts=True,
        agent=(_PROVIDER, FILESYS),
        timings=Timings(start=60, stop=60, interval=20, monitor=20, deep=60),
    ),
    ResourceType(DEVICE, "scsi", _is_printable_path, is_device=True),
    ResourceType(DISK, "scsi", _is_printable_path, is_device=True),
)

RESOURCE_TYPES = {kind.name: kind for kind in _TABLE}
ACTION = "action"
"""the agent for the types of other kits"""
_FOREIGN = ResourceType(
    "",
    "",
    lambda _text: False,
    agent=(_PROVIDER, ACTION),
    # A database that recovers takes its time; each monitor starts what the other kit's check starts.
    timings=Timings(start=300, stop=300, interval=60, monitor=60),
)


def _of(resource_type: str) -> ResourceType:
    return RESOURCE_TYPES.get(resource_type, _FOREIGN)


def application(resource_type: str) -> str:
    """The application of one of the kit's own types."""
    return RESOURCE_TYPES[resource_type].application


def is_ours(resource_type: str) -> bool:
    """Whether it is one of the kit's own types."""
    return resource_type in RESOURCE_TYPES


def is_id_of(resource_type: str, text: str) -> bool:
    """Whether a text has the form of the type's IDs; never for a type that the kit does not know."""
    return _of(resource_type).fits(text)


def is_device(resource_type: str) -> bool:
    """Whether instances of this type are block devices below a volume group."""
    return _of(resource_type).is_device


def has_scripts(resource_type: str) -> bool:
    """Whether instances of this type are nothing without the kit's action scripts."""
    return _of(resource_type).has_scripts


def agent_of(resource_type: str) -> tuple[str, str] | None:
    """(provider, name) of the type's OCF agent; None where it has none, as devices."""
    return _of(resource_type).agent


def has_agent(resource_type: str) -> bool:
    """Whether there is an OCF agent for the type."""
    return agent_of(resource_type) is not None


def timings(resource_type: str) -> Timings:
    """The timings of a type that has an agent."""
    times = _of(resource_type).timings
    if times is None:
        raise KeyError(resource_type)
    return times


def agents() -> tuple[tuple[str, str], ...]:
    """(provider, name) of every OCF agent of the kit."""
    return tuple(kind.agent for kind in (*_TABLE, _FOREIGN) if kind.agent)

"""What an agent was asked: OCF passes parameters and all else in the environment, here taken out of it and checked."""

from __future__ import annotations

from lvmkit.entry.ocf.description import SYSTEM_ID
from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.ownership import ParameterInvalid, ParameterMissing
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from lvmkit.entry.ocf.description import Agent, Parameter
    from lvmkit.entry.report import Voice
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths

    SomeCall = TypeVar("SomeCall", bound="Call")

PARAMETER = "OCF_RESKEY_"
_INTERVAL, _TIMEOUT = f"{PARAMETER}CRM_meta_interval", f"{PARAMETER}CRM_meta_timeout"
_NODE = f"{PARAMETER}CRM_meta_on_node"
_INSTANCE, _LEVEL = "OCF_RESOURCE_INSTANCE", "OCF_CHECK_LEVEL"
NOTHING_TO_STOP = "nothing to stop"
_IDENTITY = ("vg", "lv", "vg_uuid", "lv_uuid", "device", "directory")


class Errand(Value):
    """What an agent was called for: everything that the cluster gave it, not checked yet."""

    agent: Agent
    given: Mapping[str, str]
    """the environment"""
    host: str
    """the name that this node's kernel has"""
    paths: Paths
    voice: Voice

    @property
    def name(self) -> str:
        """The resource's name; where the cluster does not say it, what the parameters say that it is."""
        return tag(self.given) or "/".join(self.given.get(PARAMETER + each, "") for each in self.agent.named_by)


class Call(Value):
    """One call of an agent, whatever its parameters are."""

    tag: str
    """the resource's name"""
    node: str
    """this node's name in the cluster"""
    probe: bool
    """a monitor that asks whether the resource runs at all, not whether it still does"""
    deep: bool
    """OCF_CHECK_LEVEL 10 or more"""
    timeout: float
    """seconds that the cluster gives this action; 0 where it does not say"""


class Request(Call):
    """One call of an agent for a volume group or a logical volume."""

    vg: str
    lv: str
    """'' for a volume group"""
    vg_uuid: str
    """'' where it is not given"""
    lv_uuid: str
    missing_pv: str
    """COMPLETE or DEGRADED"""
    owns: bool
    """ownership=system_id"""

    @property
    def id(self) -> str:
        """The ID of the volume group's resource, under which its record is kept."""
        return names.lvmvg_id(self.vg)


def tag(environment: Mapping[str, str]) -> str:
    """The resource's name as it may be shown, whatever the parameters are."""
    return environment.get(_INSTANCE, "")


def parsed(errand: Errand, *, for_stop: bool = False) -> Request:
    """The call with its parameters checked. for_stop: what only a start looks at may be wrong.

    Raises Failure (110130, 110131) with everything that is wrong.
    """
    given = checked(errand, for_stop=for_stop)
    return Request(
        **asked(errand).as_dict(),
        vg=given["vg"],
        lv=given.get("lv", ""),
        vg_uuid=given["vg_uuid"],
        lv_uuid=given.get("lv_uuid", ""),
        missing_pv=given["missing_pv"],
        owns=given["ownership"] == SYSTEM_ID,
    )


def checked(errand: Errand, *, for_stop: bool = False) -> dict[str, str]:
    """Every parameter's value, or its default. for_stop: only what says which resource it is must be right.

    Raises Failure (110130, 110131) with everything that is wrong.
    """
    wanted = (each for each in errand.agent.parameters if not for_stop or each.name in _IDENTITY)
    wrong = tuple(faults(wanted, errand.given))
    if wrong:
        raise Failure(*wrong)
    return {each.name: errand.given.get(PARAMETER + each.name, "") or each.default for each in errand.agent.parameters}


def asked(errand: Errand) -> Call:
    """What is asked, without the parameters."""
    return Call(
        tag=errand.name,
        node=errand.given.get(_NODE) or errand.host,
        probe=_number(errand.given.get(_INTERVAL, "")) == 0,
        deep=_number(errand.given.get(_LEVEL, "")) >= 10,
        timeout=_number(errand.given.get(_TIMEOUT, "")) / 1000,
    )


def stoppable(request: Callable[[], SomeCall], tell: Callable[[Message], None]) -> SomeCall | None:
    """The request of a stop; None, with the reasons told, where its parameters are such that no start can have
    succeeded: then there is nothing to stop, and a stop that fails would fence the node."""
    try:
        return request()
    except Failure as failure:
        for message in failure.messages:
            tell(message)
        return None


def faults(
    parameters: Iterable[Parameter], environment: Mapping[str, str]
) -> Iterable[ParameterMissing | ParameterInvalid]:
    """What is wrong with the values of these parameters."""
    for parameter in parameters:
        given = environment.get(PARAMETER + parameter.name, "")
        if not given and parameter.required:
            yield ParameterMissing(parameter.name)
        elif given and not parameter.fits(given):
            yield ParameterInvalid(parameter.name, given, parameter.wanted)


def _number(text: str) -> int:
    """A count or milliseconds as Pacemaker gives them; 0 where it gives none."""
    return int(text) if text.isascii() and text.isdigit() else 0

"""What an agent was asked: OCF passes parameters and all else in the environment, here taken out of it and checked."""

from __future__ import annotations

from lvmkit.entry.ocf.description import SYSTEM_ID
from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.ownership import ParameterInvalid, ParameterMissing
from lvmkit.model.settings import DEGRADED
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lvmkit.entry.ocf.description import Agent, Parameter

PARAMETER = "OCF_RESKEY_"
_INTERVAL, _TIMEOUT = f"{PARAMETER}CRM_meta_interval", f"{PARAMETER}CRM_meta_timeout"
_NODE = f"{PARAMETER}CRM_meta_on_node"
_INSTANCE, _LEVEL = "OCF_RESOURCE_INSTANCE", "OCF_CHECK_LEVEL"
_IDENTITY = ("vg", "lv", "vg_uuid", "lv_uuid")


class Request(Value):
    """One call of an agent."""

    tag: str
    """the resource's name"""
    vg: str
    lv: str
    """'' for a volume group"""
    vg_uuid: str
    """'' where it is not given"""
    lv_uuid: str
    degraded: bool
    owns: bool
    """ownership=system_id"""
    node: str
    """this node's name in the cluster"""
    probe: bool
    """a monitor that asks whether the resource runs at all, not whether it still does"""
    deep: bool
    """OCF_CHECK_LEVEL 10 or more"""
    timeout: float
    """seconds that the cluster gives this action; 0 where it does not say"""

    @property
    def id(self) -> str:
        """The ID of the volume group's resource, under which its record is kept."""
        return names.lvmvg_id(self.vg)


def tag(environment: Mapping[str, str]) -> str:
    """The resource's name as it may be shown, whatever the parameters are."""
    return environment.get(_INSTANCE, "")


def parsed(agent: Agent, environment: Mapping[str, str], host: str) -> Request:
    """The call with its parameters checked. host: the node's name where the cluster does not say it.

    Raises Failure (110130, 110131) with everything that is wrong.
    """
    wrong = tuple(faults(agent.parameters, environment))
    if wrong:
        raise Failure(*wrong)
    return _request(agent, environment, host)


def parsed_for_stop(agent: Agent, environment: Mapping[str, str], host: str) -> Request:
    """The same for a stop, to which it is all one what only a start looks at."""
    wrong = tuple(faults((each for each in agent.parameters if each.name in _IDENTITY), environment))
    if wrong:
        raise Failure(*wrong)
    return _request(agent, environment, host)


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


def _request(agent: Agent, environment: Mapping[str, str], host: str) -> Request:
    given = {each.name: environment.get(PARAMETER + each.name, "") or each.default for each in agent.parameters}
    name = given["vg"] + (f"/{given['lv']}" if "lv" in given else "")
    return Request(
        tag=environment.get(_INSTANCE) or name,
        vg=given["vg"],
        lv=given.get("lv", ""),
        vg_uuid=given["vg_uuid"],
        lv_uuid=given.get("lv_uuid", ""),
        degraded=given["missing_pv"] == DEGRADED,
        owns=given["ownership"] == SYSTEM_ID,
        node=environment.get(_NODE) or host,
        probe=_number(environment.get(_INTERVAL, "")) == 0,
        deep=_number(environment.get(_LEVEL, "")) >= 10,
        timeout=_number(environment.get(_TIMEOUT, "")) / 1000,
    )


def _number(text: str) -> int:
    """A count or milliseconds as Pacemaker gives them; 0 where it gives none."""
    return int(text) if text.isascii() and text.isdigit() else 0

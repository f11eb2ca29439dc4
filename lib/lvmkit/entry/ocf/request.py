"""What an agent was asked. OCF passes everything in the environment; here it is taken from there and checked."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.value import Value
from lvmkit.resources.dispatch import verbs_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Union

    from lvmkit.entry.ocf.description import Agent, Parameter
    from lvmkit.entry.report import Voice
    from lvmkit.model.messages.ownership import ParameterInvalid, ParameterMissing
    from lvmkit.model.settings import Paths
    from lvmkit.resources.dispatch import Verbs

    Facts = Union[VgFacts, LvFacts, FilesystemFacts]
    Reader = Callable[[str, dict[str, str]], Facts]

PARAMETER = "OCF_RESKEY_"
_INTERVAL, _TIMEOUT = f"{PARAMETER}CRM_meta_interval", f"{PARAMETER}CRM_meta_timeout"
_NODE = f"{PARAMETER}CRM_meta_on_node"
_INSTANCE, _LEVEL = "OCF_RESOURCE_INSTANCE", "OCF_CHECK_LEVEL"
_IDENTITY = ("vg", "lv", "vg_uuid", "lv_uuid", "device", "directory", "app", "type", "tag", "id")


class Invocation(Value):
    """An agent as it was called: everything that the cluster gave it, not checked yet."""

    agent: Agent
    given: Mapping[str, str]
    """the environment"""
    host: str
    """the name that this node's kernel has"""
    paths: Paths
    voice: Voice

    @property
    def name(self) -> str:
        """The resource's name; where the cluster does not give it, the parameters that identify the resource."""
        return tag(self.given) or "/".join(self.given.get(PARAMETER + each, "") for each in self.agent.named_by)


class AgentCall(Value):
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


class AgentRequest(AgentCall):
    """One call of an agent with its parameters checked."""

    facts: Facts
    verbs: Verbs
    """of the resource's type"""

    @property
    def name(self) -> str:
        """What the resource is, as LVM names it, or its mount point."""
        if isinstance(self.facts, VgFacts):
            return self.facts.name
        if isinstance(self.facts, LvFacts):
            return f"{self.facts.vg}/{self.facts.name}"
        return self.facts.mount_point


def protected_in(paths: Paths) -> Callable[[VgFacts], Sequence[LvFacts] | None]:
    """What tells the volumes of a group that a resource of the cluster stands on."""

    def volumes(group: VgFacts) -> Sequence[LvFacts] | None:
        from lvmkit.cluster.pacemaker.volumes import volumes_of  # asked only where something is wrong

        return volumes_of(group, paths)

    return volumes


def tag(environment: Mapping[str, str]) -> str:
    """The resource's name, as far as it is known before the parameters are checked."""
    return environment.get(_INSTANCE, "")


def parsed(invocation: Invocation, *, for_stop: bool = False) -> AgentRequest:
    """The call with its parameters checked. for_stop: parameters that only a start needs may be wrong.

    Raises Failure with everything that is wrong: ParameterMissing (110130), ParameterInvalid (110131).
    """
    given = checked(invocation, for_stop=for_stop)
    facts = _FACTS[invocation.agent.name](invocation.name, given)
    return AgentRequest(**asked(invocation).as_dict(), facts=facts, verbs=verbs_of(invocation.agent.name))


def _vg_facts(name: str, given: dict[str, str]) -> VgFacts:
    vg = given["vg"]
    how = given["ownership"], None, given["missing_pv"]
    return VgFacts(name, names.lvmvg_id(vg), vg, given["vg_uuid"], None, *how, reservation=given["reservation"])


def _lv_facts(name: str, given: dict[str, str]) -> LvFacts:
    vg, lv = given["vg"], given["lv"]
    uuids = given["vg_uuid"], given["lv_uuid"]
    how = given["ownership"], given["missing_pv"]
    return LvFacts(name, names.lvmlv_id(vg, lv), vg, lv, *uuids, "", *how)


def _filesystem_facts(name: str, given: dict[str, str]) -> FilesystemFacts:
    uuids = given["uuid"], given["vg_uuid"], given["lv_uuid"]
    return FilesystemFacts(name, given["directory"], given["device"], given["fstype"], given["options"], *uuids)


_FACTS: dict[str, Reader] = {
    LVMVG: _vg_facts,
    LVMLV: _lv_facts,
    FILESYS: _filesystem_facts,
}


def checked(invocation: Invocation, *, for_stop: bool = False) -> dict[str, str]:
    """Every parameter's value, or its default. for_stop: only the parameters that identify the resource must be right.

    Raises Failure with everything that is wrong: ParameterMissing (110130), ParameterInvalid (110131).
    """
    wanted = (each for each in invocation.agent.parameters if not for_stop or each.name in _IDENTITY)
    wrong = tuple(faults(wanted, invocation.given))
    if wrong:
        raise Failure(*wrong)
    return {
        each.name: invocation.given.get(PARAMETER + each.name, "") or each.default
        for each in invocation.agent.parameters
    }


def asked(invocation: Invocation) -> AgentCall:
    """What is asked, without the parameters."""
    return AgentCall(
        tag=invocation.name,
        node=invocation.given.get(_NODE) or invocation.host,
        probe=_number(invocation.given.get(_INTERVAL, "")) == 0,
        deep=_number(invocation.given.get(_LEVEL, "")) >= 10,
        timeout=_number(invocation.given.get(_TIMEOUT, "")) / 1000,
    )


def faults(
    parameters: Iterable[Parameter], environment: Mapping[str, str]
) -> Iterable[ParameterMissing | ParameterInvalid]:
    """What is wrong with the values of these parameters."""
    for parameter in parameters:
        given = environment.get(PARAMETER + parameter.name, "")
        fault = _fault(parameter, given)
        if fault:
            yield fault


def _fault(parameter: Parameter, given: str) -> ParameterMissing | ParameterInvalid | None:
    if parameter.fits(given) if given else not parameter.required:
        return None
    from lvmkit.model.messages.ownership import ParameterInvalid, ParameterMissing  # only where something is wrong

    return ParameterInvalid(parameter.name, given, parameter.wanted) if given else ParameterMissing(parameter.name)


def _number(text: str) -> int:
    """A count, or milliseconds, as Pacemaker gives them; 0 where it gives none."""
    return int(text) if text.isascii() and text.isdigit() else 0

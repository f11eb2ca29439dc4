"""The OCF agents' way in: the action is the argument, everything else is in the environment.

OCF resource agent API 1.1: start, stop, monitor, validate-all, meta-data; the exit code is the answer; what failed is
said on stderr, and once more as the exit reason that the cluster shows, which begins with the message's number.
"""

from __future__ import annotations

import os

from lvmkit.entry.ocf.description import AGENTS, META_DATA, MONITOR, START, STOP, VALIDATE_ALL
from lvmkit.entry.ocf.request import Invocation, parsed, tag
from lvmkit.entry.process import let_interrupts_end_it
from lvmkit.entry.report import Voice, write_stderr
from lvmkit.model.facts import LvFacts
from lvmkit.model.instance import LVMLV
from lvmkit.model.messages import OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS, Failure, Message, errors
from lvmkit.model.resource_types import ACTION
from lvmkit.model.settings import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lvmkit.entry.ocf.monitor import Answer

ACTIONS = (START, STOP, MONITOR, VALIDATE_ALL, META_DATA)

_EXIT_REASON = "ocf-exit-reason:"


def main(
    script: str, arguments: list[str], paths: Paths | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """Run one action of the agent at this path (.../resource.d/lvmkit/<agent>); returns the OCF return code."""
    agent = AGENTS[os.path.basename(script)]
    action = arguments[0] if arguments else ""
    given = os.environ if environment is None else environment
    voice = Voice(agent.name, agent.name, action, tag(given))
    invocation = Invocation(agent, given, os.uname().nodename, paths or _installed(script), voice)
    if action == MONITOR:
        return _within_bounds(lambda: _monitor(invocation), voice)
    if action == START and _within_bounds(lambda: _start_at_once(invocation), voice) == OCF_SUCCESS:
        return OCF_SUCCESS
    from lvmkit.entry.boundary import guarded  # it takes `signal` and `enum`; a monitor may simply be ended

    return guarded(lambda: _act(invocation, action), voice, invocation.host, _give_reason)


def _within_bounds(work: Callable[[], int], voice: Voice) -> int:
    """The outer boundary of a monitor, and of a start that finds nothing to do: neither has anything to take back."""
    let_interrupts_end_it()
    try:
        return work()
    except Failure as failure:
        return _refuse(failure.messages, voice)
    except Exception as error:  # noqa: BLE001 - the outer boundary: the cluster must never see a traceback
        import traceback

        from lvmkit.model.messages.engine import unexpected

        voice.log_text(traceback.format_exc())
        return _refuse((unexpected(error),), voice)


def _monitor(invocation: Invocation) -> int:
    """Prints nothing on stderr unless it fails; warnings go to the log. Raises Failure."""
    answer = _answer(invocation)
    if answer.code in (OCF_SUCCESS, OCF_NOT_RUNNING):
        for message in answer.messages:
            invocation.voice.log(message)
        return answer.code
    return _refuse(answer.messages, invocation.voice)


def _answer(invocation: Invocation) -> Answer:
    if invocation.agent.name == ACTION:
        from lvmkit.entry.ocf import other_kits  # it starts a program

        return other_kits.monitor(invocation)
    from lvmkit.entry.ocf.monitor import monitor

    return monitor(invocation, parsed(invocation))


def _start_at_once(invocation: Invocation) -> int:
    """OCF_SUCCESS for a volume that came up with its group. For anything else a real start must follow."""
    if invocation.agent.name != LVMLV:
        return OCF_NOT_RUNNING
    from lvmkit.host import Host
    from lvmkit.model.settings import Settings
    from lvmkit.resources import lvmlv

    facts = _volume(invocation)
    if facts is None or not lvmlv.came_with_its_group(facts, Host(invocation.paths, Settings(), invocation.voice.tell)):
        return OCF_NOT_RUNNING
    _say_done(invocation, START, lvmlv.ALREADY_UP)
    return OCF_SUCCESS


def _volume(invocation: Invocation) -> LvFacts | None:
    """The logical volume that is meant; None where the parameters are wrong: the real start will say how."""
    try:
        facts = parsed(invocation).facts
    except Failure:
        return None
    return facts if isinstance(facts, LvFacts) else None


def _act(invocation: Invocation, action: str) -> int:
    if action == META_DATA:
        from lvmkit.entry.ocf.metadata import metadata
        from lvmkit.entry.output import write_lines

        write_lines(metadata(invocation.agent).splitlines())
        return OCF_SUCCESS
    if action not in ACTIONS:
        from lvmkit.model.messages.ownership import ActionUnknown

        raise Failure(ActionUnknown(action, ACTIONS))
    detail = _carry_out(invocation, action)
    if action != VALIDATE_ALL:
        _say_done(invocation, action, detail)
    return OCF_SUCCESS


def _carry_out(invocation: Invocation, action: str) -> str:
    if invocation.agent.name == ACTION:
        from lvmkit.entry.ocf import other_kits

        return other_kits.act(invocation, action)
    from lvmkit.entry.ocf.actions import act

    return act(invocation, action)


def _installed(script: str) -> Paths:
    """The paths of an installation, <root>/lib/ocf/...; of a checkout those of the packages."""
    root, is_inside, _ = script.partition("/lib/ocf/")
    return Paths(lkroot=root) if is_inside and os.path.isdir(f"{root}/subsys") else Paths()


def _say_done(invocation: Invocation, action: str, detail: str) -> None:
    from lvmkit.model.messages.service import EndSuccessful

    invocation.voice.tell(EndSuccessful(action, invocation.name, invocation.host, detail))


def _refuse(messages: tuple[Message, ...], voice: Voice) -> int:
    for message in messages:
        voice.tell(message)
    return _give_reason((*errors(messages), *messages)[0])


def _give_reason(message: Message) -> int:
    """Print why it failed in the form that the cluster shows; returns the exit code.

    That is never 0 or 7, whatever the message's own code is: those two mean that all is well, or properly stopped.
    """
    write_stderr(f"{_EXIT_REASON}{message.number:06d} {message.text}")
    return OCF_ERR_GENERIC if message.ocf_exit in (OCF_SUCCESS, OCF_NOT_RUNNING) else message.ocf_exit

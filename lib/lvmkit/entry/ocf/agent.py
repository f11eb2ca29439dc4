"""The OCF agents' way in: the action is the argument, everything else is in the environment.

OCF resource agent API 1.1: start, stop, monitor, validate-all, meta-data; the exit code is the answer; what failed is
said on stderr, and once more as the exit reason that the cluster shows, which begins with the message's number.
"""

from __future__ import annotations

import os

from lvmkit.entry.ocf.description import AGENTS, META_DATA, MONITOR, START, STOP, VALIDATE_ALL
from lvmkit.entry.ocf.request import parsed, parsed_for_stop, tag
from lvmkit.entry.report import Voice, write_stderr
from lvmkit.model.messages import ERROR, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS, Failure, Message
from lvmkit.model.settings import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lvmkit.entry.ocf.description import Agent
    from lvmkit.plan import Kit

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
    places = paths or Paths()
    if action == MONITOR:
        return _within_bounds(lambda: _monitored(agent, given, places, voice), voice)
    if action == START and _within_bounds(lambda: _up_already(agent, given, places, voice), voice) == OCF_SUCCESS:
        return OCF_SUCCESS
    from lvmkit.entry.boundary import guarded  # it takes `signal` and `enum`; a monitor may simply be ended

    def work() -> int:
        return _acted(agent, action, given, places, voice)

    return guarded(work, voice, _host(), _reason)


def _within_bounds(work: Callable[[], int], voice: Voice) -> int:
    """The outer boundary of a monitor, and of a start that finds nothing to do: neither has anything to take back."""
    try:
        return work()
    except Failure as failure:
        return _refused(failure.messages, voice)
    except Exception as error:  # noqa: BLE001 - the outer boundary: the cluster must never see a traceback
        import traceback

        from lvmkit.model.messages.engine import Unexpected

        voice.log_text(traceback.format_exc())
        return _refused((Unexpected(type(error).__name__, str(error)),), voice)


def _monitored(agent: Agent, given: Mapping[str, str], paths: Paths, voice: Voice) -> int:
    """Nothing is said on stderr unless it fails; warnings go to the log. Raises Failure."""
    from lvmkit.entry.ocf import monitor

    request = parsed(agent, given, _host())
    deadline = 0.0
    if request.deep:
        from lvmkit.entry.ocf.tools import settings

        deadline = settings(request, paths, voice.log).probe_deadline
    state = monitor.volume_state if request.lv else monitor.group_state
    answer = state(request, paths, deadline)
    if answer.code in (OCF_SUCCESS, OCF_NOT_RUNNING):
        for message in answer.messages:
            voice.log(message)
        return answer.code
    return _refused(answer.messages, voice)


def _up_already(agent: Agent, given: Mapping[str, str], paths: Paths, voice: Voice) -> int:
    """OCF_SUCCESS for a volume that came up with its group; else the start goes on, and says what is wrong."""
    from lvmkit.entry.ocf import already

    try:
        request = parsed(agent, given, _host())
        if not request.lv or not already.came_with_its_group(request, paths):
            return OCF_NOT_RUNNING
    except Failure:
        return OCF_NOT_RUNNING
    from lvmkit.model.messages.service import EndSuccessful

    voice.tell(EndSuccessful(START, request.tag, _host(), "already up"))
    return OCF_SUCCESS


def _acted(agent: Agent, action: str, given: Mapping[str, str], paths: Paths, voice: Voice) -> int:
    if action == META_DATA:
        import sys

        from lvmkit.entry.ocf.metadata import metadata

        sys.stdout.write(metadata(agent))
        return OCF_SUCCESS
    if action not in ACTIONS:
        from lvmkit.model.messages.ownership import ActionUnknown

        raise Failure(ActionUnknown(action or "''", ACTIONS))
    if action == STOP:
        return _stopped(agent, given, paths, voice)
    return _started_or_validated(agent, action, given, paths, voice)


def _started_or_validated(agent: Agent, action: str, given: Mapping[str, str], paths: Paths, voice: Voice) -> int:
    from lvmkit.entry.ocf import start, tools

    request = parsed(agent, given, _host())
    kit = tools.kit(request, paths, voice.tell)
    start.validate(request, kit)
    if action == START:
        detail = start.start_volume(request, kit) if request.lv else start.start_group(request, kit)
        _say_done(action, request.tag, detail, kit)
    return OCF_SUCCESS


def _stopped(agent: Agent, given: Mapping[str, str], paths: Paths, voice: Voice) -> int:
    from lvmkit.entry.ocf import stop, tools

    try:
        request = parsed_for_stop(agent, given, _host())
    except Failure as failure:
        for message in failure.messages:  # no start can have succeeded with these; a failed stop would fence the node
            voice.tell(message)
        return OCF_SUCCESS
    kit = tools.kit(request, paths, voice.tell)
    detail = stop.stop_volume(request, kit) if request.lv else stop.stop_group(request, kit)
    _say_done(STOP, request.tag, detail, kit)
    return OCF_SUCCESS


def _say_done(action: str, resource: str, detail: str, kit: Kit) -> None:
    from lvmkit.model.messages.service import EndSuccessful

    kit.tell(EndSuccessful(action, resource, _host(), detail))


def _refused(messages: tuple[Message, ...], voice: Voice) -> int:
    for message in messages:
        voice.tell(message)
    return _reason(next((message for message in messages if message.level == ERROR), messages[0]))


def _reason(message: Message) -> int:
    """Say why it failed, in the form that the cluster shows; returns the exit code. That is never 0 or 7, whatever is
    usual for the message: those two say that all is well, or stopped in an orderly way."""
    write_stderr(f"{_EXIT_REASON}{message.number:06d} {message.text}")
    return OCF_ERR_GENERIC if message.ocf_exit in (OCF_SUCCESS, OCF_NOT_RUNNING) else message.ocf_exit


def _host() -> str:
    return os.uname().nodename

"""The OCF agents' way in: the action is the argument, everything else is in the environment.

OCF resource agent API 1.1: start, stop, monitor, validate-all, meta-data; the exit code is the answer; what failed is
said on stderr, and once more as the exit reason that the cluster shows, which begins with the message's number.
"""

from __future__ import annotations

import os

from lvmkit.entry.ocf.description import AGENTS, META_DATA, MONITOR, START, STOP, VALIDATE_ALL
from lvmkit.entry.ocf.request import Errand, parsed, tag
from lvmkit.entry.report import Voice, write_stderr
from lvmkit.model.facts import LvFacts
from lvmkit.model.instance import LVMLV
from lvmkit.model.messages import ERROR, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS, Failure, Message
from lvmkit.model.settings import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    errand = Errand(agent, given, os.uname().nodename, paths or Paths(), voice)
    if action == MONITOR:
        return _within_bounds(lambda: _monitored(errand), voice)
    if action == START and _within_bounds(lambda: _up_already(errand), voice) == OCF_SUCCESS:
        return OCF_SUCCESS
    from lvmkit.entry.boundary import guarded  # it takes `signal` and `enum`; a monitor may simply be ended

    return guarded(lambda: _acted(errand, action), voice, errand.host, _reason)


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


def _monitored(errand: Errand) -> int:
    """Nothing is said on stderr unless it fails; warnings go to the log. Raises Failure."""
    from lvmkit.entry.ocf.monitor import monitor

    answer = monitor(errand, parsed(errand))
    if answer.code in (OCF_SUCCESS, OCF_NOT_RUNNING):
        for message in answer.messages:
            errand.voice.log(message)
        return answer.code
    return _refused(answer.messages, errand.voice)


def _up_already(errand: Errand) -> int:
    """OCF_SUCCESS for a volume that came up with its group; else the start goes on, and says what is wrong."""
    if errand.agent.name != LVMLV:
        return OCF_NOT_RUNNING
    from lvmkit.host import Host
    from lvmkit.model.settings import Settings
    from lvmkit.resources import lvmlv

    facts = _volume(errand)
    if facts is None or not lvmlv.came_with_its_group(facts, Host(errand.paths, Settings(), errand.voice.tell)):
        return OCF_NOT_RUNNING
    _say_done(errand, START, lvmlv.ALREADY_UP)
    return OCF_SUCCESS


def _volume(errand: Errand) -> LvFacts | None:
    """The logical volume that is meant; None where the parameters are wrong, of which the start says more."""
    try:
        facts = parsed(errand).facts
    except Failure:
        return None
    return facts if isinstance(facts, LvFacts) else None


def _acted(errand: Errand, action: str) -> int:
    if action == META_DATA:
        import sys

        from lvmkit.entry.ocf.metadata import metadata

        sys.stdout.write(metadata(errand.agent))
        return OCF_SUCCESS
    if action not in ACTIONS:
        from lvmkit.model.messages.ownership import ActionUnknown

        raise Failure(ActionUnknown(action or "''", ACTIONS))
    from lvmkit.entry.ocf.actions import act

    detail = act(errand, action)
    if action != VALIDATE_ALL:
        _say_done(errand, action, detail)
    return OCF_SUCCESS


def _say_done(errand: Errand, action: str, detail: str) -> None:
    from lvmkit.model.messages.service import EndSuccessful

    errand.voice.tell(EndSuccessful(action, errand.name, errand.host, detail))


def _refused(messages: tuple[Message, ...], voice: Voice) -> int:
    for message in messages:
        voice.tell(message)
    return _reason(next((message for message in messages if message.level == ERROR), messages[0]))


def _reason(message: Message) -> int:
    """Say why it failed, in the form that the cluster shows; returns the exit code. That is never 0 or 7, whatever is
    usual for the message: those two say that all is well, or stopped in an orderly way."""
    write_stderr(f"{_EXIT_REASON}{message.number:06d} {message.text}")
    return OCF_ERR_GENERIC if message.ocf_exit in (OCF_SUCCESS, OCF_NOT_RUNNING) else message.ocf_exit

"""The agent for resource types of other kits: start, stop and monitor are their restore, remove and quickCheck.

LifeKeeper asks quickCheck of what is in service alone, so it need not be right about what never was. Pacemaker asks
every node whether something runs there; so a start is noted, and a probe goes by that.
"""

from __future__ import annotations

import os

from lvmkit.entry.ocf.description import START, STOP
from lvmkit.entry.ocf.monitor import Answer
from lvmkit.entry.ocf.request import asked, checked
from lvmkit.entry.ocf.tools import settings
from lvmkit.model.instance import Instance
from lvmkit.model.messages import OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS, Failure
from lvmkit.model.value import replace
from lvmkit.resources import scripts
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Invocation
    from lvmkit.model.settings import Settings

_SHARE = 0.9
"""of the time of an action for its script, so that we can say what is stuck before the cluster kills us"""
_LONGEST_NAME = 200
"""bytes of a name of ours, which leaves room for what is written around it: a file name has 255 at most"""


def monitor(invocation: Invocation) -> Answer:
    """Whether it runs and is well. Raises Failure: 110130, 110131; and as scripts.check()."""
    instance = _instance(invocation)
    if asked(invocation).probe and not os.path.exists(_note(invocation, instance)):
        return Answer(OCF_NOT_RUNNING)
    faults = scripts.check(instance, invocation.paths, _settings(invocation))
    return Answer(OCF_ERR_GENERIC if faults else OCF_SUCCESS, faults)


def act(invocation: Invocation, action: str) -> str:
    """start, stop or validate-all; returns in a few words what was done. Raises Failure, as scripts.perform()."""
    if action == STOP:
        return _stop(invocation)
    instance = _instance(invocation)
    scripts.refuse_uninstalled(instance, asked(invocation).node, invocation.paths)
    if action != START:
        return ""
    scripts.perform(instance, scripts.RESTORE, invocation.paths, _settings(invocation), outlives_us=False)
    _note_start(instance, invocation)
    return "restored"


def _stop(invocation: Invocation) -> str:
    """What was never started here, by a kit that is not here either, is stopped."""
    from lvmkit.entry.ocf.actions import NOTHING_TO_STOP, stoppable  # a monitor must not pay for it

    instance = stoppable(invocation, lambda: _instance(invocation))
    if instance is None:
        return NOTHING_TO_STOP
    note = _note(invocation, instance)
    if os.path.exists(note) or scripts.find(instance, scripts.REMOVE, invocation.paths):
        scripts.refuse_uninstalled(instance, asked(invocation).node, invocation.paths)
        scripts.perform(instance, scripts.REMOVE, invocation.paths, _settings(invocation), outlives_us=False)
    try:
        files.remove(note)
    except Failure as failure:  # it is down, and a stop that fails would get the node fenced
        for message in failure.messages:
            invocation.voice.log(message)
    return "removed"


def _note_start(instance: Instance, invocation: Invocation) -> None:
    """A start is none the less one where it cannot be noted: then a probe does not see it."""
    try:
        files.make_folder(invocation.paths.run, mode=0o755)
        files.replace(_note(invocation, instance), f"{instance.app}/{instance.type}\n")
    except Failure as failure:
        for message in failure.messages:
            invocation.voice.log(message)


def _instance(invocation: Invocation) -> Instance:
    given = checked(invocation)
    return Instance(asked(invocation).node, given["app"], given["type"], given["tag"], given["id"])


def _settings(invocation: Invocation) -> Settings:
    call = asked(invocation)
    tunables = settings(call, invocation.paths, invocation.voice.log)
    if not call.timeout:
        return tunables
    limit = _SHARE * call.timeout
    return replace(tunables, action_deadline=limit, command_deadline=limit)


def _note(invocation: Invocation, instance: Instance) -> str:
    """Where the start of a resource is noted. No two tags have one path: '_' and what a file name cannot hold are
    written as numbers, and what is too long for one as its digest, which has more digits than any such number."""
    name = "".join(c if c.isalnum() or c in "-." else f"_{ord(c):x}_" for c in instance.tag)
    if len(os.fsencode(name)) > _LONGEST_NAME:
        from hashlib import sha256  # hardly any tag needs it

        name = f"_{sha256(os.fsencode(name)).hexdigest()}_"
    return f"{invocation.paths.run}/action-{name}"

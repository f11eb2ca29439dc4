"""Action scripts: finding the one of a resource type, and running it for one resource."""

from __future__ import annotations

import os
import stat

from lvmkit.cluster.embedded.words import is_component
from lvmkit.model.messages import ERROR, FATAL, Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import ActionFailed, ActionHung, ScriptRefused
from lvmkit.model.messages.guide import TypeNotInstalled
from lvmkit.model.messages.service import EndFailed
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.resource_types import has_scripts
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.instance import Instance
    from lvmkit.model.settings import Paths, Settings

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def perform(instance: Instance, action: str, paths: Paths, settings: Settings) -> None:
    """Run the script of one action for one resource and wait for its end; a type without the script has nothing to do.

    Its output goes where ours goes. action: restore, remove, delete ...
    Raises Failure: ActionFailed, ActionHung after settings.action_deadline, TypeNotInstalled, ScriptRefused,
    InvalidName.
    """
    script = find(instance, action, paths)
    if script is None:
        if has_scripts(instance.type):
            raise Failure(TypeNotInstalled(instance.type, instance.server))
        return
    _refuse_untrusted(script)
    environment = {"PATH": _PATH, "LKROOT": paths.lkroot, "LKCHECKINTERVAL": str(settings.check_interval)}
    argv = [script, "-t", instance.tag, "-i", instance.id]
    try:
        finished = run(
            argv, deadline=settings.action_deadline, pass_output=True, environment=environment, outlives_us=True
        )
    except Failure as failure:
        raise _hung(failure, action, instance) from failure
    if finished.status != 0:
        raise Failure(ActionFailed(action, instance.tag, _status(finished.status) + last_error(finished.stderr)))


def find(instance: Instance, action: str, paths: Paths) -> str | None:
    """The path of the script: of the resource type, else of its application; None where neither has one.

    Source: LifeKeeper's perform_action(1M). Raises Failure (110100) for a name that is none.
    """
    for word, what in ((instance.app, "application"), (instance.type, "resource type"), (action, "action")):
        if not is_component(word):
            raise Failure(InvalidName(word, what))
    application = f"{paths.lkroot}/subsys/{instance.app}"
    places = (f"{application}/resources/{instance.type}/actions/{action}", f"{application}/actions/{action}")
    return next((path for path in places if os.path.lexists(path)), None)


def last_error(output: str) -> str:
    """The number and text of the last ERROR line among a script's messages, after ': '; '' when there is none.

    The END line is passed over: it says that the action failed, not why.
    A line is prog[pid]: LEVEL:component:action:tag:NNNNNN:text.
    """
    for line in reversed(output.splitlines()):
        parts = line.split(":", 6)
        if len(parts) == 7 and parts[1].strip() in (ERROR, FATAL) and _is_reason(parts[5]):
            return f": {parts[5]} {parts[6].strip()}"
    return ""


def _is_reason(number: str) -> bool:
    return len(number) == 6 and number.isdecimal() and int(number) != EndFailed.number


def _status(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _hung(failure: Failure, action: str, instance: Instance) -> Failure:
    hung = failure.messages[0]
    if not isinstance(hung, CommandHung):
        return failure
    return Failure(ActionHung(action, instance.tag, hung.seconds, hung.fate))


def _refuse_untrusted(script: str) -> None:
    """The script is about to run with all rights, so nobody else may have been able to put it there or change it."""
    try:
        found = os.stat(script)
        folders = [os.stat(folder) for folder in {*_folders_above(script), *_folders_above(os.path.realpath(script))}]
    except OSError as error:
        raise Failure(ScriptRefused(script, error.strerror or str(error))) from error
    trusted = (0, os.geteuid())
    if not stat.S_ISREG(found.st_mode):
        raise Failure(ScriptRefused(script, "it is not a regular file"))
    if found.st_uid not in trusted or found.st_mode & _OTHERS_MAY_WRITE:
        raise Failure(ScriptRefused(script, "it is owned by, or writable by, others than root"))
    if not found.st_mode & stat.S_IXUSR:
        raise Failure(ScriptRefused(script, "it is not executable"))
    if any(
        f.st_uid not in trusted or (f.st_mode & _OTHERS_MAY_WRITE and not f.st_mode & stat.S_ISVTX) for f in folders
    ):
        raise Failure(ScriptRefused(script, "a folder above it is owned by, or writable by, others than root"))


def _folders_above(path: str) -> set[str]:
    folders = set()
    while path != "/":
        path = os.path.dirname(path)
        folders.add(path)
    return folders

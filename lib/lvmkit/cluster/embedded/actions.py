"""Action scripts: finding the one of a resource type, and running it for one resource."""

from __future__ import annotations

import os
import stat

from lvmkit.cluster.checks import is_component, require
from lvmkit.model.messages import ERROR, FATAL, Failure
from lvmkit.model.messages.engine import ActionFailed, ActionHung, ScriptRefused
from lvmkit.model.messages.guide import TypeNotInstalled
from lvmkit.model.messages.service import EndFailed
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.resource_types import has_scripts
from lvmkit.storage import files
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.instance import Instance
    from lvmkit.model.settings import Paths, Settings

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def perform(instance: Instance, action: str, paths: Paths, settings: Settings, arguments: tuple[str, ...] = ()) -> None:
    """Run the script of one action for one resource and wait for its end. A type that needs no script does nothing.

    Its output goes to our stderr. action: restore, remove, delete ...  arguments: follow tag and ID.
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
    argv = [script, "-t", instance.tag, "-i", instance.id, *arguments]
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

    Source: LifeKeeper's perform_action(1M). Raises Failure (InvalidName, 110100).
    """
    for word, what in ((instance.app, "application"), (instance.type, "resource type"), (action, "action")):
        require(is_component(word), word, what)
    application = f"{paths.lkroot}/subsys/{instance.app}"
    for folder in (f"{application}/resources/{instance.type}", application):
        path = f"{folder}/actions/{action}"
        if os.path.lexists(path):
            return path
    return None


def last_error(output: str) -> str:
    """The number and text of the last ERROR line among a script's messages, after ': '; '' when there is none.

    The END line is skipped: it says that the action failed, not why.
    A line has the form prog[pid]: LEVEL:component:action:tag:NNNNNN:text.
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
    """The script runs as root, so nobody else may have been able to put it there or change it."""
    try:
        status = os.stat(script)
        folders = list(map(os.stat, _folders_above(script) | _folders_above(os.path.realpath(script))))
    except OSError as error:
        raise Failure(ScriptRefused(script, files.why(error))) from error
    if not stat.S_ISREG(status.st_mode):
        raise Failure(ScriptRefused(script, "it is not a regular file"))
    if not _is_owner_trusted(status) or status.st_mode & _OTHERS_MAY_WRITE:
        raise Failure(ScriptRefused(script, "it is owned by, or writable by, others than root"))
    if not status.st_mode & stat.S_IXUSR:
        raise Failure(ScriptRefused(script, "it is not executable"))
    if not all(map(_is_folder_trusted, folders)):
        raise Failure(ScriptRefused(script, "a folder above it is owned by, or writable by, others than root"))


def _is_owner_trusted(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())


def _is_folder_trusted(status: os.stat_result) -> bool:
    """In a folder with the sticky bit others can add files, but not replace ours."""
    is_open = status.st_mode & _OTHERS_MAY_WRITE and not status.st_mode & stat.S_ISVTX
    return _is_owner_trusted(status) and not is_open


def _folders_above(path: str) -> set[str]:
    folders = set()
    while path != "/":
        path = os.path.dirname(path)
        folders.add(path)
    return folders

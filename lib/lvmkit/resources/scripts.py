"""The scripts of a resource type, LifeKeeper-style: finding one, and running it for one resource.

A type that is not in model/resource_types.py is another kit's, and these scripts are all that is known of it.
"""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.messages import ERROR, FATAL, Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import ActionFailed, ActionHung, ScriptRefused
from lvmkit.model.messages.faults import CheckFailed
from lvmkit.model.messages.guide import TypeNotInstalled
from lvmkit.model.messages.service import EndFailed
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.resource_types import has_scripts
from lvmkit.storage import trust
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings
    from lvmkit.storage.run import Finished

RESTORE, REMOVE, QUICK_CHECK, DELETE = "restore", "remove", "quickCheck", "delete"
CANEXTEND, EXTEND = "canextend", "extend"
TO_STDERR, AS_IT_COMES = (2, 2), (1, 2)
"""our descriptors for what a script says on stdout and on stderr"""
CHECKED_BY = "LVMKIT_CHECK"
"""environment of a quickCheck that the kit runs: who runs it acts on its exit status, whatever it reports by itself"""

SAFE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def perform(
    instance: Instance,
    action: str,
    paths: Paths,
    settings: Settings,
    arguments: tuple[str, ...] = (),
    *,
    outlives_us: bool = True,
    output: tuple[int, int] = TO_STDERR,
) -> None:
    """Run the script of one action for one resource and wait for its end. A type that needs no script does nothing.

    action: restore, remove, delete ...  arguments: follow tag and ID.  outlives_us: as of run().
    output: our descriptors for what it says on stdout and stderr; our stdout is for our own answers.
    Raises Failure: ActionFailed, ActionHung after settings.action_deadline, TypeNotInstalled, ScriptRefused,
    InvalidName.
    """
    script = find(instance, action, paths)
    if script is None:
        if has_scripts(instance.type):
            raise Failure(TypeNotInstalled(instance.type, instance.server))
        return
    words = (script, "-t", instance.tag, "-i", instance.id, *arguments)
    _succeed(words, action, instance, paths, settings, outlives_us=outlives_us, output=output)


def administer(instance: Instance, name: str, arguments: Sequence[str], paths: Paths, settings: Settings) -> None:
    """Run an administration script of a resource's type, as extend, if the type has it.

    Raises Failure as perform().
    """
    script = find_administration(instance, name, paths)
    if script is not None:
        _succeed((script, *arguments), name, instance, paths, settings)


def check(instance: Instance, paths: Paths, settings: Settings) -> tuple[Message, ...]:
    """What the type's quickCheck says of a resource that is in service; nothing where the type has none.

    Raises Failure (ScriptRefused, InvalidName).
    """
    script = find(instance, QUICK_CHECK, paths)
    if script is None:
        return ()
    deadline = settings.command_deadline
    try:
        finished = _run((script, "-t", instance.tag, "-i", instance.id), paths, settings, deadline=deadline)
    except Failure as failure:
        hung = _hung(failure, QUICK_CHECK, instance)
        if isinstance(hung.messages[0], ActionHung):
            return hung.messages
        raise
    if finished.status == 0:
        return ()
    return (CheckFailed(instance.tag, _status(finished.status) + last_error(finished.stderr)),)


def refuse_uninstalled(instance: Instance, server: str, paths: Paths) -> None:
    """Raise Failure (TypeNotInstalled, 110000) where the scripts without which nothing can be run are not there.

    server: this one. One that others could have put there is refused as well (ScriptRefused, 110095).
    """
    for action in (RESTORE, REMOVE):
        script = find(instance, action, paths)
        if script is None:
            raise Failure(TypeNotInstalled(instance.type, server))
        refuse_untrusted(script)


def find_administration(instance: Instance, name: str, paths: Paths) -> str | None:
    """The path of an administration script; None where the type has none. Raises Failure (InvalidName, 110100)."""
    _require_names(instance, name)
    path = f"{paths.kits}/lkadm/subsys/{instance.app}/{instance.type}/bin/{name}"
    return path if os.path.lexists(path) else None


def find(instance: Instance, action: str, paths: Paths) -> str | None:
    """The path of the script: of the resource type, else of its application; None where neither has one.

    Source: LifeKeeper's perform_action(1M). Raises Failure (InvalidName, 110100).
    """
    _require_names(instance, action)
    application = f"{paths.kits}/subsys/{instance.app}"
    for folder in (f"{application}/resources/{instance.type}", application):
        path = f"{folder}/actions/{action}"
        if os.path.lexists(path):
            return path
    return None


def _require_names(instance: Instance, script: str) -> None:
    """Raises Failure (InvalidName, 110100) for what cannot be a part of a script's path."""
    for word, what in ((instance.app, "application"), (instance.type, "resource type"), (script, "action")):
        if not names.is_component(word):
            raise Failure(InvalidName(word, what))


def _succeed(
    words: Sequence[str],
    name: str,
    instance: Instance,
    paths: Paths,
    settings: Settings,
    *,
    outlives_us: bool = True,
    output: tuple[int, int] = TO_STDERR,
) -> None:
    """Run a script whose output is passed on. Raises Failure where it does not end well."""
    deadline = settings.action_deadline
    try:
        finished = _run(words, paths, settings, deadline=deadline, output=output, outlives_us=outlives_us)
    except Failure as failure:
        raise _hung(failure, name, instance) from failure
    if finished.status != 0:
        raise Failure(ActionFailed(name, instance.tag, _status(finished.status) + last_error(finished.stderr)))


def _run(
    words: Sequence[str],
    paths: Paths,
    settings: Settings,
    *,
    deadline: float,
    output: tuple[int, int] | None = None,
    outlives_us: bool = False,
) -> Finished:
    """Run a script, in LifeKeeper's environment. output: where its output is passed on to; None for a check.

    Raises Failure: ScriptRefused, and as run().
    """
    refuse_untrusted(words[0])
    environment = {"PATH": SAFE_PATH, "LKROOT": paths.kits, "LKCHECKINTERVAL": str(settings.check_interval)}
    if output is None:
        environment[CHECKED_BY] = "yes"
    return run(words, deadline=deadline, pass_output=output, environment=environment, outlives_us=outlives_us)


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


def refuse_untrusted(script: str) -> None:
    """The script runs as root, so nobody else may have been able to put it there or change it."""
    why = trust.fault(script)
    if why:
        raise Failure(ScriptRefused(script, why))

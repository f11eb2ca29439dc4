"""The program behind all of LifeKeeper's commands: which one it is, it is told by the name that it was called by."""

from __future__ import annotations

import gc
import os

from lvmkit.entry.boundary import guarded
from lvmkit.entry.lcdi import arguments
from lvmkit.entry.lcdi.call import Call
from lvmkit.entry.output import write_lines
from lvmkit.entry.process import end
from lvmkit.entry.report import Voice
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lvmkit.entry.lcdi.description import LcdiCommand, LcdiReply
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths

_MODULES = {
    "actions": ("perform_action",),
    "flags": ("flg_create", "flg_list", "flg_remove", "flg_test"),
    "instances": (
        "ins_create", "ins_gettag", "ins_list", "ins_remove", "ins_setas", "ins_setinfo", "ins_setinit",
        "ins_setstate",
    ),
    "relations": ("dep_create", "dep_list", "dep_remove", "eqv_create", "eqv_list", "eqv_remove", "hry_setpri"),
    "events": ("sendevent",),
    "locks": ("getlocks", "rlslocks"),
    "remote": ("lcdremexec",),
    "status": ("lcdstatus",),
    "systems": ("lcdsync", "lcduname", "sys_getstate", "sys_list"),
    "types": ("app_create", "app_list", "app_remove", "typ_create", "typ_list", "typ_remove"),
}  # fmt: skip
"""only the module of the command is imported"""
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
NAMES = tuple(sorted(_MODULE_OF))
"""of all commands"""
_ATTEMPTS = 3


class Asking(Voice):
    """The voice of a command that changes nothing: scripts ask often, and the log need not know."""

    def log(self, message: Message) -> None:
        """Nothing."""


def run(script: str, argv: list[str]) -> NoReturn:
    """Run the command that a program was called as, or `lcdi NAME`, and end with its exit code. `lcdi` lists all.

    script: real path of the program, <root>/bin/lcdi.
    """
    from lvmkit.entry.kit import installed

    gc.disable()  # what a command makes lasts until its end, which comes soon
    name, words = os.path.basename(argv[0]), argv[1:]
    if name not in NAMES and words:
        name, words = words[0], words[1:]
    end(main(name, words, installed(script)) if name in NAMES else _list_names(name, argv))


def main(name: str, words: list[str], paths: Paths) -> int:
    """Run the command with this name; returns its exit code."""
    command = described(name)
    kind = Voice if command.changes else Asking
    voice = kind(name, "lcdi", name, "")

    def work() -> int:
        given = arguments.parse(command, words)
        if given.wants_help:
            write_lines(help_lines(command))
            return 0
        call = Call(command, given, paths, voice.tell)
        _warn(call)
        answer = _answer_at_last(call)
        if answer.lines:
            write_lines(answer.lines)
        return answer.status

    return guarded(work, voice, os.uname().nodename, lambda message: message.lcdi_exit, interruptible=command.changes)


def described(name: str) -> LcdiCommand:
    """The description of a command. Raises KeyError for what is none."""
    # importlib would cost more than the rest of most commands
    module = __import__(f"lvmkit.entry.lcdi.{_MODULE_OF[name]}", fromlist=["COMMANDS"])
    commands: tuple[LcdiCommand, ...] = module.COMMANDS
    return {command.name: command for command in commands}[name]


def _list_names(name: str, argv: list[str]) -> int:
    """Print the names of all commands; an error where there was one that is none of them."""
    voice = Asking("lcdi", "lcdi", name, "")

    def work() -> int:
        if len(argv) > 1:
            from lvmkit.model.messages.guide import UsageError

            raise Failure(UsageError("lcdi NAME ..., and 'lcdi' alone prints the names"))
        write_lines(NAMES)
        return 0

    return guarded(work, voice, os.uname().nodename, lambda message: message.lcdi_exit)


def help_lines(command: LcdiCommand) -> list[str]:
    """What -h prints."""
    lines = [f"Usage: {command.synopsis}", "", f"{command.purpose[0].upper()}{command.purpose[1:]}.", ""]
    for option in command.options:
        shown = f"-{option.letter} {option.word}".rstrip()
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        lines.append(f"  {shown:<14}{option.help}{choices}")
    lines.append(f"  {'-h':<14}print this")
    if command.record:
        lines += ["", f"Each line: {', '.join(command.record)}."]
    return lines


def _answer_at_last(call: Call) -> LcdiReply:
    """The answer; where another one has changed meanwhile what was looked at, the command looks again."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return _answer(call)
        except Failure as failure:
            if not _is_outdated(failure):
                raise
            call = Call(call.command, call.given, call.paths, call.tell)
    return _answer(call)


def _is_outdated(failure: Failure) -> bool:
    from lvmkit.model.messages.engine import NotStored

    return any(isinstance(message, NotStored) for message in failure.messages)


def _answer(call: Call) -> LcdiReply:
    if call.command.is_local and call.is_elsewhere:
        from lvmkit.entry.lcdi.remote import pass_on

        return pass_on(call)
    return call.command.run(call)


def _warn(call: Call) -> None:
    """Tell which of the options that were given do nothing."""
    for option in call.command.options:
        if option.is_idle and call.has(option.letter):
            from lvmkit.model.messages.lcdi import OptionIdle

            call.tell(OptionIdle(call.command.name, option.letter))

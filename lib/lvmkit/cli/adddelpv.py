"""adddelpv: the name under which the guide of 2006 has `lvmkit reconfigure`."""

from __future__ import annotations

import sys

import click

from lvmkit import VERSION
from lvmkit.cli.commands import reconfigure
from lvmkit.cli.help import HelpContext
from lvmkit.cli.launch import launch
from lvmkit.cli.session import Session, installed
from lvmkit.model.messages.guide import AdddelpvUsage, UsageError
from lvmkit.model.settings import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from lvmkit.model.messages import Message

NAME = "adddelpv"


class Adddelpv(click.Command):
    """The command as a program of its own."""

    context_class = HelpContext

    def main(self, args: Sequence[str] | None = None, *_: object, obj: Session | None = None, **__: object) -> NoReturn:
        """Run and end the process, as click's own main does; messages and exit codes are the kit's."""
        words = sys.argv[1:] if args is None else args
        sys.exit(call(words, obj or Session(Paths(), program=NAME)))


program = Adddelpv(
    NAME,
    context_settings={"help_option_names": ["-h", "--help"]},
    callback=reconfigure.command.callback,
    params=[*reconfigure.command.params],
    help=reconfigure.command.help,
    epilog="Example: adddelpv vg1 --yes",
)
click.version_option(VERSION, message="%(prog)s %(version)s")(program)


def main(script: str, words: list[str]) -> int:
    """Run adddelpv. script: its real path. Returns the exit code."""
    return call(words, Session(installed(script), program=NAME))


def call(words: Sequence[str], session: Session) -> int:
    """The same with the paths of a session."""
    return launch(program, words, session, _complaints)


def _complaints(usage: UsageError) -> tuple[Message, ...]:
    """The guide's own message first, then what in particular was wrong."""
    return AdddelpvUsage(), usage

"""lvmkit: the command that an administrator types."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from lvmkit import VERSION
from lvmkit.cli.help import HelpContext
from lvmkit.cli.launch import launch
from lvmkit.cli.options import quiet_option
from lvmkit.cli.session import Session, installed
from lvmkit.model.settings import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

COMMANDS = {
    "unprotected": "unprotected",
    "create": "create",
    "extend": "extend",
    "status": "status",
    "show": "show",
    "in-service": "in_service",
    "out-of-service": "out_of_service",
    "check": "check",
    "doctor": "doctor",
    "reconfigure": "reconfigure",
    "apply": "apply",
    "unextend": "unextend",
    "delete": "delete",
    "forget": "forget",
    "journal": "journal",
    "timeline": "timeline",
    "metrics": "metrics",
    "report": "report",
    "explain": "explain",
    "schema": "schema",
    "tags": "tags",
    "servers": "servers",
    "removable": "removable",
}
"""each command and the module below cli/commands that holds it"""


class Program(click.Group):
    """The commands, each loaded when it is used."""

    context_class = HelpContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which a hierarchy needs them in its life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"lvmkit.cli.commands.{COMMANDS[cmd_name]}").command
        command.context_class = HelpContext
        return command

    def main(self, args: Sequence[str] | None = None, *_: object, obj: Session | None = None, **__: object) -> NoReturn:
        """Run and end the process, as click's own main does; messages and exit codes are the kit's."""
        words = sys.argv[1:] if args is None else args
        sys.exit(launch(self, words, obj or Session(Paths())))


@click.command(
    cls=Program,
    name="lvmkit",
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: lvmkit create /data",
)
@click.version_option(VERSION, message="%(prog)s %(version)s")
@quiet_option
def program() -> None:
    """Keep storage on Linux LVM available: hierarchies from a file system down to its disks."""


def main(script: str, words: list[str]) -> int:
    """Run lvmkit. script: its real path. Returns the exit code."""
    return launch(program, words, Session(installed(script), script=script))

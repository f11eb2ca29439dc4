"""The lab's command line: parse, call the library, show errors as one line."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from . import cockpit, image
from .errors import LabError
from .lab import CLUSTER, GOLDEN, PLAIN, Lab

node_argument = click.argument("node", type=int)
serial_argument = click.argument("serial")


class OneLineErrors(click.Group):
    """Shows what goes wrong as `lab: what went wrong`, exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LabError as error:
            click.echo(f"lab: {error}", err=True)
            sys.exit(1)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--name", envvar="LVMKIT_LAB", help="Instance to use (default: $LVMKIT_LAB, or one for this checkout).")
@click.pass_context
def main(context: click.Context, name: str | None) -> None:
    """Real Debian guests with disks that can be lost, for tests."""
    begin = time.monotonic()
    context.obj = Lab(
        name, progress=lambda line: click.echo(f"lab: {time.monotonic() - begin:5.1f} s  {line}", err=True)
    )


cluster_option = click.option(
    "--cluster",
    "kind",
    is_flag=True,
    callback=lambda _context, _option, given: CLUSTER if given else PLAIN,
    help="Guests that are a cluster of pacemaker.",
)


release_option = click.option(
    "--release",
    type=click.Choice(image.RELEASES),
    envvar=image.RELEASE_VARIABLE,
    default=image.BOOKWORM,
    show_default=True,
    help="Debian's release.",
)


@main.command()
@cluster_option
@release_option
@click.pass_obj
def build(lab: Lab, kind: str, release: str) -> None:
    """Build the guest image, unless it is built."""
    lab.build(kind, release)


@main.command()
@click.option(
    "--nodes", type=click.IntRange(1, 8), help="How many guests (default: 1, or 2 for a cluster; 3 will do, too)."
)
@cluster_option
@release_option
@click.pass_obj
def up(lab: Lab, nodes: int | None, kind: str, release: str) -> None:
    """Bring the guests up in the golden state."""
    lab.up(nodes, kind, release)


@main.command()
@click.pass_obj
def down(lab: Lab) -> None:
    """End the guests and remove everything but the cache."""
    lab.down()


@main.command()
@click.argument("label")
@click.pass_obj
def save(lab: Lab, label: str) -> None:
    """Save the state of all guests and disks under LABEL."""
    lab.save(label)


@main.command()
@click.option("--to", default=GOLDEN, show_default=True, metavar="LABEL", help="Saved state to go back to.")
@click.pass_obj
def reset(lab: Lab, to: str) -> None:
    """Put all guests and disks back to a saved state."""
    lab.reset(to)


@main.command()
@click.pass_obj
def status(lab: Lab) -> None:
    """Show what every guest does."""
    for name, text in lab.status() or [("lab", "not up")]:
        click.echo(f"{name}: {text}")


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--timeout", type=float, default=0.0, metavar="SECONDS", help="Kill the command after that time (exit code 124)."
)
@node_argument
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.pass_obj
def run(lab: Lab, timeout: float, node: int, argv: tuple[str, ...]) -> None:
    """Run COMMAND in guest NODE: its exit code, its output, its errors; it reads a pipe or a file."""
    words = argv[1:] if argv[0] == "--" else argv
    sys.exit(lab.stream(node, words, _writer(1), _writer(2), stdin=_piped_stdin(), timeout=timeout))


def _writer(fd: int) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        while data:
            data = data[os.write(fd, data) :]

    return write


def _piped_stdin() -> int | None:
    """Return standard input if somebody feeds it, None for a terminal or /dev/null."""
    mode = os.fstat(0).st_mode
    return 0 if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode) else None


@main.command()
@node_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("dest")
@click.pass_obj
def copy(lab: Lab, node: int, file: Path, dest: str) -> None:
    """Copy FILE into guest NODE as DEST."""
    lab.copy(node, file, dest)


@main.command()
@node_argument
@click.argument("file")
@click.argument("dest", type=click.Path(path_type=Path))
@click.pass_obj
def fetch(lab: Lab, node: int, file: str, dest: Path) -> None:
    """Copy FILE of guest NODE to DEST."""
    lab.fetch(node, file, dest)


@main.command()
@click.pass_obj
def push(lab: Lab) -> None:
    """Install the working tree in every guest, as `make install` does it."""
    lab.push()


@main.command()
@node_argument
@click.pass_obj
def console(lab: Lab, node: int) -> None:
    """Print what guest NODE wrote to its serial console."""
    click.echo(lab.console(node), nl=False)


@main.command()
@click.argument("node", type=int, default=1)
@click.pass_obj
def page(lab: Lab, node: int) -> None:
    """Serve the page in Cockpit of guest NODE (default: 1) to this machine, until Ctrl-C."""
    with (
        tempfile.TemporaryDirectory(prefix="lvmkit-page-") as folder,
        cockpit.served(lab, node, Path(folder), cockpit.PORT) as address,
        contextlib.suppress(KeyboardInterrupt),
    ):
        click.echo(f"{address}\nCtrl-C ends it.")
        signal.pause()


def _node_command(name: str, action: Callable[[Lab, int], None]) -> None:
    """Add a command that does one thing to one guest."""

    @main.command(name, help=(action.__doc__ or "").replace("`node`", "NODE"))
    @node_argument
    @click.pass_obj
    def command(lab: Lab, node: int) -> None:
        action(lab, node)


NODE_COMMANDS: Sequence[tuple[str, Callable[[Lab, int], None]]] = (
    ("kill", Lab.kill),
    ("start", Lab.start),
    ("reboot", Lab.reboot),
    ("pause", Lab.pause),
    ("resume", Lab.resume),
    ("cut", Lab.cut),
    ("mend", Lab.mend),
)
DISK_ACTIONS: dict[str, Callable[[Lab, int, str], None]] = {
    "lose": Lab.lose_disk,
    "bring-back": Lab.bring_disk_back,
    "fail": Lab.fail_disk,
    "heal": Lab.heal_disk,
    "hang": Lab.hang_disk,
    "resume": Lab.resume_disk,
}

for _name, _action in NODE_COMMANDS:
    _node_command(_name, _action)


@main.command()
@node_argument
@click.argument("action", type=click.Choice(list(DISK_ACTIONS)))
@serial_argument
@click.pass_obj
def disk(lab: Lab, node: int, action: str, serial: str) -> None:
    """Break or repair disk SERIAL of guest NODE, or of just that guest's view of it."""
    DISK_ACTIONS[action](lab, node, serial)

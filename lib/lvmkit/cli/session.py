"""One run of the command line: where the kit is installed, how loud to be, and the boundary around the work."""

from __future__ import annotations

import os
import sys

from lvmkit.cli.console import Console, may_colour
from lvmkit.entry.boundary import guarded
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotRoot
from lvmkit.model.settings import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


def open_installed(paths: Paths, tell: Callable[[Message], None]) -> Kit:
    """The kit on the engine of this server."""
    from lvmkit.entry.kit import kit  # explain and --help need no engine

    return kit(paths, tell)


class Session:
    """What all commands of one run share. `quiet` is set by the options as they are parsed."""

    def __init__(
        self,
        paths: Paths,
        open_kit: Callable[[Paths, Callable[[Message], None]], Kit] = open_installed,
        program: str = "lvmkit",
    ) -> None:
        self.program = program
        self.paths = paths
        self.quiet = False
        self._open_kit = open_kit

    def console(self, action: str, tag: str = "") -> Console:
        """The voice for one action."""
        return Console(self.program, "cli", action, tag, self.quiet, may_colour(sys.stderr))

    def guard(self, action: str, tag: str, job: Callable[[], int]) -> int:
        """Run a job; what goes wrong is printed in numbered lines. Returns the LCDI exit code of the first, never 0."""
        return guarded(job, self.console(action, tag), os.uname().nodename, lambda first: first.lcdi_exit or 1)

    def work(self, action: str, tag: str, job: Callable[[Kit], int]) -> int:
        """Run a job that needs the engine, and so root. Returns the exit code."""

        def as_root() -> int:
            if os.geteuid() != 0:
                raise Failure(NotRoot(f"{self.program} {action}"))
            return job(self._open_kit(self.paths, self.console(action, tag).tell))

        return self.guard(action, tag, as_root)


def installed(script: str) -> Paths:
    """The paths of an installation. script: real path of the program, <root>/bin/<name>.

    LKROOT is the folder with the action scripts: the root itself where it is installed, below it in a checkout.
    """
    root = os.path.dirname(os.path.dirname(script))
    for place in (root, f"{root}/opt/LifeKeeper"):
        if os.path.isdir(f"{place}/subsys"):
            return Paths(lkroot=place)
    return Paths()

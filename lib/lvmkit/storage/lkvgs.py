"""/etc/lkvgs: the volume groups that the boot must leave alone, because the cluster decides where they are active.

One name for each line; what follows a '#' is a comment. Lines that are not ours to understand stay as they are.
"""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import LkvgsNotUpdated
from lvmkit.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 10.0
"""seconds to wait for another process that changes the list"""

_HEADING = (
    "# Volume groups under the control of LifeKeeper (lvmkit): the boot does not activate them. One name a line.\n"
)


def listed(path: str) -> tuple[str, ...]:
    """The volume groups on the list, each once; () when there is no such file.

    Raises Failure(FileUnreadable) when something else than a readable file is there.
    """
    entries = map(_entry, _lines(files.read(path) or ""))
    return tuple(dict.fromkeys(filter(None, entries)))


def add(path: str, vg: str) -> None:
    """Put a volume group on the list, unless it is there already. A missing file is made.

    Raises Failure(LkvgsNotUpdated).
    """

    def with_it(lines: list[str]) -> list[str]:
        if vg in map(_entry, lines):
            return lines
        return [*_ended(lines or [_HEADING]), f"{vg}\n"]

    _update(path, with_it)


def remove(path: str, vg: str) -> None:
    """Take a volume group off the list, if it is there. Raises Failure(LkvgsNotUpdated)."""
    _update(path, lambda lines: [line for line in lines if _entry(line) != vg])


def _update(path: str, change: Callable[[list[str]], list[str]]) -> None:
    real = os.path.realpath(path)  # an administrator's link to a managed file stays a link
    folder, name = os.path.split(real)
    try:
        with locks.locked(f"{folder}/.{name}.lock", what=path, patience=PATIENCE):
            before = _lines(files.read(real) or "")
            after = change(before)
            if after != before:
                files.replace(real, "".join(after))
    except Failure as failure:
        raise Failure(LkvgsNotUpdated("; ".join(message.text for message in failure.messages))) from failure


def _lines(text: str) -> list[str]:
    """The lines with their ends; split at line feeds only, other control characters belong to the line."""
    *whole, rest = text.split("\n")
    lines = [f"{line}\n" for line in whole]
    if rest:
        lines.append(rest)
    return lines


def _ended(lines: list[str]) -> list[str]:
    """The lines, the last one with a line feed."""
    return [*lines[:-1], lines[-1].rstrip("\n") + "\n"]


def _entry(line: str) -> str:
    """The volume group that a line names; '' for a comment and for anything that cannot be a name."""
    name = line.partition("#")[0].strip()
    return name if names.is_vg_name(name) else ""

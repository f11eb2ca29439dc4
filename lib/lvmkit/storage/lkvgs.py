"""/etc/lkvgs: the volume groups that the boot must leave alone, because the cluster decides where they are active.

One name for each line; what follows a '#' is a comment. The kit writes the UUID of the group there, so that a group
that was renamed is still known, and another one that has got its name is not taken for it. A line without a UUID, from
an older version or another hand, means whatever has the name. Lines that are not ours to understand stay as they are.
"""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 10.0
"""seconds to wait for another process that changes the list"""

_HEADING = (
    "# Volume groups under the control of LifeKeeper (lvmkit): the boot does not activate them. One name a line.\n"
)

Entry = tuple[str, str]
"""(name, UUID) of a volume group; the UUID is '' where the line has none"""


def listed(path: str) -> tuple[str, ...]:
    """The names on the list, each once; () when there is no such file. Raises as entries()."""
    return tuple(dict.fromkeys(name for name, _ in entries(path)))


def entries(path: str) -> tuple[Entry, ...]:
    """The volume groups on the list. Raises Failure(FileUnreadable) where something else than a readable file is."""
    found = map(_entry, _lines(files.read(path) or ""))
    return tuple(entry for entry in found if entry[0])


def means(entry: Entry, vg: str, uuid: str) -> bool:
    """Whether an entry is about a volume group. uuid: '' where only the name is known."""
    return entry[1] == uuid if entry[1] and uuid else entry[0] == vg


def add(path: str, vg: str, uuid: str = "") -> None:
    """Put a volume group on the list under its name; an entry for it under another name goes. A missing file is made.

    Raises Failure(LkvgsNotUpdated).
    """

    def with_it(lines: list[str]) -> list[str]:
        if (vg, uuid) in map(_entry, lines):
            return lines
        others = [line for line in lines if not means(_entry(line), vg, uuid)]
        return [*_ended(others or [_HEADING]), f"{vg} # {uuid}\n" if uuid else f"{vg}\n"]

    _update(path, with_it)


def remove(path: str, vg: str, uuid: str = "") -> None:
    """Take a volume group off the list, if it is there. Raises Failure(LkvgsNotUpdated)."""
    _update(path, lambda lines: [line for line in lines if not means(_entry(line), vg, uuid)])


def identify(path: str, vg: str, uuid: str) -> None:
    """Note the UUID of a volume group that an older version listed by its name alone; all else stays.

    Raises Failure: LkvgsNotUpdated, FileUnreadable.
    """
    if (vg, "") in entries(path):
        add(path, vg, uuid)


def _update(path: str, change: Callable[[list[str]], list[str]]) -> None:
    from lvmkit.model.messages.guide import LkvgsNotUpdated  # a check only reads
    from lvmkit.storage import locks

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


def _entry(line: str) -> Entry:
    """The volume group of a line; its name is '' for a comment and for anything that cannot be one."""
    name, _, comment = (word.strip() for word in line.partition("#"))
    if not names.is_vg_name(name):
        return "", ""
    return name, comment if names.is_lvm_uuid(comment) else ""

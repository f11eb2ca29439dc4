"""Is a core of LifeKeeper here? On the path of every check, so nothing heavy is imported, and one file is looked at.

The kit has commands of the same names over its own engines. They are links to one program, so a link that leads there
is no core: an adapter that started it would start itself.
"""

from __future__ import annotations

import os

OWN = "lcdi"
"""the name of the kit's program for all commands"""
_COMMAND = "bin/ins_list"


def is_there(lkroot: str) -> bool:
    """Whether there is a core below this folder."""
    return not why_not(lkroot)


def why_not(lkroot: str) -> str:
    """Why there is none; '' where there is one."""
    path = f"{lkroot}/{_COMMAND}"
    if not os.access(path, os.X_OK):
        return f"{path} is not there, or not executable"
    if os.path.basename(os.path.realpath(path)) == OWN:
        return f"{path} is the kit's own"
    return ""

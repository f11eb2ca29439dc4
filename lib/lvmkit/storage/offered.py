"""Which programs one server may have another one run: those of kits, below LKROOT, that only root could have put there.

Whoever may log in as root needs no leave from us. But where the key of a server is good for the kit alone
(authorized_keys, command=), what the kit offers is what that server can do here; and a word that a script passes on
must not become a command by accident. So no shell reads the words, and a name is looked up in one place.
"""

from __future__ import annotations

import os
import stat

from lvmkit.model.messages import Failure
from lvmkit.model.messages.lcdi import ProgramNotOffered
from lvmkit.storage import files

_FOLDERS = ("bin", "lkadm", "subsys")
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def program(word: str, lkroot: str) -> str:
    """The path of the program that a word means: a name in LKROOT/bin, or a path below LKROOT/{bin,lkadm,subsys}.

    Raises Failure (ProgramNotOffered, 110392) for any other, and where others than root could have put it there.
    """
    path = os.path.normpath(word if "/" in word else f"{lkroot}/bin/{word}")
    if not path.startswith(tuple(f"{lkroot}/{folder}/" for folder in _FOLDERS)):
        raise Failure(ProgramNotOffered(word, f"it is not below {lkroot}/bin, lkadm or subsys"))
    try:
        why = _fault(path)
    except OSError as error:
        why = files.why(error)
    if why:
        raise Failure(ProgramNotOffered(word, why))
    return path


def _fault(path: str) -> str:
    """Why it cannot be run, or be trusted; '' where it can. Raises OSError."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or not status.st_mode & stat.S_IXUSR:
        return "it is no program"
    places = {path, os.path.realpath(path)}
    for place in tuple(places):
        while place != "/":
            place = os.path.dirname(place)
            places.add(place)
    for place in sorted(places):
        if not _is_roots(os.stat(place)):
            return f"{place} is owned by, or writable by, others than root"
    return ""


def _is_roots(status: os.stat_result) -> bool:
    """Whether nobody but root could change it; in a folder with the sticky bit others can add, but not replace."""
    is_open = status.st_mode & _OTHERS_MAY_WRITE and not status.st_mode & stat.S_ISVTX
    return status.st_uid in (0, os.geteuid()) and not is_open


def environment(lkroot: str) -> dict[str, str]:
    """What such a program finds in its environment."""
    return {"PATH": f"{lkroot}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LKROOT": lkroot}

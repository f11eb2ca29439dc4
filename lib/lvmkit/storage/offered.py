"""Which programs one server may have another one run: those of kits, below LKROOT, that only root could have put there.

Whoever may log in as root needs no leave from us. But where the key of a server is good for the kit alone
(authorized_keys, command=), what the kit offers is what that server can do here; and a word that a script passes on
must not become a command by accident. So no shell reads the words, and a name is looked up in one place.
"""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.model.messages.lcdi import ProgramNotOffered
from lvmkit.storage import trust

_FOLDERS = ("bin", "lkadm", "subsys")


def program(word: str, lkroot: str) -> str:
    """The path of the program that a word means: a name in LKROOT/bin, or a path below LKROOT/{bin,lkadm,subsys}.

    Raises Failure (ProgramNotOffered, 110392) for any other, and where others than root could have put it there.
    """
    path = os.path.normpath(word if "/" in word else f"{lkroot}/bin/{word}")
    if not path.startswith(tuple(f"{lkroot}/{folder}/" for folder in _FOLDERS)):
        raise Failure(ProgramNotOffered(word, f"it is not below {lkroot}/bin, lkadm or subsys"))
    why = trust.fault(path)
    if why:
        raise Failure(ProgramNotOffered(word, why))
    return path


def environment(lkroot: str) -> dict[str, str]:
    """What such a program finds in its environment."""
    return {"PATH": f"{lkroot}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LKROOT": lkroot}

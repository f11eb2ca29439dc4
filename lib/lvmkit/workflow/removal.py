"""Whether the kit may be removed from this server: its package asks before it goes."""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.model.messages.packages import ChangeUnfinished, KitStillNeeded, ProtectionUnknown
from lvmkit.plan import all_journals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit


def refuse_removal(kit: Kit) -> None:
    """Raise Failure where this server needs the kit: 110450 for what may run here, 110451 for interrupted changes.

    What is protected on other servers only does not count. An engine that does not answer is a reason, too: its own
    messages, and 110452.
    """
    try:
        seen = kit.port.overview()
    except Failure as failure:
        raise Failure(*failure.messages, ProtectionUnknown(os.uname().nodename)) from failure
    tags = seen.of(seen.local).tags
    if tags:
        raise Failure(KitStillNeeded(seen.local, tuple(tags)))
    unfinished = [ChangeUnfinished(journal.name, journal.work or "?") for journal in all_journals(kit)]
    if unfinished:
        raise Failure(*unfinished)

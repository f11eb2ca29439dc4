"""Changes that were interrupted: what their journals say, trying again to finish them, and dropping one by hand."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.plans import JournalDropped, JournalInUse, JournalUnknown
from lvmkit.model.phrase import Phrase
from lvmkit.plan import all_journals, finish_interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.journal import Journal
    from lvmkit.plan import Kit

BEGUN, DONE, OPEN = Phrase("begun"), Phrase("done"), Phrase("open")
"""how far a step came"""
INTERRUPTED, BACKING_OUT = Phrase("interrupted"), Phrase("being taken back")
RUNNING, UNREADABLE = Phrase("running"), Phrase("unreadable")
STATES = (INTERRUPTED, BACKING_OUT, RUNNING, UNREADABLE)
"""what a journal can be"""


def unfinished(kit: Kit, name: str = "") -> tuple[Journal, ...]:
    """All journals, or the one of this name. Raises Failure (110264) where there is none of this name."""
    journals = tuple(journal for journal in all_journals(kit) if name in ("", journal.name))
    if name and not journals:
        raise Failure(JournalUnknown(name))
    return journals


def state_of(journal: Journal) -> str:
    """One of STATES."""
    if journal.fault:
        return UNREADABLE
    if journal.is_running:
        return RUNNING
    return BACKING_OUT if journal.is_back else INTERRUPTED


def steps_of(journal: Journal) -> tuple[tuple[str, str], ...]:
    """(BEGUN, DONE or OPEN, what it does) of each step."""
    return tuple((_progress(number, journal), step.describe()) for number, step in enumerate(journal.steps, 1))


def retry(kit: Kit) -> tuple[Journal, ...]:
    """Finish, or take back, what can be; returns what is left. The admin lock is taken. Raises Failure (110262)."""
    with kit.port.admin_lock("finish interrupted work"):
        finish_interrupted(kit)
        return all_journals(kit)


def drop(name: str, kit: Kit) -> None:
    """Forget a journal; nothing is finished or taken back for it. The admin lock is taken.

    Raises Failure: 110264 where there is none of this name, 110266 while its change is still running.
    """
    from lvmkit import journal as journals

    with kit.port.admin_lock(f"drop journal {name}"):
        (journal,) = unfinished(kit, name)
        if journal.is_running:
            raise Failure(JournalInUse(name, journal.work, journal.process.pid))
        journals.drop(journal, kit.paths)
    kit.tell(JournalDropped(name, journal.work or "?"))


def _progress(number: int, journal: Journal) -> str:
    if number <= journal.done:
        return DONE
    return BEGUN if number <= journal.begun else OPEN

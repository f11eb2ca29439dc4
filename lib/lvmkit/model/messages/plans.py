"""Messages of plans and their journals: 110260-110269."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_EXISTS, LCDI_INTERNAL, LCDI_NO_OBJECT, Caution, Message, Note


class JournalStuck(Caution, number=110260):
    """A change that was interrupted could neither be finished nor taken back; only its own hierarchy waits for it."""

    template = "The interrupted '{work}' (journal {journal}, about {about}) waits: {why}"
    action = (
        "Fix the reported problem: the next lvmkit command that changes something here tries again. 'lvmkit journal"
        " {journal}' shows what was done."
    )
    journal: str
    work: str
    about: tuple[str, ...]
    why: str


class JournalBlocks(Message, number=110261):
    """What is asked for concerns a hierarchy of which an interrupted change is not finished."""

    template = "The interrupted '{work}' (journal {journal}) must be finished first; it is about {about}."
    action = (
        "'lvmkit journal {journal}' shows what was done, 'lvmkit journal --retry' why it waits. Fix that, or put things"
        " right by hand and then use 'lvmkit journal {journal} --drop'."
    )
    lcdi_exit = LCDI_EXISTS
    journal: str
    work: str
    about: tuple[str, ...]


class JournalUnreadable(Message, number=110262):
    """A journal does not hold a plan that this version of the kit understands, so nobody knows what it is about."""

    template = "Journal {journal} cannot be read ({path}): {why}"
    action = (
        "If a newer kit wrote it, install that again. Else compare 'lvmkit status' with what should be there, and use"
        " 'lvmkit journal {journal} --drop'."
    )
    lcdi_exit = LCDI_INTERNAL
    journal: str
    path: str
    why: str


class FinishFailed(Message, number=110263):
    """A step of an interrupted change, of which only the end was missing, failed; the next run tries again."""

    template = "Finishing '{step}' failed: {why}"
    action = "Fix the reported problem; the next lvmkit command that changes something here tries again."
    lcdi_exit = LCDI_INTERNAL
    step: str
    why: str


class JournalUnknown(Message, number=110264):
    """There is no journal of this name on this server."""

    template = "There is no journal {journal} here."
    action = "'lvmkit journal' lists those that there are."
    lcdi_exit = LCDI_NO_OBJECT
    journal: str


class JournalDropped(Note, number=110265):
    """A journal was removed by hand; what its change left half done stays so."""

    template = "Journal {journal} of '{work}' is dropped; nothing is finished or taken back for it."
    action = "Look at 'lvmkit status' and 'lvmkit doctor'."
    journal: str
    work: str


class JournalInUse(Message, number=110266):
    """The change that the journal belongs to is still running."""

    template = "Journal {journal} belongs to '{work}', which is running (process {pid})."
    action = "Wait until it is done."
    lcdi_exit = LCDI_EXISTS
    journal: str
    work: str
    pid: int


class JournalLeft(Caution, number=110267):
    """A change was interrupted, and nothing has finished it or taken it back since."""

    template = "'{work}' (journal {journal}) was interrupted and is not finished; it is about {about}."
    action = (
        "The next lvmkit command here that changes something finishes it or takes it back, or says why it cannot; so"
        " does 'lvmkit journal --retry'. 'lvmkit journal {journal}' shows what was done."
    )
    journal: str
    work: str
    about: tuple[str, ...]

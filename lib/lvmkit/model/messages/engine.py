"""Messages about the engine, its database, locks, plans and journal: 110080-110099, 110503; about the kit: 110330."""

from __future__ import annotations

from lvmkit.model.messages import (
    LCDI_ARGUMENT,
    LCDI_EXISTS,
    LCDI_HAS_DEPENDENTS,
    LCDI_INTERNAL,
    LCDI_NO_OBJECT,
    OCF_ERR_INSTALLED,
    OCF_ERR_PERM,
    Caution,
    Message,
    Note,
)


class DatabaseDamaged(Message, number=110080):
    """The engine's database cannot be read as one."""

    template = "The database {path} is damaged: {why}"
    action = "Move it aside and create the hierarchies again; volumes and file systems are not affected."
    lcdi_exit = LCDI_INTERNAL
    path: str
    why: str


class DatabaseTooNew(Message, number=110081):
    """The engine's database was written by a newer version of the kit."""

    template = "The database {path} has version {found}; this kit knows {known}."
    action = "Install the newer kit again."
    lcdi_exit = LCDI_INTERNAL
    path: str
    found: int
    known: int


class StateNotStored(Message, number=110082):
    """The kit could not write its own state (disk full, read-only, no permission)."""

    template = "{path} cannot be written: {why}"
    action = "Make room, or repair the file system that holds it, then try again. Nothing was changed."
    lcdi_exit = LCDI_INTERNAL
    path: str
    why: str


class AdminLockHeld(Message, number=110083):
    """Another create, delete, reconfigure or move is running."""

    template = "The admin lock is held by process {pid} ({purpose}); waited {seconds} s."
    action = "Wait until it is done, then try again."
    lcdi_exit = LCDI_EXISTS
    pid: int
    purpose: str
    seconds: float


class InterruptedWork(Caution, number=110084):
    """An earlier run was interrupted; what it left unfinished is now finished or taken back."""

    template = "An earlier '{work}' was interrupted; {remedy} now."
    action = "None: this happens by itself."
    work: str
    remedy: str


class UndoFailed(Message, number=110085):
    """A step of the back-out failed; the journal is kept and the next run tries again."""

    template = "Taking back '{step}' failed: {why}"
    action = "Fix the reported problem; the next lvmkit command that changes something then finishes the back-out."
    lcdi_exit = LCDI_INTERNAL
    step: str
    why: str


class HasDependents(Message, number=110086):
    """Another resource requires the one that was to be removed."""

    template = "{tag} is required by {parents}."
    action = "Remove the hierarchy from its root."
    lcdi_exit = LCDI_HAS_DEPENDENTS
    tag: str
    parents: tuple[str, ...]


class NotStored(Message, number=110087):
    """A change to the engine's records was refused because it does not match what is there."""

    template = "The change does not match what is stored: {why}"
    action = "See 'lvmkit status'. Nothing was changed."
    lcdi_exit = LCDI_NO_OBJECT
    why: str


class ActionFailed(Message, number=110088):
    """An action script ended with an error."""

    template = "{action_name} of {tag} failed ({status})"
    action = "The script's own messages say why."
    action_name: str
    tag: str
    status: str


class ActionHung(Message, number=110089):
    """An action script did not end in time and was killed, or abandoned where it could not be killed."""

    template = "{action_name} of {tag} did not end within {seconds} s and was {fate}"
    action = "The script's own messages say what it waited for."
    action_name: str
    tag: str
    seconds: float
    fate: str


class RecoveryBegins(Caution, number=110090):
    """A check failed, and the resource is taken down and brought back once."""

    template = "Local recovery of {tag}: {affected} are taken out of service and brought back once."
    tag: str
    affected: tuple[str, ...]


class RecoveryFailed(Message, number=110091):
    """The one attempt of local recovery did not help; the resource stays out of service as failed."""

    template = "Local recovery of {tag} failed: {why}"
    action = "Fix the cause, then bring the resource in service with 'lvmkit in-service {tag}'."
    tag: str
    why: str


class RecoveryInVain(Message, number=110324):
    """What local recovery was to help is as it was, so the same fault is not recovered from again."""

    template = "Local recovery of {tag} did not help: {fault}"
    action = "Fix the cause, then bring the resource in service with 'lvmkit in-service {tag}'."
    tag: str
    fault: str


class RecoveriesUsedUp(Message, number=110325):
    """Recovery costs the users of a service their work, so there are only so many in an hour (LVMKIT_RECOVERIES)."""

    template = "{tag} was recovered {count} times within an hour; there is no further recovery until that is over."
    action = "Find out what breaks it, then bring the resource in service with 'lvmkit in-service {tag}'."
    tag: str
    count: int


class RecoveryCannotHelp(Message, number=110326):
    """A start would be refused or would change nothing, so what still serves is not taken down for it."""

    template = "Local recovery would not help {tag}: {why}"
    action = "Fix that ('lvmkit explain' with the number says how); the next check then recovers it."
    tag: str
    why: str


class Recovered(Caution, number=110092):
    """Local recovery brought the resource back."""

    template = "Local recovery brought {tag} back in service."
    action = "The previous messages say what was broken. Find out why."
    tag: str


class StepDone(Note, number=110093):
    """Progress of a change."""

    template = "{within}{position}/{count} {step}"
    position: int
    count: int
    step: str
    within: str = ""
    """the steps that it is a part of, as in "3/4: ": one that brings something in service counts anew"""

    @property
    def depth(self) -> int:
        """How many steps it is a part of."""
        return self.within.count("/")


class DatabaseOfAnotherServer(Message, number=110094):
    """The engine's database carries another machine's ID: it was copied here, or this machine got a new ID."""

    template = (
        "The database {path} is that of another machine: it was made on {stored} (machine ID {machine}), and this is"
        " {present} ({own})."
    )
    action = (
        "If it was copied from there, move it aside and create the hierarchies here; 'lvmkit show TAG --output-format"
        " cmd' prints the commands before that. If this machine only got a new ID, write {machine} into"
        " /etc/machine-id again and restart it."
    )
    lcdi_exit = LCDI_ARGUMENT
    path: str
    stored: str
    machine: str
    present: str
    own: str


class DatabaseOfAnotherName(Message, number=110341):
    """The engine's database was made under another name, and no machine ID tells whether this machine made it.

    An older version of the kit noted the name alone.
    """

    template = "The database {path} was made on {stored}, by name alone; this host is named {present}."
    action = (
        "If this host was renamed, give it the old name until the kit has noted its machine ID: 'hostnamectl hostname"
        " {stored}', then 'lvmkit check --all', then the new name. If the database was copied from another machine,"
        " move it aside and create the hierarchies here."
    )
    lcdi_exit = LCDI_ARGUMENT
    path: str
    stored: str
    present: str


class ScriptRefused(Message, number=110095):
    """Somebody other than root could have put the action script there, or it cannot be run."""

    template = "{path} is not run: {why}"
    action = "Reinstall the kit that it belongs to, or correct owner and mode (root, 0755) of the file and its folders."
    ocf_exit = OCF_ERR_PERM
    path: str
    why: str


class ModuleUnloadable(Message, number=110330):
    """A part of the kit's own library, or of a package that it needs, is not there or does not fit the rest.

    An installation replaces the library as a whole, so this is damage: files were copied by hand, or a disk was full.
    The scripts say this themselves where nothing of the library can be loaded.
    """

    template = "A module cannot be loaded: {why}"
    action = "Install the kit again, and the packages that it needs (python3, python3-click)."
    ocf_exit = OCF_ERR_INSTALLED
    why: str


class Unexpected(Message, number=110099):
    """The kit met a case that it does not handle. This is a fault in the kit."""

    template = "Unexpected: {kind}: {why}"
    action = "Report it, with the trace from the log."
    lcdi_exit = LCDI_INTERNAL
    kind: str
    why: str


def unexpected(error: Exception) -> Message:
    """What is said of an exception that nobody expected."""
    if isinstance(error, ImportError):
        return ModuleUnloadable(str(error))
    return Unexpected(type(error).__name__, str(error))


class AlertNotSent(Caution, number=110503):
    """The alert agent was not started. What it was to tell of has been done, or has failed, all the same."""

    template = "The alert agent {agent} was not told: {why}"
    action = "Correct LVMKIT_ALERT_AGENT in /etc/default/lvmkit: a program that only root can change."
    agent: str
    why: str

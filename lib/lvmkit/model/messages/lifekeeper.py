"""Messages about LifeKeeper's core and its LCDI commands: 110400-110419.

What a command says itself is a fact of the message; only its exit code decides which message it is (LCDI manual pages,
section "exit codes").
"""

from __future__ import annotations

from lvmkit.model.messages import (
    LCDI_ARGUMENT,
    LCDI_EXISTS,
    LCDI_HAS_DEPENDENTS,
    LCDI_INTERNAL,
    LCDI_NO_COMMUNICATION,
    LCDI_NO_OBJECT,
    LCDI_RANGE,
    LCDI_SYNTAX,
    Caution,
    Message,
)


class NoCoreHere(Message, number=110400):
    """The engine is to be LifeKeeper, and its commands are not where LKROOT says, or are the kit's own."""

    template = "There is no core of LifeKeeper below {lkroot}: {why}"
    action = (
        "Set LKROOT in /etc/default/LifeKeeper to where LifeKeeper is, or LVMKIT_ENGINE to the engine that is used."
    )
    lkroot: str
    why: str


class CoreSystemError(Message, number=110401):
    """A command of LifeKeeper met an error of the system, such as a full disk (exit code 1)."""

    template = "LifeKeeper's '{command}' failed: {why}"
    action = "See /var/log/lifekeeper.log, and that LifeKeeper is running ('lcdstatus -q')."
    command: str
    why: str


class CoreSyntaxError(Message, number=110402):
    """A command of LifeKeeper does not take the options that the kit gave it (exit code 2)."""

    template = "LifeKeeper's '{command}' is not understood: {why}"
    action = (
        "This version of LifeKeeper is called differently. Report it, with what the command prints without options."
    )
    lcdi_exit = LCDI_SYNTAX
    command: str
    why: str


class CoreInternalError(Message, number=110403):
    """LifeKeeper met an error within itself (exit code 3)."""

    template = "LifeKeeper failed within '{command}': {why}"
    action = (
        "See /var/log/lifekeeper.log; a restart of LifeKeeper ('lkstop -f', then 'lkstart') keeps resources running."
    )
    lcdi_exit = LCDI_INTERNAL
    command: str
    why: str


class CoreHasIt(Message, number=110404):
    """What a command of LifeKeeper was to make is there already (exit code 4): somebody else has made it meanwhile."""

    template = "LifeKeeper refuses '{command}', as it is there already: {why}"
    action = "See 'lvmkit status', and try again."
    lcdi_exit = LCDI_EXISTS
    command: str
    why: str


class CoreArgumentRefused(Message, number=110405):
    """LifeKeeper does not take a value that the kit gave it (exit code 5)."""

    template = "LifeKeeper refuses a value in '{command}': {why}"
    action = "Names of tags and servers are LifeKeeper's: see its manual for what they may contain."
    lcdi_exit = LCDI_ARGUMENT
    command: str
    why: str


class CoreRangeExceeded(Message, number=110406):
    """A number is too large for LifeKeeper (exit code 6)."""

    template = "A number in '{command}' is outside of what LifeKeeper knows: {why}"
    action = "Give a priority from 1 to 999."
    lcdi_exit = LCDI_RANGE
    command: str
    why: str


class CoreHasNone(Message, number=110407):
    """What a command of LifeKeeper is about is not there (exit code 7): somebody else has removed it meanwhile."""

    template = "LifeKeeper refuses '{command}', as there is no such object: {why}"
    action = "See 'lvmkit status', and try again."
    lcdi_exit = LCDI_NO_OBJECT
    command: str
    why: str


class CoreKeepsRequired(Message, number=110408):
    """An instance was to be removed that another one requires (exit code 8)."""

    template = "LifeKeeper refuses '{command}', as something requires it: {why}"
    action = "See 'lvmkit status' for what stands on it, and remove that first."
    lcdi_exit = LCDI_HAS_DEPENDENTS
    command: str
    why: str


class CoreUnreachable(Message, number=110409):
    """LifeKeeper has no communication with the server that a command is about (exit code 9): nothing is known of it."""

    template = "LifeKeeper does not reach {server} for '{command}': {why}"
    action = "See 'lcdstatus' for the communication paths. What must be done there can be done when it is back."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    command: str
    why: str


class CoreEnded(Message, number=110410):
    """A command of LifeKeeper ended with a signal, or with a code that no manual page has."""

    template = "LifeKeeper's '{command}' ended with {status}: {why}"
    action = "See /var/log/lifekeeper.log and the kernel's log."
    lcdi_exit = LCDI_INTERNAL
    command: str
    status: str
    why: str


class CoreGarbled(Message, number=110411):
    """What a command of LifeKeeper printed is not whole, or has a form that the kit does not know."""

    template = "The answer of LifeKeeper's '{command}' cannot be understood: {why}"
    action = "Run the command by hand. If it is whole, report it with the version of LifeKeeper; nothing was changed."
    lcdi_exit = LCDI_INTERNAL
    command: str
    why: str


class ChangeHalfMade(Message, number=110412):
    """LifeKeeper took a part of a change and refused the rest, and that part could not be taken back."""

    template = (
        "LifeKeeper's records have a part of a change that failed, about {tags}, and taking it back failed: {why}"
    )
    action = "Fix the reported problem; the next lvmkit command that changes something then takes it back."
    lcdi_exit = LCDI_INTERNAL
    tags: tuple[str, ...]
    why: str


class FencingUntold(Caution, number=110413):
    """LifeKeeper calls a server dead when it no longer hears of it, and does not say whether it has been fenced."""

    template = "LifeKeeper does not say whether a dead server was fenced, so nobody takes its volume groups over."
    action = (
        "Where LifeKeeper fences servers before it starts anything elsewhere (SCSI reservations, STONITH, quorum with"
        " power-off), set LVMKIT_CORE_FENCES=yes in /etc/default/lvmkit on every server."
    )


class CoreLockNotGot(Message, number=110414):
    """LifeKeeper's own admin lock was not to be had: a create, extend or delete is under way on some server."""

    template = "LifeKeeper's admin lock was not got within {seconds} s, for {purpose}: {why}"
    action = "Wait until the other work is done; 'flg_list' shows whose it is (!action!<process>!<time>!<server>)."
    lcdi_exit = LCDI_EXISTS
    purpose: str
    seconds: float
    why: str


class StaysOnDeadServer(Message, number=110415):
    """What is to be removed is also on a server that LifeKeeper does not reach, where it would stay."""

    template = "{tag} is also on {servers}, which LifeKeeper does not reach; it would stay there."
    action = "Try again when that server is back, or take it out of LifeKeeper's configuration first."
    lcdi_exit = LCDI_NO_COMMUNICATION
    tag: str
    servers: tuple[str, ...]

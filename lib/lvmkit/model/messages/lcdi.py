"""Messages of LifeKeeper's commands (LCDI): 110380-110399."""

from __future__ import annotations

from lvmkit.model.messages import (
    LCDI_ARGUMENT,
    LCDI_EXISTS,
    LCDI_NO_COMMUNICATION,
    LCDI_NO_OBJECT,
    Caution,
    Message,
)


class NoCommunication(Message, number=110380):
    """The server named with -d is not one that the engine knows, so nobody can be asked there."""

    template = "There is no communication with {server}: it is not a server of this cluster."
    action = "'sys_list' prints the servers."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str


class NoSuchObject(Message, number=110381):
    """A command is about something that is not there."""

    template = "There is no {kind} {name} on {server}."
    action = "The command that lists objects of this kind ({lister}) shows what there is."
    lcdi_exit = LCDI_NO_OBJECT
    kind: str
    name: str
    server: str
    lister: str


class ObjectExists(Message, number=110382):
    """What was to be created is there already."""

    template = "{kind} {name} exists already on {server}."
    action = "None where this is what is wanted."
    lcdi_exit = LCDI_EXISTS
    kind: str
    name: str
    server: str


class StateIsEngines(Message, number=110383):
    """A state was to be set, and this engine takes states from its own actions and monitors only."""

    template = "{tag} is {present}; this engine keeps states itself, so it cannot be set to {wanted}."
    action = "Bring the resource in service or out of service: 'perform_action -t {tag} -a restore' or '-a remove'."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    present: str
    wanted: str


class OptionIdle(Caution, number=110384):
    """The option is one of LifeKeeper's, but what it does is not documented in public, so nothing is done for it."""

    template = "Option -{letter} of {command} has no effect here."
    action = "Check that the script does not rely on it; docs/lcdi.md says what each command does."
    command: str
    letter: str


class NoArgumentsForMove(Message, number=110385):
    """The engine runs the scripts of a move by itself, and passes them tag and ID only."""

    template = "{action_name} takes no further arguments: {words}."
    action = "Leave out what follows '--'. What a script needs to know can be kept in the info field ('ins_setinfo')."
    lcdi_exit = LCDI_ARGUMENT
    action_name: str
    words: tuple[str, ...]


class NoScript(Message, number=110386):
    """The resource type has no script for this action, and neither has its application."""

    template = "Resource type {type} of application {app} has no action {action_name}."
    action = "Look at $LKROOT/subsys/{app}/resources/{type}/actions."
    lcdi_exit = LCDI_NO_OBJECT
    app: str
    type: str
    action_name: str


class StandsInTheWay(Message, number=110387):
    """A resource was to go out of service alone, but others that require it are in service."""

    template = "{tag} cannot go out of service alone: {parents} are in service and require it."
    action = "Leave out -s, then they go out of service first."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    parents: tuple[str, ...]


class FlagEndsElsewhere(Message, number=110388):
    """A volatile flag ends with the boot of its server, and only that server knows its boot."""

    template = "{flag} cannot be set on {server} from here: it is to end with the boot of that server."
    action = "Run 'flg_create' on that server ('lcdremexec -d {server} -- flg_create -f {flag}')."
    lcdi_exit = LCDI_ARGUMENT
    flag: str
    server: str


class WouldLoop(Message, number=110389):
    """A dependency was asked for that would make a resource require itself."""

    template = "{parent} cannot require {child}, which requires {parent}."
    action = "'dep_list -C {child}' shows what it requires."
    lcdi_exit = LCDI_ARGUMENT
    parent: str
    child: str


class EquivalencyFixed(Message, number=110390):
    """With this engine a tag is the same resource on every server that has it, so they cannot be made unequal."""

    template = "{tag} is the same resource on {server} and {other} as long as both have it."
    action = "Remove it from one of them: 'ins_remove -d {other} -t {tag}', or 'lvmkit unextend {tag} --from {other}'."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    server: str
    other: str


class NoPlaceForPriority(Message, number=110391):
    """With this engine a priority is that of a volume group, and the resource stands on none."""

    template = "{tag} stands on no volume group, so it has no priority of its own."
    action = "Leave out -p and -r; the cluster's own configuration decides where it runs."
    lcdi_exit = LCDI_ARGUMENT
    tag: str


class ProgramNotOffered(Message, number=110392):
    """One server has another one run only programs of kits, below LKROOT, that nobody but root could have changed."""

    template = "{program} is not run: {why}."
    action = "Name a program below $LKROOT/bin, $LKROOT/lkadm or $LKROOT/subsys, or run it by ssh."
    lcdi_exit = LCDI_ARGUMENT
    program: str
    why: str


class EventReported(Message, number=110393):
    """A monitor, such as a quickCheck, reports that a resource is bad."""

    template = "{monitor} reports {event} of {tag}."
    action = "Look at what the monitor said before."
    monitor: str
    event: str
    tag: str


class RecoveryElsewhere(Caution, number=110394):
    """Something else changes the hierarchy at this moment: a recovery that has begun, or an administrator's command."""

    template = "{event} of {tag} is left to what is at work now: {holder}."
    action = "None: the next check sees it where it is still so."
    event: str
    tag: str
    holder: str


class NotInCharge(Message, number=110395):
    """The cluster does not have the resource in service on this server, or leaves it alone at this moment."""

    template = "{tag} is not the cluster's to recover on {server} now, so {event} is not reported."
    action = "See 'lvmkit status {tag}'."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    server: str
    event: str


class RecoveryProgramFailed(Caution, number=110396):
    """A kit's own program for the recovery from an event ended with an error; the engine recovers then."""

    template = "{path} did not recover {tag}: {why}"
    action = "The program's own messages say why."
    path: str
    tag: str
    why: str


class LockfileTaken(Message, number=110397):
    """The lock file belongs to a caller that still has the lock."""

    template = "{path} is in use by process {pid}."
    action = "Wait until it is done, or choose another lock file."
    lcdi_exit = LCDI_EXISTS
    path: str
    pid: int


class NoLockHeld(Message, number=110398):
    """The lock file names no lock that is held."""

    template = "No lock is held by way of {path}: {why}."
    action = "None where its holder has ended: the lock went with it."
    lcdi_exit = LCDI_NO_OBJECT
    path: str
    why: str

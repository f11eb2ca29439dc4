"""Messages about the Pacemaker adapter: 110150-110179."""

from __future__ import annotations

from lvmkit.model.messages import (
    LCDI_ARGUMENT,
    LCDI_EXISTS,
    LCDI_HAS_DEPENDENTS,
    LCDI_INTERNAL,
    LCDI_NO_COMMUNICATION,
    LCDI_NO_OBJECT,
    LCDI_RANGE,
    OCF_ERR_CONFIGURED,
    Caution,
    Message,
    Note,
)


class ClusterUnreachable(Message, number=110150):
    """Pacemaker does not run on this server, or does not answer."""

    template = "Pacemaker cannot be asked: {why}"
    action = "Start the cluster on this server, then try again. Nothing was changed."
    lcdi_exit = LCDI_NO_COMMUNICATION
    why: str


class ToolFailed(Message, number=110151):
    """One of Pacemaker's tools ended with an error."""

    template = "{command} failed with {status}: {why}"
    action = "'crm_error --exit {status}' names the code; Pacemaker's own log says more."
    command: str
    status: int
    why: str


class ToolGarbled(Message, number=110152):
    """One of Pacemaker's tools did not answer in the XML that is documented for it."""

    template = "The answer of {command} cannot be read: {why}"
    action = "Run it by hand to see whether it was interrupted, or is of a release that this kit does not know."
    lcdi_exit = LCDI_INTERNAL
    command: str
    why: str


class ConfigurationRefused(Message, number=110153):
    """With the change, crm_verify finds faults in the configuration that it did not find without it."""

    template = "Pacemaker would not accept the change: {faults}"
    action = "Nothing was changed. Report it with the output of 'cibadmin --query'."
    lcdi_exit = LCDI_INTERNAL
    ocf_exit = OCF_ERR_CONFIGURED
    faults: tuple[str, ...]


class ConfigurationKeepsChanging(Message, number=110154):
    """Each time, somebody changed the cluster's configuration or state after it was read and before it was written."""

    template = "The cluster information base changed during each of {attempts} attempts."
    action = "Wait until the cluster is quiet ('crm_resource --wait'), then try again. Nothing was changed."
    lcdi_exit = LCDI_EXISTS
    attempts: int


class UnknownServer(Message, number=110155):
    """The cluster has no such server."""

    template = "{server} is not a server of this cluster; it has {servers}."
    action = "Use a name as 'crm_node --list' prints it."
    lcdi_exit = LCDI_NO_OBJECT
    server: str
    servers: tuple[str, ...]


class NoAgent(Message, number=110156):
    """The resource type, or a link between these types, has no counterpart in Pacemaker."""

    template = "{what} cannot be expressed in Pacemaker."
    action = "Configure it with the cluster's own tools and constraints; this kit leaves those alone."
    lcdi_exit = LCDI_ARGUMENT
    ocf_exit = OCF_ERR_CONFIGURED
    what: str


class UsedByOthers(Message, number=110157):
    """The resource is to be removed, but something in the cluster's configuration that is not ours names it."""

    template = "{tag} is named by {others} in the cluster's configuration."
    action = "First remove these with the tool that made them; this kit never touches them."
    lcdi_exit = LCDI_HAS_DEPENDENTS
    tag: str
    others: tuple[str, ...]


class NotSettled(Message, number=110158):
    """The cluster was still working when the time was up."""

    template = "The cluster did not finish within {seconds} s: {what}"
    action = "It goes on by itself. 'crm_mon -1' shows what it is waiting for, often for fencing that does not succeed."
    seconds: float
    what: str


class ServerUnfit(Message, number=110159):
    """The server cannot take a resource at the moment."""

    template = "{server} cannot take {tag}: {why}"
    action = "Bring the server into the cluster (or out of standby or maintenance), then try again."
    lcdi_exit = LCDI_ARGUMENT
    server: str
    tag: str
    why: str


class NoQuorum(Message, number=110160):
    """This part of the cluster does not have the majority, so Pacemaker starts nothing in it."""

    template = "The cluster has no quorum (policy: {policy})."
    action = "Bring up more servers, or repair the network between them."
    policy: str


class FencingOff(Caution, number=110161):
    """Without fencing, a server that only seems dead may go on writing to the disks."""

    template = "Fencing is off (stonith-enabled=false): data can be damaged when a server hangs or the network breaks."
    action = "Configure a fencing device and set stonith-enabled to true."


class MaintenanceMode(Caution, number=110162):
    """The whole cluster is in maintenance mode: it starts, stops and watches nothing."""

    template = "The cluster is in maintenance mode: nothing is started, stopped or watched."
    action = "End it with 'crm_attribute --type crm_config --name maintenance-mode --delete'."


class FailedOnServer(Message, number=110163):
    """The cluster tried and failed; this is the reason that the agent gave."""

    template = "{tag} failed on {server}: {why}"
    action = "Fix the cause, then bring the resource in service again."
    tag: str
    server: str
    why: str


class LockHeldElsewhere(Message, number=110164):
    """Another server of the cluster is carrying out a create, extend, delete, reconfigure or move."""

    template = "The cluster's admin lock is held by {server} ({purpose}); waited {seconds} s."
    action = (
        "Wait until it is done. If the kit no longer runs there, any change with lvmkit on {server} frees the lock."
    )
    lcdi_exit = LCDI_EXISTS
    server: str
    purpose: str
    seconds: float


class LockTakenOver(Caution, number=110165):
    """The process or server that held the admin lock is gone."""

    template = "The admin lock that {server} held ({purpose}) is taken over: its holder is gone."
    action = "See 'lvmkit status': that work may be half done."
    server: str
    purpose: str


class LastServer(Message, number=110166):
    """A hierarchy must keep at least one server; to end its protection, it is deleted."""

    template = "{server} is the only server of {tag}."
    action = "Delete the hierarchy if it is no longer to be protected."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    server: str


class NotExtended(Message, number=110167):
    """The hierarchy is not extended to the server."""

    template = "{tag} is not extended to {server}."
    action = "Extend it there first."
    lcdi_exit = LCDI_NO_OBJECT
    tag: str
    server: str


class PriorityInvalid(Message, number=110168):
    """Priorities are whole numbers from 1 (the highest) to 999, and no two servers of a hierarchy have the same."""

    template = "{priority} cannot be the priority of {tag} on {server}."
    action = "Choose a number from 1 to 999 that no other server of the hierarchy has."
    lcdi_exit = LCDI_RANGE
    tag: str
    server: str
    priority: int


class StillInService(Message, number=110169):
    """The resource is in service on the server that was to lose it."""

    template = "{tag} is in service on {server}."
    action = "Bring it in service on another server first, or take it out of service."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    server: str


class Started(Note, number=110170):
    """Progress: the cluster has brought a resource in service, or taken it out."""

    template = "{tag} is {state} on {server}"
    tag: str
    state: str
    server: str


class OwnerKept(Caution, number=110171):
    """The volume group leaves the cluster's care, but its owner in LVM's metadata could not be changed."""

    template = "The owner (LVM system ID) of volume group {vg} was not changed to {owner}: {why}"
    action = (
        "On the server that has it, run 'vgchange --systemid' (lvmsystemid(7)). Until then other hosts cannot use it."
    )
    vg: str
    owner: str
    why: str

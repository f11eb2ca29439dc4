"""Messages about the OCF agents and about ownership by LVM system ID: 110130-110149."""

from __future__ import annotations

from lvmkit.model.messages import OCF_ERR_ARGS, OCF_ERR_CONFIGURED, OCF_ERR_UNIMPLEMENTED, Caution, Message, Note


class ParameterMissing(Message, number=110130):
    """A required parameter of an OCF resource is not set."""

    template = "Parameter {parameter} is not set."
    action = "Set it in the resource's definition."
    ocf_exit = OCF_ERR_CONFIGURED
    parameter: str


class ParameterInvalid(Message, number=110131):
    """A parameter of an OCF resource has a value that no server could accept."""

    template = "Parameter {parameter} is '{given}', which is not {wanted}."
    action = "Correct it in the resource's definition."
    ocf_exit = OCF_ERR_CONFIGURED
    parameter: str
    given: str
    wanted: str


class ActionUnknown(Message, number=110132):
    """An OCF agent was called with an action that it does not have. Pacemaker tries some to find out."""

    template = "'{given}' is not an action of this agent; it has {known}."
    action = "Call it with one of these."
    ocf_exit = OCF_ERR_UNIMPLEMENTED
    given: str
    known: tuple[str, ...]


class UpWithoutRecord(Caution, number=110133):
    """A probe found the resource up and well although no start brought it up: somebody, or the boot, activated it."""

    template = "{what} is up without a record of its start; only the next start can tell whether all of it is up."
    action = "Find out who activated it. A start does no harm: it reads LVM's metadata and writes the record."
    what: str


class OwnerActive(Message, number=110134):
    """The volume group belongs to another node that may still write to it."""

    template = "Volume group {vg} belongs to node '{owner}', which may still use it: {why}."
    action = (
        "Let the cluster stop the resource on '{owner}', or fence it; then the start succeeds. The volume group was not"
        " touched."
    )
    vg: str
    owner: str
    why: str


class OwnerUnknown(Message, number=110135):
    """The volume group belongs to a host that is no node of this cluster, so nobody knows whether it is in use."""

    template = "Volume group {vg} belongs to host '{owner}', which is not a node of this cluster."
    action = "Make sure that '{owner}' no longer uses it, then change the owner by hand; see lvmsystemid(7)."
    vg: str
    owner: str


class OwnerChanged(Note, number=110136):
    """The start wrote this node's name as the owner into the metadata of the volume group, and read it back."""

    template = "Volume group {vg} now belongs to node '{owner}'; the owner before was '{before}'."
    vg: str
    owner: str
    before: str


class OwnerNotWritten(Message, number=110137):
    """The owner was written without an error, but the metadata read back names another one."""

    template = "Volume group {vg} should belong to node '{owner}' now, but its metadata says '{found}'."
    action = "Another host may be writing to these disks: find out which one before anything is started."
    vg: str
    owner: str
    found: str


class NodeNameUnusable(Message, number=110138):
    """The node's name cannot be a system ID: LVM drops some characters, so two nodes could end up with the same ID."""

    template = "The node name '{node}' cannot be a system ID of LVM."
    action = "Rename the node (letters, digits and '+_.-', not beginning with 'localhost'), or use ownership=none."
    ocf_exit = OCF_ERR_ARGS
    node: str

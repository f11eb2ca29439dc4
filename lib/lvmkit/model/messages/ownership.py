"""Messages about the OCF agents and about ownership by LVM system ID: 110130-110149."""

from __future__ import annotations

from lvmkit.model.messages import INFO, OCF_ERR_ARGS, OCF_ERR_CONFIGURED, OCF_ERR_UNIMPLEMENTED, WARN, Message


class ParameterMissing(Message):
    """A required parameter of an OCF resource is not set."""

    number = 110130
    template = "Parameter {parameter} is not set."
    action = "Set it in the resource's definition."
    ocf_exit = OCF_ERR_CONFIGURED
    parameter: str


class ParameterInvalid(Message):
    """A parameter of an OCF resource has a value that no server could accept."""

    number = 110131
    template = "Parameter {parameter} is '{given}', which is not {wanted}."
    action = "Correct it in the resource's definition."
    ocf_exit = OCF_ERR_CONFIGURED
    parameter: str
    given: str
    wanted: str


class ActionUnknown(Message):
    """An OCF agent was called with an action that it does not have. Pacemaker tries some to find out."""

    number = 110132
    template = "'{given}' is not an action of this agent; it has {known}."
    action = "Call it with one of these."
    ocf_exit = OCF_ERR_UNIMPLEMENTED
    given: str
    known: tuple[str, ...]


class UpWithoutRecord(Message):
    """A probe found the resource up and well although no start brought it up: somebody, or the boot, activated it."""

    number = 110133
    level = WARN
    template = "{what} is up without a record of its start; only the next start can tell whether all of it is up."
    action = "Find out who activated it. A start does no harm: it reads LVM's metadata and writes the record."
    script_exit = lcdi_exit = ocf_exit = 0
    what: str


class OwnerActive(Message):
    """The volume group belongs to another node that may still write to it."""

    number = 110134
    template = "Volume group {vg} belongs to node '{owner}', which may still use it: {why}."
    action = (
        "Let the cluster stop the resource on '{owner}', or fence it; then the start succeeds. The volume group was not"
        " touched."
    )
    vg: str
    owner: str
    why: str


class OwnerUnknown(Message):
    """The volume group belongs to a host that is no node of this cluster, so nobody knows whether it is in use."""

    number = 110135
    template = "Volume group {vg} belongs to host '{owner}', which is not a node of this cluster."
    action = "Make sure that '{owner}' no longer uses it, then change the owner by hand; see lvmsystemid(7)."
    vg: str
    owner: str


class OwnerChanged(Message):
    """The start wrote this node's name as the owner into the metadata of the volume group, and read it back."""

    number = 110136
    level = INFO
    template = "Volume group {vg} now belongs to node '{owner}'; the owner before was '{before}'."
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    owner: str
    before: str


class OwnerNotWritten(Message):
    """The owner was written without an error, but the metadata read back names another one."""

    number = 110137
    template = "Volume group {vg} should belong to node '{owner}' now, but its metadata says '{found}'."
    action = "Another host may be writing to these disks: find out which one before anything is started."
    vg: str
    owner: str
    found: str


class NodeNameUnusable(Message):
    """The node's name cannot be a system ID: LVM drops some characters, so two nodes could end up with the same ID."""

    number = 110138
    template = "The node name '{node}' cannot be a system ID of LVM."
    action = "Rename the node (letters, digits and '+_.-', not beginning with 'localhost'), or use ownership=none."
    ocf_exit = OCF_ERR_ARGS
    node: str

"""Messages of show and status, and of what is looked at before a move: 110230-110239, 110300-110309."""

from __future__ import annotations

from lvmkit.model.messages import INFO, LCDI_ARGUMENT, WARN, Message


class NotRecreatable(Message):
    """lvmkit create protects file systems and logical volumes; what is below them is made with them."""

    number = 110230
    template = "No command of lvmkit makes {tag}, a {kind}, by itself, and no file system or volume stands on it."
    action = "The kit's own lkadm/subsys/scsi/lvmvg/bin/create can make it."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    kind: str


class TagChosenAnew(Message):
    """Below what is created the kit chooses the tags, from the names; this one was given or changed by a hand."""

    number = 110231
    level = WARN
    template = "The commands cannot give the tag {tag}: {resource} will be called {chosen}."
    action = "Look the tags up with 'lvmkit status' afterwards."
    script_exit = lcdi_exit = ocf_exit = 0
    tag: str
    resource: str
    chosen: str


class MeantFor(Message):
    """A hierarchy is created on the server where its storage is in use, and gets the highest priority there."""

    number = 110232
    level = INFO
    template = "These commands are for {server}, with the file systems mounted there."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str


class BystandersUnknown(Message):
    """A volume group is to be stopped on another server, which did not say whether somebody else uses its volumes.

    A mount that nobody protects, swap, a loop device or a nested volume group there makes the stop fail.
    """

    number = 110233
    level = WARN
    template = "{server} was not looked at for other users of the volumes that it is to let go: {why}"
    action = (
        "If there are any, the stop fails, and the cluster fences {server}. For the next time: 'ssh -o BatchMode=yes"
        " {server} true' must work as root, and the same version of the kit be installed there."
    )
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    why: str


class NothingProtected(Message):
    """Nothing was put under protection yet, or all protection was ended."""

    number = 110300
    level = INFO
    template = "Nothing is protected."
    action = (
        "Mount a file system that is on a logical volume, then see what 'lvmkit create MOUNTPOINT --dry-run' would do,"
        " and do it without --dry-run."
    )
    script_exit = lcdi_exit = ocf_exit = 0

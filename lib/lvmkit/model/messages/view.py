"""Messages about show, status, metrics, and about what is looked at before a move.

110230-110239, 110300-110309, 110333, 110455, 110502.
"""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, Caution, Message, Note


class NotRecreatable(Message, number=110230):
    """lvmkit create protects file systems and logical volumes, and with them all that is below."""

    template = "No command of lvmkit makes {tag}, a {kind}, on its own, and no file system or volume stands on it."
    action = "The script lkadm/subsys/scsi/lvmvg/bin/create can make it."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    kind: str


class TagChosenAnew(Caution, number=110231):
    """Below the root, the kit makes the tags from the names; this tag was chosen or changed by hand."""

    template = "The commands cannot give the tag {tag}; {resource} will be named {chosen}."
    action = "Look up the tags with 'lvmkit status' afterwards."
    tag: str
    resource: str
    chosen: str


class MeantFor(Note, number=110232):
    """A hierarchy is created on the server where its storage is in use, and gets the highest priority there."""

    template = "These commands are for {server}, with the file systems mounted there."
    server: str


class BystandersUnknown(Caution, number=110233):
    """Another server is to stop a volume group, and did not say whether its volumes have other users.

    A mount that nobody protects, swap, a loop device or a nested volume group there makes the stop fail.
    """

    template = "Whether the volumes that {server} is to let go have other users there is not known: {why}"
    action = (
        "If they have, the stop fails and the cluster fences {server}. For the next time, make 'ssh -o BatchMode=yes"
        " {server} true' work as root, and install the same version of the kit there."
    )
    server: str
    why: str


class NothingProtected(Note, number=110300):
    """Nothing was put under protection yet, or all protection was ended."""

    template = "Nothing is protected."
    action = (
        "Mount a file system that is on a logical volume, then see what 'lvmkit create MOUNTPOINT --dry-run' would do,"
        " and do it without --dry-run."
    )


class DisksThereUnknown(Caution, number=110333):
    """Volume groups are to move to another server, which did not say whether it sees their disks."""

    template = "Whether {server} can start {tags} with the disks that it sees is not known: {why}"
    action = (
        "If it cannot, it stays out of service there and comes back here, if it can. For the next time, make 'ssh -o"
        " BatchMode=yes {server} true' work as root, and install the same version of the kit there."
    )
    server: str
    tags: tuple[str, ...]
    why: str


class MetricsNotWritten(Message, number=110502):
    """The file for node_exporter's textfile collector could not be replaced; what it has was true before."""

    template = "The metrics cannot be written ({path}): {why}."
    action = "Make the folder that LVMKIT_METRICS in /etc/default/lvmkit names, the one that node_exporter reads."
    path: str
    why: str


class PartUnknown(Caution, number=110455):
    """Each server's journal has its own part of a move, and this one's could not be read: it is not in the timeline."""

    template = "What {server} did is not known: {why}"
    action = "When that server answers, 'lvmkit timeline' shows its part, too, or run it there."
    server: str
    why: str

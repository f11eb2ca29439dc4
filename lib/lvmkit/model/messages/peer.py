"""Messages between the kits on different servers: 110270-110279."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, LCDI_NO_COMMUNICATION, Message, Note


class RequestRefused(Message, number=110270):
    """What the kit on another server sent is no request that this version knows, or a name in it cannot be one."""

    template = "The request is refused: {why}."
    action = "Install the same version of the kit on both servers. lvmkit-peer is for the kit itself, not for people."
    lcdi_exit = LCDI_ARGUMENT
    why: str


class ProtocolDiffers(Message, number=110271):
    """The kits on the two servers are of versions that do not understand each other."""

    template = "Version {version} of the kit on {server} speaks protocol {there}; this server's version speaks {here}."
    action = "Install the same version of the kit on both servers."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    version: str
    there: int
    here: int


class AnsweredByItself(Message, number=110272):
    """Another server was to be asked, and the kernel that answered is the one of this server."""

    template = "The name {server} leads to this server itself."
    action = (
        "Correct the address of {server}: see 'getent hosts {server}' and root's ssh configuration (ssh_config(5))."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str


class NotThatServer(Message, number=110273):
    """The name by which another server was reached is not its name in the cluster; it did nothing."""

    template = "{asked} was to be reached, and the server that answered is {here} in the cluster."
    action = "Correct the address of {asked}: see 'getent hosts {asked}' and root's ssh configuration (ssh_config(5))."
    lcdi_exit = LCDI_NO_COMMUNICATION
    asked: str
    here: str


class OrderedBy(Note, number=110274):
    """Who had this server do what follows in the log."""

    template = "The kit on {asker} orders: {work}."
    asker: str
    work: str

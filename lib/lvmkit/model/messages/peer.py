"""Messages between the kits on different servers: 110270-110279."""

from __future__ import annotations

from lvmkit.model.messages import INFO, LCDI_ARGUMENT, LCDI_NO_COMMUNICATION, Message


class RequestRefused(Message):
    """What the kit on another server sent is no request that this version knows, or a name in it cannot be one."""

    number = 110270
    template = "The request is refused: {why}."
    action = "Install the same version of the kit on both servers. lvmkit-peer is for the kit itself, not for people."
    lcdi_exit = LCDI_ARGUMENT
    why: str


class ProtocolDiffers(Message):
    """The kits on the two servers are of versions that do not understand each other."""

    number = 110271
    template = "Version {version} of the kit on {server} speaks protocol {there}; this server's version speaks {here}."
    action = "Install the same version of the kit on both servers."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str
    version: str
    there: int
    here: int


class AnsweredByItself(Message):
    """Another server was to be asked, and the kernel that answered is the one of this server."""

    number = 110272
    template = "The name {server} leads to this server itself."
    action = (
        "Correct the address of {server}: see 'getent hosts {server}' and root's ssh configuration (ssh_config(5))."
    )
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str


class NotThatServer(Message):
    """The name by which another server was reached is not its name in the cluster; it did nothing."""

    number = 110273
    template = "{asked} was to be reached, and the server that answered is {here} in the cluster."
    action = "Correct the address of {asked}: see 'getent hosts {asked}' and root's ssh configuration (ssh_config(5))."
    lcdi_exit = LCDI_NO_COMMUNICATION
    asked: str
    here: str


class OrderedBy(Message):
    """Who had this server do what follows in the log."""

    number = 110274
    level = INFO
    template = "The kit on {asker} orders: {work}."
    script_exit = lcdi_exit = ocf_exit = 0
    asker: str
    work: str

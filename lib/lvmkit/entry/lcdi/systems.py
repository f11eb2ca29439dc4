"""The commands about servers."""

from __future__ import annotations

from lvmkit.entry.lcdi.description import DEST, LcdiCommand, LcdiReply, Option
from lvmkit.model import names
from lvmkit.model.messages import LCDI_NO_COMMUNICATION, LCDI_NO_OBJECT, Failure
from lvmkit.model.messages.lcdi import NoSuchObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call

ALIVE, DEAD = "ALIVE", "DEAD"


def sys_list(call: Call) -> LcdiReply:
    """All servers, this one among them, as the meant one knows them."""
    servers = call.port.servers()
    if call.has("d"):
        call.refuse_unknown(servers)
    return LcdiReply(tuple(server.name for server in servers))


def sys_getstate(call: Call) -> LcdiReply:
    """The state of a server. Raises Failure (110381) for one that there is not."""
    wanted = call.get("s") or call.server
    for server in call.port.servers():
        if server.name == wanted:
            return LcdiReply((ALIVE if server.online else DEAD,))
    raise Failure(NoSuchObject("system", wanted, call.server, "sys_list"))


def lcduname(call: Call) -> LcdiReply:
    """The name of this server."""
    return LcdiReply((call.port.local_server(),))


def lcdsync(call: Call) -> LcdiReply:
    """Succeed where the server is known: every command stores what it does before it ends."""
    _ = call.server
    return LcdiReply()


COMMANDS = (
    LcdiCommand("sys_list", "list the servers", (DEST,), sys_list, record=("system",), exits=(LCDI_NO_COMMUNICATION,)),
    LcdiCommand(
        "sys_getstate",
        "print whether a server is ALIVE or DEAD",
        (DEST, Option("s", "sys", "the server; this one where it is not given", fits=names.is_server_name)),
        sys_getstate,
        record=("state",),
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
    ),
    LcdiCommand(
        "lcdsync",
        "see that what was stored is on disk",
        (DEST,),
        lcdsync,
        exits=(LCDI_NO_COMMUNICATION,),
        notes=("There is nothing left to do: every command has stored what it does when it ends.",),
    ),
    LcdiCommand("lcduname", "print the name of this server", (), lcduname, record=("system",)),
)

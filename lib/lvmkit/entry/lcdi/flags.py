"""The commands about flags."""

from __future__ import annotations

from lvmkit.entry.lcdi.description import DEST, LcdiCommand, LcdiReply, Option
from lvmkit.model.messages import LCDI_EXISTS, LCDI_NO_COMMUNICATION, LCDI_NO_OBJECT, Failure
from lvmkit.model.messages.lcdi import NoSuchObject, ObjectExists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call


def flg_list(call: Call) -> LcdiReply:
    """The flags that are on."""
    return LcdiReply(call.port.flags(call.server))


def flg_create(call: Call) -> LcdiReply:
    """Turn a flag on. Raises Failure (110382) where it is on."""
    flag = call.get("f")
    if not call.port.create_flag(flag, call.server):
        raise Failure(ObjectExists("Flag", flag, call.server))
    return LcdiReply()


def flg_remove(call: Call) -> LcdiReply:
    """Turn a flag off. Raises Failure (110381) where it is off."""
    if not call.port.remove_flag(call.get("f"), call.server):
        raise Failure(_off(call))
    return LcdiReply()


def flg_test(call: Call) -> LcdiReply:
    """Succeed where the flag is on."""
    return LcdiReply(status=0 if call.get("f") in call.port.flags(call.server) else LCDI_NO_OBJECT)


def _off(call: Call) -> NoSuchObject:
    return NoSuchObject("flag", call.get("f"), call.server, "flg_list")


_FLAG = Option("f", "flag", "the name of the flag", required=True, fits=bool)

COMMANDS = (
    LcdiCommand(
        "flg_list", "list the flags that are on", (DEST,), flg_list, record=("flag",), exits=(LCDI_NO_COMMUNICATION,)
    ),
    LcdiCommand(
        "flg_create",
        "turn a flag on",
        (DEST, _FLAG),
        flg_create,
        changes=True,
        exits=(LCDI_EXISTS, LCDI_NO_COMMUNICATION),
        notes=("A flag that begins with '!volatile!' ends with the boot.",),
    ),
    LcdiCommand(
        "flg_remove",
        "turn a flag off",
        (DEST, _FLAG),
        flg_remove,
        changes=True,
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=("What the engine has set for itself, such as a running move, only the engine turns off.",),
    ),
    LcdiCommand(
        "flg_test",
        "say by the exit code whether a flag is on",
        (DEST, _FLAG),
        flg_test,
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=("0: it is on; 7: it is off.",),
    ),
)

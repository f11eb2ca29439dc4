"""sendevent: a monitor reports that a resource is bad."""

from __future__ import annotations

import os

from lvmkit.entry.lcdi.description import LcdiCommand, LcdiReply, Option
from lvmkit.model import names
from lvmkit.model.messages import LCDI_NO_OBJECT, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call
    from lvmkit.model.instance import Instance


def sendevent(call: Call) -> LcdiReply:
    """Have what was reported recovered. Raises Failure (000019) where no resource is meant, and as the recovery."""
    from lvmkit.entry.kit import kit
    from lvmkit.resources.scripts import CHECKED_BY
    from lvmkit.workflow.event import Event, recover_from

    instance = _meant(call.get("n"), call)
    if CHECKED_BY in os.environ:
        return LcdiReply()  # whoever has this check run acts on its exit status
    event = Event(instance.tag, call.get("C"), call.get("E"), call.get("m"))
    recover_from(event, kit(call.paths, call.tell, is_patient=False))
    return LcdiReply()


def _meant(name: str, call: Call) -> Instance:
    """The resource with this tag, else with this ID. Raises Failure (ResourceNotFound, 000019)."""
    instance = call.hierarchy.by_tag(name) or call.hierarchy.by_id(name)
    if instance is None:
        from lvmkit.model.messages.guide import ResourceNotFound

        raise Failure(ResourceNotFound(f"tag or ID {name}"))
    return instance


_KEPT = "taken, and nothing is done with it"
_WITH_WORD = {
    "c": "objclass", "i": "alarmid", "t": "time", "T": "ts", "s": "sev", "a": "type", "P": "ptype", "p": "pcode",
    "d": "pdata", "x": "ptext", "S": "system", "O": "outfile",
}  # fmt: skip

COMMANDS = (
    LcdiCommand(
        "sendevent",
        "report that a resource is bad, and have it recovered",
        (
            Option("C", "class", "the class of the event", required=True, fits=names.is_vg_name),
            Option("E", "event", "the event", required=True, fits=names.is_vg_name),
            Option("m", "monitor", "who reports it", required=True, fits=bool),
            Option("n", "objname", "the tag, or else the ID, of the resource", required=True, fits=bool),
            *(Option(letter, word, _KEPT) for letter, word in _WITH_WORD.items()),
            *(Option(letter, "", _KEPT) for letter in "ozw"),
        ),
        sendevent,
        changes=True,
        exits=(LCDI_NO_OBJECT,),
        notes=(
            "First the kits' own programs are tried, $LKROOT/subsys/APP/resources/TYPE/recovery/CLASS/EVENT, with"
            " -t TAG -i ID: that of the resource, then those of what requires it. Where one of them succeeds, that is"
            " all. Else the engine recovers: the embedded one takes the resource down with all above it and brings it"
            " back, as often as LVMKIT_RECOVERIES allows; a cluster does what it does when its own monitor fails.",
            "While something else is at work on this server, a recovery above all, the event is left to that, and the"
            " exit code is 0. So it is below a quickCheck that the kit itself runs (LVMKIT_CHECK in its environment):"
            " the kit acts on the exit status of that.",
        ),
    ),
)

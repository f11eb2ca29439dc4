"""perform_action: bring in service, take out of service, or run another action script of a resource."""

from __future__ import annotations

from lvmkit.entry.lcdi.description import TAG, LcdiCommand, LcdiReply, Option, required
from lvmkit.model import names
from lvmkit.model.instance import OSF, OSU
from lvmkit.model.messages import LCDI_NO_OBJECT, Failure
from lvmkit.model.messages.lcdi import NoArgumentsForMove, NoScript, StandsInTheWay
from lvmkit.resources.scripts import REMOVE, RESTORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call


def perform_action(call: Call) -> LcdiReply:
    """Run the action. Raises Failure as in_service() and out_of_service(), and as the script's run."""
    action = call.get("a")
    instance = call.instance(call.get("t"))
    if action not in (RESTORE, REMOVE):
        return _run_script(action, call)
    if call.given.operands:
        raise Failure(NoArgumentsForMove(action, call.given.operands))
    if action == RESTORE:
        _restore(instance.tag, call)
    else:
        _remove(instance.tag, call)
    return LcdiReply()


def _restore(tag: str, call: Call) -> None:
    """The tag with what it requires; by default then what requires it, too."""
    from lvmkit.workflow.service import in_service

    in_service(tag, call.kit)
    if call.has("s") or call.has("b"):
        return
    for root in reversed(call.hierarchy.above(tag)):
        if root != tag and not call.hierarchy.parents(root):
            in_service(root, call.kit)


def _remove(tag: str, call: Call) -> None:
    """The tag after what requires it; with -s only where nothing that requires it is up."""
    from lvmkit.workflow.service import out_of_service

    hierarchy = call.hierarchy
    above = hierarchy.of_tags(parent for parent in hierarchy.above(tag) if parent != tag)
    up = tuple(parent.tag for parent in above if parent.state not in (OSU, OSF))
    if call.has("s") and up:
        raise Failure(StandsInTheWay(tag, up))
    out_of_service(tag, call.kit)


def _run_script(action: str, call: Call) -> LcdiReply:
    """Run a script that is no move, as it is: no state follows from it. Its output is ours."""
    from lvmkit.resources import scripts

    instance = call.instance(call.get("t"))
    if scripts.find(instance, action, call.paths) is None:
        raise Failure(NoScript(instance.app, instance.type, action))
    scripts.perform(instance, action, call.paths, call.kit.settings, call.given.operands, output=scripts.AS_IT_COMES)
    return LcdiReply()


COMMANDS = (
    LcdiCommand(
        "perform_action",
        "bring a resource in service, take it out of service, or run another of its action scripts",
        (
            required(TAG),
            Option("a", "action", "restore, remove, or the name of a script", required=True, fits=names.is_vg_name),
            Option("G", "", "run no global scripts; there are none here"),
            Option("s", "", "only this resource and what it requires; remove: only where nothing above it is up"),
            Option("b", "", "restore: only this resource and what it requires"),
            Option("n", "", "not documented in public", is_idle=True),
        ),
        perform_action,
        operands="argument...",
        changes=True,
        exits=(LCDI_NO_OBJECT,),
        notes=(
            "restore brings in service all that the resource requires, then the resource, then what requires it. remove"
            " takes out of service what requires the resource, then the resource. Both go through the engine: in a"
            " cluster restore moves the hierarchy to this server.",
            "Any other action is a script: $LKROOT/subsys/APP/resources/TYPE/actions/ACTION, else"
            " $LKROOT/subsys/APP/actions/ACTION. It gets -t TAG -i ID and the arguments after '--'.",
        ),
    ),
)

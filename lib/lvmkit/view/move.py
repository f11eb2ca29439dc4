"""What in-service and out-of-service answer: what is where now, and in a dry run what would run where, in order."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from lvmkit.model.instance import Instance
    from lvmkit.workflow.service import PlannedAction

_ACTIONS = ("restore", "remove")
_RESOURCE_FIELDS = {
    "tag": schema.TAG,
    "type": schema.TYPE,
    "id": schema.ID,
    "state": schema.STATE,
    "server": schema.text("Where."),
}
_PLANNED_FIELDS = {"action": schema.text("What would be done to it.", *_ACTIONS), **_RESOURCE_FIELDS}
SCHEMA = schema.answer(
    "What a move did, or would do",
    {
        "action": schema.text("What was asked for.", *_ACTIONS),
        "tag": schema.TAG,
        "dry_run": schema.DRY_RUN,
    },
    in_dry_run={"resources": schema.several(schema.record(_PLANNED_FIELDS), "The actions, in order.")},
    when_done={
        "states": schema.several(
            schema.record(_RESOURCE_FIELDS), "What the move was about, on each server that has it, as it is now."
        )
    },
)


def move_facts(action: str, tag: str, instances: Iterable[Instance]) -> dict[str, Any]:
    """action: restore or remove, what was asked for.  instances: all that it was about, read after it."""
    return {"action": action, "tag": tag, "dry_run": False, "states": list(map(_instance_facts, instances))}


def move_preview(action: str, tag: str, actions: Sequence[PlannedAction]) -> dict[str, Any]:
    """action: as move_facts().  actions: in the order in which they would run."""
    planned = [{"action": each.action, **_instance_facts(each.instance)} for each in actions]
    return {"action": action, "tag": tag, "dry_run": True, "resources": planned}


def _instance_facts(instance: Instance) -> dict[str, str]:
    i = instance
    return {"tag": i.tag, "type": i.type, "id": i.id, "state": i.state, "server": i.server}

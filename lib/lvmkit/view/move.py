"""What the dry runs of in-service and out-of-service answer: what would run where, first to last."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from lvmkit.workflow.service import PlannedAction

_ACTIONS = ("restore", "remove")
_RESOURCE_FIELDS = {
    "action": schema.text("What would be done to it.", *_ACTIONS),
    "tag": schema.TAG,
    "type": schema.TYPE,
    "id": schema.ID,
    "state": schema.STATE,
    "server": schema.text("Where."),
}
SCHEMA = schema.answer(
    "What a move would do",
    {
        "action": schema.text("What was asked for.", *_ACTIONS),
        "tag": schema.TAG,
        "dry_run": {"const": True, "description": "A move that is carried out gives no answer."},
        "resources": schema.several(schema.record(_RESOURCE_FIELDS), "The actions, in order."),
    },
)


def move_facts(action: str, tag: str, actions: Sequence[PlannedAction]) -> dict[str, Any]:
    """action: restore or remove, what was asked for.  actions: in the order in which they would run."""
    return {"action": action, "tag": tag, "dry_run": True, "resources": [_action_facts(planned) for planned in actions]}


def _action_facts(planned: PlannedAction) -> dict[str, str]:
    i = planned.instance
    return {"action": planned.action, "tag": i.tag, "type": i.type, "id": i.id, "state": i.state, "server": i.server}

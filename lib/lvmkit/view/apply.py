"""What lvmkit apply answers: what has to be done, or was done, so that what is protected agrees with a file."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.workflow.apply import Agreement

SCHEMA = schema.answer(
    "What makes what is protected agree with a file",
    {
        "applied": schema.flag("Whether it was done."),
        "nothing_to_do": schema.flag("Whether there was no difference."),
        "steps": schema.texts("What is to be done or was done, in order, in words for a reader."),
        "tags": schema.texts("The tags that the steps are about, in their order."),
        "left": schema.texts("What the file lacks and stays as it is."),
        "digest": schema.text("What --expect takes: it tells these steps from all others."),
    },
)


def agreement_facts(agreement: Agreement, *, is_applied: bool) -> dict[str, Any]:
    """is_applied: whether it was to be done."""
    return {
        "applied": is_applied and bool(agreement.actions),
        "nothing_to_do": not agreement.actions,
        "steps": [action.describe() for action in agreement.actions],
        "tags": list(dict.fromkeys(action.tag for action in agreement.actions)),
        "left": agreement.left,
        "digest": agreement.digest,
    }

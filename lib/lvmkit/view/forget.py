"""What lvmkit forget answers: the volume groups that this server has no list entry and no record of any more."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SCHEMA = schema.answer(
    "What was taken off this server's list",
    {
        "groups": schema.texts("The volume groups that were named."),
        "forgotten": schema.texts("Those of them that the list or a record had named."),
    },
)


def forgetting_facts(groups: Sequence[str], forgotten: Sequence[str]) -> dict[str, Any]:
    """groups: those that were named.  forgotten: those of them that were known."""
    return {"groups": groups, "forgotten": forgotten}

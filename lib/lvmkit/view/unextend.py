"""What lvmkit unextend answers: the tags that the server lost, or would lose."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SCHEMA = schema.answer(
    "What a server lost, or would lose",
    {
        "tag": schema.TAG,
        "server": schema.text("The server that is taken from the hierarchy."),
        "dry_run": schema.DRY_RUN,
        "unextended": schema.texts("Tags of the resources that the server lost, or would lose."),
    },
    in_dry_run={"steps": schema.STEPS},
)


def unextension_facts(tag: str, server: str, tags: Sequence[str], steps: Sequence[str] | None = None) -> dict[str, Any]:
    """tags: of the resources that the server lost or would lose.  steps: of a preview; None where it was done."""
    facts: dict[str, Any] = {"tag": tag, "server": server, "dry_run": steps is not None, "unextended": tags}
    if steps is not None:
        facts["steps"] = steps
    return facts

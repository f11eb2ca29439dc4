"""What lvmkit delete answers: what is no longer protected, and in a dry run what stays and why."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_STAY_FIELDS = {"tag": schema.TAG, "parents": schema.texts("Tags of the resources that still require it.")}
SCHEMA = schema.answer(
    "What is protected no more, or would be",
    {
        "tag": schema.TAG,
        "dry_run": schema.DRY_RUN,
        "gone": schema.texts("Tags of the resources whose protection ended, or would end."),
    },
    in_dry_run={
        "stays": schema.several(
            schema.record(_STAY_FIELDS),
            "What stays protected: something else requires it, or it is a service of its own.",
        ),
        "steps": schema.STEPS,
    },
)


def deletion_facts(tag: str, gone: Sequence[str]) -> dict[str, Any]:
    """What was deleted. gone: tags."""
    return {"tag": tag, "dry_run": False, "gone": gone}


def deletion_preview(
    tag: str, gone: Sequence[str], stays: Mapping[str, Sequence[str]], steps: Sequence[str]
) -> dict[str, Any]:
    """What would be deleted. stays: the tags of what would stay protected, each with the tags that require it."""
    staying = [{"tag": kept, "parents": parents} for kept, parents in stays.items()]
    return {"tag": tag, "dry_run": True, "gone": gone, "stays": staying, "steps": steps}

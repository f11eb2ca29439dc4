"""What lvmkit create answers: the root, and in a dry run the hierarchy that it would create."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.workflow.create import CreateDraft

_RESOURCE_FIELDS = {
    "tag": schema.TAG,
    "type": schema.TYPE,
    "id": schema.ID,
    "new": schema.flag("Whether it would be created; false for one that exists and would be used."),
    "children": schema.texts("Tags of the resources that it would require."),
}
SCHEMA = schema.answer(
    "What was put under protection, or would be",
    {"root": schema.text("The tag of the root of the hierarchy."), "dry_run": schema.DRY_RUN},
    in_dry_run={
        "resources": schema.several(schema.record(_RESOURCE_FIELDS), "The hierarchy as it would be, the root first."),
        "steps": schema.STEPS,
    },
)


def creation_facts(root: str) -> dict[str, Any]:
    """What was created. root: its tag."""
    return {"root": root, "dry_run": False}


def creation_preview(draft: CreateDraft, before: Hierarchy, after: Hierarchy) -> dict[str, Any]:
    """What would be created. before, after: the hierarchy as it is and as it would be."""
    resources = []
    for instance in after.of_tags(reversed(after.below(draft.root))):
        resources.append(_resource_facts(instance, before, after))
    return {"root": draft.root, "dry_run": True, "resources": resources, "steps": draft.plan.describe()}


def _resource_facts(instance: Instance, before: Hierarchy, after: Hierarchy) -> dict[str, Any]:
    return {
        "tag": instance.tag,
        "type": instance.type,
        "id": instance.id,
        "new": before.by_tag(instance.tag) is None,
        "children": after.children(instance.tag),
    }

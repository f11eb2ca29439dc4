"""What lvmkit extend answers: the tags that the server got; in a dry run also what that server says against it."""

from __future__ import annotations

from lvmkit.view import schema
from lvmkit.view.document import message_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from lvmkit.model.messages import Message
    from lvmkit.peer.answers import Preview

_FACTS = schema.table({}, "The facts that the text is made of, by the names that they have in the kit.")
_DEVICE = {
    "type": "array",
    "prefixItems": [schema.text("The UUID of the physical volume."), schema.text("Its device on that server.")],
    "items": False,
    "minItems": 2,
}
SCHEMA = schema.answer(
    "What a server got by an extension, or would get",
    {
        "tag": schema.TAG,
        "server": schema.text("The server that it is extended to."),
        "dry_run": schema.DRY_RUN,
        "extended": schema.texts("Tags of the resources that the server got, or would get."),
    },
    in_dry_run={
        "ready": schema.flag("Whether nothing forbids the extension."),
        "kit_version": schema.text("The version of the kit on that server."),
        "lvm_version": schema.text("The version of LVM on that server; empty where it does not say."),
        "time": {"type": "number", "description": "Seconds since 1970 (UTC), by the clock of that server."},
        "messages": schema.several(
            schema.record({**schema.MESSAGE_FIELDS, "facts": _FACTS}), "What that server says to the extension."
        ),
        "devices": schema.several(_DEVICE, "The physical volumes that the server sees, each a UUID and a device."),
        "steps": schema.STEPS,
        "foreseen": schema.texts("What the cluster would do at once, in words for a reader."),
    },
)


def extension_facts(tag: str, server: str, tags: Sequence[str]) -> dict[str, Any]:
    """What was extended. tags: of the resources that the server got."""
    return {"tag": tag, "server": server, "dry_run": False, "extended": tags}


def extension_preview(tag: str, preview: Preview) -> dict[str, Any]:
    """What would be extended, and what speaks against it."""
    readiness = preview.readiness
    return {
        "tag": tag,
        "dry_run": True,
        **readiness.as_dict(),
        "ready": readiness.is_ready,
        "messages": _with_facts(readiness.messages),
        "extended": preview.tags,
        "steps": preview.steps,
        "foreseen": preview.foreseen,
    }


def _with_facts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    described = message_facts(messages)
    for facts, message in zip(described, messages):
        facts["facts"] = message.as_dict()
    return described

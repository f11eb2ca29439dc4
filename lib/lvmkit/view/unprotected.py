"""What lvmkit unprotected answers: the mounted file systems that create could protect."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from lvmkit.workflow.unprotected import Candidate

_MOUNT_FIELDS = {
    "mount_point": schema.text("Where it is mounted."),
    "device": schema.text("The logical volume, as /dev/VG/LV."),
    "vg": schema.text("The name of the volume group."),
    "fstype": schema.text("The type of the file system."),
}
SCHEMA = schema.answer(
    "What is mounted on logical volumes and not protected",
    {"mounts": schema.several(schema.record(_MOUNT_FIELDS), "The mounts, in the order of their paths.")},
)


def unprotected_facts(candidates: Iterable[Candidate]) -> dict[str, Any]:
    """The mounts of this server."""
    return {"mounts": [candidate.as_dict() for candidate in candidates]}

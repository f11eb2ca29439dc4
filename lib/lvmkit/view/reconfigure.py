"""What lvmkit reconfigure, also called adddelpv, answers: how a volume group differs from its hierarchy."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.workflow.reconfigure import Difference

_OWN_TAG = schema.text("The tag of its resource; empty where it has none.")
_DISK = schema.record(
    {
        "device": schema.text("The path of the device, or the last one known."),
        "pv_uuid": schema.text("The UUID of the physical volume."),
        "tag": _OWN_TAG,
    }
)
_VOLUME = schema.record(
    {
        "name": schema.text("The name of the logical volume."),
        "lv_uuid": schema.text("The UUID of the logical volume."),
        "tag": _OWN_TAG,
    }
)
_NAME = schema.record(
    {
        "tag": schema.TAG,
        "old": schema.text("The ID of the resource, or of a file system the path of its volume."),
        "new": schema.text("What it should be; the same where only the volume's UUIDs are not noted yet."),
    }
)
_CARRIED = schema.record(
    {
        "tag": schema.text("The tag of the device."),
        "carrier": schema.text("The tag of the other kit's resource, which it is to require."),
        "instead": schema.texts("The tags of what it required in its place."),
    }
)
SCHEMA = schema.answer(
    "How a volume group differs from its hierarchy, or differed",
    {
        "tag": schema.TAG,
        "vg": schema.text("The name of the volume group."),
        "applied": schema.flag("Whether the hierarchy was made to follow, so that the difference is gone."),
        "nothing_to_do": schema.flag("Whether there was no difference."),
        "added": schema.several(_DISK, "Disks that the volume group has and the hierarchy lacks."),
        "removed": schema.several(_DISK, "Disks that the hierarchy has and the volume group lacks."),
        "new_volumes": schema.several(_VOLUME, "Logical volumes that are not protected; that is no difference."),
        "gone_volumes": schema.several(_VOLUME, "Protected logical volumes that do not exist any more."),
        "renamed": schema.several(_NAME, "Resources that have an old name of the group or of a volume."),
        "carried": schema.several(_CARRIED, "Devices that stand on another kit's storage by now."),
        "listed": schema.flag("Whether /etc/lkvgs names the volume group."),
        "digest": schema.text("What --expect takes: it tells this difference from every other."),
        "watched": schema.flag("Whether the checks expect the volume group as it is."),
    },
)


def difference_facts(difference: Difference, *, is_applied: bool) -> dict[str, Any]:
    """is_applied: whether the hierarchy was to follow."""
    return {
        "tag": difference.tag,
        "vg": difference.vg,
        "applied": is_applied and not difference.is_empty,
        "nothing_to_do": difference.is_empty,
        "added": [change.as_dict() for change in difference.added],
        "removed": [change.as_dict() for change in difference.removed],
        "new_volumes": [change.as_dict() for change in difference.new_volumes],
        "gone_volumes": [change.as_dict() for change in difference.gone_volumes],
        "renamed": [change.as_dict() for change in difference.renamed],
        "carried": [change.as_dict() for change in difference.carried],
        "listed": not difference.unlisted,
        "digest": difference.digest,
        "watched": not difference.unwatched,
    }

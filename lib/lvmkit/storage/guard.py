"""Who may activate a volume group here: every reason against it, from its metadata alone. No I/O."""

from __future__ import annotations

from lvmkit.model.messages.service import DegradedActivation, DuplicatePv, PvsMissing, VgExported, VgForeign, VgImpostor
from lvmkit.model.settings import DEGRADED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup


def refusals(
    vg: VolumeGroup,
    *,
    expected_uuid: str,
    own_system_id: str,
    policy: str,
    last_known: Mapping[str, str] | None = None,
) -> tuple[Message, ...]:
    """Why this volume group must not be activated here; also warnings, for which it may.

    expected_uuid: of the protected group; '' when any will do.  own_system_id: of this host, '' when it has none.
    policy: COMPLETE or DEGRADED (model/settings.py), what missing disks mean.
    last_known: by PV UUID the device it was last seen on, to name a missing disk by.
    Returns messages; those of level ERROR forbid the activation. An impostor's other faults are not our business.
    """
    if expected_uuid and vg.uuid != expected_uuid:
        return (VgImpostor(vg.name, vg.uuid, expected_uuid),)
    return (*_ownership(vg, own_system_id), *_duplicates(vg), *_missing(vg, policy, last_known or {}))


def _ownership(vg: VolumeGroup, own_system_id: str) -> tuple[Message, ...]:
    """Exported, or another host's: lvmsystemid(7), a group without a system ID is anybody's."""
    exported = (VgExported(vg.name),) if vg.exported else ()
    foreign = vg.system_id not in ("", own_system_id)
    return (*exported, VgForeign(vg.name, vg.system_id, own_system_id)) if foreign else exported


def _duplicates(vg: VolumeGroup) -> tuple[Message, ...]:
    return tuple(DuplicatePv(vg.name, pv.uuid, (pv.device, *pv.duplicates)) for pv in vg.physical if pv.duplicates)


def _missing(vg: VolumeGroup, policy: str, last_known: Mapping[str, str]) -> tuple[Message, ...]:
    if not vg.missing:
        return ()
    shown = tuple(f"{pv.uuid} ({last_known[pv.uuid]})" if pv.uuid in last_known else pv.uuid for pv in vg.missing)
    if policy == DEGRADED:
        return (DegradedActivation(vg.name, shown),)
    return (PvsMissing(vg.name, len(shown), shown),)

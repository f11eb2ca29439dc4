"""May this volume group be activated at all, as its metadata and its disks are? And which recorded disk names count."""

from __future__ import annotations

from lvmkit.model.messages import raise_errors
from lvmkit.model.messages.guards import PvBelowReplication, PvHeldByOther, VgShared
from lvmkit.model.messages.service import DegradedActivation, DuplicatePv, PvsMissing, VgExported, VgImpostor
from lvmkit.model.names import DRBD_VOLUMES
from lvmkit.model.settings import DEGRADED
from lvmkit.storage import claims
from lvmkit.storage.claims import Claim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Settings
    from lvmkit.model.volumes import VolumeGroup

_STABLE = ("/dev/disk/by-id/", "/dev/mapper/")
_FREE = Claim()
_PATIENCE = 5.0
"""seconds for looking at disks before something is written to them"""
_OF_CONTENT = ("lvm-pv-uuid-", "md-uuid-", "md-name-", "dm-uuid-CRYPT-")
"""links below by-id that are made of what is written on the disk, which its clone has, too"""


def against(vg: VolumeGroup, group: VgFacts, settings: Settings) -> tuple[Message, ...]:
    """Why a protected volume group must not be activated here; also warnings, for which it may.

    group: the protected one, with the devices on which it was last seen, to name a missing disk by.
    Messages of level ERROR forbid the activation. An impostor's other faults are not our business.
    """
    if vg.uuid != group.uuid:
        return (VgImpostor(vg.name, vg.uuid, group.uuid),)
    return against_any(vg, settings, group)


def against_any(vg: VolumeGroup, settings: Settings, group: VgFacts | None = None) -> tuple[Message, ...]:
    """The same of a volume group that is not protected yet, or, with group, is protected by its name alone."""
    missing = _missing(vg, settings.missing_pv, {}) if group is None else _missing_of(vg, group, settings)
    claimed = _claims(vg, settings.probe_deadline)
    return (*_unsupported(vg), *_duplicates(vg, claimed), *missing, *_claimed(vg, claimed))


def against_disks_below(vg: VolumeGroup, deadline: float) -> tuple[Message, ...]:
    """What to say of a volume group that LVM sees where it must not look: on disks that are below something else.

    deadline: seconds for reading the ends of these disks.
    """
    return _claimed(vg, _claims(vg, deadline))


def refuse_disks_below(vg: VolumeGroup) -> None:
    """Raises Failure (110243, 110244) before anything is written to such disks, wherever no start has looked."""
    raise_errors(against_disks_below(vg, _PATIENCE))


def _unsupported(vg: VolumeGroup) -> tuple[Message, ...]:
    """What the metadata say against any activation by the kit."""
    told: list[Message] = []
    if vg.exported:
        told.append(VgExported(vg.name))
    if vg.lock_type:
        told.append(VgShared(vg.name, vg.lock_type))
    return tuple(told)


def trusted(devices: Iterable[str]) -> tuple[str, ...]:
    """Recorded disks as LVM may be told to look at them alone; () where it must look at all.

    A name that the kernel gives in the order of discovery, or that is made of the content, may name a clone today.
    """
    recorded = tuple(devices)
    return recorded if all(map(_is_stable, recorded)) else ()


def _is_stable(device: str) -> bool:
    start, _, name = device.rpartition("/")
    return device.startswith(DRBD_VOLUMES) or (f"{start}/" in _STABLE and not name.startswith(_OF_CONTENT))


def _duplicates(vg: VolumeGroup, claimed: Mapping[str, Claim]) -> tuple[Message, ...]:
    """Physical volumes on several devices; what is below one of these is told as such, with what to do about it."""
    told: list[Message] = []
    for pv in vg.physical:
        devices = tuple(device for device in (pv.device, *pv.duplicates) if not claimed.get(device, _FREE).is_made)
        if pv.duplicates and len(devices) > 1:
            told.append(DuplicatePv(vg.name, pv.uuid, devices))
    return tuple(told)


def policy_of(group: VgFacts, settings: Settings) -> str:
    """COMPLETE or DEGRADED: the policy of the resource, else the server's."""
    return group.missing_pv or settings.missing_pv


def _missing_of(vg: VolumeGroup, group: VgFacts, settings: Settings) -> tuple[Message, ...]:
    last_known = {device.pv_uuid: device.id for device in group.devices if device.pv_uuid}
    return _missing(vg, policy_of(group, settings), last_known)


def _missing(vg: VolumeGroup, policy: str, last_known: Mapping[str, str]) -> tuple[Message, ...]:
    if not vg.missing:
        return ()
    shown = tuple(f"{pv.uuid} ({last_known[pv.uuid]})" if pv.uuid in last_known else pv.uuid for pv in vg.missing)
    if policy == DEGRADED:
        return (DegradedActivation(vg.name, shown),)
    return (PvsMissing(vg.name, len(shown), shown),)


def _claims(vg: VolumeGroup, deadline: float) -> dict[str, Claim]:
    """The claim of others on every device on which LVM sees the group."""
    devices: list[str] = []
    for pv in vg.physical:
        if not pv.missing:
            devices += (pv.device, *pv.duplicates)
    return dict(zip(devices, claims.on(devices, vg.uuid, deadline=deadline)))


def _claimed(vg: VolumeGroup, claimed: Mapping[str, Claim]) -> tuple[Message, ...]:
    """Disks that are below something else; what holds one says more than what is written on it."""
    told: list[Message] = []
    for pv in vg.physical:
        for device in (pv.device, *pv.duplicates):
            claim = claimed.get(device, _FREE)
            if claim.holder:
                told.append(PvHeldByOther(vg.name, pv.uuid, device, claim.holder, _lasting(device)))
            elif claim.replicated:
                told.append(PvBelowReplication(vg.name, pv.uuid, device, _lasting(device)))
    return tuple(told)


def _lasting(device: str) -> str:
    from lvmkit.storage import lasting  # only where something is wrong

    return lasting.name_of(device)

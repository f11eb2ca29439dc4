"""What device-mapper holds at one moment: one listing in which devices are looked up, and each is asked about once.

It serves one look, however many resources that is about. After a change it is no longer true, so nobody keeps it.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.storage import dm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lvmkit.storage.dm import Device, DeviceStatus

_HEALTH_LAYERS = (
    "-tpool",
    "-tdata",
    "-tmeta",
    "-vpool",
    "-vdata",
    "-cdata",
    "-cmeta",
    "-cvol",
    "-cpool",
    "-real",
    "-cow",
)
"""ends of the UUIDs of hidden devices whose own status matters; RAID legs and mirror legs are judged by their volume"""


class MappedDevices:
    """All devices of device-mapper, by UUID, by number and by volume group."""

    def __init__(
        self,
        devices: Iterable[Device],
        *,
        status: Callable[..., DeviceStatus | None] | None = None,
        below: Callable[..., tuple[str, ...]] | None = None,
    ) -> None:
        """devices: dm.list_devices().  status, below: how device-mapper is asked about one, if not by dm."""
        self.all = tuple(devices)
        self._by_uuid = {device.uuid: device for device in self.all if device.uuid}
        self._by_number = {device.number: device for device in self.all}
        self._groups: dict[str, list[Device]] = {}
        for device in self.all:
            self._groups.setdefault(names.group_part(device.uuid), []).append(device)
        self._layers: dict[str, dict[str, Device]] = {}
        self._ask_status, self._ask_below = status or dm.status, below or dm.dependencies
        self._statuses: dict[str, DeviceStatus | None] = {}
        self._belows: dict[str, tuple[str, ...]] = {}

    def by_uuid(self, uuid: str) -> Device | None:
        """The device with this UUID."""
        return self._by_uuid.get(uuid)

    def by_number(self, number: str) -> Device | None:
        """The device with this number (major:minor)."""
        return self._by_number.get(number)

    def of_group(self, vg_uuid: str) -> tuple[Device, ...]:
        """The devices of a volume group: volumes, their hidden parts and layers. () for ''."""
        return tuple(self._groups.get(names.dm_uuid(vg_uuid), ())) if vg_uuid else ()

    def layers_of(self, vg_uuid: str) -> dict[str, Device]:
        """Those of them, by number, that are hidden and have a health of their own."""
        if vg_uuid not in self._layers:
            hidden = (device for device in self.of_group(vg_uuid) if device.uuid.endswith(_HEALTH_LAYERS))
            self._layers[vg_uuid] = {device.number: device for device in hidden}
        return self._layers[vg_uuid]

    def status_of(self, uuid: str) -> DeviceStatus | None:
        """status() of the device with this UUID; None also where there is none."""
        device = self.by_uuid(uuid)
        return self.status(device) if device else None

    def status(self, device: Device) -> DeviceStatus | None:
        """Its state with its targets' status lines; None where it has gone since. Raises Failure (110052)."""
        if device.number not in self._statuses:
            self._statuses[device.number] = self._ask_status(**_name(device))
        return self._statuses[device.number]

    def below(self, device: Device) -> tuple[str, ...]:
        """The devices (major:minor) that its live table stands on. Raises Failure (110052)."""
        if device.number not in self._belows:
            self._belows[device.number] = self._ask_below(**_name(device))
        return self._belows[device.number]


def _name(device: Device) -> dict[str, str]:
    """How device-mapper is told which one is meant."""
    return {"uuid": device.uuid} if device.uuid else {"name": device.name}

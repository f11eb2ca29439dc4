"""/sys and /dev of one machine, as files: what the kernel and udev show of disks and of device-mapper's devices."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from lvmkit.model import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.machine.kernel import Mapped

_SECTOR = 512


class Sysfs:
    """The two trees below a folder; which files stand for device nodes is noted apart."""

    def __init__(self, root: str, nodes: dict[str, str]) -> None:
        self._root, self._nodes = root, nodes

    def clear(self) -> None:
        """As after a boot, before any device was found."""
        for tree in ("sys", "dev", "proc"):
            shutil.rmtree(f"{self._root}/{tree}", ignore_errors=True)
        for folder in ("sys/block", "sys/dev/block", "sys/devices", "dev/mapper", "dev/disk/by-id", "proc"):
            os.makedirs(f"{self._root}/{folder}")
        self._nodes.clear()

    def add_disk(self, name: str, number: str, sequence: str, size: int) -> None:
        """A SCSI disk."""
        self._add(name, number, size)
        self._write(f"sys/devices/{name}/diskseq", sequence)
        self._write(f"sys/devices/{name}/device/scsi_level", "6")
        self.set_driver_state(name, "running")

    def set_driver_state(self, name: str, state: str) -> None:
        """What the driver says of a disk."""
        self._write(f"sys/devices/{name}/device/state", state)

    def remove_disk(self, name: str, number: str) -> None:
        """The disk has gone; so have the links of what stood on it."""
        self._remove(name, number)
        for each in os.listdir(f"{self._root}/sys/devices"):
            _unlink(f"{self._root}/sys/devices/{each}/slaves/{name}")

    def add_replica(self, name: str, number: str, size: int, below: str, named: str) -> None:
        """A device of DRBD on a disk. named: as udev names it below /dev/drbd/by-res."""
        self._add(name, number, size)
        self._stack(name, below)
        self._link(f"dev/drbd/by-res/{named}", f"../../../{name}")

    def add_layer(self, name: str, number: str, size: int, *below: str) -> None:
        """A device of another driver on others, by their numbers: an md array."""
        self._add(name, number, size)
        for each in below:
            self._stack(name, each)

    def set_read_only(self, number: str, read_only: bool) -> None:
        """What a device says of writes."""
        self._write(f"sys/dev/block/{number}/ro", str(int(read_only)))

    def link_by_id(self, links: Mapping[str, str]) -> None:
        """/dev/disk/by-id as udev makes it: name to kernel name. A name that two disks have goes to the last one."""
        folder = f"{self._root}/dev/disk/by-id"
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        for name, target in links.items():
            os.symlink(f"../../{target}", f"{folder}/{name}")

    def add_mapped(self, device: Mapped) -> None:
        """A device of device-mapper with its nodes and its place between those below and above."""
        name = _kernel_name(device)
        self._add(name, device.number, device.size)
        self._write(f"sys/devices/{name}/dm/name", device.name)
        self._write(f"sys/devices/{name}/dm/uuid", device.uuid)
        for number in device.below:
            self._stack(name, number)
        self._link(f"dev/mapper/{device.name}", f"../{name}")
        parts = names.split_dm_name(device.name)
        if parts and not parts[2]:
            self._link(f"dev/{parts[0]}/{parts[1]}", f"../{name}")

    def remove_mapped(self, device: Mapped) -> None:
        """The device has gone."""
        name = _kernel_name(device)
        self._remove(name, device.number)
        for each in os.listdir(f"{self._root}/sys/devices"):
            _unlink(f"{self._root}/sys/devices/{each}/holders/{name}")
        parts = names.split_dm_name(device.name)
        for path in (f"mapper/{device.name}", *([f"{parts[0]}/{parts[1]}"] if parts else [])):
            _unlink(f"{self._root}/dev/{path}")
            self._nodes.pop(f"/dev/{path}", None)

    def _add(self, name: str, number: str, size: int) -> None:
        for folder in ("holders", "slaves"):
            os.makedirs(f"{self._root}/sys/devices/{name}/{folder}", exist_ok=True)
        for attribute, value in (("dev", number), ("size", str(size // _SECTOR)), ("ro", "0")):
            self._write(f"sys/devices/{name}/{attribute}", value)
        self._link(f"sys/dev/block/{number}", f"../../devices/{name}")
        self._link(f"sys/block/{name}", f"../devices/{name}")
        self._write(f"dev/{name}", "")
        self._nodes[f"/dev/{name}"] = number

    def _stack(self, name: str, number: str) -> None:
        below = os.path.basename(os.path.realpath(f"{self._root}/sys/dev/block/{number}"))
        if os.path.isdir(f"{self._root}/sys/devices/{below}"):
            self._link(f"sys/devices/{name}/slaves/{below}", f"../../{below}")
            self._link(f"sys/devices/{below}/holders/{name}", f"../../{name}")

    def _remove(self, name: str, number: str) -> None:
        shutil.rmtree(f"{self._root}/sys/devices/{name}", ignore_errors=True)
        for path in (f"sys/dev/block/{number}", f"sys/block/{name}", f"dev/{name}"):
            _unlink(f"{self._root}/{path}")
        self._nodes.pop(f"/dev/{name}", None)

    def _write(self, path: str, text: str) -> None:
        place = f"{self._root}/{path}"
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def _link(self, path: str, target: str) -> None:
        place = f"{self._root}/{path}"
        os.makedirs(os.path.dirname(place), exist_ok=True)
        _unlink(place)
        os.symlink(target, place)


def _kernel_name(device: Mapped) -> str:
    return f"dm-{device.number.partition(':')[2]}"


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return

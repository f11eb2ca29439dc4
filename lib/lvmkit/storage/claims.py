"""Who but LVM has a claim on a disk: what stands on it in the kernel, and DRBD's metadata at its end.

A physical volume belongs on the uppermost device of a stack. Below DRBD, md, multipath, bcache or dm-crypt LVM can see
the same label, for these pass the first sectors through, and nothing keeps it from writing there.
"""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.value import Value
from lvmkit.storage import probe, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lvmkit.storage.sysfs import Block

_BLOCK = 4096
_MAGIC_AT = 60
_MAGIC = (b"\x83\x74\x02\x6b", b"\x83\x74\x02\x6c", b"\x83\x74\x02\x6d")
"""DRBD 8, 8.4 not shut down in order, 9; big-endian, in the last whole 4 KiB of a device with internal metadata
(source: libblkid's drbd.c; seen with drbd-utils 9.22)"""
_YES, _NO = b"1", b"0"


class Claim(Value):
    """What else a disk is used for; both are empty where there is nothing."""

    holder: str = ""
    """what stands on it, as a reader knows it: drbd0, md127, dm-3 (mpatha)"""
    replicated: bool = False
    """it carries DRBD's metadata"""

    @property
    def is_made(self) -> bool:
        """Whether there is any."""
        return bool(self.holder) or self.replicated


def on(devices: Sequence[str], vg_uuid: str, *, deadline: float) -> tuple[Claim, ...]:
    """The claim of others on each of these physical volumes of a volume group, in their order.

    deadline: seconds for reading the last block of all of them. A disk that is not read in time, or fails, counts as
    one without DRBD's metadata: LVM's own commands tell more of such a disk.
    """
    numbers = [sysfs.number_of(device) for device in devices]
    endings = probe.all_bounded(list(map(_reader, devices)), deadline)
    marked = [ending.result == _YES for ending in endings]
    return tuple(Claim(_holder(number, vg_uuid), mark) for number, mark in zip(numbers, marked))


def _holder(number: str, vg_uuid: str) -> str:
    """The first device on this one that is no volume of the group."""
    for block in sysfs.holders(number) if number else ():
        if not sysfs.dm_uuid(block.number).startswith(names.dm_uuid(vg_uuid)):
            return _described(block)
    return ""


def _described(block: Block) -> str:
    mapped = sysfs.dm_name(block.number)
    return f"{block.name} ({mapped})" if mapped else block.name


def _reader(device: str) -> Callable[[], bytes]:
    return lambda: _signature(device)


def _signature(device: str) -> bytes:
    """Whether DRBD's metadata is at the end of a device. Raises OSError."""
    handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        last = os.pread(handle, _BLOCK, max(0, (size & ~(_BLOCK - 1)) - _BLOCK))
    finally:
        os.close(handle)
    return _YES if last[_MAGIC_AT : _MAGIC_AT + 4] in _MAGIC else _NO

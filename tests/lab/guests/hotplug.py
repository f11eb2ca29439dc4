"""Disks of other kinds than every guest has, plugged in while it runs. Saved states know nothing of them."""

from __future__ import annotations

from pathlib import Path

from .guest import Guest

SIZE = 128 << 20


def plug(guest: Guest, folder: Path, driver: str, *, present: str, **options: object) -> None:
    """Plug a new empty disk into a guest, and wait until udev has handled it.

    folder: for the disk's file.  driver: QEMU's name of the kind.  present: the path by which the guest has it.
    options: QEMU's properties of the device, such as its serial number.
    """
    file = folder / f"{driver}.raw"
    with file.open("wb") as content:
        content.truncate(SIZE)
    with guest.lab.monitor(guest.node) as monitor:
        monitor.execute("blockdev-add", **{"driver": "file", "node-name": driver, "filename": str(file)})
        monitor.execute("device_add", driver=driver, drive=driver, id=f"plugged-{driver}", **options)
    guest.sh('until [ -b "$1" ]; do sleep 0.1; done', present)
    guest.settle()


def unplug(guest: Guest, driver: str, *, present: str) -> None:
    """Take it away again, as a hand does."""
    with guest.lab.monitor(guest.node) as monitor:
        monitor.execute("device_del", id=f"plugged-{driver}")
    guest.sh('while [ -b "$1" ]; do sleep 0.1; done', present)
    guest.settle()

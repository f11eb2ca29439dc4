"""One guest as a test sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .lab import Argument, Lab, Result

BY_ID = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_"
SETTLE_SECONDS = 30
WAIT_UNTIL_PRESENT = 'until [ -L "$1" ]; do sleep 0.1; done'
WAIT_UNTIL_ABSENT = 'while [ -L "$1" ]; do sleep 0.1; done'


@dataclass(frozen=True)
class Guest:
    """Guest `node` (from 1) of a lab."""

    lab: Lab
    node: int = 1

    def run(
        self,
        *argv: Argument,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        check: bool = True,
    ) -> Result:
        """Run a command in the guest; see Lab.run. Here a failure raises CommandFailedError unless check is False."""
        return self.lab.run(self.node, argv, stdin=stdin, env=env, timeout=timeout, check=check)

    def sh(self, script: str, *args: Argument, timeout: float = 60.0, check: bool = True) -> Result:
        """Run a shell script in the guest (`sh -euc`). args: its $1, $2 ..."""
        return self.run("/bin/sh", "-euc", script, "sh", *args, timeout=timeout, check=check)

    def disk(self, serial: str) -> str:
        """Return the device of the disk with that serial number (SHARED1 to 4, PRIVATE1 and 2), such as /dev/sda."""
        return self.run("readlink", "-e", BY_ID + serial).stdout.strip()

    def settle(self) -> None:
        """Wait until udev has handled everything that happened so far."""
        self.run("udevadm", "settle", f"--timeout={SETTLE_SECONDS}", timeout=SETTLE_SECONDS + 10)

    def lose_disk(self, serial: str) -> None:
        """Unplug a disk, and wait until the guest has noticed."""
        self.lab.lose_disk(self.node, serial)
        self._wait_for_disk(serial, present=False)

    def bring_disk_back(self, serial: str) -> None:
        """Plug a lost disk in again, and wait until the guest has noticed."""
        self.lab.bring_disk_back(self.node, serial)
        self._wait_for_disk(serial, present=True)

    def _wait_for_disk(self, serial: str, *, present: bool) -> None:
        """Wait for the disk's name to come or go, then for udev. Raises CommandFailedError when that fails."""
        self.sh(WAIT_UNTIL_PRESENT if present else WAIT_UNTIL_ABSENT, BY_ID + serial, timeout=SETTLE_SECONDS)
        self.settle()

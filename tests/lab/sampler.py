"""Say which logical volumes this kernel holds, every time a line is read. This file runs inside the guest.

It stays so that a sample costs a few reads of /sys and no process. Nothing of the project is used: it is a witness.
Standard library only, for `python3 -IS`.
"""

from __future__ import annotations

import contextlib
import os
import sys

BLOCK = "/sys/block"
MINE = "LVM-"
"""What the UUID of LVM's devices begins with (source: lvm2, lib/activate/dev_manager.c)."""


def active() -> list[str]:
    """Return the device-mapper UUIDs of the active logical volumes."""
    uuids = []
    for name in os.listdir(BLOCK):
        if name.startswith("dm-"):
            with contextlib.suppress(OSError), open(f"{BLOCK}/{name}/dm/uuid", encoding="ascii") as file:
                uuids.append(file.read().strip())
    return [uuid for uuid in uuids if uuid.startswith(MINE)]


def main() -> None:
    """Say that it has begun, with an empty line; answer until the input ends."""
    _say("")
    for _line in sys.stdin:
        _say(" ".join(active()))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

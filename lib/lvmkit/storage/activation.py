"""Whether the boot has finished with disks: has found them all, and activated the volume groups that it activates.

udev's rule for LVM starts a transient unit lvm-activate-VG for a volume group whose last disk appeared, and does not
wait for it (lvmautoactivation(7); 69-dm-lvm.rules, in Debian 69-lvm.rules). So first udev's queue must be empty, then
no such unit may be running. Older releases keep the unit as "exited" after it, a failed one stays as "failed".
"""

from __future__ import annotations

import time

from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.storage.files import first_present
from lvmkit.storage.run import run

UDEVADM, SYSTEMCTL = ("/usr/bin/udevadm", "/bin/udevadm", "/sbin/udevadm"), ("/usr/bin/systemctl", "/bin/systemctl")
UNITS = "lvm-activate-*.service"

_DONE = ("exited", "failed")
_PAUSE = 0.2
_GRACE = 2.0
"""seconds that udevadm gets beyond the time it was told"""


def wait_until_done(*, deadline: float) -> None:
    """Wait until the boot has nothing left to activate.

    deadline: seconds in all.  Raises Failure: CommandFailed when it is not done by then; CommandMissing, CommandHung.
    """
    end = time.monotonic() + deadline
    whole = max(1, int(deadline))
    answer = run((first_present(UDEVADM), "settle", f"--timeout={whole}"), deadline=whole + _GRACE)
    if answer.status != 0:
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "its queue is full"))
    while running := _running():
        if time.monotonic() >= end:
            raise Failure(CommandFailed(", ".join(running), "no end", "it still runs"))
        time.sleep(_PAUSE)


def _running() -> tuple[str, ...]:
    """The units that activate a volume group now, or wait for their turn (systemctl(1), list-units)."""
    words = ("list-units", "--all", "--plain", "--no-legend", "--no-pager", UNITS)
    answer = run((first_present(SYSTEMCTL), *words), deadline=10.0)
    running = []
    for line in answer.stdout.splitlines():
        row = line.split()
        if len(row) > 3 and row[3] not in _DONE:
            running.append(row[0])
    return tuple(running)

"""Only one action at a time for each volume group and each mount point, whoever calls it: engine, person, another kit.

What is started meanwhile has the lock too, and keeps it where this process is killed. So a stop never says that
something is down which a killed start may still bring up.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lvmkit.host import Host

    Lock = AbstractContextManager[None]

_DISTINCT = 60
"""characters of a mount point that the name of its lock has room for; two that are alike in them wait for each other"""


def starting(vg_uuid: str, vg_name: str, host: Host) -> Lock:
    """Hold the volume group's lock while any of it is brought up.

    Programs started meanwhile share the lock, and keep it if this process is killed.
    Raises Failure when another run keeps it longer than settings.lock_patience: AlreadyBusy (110031), or OrphanAtWork
    (110290) where only a program is left of that run; StateNotStored (110082) where it cannot be made.
    """
    return _needed(f"lock-{vg_uuid}", f"volume group {vg_name}", host)


def stopping(vg_uuid: str, vg_name: str, host: Host) -> Lock:
    """The same while any of it is taken down. Where the lock cannot be made nobody has it, and the stop goes on."""
    return _if_possible(f"lock-{vg_uuid}", f"volume group {vg_name}", host)


def mounting(mount_point: str, host: Host) -> Lock:
    """Hold the mount point's lock while something is mounted there. Raises as starting()."""
    return _needed(_lock_of(mount_point), f"mount point {mount_point}", host)


def unmounting(mount_point: str, host: Host) -> Lock:
    """The same while it is unmounted, as stopping()."""
    return _if_possible(_lock_of(mount_point), f"mount point {mount_point}", host)


def _lock_of(mount_point: str) -> str:
    return "lock-mount" + mount_point.replace("/", "-")[-_DISTINCT:]


def _needed(name: str, what: str, host: Host) -> Lock:
    files.make_folder(host.paths.run, mode=0o755)
    patience = host.settings.lock_patience
    return locks.shared_with_programs(f"{host.paths.run}/{name}", what=what, patience=patience)


def _if_possible(name: str, what: str, host: Host) -> Lock:
    try:  # noqa: SIM105 - contextlib brings a third of what a stop imports
        files.make_folder(host.paths.run, mode=0o755)
    except Failure:
        pass  # the lock is looked for even so
    patience = host.settings.lock_patience
    return locks.shared_if_possible(f"{host.paths.run}/{name}", what=what, patience=patience)

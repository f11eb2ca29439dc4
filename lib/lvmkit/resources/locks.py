"""Only one action at a time for each volume group, whoever calls it: engine, administrator or another kit."""

from __future__ import annotations

from contextlib import contextmanager

from lvmkit.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.resources.host import Host


@contextmanager
def working_on(vg_uuid: str, vg_name: str, host: Host) -> Iterator[None]:
    """Hold the volume group's lock; what is started meanwhile has it too, and keeps it where this process is killed.

    Raises Failure (110031, 110290) when another run keeps it past the lock patience.
    """
    files.make_folder(host.paths.run, mode=0o755)
    path = f"{host.paths.run}/lock-{vg_uuid}"
    patience = host.settings.lock_patience
    with locks.shared_with_programs(path, what=f"volume group {vg_name}", patience=patience):
        yield

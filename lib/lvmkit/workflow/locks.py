"""Only one action at a time for each volume group, whoever calls it: engine, administrator or another kit."""

from __future__ import annotations

from contextlib import contextmanager

from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.plan import Kit


@contextmanager
def working_on(vg_uuid: str, vg_name: str, kit: Kit) -> Iterator[None]:
    """Hold the volume group's lock. Raises Failure (110031) when another run keeps it past the lock patience."""
    files.make_folder(kit.paths.run, mode=0o755)
    path = f"{kit.paths.run}/lock-{vg_uuid}"
    with files.locked(path, what=f"volume group {vg_name}", patience=kit.settings.lock_patience):
        yield

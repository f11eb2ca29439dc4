"""What a start and a stop note below /run for later checks. One that cannot be written is told, and fails nothing."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.storage import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.host import Host
    from lvmkit.model.record import Record
    from lvmkit.model.settings import Paths
    from lvmkit.storage.mountinfo import Mount


def store(record: Record, paths: Paths, host: Host) -> None:
    """Write a record; where that fails, the one that it was to replace goes: it says what is not so any more."""
    try:
        records.store(paths, record)
    except Failure as failure:
        _tell_unwritten(failure, host)
        try:
            records.drop(paths, names.lvmvg_id(record.vg))
        except Failure:
            return  # it was told why nothing can be written


def drop(paths: Paths, resource_id: str, host: Host) -> None:
    """Remove a record; a missing one is fine."""
    try:
        records.drop(paths, resource_id)
    except Failure as failure:
        _tell_unwritten(failure, host)


def store_start(mount: Mount, host: Host) -> None:
    """Note what a file system shows at its start."""
    from lvmkit.storage import superblock  # volumes have none

    try:
        superblock.note_start(mount, host.paths.run)
    except Failure as failure:
        _tell_unwritten(failure, host)


def _tell_unwritten(failure: Failure, host: Host) -> None:
    """Raises the failure where it is about anything but writing."""
    first = failure.messages[0]
    if not isinstance(first, StateNotStored):
        raise failure
    from lvmkit.model.messages.filesystems import RecordNotWritten  # only where something is wrong

    host.tell(RecordNotWritten(first.path, first.why))

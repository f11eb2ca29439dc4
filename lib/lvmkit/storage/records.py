"""The records of what restore brought up, one file for each volume group. On the quickCheck path."""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.record import Record, dump, parse
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.settings import Paths


def path_of(paths: Paths, resource_id: str) -> str:
    """The record's file. resource_id: lvmvg-<vg>; it becomes a file name, so anything else is InvalidName (110100)."""
    if names.vg_of_lvmvg_id(resource_id) is None:
        from lvmkit.model.messages.command import InvalidName  # only where something is wrong

        raise Failure(InvalidName(resource_id, "ID of a volume group resource"))
    return f"{paths.run}/{resource_id}"


def load(paths: Paths, resource_id: str) -> Record | None:
    """The record of a volume group; None when there is none that can be read and is whole.

    A damaged record counts as no record: a check must not call a healthy resource broken because of the kit's notes.
    """
    try:
        text = files.read(path_of(paths, resource_id))
    except Failure as failure:
        from lvmkit.model.messages.storage import FileUnreadable  # only where something is wrong

        if not isinstance(failure.messages[0], FileUnreadable):
            raise
        return None
    return None if text is None else parse(text)


def ids_of(paths: Paths, vg_uuid: str) -> tuple[str, ...]:
    """The IDs under which a start of a volume group is on record; more than one where it got another name since."""
    try:
        recorded = sorted(filter(names.vg_of_lvmvg_id, os.listdir(paths.run)))
    except FileNotFoundError:
        return ()
    known = ((resource_id, load(paths, resource_id)) for resource_id in recorded)
    return tuple(resource_id for resource_id, record in known if record is not None and record.vg_uuid == vg_uuid)


def store(paths: Paths, record: Record) -> None:
    """Write the record, in one step, under the ID of its volume group.

    Raises Failure: StateNotStored (110082), InvalidName (110100).
    """
    path = path_of(paths, names.lvmvg_id(record.vg))
    files.make_folder(paths.run, mode=0o755)
    files.replace(path, dump(record))


def drop(paths: Paths, resource_id: str) -> None:
    """Remove the record; a missing file is fine. Raises Failure: StateNotStored (110082), InvalidName (110100)."""
    files.remove(path_of(paths, resource_id))

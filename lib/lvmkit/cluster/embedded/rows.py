"""The engine's records as values. Reading one instance needs this module and database.py only.

The records are those of one machine, whose name may change: what they call their server is its present name.
"""

from __future__ import annotations

import os

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import AUTORES_ISP, ILLSTATE, ISP, ISU, Dependency, Instance, tags_of
from lvmkit.model.messages import Failure
from lvmkit.storage.boot import boot_id, machine_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

NOT_CHECKED = "not checked since the boot"

_UNSEEN = f"boot != ?3 AND state IN ('{ISP}', '{ISU}')"
"""what was in service before the last boot; nobody has looked since"""
_INSTANCES = f"""SELECT coalesce(?4, server), app, type, tag, id, info, iif({_UNSEEN}, '{ILLSTATE}', state),
    iif({_UNSEEN}, '{NOT_CHECKED}', reason), initialisation, switchback FROM instances
    WHERE (?1 IS NULL OR tag = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY position"""  # noqa: S608 - words of ours


def instances(connection: Connection, tag: str | None = None, resource_id: str | None = None) -> tuple[Instance, ...]:
    """All instances, or those with this tag or ID, in the order in which they were created.

    What was in service before the last boot is ILLSTATE: nobody has looked since.
    """
    asked = (tag, resource_id, boot_id(), server(connection))
    return tuple(Instance(*row) for row in connection.execute(_INSTANCES, asked))


def find(connection: Connection, tag: str | None, resource_id: str | None) -> Instance:
    """The one instance with this tag, this ID, or both; None or '' for one that is not given.

    Raises Failure: TagAndIdMissing (000011) when neither is given; ResourceNotFound (000019) when there is none, when
    tag and ID belong to different resources, and when only an ID is given and resources of several types have it.
    """
    from lvmkit.model.messages.guide import ResourceNotFound, TagAndIdMissing

    if not tag and not resource_id:
        raise Failure(TagAndIdMissing())
    candidates = instances(connection, tag or None, resource_id or None)
    if len(candidates) != 1:
        among = f" (it is that of {', '.join(tags_of(candidates))})" if candidates else ""
        raise Failure(ResourceNotFound(_sought(tag, resource_id) + among))
    return candidates[0]


def _sought(tag: str | None, resource_id: str | None) -> str:
    if not resource_id:
        return f"tag {tag}"
    return f"tag {tag}, ID {resource_id}" if tag else f"ID {resource_id}"


def hierarchy(connection: Connection) -> Hierarchy:
    """All instances and dependencies."""
    links = connection.execute("SELECT parent, child FROM dependencies ORDER BY position")
    return Hierarchy(instances(connection), tuple(Dependency(*link) for link in links))


def server(connection: Connection) -> str | None:
    """The name of the server whose records they are; None when nothing was stored yet."""
    row = connection.execute("SELECT server, machine FROM identity").fetchone()
    if row is None:
        return None
    return os.uname().nodename if is_of_this_machine(*row) else row[0]


def is_of_this_machine(name: str, machine: str) -> bool:
    """Whether records are this machine's, by its ID; where no ID is known, by the name of the host.

    machine: '' in the database of an older version.
    """
    own = machine_id()
    return machine == own if machine and own else name == os.uname().nodename


def wanted(connection: Connection) -> frozenset[str]:
    """Tags of what should be in service: it last was, and is to be restored automatically."""
    query = "SELECT tag FROM instances WHERE was_in_service AND initialisation = ?"
    return frozenset(tag for (tag,) in connection.execute(query, (AUTORES_ISP,)))

"""What monitoring is told of this server, also where the engine does not answer or nothing is in service."""

from __future__ import annotations

import os

from lvmkit.cluster.port import Overview
from lvmkit.model.messages import Failure
from lvmkit.model.servers import Server
from lvmkit.model.value import Value
from lvmkit.plan import all_journals
from lvmkit.workflow.status import recorded, survey
from lvmkit.workflow.watcher import is_running, is_wanted, last_look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit
    from lvmkit.workflow.status import Survey
    from lvmkit.workflow.watcher import LastLook


class Measurement(Value):
    """This server and its resources at one moment."""

    survey: Survey
    has_engine: bool
    """whether the engine answered; else the survey is of what it has on this disk, which has no states"""
    unfinished: int
    """changes that were interrupted, or are at work now"""
    is_watch_wanted: bool
    is_watched: bool
    look: LastLook | None


def measure(kit: Kit) -> Measurement:
    """Measure. Raises Failure only where not even this server's own files can be read."""
    try:
        seen, has_engine = survey(kit), True
    except Failure:
        seen, has_engine = _at_hand(kit), False
    watched = is_running(kit.paths)
    return Measurement(seen, has_engine, len(all_journals(kit)), is_wanted(kit), watched, last_look(kit.paths))


def _at_hand(kit: Kit) -> Survey:
    """What is on record here. A server on which the engine does not answer counts as one that is not online."""
    server = os.uname().nodename
    try:
        hierarchy = kit.port.at_hand()
    except Failure:
        return recorded(Overview(server, (Server(server, online=False),), (), kit.port.capabilities))
    for instance in hierarchy.instances:
        server = instance.server
    return recorded(Overview(server, (Server(server, online=False),), (hierarchy,), kit.port.capabilities))

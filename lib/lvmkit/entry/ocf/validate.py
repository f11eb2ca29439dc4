"""validate-all: whether a start could be tried here. The start of a volume first makes the same checks."""

from __future__ import annotations

import os

from lvmkit.model.facts import FilesystemFacts, LvFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.ownership import NodeNameUnusable
from lvmkit.model.messages.storage import CommandMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import AgentRequest
    from lvmkit.host import Host


def validate(request: AgentRequest, host: Host) -> None:
    """Check that the commands are installed, and that the node's name can own a volume group.

    At OCF_CHECK_LEVEL 10 also that LVM sees the volume group, by one report.
    Raises Failure: CommandMissing (110060), NodeNameUnusable (110138), and as bringing_up.find_group() does.
    """
    facts = request.facts
    if isinstance(facts, FilesystemFacts):
        from lvmkit.resources.mounting import MOUNT

        _require(MOUNT)
        return
    from lvmkit.storage import lvm

    _require(*lvm.LVM_PATHS)
    group = facts.group if isinstance(facts, LvFacts) else facts
    if group.has_owner and not lvm.is_system_id(host.server):
        raise Failure(NodeNameUnusable(host.server))
    if request.deep:
        from lvmkit.resources.bringing_up import find_group

        find_group(group, host)


def _require(*paths: str) -> None:
    """Raises Failure (CommandMissing, 110060) unless one of the programs is there."""
    if not any(os.access(path, os.X_OK) for path in paths):
        raise Failure(CommandMissing(paths[0]))

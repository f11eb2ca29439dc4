"""What a cluster says of a server that had a volume group before."""

from __future__ import annotations

from lvmkit.model.value import Value

STOPPED, FENCED = "stopped", "fenced"
"""gone: the cluster has stopped it there, or found it down; the server was fenced and is not back"""
ACTIVE, LEFT, UNFENCED, UNCLEAR, STRANGER = "active", "left", "unfenced", "unclear", "stranger"
"""not gone: it may run there; the server left with it running; it is out of sight; its history does not say; no server
of the cluster"""
GONE = (STOPPED, FENCED)
VOUCHED = (*GONE, UNCLEAR)
"""of a server that is not the owner: gone, or a clean member of the cluster on which it sees nothing running"""


class Standing(Value):
    """What the cluster says of a previous owner."""

    kind: str
    why: str = ""
    """of a kind that is not gone"""

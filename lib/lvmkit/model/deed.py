"""What a server has started, stopped or moved, as its log says."""

from __future__ import annotations

from lvmkit.model.value import Value

START, STOP, MOVE = "start", "stop", "move"


class Deed(Value):
    """One entry: the begin or the end of an action, or where a move has brought a resource."""

    at: float
    """seconds since 1970, UTC, by the clock of the server that logged it"""
    server: str
    tag: str
    kind: str
    """START, STOP or MOVE"""
    state: str = ""
    """of a MOVE: what the resource is there"""
    is_begin: bool = False

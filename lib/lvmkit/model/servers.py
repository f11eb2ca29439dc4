"""Servers of a cluster, and which of them may run what."""

from __future__ import annotations

from lvmkit.model.value import Value

LOWEST_PRIORITY = 999


class Server(Value):
    """A server of the cluster at one moment."""

    name: str
    online: bool
    unfit: str = ""
    """why it cannot take a resource now, in a few words; '' when it can"""


class Equivalency(Value):
    """A resource may run on a server; the priority is that of the hierarchy's volume group, 1 is the highest."""

    tag: str
    server: str
    priority: int
    other_tag: str = ""
    """its tag on that server, where it has another one there"""

    @property
    def tag_there(self) -> str:
        """Its tag on that server."""
        return self.other_tag or self.tag

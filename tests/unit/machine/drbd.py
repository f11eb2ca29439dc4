"""DRBD of one machine: what its kernel shows, and what `drbdsetup events2 --now` prints.

The lines are those of tests/unit/data/drbd: 8.4 does not say which server the peer is, 9 has its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.machine.machine import Machine

DRBDSETUP = "/usr/sbin/drbdsetup"
_PEER = {8: "", 9: " peer-node-id:1 conn-name:node2"}
_PROC = "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 0\n"


@dataclass(eq=False, repr=False)
class Drbd:
    """A resource. Whoever changes it calls show()."""

    machine: Machine
    resource: str
    version: int
    role: str = "Primary"
    suspended: str = "no"
    connection: str = "Connected"
    peer_role: str = "Secondary"
    disk: str = "UpToDate"
    peer_disk: str = "UpToDate"
    minors: dict[str, str] = field(default_factory=dict)
    """by volume"""

    def set(self, **states: str) -> None:
        """Let it be in these states, by the names of the fields."""
        for name, value in states.items():
            setattr(self, name, value)
        self.show()

    def show(self) -> None:
        """What sysfs and /proc/drbd say."""
        for minor in self.minors.values():
            self.machine.sysfs.set_read_only(f"147:{minor}", self.role != "Primary")
        place = Path(self.machine.real("/proc/drbd"))
        rows = "".join(each.rows() for each in self.machine.drbd.values()) if self.version == 8 else ""
        place.write_text(_PROC + rows)

    def rows(self) -> str:
        """Of /proc/drbd."""
        flags = "s-----" if self.suspended != "no" else "r-----"
        protocol = " " if self.connection == "StandAlone" else "C"
        states = f"cs:{self.connection} ro:{self.role}/{self.peer_role} ds:{self.disk}/{self.peer_disk}"
        counts = "ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0"
        return "".join(f" {minor}: {states} {protocol} {flags}\n    {counts}\n" for minor in self.minors.values())

    def events(self) -> str:
        """Of drbdsetup."""
        name, peer = self.resource, _PEER[self.version]
        lines = [f"exists resource name:{name} role:{self.role} suspended:{self.suspended}"]
        lines.append(f"exists connection name:{name}{peer} connection:{self.connection} role:{self.peer_role}")
        for volume, minor in self.minors.items():
            lines.append(f"exists device name:{name} volume:{volume} minor:{minor} disk:{self.disk}")
        for volume in self.minors:
            lines.append(
                f"exists peer-device name:{name}{peer} volume:{volume} replication:Established"
                f" peer-disk:{self.peer_disk} resync-suspended:no"
            )
        return "\n".join([*lines, "exists -", ""])

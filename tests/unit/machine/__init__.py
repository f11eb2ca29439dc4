"""The fake of a machine that tests of everything above the edge share."""

from tests.unit.machine.disks import Content, Metadata, SharedDisk, Volume, make_group, uuid_of
from tests.unit.machine.kernel import Hung, Mapped
from tests.unit.machine.machine import Answer, Attached, Machine, Mount, Process
from tests.unit.machine.network import Network

__all__ = [
    "Answer",
    "Attached",
    "Content",
    "Hung",
    "Machine",
    "Mapped",
    "Metadata",
    "Mount",
    "Network",
    "Process",
    "SharedDisk",
    "Volume",
    "make_group",
    "uuid_of",
]

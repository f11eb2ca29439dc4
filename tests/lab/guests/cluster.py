"""Guests as a cluster of pacemaker, two or three, with a small shared disk to fence each other with.

A golden state of such guests is one in which the cluster has formed: all online, with quorum, fencing configured.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from . import channel, crm, fleet, store
from .crm import ClusterError, ClusterStatus
from .fleet import Fleet
from .machine import DISKS, Disk, Machine, Setting

FENCE = Disk("FENCE", 7, shared=True)
FENCE_BYTES = 16 * 1024 * 1024
CLUSTER_DISKS = (*DISKS, FENCE)
MEMORY_MIB = 768
"""A cluster's daemons lock 200 MB of it."""
FORM_DEADLINE = 300.0
COMMAND_TIMEOUT = 60.0
CONFIGURATION = """
<configuration>
 <crm_config>
  <cluster_property_set id="lab">
   <nvpair id="lab-stonith-enabled" name="stonith-enabled" value="true"/>
   <nvpair id="lab-stonith-timeout" name="stonith-timeout" value="120s"/>
  </cluster_property_set>
 </crm_config>
 <resources>
  <primitive id="fencing" class="stonith" type="fence_lab_sbd">
   <instance_attributes id="fencing-attributes">
    <nvpair id="fencing-hosts" name="pcmk_host_list" value="node1 node2 node3"/>
    <nvpair id="fencing-check" name="pcmk_host_check" value="static-list"/>
    <nvpair id="fencing-delay" name="pcmk_delay_base" value="node1:0s;node2:12s"/>
   </instance_attributes>
   <operations>
    <op id="fencing-start" name="start" interval="0s" timeout="120s"/>
   </operations>
  </primitive>
 </resources>
</configuration>
"""
"""The delay makes node 2 the one that survives when the two lose sight of each other: node 1 shoots too late."""
CONFIGURE = ("cibadmin", "--modify", "--allow-create", "--scope", "configuration", "--xml-pipe")
WARM_UP = (
    crm.STATUS,
    ("crm_resource", "--wait", "--timeout=60"),
    ("crm_simulate", "-sL"),
    ("crm_attribute", "--query", "--name", "stonith-enabled"),
    ("sync",),
)


class ClusterMachine(Machine):
    """A guest with the disk for fencing beside the others."""

    def create_disks(self) -> None:
        """Make pristine disks."""
        super().create_disks()
        with self.backing_file(FENCE).open("a", encoding="ascii"):
            os.truncate(self.backing_file(FENCE), FENCE_BYTES)

    def _command(self, lost: list[str], incoming: bool) -> list[str]:
        command = [*super()._command(lost, incoming), *self._disk(FENCE, FENCE.serial in lost)]
        command[command.index("-m") + 1] = str(MEMORY_MIB)
        return command


class ClusterFleet(Fleet):
    """The guests of a cluster."""

    def __init__(self, setting: Setting, run: Path, data: Path, *, owned: bool) -> None:
        """Describe the guests; see Fleet."""
        super().__init__(setting, run, data, owned=owned)
        self.machines = [ClusterMachine(setting, number, run, data) for number in range(1, setting.nodes + 1)]

    def boot(self) -> None:
        """Boot the guests from pristine disks, and wait until they are a cluster that is idle."""
        super().boot()
        first, names = self.machines[0], [each.name for each in self.machines]
        crm.wait(lambda: _status(first), lambda it: it.formed(*names), deadline=FORM_DEADLINE)
        _run(first, CONFIGURE, CONFIGURATION)
        crm.wait(lambda: _status(first), lambda it: it.formed(*names) and _fences(it), deadline=FORM_DEADLINE)
        for each in self.machines:
            for argv in WARM_UP:
                _run(each, argv)


def _fences(status: ClusterStatus) -> bool:
    return status.fencing_enabled and bool(status.running("fencing"))


def _status(which: Machine) -> ClusterStatus:
    return crm.parse(_run(which, crm.STATUS))


def _run(which: Machine, argv: Sequence[str], stdin: str = "") -> str:
    """Run a command in a guest and return its output. Raises ClusterError when it fails."""
    out, err = bytearray(), bytearray()
    with contextlib.ExitStack() as stack:
        fd = os.memfd_create("stdin")
        stack.callback(os.close, fd)
        os.pwrite(fd, stdin.encode(), 0)
        request = channel.Request([word.encode() for word in argv], timeout=COMMAND_TIMEOUT, stdin=fd)
        code = channel.run(which.run, request, out.extend, err.extend)
    if code:
        raise ClusterError(f"{which.name}: {' '.join(argv)}: exit code {code}: {os.fsdecode(bytes(err)).strip()}")
    return os.fsdecode(bytes(out))


def golden(setting: Setting) -> Path:
    """Return where the golden state for `setting` is kept."""
    mine = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return fleet.golden_folder(store.digest(f"{fleet.golden(setting).name} {mine}"))

"""The guests of a storm: does what an action says, looks from outside, and puts everything back at the end."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from lab.audit import Audit, Sample, Writing, check_records
from lab.guests.errors import LabError
from lab.guests.guest import Guest
from lab.guests.lab import CommandFailedError, Lab, Result
from storm import hands
from storm.actions import KIT, MOUNT, NODES, Action, Weather
from storm.verdict import HAND_MADE, Deed, Finding, held_by_two

FILE = f"{MOUNT}/records"
COMMAND_TIMEOUT = 300.0
HAND_TIMEOUT = 90.0
SETTLED_DEADLINE = 420.0
SHORT_PAUSE, LONG_PAUSE = 5.0, 25.0
PREFIX = "lvmkit-"
DEVICES = (" /dev/mapper/my--vg", " /dev/mapper/other--vg")
TWO_HOLDERS = "110245"
"""the number of the message that says so"""
UNMANAGED = {"is-managed": "false", "maintenance": "true"}
ALIVE = 20.0
"""seconds in which a guest that runs answers"""

Mounts = dict[int, dict[str, bool]]


@dataclass
class Scene:
    """Two guests with the audit and the writers beside them."""

    lab: Lab
    audit: Audit
    deeds: list[Deed] = field(default_factory=list)
    writers: dict[int, Writing] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    _looked_at: int = 0

    def guest(self, node: int) -> Guest:
        """Return a guest, from 1."""
        return Guest(self.lab, node)

    # ---- what happens

    def perform(self, action: Action) -> Result:
        """Let an action happen. A guest that does not answer gives a result as a command's failure does."""
        begun = time.monotonic()
        try:
            done = self._command(action) if action.kind == KIT else self._other(action)
        except LabError as error:
            done = Result((action.kind,), -1, "", f"lab: {error}")
        self.deeds.append(Deed(action.kind, action.node, begun, time.monotonic()))
        return done

    def _command(self, action: Action) -> Result:
        argv: tuple[str, ...] = ("lvmkit", *action.words)
        if action.signal:
            one = () if action.group else ("--foreground",)
            argv = ("timeout", "--preserve-status", *one, "-s", action.signal, f"{action.until}", *argv)
        return self.guest(action.node).run(*argv, timeout=COMMAND_TIMEOUT, check=False)

    def _other(self, action: Action) -> Result:
        machine = {
            "kill": self.lab.kill,
            "boot": self.boot,
            "reboot": self.lab.reboot,
            "cut": self.lab.cut,
            "mend": self.lab.mend,
            "resume": self.resume,
        }
        if action.kind in machine:
            machine[action.kind](action.node)
            return Result((action.kind,), 0, "", "")
        if action.kind == "pause":
            self._pause(action.node, long=action.words == ("long",))
            return Result((action.kind,), 0, "", "")
        script = hands.script(action.kind, action.node, action.words, elsewhere=self._held_elsewhere(action.node))
        return self.guest(action.node).sh(f"set +e; {script}", timeout=HAND_TIMEOUT, check=False)

    def boot(self, node: int) -> None:
        """Boot a guest, unless it runs."""
        if dict(self.lab.status())[NODES[node - 1]].startswith("not running"):
            self.lab.start(node)

    def _pause(self, node: int, *, long: bool) -> None:
        """Let a guest stand still; for a short time, so that nobody minds, or until it is resumed."""
        self.lab.pause(node)
        if not long:
            time.sleep(SHORT_PAUSE)
            self.lab.resume(node)

    def resume(self, node: int) -> None:
        """Let a guest go on that stood still for long: with a reset, as its hardware watchdog would have done."""
        if "paused" in dict(self.lab.status())[NODES[node - 1]]:
            self.lab.reboot(node)
            self.lab.resume(node)

    def _held_elsewhere(self, node: int) -> bool:
        samples = self.audit.samples[3 - node]
        return not samples or bool(samples[-1].groups)

    # ---- looking from outside

    def mounts(self, weather: Weather) -> Mounts:
        """Return {node: {device: whether it is mounted for writing}} of the group's devices."""
        return {node: self.mounted(node) for node in (1, 2) if weather.usable(node)}

    def mounted(self, node: int) -> dict[str, bool]:
        """Return {device and mount point: whether for writing}; nothing where the guest does not answer."""
        try:
            table = self.guest(node).run("cat", "/proc/self/mountinfo", timeout=ALIVE, check=False).stdout
        except LabError:
            return {}
        rows = [line.split() for line in table.splitlines() if any(device in line for device in DEVICES)]
        return {f"{row[row.index('-') + 2]} {row[4]}": row[5].startswith("rw") for row in rows}

    def write_where_mounted(self, mounts: Mounts) -> None:
        """Let a writer write on each server that has the file system, unless one does."""
        for node, seen in mounts.items():
            usable = any(writable and key.endswith(f" {MOUNT}") for key, writable in seen.items())
            writer = self.writers.get(node)
            if usable and (writer is None or writer.ended):
                self.gather()
                self.writers[node] = Writing(self.lab, node, FILE, only_mounted=True).begin()

    def gather(self) -> None:
        """Note what the writers have said to be safe."""
        for writer in self.writers.values():
            self.acknowledged.update(list(writer.acknowledged))

    def stop_writers(self) -> None:
        """End all writers."""
        for writer in self.writers.values():
            writer.stop()
        self.gather()
        self.writers.clear()

    def unsaid(self, samples: dict[int, list[Sample]]) -> list[Finding]:
        """Return a finding where two servers hold the group, made so by hand, and no check of the kit says so.

        Asked once for every action that made it so.
        """
        made = [deed for deed in self.deeds if deed.kind in HAND_MADE]
        if len(made) == self._looked_at or not held_by_two(self.audit.overlaps(), samples):
            return []
        self._looked_at = len(made)
        try:
            said = [self.guest(node).run("lvmkit", "check", timeout=COMMAND_TIMEOUT, check=False) for node in (1, 2)]
            protected = bool(self.resources())
        except LabError:
            return []
        if not protected or any(TWO_HOLDERS in each.stdout + each.stderr for each in said):
            return []
        if not held_by_two(self.audit.overlaps(), self.audit.samples):
            return []
        return [Finding("unsaid", f"two servers hold the group, and no check says {TWO_HOLDERS}: {said}")]

    # ---- the end

    def restore(self, weather: Weather) -> None:
        """Put everything back that the storm has thrown, and wait for a cluster that is at rest. Raises LabError."""
        for node in sorted(weather.cut):
            self.lab.mend(node)
        for node in (1, 2):
            self.resume(node)
            self.boot(node)
            self._wait_until_alive(node)
        self.stop_writers()
        for node in (1, 2):
            self.guest(node).sh(f"set +e; {hands.script('start-pacemaker', node, (), elsewhere=True)}", timeout=180)
        self.lab.wait_for_cluster(lambda it: it.formed(*NODES), deadline=SETTLED_DEADLINE)
        self._lay_down_strays()
        self.guest(1).sh(f"set +e; {hands.RESTORED}; :", timeout=120)
        self._put_metadata_back()
        self.guest(1).sh("crm_resource --cleanup || :; crm_resource --wait --timeout=120 || :", timeout=200)
        self.lab.wait_for_cluster(lambda it: it.formed(*NODES), deadline=SETTLED_DEADLINE)

    def _wait_until_alive(self, node: int) -> None:
        end = time.monotonic() + SETTLED_DEADLINE
        while True:
            try:
                self.guest(node).run("true", timeout=ALIVE)
            except LabError:
                if time.monotonic() > end:
                    raise
                time.sleep(2)
            else:
                return

    def _lay_down_strays(self) -> None:
        """Take down by hand what is up where Pacemaker does not run it: by hand it came up, too."""
        status = self.lab.cluster_status()
        running = {node for each in status.resources.values() if each.name.startswith(PREFIX) for node in each.nodes}
        for node in (1, 2):
            if NODES[node - 1] not in running:
                self.guest(node).sh(f"set +e; {hands.LAID_DOWN}", timeout=HAND_TIMEOUT)

    def _put_metadata_back(self) -> None:
        """The group's own name again, and no snapshot or scratch volume: as its owner, whoever that is."""
        for node in (1, 2):
            for kind in ("rename-back", "remove-extra"):
                script = hands.script(kind, node, (), elsewhere=True)
                self.guest(node).sh(f"set +e; {script}", timeout=HAND_TIMEOUT, check=False)

    def resources(self) -> list[ET.Element]:
        """Return the kit's primitives in the cluster's configuration."""
        text = self.guest(1).run("cibadmin", "--query").stdout
        top = ET.fromstring(text)  # noqa: S314 - our own guest wrote it
        return [each for each in top.iter("primitive") if each.get("id", "").startswith(PREFIX)]

    def places(self) -> list[str]:
        """Return the servers that the configuration lets the group run on."""
        text = self.guest(1).run("cibadmin", "--query", "--scope", "constraints").stdout
        top = ET.fromstring(text)  # noqa: S314 - our own guest wrote it
        found = {
            each.get("node", "")
            for each in top.iter("rsc_location")
            if each.get("rsc", "").startswith(PREFIX) and each.get("resource-discovery") == "exclusive"
        }
        return sorted(found)

    def unmanaged(self) -> list[Finding]:
        """Return a finding for every resource that was left without the cluster's care."""
        pairs = [(each.get("id"), pair) for each in self.resources() for pair in each.iter("nvpair")]
        found = [
            Finding("unmanaged", f"{name}: {pair.get('name')}={pair.get('value')}")
            for name, pair in pairs
            if pair.get("value") == UNMANAGED.get(pair.get("name", ""))
        ]
        text = self.guest(1).run("cibadmin", "--query", "--scope", "constraints").stdout
        if 'resource-discovery="never"' in text:
            found.append(Finding("unmanaged", "a location with resource-discovery=never was left"))
        return found

    def check_records(self, node: int) -> list[Finding]:
        """Return what is wrong with the records on a server that has the file system."""
        if not self.acknowledged:
            return []
        try:
            check_records(self.lab, node, FILE, self.acknowledged)
        except (AssertionError, CommandFailedError) as error:
            return [Finding("lost", str(error))]
        return []

    def mounted_by_hand(self, node: int) -> bool:
        """Bring up by hand what nobody protects; return whether the file system is there."""
        script = hands.script("activate", node, ("as-owner", "mount"), elsewhere=False)
        self.guest(node).sh(f"set +e; {script}", timeout=HAND_TIMEOUT, check=False)
        return bool(self.mounted(node))

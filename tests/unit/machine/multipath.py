"""multipathd and mpathpersist of a machine, and one map: they answer as multipath-tools 0.9.4 do.

What `multipathd show config` says is recorded (shortened); the other answers and exit statuses are those of its source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.machine.disks import SharedDisk
    from tests.unit.machine.kernel import Mapped
    from tests.unit.machine.machine import Attached, Machine

WWID, NAME = "3600a", "mpatha"
PATH = f"/dev/mapper/{NAME}"
CONFIG = """defaults {
	verbosity 2
	polling_interval 5
	user_friendly_names "yes"
%s	recheck_wwid "no"
}
blacklist {
	devnode "!^(sd[a-z]|dasd[a-z]|nvme[0-9])"
	device {
		vendor "IBM"
		product "S/390"
	}
}
overrides {
}
multipaths {
	multipath {
		wwid "3600b"
		alias "other"
		reservation_key 0x123abc
	}
%s}
"""
IN_FILE, OWN_KEY = '\treservation_key "file"\n', "\treservation_key 0x123abc\n"
SECTION = '\tmultipath {\n\t\twwid "3600a"\n\t%s\t}\n'
_SYNTAX, _NO_MAP = 1, 13
"""exit statuses of mpathpersist (mpath_persist.h)"""


class Multipath:
    """A map over some paths of one disk, and the daemon that cares for it."""

    def __init__(self, machine: Machine, disk: SharedDisk, paths: int = 2) -> None:
        self.machine, self.disk = machine, disk
        self.paths: list[Attached] = [machine.attach(disk) for _ in range(paths)]
        numbers = tuple(path.number for path in self.paths)
        self.map: Mapped = machine.dm.create(NAME, f"mpath-{WWID}", "multipath", numbers, (disk,))
        self.defaults, self.section = IN_FILE, ""
        self.is_running, self.knows_map = True, True
        self.key = self.persist = ""
        self.failed: set[str] = set()
        """kernel names of the paths that the map does not use"""
        machine.programs["/usr/sbin/multipathd"] = self._multipathd
        machine.programs["/usr/sbin/mpathpersist"] = self._mpathpersist
        self.show()

    def show(self) -> None:
        """What the map says of itself: dm-mpath.c, multipath_status."""
        states = " ".join(f"{path.number} {'F' if path.name in self.failed else 'A'} 0 0 1" for path in self.paths)
        self.map.status = f"2 0 0 0 1 1 A 0 {len(self.paths)} 1 {states}"

    def lose(self, path: Attached, *, is_noticed: bool = True) -> None:
        """A path answers no more. is_noticed: the daemon has seen it."""
        path.state = "fails"
        if is_noticed:
            self.failed.add(path.name)
            self.show()

    def bring_back(self, path: Attached) -> None:
        """The path is there again, as another one for the disk; the daemon has not looked yet."""
        path.state = ""
        path.session += 1

    def look(self, path: Attached) -> None:
        """The daemon finds that a path works: it registers it where its key is registered, and then uses it."""
        if self.key and int(self.key, 16) in self.disk.target.keys.values():
            self.disk.target.keys[self.machine.nexus(path)] = int(self.key, 16)
        self.failed.discard(path.name)
        self.show()

    def _multipathd(self, words: Sequence[str], _stdin: bytes | None) -> tuple[int, str, str]:
        if not self.is_running:
            return 1, "", ""
        if tuple(words) == ("show", "config", "local"):
            return 0, CONFIG % (self.defaults, self.section and SECTION % self.section), ""
        assert tuple(words) == ("getprkey", "map", "dm-0"), words
        if not self.knows_map:
            return 1, "fail\n", ""
        return 0, f"0x{self.key}{self.persist}\n" if self.key else "none\n", ""

    def _mpathpersist(self, words: Sequence[str], _stdin: bytes | None) -> tuple[int, str, str]:
        assert words[:2] == ("--out", "--register-ignore"), words
        assert words[-1] == "/dev/dm-0", words
        facts = dict(word.partition("=")[::2] for word in words[2:-1])
        if not (self.is_running and self.knows_map):
            return _NO_MAP, "", "mpatha: failed to get device info.\nPR out: command failed\n"
        key = facts["--param-sark"]
        if IN_FILE not in (self.defaults, self.section):
            said = "mpatha: configured reservation key doesn't match: 0x0\nPR out: command failed\n"
            return _SYNTAX, "", said
        for path in self.paths:
            if path.state == "" and path.name not in self.failed:
                self._register(path, int(key, 16))
        self.key, self.persist = (key, ":aptpl" if "--param-aptpl" in facts else "") if key != "0" else ("", "")
        return 0, "", ""

    def _register(self, path: Attached, key: int) -> None:
        nexus = self.machine.nexus(path)
        if key:
            self.disk.target.keys[nexus] = key
        else:
            self.disk.target.keys.pop(nexus, None)
            self.disk.target.end_without_holder()

"""The search for two holders in an older version of the kit, whose faults it has to find: `make check-old`.

A search says nothing by finding nothing unless it finds the faults that are known. The commit b2745a4 has several by
which two servers came to hold one volume group (FAULTS). The stories, the machines and the cluster are those of today's
tests; what these need of the kit, and the older one does not have or has elsewhere, is put in its place here. A story
ends where something is found, and the search goes on until each fault was met.

    python -m tests.unit.world.older LIB [--stories N] [--seed N] [--mood NAME] [--fault PART]

LIB: the folder `lib` of the older version.  --fault: only those with this in their names.
Exit code 0: all were found, and for each the first story was printed; 1: there were not enough stories.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import sys
import time
import types
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


FAULTS = {
    "unknown is taken for gone: an owner that holds the group by hand, or was not fenced": (
        r"the kit activates",
        r"\n(n1|n2): mount\n.*\n(n1|n2): mount\n|stonith-enabled|maintenance",
        r"in-service [^\n]*$",
    ),
    "create asks only the servers that are online in the cluster": (
        r"the kit activates",
        r"Pacemaker is stopped",
        r"create /[^\n]*$",
    ),
    "an interrupted delete is taken back for its own server only": (
        r"nobody has ended",
        r"delete [^\n]*, signal [^\n]*$",
    ),
    "a killed delete is taken back, whatever was built since": (r"An earlier 'delete [^\n]*backing it out",),
    "a create that lost power is taken back, whatever was built since": (
        r"nobody has ended",
        r"An earlier 'create [^\n]*backing it out[^\n]*$",
    ),
}
"""what a find must have, as regular expressions, to count as this fault; $: the end of its story"""


class Enough(BaseException):
    """All faults were found."""


class Finds:
    """What was found; the first of each fault is printed as it comes."""

    def __init__(self, faults: dict[str, tuple[str, ...]]) -> None:
        self.stories = self.others = 0
        self.missing = dict(faults)

    def add(self, text: str) -> None:
        """Raises Enough where nothing is missing any more."""
        met = [fault for fault, marks in self.missing.items() if all(re.search(m, text, re.DOTALL) for m in marks)]
        for fault in met:
            del self.missing[fault]
            self._say(f"{fault}: story {self.stories}, after {time.process_time():.0f} s of computing\n{text}\n")
        self.others += not met
        if not self.missing:
            raise Enough

    def _say(self, text: str) -> None:
        print(text, flush=True)  # noqa: T201


def main(words: Sequence[str]) -> int:
    """0 where all faults were found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lib")
    parser.add_argument("--stories", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mood", default="")
    parser.add_argument("--fault", default="")
    given = parser.parse_args(words)
    sys.path.insert(0, given.lib)
    _stand_in()
    finds = Finds({fault: marks for fault, marks in FAULTS.items() if given.fault in fault})
    try:
        _search(finds, given)
    except Enough:
        return 0
    finds._say(f"{finds.stories} stories and {finds.others} other finds, but not: {'; '.join(finds.missing)}")
    return 1


def _search(finds: Finds, given: argparse.Namespace) -> None:
    from hypothesis.errors import Flaky
    from hypothesis.stateful import run_state_machine_as_test

    from tests.unit.world import rules
    from tests.unit.world.test_property import STORIES

    _reach_the_older_far_end()
    if given.mood:
        rules._MOODS = {given.mood: rules._MOODS[given.mood]}
    seed = given.seed
    while finds.stories < given.stories:
        machine = _noting(finds)
        machine._hypothesis_internal_use_seed = seed
        # What the older kit keeps in globals comes from one story to the next, and the same story may go another way.
        with suppress(Flaky):
            run_state_machine_as_test(machine, settings=STORIES)
        seed += 1


def _noting(finds: Finds) -> Any:
    from hypothesis.stateful import invariant

    from tests.unit.world.rules import TwoServers
    from tests.unit.world.world import Broken

    class Noting(TwoServers):
        """The same stories; what does not hold ends only its own."""

        is_over = False

        @invariant()
        def holds(self) -> None:
            if self.is_over or not hasattr(self, "world"):
                return
            try:
                self.world.check()
            except Broken as broken:
                self.is_over = True
                finds.add(str(broken))

        def offered(self) -> Iterator[tuple[Any, int]]:
            return iter(()) if self.is_over else super().offered()

        def teardown(self) -> None:
            finds.stories += 1
            super().teardown()

    return Noting


# -- what the older kit does not have, or has elsewhere


def _stand_in() -> None:
    """Before the tests are imported."""
    cib, installed, probe, run_module = (
        _older(name) for name in ("cluster.pacemaker.cib", "storage.installed", "storage.probe", "storage.run")
    )
    _module("lvmkit.peer")
    _module("lvmkit.peer.kernels", Kernels=type("Kernels", (), {"devices": None}), LOOK=())
    _module("lvmkit.entry.peer", PROGRAM="lvmkit-peer", write_line=None, answer=None)
    agents = [tuple(agent.split("/")) for agent in installed.KIT_AGENTS]
    _module("lvmkit.model.resource_types", agents=lambda: agents)
    _module("lvmkit.storage.locks", for_programs=lambda: None)
    places = lambda root: [(tag, server) for tag, server, _ in cib.locations(root)]  # noqa: E731
    _module("lvmkit.cluster.pacemaker.location", places=places)
    for name in ("Command", "run_all", "run_beside"):
        setattr(run_module, name, None)
    probe.all_bounded = probe.in_turn = None
    for name in ("filesystem_uuid", "freezing", "superblock"):
        _module(f"lvmkit.storage.{name}", read_part=None, wait_for_thaw=None, question=None)
    _as_today("storage.scsi")
    from tests.unit.machine import edge
    from tests.unit.machine.lvm import Lvm

    Lvm.run_by_kit = Lvm.run  # type: ignore[method-assign]
    real = edge._replacements
    edge._replacements = lambda machine: [*real(machine), (probe, "_all_bounded", machine.all_bounded)]
    paths = _older("model.settings").Paths
    known = lambda **given: paths(**{name: path for name, path in given.items() if name in paths._fields})  # noqa: E731
    sys.modules["tests.unit.machine.machine"].Paths = known  # type: ignore[attr-defined]


def _older(name: str) -> Any:
    return importlib.import_module(f"lvmkit.{name}")


def _module(name: str, **what: object) -> None:
    made = types.ModuleType(name)
    made.__dict__.update(what)
    parent, _, own = name.rpartition(".")
    setattr(importlib.import_module(parent), own, made)
    sys.modules[name] = made


def _as_today(name: str) -> None:
    """A module of today's kit, which needs nothing but what the older one has as well."""
    path = Path(__file__).parents[3] / f"lib/lvmkit/{name.replace('.', '/')}.py"
    spec = importlib.util.spec_from_file_location(f"lvmkit.{name}", path)
    assert spec is not None
    assert spec.loader is not None
    _module(f"lvmkit.{name}")
    spec.loader.exec_module(sys.modules[f"lvmkit.{name}"])


def _reach_the_older_far_end() -> None:
    """It is the command line itself, speaks on stderr, and has no look for two holders; dmsetup is called by name."""
    from tests.unit.machine.machine import Machine
    from tests.unit.world.world import KIT, Process, World

    ssh, run = World._ssh, Machine.run

    def heard(self: Machine, argv: Sequence[str], **given: Any) -> Any:
        hear: Callable[[str], None] | None = given.pop("hear", None)
        finished = run(self, argv, **given)
        for line in finished.stderr.splitlines() if hear else ():
            hear(line)  # type: ignore[misc]
        return finished

    def older_ssh(self: World, words: Sequence[str], stdin: bytes | None, *, is_unheard: bool = False) -> Any:
        place = list(words).index("--")
        server, argv = words[place + 1], shlex.split(words[place + 2])
        if self.silent or not self.is_up(server) or not argv[0].endswith(("/bin/lvmkit", "/dmsetup")):
            return ssh(self, words, stdin, is_unheard=is_unheard)
        if argv[0].endswith("/dmsetup"):
            held = self.machines[server].dm.devices.values()
            return 0, "".join(f"{each.name} {each.uuid}\n" for each in held) or "No devices found\n", ""
        process, caller = Process(server, KIT), self.processes[-1]
        if caller.blow is not None and caller.blow.there:
            process.blow, caller.blow = replace(caller.blow, there=False), None
        answer = self._run(process, lambda: self._lvmkit(server, argv[1:]))
        return 255 if process.is_dead else answer.code, "".join(f"{line}\n" for line in answer.out), answer.err

    Machine.run, World._ssh = heard, older_ssh  # type: ignore[method-assign]
    World.look = lambda self: None  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

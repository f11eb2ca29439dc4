"""Machines that reach each other: ssh(1) as the kit calls it, which runs a program of the other machine."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.unit.machine.machine import Machine

SSH = "/usr/bin/ssh"
_FOR_EVER = 1e9
"""seconds: what the other side takes is limited by the caller's own deadline"""


FAR_END = "/bin/lvmkit-peer"
"""the kit's own far end below LKROOT, of which each machine has its own"""


class Network:
    """Who can reach whom; every machine reaches every other one until a test cuts a way."""

    def __init__(self, *machines: Machine) -> None:
        self.machines = {machine.name: machine for machine in machines}
        self.cut: set[frozenset[str]] = set()
        """pairs of names between which nothing passes"""
        for machine in machines:
            machine.programs[SSH] = self._ssh_from(machine)

    def isolate(self, name: str) -> None:
        """Nobody reaches a machine any more."""
        self.cut |= {frozenset((name, other)) for other in self.machines if other != name}

    def _ssh_from(self, machine: Machine) -> Callable[[Sequence[str], bytes | None], tuple[int, str, str]]:
        def ssh(words: Sequence[str], stdin: bytes | None) -> tuple[int, str, str]:
            dashes = words.index("--")
            server, command = words[dashes + 1 :]
            there = self.machines.get(server)
            if there is None or frozenset((machine.name, server)) in self.cut:
                return 255, "", f"ssh: connect to host {server} port 22: No route to host\n"
            argv = tuple(shlex.split(command))
            if argv[0].endswith(FAR_END) and FAR_END not in there.programs:
                return 127, "", f"bash: {argv[0]}: No such file or directory\n"
            with there.running():
                answer = there.run(argv, deadline=_FOR_EVER, stdin=stdin)
            return answer.status, answer.stdout, answer.stderr

        return ssh

"""The other servers, behind one fake: storage's run functions as the transport calls them. No ssh, no processes."""

from __future__ import annotations

import json
import os
import shlex
import signal
from typing import TYPE_CHECKING, Any

from lvmkit import VERSION
from lvmkit.entry import peer, report
from lvmkit.model import names
from lvmkit.model.messages import Failure, Message
from lvmkit.peer import transport, wire
from lvmkit.storage.run import Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pytest

    from lvmkit.host import Devices
    from lvmkit.plan import Kit
    from lvmkit.storage.run import Command

HELLO = json.dumps({"hello": {"protocol": wire.PROTOCOL, "version": VERSION, "boot": "another"}})


class Asked:
    """One request as it arrived on a server, and the seconds that it had."""

    def __init__(self, server: str, envelope: dict[str, Any], deadline: float) -> None:
        self.server, self.deadline = server, deadline
        self.asker: str = envelope["asker"]
        self.name: str = envelope["request"]
        self.facts: dict[str, Any] = envelope["facts"]
        assert (envelope["server"], envelope["protocol"]) == (server, wire.PROTOCOL)


class Servers:
    """All other servers. A test gives the answers by server, else by request; without one they succeed with nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, Callable[[Asked], Finished]] = {}
        """server or name of a request: what answers"""
        self.commands: list[tuple[str, str]] = []
        """(server, program) of what is run there that is not the kit's far end"""
        self.dmsetup: dict[str, Finished | Message] = {}
        """server: what its dmsetup says"""
        self.take_over(monkeypatch)

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer what the transport asks."""
        monkeypatch.setattr(transport, "run", self._run)
        monkeypatch.setattr(transport, "run_all", self._run_all)

    @property
    def requests(self) -> list[tuple[str, str]]:
        """(server, name) of every request."""
        return [(each.server, each.name) for each in self.asked]

    def silent(self, name: str, why: Message) -> None:
        """Nothing comes of what this server, or all for this request, are asked."""

        def answer(_asked: Asked) -> Finished:
            raise Failure(why)

        self.answers[name] = answer

    def prints(self, name: str, stdout: str, stderr: str = "", status: int = 0) -> None:
        """The answer in full."""
        self.answers[name] = lambda _asked: finished(stdout, stderr, status)

    def says(self, name: str, *messages: Message, **result: object) -> None:
        """A whole answer; without a result it is a failure."""
        whole = self.whole(*messages, **result)
        self.answers[name] = lambda _asked: whole

    @staticmethod
    def whole(*messages: Message, **result: object) -> Finished:
        """The answer of says()."""
        return finished(*_whole(messages, result))

    def lacks_the_kit(self, server: str, status: int = 127) -> None:
        """No program of the kit is there, or an older kit that does not have this one."""
        self.prints(server, "", "sh: 1: /opt/LifeKeeper/bin/lvmkit-peer: not found", status)

    def _run(
        self,
        argv: Sequence[str],
        *,
        deadline: float,
        stdin: bytes | None = None,
        hear: Callable[[str], None] | None = None,
    ) -> Finished:
        server, program = argv[-2], shlex.split(argv[-1])
        assert argv[-3] == "--"
        if not program[0].endswith("/bin/lvmkit-peer"):
            return self._run_other(server, program)
        asked = Asked(server, json.loads(stdin or b""), deadline)
        self.asked.append(asked)
        answer = self.answers.get(server) or self.answers.get(asked.name)
        done = answer(asked) if answer else finished(*_whole((), {"devices": [], "bystanders": []}))
        for line in done.stdout.splitlines() if hear else ():
            hear(line)  # type: ignore[misc]
        return done

    def _run_other(self, server: str, program: list[str]) -> Finished:
        self.commands.append((server, program[0]))
        said = self.dmsetup.get(server, finished("No devices found\n"))
        if isinstance(said, Message):
            raise Failure(said)
        return finished(f"lvmkit-boot another\n{said.stdout}", said.stderr, said.status)

    def _run_all(self, commands: Sequence[Command], *, deadline: float) -> tuple[Finished | Failure, ...]:
        outcomes: list[Finished | Failure] = []
        for command in commands:
            try:
                outcomes.append(self._run(command.argv, deadline=deadline, stdin=command.stdin))
            except Failure as failure:
                outcomes.append(failure)
        return tuple(outcomes)


class FarEnd:
    """The real far end of one server, in this process; its kit is the test's."""

    def __init__(self, open_kit: Callable[..., Kit], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.logged: list[bytes] = []
        self.lines: list[str] = []
        """of the last answer"""
        self.write: Callable[[str], None] = self.lines.append
        self._open_kit = open_kit
        self._folder = folder
        monkeypatch.setattr(peer, "write_line", lambda text: self.write(text))
        monkeypatch.setattr(report, "_send", self._log)
        monkeypatch.setattr(os, "geteuid", lambda: 0)

    def _log(self, _path: str, datagram: bytes) -> bool:
        self.logged.append(datagram)
        return True

    def receive(self, request: bytes, *arguments: str) -> int:
        """Let it answer; its exit status."""
        return self.hear(lambda: request, *arguments)

    def hear(self, read: Callable[[], bytes], *arguments: str) -> int:
        """The same for what is read in a way of the test's own."""
        from tests.unit.fakes import paths

        self.lines.clear()
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            return peer.answer(list(arguments), read, paths(self._folder), self._open_kit)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def __call__(self, asked: Asked) -> Finished:
        """What it answers to a request, as coming from another machine."""
        envelope = {"protocol": wire.PROTOCOL, "asker": asked.asker, "server": asked.server}
        status = self.receive(json.dumps({**envelope, "request": asked.name, "facts": asked.facts}).encode())
        return finished("\n".join((HELLO, *self.lines[1:])), "", status)

    @property
    def messages(self) -> list[str]:
        """The numbers of the messages of the last answer."""
        contents = [json.loads(line) for line in self.lines]
        return [content["message"]["number"] for content in contents if "message" in content]


def devices(vg_uuid: str, *volumes: str) -> Devices:
    """What a kernel holds of a volume group."""
    return tuple((volume, names.dm_uuid(vg_uuid, volume)) for volume in volumes)


def finished(stdout: str, stderr: str = "", status: int = 0) -> Finished:
    """A program that ended."""
    return Finished(("/there",), status, stdout, stderr, 0.1)


def _whole(messages: Sequence[Message], result: dict[str, Any]) -> tuple[str, str, int]:
    lines = [HELLO, *map(wire.message_line, messages)]
    if result:
        lines.append(wire.result_line(result))
    return "".join(f"{line}\n" for line in lines), "", wire.DONE if result else wire.FAILED

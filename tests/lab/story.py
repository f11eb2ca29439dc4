"""What the demonstrations have in common: guests that are there for them alone, and a way to tell what happens."""

from __future__ import annotations

import os
import shlex
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from lab.guests import cockpit
from lab.guests.errors import LabError
from lab.guests.lab import CHECKOUT, KINDS, PLAIN, Lab, Result

COMMAND_TIMEOUT = 600.0
"""seconds: longer than the kit itself waits for anything"""
DEADLINE = 20.0
WIDTH = 116
KEPT = f"""
The guests stay up. To look into the first one, at its console, at its page in Cockpit, and to end them all:
    tests/lab/lab run 1 -- lvmkit status
    tests/lab/lab console 1
    tests/lab/lab page    (then open {cockpit.address(cockpit.PORT)})
    tests/lab/lab down"""


class Story:
    """Tells what happens, runs it in a guest, and shows what the guest answered."""

    def __init__(self, lab: Lab, *, prompt: str = "#") -> None:
        """Tell the story of one lab, from now. prompt: what stands before a command; {node} is the guest's number."""
        self._lab = lab
        self._prompt = prompt
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the story has taken so far."""
        return time.monotonic() - self._begun

    def chapter(self, title: str) -> None:
        """Begin a new part."""
        click.echo(f"\n[{self.seconds:5.1f} s] {title}")

    def say(self, text: str) -> None:
        """Say something of one's own; lines stay as they are."""
        click.echo(textwrap.indent(text, "    "))

    def run(self, *argv: str, node: int = 1, expected: int = 0, shown: bool = True) -> Result:
        """Run a command in a guest; an exit code other than the expected one ends the demo."""
        click.echo(f"    {self._prompt.format(node=node)} {shlex.join(argv)}")
        started = time.monotonic()
        out, err = Lines(shown), Lines(shown)
        code = self._lab.stream(node, argv, out.take, err.take, timeout=COMMAND_TIMEOUT)
        result = Result(argv, code, out.end(), err.end())
        click.echo(f"      ({time.monotonic() - started:.1f} s, exit {code})")
        if code != expected:
            raise LabError(f"{shlex.join(argv)}: exit {code}, not {expected}{'' if shown else f': {result.stderr}'}")
        return result


class Lines:
    """What a command says on one of its outputs, shown line by line as it comes."""

    def __init__(self, shown: bool) -> None:
        """shown: False only keeps it."""
        self._shown = shown
        self._data = bytearray()
        self._told = 0

    def take(self, data: bytes) -> None:
        """Take some more of it."""
        self._data += data
        whole = self._data.rfind(b"\n") + 1
        if whole > self._told:
            self._tell(whole)

    def end(self) -> str:
        """Show what is left, and return all of it."""
        if self._told < len(self._data):
            self._tell(len(self._data))
        return os.fsdecode(bytes(self._data))

    def _tell(self, until: int) -> None:
        text = bytes(self._data[self._told : until]).decode("utf-8", "replace")
        self._told = until
        for line in text.splitlines() if self._shown else ():
            wrapped = textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""]
            click.echo(textwrap.indent("\n".join(wrapped), "      "))


def same(before: str, after: str) -> None:
    """Raise LabError unless two answers are the same."""
    if before != after:
        raise LabError(f"the file changed: {before} {after}")


def until(holds: Callable[[], bool], what: str, deadline: float = DEADLINE) -> None:
    """Wait until something holds. Raises LabError after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not holds():
        if time.monotonic() > end:
            raise LabError(f"waited {deadline:.0f} s for {what}")
        time.sleep(0.2)


@contextmanager
def stage(name: str, kind: str = PLAIN) -> Iterator[Lab]:
    """Guests with the working tree installed, gone afterwards. kind: PLAIN, or CLUSTER for two that are one.

    With KEEP in the environment they stay, as the lab's own guests of this checkout, and it is said how to reach them.
    """
    begun = time.monotonic()
    is_kept = bool(os.environ.get("KEEP"))

    def progress(line: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.1f} s] {line}")

    lab = Lab(None if is_kept else f"{name} of {CHECKOUT}", owned=not is_kept, progress=progress)
    if is_kept and lab.status():
        raise LabError("guests of this checkout are up already; 'tests/lab/lab down' ends them")
    is_up = False
    try:
        lab.up(kind=kind)
        is_up = True
        lab.push()
        count = KINDS[kind].counts[0]
        progress(f"{'a guest' if count == 1 else f'{count} guests'} with the kit installed, up")
        yield lab
    finally:
        if not is_kept:
            lab.down()
        elif is_up:
            click.echo(KEPT)

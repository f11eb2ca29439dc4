"""How a message leaves the process: one line on stderr, and one entry in the system's log.

The line is LifeKeeper's form, `prog[pid]: LEVEL:component:action:tag:NNNNNN:text`. journald gets the parts as fields
(systemd.journal-fields(7)), and the facts of the message, which its catalog fills in (cli/journal_catalog.py); where it
does not run, /dev/log gets the line (RFC 3164).
"""

from __future__ import annotations

import os
import sys

from lvmkit.model.messages import ERROR, FACT_FIELD, FATAL, INFO, WARN, shown
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.messages import Message

JOURNAL, SYSLOG = "/run/systemd/journal/socket", "/dev/log"
_PRIORITY = {INFO: 6, WARN: 4, ERROR: 3, FATAL: 2}
_FACILITY_DAEMON = 3


class Voice(Value):
    """Who speaks: the program, the resource type or part of the kit, the action and the tag it is about."""

    program: str
    component: str
    action: str
    tag: str = ""

    def line(self, message: Message) -> str:
        """The message in LifeKeeper's form."""
        return f"{self.program}[{os.getpid()}]: {self._parts(message)}"

    def tell(self, message: Message) -> None:
        """Say it on stderr and in the log."""
        write_stderr(self.line(message))
        self.log(message)

    def tell_all(self, messages: Sequence[Message]) -> None:
        """Say why work stopped: the messages of a Failure."""
        for message in messages:
            self.tell(message)

    def log(self, message: Message) -> None:
        """Say it in the log only."""
        fields = {
            "MESSAGE": self._parts(message),
            "PRIORITY": str(_PRIORITY[message.level]),
            "SYSLOG_IDENTIFIER": self.program,
            "MESSAGE_ID": message.journal_id(),
            "LVMKIT_NUMBER": f"{message.number:06d}",
            "LVMKIT_TAG": self.tag,
            "LVMKIT_ACTION": self.action,
        }
        for name, value in message.as_dict().items():
            fields[FACT_FIELD.format(name.upper())] = shown(value)
        _log(fields)

    def _parts(self, message: Message) -> str:
        tag = shown(self.tag)  # a tag that was not checked yet may hold anything
        return f"{message.level}:{self.component}:{self.action}:{tag}:{message.number:06d}:{message.text}"

    def log_text(self, text: str) -> None:
        """A trace or the last commands, line by line, in the log only."""
        for line in text.splitlines():
            fields = {"MESSAGE": line, "PRIORITY": "7", "SYSLOG_IDENTIFIER": self.program, "LVMKIT_TAG": self.tag}
            _log(fields)


def write_stderr(line: str) -> None:
    """A whole line in one write, so that lines of several processes do not mix; a closed stderr is no error."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        os.write(2, (line + "\n").encode("utf-8", "backslashreplace"))
    except OSError:
        return


def _log(fields: dict[str, str]) -> None:
    if not _send(JOURNAL, _journal_entry(fields)):
        _send(SYSLOG, _syslog_entry(fields))


def _journal_entry(fields: dict[str, str]) -> bytes:
    """journald's native protocol: KEY, newline, 64-bit length, value, newline."""
    entry = b""
    for key, value in fields.items():
        raw = value.encode("utf-8", "backslashreplace")
        entry += key.encode() + b"\n" + len(raw).to_bytes(8, "little") + raw + b"\n"
    return entry


def _syslog_entry(fields: dict[str, str]) -> bytes:
    priority = _FACILITY_DAEMON * 8 + int(fields["PRIORITY"])
    line = f"<{priority}>{fields['SYSLOG_IDENTIFIER']}[{os.getpid()}]: {fields['MESSAGE']}"
    return line.encode("utf-8", "backslashreplace")


def _send(path: str, datagram: bytes) -> bool:
    """Whether the log took it. A full or absent log never stops the work, so the send does not wait."""
    import _socket  # only when something is to be said; socket itself brings enum and selectors

    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_NONBLOCK)
    try:
        channel.connect(path)
        channel.send(datagram)
    except OSError:
        return False
    finally:
        channel.close()
    return True

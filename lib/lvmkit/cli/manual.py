"""lvmkit-messages(7) from the table of messages: `python3 -m lvmkit.cli.manual > lvmkit-messages.7`."""

from __future__ import annotations

import sys

from lvmkit import VERSION
from lvmkit.model.messages import catalogue
from lvmkit.view.explain import cause, readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message

DATE = "2026-11-22"
"""date of the page; fixed, as in the pages written by hand, so that the same table gives the same page"""

_ESCAPES = str.maketrans({"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"})

_HEAD = """\
.\\" Made from the table of messages by lvmkit.cli.manual; do not edit.
.TH LVMKIT\\-MESSAGES 7 {date} "lvmkit {version}" "LVM Recovery Kit"
.SH NAME
lvmkit\\-messages \\- the numbered messages of the LVM Recovery Kit
.SH DESCRIPTION
Everything the kit says has a number.
Words in angle brackets stand for the facts of the case.
Numbers up to 000030 and from 110000 to 110009 are those of the LVM Recovery Kit Administration Guide of 2006.
.PP
The exit codes are, in this order: that of an action or administration script; that of
.BR lvmkit (8),
.B adddelpv
and the LCDI commands; that of an OCF resource agent.
A command exits with the code of the first message that says why it failed.
.PP
.B lvmkit explain
.I NUMBER
prints the same on the terminal.
.SH MESSAGES
"""
_TAIL = """\
.SH SEE ALSO
.BR lvmkit (8),
.BR adddelpv (8)
"""


def page() -> str:
    """The page as roff source, for man(7) macros."""
    return _HEAD.format(date=DATE, version=escaped(VERSION)) + "".join(map(_entry, catalogue().values())) + _TAIL


def escaped(text: str) -> str:
    """The text with every character escaped that means something to roff, also a '.' at the start."""
    plain = text.translate(_ESCAPES)
    return f"\\&{plain}" if plain.startswith(".") else plain


def _entry(kind: type[Message]) -> str:
    parts = [
        f'.SS "{kind.number:06d} {kind.level}"',
        f".B {escaped(readable(kind, kind.template))}".replace('"', "\\(dq"),
        ".PP",
        escaped(cause(kind)),
        *_action(kind),
        ".PP",
        f"Exit codes: {kind.script_exit}, {kind.lcdi_exit}, {kind.ocf_exit}.",
    ]
    return "\n".join(parts) + "\n"


def _action(kind: type[Message]) -> tuple[str, ...]:
    return (".PP", escaped(readable(kind, kind.action))) if kind.action else ()


if __name__ == "__main__":
    sys.stdout.write(page())

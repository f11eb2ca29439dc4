"""The journal's catalog from the table of messages: `python3 -m lvmkit.cli.journal_catalog > lvmkit.catalog`.

`journalctl -x` then shows below each message its cause and what to do about it, with the facts of the case, which are
fields of the entry. The form is that of systemd's catalog files (catalog(5), https://systemd.io/CATALOG).
"""

from __future__ import annotations

import sys
import textwrap

from lvmkit.model.messages import FACT_FIELD, catalogue
from lvmkit.view.explain import cause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message

_WIDTH = 78
_HEAD = "# Made from the table of messages by lvmkit.cli.journal_catalog; do not edit.\n"


def catalog() -> str:
    """The whole file."""
    return _HEAD + "".join(map(_entry, catalogue().values()))


def _entry(kind: type[Message]) -> str:
    head = (
        f"-- {kind.journal_id()}",
        f"Subject: {kind.number:06d} {_with_facts(kind, kind.template)}",
        "Defined-By: lvmkit",
        "Documentation: man:lvmkit-messages(7)",
    )
    paragraphs = [cause(kind)]
    if kind.action:
        paragraphs.append(_with_facts(kind, kind.action))
    wrapped = (textwrap.fill(each, _WIDTH, break_long_words=False, break_on_hyphens=False) for each in paragraphs)
    return "\n" + "\n".join(head) + "\n\n" + "\n\n".join(wrapped) + "\n"


def _with_facts(kind: type[Message], sentence: str) -> str:
    """The template of a sentence as journalctl fills it in."""
    return sentence.format_map({name: f"@{FACT_FIELD.format(name.upper())}@" for name in kind._fields})


if __name__ == "__main__":
    sys.stdout.write(catalog())

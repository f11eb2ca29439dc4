"""lvmkit explain: what a message means and what to do about it."""

from __future__ import annotations

import click

from lvmkit.cli.layout import columns, folded, head
from lvmkit.cli.options import format_option, pass_session
from lvmkit.model.messages import Failure, Message, catalogue
from lvmkit.model.messages.command import NoSuchMessage
from lvmkit.model.phrase import Phrase
from lvmkit.view.explain import catalogue_facts, explanation_facts, readable
from lvmkit.view.language import translated, worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lvmkit.cli.session import Session

_WIDTH = 90
_LONGEST = 9


@click.command(
    "explain", epilog="Example: lvmkit explain 110014", short_help="Say what a message means and what to do."
)
@click.argument("number", metavar="[NUMBER]", required=False)
@click.option("--all", "every", is_flag=True, help="List all messages.")
@format_option
@pass_session
def command(session: Session, number: str | None, every: bool) -> int:
    """Say what the message with this number means, what to do about it, and which exit codes it leads to."""
    if every == (number is not None):
        raise click.UsageError(Phrase("Either NUMBER or --all."))

    def job() -> int:
        if number is None:
            kinds = catalogue().values()
            session.answer(lambda: catalogue_facts(kinds), lambda: _table(kinds))
        else:
            kind = _kind(number)
            session.answer(lambda: explanation_facts(kind), lambda: _page(kind))
        return 0

    return session.guard("explain", "", job)


def _kind(number: str) -> type[Message]:
    """The class of a message. Raises Failure (NoSuchMessage, 110101)."""
    is_number = number.isascii() and number.isdigit() and len(number) <= _LONGEST
    kind = catalogue().get(int(number)) if is_number else None
    if kind is None:
        raise Failure(NoSuchMessage(number or "''"))
    return kind


def _page(kind: type[Message]) -> str:
    told = explanation_facts(kind)
    codes = Phrase("script {script}, LCDI {lcdi}, OCF {ocf}", **told["exit"])
    rows = [
        *_labelled(Phrase("Cause:"), told["cause"]),
        *_labelled(Phrase("Action:"), told["action"] or Phrase("None needed.")),
        (Phrase("Exit:"), codes),
    ]
    text = "".join(f"  {line}\n" for line in folded(told["text"], _WIDTH))
    return f"{kind.number:06d} {kind.level}\n{text}\n{columns(rows)}"


def _labelled(label: str, words: str) -> Iterator[tuple[str, str]]:
    for line in folded(worded(words), _WIDTH):
        yield label, line
        label = ""


def _table(kinds: Iterable[type[Message]]) -> str:
    rows = [head("NUMBER", "LEVEL", "TEXT")]
    for kind in kinds:
        rows.append((f"{kind.number:06d}", kind.level, readable(kind, translated(kind.template))))
    return columns(rows)

"""lvmkit journal: changes that were interrupted and wait to be finished."""

from __future__ import annotations

import click

from lvmkit.cli.console import confirms, is_interactive
from lvmkit.cli.layout import columns, head
from lvmkit.cli.options import Word, dry_run_option, event_format_option, pass_session, quiet_option
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotConfirmed
from lvmkit.model.phrase import Phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.journal import Journal
    from lvmkit.plan import Kit


def _is_name(word: str) -> bool:
    return word == "journal" or (word.isascii() and word.isdecimal())


_NAME = Word("journal", Phrase("name of a journal"), _is_name)


@click.command("journal", epilog="Example: lvmkit journal 3", short_help="Look at interrupted changes, and drop one.")
@click.argument("name", metavar="[NAME]", type=_NAME, required=False)
@click.option("--retry", "again", is_flag=True, help="Try now to finish them or to take them back.")
@click.option("--drop", "dropped", is_flag=True, help="Forget this one; what is half done stays as it is.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@dry_run_option
@event_format_option
@quiet_option
@pass_session
def command(session: Session, name: str | None, again: bool, dropped: bool, yes: bool, dry_run: bool) -> int:
    """List the changes that were interrupted and are not finished yet; with NAME, show the steps of one.

    The next command here that changes something finishes them or takes them back. One that cannot be keeps only its
    own hierarchy waiting. Drop it when you have put things right by hand. Exit 0 when none is left, else 1.
    """
    if dropped and not name:
        raise click.UsageError(Phrase("--drop needs the NAME of a journal."))
    if dropped and again:
        raise click.UsageError(Phrase("--drop and --retry exclude each other."))

    def job(kit: Kit) -> int:
        from lvmkit.view.journal import journal_facts
        from lvmkit.workflow import unfinished

        journals = unfinished.unfinished(kit, name or "")
        if again and not dry_run:
            journals = tuple(journal for journal in unfinished.retry(kit) if name in (None, journal.name))
        if dropped and name and not dry_run:
            _ask(journals[0], yes)
            unfinished.drop(name, kit)
            journals = ()
        session.answer(
            lambda: journal_facts(journals, dry_run=dry_run), lambda: _as_text(journals, is_whole=bool(name))
        )
        return 1 if journals else 0

    return session.work("journal", name or "", job)


def _ask(journal: Journal, yes: bool) -> None:
    """On a terminal, raises Failure (NotConfirmed, 110112) unless the answer is yes."""
    if yes or not is_interactive():
        return
    if not confirms(Phrase("Forget '{work}' as it is?", work=journal.work)):
        raise Failure(NotConfirmed(Phrase("Dropping journal {name}", name=journal.name)))


def _as_text(journals: tuple[Journal, ...], *, is_whole: bool) -> str:
    if not journals:
        return ""
    text = columns([head("JOURNAL", "CHANGE", "STATE", "ABOUT"), *map(_row, journals)])
    if is_whole:
        text += "".join(map(_steps, journals))
    return text


def _steps(journal: Journal) -> str:
    from lvmkit.workflow.unfinished import steps_of

    rows = [(f"{number}.", state, what) for number, (state, what) in enumerate(steps_of(journal), 1)]
    return f"\n{columns(rows)}" if rows else ""


def _row(journal: Journal) -> tuple[str, ...]:
    from lvmkit.workflow.unfinished import state_of

    return journal.name, journal.work or "?", state_of(journal), ", ".join(journal.about) or "?"

"""Options and arguments that several commands share. Names are checked here, once, before anything is looked up."""

from __future__ import annotations

import click

from lvmkit.cli.session import JSON, JSONL, TEXT, Session
from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.phrase import Phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from click.shell_completion import CompletionItem

    from lvmkit.plan import Kit

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_LONGEST_PATH = 4095
"""PATH_MAX of Linux without its final NUL"""


class Word(click.ParamType):
    """A word that must be a name of some kind."""

    def __init__(
        self,
        name: str,
        what: str,
        *kinds: Callable[[str], bool],
        words: Callable[[Kit], Iterable[str]] = lambda _kit: (),
    ) -> None:
        """words: those that a shell offers."""
        self.name = name
        self._what = what
        self._kinds = kinds
        self._words = words

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word, unchanged. Raises Failure (InvalidName, 110100) when it is of none of the kinds."""
        word = str(value)
        if not any(is_one(word) for is_one in self._kinds):
            raise Failure(InvalidName(word or "''", self._what))
        return word

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What a shell offers for the word that is being typed."""
        del param
        from lvmkit.cli.completion import words_of  # only where a shell asks

        return words_of(ctx, self._words, incomplete)


def _servers(kit: Kit) -> Iterable[str]:
    return (server.name for server in kit.port.servers())


def _tags(kit: Kit) -> Iterable[str]:
    return kit.port.overview().union().tags


def _is_path(word: str) -> bool:
    """Whether this is an absolute path of printable characters, without '..'."""
    return word.startswith("/") and len(word) <= _LONGEST_PATH and word.isprintable() and ".." not in word.split("/")


PATH = Word("path", Phrase("mount point or device (an absolute path)"), _is_path)
SERVER = Word("server", Phrase("name of a server"), names.is_server_name, words=_servers)
TAG = Word("tag", Phrase("tag"), names.is_tag)
TAG_OR_ID = Word("tag", Phrase("tag or ID"), names.is_tag, _is_path, words=_tags)
"""what names a resource: its tag, or its ID (a mount point, the path of a volume, lvmvg-NAME)"""

DIGEST = Word("digest", Phrase("digest of a difference"), lambda word: word.isalnum() and word.isascii())


def _be_quiet(context: click.Context, _parameter: click.Parameter, given: bool) -> None:
    session = context.find_object(Session)
    if given and session is not None:
        session.quiet = True


quiet_option = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_be_quiet,
    help="No progress on stderr; warnings and errors still.",
)


def _choose_form(context: click.Context, _parameter: click.Parameter, form: str) -> None:
    session = context.find_object(Session)
    if session is not None:
        session.form = form


def _form_option(*forms: str, meaning: str) -> Callable[[Decorated], Decorated]:
    """--format, which is read before other words, so that what is said of them has the form that was asked for."""
    return click.option(
        "--format",
        type=click.Choice(forms),
        default=TEXT,
        show_default=True,
        is_eager=True,
        expose_value=False,
        callback=_choose_form,
        help=meaning,
    )


format_option = _form_option(TEXT, JSON, meaning="How the result is printed on stdout.")
event_format_option = _form_option(
    TEXT,
    JSON,
    JSONL,
    meaning="How the result is printed on stdout; jsonl: with messages and progress, as lines of JSON.",
)
dry_run_option = click.option("-n", "--dry-run", is_flag=True, help="Show what would be done; change nothing.")
resource_argument = click.argument("word", metavar="TAG|ID", type=TAG_OR_ID)
pass_session = click.make_pass_decorator(Session)

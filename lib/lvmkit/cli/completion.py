"""Completion for zsh and fish, by click: `python3 -m lvmkit.cli.completion zsh` prints the script that is installed.

The script calls lvmkit with _LVMKIT_COMPLETE set, which answers with words instead of doing anything. The script for
bash is written by hand (share/bash-completion), because click's would have the shell expand what stands in a tag.
"""

from __future__ import annotations

import os
import sys

from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from lvmkit.cli.session import Session
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from lvmkit.plan import Kit

VARIABLE = "_LVMKIT_COMPLETE"


def answers_shell(command: click.Command, session: Session) -> bool:
    """Whether a shell asks what could be typed; then that has been printed."""
    instruction = os.environ.get(VARIABLE, "")
    if not instruction:
        return False
    shell_complete(command, {"obj": session}, session.program, VARIABLE, instruction)
    return True


def words_of(context: click.Context, words: Callable[[Kit], Iterable[str]], incomplete: str) -> list[CompletionItem]:
    """What the engine knows that begins so; nothing where it cannot be asked, as by another user than root."""
    session = context.find_object(Session)
    if session is None or os.geteuid() != 0:
        return []
    try:
        known = list(words(session.open_quietly()))
    except Failure:
        return []
    return [CompletionItem(word) for word in known if word.startswith(incomplete)]


def script(shell: str, program: str) -> str:
    """The script for a shell. shell: zsh or fish.  program: lvmkit or adddelpv."""
    from lvmkit.cli import adddelpv
    from lvmkit.cli.program import program as lvmkit

    kind = get_completion_class(shell)
    if kind is None:
        raise ValueError(shell)
    command = adddelpv.program if program == adddelpv.NAME else lvmkit
    return kind(command, {}, program, VARIABLE).source() + "\n"


if __name__ == "__main__":
    sys.stdout.write(script(sys.argv[1], sys.argv[2]))

"""lvmkit status: the hierarchies as a tree, with what the kernel says against the engine's states on its servers."""

from __future__ import annotations

import time

import click

from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import TAG_OR_ID, event_format_option, pass_session, quiet_option
from lvmkit.cli.session import TEXT
from lvmkit.cli.surveyed import as_list, as_matrix
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages.view import NothingProtected
from lvmkit.model.phrase import Phrase
from lvmkit.model.value import replace
from lvmkit.view.language import worded
from lvmkit.view.status import status_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit
    from lvmkit.workflow.status import Survey
    from lvmkit.workflow.watcher import LastLook

_LONGEST_PAUSE = 86400


@click.command("status", epilog="Example: lvmkit status /data --watch", short_help="Show hierarchies and their states.")
@click.argument("word", metavar="[TAG|ID]", type=TAG_OR_ID, required=False)
@click.option(
    "--by", type=click.Choice(("tag", "id")), default="tag", show_default=True, help="Show resources by tag or by ID."
)
@click.option(
    "--watch",
    type=click.IntRange(1, _LONGEST_PAUSE),
    is_flag=False,
    flag_value=2,
    metavar="[SECONDS]",
    help="Show it again every so many seconds (2), until interrupted.",
)
@click.option("--exit-code", "judge", is_flag=True, help="Exit with 1 when a resource has failed or has a fault.")
@event_format_option
@quiet_option
@pass_session
def command(session: Session, word: str | None, by: str, watch: int | None, judge: bool) -> int:
    """Show all hierarchies, or the one below TAG, with state and reason; in a cluster on every server.

    A state with '!' is one that the kernel of this server does not confirm; the reason says why. A volume group that
    more than one server's kernel holds comes first; the other servers are not asked for that with --watch.
    """

    def job(kit: Kit) -> int:
        if watch is not None:
            return _repeat(watch, lambda: _show(_take_survey(word, kit), by, kit, session.answer_again))
        survey = _take_survey(word, kit, asks_others=kit.port.capabilities.several_servers)
        _show(survey, by, kit, session.answer)
        if session.form == TEXT:
            _tell_what_is_missing(survey, kit)
        return 1 if judge and not survey.is_well else 0

    return session.work("status", word or "", job)


def _take_survey(word: str | None, kit: Kit, *, asks_others: bool = False) -> Survey:
    """asks_others: whether the other servers are asked for volume groups that several kernels hold."""
    from lvmkit.workflow.status import survey

    seen = kit.port.overview()
    found = survey(kit, None if word is None else tag_of(word, seen.union()), seen)
    if not asks_others:
        return found
    from lvmkit.workflow.two_holders import held_twice

    tags = [resource.instance.tag for resource in found.resources]
    return replace(found, warnings=(*found.warnings, *held_twice(seen, kit, tags).values()))


def _show(survey: Survey, by: str, kit: Kit, answer: Callable[..., bool]) -> bool:
    """Print it. answer: of the session. False when nobody reads it any more."""
    from lvmkit.workflow.watcher import last_look

    watcher = last_look(kit.paths)
    shape = as_matrix if kit.port.capabilities.several_servers else as_list
    return answer(
        lambda: status_facts(survey, watcher.facts if watcher else None),
        lambda: shape(survey, by) + _watch_line(watcher),
    )


def _watch_line(watcher: LastLook | None) -> str:
    """When the watcher has looked; nothing where none runs."""
    if watcher is None:
        return ""
    return f"\n{worded(Phrase('Watched by lvmkit-watch.service, which looked {age} s ago.', age=watcher.age))}\n"


def _tell_what_is_missing(survey: Survey, kit: Kit) -> None:
    """Say to a person what would be expected and is not there."""
    from lvmkit.workflow.watcher import is_running, is_wanted, watcher_missing

    if not survey.resources:
        kit.tell(NothingProtected())
    elif is_wanted(kit) and not is_running(kit.paths):
        kit.tell(watcher_missing(kit))


def _repeat(seconds: int, show: Callable[[], bool]) -> int:
    """Show it again and again until interrupted, which is how this normally ends, or until nobody reads it any more."""
    try:
        while show():
            time.sleep(seconds)
    except Interruption:
        return 0
    return 0

"""lvmkit show: all that is recorded of a hierarchy, or the commands that would make it again."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line, write
from lvmkit.cli.layout import ASCII_GLYPHS, columns, twigs
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import TAG_OR_ID, pass_session, quiet_option
from lvmkit.cli.session import JSON, TEXT
from lvmkit.model.phrase import Phrase
from lvmkit.view.document import document
from lvmkit.view.show import show_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cli.session import Session
    from lvmkit.cluster.port import Overview
    from lvmkit.plan import Kit
    from lvmkit.workflow.status import Place, Resource, Survey

_CMD = "cmd"


@click.command(
    "show", epilog="Example: lvmkit show /data --output-format cmd", short_help="Show all that is recorded of it."
)
@click.argument("word", metavar="[TAG|ID]", type=TAG_OR_ID, required=False)
@click.option(
    "--output-format",
    "--format",
    "form",
    type=click.Choice((TEXT, JSON, _CMD)),
    default=TEXT,
    show_default=True,
    help="How the result is printed on stdout; cmd: as the commands that would make the hierarchy again.",
)
@quiet_option
@pass_session
def command(session: Session, word: str | None, form: str) -> int:
    """Show types, IDs, identities, switchback, and states and priorities on every server, from TAG down, or of all.

    It is what the engine has recorded; 'lvmkit status' compares that with the kernel.
    """

    def job(kit: Kit) -> int:
        seen = kit.port.overview()
        tag = tag_of(word, seen.union()) if word else None
        write(_as_commands(tag, seen, kit) if tag and form == _CMD else _recorded(tag, seen, form))
        return 0

    if form == _CMD and not word:
        raise click.UsageError(Phrase("Commands can be shown of one TAG|ID."))
    return session.work("show", word or "", job)


def _as_commands(tag: str, seen: Overview, kit: Kit) -> str:
    """Commands for a shell, one a line; what to know about them goes to stderr."""
    import shlex

    from lvmkit.model.messages.view import MeantFor
    from lvmkit.workflow.recreate import recreation

    recipe = recreation(tag, seen)
    if seen.has_several_servers:
        kit.tell(MeantFor(recipe.server))
    for message in recipe.renamed:
        kit.tell(message)
    return one_a_line(map(shlex.join, recipe.commands))


def _recorded(tag: str | None, seen: Overview, form: str) -> str:
    from lvmkit.workflow.status import recorded

    survey = recorded(seen, tag)
    ordered = tuple(_parents_first(survey))
    return document(show_facts(survey, ordered)) if form == JSON else "\n".join(map(_block, ordered))


def _parents_first(survey: Survey) -> Iterable[Resource]:
    """In the order of the tree, each once."""
    by_tag = {resource.instance.tag: resource for resource in survey.resources}
    ordered: dict[str, Resource] = {}
    for twig in twigs(survey.roots, lambda tag: by_tag[tag].children, ASCII_GLYPHS):
        ordered.setdefault(twig.tag, by_tag[twig.tag])
    return ordered.values()


def _block(resource: Resource) -> str:
    """A resource: its tag and type, then a line for each fact and for each server."""
    instance = resource.instance
    facts = {
        "id": instance.id,
        "required by": ", ".join(resource.parents),
        "requires": ", ".join(resource.children),
        "switchback": instance.switchback,
        "initialisation": instance.initialisation,
    }
    rows = [*facts.items(), *instance.details.items()]
    for place in resource.places:
        rows.append((f"on {place.instance.server}", _there(place, resource)))
    head = columns([(f"{instance.tag} ({instance.app}/{instance.type})",)])
    return head + columns((f"  {name}", value) for name, value in rows if value)


def _there(place: Place, resource: Resource) -> str:
    """State and priority on a server, the reason, and what differs there from the facts above."""
    here, there = resource.instance, place.instance
    parts = [there.state, f"priority {place.priority}" if place.priority else "", there.reason]
    if there.id != here.id:
        parts.append(f"id {there.id}")
    for name, value in there.details.items():
        if value != here.details.get(name, ""):
            parts.append(f"{name} {value}")
    return ", ".join(filter(None, parts))

"""lvmkit show: all that is recorded of a hierarchy, or the commands that would make it again."""

from __future__ import annotations

import click

from lvmkit.cli.console import write
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import JSON, TEXT, pass_session, quiet_option, resource_argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.cli.session import Session
    from lvmkit.cluster.port import Overview
    from lvmkit.plan import Kit
    from lvmkit.workflow.status import Place, Resource, Survey

_CMD = "cmd"


@click.command(
    "show", epilog="Example: lvmkit show /data --output-format cmd", short_help="Show all that is recorded of it."
)
@resource_argument
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
def command(session: Session, word: str, form: str) -> int:
    """Show types, IDs, identities, switchback, and states and priorities on every server, from TAG down.

    It is what the engine has recorded; 'lvmkit status' compares that with the kernel.
    """

    def job(kit: Kit) -> int:
        seen = kit.port.overview()
        tag = tag_of(word, seen.union())
        write(_as_commands(tag, seen, kit) if form == _CMD else _recorded(tag, seen, form))
        return 0

    return session.work("show", word, job)


def _as_commands(tag: str, seen: Overview, kit: Kit) -> str:
    """Commands for a shell, one a line; what to know about them goes to stderr."""
    import shlex

    from lvmkit.model.messages.view import MeantFor
    from lvmkit.workflow.recreate import recreation

    found = recreation(tag, seen)
    for message in (*((MeantFor(found.server),) if seen.is_shared else ()), *found.renamed):
        kit.tell(message)
    return "".join(f"{shlex.join(words)}\n" for words in found.commands)


def _recorded(tag: str, seen: Overview, form: str) -> str:
    from lvmkit.workflow.status import recorded

    found = recorded(seen, tag)
    ordered = tuple(_parents_first(found))
    if form != JSON:
        return "\n".join(map(_block, ordered))
    from lvmkit.view.document import document
    from lvmkit.view.show import show_facts

    return document(show_facts(found, ordered))


def _parents_first(found: Survey) -> Iterator[Resource]:
    """In the order of the tree, each once."""
    from lvmkit.cli.layout import ASCII_GLYPHS, twigs

    by_tag = {resource.instance.tag: resource for resource in found.resources}
    tree = twigs(found.roots, lambda tag: by_tag[tag].children, ASCII_GLYPHS)
    return (by_tag[tag] for tag in dict.fromkeys(twig.tag for twig in tree))


def _block(resource: Resource) -> str:
    """A resource: its tag and type, then a line for each fact and for each server."""
    from lvmkit.cli.layout import columns

    i = resource.instance
    rows = [("id", i.id), ("required by", ", ".join(resource.parents)), ("requires", ", ".join(resource.children))]
    rows += [("switchback", i.switchback), ("initialisation", i.initialisation), *i.details.items()]
    rows += [(f"on {place.instance.server}", _there(place, resource)) for place in resource.places]
    return f"{columns([(f'{i.tag} ({i.app}/{i.type})',)])}{columns([(f'  {n}', value) for n, value in rows if value])}"


def _there(place: Place, resource: Resource) -> str:
    """State and priority on a server, the reason, and what is other there than above."""
    here, there = resource.instance, place.instance
    priority = f"priority {place.priority}" if place.priority else ""
    other = [("id", there.id, here.id), *((n, v, here.details.get(n, "")) for n, v in there.details.items())]
    differing = [f"{name} {value}" for name, value, usual in other if value != usual]
    return ", ".join(filter(None, (there.state, priority, there.reason, *differing)))

"""lvmkit schema: the JSON Schema of a command's answer."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line, write
from lvmkit.cli.options import pass_session
from lvmkit.view.schema import DOCUMENTS, schema_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session


@click.command("schema", epilog="Example: lvmkit schema status", short_help="Print the JSON Schema of an answer.")
@click.argument("name", metavar="[COMMAND]", type=click.Choice(tuple(DOCUMENTS)), required=False)
@pass_session
def command(session: Session, name: str | None) -> int:
    """Print the JSON Schema of what COMMAND answers with --format json, or the commands that answer so, one a line.

    'watch' is no command: it is what the watcher writes into /run/lvmkit/watch.json.
    """

    def job() -> int:
        write(one_a_line(DOCUMENTS) if name is None else _schema(name))
        return 0

    return session.guard("schema", "", job)


def _schema(name: str) -> str:
    import json  # only where a schema is printed

    return json.dumps(schema_of(name), indent=2) + "\n"

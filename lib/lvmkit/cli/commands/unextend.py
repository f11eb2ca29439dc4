"""lvmkit unextend: take a server from a hierarchy; data and disks stay."""

from __future__ import annotations

import click

from lvmkit.cli.console import one_a_line, write
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import (
    JSON,
    SERVER,
    dry_run_option,
    format_option,
    pass_session,
    quiet_option,
    resource_argument,
)
from lvmkit.model.instance import tags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit


@click.command(
    "unextend", epilog="Example: lvmkit unextend /data --from node2", short_help="Take a server from a hierarchy."
)
@resource_argument
@click.option("--from", "server", type=SERVER, metavar="SERVER", required=True, help="Where it shall run no more.")
@dry_run_option
@format_option
@quiet_option
@pass_session
def command(session: Session, word: str, server: str, dry_run: bool, form: str) -> int:
    """Take the server from the hierarchy and from all that stands on the same volume group.

    It must not be in service there, and must have another server. A server that is down is taken from the cluster's
    configuration only. The tags that it lost are printed on stdout.
    """

    def job(kit: Kit) -> int:
        tag = tag_of(word, kit.port.overview().union())
        write(_preview(tag, server, kit, form) if dry_run else _taken(tag, server, kit, form))
        return 0

    return session.work("unextend", word, job)


def _taken(tag: str, server: str, kit: Kit, form: str) -> str:
    from lvmkit.workflow.elsewhere import unextend

    tags = unextend(tag, server, kit)
    if form == JSON:
        return _as_json(tag, server, tags)
    return one_a_line(tags)


def _preview(tag: str, server: str, kit: Kit, form: str) -> str:
    from lvmkit.cli.layout import numbered
    from lvmkit.workflow.unextend import draft_unextension

    draft = draft_unextension(tag, server, kit)
    steps = draft.plan.describe()
    return _as_json(tag, server, tags_of(draft.gone), steps) if form == JSON else numbered(steps)


def _as_json(tag: str, server: str, tags: tuple[str, ...], steps: tuple[str, ...] | None = None) -> str:
    from lvmkit.view.document import document
    from lvmkit.view.unextend import unextension_facts

    return document(unextension_facts(tag, server, tags, steps))

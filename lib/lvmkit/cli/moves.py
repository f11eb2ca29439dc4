"""The order in which resources would go in or out of service."""

from __future__ import annotations

from lvmkit.cli.console import write
from lvmkit.cli.options import JSON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.instance import Instance


def show_order(action: str, tag: str, order: Sequence[Instance], form: str) -> int:
    """Print what an action on a tag would run, first to last; returns exit code 0. Nothing is printed for nothing.

    action: restore or remove.
    """
    if form == JSON:
        from lvmkit.cli.document import document

        resources = [{"tag": i.tag, "type": i.type, "id": i.id, "state": i.state} for i in order]
        write(document({"action": action, "tag": tag, "dry_run": True, "resources": resources}))
    else:
        from lvmkit.cli.layout import columns

        write(columns([(f"{n}.", action, i.tag, i.type, i.state) for n, i in enumerate(order, 1)]))
    return 0

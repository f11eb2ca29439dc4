"""What lvmkit report answers: where the bundle is, and what is not in it."""

from __future__ import annotations

from lvmkit.view import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.workflow.report import Bundle

SCHEMA = schema.answer(
    "The report for support",
    {
        "path": schema.text("The archive, which only root may read."),
        "size": {"type": "integer", "description": "Its bytes."},
        "missing": schema.texts("Parts that it lacks, in whole or in part; index.txt in it says why."),
    },
)


def report_facts(bundle: Bundle) -> dict[str, Any]:
    """bundle: what was written."""
    return bundle.as_dict()

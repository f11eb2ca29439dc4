"""What lvmkit doctor answers: its findings on every server that was looked at."""

from __future__ import annotations

from lvmkit.view import language, schema
from lvmkit.view.document import utc_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.peer.answers import Finding
    from lvmkit.workflow.doctor import Diagnosis

_FINDING_FIELDS = {
    "server": schema.text("Where it was found; empty for the cluster as a whole."),
    "about": schema.text("What it is about, such as a volume group; empty for a look that could not be taken."),
    **schema.MESSAGE_FIELDS,
}
SCHEMA = schema.answer(
    "What would cause trouble later",
    {
        "server": schema.HERE,
        "time": schema.TIME,
        "servers": schema.texts("The servers that were looked at."),
        "well": schema.flag("Whether there is nothing worse than a note: then the exit status is 0."),
        "findings": schema.several(schema.record(_FINDING_FIELDS), "What was found."),
    },
)


def doctor_facts(diagnosis: Diagnosis) -> dict[str, Any]:
    """The findings, with this server first among those that were looked at."""
    return {
        "server": diagnosis.servers[0],
        "time": utc_time(),
        "servers": diagnosis.servers,
        "well": diagnosis.is_well,
        "findings": list(map(_finding_facts, diagnosis.findings)),
    }


def _finding_facts(finding: Finding) -> dict[str, str]:
    return {"server": finding.server, "about": finding.about, **language.finding_in_words(finding)}

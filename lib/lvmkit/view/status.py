"""What lvmkit status answers: the survey, with what the kernel says against it."""

from __future__ import annotations

from lvmkit.view import schema
from lvmkit.view.document import message_facts
from lvmkit.view.survey import RESOURCE_FIELDS, resource_facts, survey_facts, survey_schema
from lvmkit.view.watch import FIELDS as WATCH_FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.workflow.status import Resource, Survey

SCHEMA = survey_schema(
    "The hierarchies, and what the kernel says of them",
    {
        **RESOURCE_FIELDS,
        "contradicted": schema.flag("Whether the kernel of this server disagrees with the state."),
        "needs_attention": schema.flag("Whether it failed on a server, or the kernel of this one disagrees."),
        "faults": schema.several(schema.MESSAGE, "What the kernel of this server says of it."),
    },
    {
        "well": schema.flag("Whether nothing needs attention: then the exit status with --exit-code is 0."),
        "watcher": schema.or_null(
            schema.record(WATCH_FIELDS, "What the watcher of this server has seen; null: none runs.")
        ),
    },
)


def status_facts(survey: Survey, watcher: dict[str, Any] | None = None) -> dict[str, Any]:
    """All resources, in the order in which they were created. watcher: view.watch.watch_facts()."""
    resources = list(map(_judged_facts, survey.resources))
    return {**survey_facts(survey), "well": survey.is_well, "watcher": watcher, "resources": resources}


def _judged_facts(resource: Resource) -> dict[str, Any]:
    return {
        **resource_facts(resource),
        "contradicted": resource.is_contradicted,
        "needs_attention": resource.needs_attention,
        "faults": message_facts(resource.faults),
    }

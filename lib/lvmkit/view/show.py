"""What lvmkit show answers: what the engine has recorded; the kernel is not asked."""

from __future__ import annotations

from lvmkit.view.survey import RESOURCE_FIELDS, resource_facts, survey_facts, survey_schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from lvmkit.workflow.status import Resource, Survey

SCHEMA = survey_schema("What is recorded of a hierarchy", RESOURCE_FIELDS)


def show_facts(survey: Survey, resources: Iterable[Resource]) -> dict[str, Any]:
    """resources: those of the survey, in the order in which they are to be read."""
    return {**survey_facts(survey), "resources": list(map(resource_facts, resources))}

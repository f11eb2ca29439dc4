"""What status and show have in common: a survey, and what the engine has recorded of one resource."""

from __future__ import annotations

from lvmkit.view import schema
from lvmkit.view.document import message_facts, utc_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.workflow.status import Place, Resource, Survey

_INFO = schema.table({"type": "string"}, "Facts by which the resource is recognised, such as vg_uuid.")
_REASON = schema.text("Why the engine stored that state; empty where it is as wanted.")
_PLACE_FIELDS = {
    "state": schema.STATE,
    "reason": _REASON,
    "priority": {
        "type": ["integer", "null"],
        "description": "From 1, the highest, to 999; null for devices and disks, which have none of their own.",
    },
    "id": schema.ID,
    "info": _INFO,
}
_SERVER_FIELDS = {
    "name": schema.text("Its name in the cluster."),
    "online": schema.flag("Whether it is an active member."),
    "unfit": schema.text("Why it cannot take a resource; empty where it can."),
}
RESOURCE_FIELDS = {
    "tag": schema.TAG,
    "server": schema.text(
        "The server whose record this is: the one that answers, else the first to which the resource is extended."
    ),
    "id": schema.ID,
    "type": schema.TYPE,
    "app": schema.text("The application that the type belongs to: scsi or gen."),
    "state": schema.STATE,
    "reason": _REASON,
    "switchback": schema.text("Whether it goes home when a failed server returns.", "INTELLIGENT", "AUTOMATIC"),
    "initialisation": schema.text("The state after a boot.", "AUTORES_ISP", "INIT_ISP", "INIT_OSU"),
    "parents": schema.texts("Tags of the resources that require it."),
    "children": schema.texts("Tags of the resources that it requires."),
    "info": _INFO,
    "servers": schema.table(
        schema.record(_PLACE_FIELDS), "What it is on each server that has it, by the server's name."
    ),
}


def survey_schema(title: str, resource_fields: schema.Schema, further: schema.Schema | None = None) -> schema.Schema:
    """The schema of an answer that holds a survey. further: what it has beside the survey."""
    fields = {
        **(further or {}),
        "server": schema.HERE,
        "time": schema.TIME,
        "servers": schema.several(schema.record(_SERVER_FIELDS), "The servers of the cluster."),
        "warnings": schema.several(
            schema.MESSAGE, "What is wrong with the cluster as a whole, and volume groups that several kernels hold."
        ),
        "roots": schema.texts("Tags below which every other resource of the answer is found."),
        "resources": schema.several(schema.record(resource_fields), "The resources."),
    }
    return schema.answer(title, fields)


def survey_facts(survey: Survey) -> dict[str, Any]:
    """A survey but for its resources."""
    return {
        "server": survey.server,
        "time": utc_time(),
        "servers": [server.as_dict() for server in survey.servers],
        "warnings": message_facts(survey.warnings),
        "roots": survey.roots,
    }


def resource_facts(resource: Resource) -> dict[str, Any]:
    """What the records say of one resource; all but `servers` is as the server named in `server` has it."""
    instance = resource.instance
    return {
        **instance.as_dict(),
        "parents": resource.parents,
        "children": resource.children,
        "info": instance.details,
        "servers": {place.instance.server: _place_facts(place) for place in resource.places},
    }


def _place_facts(place: Place) -> dict[str, Any]:
    instance = place.instance
    return {
        "state": instance.state,
        "reason": instance.reason,
        "priority": place.priority or None,
        "id": instance.id,
        "info": instance.details,
    }

"""Bring a hierarchy in service or take it out, through the engine."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import EndFailedInService
from lvmkit.plan import finish_interrupted
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit


def in_service(tag: str, kit: Kit) -> str:
    """Bring the tag and all it requires in service; returns the tag. Raises Failure (000022) with the reasons."""
    found = find(kit.port.hierarchy(), tag)
    with kit.port.admin_lock(f"in-service {tag}"):
        finish_interrupted(kit)
        try:
            kit.port.bring_in_service(found.tag, kit.tell)
        except Failure as failure:
            raise Failure(*failure.messages, EndFailedInService(found.tag, kit.port.local_server())) from failure
    return found.tag


def out_of_service(tag: str, kit: Kit) -> str:
    """Take the tag and all that requires it out of service; returns the tag. Raises Failure with the reasons."""
    found = find(kit.port.hierarchy(), tag)
    with kit.port.admin_lock(f"out-of-service {tag}"):
        finish_interrupted(kit)
        kit.port.take_out_of_service(found.tag, kit.tell)
    return found.tag

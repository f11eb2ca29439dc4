"""A file system for a parent kit: the one that a path lies on, protected, and required by the parent's resource.

One plan: where any of it fails the dependency goes again, and so does the hierarchy where it was made for this.
"""

from __future__ import annotations

from lvmkit.cluster.port import Change
from lvmkit.model.instance import FILESYS, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import HierarchyNotCreated, SwitchbackMismatch
from lvmkit.model.messages.storage import NotAMountPoint
from lvmkit.model.value import Value, replace
from lvmkit.plan import Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import Commit
from lvmkit.storage import mountinfo
from lvmkit.workflow.create import CreateRequest, draft_creation
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.plan import Kit


class Wanted(Value):
    """What a parent kit asks for."""

    path: str
    """anything on the file system"""
    parent: str
    """tag of the resource that is to require it"""
    switchback: str


def provide(wanted: Wanted, kit: Kit) -> str:
    """Protect the file system, where it is not, and link it below the parent; returns its tag.

    The admin lock is taken. What is there as wished is success. Raises Failure: 000019 for the parent, else the reasons
    and 110002; everything was taken back.
    """
    find(kit.port.hierarchy(), wanted.parent)
    try:
        with kit.port.admin_lock(f"filesyshier {wanted.path}"):
            finish_interrupted(kit)
            tag, steps = _draft(wanted, kit)
            carry_out(Plan(f"filesyshier {wanted.path}", steps), kit)
    except Failure as failure:
        raise Failure(*failure.messages, HierarchyNotCreated(wanted.path)) from failure
    return tag


def _draft(wanted: Wanted, kit: Kit) -> tuple[str, tuple[Step, ...]]:
    """(tag of the file system, what is to be done). Raises Failure as draft_creation(); 110064."""
    hierarchy = kit.port.hierarchy()
    mount = mountinfo.holding(mountinfo.real(wanted.path))
    if mount is None:
        raise Failure(NotAMountPoint(wanted.path))
    present = hierarchy.by_id(mount.mount_point, FILESYS)
    if present is not None:
        _warn(wanted.parent, present.tag, present.switchback, hierarchy, kit)
        link = Dependency(wanted.parent, present.tag)
        return present.tag, () if link in hierarchy.dependencies else (Commit(Change(link=(link,))),)
    draft = draft_creation(CreateRequest(mount.mount_point, "", wanted.switchback, FILESYS), kit)
    _warn(wanted.parent, draft.root, wanted.switchback, hierarchy, kit)
    return draft.root, tuple(_with_link(step, Dependency(wanted.parent, draft.root)) for step in draft.plan.steps)


def _with_link(step: Step, link: Dependency) -> Step:
    if not isinstance(step, Commit):
        return step
    return replace(step, change=replace(step.change, link=(*step.change.link, link)))


def _warn(parent: str, tag: str, switchback: str, hierarchy: Hierarchy, kit: Kit) -> None:
    if find(hierarchy, parent).switchback != switchback:
        kit.tell(SwitchbackMismatch(parent, tag, kit.port.local_server()))

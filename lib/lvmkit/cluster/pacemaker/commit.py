"""Writing to the CIB: one patch against the version that was read, or none."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import cib, elements, ids, tools
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import ConfigurationKeepsChanging, ConfigurationRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from lvmkit.cluster.pacemaker.tools import Tools

ATTEMPTS = 10
"""a monitor that fails somewhere changes the CIB too, so one or two more are nothing unusual"""


_PLACES = (elements.RESOURCES, elements.CONSTRAINTS)


def change(how: Tools, edit: Callable[[Element], Element], *, is_structural: bool = True) -> None:
    """Read the CIB, edit it, verify the result, and write the difference; from the start where the CIB has moved on.

    edit: returns a new CIB and may refuse with Failure; it runs once for each attempt.
    is_structural: False where only roles, the lock or constraints of a move change: these need no crm_verify, and a
    move is not to wait for it.
    Raises Failure: 110153 (verify), 110154 (too many attempts), 110150-110152, and what edit raises.
    """
    for _ in range(ATTEMPTS):
        before = tools.cibadmin_query(how)
        after = edit(before)
        if ours(before) == ours(after):
            return
        _raise_version(after)
        if is_structural:
            verify(how, before, after)
        if _is_written(how, before, after):
            return
    raise Failure(ConfigurationKeepsChanging(ATTEMPTS))


def verify(how: Tools, before: Element, after: Element) -> None:
    """Refuse a CIB with faults that the one before it has not. Raises Failure (110153)."""
    faults = tools.crm_verify(how, after)
    if faults:
        known = set(tools.crm_verify(how, before))
        fresh = tuple(fault for fault in faults if fault not in known)
        if fresh:
            raise Failure(ConfigurationRefused(fresh))


def ours(root: Element) -> frozenset[elements.Form]:
    """Our resources, devices, constraints and flags, each in a form that is the same however it was printed."""
    held = [element for path in _PLACES for element in elements.children(root, path)]
    for node in elements.children(root, elements.NODES):
        held += node
    return frozenset(elements.form(element) for element in held if element.get("id", "").startswith(ids.PREFIX))


def _raise_version(root: Element) -> None:
    version = cib.version(root)
    root.set("epoch", str(version.epoch + 1))
    root.set("num_updates", "0")


def _is_written(how: Tools, before: Element, after: Element) -> bool:
    """Write; False when the CIB is another one by now. A tool that failed may have written all the same: look."""
    difference = tools.crm_diff(how, before, after)
    try:
        return tools.cibadmin_patch(how, difference) == tools.OK
    except Failure:
        stored = tools.cibadmin_query(how)
        if cib.version(stored) == cib.version(before):
            raise
        return ours(stored) == ours(after)

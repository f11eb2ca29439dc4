"""Failures that others than the cluster's own monitors have found: each of them is reported and counted once.

Pacemaker counts failures for each operation, and for these under the name asyncmon. Before 2.1.6 it counts each of them
twice, as it finds them in two entries of its history (its ChangeLog: double-incrementing failcount for simulated
failures): the first would move at once what is to be recovered on the spot.
"""

from __future__ import annotations

import time

from lvmkit.cluster.pacemaker import elements, tools
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lvmkit.cluster.pacemaker.tools import Tools

_COUNTS_ONCE = (3, 17)
"""crm_feature_set of Pacemaker 2.1.6"""
_PATIENCE, _PAUSE = 5.0, 0.25
"""seconds in which the cluster has surely counted, and between two looks"""
_ATTRIBUTES = "transient_attributes/instance_attributes/nvpair"


def report(how: Tools, root: Element, resource: str, server: str) -> None:
    """Tell the cluster that a resource has failed on a server. root: the CIB. Raises Failure (110150-110152).

    Where it would count that twice it has one less before, so that at no moment it has too many.
    """
    name = f"fail-count-{resource}#asyncmon_0"
    before = _count(root, server, name)
    if before == elements.INFINITE or _feature_set(root) >= _COUNTS_ONCE:
        tools.crm_resource_fail(how, resource, server)
        return
    tools.crm_attribute_update(how, server, name, str(before - 1))
    try:
        tools.crm_resource_fail(how, resource, server)
    except Failure:
        tools.crm_attribute_update(how, server, name, str(before))
        raise
    _make_sure(how, server, name, before)


def _make_sure(how: Tools, server: str, name: str, before: int) -> None:
    """A distribution may have mended an old version: what was counted once only, or not at all, is put right."""
    pauses = int(_PATIENCE / _PAUSE)
    for _ in range(pauses):
        time.sleep(_PAUSE)
        now = _count(tools.cibadmin_query(how), server, name)
        if now not in (before - 1, before):
            return
    tools.crm_attribute_update(how, server, name, str(now + 1))


def _count(root: Element, server: str, name: str) -> int:
    """How many failures are counted."""
    for state in elements.children(root, "status", "node_state"):
        for pair in state.iterfind(_ATTRIBUTES):
            if (state.get("uname"), pair.get("name")) == (server, name):
                return elements.score(pair.get("value", ""))
    return 0


def _feature_set(root: Element) -> tuple[int, ...]:
    """What the server that decides can do; () where it is not said."""
    return tuple(int(part) for part in root.get("crm_feature_set", "").split(".") if part.isdigit())

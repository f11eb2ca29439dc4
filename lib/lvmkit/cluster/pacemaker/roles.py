"""In service and out of service as the cluster's wish: target-role, and whether it manages the resource at all."""

from __future__ import annotations

import copy

from lvmkit.cluster.pacemaker import primitive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

_HANDED_OVER: dict[str, str | None] = {"is-managed": None, "maintenance": None}


def started(root: Element, tags: Iterable[str]) -> Element:
    """The CIB in which the cluster is to run these tags. Tags without a primitive follow what requires them."""
    return _with_role(root, tags, "Started")


def stopped(root: Element, tags: Iterable[str]) -> Element:
    """The CIB in which the cluster is to stop these tags and keep them so."""
    return _with_role(root, tags, "Stopped")


def _with_role(root: Element, tags: Iterable[str], role: str) -> Element:
    made = copy.deepcopy(root)
    own = primitive.own(made)
    for tag in tags:
        if tag in own:
            primitive.set_meta(own[tag], {**_HANDED_OVER, "target-role": role})
    return made

"""Protected file systems within each other: the outer one, mounted last, would hide the inner one."""

from __future__ import annotations

from lvmkit.model.messages.storage import MountsNested
from lvmkit.storage.mountinfo import is_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nested(mount_point: str, others: Iterable[str]) -> tuple[MountsNested, ...]:
    """What to say of a mount point that lies within one of the others, or has one of them within it."""
    pairs = ((one, other) for each in others for one, other in ((mount_point, each), (each, mount_point)))
    return tuple(MountsNested(inner, outer) for inner, outer in pairs if is_below(inner, outer))

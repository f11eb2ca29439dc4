"""What the workflows need, where no engine of ours is: the cluster knows the resources, an agent its parameters."""

from __future__ import annotations

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.settings import COMPLETE
from lvmkit.model.value import replace
from lvmkit.plan import Kit
from lvmkit.storage.conffile import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lvmkit.entry.ocf.request import Call
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

_SHARES = {"command_deadline": 0.5, "busy_patience": 0.15, "lock_patience": 0.15, "probe_deadline": 0.1}
"""of the time that the cluster gives an action: so that we say what is stuck, before the cluster kills us in silence"""


class NoEngine:
    """In the place of an engine: with Pacemaker nobody stores a hierarchy for us."""

    def hierarchy(self) -> Hierarchy:
        """Nothing is known of disks or dependencies."""
        return Hierarchy()


def kit(call: Call, paths: Paths, tell: Callable[[Message], None], missing_pv: str = COMPLETE) -> Kit:
    """What restore and remove work with."""
    port: Any = NoEngine()  # all that they ask it is the hierarchy
    return Kit(port, paths, replace(settings(call, paths, tell), missing_pv=missing_pv), tell)


def settings(call: Call, paths: Paths, tell: Callable[[Message], None]) -> Settings:
    """The tunables of /etc/default/LifeKeeper, within the time of this action."""
    found, warnings = load_settings(paths.defaults)
    for warning in warnings:
        tell(warning)
    return replace(found, **_within(found, call.timeout))


def _within(found: Settings, timeout: float) -> dict[str, float]:
    if not timeout:
        return {}
    return {name: min(getattr(found, name), share * timeout) for name, share in _SHARES.items()}

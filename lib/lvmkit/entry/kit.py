"""The kit's tools, put together for one run: engine, paths, settings, and where messages go."""

from __future__ import annotations

from lvmkit.cluster.embedded import Engine
from lvmkit.storage.conffile import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths
    from lvmkit.plan import Kit


def engine(paths: Paths, tell: Callable[[Message], None]) -> Engine:
    """The engine of this server, with the tunables of /etc/default/LifeKeeper."""
    settings, warnings = load_settings(paths.defaults)
    for warning in warnings:
        tell(warning)
    return Engine(paths, settings)


def kit(paths: Paths, tell: Callable[[Message], None]) -> Kit:
    """Everything a workflow needs."""
    from lvmkit.plan import Kit  # plans need json, which a check must not pay for

    port = engine(paths, tell)
    return Kit(port, paths, port.settings, tell)

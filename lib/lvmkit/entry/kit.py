"""The kit's tools, put together for one run: engine, paths, settings, and where messages go."""

from __future__ import annotations

from lvmkit.cluster.embedded import Engine
from lvmkit.storage.conffile import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings
    from lvmkit.plan import Kit


def engine(paths: Paths, tell: Callable[[Message], None]) -> Engine:
    """The engine of this server."""
    return Engine(paths, _settings(paths, tell))


def kit(paths: Paths, tell: Callable[[Message], None]) -> Kit:
    """Everything a workflow needs."""
    from lvmkit.plan import Kit  # plans need json, which a check must not pay for

    settings = _settings(paths, tell)
    return Kit(Engine(paths, settings), paths, settings, tell)


def _settings(paths: Paths, tell: Callable[[Message], None]) -> Settings:
    """The tunables of /etc/default/LifeKeeper; what is wrong there is said, and the default counts."""
    settings, warnings = load_settings(paths.defaults)
    for warning in warnings:
        tell(warning)
    return settings

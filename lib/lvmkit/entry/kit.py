"""The kit's tools, put together for one run: engine, paths, settings, and where messages go."""

from __future__ import annotations

import os

from lvmkit.model.settings import AUTO, PACEMAKER, Paths
from lvmkit.storage.conffile import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lvmkit.cluster.embedded import Engine
    from lvmkit.cluster.pacemaker import Pacemaker
    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Settings
    from lvmkit.plan import Kit


def engine(paths: Paths, tell: Callable[[Message], None]) -> Engine | Pacemaker:
    """The engine of this server."""
    return _engine(paths, told_settings(paths, tell), tell)


def kit(paths: Paths, tell: Callable[[Message], None], server: str = "") -> Kit:
    """Everything a workflow needs. server: the name of this server, where an earlier kit has asked for it."""
    from lvmkit.plan import Kit  # plans need json, which a check must not pay for

    settings = told_settings(paths, tell)
    return Kit(_engine(paths, settings, tell, server), paths, settings, tell)


def installed(script: str) -> Paths:
    """The paths of an installation, <root>/bin/<name>; of a checkout those of the packages."""
    root = os.path.dirname(os.path.dirname(script))
    return Paths(lkroot=root) if os.path.isdir(f"{root}/subsys") else Paths()


def protected_volumes(group: VgFacts, paths: Paths, tell: Callable[[Message], None]) -> Sequence[LvFacts] | None:
    """The volumes of a group that a resource stands on; None where the group is protected as a whole.

    Starts no program, whichever engine it is. Raises Failure where the engine's records cannot be read.
    """
    if _is_pacemaker(paths, told_settings(paths, tell)):
        from lvmkit.cluster.pacemaker.volumes import volumes_of

        return volumes_of(group, paths)
    from lvmkit.model.facts import protected_volumes as volumes_in

    return volumes_in(engine(paths, tell).hierarchy(), group.tag)


def _engine(paths: Paths, settings: Settings, tell: Callable[[Message], None], server: str = "") -> Engine | Pacemaker:
    """Pacemaker where the settings say so; where they leave it open, on a server that has been in a cluster.

    Only one of the two is imported: a check on a single server must not pay for the tools of a cluster.
    """
    if _is_pacemaker(paths, settings):
        from lvmkit.cluster.pacemaker import Pacemaker

        return Pacemaker(paths, settings, tell, server)
    from lvmkit.cluster.embedded import Engine

    return Engine(paths, settings)


def _is_pacemaker(paths: Paths, settings: Settings) -> bool:
    return settings.engine == PACEMAKER or (settings.engine == AUTO and os.path.exists(paths.cib))


def told_settings(paths: Paths, tell: Callable[[Message], None]) -> Settings:
    """The tunables of /etc/default/lvmkit and LifeKeeper; an invalid one is told, and keeps its default."""
    settings, warnings = load_settings(paths.defaults, paths.own_defaults)
    for warning in warnings:
        tell(warning)
    return settings

"""The kit's tools, put together for one run: engine, paths, settings, and where messages go."""

from __future__ import annotations

import os

from lvmkit.cluster.lifekeeper import core
from lvmkit.model.settings import AUTO, EMBEDDED, LIFEKEEPER, PACEMAKER, Paths
from lvmkit.model.value import replace
from lvmkit.storage.conffile import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lvmkit.cluster.embedded import Engine
    from lvmkit.cluster.lifekeeper import LifeKeeper
    from lvmkit.cluster.pacemaker import Pacemaker
    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Settings
    from lvmkit.plan import Kit


def engine(paths: Paths, tell: Callable[[Message], None]) -> Engine | Pacemaker | LifeKeeper:
    """The engine of this server."""
    return _engine(paths, told_settings(paths, tell), tell)


def kit(paths: Paths, tell: Callable[[Message], None], server: str = "", *, is_patient: bool = True) -> Kit:
    """Everything a workflow needs. server: the name of this server, where an earlier kit has asked for it.

    is_patient: False for one that does not wait for the admin lock.
    """
    from lvmkit.plan import Kit  # plans need json, which a check must not pay for

    settings = told_settings(paths, tell)
    if not is_patient:
        settings = replace(settings, lock_patience=0.0)
    if engine_name(paths, settings) == LIFEKEEPER:
        paths = replace(paths, core=settings.lkroot)
    return Kit(_engine(paths, settings, tell, server), paths, settings, tell)


def installed(script: str) -> Paths:
    """The paths of an installation, <root>/bin/<name>; of a checkout those of the packages."""
    root = os.path.dirname(os.path.dirname(script))
    return Paths(lkroot=root) if os.path.isdir(f"{root}/subsys") else Paths()


def protected_volumes(group: VgFacts, paths: Paths, tell: Callable[[Message], None]) -> Sequence[LvFacts] | None:
    """The volumes of a group that a resource stands on; None where the group is protected as a whole.

    Starts no program, whichever engine it is. Raises Failure where the engine's records cannot be read.
    """
    settings = told_settings(paths, tell)
    if engine_name(paths, settings) == PACEMAKER:
        from lvmkit.cluster.pacemaker.volumes import volumes_of

        return volumes_of(group, paths)
    from lvmkit.model.facts import protected_volumes as volumes_in

    return volumes_in(_engine(paths, settings, tell).at_hand(), group.tag)


def _engine(
    paths: Paths, settings: Settings, tell: Callable[[Message], None], server: str = ""
) -> Engine | Pacemaker | LifeKeeper:
    """Only the one in use is imported: a check on a single server must not pay for the tools of a cluster.

    Raises Failure (110400) where LifeKeeper is asked for and is not there.
    """
    name = engine_name(paths, settings)
    if name == PACEMAKER:
        from lvmkit.cluster.pacemaker import Pacemaker

        return Pacemaker(paths, settings, tell, server, ask_holder=_holder_of_the_lock(paths, settings, tell))
    if name == LIFEKEEPER:
        from lvmkit.cluster.lifekeeper import LifeKeeper

        return LifeKeeper(paths, settings, server, _holder_of_the_lock(paths, settings, tell))
    from lvmkit.cluster.embedded import Engine

    return Engine(paths, settings)


def _holder_of_the_lock(paths: Paths, settings: Settings, tell: Callable[[Message], None]) -> Callable[[str], None]:
    """Has another server free the admin lock of a process that was killed there."""

    def ask(server: str) -> None:
        from lvmkit.peer.order import free_lock
        from lvmkit.peer.remote import remote_kit  # only where another server holds it

        free_lock(remote_kit(server, paths, settings), tell, deadline=settings.lock_patience)

    return ask


def engine_name(paths: Paths, settings: Settings) -> str:
    """The engine that the settings name; where they leave it open, what is here.

    A core of LifeKeeper goes first: it is a program, while the file of Pacemaker stays when that is removed.
    """
    if settings.engine != AUTO:
        return settings.engine
    if core.is_there(settings.lkroot):
        return LIFEKEEPER
    return PACEMAKER if os.path.exists(paths.cib) else EMBEDDED


def told_settings(paths: Paths, tell: Callable[[Message], None]) -> Settings:
    """The tunables of /etc/default/lvmkit and LifeKeeper; an invalid one is told, and keeps its default."""
    settings, warnings = load_settings(paths.defaults, paths.own_defaults)
    for warning in warnings:
        tell(warning)
    return settings

"""The embedded engine: the cluster port for one server, kept in an SQLite file.

Engine is imported on first use only, so that importing one light module of this package stays light.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.embedded.engine import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> type[Engine]:
    if name != "Engine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lvmkit.cluster.embedded.engine import Engine

    return Engine

"""SQLite by the module in C that is behind sqlite3, without what that would load.

It takes lru_cache from functools, for the statements of a connection, and functools with all that it needs costs more
than SQLite itself. So for the time of its import there is a functools that has only that, and its work is done in C.
Source: Modules/_sqlite of CPython 3.10 and later; before, it takes nothing from there.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


class _Functools:
    """What stands for functools."""

    @staticmethod
    def lru_cache(size: int) -> Callable[[Callable[..., object]], object]:
        """A decorator that keeps the latest `size` results of a function."""
        from _functools import _lru_cache_wrapper  # type: ignore[import-not-found]

        return lambda function: _lru_cache_wrapper(function, size, False, tuple)


def _imported() -> ModuleType:
    is_loaded = "functools" in sys.modules
    if not is_loaded:
        sys.modules["functools"] = _Functools  # type: ignore[assignment]
    try:
        import _sqlite3
    finally:
        if not is_loaded:
            del sys.modules["functools"]
    return _sqlite3


__all__ = ["sqlite3"]
if TYPE_CHECKING:
    import _sqlite3 as sqlite3
else:
    sqlite3 = _imported()

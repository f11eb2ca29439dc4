"""SQLite by the module in C that is behind sqlite3, without what that would load.

It takes lru_cache from functools, for the statements of a connection, and functools with all that it needs costs more
than SQLite itself. So for the time of its import there is a functools that has only that, and its work is done in C.
Source: Modules/_sqlite of CPython 3.10 and later; before, it takes nothing from there. A Python that has it otherwise
loads functools.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _sqlite3 as sqlite3
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["sqlite3"]


class _Functools:
    """What stands for functools."""

    def __init__(self, cached: Callable[..., object]) -> None:
        self._cached = cached

    def lru_cache(self, size: int) -> Callable[[Callable[..., object]], object]:
        """A decorator that keeps the latest `size` results of a function."""
        return lambda function: self._cached(function, size, False, tuple)


def _imported() -> ModuleType:
    try:
        from _functools import _lru_cache_wrapper  # type: ignore[import-not-found]
    except ImportError:
        _lru_cache_wrapper = None
    is_stood_for = _lru_cache_wrapper is not None and "functools" not in sys.modules
    if is_stood_for:
        sys.modules["functools"] = _Functools(_lru_cache_wrapper)  # type: ignore[assignment]
    try:
        import _sqlite3
    finally:
        if is_stood_for:
            del sys.modules["functools"]
    return _sqlite3


if not TYPE_CHECKING:
    sqlite3 = _imported()

"""What many tests begin with, made once: to make it takes many programs."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    File = tuple[str, int, bytes]

_kept: dict[str, tuple[File, ...]] = {}


def begin(name: str, folder: Path, places: Iterable[str], work: Callable[[], object]) -> None:
    """Have these files and folders below the folder as the work makes them; it is done only for the first of a name."""
    if name not in _kept:
        work()
        _kept[name] = tuple(file for place in places for file in _files(folder / place, folder))
    for path, mode, content in _kept[name]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
        (folder / path).write_bytes(content)
        (folder / path).chmod(mode)


def _files(place: Path, folder: Path) -> Iterable[File]:
    for path in (place, *sorted(place.rglob("*"))):
        if path.is_file():
            yield str(path.relative_to(folder)), path.stat().st_mode & 0o777, path.read_bytes()

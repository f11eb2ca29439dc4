"""All the ways in which the kernel tells of changes, as one. One that is missing is tried again now and then."""

from __future__ import annotations

import os
import select

from lvmkit.model.messages.watch import SourceMissing
from lvmkit.storage.kernel_news import FilesystemErrors, MapperEvents, MountEvents, News, Uevents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from lvmkit.model.messages import Message

    class Source(Protocol):
        """One way."""

        what: str
        mask: int

        def fileno(self) -> int:
            """What to wait for."""

        def refresh(self) -> None:
            """Follow what there is to hear of now. Raises OSError where that is not possible."""

        def take(self) -> News:
            """Read what is there. Raises OSError where nothing more will come."""

        def close(self) -> None:
            """Listen no more."""


KINDS: tuple[type[Source], ...] = (Uevents, MapperEvents, MountEvents, FilesystemErrors)


class Ears:
    """The sources that are open."""

    def __init__(
        self, tell: Callable[[Message], None], interval: int, kinds: Sequence[Callable[[], Source]] = KINDS
    ) -> None:
        """tell: learns of each source that is missing, once.  interval: seconds between looks without any of them."""
        self._tell, self._interval, self._kinds = tell, interval, kinds
        self._open: dict[int, Source] = {}
        self._missed: set[str] = set()

    @property
    def masks(self) -> dict[int, int]:
        """For each descriptor what to wait for with poll(2)."""
        return {handle: source.mask for handle, source in self._open.items()}

    @property
    def what(self) -> tuple[str, ...]:
        """What is told."""
        return tuple(source.what for source in self._open.values())

    def open(self) -> None:
        """Open what is not open yet, and let what is open follow what there is."""
        for handle, source in list(self._open.items()):
            try:
                source.refresh()
            except OSError as error:
                self._lose(handle, error)
        present = {source.what for source in self._open.values()}
        for kind in self._kinds:
            what = str(getattr(kind, "what", kind))
            if what in present:
                continue
            try:
                source = kind()
            except OSError as error:
                self._miss(what, error)
            else:
                self._open[source.fileno()] = source
                self._missed.discard(what)

    def take(self, handle: int, event: int) -> News:
        """What a source has to tell; one that is broken is closed, and then there may be more than was heard."""
        source = self._open[handle]
        try:
            if event & select.POLLNVAL:
                raise OSError(0, "it was closed")
            return source.take()
        except OSError as error:
            self._lose(handle, error)
            return News(True, is_overrun=True)

    def close(self) -> None:
        """Close all."""
        for source in self._open.values():
            source.close()
        self._open.clear()

    def _lose(self, handle: int, error: OSError) -> None:
        source = self._open.pop(handle)
        source.close()
        self._miss(source.what, error)

    def _miss(self, what: str, error: OSError) -> None:
        if what not in self._missed:
            self._missed.add(what)
            self._tell(SourceMissing(what, error.strerror or os.strerror(error.errno or 0), self._interval))

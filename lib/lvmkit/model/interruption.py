"""A signal that asks us to end, as an exception that only the boundaries and the back-out catch."""

from __future__ import annotations


class Interruption(BaseException):
    """SIGTERM, SIGINT or SIGHUP; not an Exception, so that no handler of errors swallows it."""

    def __init__(self, signal_name: str) -> None:
        super().__init__(signal_name)
        self.signal_name = signal_name

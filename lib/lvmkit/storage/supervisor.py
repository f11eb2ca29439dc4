"""What a service tells systemd: sd_notify(3), a datagram to the socket that NOTIFY_SOCKET names."""

from __future__ import annotations

import os
import socket


class Supervisor:
    """systemd, as it started this process; nobody where something else did."""

    def __init__(self, address: str, watchdog: str = "") -> None:
        """address: NOTIFY_SOCKET.  watchdog: WATCHDOG_USEC, microseconds."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._told = ""
        self.patience = int(watchdog) / 1e6 if watchdog.isdecimal() and watchdog.isascii() else 0.0
        """seconds after which a process that has not said alive() is killed; 0 where that is not watched"""

    def ready(self) -> None:
        """The service does its work from now on."""
        self._send("READY=1")

    def alive(self) -> None:
        """The service goes on with its work."""
        if self.patience:
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service ends."""
        self._send("STOPPING=1")

    def tell(self, status: str) -> None:
        """One line for 'systemctl status', where it is another one than before."""
        line = " ".join(status.split())
        if line != self._told:
            self._told = line
            self._send(f"STATUS={line}")

    def _send(self, text: str) -> None:
        """A supervisor that does not listen is no reason to stop, and nobody waits for it."""
        if not self._address.startswith(("/", "\0")):
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto(text.encode("utf-8", "backslashreplace"), self._address)
        except OSError:
            return


def supervisor() -> Supervisor:
    """The one that has started this process."""
    return Supervisor(os.environ.get("NOTIFY_SOCKET", ""), os.environ.get("WATCHDOG_USEC", ""))

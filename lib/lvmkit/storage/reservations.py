"""SCSI persistent reservations: the commands and answers as bytes (SPC-4, 6.15 and 6.16), and one disk's as a whole.

A server registers a key through every path, and one of them reserves the disk for all that are registered: type 5,
Write Exclusive - Registrants Only. Then the disk itself refuses the writes of everybody else, also of a server that
does not know that it was fenced. Whoever registers can write: only a start does.
"""

from __future__ import annotations

import struct
import time

from lvmkit.model.value import Value
from lvmkit.storage import multipath, scsi
from lvmkit.storage.scsi import ScsiDisk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from lvmkit.storage.scsi import Reply

    Send = Callable[[str, bytes, bytes, int], Reply]
    """scsi.execute(), or what stands in its place"""

    class Daemon(Protocol):
        """storage.multipath, or what stands in its place."""

        def register(self, device: str, key: int, *, persist: bool) -> None:
            """Have it know the key of a map."""

        def forget(self, device: str, key: int) -> None:
            """Have it no more know the key of a map."""

        def unused_paths(self, device: str) -> frozenset[str]:
            """The paths that a map does not use."""


REGISTRANTS_ONLY = 5
"""type: Write Exclusive - Registrants Only"""

_IN, _OUT = 0x5E, 0x5F
_READ_KEYS, _READ_RESERVATION, _REPORT_CAPABILITIES, _READ_FULL_STATUS = 0, 1, 2, 3
_REGISTER, _RESERVE, _PREEMPT, _PREEMPT_AND_ABORT, _REGISTER_AND_IGNORE = 0, 1, 4, 5, 6
_ROOM = 8192
"""bytes for an answer: a thousand keys"""
_APTPL = 0x01
_WITH_TYPE = (_RESERVE, _PREEMPT, _PREEMPT_AND_ABORT)
_ATTENTIONS, _PAUSE = 3, 0.1
"""how often a command is repeated that the disk did not do because it had something to say, or was busy, and the
seconds between two tries of a busy one"""
_WORDS = {
    _REGISTER: "REGISTER", _RESERVE: "RESERVE", _PREEMPT: "PREEMPT", _PREEMPT_AND_ABORT: "PREEMPT AND ABORT",
    _REGISTER_AND_IGNORE: "REGISTER AND IGNORE EXISTING KEY",
}  # fmt: skip


class Refusal(Exception):
    """A disk did not do what was asked of it; the text says what, and what it answered."""


class Conflict(Refusal):
    """It refused because of somebody else's reservation, or because we are not registered."""


class UnknownCommand(Refusal):
    """The disk does not know the command, or something in it."""


class Registrations(Value):
    """Who is registered with a disk, and who holds it."""

    keys: tuple[int, ...]
    """one for each path of each server that is registered; a server's key comes as often as its paths"""
    holder: int | None = None
    """the key that holds the reservation; None where nothing is reserved"""
    type: int = 0


class Registrant(Value):
    """One registration, as a full status shows it."""

    key: int
    holds: bool
    initiator: str
    """the name of the port that it came from, '' where it is of an unknown kind"""


class DiskCapabilities(Value):
    """What a disk can."""

    persists: bool
    """it can keep registrations over a loss of power (PTPL_C)"""
    has_type: bool
    """it knows type 5"""


def in_command(action: int) -> bytes:
    """The CDB of PERSISTENT RESERVE IN."""
    return struct.pack(">BB5xHB", _IN, action, _ROOM, 0)


def out_command(action: int) -> bytes:
    """The CDB of PERSISTENT RESERVE OUT; its scope is always the logical unit."""
    kind = REGISTRANTS_ONLY if action in _WITH_TYPE else 0
    return struct.pack(">BBB2xIB", _OUT, action, kind, _OUT_SIZE, 0)


_OUT_FORM = ">QQ4xB3x"
_OUT_SIZE = struct.calcsize(_OUT_FORM)


def out_parameters(key: int, action_key: int, *, persist: bool = False) -> bytes:
    """The parameters of PERSISTENT RESERVE OUT. key: by which we are registered, or 0.  action_key: of the action."""
    return struct.pack(_OUT_FORM, key, action_key, _APTPL if persist else 0)


def parse_keys(data: bytes) -> tuple[int, ...]:
    """The keys of READ KEYS. Raises Refusal where there are more than the answer had room for, or it is no answer."""
    body = _body(data)
    return struct.unpack(f">{len(body) // 8}Q", body[: len(body) // 8 * 8])


def parse_reservation(data: bytes) -> tuple[int | None, int]:
    """(key of the holder or None, type) of READ RESERVATION. Raises Refusal."""
    body = _body(data)
    if len(body) < 16:
        return None, 0
    key, kind = struct.unpack_from(">Q5xB", body)
    return key, kind & 0xF


def parse_capabilities(data: bytes) -> DiskCapabilities:
    """What REPORT CAPABILITIES says. A disk that gives no mask of types has to be tried. Raises Refusal."""
    if len(data) < 6:
        raise Refusal("an answer that is too short")
    has_mask = bool(data[3] & 0x80)
    return DiskCapabilities(bool(data[2] & 0x01), not has_mask or bool(data[4] & 0x20))


def parse_full_status(data: bytes) -> tuple[Registrant, ...]:
    """The registrations of READ FULL STATUS. Raises Refusal."""
    body, registrants = _body(data), []
    while len(body) >= 24:
        key, flags, more = struct.unpack_from(">Q4xB7xI", body)
        registrants.append(Registrant(key, bool(flags & 0x01), _initiator(body[24 : 24 + more])))
        body = body[24 + more :]
    return tuple(registrants)


def _initiator(transport: bytes) -> str:
    """The port of a TransportID (SPC-4, 7.6.4): iSCSI's name, or the world-wide name of Fibre Channel or SAS."""
    protocol = transport[0] & 0xF if transport else -1
    if protocol == 0x5:
        return transport[4:].split(b"\0")[0].decode("ascii", "replace")
    if protocol == 0x0:
        return transport[8:16].hex()
    return transport[4:12].hex() if protocol == 0x6 else ""


def _body(data: bytes) -> bytes:
    """What follows the generation and the length of an answer."""
    if len(data) < 8:
        raise Refusal("an answer that is too short")
    (length,) = struct.unpack_from(">4xI", data)
    if len(data) < 8 + length:
        raise Refusal(f"{length} bytes of registrations, which are more than can be read")
    return data[8 : 8 + length]


class Disk:
    """The reservations of one disk. Every method may hang, and raises OSError, Refusal and its subclass Conflict; of a
    map of dm-multipath also multipath.Untold.
    """

    def __init__(self, disk: ScsiDisk, send: Send | None = None, daemon: Daemon = multipath) -> None:
        """disk: with a path at least.  send: by default scsi.execute().  daemon: multipathd."""
        self._disk, self._send, self._daemon = disk, send or scsi.execute, daemon

    @property
    def paths(self) -> tuple[str, ...]:
        """Those that must be registered."""
        return self._disk.paths

    @property
    def is_multipath(self) -> bool:
        """Whether it may have paths that come and go."""
        return self._disk.is_multipath

    def reachable(self) -> Disk:
        """The same by those paths of a map that are in use and answer; by all of them where there is none.

        The others are registered by multipathd before they are used again.
        """
        if not self.is_multipath:
            return self
        unused = self._daemon.unused_paths(self._disk.device)
        answering = tuple(path for path in self.paths if path not in unused and self._is_answering(path))
        return Disk(ScsiDisk(self._disk.device, answering or self.paths, is_multipath=True), self._send, self._daemon)

    def _is_answering(self, path: str) -> bool:
        try:
            return self._send_patiently(path, in_command(_READ_KEYS), b"", _ROOM).status == scsi.GOOD
        except OSError:
            return False

    def registrations(self) -> Registrations:
        """Who is registered, and who holds it."""
        keys = parse_keys(self._ask(_READ_KEYS))
        return Registrations(keys, *parse_reservation(self._ask(_READ_RESERVATION)))

    def registrants(self) -> tuple[Registrant, ...]:
        """The same with the ports of the servers."""
        return parse_full_status(self._ask(_READ_FULL_STATUS))

    def capabilities(self) -> DiskCapabilities:
        """What the disk can; one that is too old to say it has to be tried."""
        try:
            return parse_capabilities(self._ask(_REPORT_CAPABILITIES))
        except UnknownCommand:
            return DiskCapabilities(persists=False, has_type=True)

    def register(self, key: int, *, persist: bool) -> None:
        """Register a key through every path, whatever was registered there. persist: over a loss of power.

        multipathd comes first: a path that comes back meanwhile finds the key with it.
        """
        if self.is_multipath:
            self._daemon.register(self._disk.device, key, persist=persist)
        for path in self.paths:
            self._order(path, _REGISTER_AND_IGNORE, 0, key, persist=persist)

    def confirm(self, path: str, key: int, *, persist: bool) -> bool:
        """Whether a path is registered with a key: to replace it by itself, which a disk refuses who is not (SPC-4,
        5.13.7)."""
        try:
            self._order(path, _REGISTER, key, key, persist=persist)
        except Conflict:
            return False
        return True

    def unregister(self, key: int) -> None:
        """Take a key away on every path, and with the holder's the reservation. A path without it is fine."""
        for path in self.paths:
            try:
                self._order(path, _REGISTER, key, 0)
            except Conflict:  # another server took it, or the disk has forgotten
                continue
        if self.is_multipath:
            self._daemon.forget(self._disk.device, key)

    def reserve(self, key: int) -> None:
        """Reserve the disk for all that are registered."""
        self._order(self.paths[0], _RESERVE, key, 0)

    def preempt(self, key: int, victim: int) -> None:
        """Take the registrations of another key away, and the reservation where it held that; what it has begun is
        aborted where the disk can.

        victim: one's own key means all paths with it but the first.
        """
        if victim == key:
            self._order(self.paths[0], _PREEMPT, key, victim)
            return
        try:
            self._order(self.paths[0], _PREEMPT_AND_ABORT, key, victim)
        except UnknownCommand:
            self._order(self.paths[0], _PREEMPT, key, victim)

    def _ask(self, action: int) -> bytes:
        reply = self._send_patiently(self.paths[0], in_command(action), b"", _ROOM)
        if reply.status == scsi.GOOD:
            return reply.data
        said = f"PERSISTENT RESERVE IN: {reply.words}"
        raise UnknownCommand(said) if reply.is_illegal else Refusal(said)

    def _order(self, path: str, action: int, key: int, action_key: int, *, persist: bool = False) -> None:
        parameters = out_parameters(key, action_key, persist=persist)
        reply = self._send_patiently(path, out_command(action), parameters, 0)
        if reply.status == scsi.GOOD:
            return
        said = f"{_WORDS[action]}: {reply.words}"
        if reply.status == scsi.RESERVATION_CONFLICT:
            raise Conflict(said)
        raise UnknownCommand(said) if reply.is_illegal else Refusal(said)

    def _send_patiently(self, path: str, command: bytes, out: bytes, room: int) -> Reply:
        """Repeat a command that was not done because the disk first had to say something, or was busy."""
        for _ in range(_ATTENTIONS):
            reply = self._send(path, command, out, room)
            if reply.status in (scsi.BUSY, scsi.TASK_SET_FULL):
                time.sleep(_PAUSE)
            elif reply.status != scsi.CHECK_CONDITION or reply.sense_key != scsi.UNIT_ATTENTION:
                return reply
        return self._send(path, command, out, room)

"""What happens to a disk that two servers reserve in turn. The same stories are told to the fake target of the unit
tests and to a real one (tests/target), so that the fake answers as a target does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lvmkit.guards.reservation import key_of, leave, look_at, reserve_disk
from lvmkit.storage.reservations import REGISTRANTS_ONLY, Disk, Registrations
from lvmkit.storage.scsi import ScsiDisk

if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.storage.scsi import Reply

GROUP, STRANGE_GROUP = "aZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK", "bZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
A, B, STRANGER = key_of(GROUP, 1), key_of(GROUP, 2), key_of(STRANGE_GROUP, 1)
ONE, TWO, MAP = ("/dev/sda",), ("/dev/sda", "/dev/sdb"), "/dev/dm-0"
NOTHING_RESERVED = "lost nothing is reserved, so every server can write"


class Server(Protocol):
    """A server with sessions to the disk, one for each path."""

    def send(self, path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply: ...
    def can_write(self, path: str = "/dev/sda") -> bool: ...
    def lose(self, path: str) -> None: ...
    def connect(self, path: str) -> None: ...


class Lun(Protocol):
    """A disk that servers share."""

    def server(self, name: str, paths: tuple[str, ...] = ONE) -> Server: ...
    def restart(self) -> None: ...


class Multipathd:
    """The daemon of dm-multipath: it knows the key of the one map."""

    def __init__(self) -> None:
        self.key = 0
        self.persist = False
        self.unused: frozenset[str] = frozenset()

    def register(self, device: str, key: int, *, persist: bool) -> None:
        assert device == MAP
        self.key, self.persist = key, persist

    def forget(self, device: str, key: int) -> None:
        assert device == MAP
        if self.key == key:
            self.key = 0

    def unused_paths(self, device: str) -> frozenset[str]:
        assert device == MAP
        return self.unused


def disk(server: Server, paths: tuple[str, ...] = ONE, daemon: Multipathd | None = None) -> Disk:
    if len(paths) == 1:
        return Disk(ScsiDisk(paths[0], paths), server.send)
    return Disk(ScsiDisk(MAP, paths, is_multipath=True), server.send, daemon or Multipathd())


def held_by(key: int, paths: int = 1) -> Registrations:
    return Registrations((key,) * paths, key, REGISTRANTS_ONLY)


def the_first_reserves_it_and_the_other_cannot_write(lun: Lun) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    assert disk(b).registrations() == held_by(A)
    assert (a.can_write(), b.can_write()) == (True, False)
    assert look_at(disk(a), A) == ""


def a_takeover_shuts_the_other_out(lun: Lun) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    assert reserve_disk(disk(b), B) == ""
    assert disk(a).registrations() == held_by(B)
    assert (a.can_write(), b.can_write()) == (False, True)
    assert look_at(disk(a), A) == f"taken {B:#018x} (node 2)"


def a_stop_of_the_loser_harms_nobody(lun: Lun) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    assert reserve_disk(disk(b), B) == ""
    assert leave(disk(a), A) == ""
    assert disk(b).registrations() == held_by(B)
    assert (a.can_write(), b.can_write()) == (False, True)


def a_stop_leaves_nothing(lun: Lun) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    assert leave(disk(a), A) == ""
    assert disk(a).registrations() == Registrations((), None, 0)
    assert b.can_write()


def a_second_start_of_the_same_server_changes_nothing(lun: Lun) -> None:
    a = lun.server("a")
    assert reserve_disk(disk(a), A) == ""
    assert reserve_disk(disk(a), A) == ""
    assert disk(a).registrations() == held_by(A)


def a_look_registers_nobody(lun: Lun) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    assert look_at(disk(b), B) == f"taken {A:#018x} (node 1)"
    assert not disk(b).confirm("/dev/sda", B, persist=False)
    assert disk(b).registrations() == held_by(A)
    assert not b.can_write()


def a_session_that_was_lost_is_seen_and_a_start_heals_it(lun: Lun) -> None:
    a = lun.server("a")
    assert reserve_disk(disk(a), A) == ""
    a.lose("/dev/sda")
    a.connect("/dev/sda")
    assert disk(a).registrations() == held_by(A)  # it looks well, and is not
    assert not a.can_write()
    assert look_at(disk(a), A) == "lost not registered through /dev/sda"
    assert reserve_disk(disk(a), A) == ""
    assert disk(a).registrations() == held_by(A)
    assert a.can_write()
    assert look_at(disk(a), A) == ""


def a_target_that_forgets_is_seen(lun: Lun) -> None:
    a, b = lun.server("a"), lun.server("b")
    assert reserve_disk(disk(a), A) == ""
    lun.restart()
    for server in (a, b):
        server.lose("/dev/sda")
        server.connect("/dev/sda")
    assert b.can_write()  # and nobody gets an error
    assert look_at(disk(a), A) == NOTHING_RESERVED
    assert reserve_disk(disk(a), A) == ""
    assert not b.can_write()


def somebody_elses_keys_are_left_alone(lun: Lun) -> None:
    a, b = lun.server("a"), lun.server("b")
    disk(b).register(STRANGER, persist=False)
    assert reserve_disk(disk(a), A) == f"foreign {STRANGER:#018x}"
    assert disk(a).registrations() == Registrations((STRANGER,), None, 0)


def every_path_is_registered(lun: Lun) -> None:
    a, b = lun.server("a", TWO), lun.server("b")
    assert reserve_disk(disk(a, TWO), A) == ""
    assert disk(b).registrations() == held_by(A, 2)
    assert (a.can_write("/dev/sda"), a.can_write("/dev/sdb"), b.can_write()) == (True, True, False)
    assert reserve_disk(disk(b), B) == ""
    assert (a.can_write("/dev/sda"), a.can_write("/dev/sdb"), b.can_write()) == (False, False, True)
    assert reserve_disk(disk(a, TWO), A) == ""
    assert leave(disk(a, TWO), A) == ""
    assert disk(b).registrations() == Registrations((), None, 0)


def a_path_that_comes_back_unregistered_is_seen_and_a_start_heals_it(lun: Lun) -> None:
    a = lun.server("a", TWO)
    assert reserve_disk(disk(a, TWO), A) == ""
    for path in TWO:
        a.lose(path)
        a.connect(path)
        assert not a.can_write(path)
        assert look_at(disk(a, TWO), A) == f"lost not registered through {path}"
        assert reserve_disk(disk(a, TWO), A) == ""
        assert set(disk(a, TWO).registrations().keys) == {A}  # of the lost session, too: it may be a path that is dead
        assert look_at(disk(a, TWO), A) == ""
        assert all(map(a.can_write, TWO))
    assert leave(disk(a, TWO), A) == ""
    assert disk(a, TWO).registrations() == Registrations((), None, 0)


STORIES: tuple[Callable[[Lun], None], ...] = (
    the_first_reserves_it_and_the_other_cannot_write,
    a_takeover_shuts_the_other_out,
    a_stop_of_the_loser_harms_nobody,
    a_stop_leaves_nothing,
    a_second_start_of_the_same_server_changes_nothing,
    a_look_registers_nobody,
    a_session_that_was_lost_is_seen_and_a_start_heals_it,
    a_target_that_forgets_is_seen,
    somebody_elses_keys_are_left_alone,
    every_path_is_registered,
    a_path_that_comes_back_unregistered_is_seen_and_a_start_heals_it,
)

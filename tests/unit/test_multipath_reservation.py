"""Reservations of a disk that is reached through dm-multipath: by SG_IO on each path, and multipathd knows the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.guards import reservation
from lvmkit.guards.reservation import key_of
from lvmkit.host import Host
from lvmkit.model.facts import VgFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.reservation import (
    MultipathdUntold,
    NoReservations,
    ReservationKept,
    ReservationKeyNotInFile,
    ReservationLost,
    ReservationTaken,
)
from lvmkit.model.settings import Settings
from lvmkit.model.volumes import PhysicalVolume, VolumeGroup
from lvmkit.storage import multipath, probe
from lvmkit.storage.registered import load
from tests.unit.local_storage import VG_UUID
from tests.unit.machine import Machine, SharedDisk
from tests.unit.machine.multipath import CONFIG, IN_FILE, OWN_KEY, PATH, SECTION, Multipath

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.model.messages import Message
    from tests.unit.machine.machine import Attached

VG, MINE, PEERS = "vg1", key_of(VG_UUID, 1), key_of(VG_UUID, 2)
DISK = "/dev/dm-0"


class Members:
    """A cluster of two servers, as far as a reservation asks it."""

    def numbers(self) -> dict[str, int]:
        return {"n1": 1, "n2": 2}


class Server:
    """n1 with a volume group on a disk with two paths; n2 sees the disk by one."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.machine, self.disk = Machine(folder, "n1"), SharedDisk("A")
        self.peer = Machine(folder, "n2")
        self.peer_path = self.peer.attach(self.disk)
        self.multipath = Multipath(self.machine, self.disk)
        self.machine.take_over(patch)
        self.told: list[Message] = []
        self.host = Host(self.machine.paths, Settings(), self.told.append, "n1", Members())  # type: ignore[arg-type]

    @property
    def keys(self) -> list[int]:
        return list(self.disk.target.keys.values())

    @property
    def paths(self) -> list[Attached]:
        return self.multipath.paths

    def claim(self) -> None:
        reservation.claim(VG, VG_UUID, (PATH,), self.host)

    def refused(self) -> tuple[type[Message], ...]:
        with pytest.raises(Failure) as caught:
            self.claim()
        return tuple(map(type, caught.value.messages))

    def release(self) -> None:
        reservation.release(VG, VG_UUID, self.host)

    def may_write(self, path: Attached) -> bool:
        return self.disk.target.may_write(self.machine.nexus(path))

    def against(self) -> tuple[Message, ...]:
        disk = PhysicalVolume("x", PATH, 1 << 30)
        vg = VolumeGroup(VG_UUID, VG, 1 << 30, False, "n1", False, (disk,), ())
        return reservation.against(vg, VgFacts(VG, "lvmvg-vg1", VG, VG_UUID, ownership="system_id"), self.host)

    def look(self) -> list[type[Message]]:
        """What the deep monitor finds."""
        (disk,) = reservation.disks_of((PATH,))
        (ending,) = probe.all_bounded([reservation.question(disk, MINE)], 5.0)
        return [type(message) for message in reservation.fault(VG, disk, ending, 5.0)]

    def take_by_peer(self) -> None:
        """The peer's start takes the disk."""
        self.disk.target.keys = {self.peer.nexus(self.peer_path): PEERS}
        self.disk.target.holder, self.disk.target.type = self.peer.nexus(self.peer_path), 5


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(tmp_path, monkeypatch)


class TestConfiguration:
    def test_keys_in_the_file_of_multipathd_are_what_is_wanted(self, server: Server) -> None:
        assert server.against() == ()

    @pytest.mark.parametrize(
        ("defaults", "section", "setting"),
        [("", "", "not set"), (OWN_KEY, "", "0x123abc"), (IN_FILE, OWN_KEY, "0x123abc")],
    )
    def test_without_it_the_disk_is_refused_with_what_is_set(
        self, server: Server, defaults: str, section: str, setting: str
    ) -> None:
        server.multipath.defaults, server.multipath.section = defaults, section
        assert server.against() == (ReservationKeyNotInFile(VG, DISK, setting),)

    def test_the_disk_s_own_section_counts_before_the_defaults(self, server: Server) -> None:
        server.multipath.defaults, server.multipath.section = "", IN_FILE
        assert server.against() == ()

    def test_without_the_daemon_it_is_refused(self, server: Server) -> None:
        server.multipath.is_running = False
        (told,) = server.against()
        assert isinstance(told, MultipathdUntold)

    def test_a_daemon_that_is_too_busy_to_answer_has_not_answered(self, server: Server) -> None:
        """multipathd then says so, and its client ends with 0."""
        server.machine.programs["/usr/sbin/multipathd"] = lambda _words, _stdin: (0, "timeout\n", "")
        (told,) = server.against()
        assert isinstance(told, MultipathdUntold)

    def test_a_map_without_a_scsi_path_is_named_as_what_it_is(self, server: Server) -> None:
        for path in server.paths:
            server.machine.sysfs.remove_disk(path.name, path.number)
        assert server.against() == (NoReservations(VG, DISK, "a map of dm-multipath without a SCSI path"),)

    def test_the_words_of_another_disk_are_not_taken_for_this_one_s(self) -> None:
        own = SECTION % IN_FILE
        assert multipath.parse_sources(CONFIG % ("", own)) == {"3600b": "0x123abc", "3600a": "file"}
        assert multipath.parse_sources(CONFIG % (IN_FILE, "")) == {"": "file", "3600b": "0x123abc"}


class TestStart:
    def test_every_path_is_registered_and_the_daemon_knows_the_key(self, server: Server) -> None:
        server.claim()
        assert server.keys == [MINE, MINE]
        assert (server.disk.target.holding, server.multipath.key) == (MINE, f"{MINE:x}")
        assert server.look() == []
        assert not server.peer.may_write(server.disk)

    def test_a_disk_that_keeps_registrations_is_told_so_by_both(self, server: Server) -> None:
        server.disk.target.persists = True
        server.claim()
        assert server.multipath.persist == ":aptpl"

    @pytest.mark.parametrize("is_noticed", [True, False])
    def test_a_path_that_is_dead_keeps_nothing_from_starting(self, server: Server, is_noticed: bool) -> None:
        server.multipath.lose(server.paths[0], is_noticed=is_noticed)
        server.claim()
        assert server.keys == [MINE]
        assert server.look() == []

    def test_and_comes_back_registered(self, server: Server) -> None:
        server.multipath.lose(server.paths[0])
        server.claim()
        server.multipath.bring_back(server.paths[0])
        assert server.look() == []  # it is not used yet
        server.multipath.look(server.paths[0])
        assert server.may_write(server.paths[0])
        assert server.look() == []

    def test_without_any_path_it_is_refused(self, server: Server) -> None:
        for path in server.paths:
            server.multipath.lose(path)
        assert len(server.refused()) == 1

    def test_what_the_daemon_does_not_take_is_refused_before_anything_is_reserved(self, server: Server) -> None:
        server.multipath.knows_map = False
        assert server.refused() == (MultipathdUntold,)
        assert (server.keys, server.disk.target.holding) == ([], None)

    def test_it_takes_the_disk_from_a_server_that_is_gone(self, server: Server) -> None:
        server.take_by_peer()
        server.claim()
        assert server.keys == [MINE, MINE]
        assert not server.peer.may_write(server.disk)

    def test_no_path_that_is_in_use_is_without_registration_for_a_moment(self, server: Server) -> None:
        """Where a start finds a path of before, which is dead: an error of a write is not tried on another path."""
        server.claim()
        server.multipath.lose(server.paths[0])
        server.disk.target.heard.clear()
        server.claim()
        assert not [heard for heard in server.disk.target.heard if heard.endswith((" 4", " 5"))]


class TestMonitor:
    def test_a_path_in_use_that_is_not_registered_is_a_fault(self, server: Server) -> None:
        server.claim()
        server.machine.lose_session(server.disk)
        assert server.look() == [ReservationLost]

    def test_a_server_that_registers_without_having_taken_it_is_a_fault(self, server: Server) -> None:
        """As a daemon may that was asleep between its question and its registration."""
        server.claim()
        server.disk.target.keys[server.peer.nexus(server.peer_path)] = PEERS
        assert server.look() == [ReservationLost]

    def test_the_loser_s_path_that_comes_back_is_not_registered(self, server: Server) -> None:
        server.claim()
        server.multipath.lose(server.paths[0])
        server.take_by_peer()
        server.multipath.bring_back(server.paths[0])
        server.multipath.look(server.paths[0])
        assert server.keys == [PEERS]
        assert server.look() == [ReservationTaken]


class TestStop:
    def test_every_key_goes_and_the_daemon_forgets_it(self, server: Server) -> None:
        server.claim()
        server.release()
        assert (server.keys, server.disk.target.holding, server.multipath.key) == ([], None, "")
        assert (server.told, load(server.host.paths, VG_UUID)) == ([], None)

    def test_also_of_a_path_that_is_dead(self, server: Server) -> None:
        server.claim()
        server.multipath.lose(server.paths[0])
        server.release()
        assert (server.keys, server.told) == ([], [])

    def test_without_the_daemon_it_is_a_warning_and_the_disk_is_free(self, server: Server) -> None:
        server.claim()
        server.multipath.is_running = False
        server.release()
        assert [type(message) for message in server.told] == [ReservationKept]
        assert server.keys == []

    def test_one_that_was_shut_out_leaves_the_other_alone(self, server: Server) -> None:
        server.claim()
        server.take_by_peer()
        server.release()
        assert (server.keys, server.multipath.key, server.told) == ([PEERS], "", [])

    def test_a_map_that_is_another_s_by_now_keeps_its_key(self, server: Server) -> None:
        server.claim()
        server.multipath.key = "123abc"
        server.disk.target.keys = dict.fromkeys(server.disk.target.keys, 0x123ABC)
        server.release()
        assert (server.multipath.key, set(server.keys)) == ("123abc", {0x123ABC})

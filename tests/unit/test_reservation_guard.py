"""Reservations as a guard of starts, stops and monitors, by the agents of two servers that share a disk."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.pacemaker.standing import PacemakerMembership
from lvmkit.guards.reservation import key_of
from lvmkit.host import Host
from lvmkit.model.facts import VgFacts
from lvmkit.model.messages.faults import PvGone, PvReadFailed
from lvmkit.model.messages.storage import FileUnreadable
from lvmkit.model.settings import Settings
from lvmkit.resources import lvmvg
from lvmkit.storage import registered
from tests.unit.agent_server import FAILED, NODE, OK, PEER, VG, VG_UUID, Server, fence, member

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.machine import Answer
    from tests.unit.machine.target import Target

MINE, PEERS, FOREIGN = key_of(VG_UUID, 1), key_of(VG_UUID, 2), 0x1122


@pytest.fixture
def server(tmp_path: Path) -> Server:
    server = Server(tmp_path)
    server.add_peer(member())
    server.given.update(ownership="system_id", reservation="scsi")
    server.write(system_id=NODE)
    return server


@pytest.fixture
def started(server: Server) -> Server:
    server.start()
    server.machine.sent.clear()
    return server


def target(server: Server) -> Target:
    return server.disk.target


def peer_holds(server: Server) -> None:
    """The other server has reserved the disk, as its own start does."""
    nexus = server.peer.nexus(server.peer.place_of(server.disk))
    target(server).keys = {nexus: PEERS}
    target(server).holder, target(server).type = nexus, 5


def deep(server: Server) -> Answer:
    server.level = "10"
    return server.call("monitor")


class TestStart:
    def test_the_disk_is_reserved_before_the_owner_is_written_and_anything_is_activated(self, server: Server) -> None:
        server.write(system_id="")
        seen: dict[str, int | None] = {}

        def look(event: str) -> None:
            for part in ("--systemid", "-ay"):
                if part in event:
                    seen.setdefault(part, target(server).holding)

        server.machine.watch = look
        server.start()
        assert seen == {"--systemid": MINE, "-ay": MINE}
        assert list(target(server).keys.values()) == [MINE]
        assert target(server).type == 5
        assert not server.peer.may_write(server.disk)

    def test_a_takeover_shuts_out_a_fenced_owner_that_goes_on(self, server: Server) -> None:
        peer_holds(server)
        server.write(system_id=PEER)
        fence(server)
        assert server.peer.may_write(server.disk)
        server.start()
        assert target(server).holding == MINE
        assert not server.peer.may_write(server.disk)
        assert server.owner == NODE

    def test_a_living_owner_is_not_shut_out_and_no_disk_is_asked(self, server: Server) -> None:
        peer_holds(server)
        server.write(system_id=PEER)
        server.cluster.nodes[NODE].view.members[PEER] = member("start", active=True)
        answer = server.call("start")
        assert answer.code != OK
        assert server.machine.sent == []
        assert target(server).holding == PEERS

    def test_somebody_else_s_key_refuses_before_anything_is_registered(self, server: Server) -> None:
        target(server).keys = {"x": FOREIGN}
        answer = server.call("start")
        assert (answer.code, answer.reason) == (FAILED, 110472)
        assert target(server).keys == {"x": FOREIGN}
        assert server.up == []

    def test_a_disk_that_does_not_answer_is_a_refusal(self, server: Server) -> None:
        place = server.machine.place_of(server.disk)
        real = server.machine.scsi

        def hang(*given: object, **named: object) -> object:
            place.state = "hangs"
            return real(*given, **named)  # type: ignore[arg-type]

        server.machine.scsi = hang  # type: ignore[method-assign,assignment]
        answer = server.call("start")
        assert (answer.code, answer.reason) == (FAILED, 110473)
        assert server.up == []

    def test_a_disk_that_carries_none_is_refused_without_being_asked(self, server: Server) -> None:
        place = server.machine.place_of(server.disk)
        os.unlink(server.machine.real(f"/sys/devices/{place.name}/device/scsi_level"))
        answer = server.call("start")
        assert answer.reason == 110471
        assert server.machine.sent == []

    @pytest.mark.parametrize(
        ("given", "number"),
        [({"ownership": "none"}, 110480), ({"vg_uuid": ""}, 110480), ({"reservation": "x"}, 110131)],
    )
    def test_parameters_that_do_not_go_with_it(self, server: Server, given: dict[str, str], number: int) -> None:
        server.given.update(given)
        server.write(system_id="")
        answer = server.call("start")
        assert answer.reason == number
        assert server.machine.sent == []
        assert server.up == []

    def test_a_start_that_cannot_note_what_it_registers_registers_nothing(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.makedirs(f"{server.paths.run}/registered-{VG_UUID}")
        answer = server.call("start")
        assert answer.code != OK
        assert target(server).keys == {}

    def test_an_owner_that_cannot_be_written_leaves_what_the_stop_gives_up(self, server: Server) -> None:
        server.write(system_id="")
        server.machine.lvm.is_full = True
        assert server.call("start").code != OK
        assert target(server).holding == MINE
        assert server.call("stop").code == OK
        assert target(server).keys == {}


class TestStop:
    def test_it_takes_down_and_then_gives_the_disk_up(self, started: Server) -> None:
        assert started.call("stop").code == OK
        assert started.up == []
        assert target(started).keys == {}
        assert not registered.is_noted(started.paths, VG_UUID)

    def test_whatever_the_parameters_say_by_then(self, started: Server) -> None:
        started.given.update(reservation="what", ownership="none")
        assert started.call("stop").code == OK
        assert target(started).keys == {}

    @pytest.mark.parametrize("work", [lvmvg.give_up, lvmvg.release])
    def test_so_does_one_that_gives_way_and_the_end_of_the_protection(
        self, started: Server, work: Callable[[VgFacts, Host], str]
    ) -> None:
        host = Host(started.paths, Settings(), lambda _message: None)
        with started.machine.running():
            work(VgFacts(VG, f"lvmvg-{VG}", VG, VG_UUID), host)
        assert target(started).keys == {}

    def test_a_disk_that_is_dead_is_a_warning(self, started: Server) -> None:
        started.machine.set_state(started.disk, "fails")
        answer = started.call("stop")
        assert answer.code == OK
        assert 110477 in answer.said

    def test_one_that_was_shut_out_stops_and_leaves_the_other_alone(self, started: Server) -> None:
        peer_holds(started)
        answer = started.call("stop")
        assert (answer.code, 110477 in answer.said) == (OK, False)
        assert target(started).holding == PEERS

    def test_what_is_in_use_stays_up_and_stays_reserved(self, started: Server) -> None:
        started.machine.start_process(77, "dd", opens=(f"/dev/{VG}/www",))
        assert started.call("stop").code != OK
        assert target(started).holding == MINE

    def test_a_note_that_cannot_be_read_is_told(self, started: Server) -> None:
        note = f"{started.paths.run}/registered-{VG_UUID}"
        os.unlink(note)
        os.makedirs(note)
        answer = started.call("stop")
        assert (answer.code, FileUnreadable.number in answer.said) == (OK, True)


class TestMonitor:
    def test_all_is_well_and_nothing_is_registered_by_it(self, started: Server) -> None:
        before = dict(target(started).keys)
        assert deep(started).code == OK
        assert target(started).keys == before
        assert started.machine.sent

    def test_the_frequent_one_asks_no_disk(self, started: Server) -> None:
        target(started).restart()
        assert started.call("monitor").code == OK
        assert started.machine.sent == []

    def test_a_target_that_forgot(self, started: Server) -> None:
        target(started).restart()
        answer = deep(started)
        assert (answer.code, answer.reason) == (FAILED, 110475)

    def test_a_session_that_came_back_as_another_one(self, started: Server) -> None:
        started.machine.lose_session(started.disk)
        assert deep(started).reason == 110475

    def test_another_server_that_took_it(self, started: Server) -> None:
        peer_holds(started)
        assert deep(started).reason == 110476

    def test_what_was_started_without(self, server: Server) -> None:
        server.given["reservation"] = "none"
        server.start()
        server.given["reservation"] = "scsi"
        assert deep(server).reason == 110475

    def test_a_disk_that_has_gone_is_not_told_to_be_unreserved_as_well(self, server: Server) -> None:
        server.given["reservation"] = "none"
        server.start()
        server.given["reservation"] = "scsi"
        server.machine.detach(server.disk)
        answer = deep(server)
        assert (answer.code, answer.said) == (FAILED, [PvGone.number, PvReadFailed.number])

    def test_a_note_of_the_start_that_nobody_understands_is_as_none(self, started: Server) -> None:
        with open(f"{started.paths.run}/registered-{VG_UUID}", "w", encoding="ascii") as note:
            note.write("?\n")
        assert deep(started).reason == 110475

    def test_a_stop_and_a_start_heal_it(self, started: Server) -> None:
        target(started).restart()
        assert started.call("stop").code == OK
        started.start()
        assert deep(started).code == OK


class TestWithout:
    def test_nothing_is_sent_and_nothing_is_loaded(self, server: Server) -> None:
        server.given["reservation"] = "none"
        for module in ("lvmkit.guards.reservation", "lvmkit.storage.reservations"):
            sys.modules.pop(module, None)
        server.start()
        assert deep(server).code == OK
        assert server.call("stop").code == OK
        assert server.machine.sent == []
        assert "lvmkit.guards.reservation" not in sys.modules

    def test_a_boot_registers_nobody(self, started: Server) -> None:
        started.machine.reboot()
        assert started.call("monitor").code != OK
        assert started.machine.sent == []


class TestNodes:
    @pytest.mark.parametrize(("numbers", "reason"), [({NODE: 0x0A000001}, 110481), ({PEER: 2}, 110480)])
    def test_a_server_whose_number_has_no_room_in_a_key_or_that_has_none_is_refused(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, numbers: dict[str, int], reason: int
    ) -> None:
        monkeypatch.setattr(PacemakerMembership, "numbers", lambda _self: numbers)
        assert server.call("start").reason == reason
        assert server.machine.sent == []

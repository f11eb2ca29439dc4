"""Whose a volume group is: what a start may take over, what it writes, and what it says to LVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.entry.ocf.agent import main
from lvmkit.entry.report import Voice
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.storage import claims, lvm
from lvmkit.storage.claims import Claim
from lvmkit.storage.lvm import Lvm
from tests.unit import ocf_server
from tests.unit.ocf_server import (
    ARGUMENTS,
    FAILED,
    NODE,
    OK,
    OTHER_UUID,
    PEER,
    VG,
    Server,
    installed,
    reason,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return installed(tmp_path, monkeypatch)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of what went to the log."""
    numbers: list[int] = []
    monkeypatch.setattr(Voice, "log", lambda _voice, message: numbers.append(message.number))
    return numbers


def owning(server: Server, owner: str, peer: dict[str, str] | None = None, runs_on: tuple[str, ...] = ()) -> int:
    server.given["ownership"] = "system_id"
    server.owner = owner
    well = {"online": "true", "unclean": "false", "maintenance": "false"}
    server.nodes = {NODE: well} | ({PEER: {**well, **peer}} if peer is not None else {})
    server.runs_on = runs_on
    return server.call("start")


@pytest.mark.parametrize("own_id", ["", "some-other-id"])
def test_a_start_by_the_owner_changes_nothing_and_takes_two_commands(server: Server, own_id: str) -> None:
    server.own_id = own_id
    assert owning(server, NODE) == OK
    assert server.commands == ["fullreport", "vgchange -ay"]
    assert f'local/system_id="{NODE}"' in server.configs[-1]


@pytest.mark.parametrize(
    ("owner", "peer", "asked", "read_back"),
    [
        ("", None, ["crm_mon"], ["fullreport"]),
        (PEER, {}, ["crm_mon", "cibadmin"], []),
        (PEER, {"online": "false"}, ["crm_mon", "cibadmin"], []),
    ],
    ids=["unowned", "stopped there", "down and clean"],
)
def test_a_change_of_owner_is_written_once_and_read_back_by_a_report_or_by_the_activation(
    server: Server, logged: list[int], owner: str, peer: dict[str, str] | None, asked: list[str], read_back: list[str]
) -> None:
    assert owning(server, owner, peer) == OK
    assert server.commands == ["fullreport", *asked, "vgchange --systemid", *read_back, "vgchange -ay"]
    assert server.owner == NODE
    assert 110136 in logged


def test_a_group_under_lvms_own_name_for_this_host_gets_the_nodes_name(server: Server) -> None:
    server.own_id = "machine-id"
    assert owning(server, "machine-id") == OK
    assert server.owner == NODE
    assert server.commands.count("systemid") == 1


@pytest.mark.parametrize(
    ("owner", "peer", "runs_on", "number"),
    [
        (PEER, {}, (PEER,), 110134),
        (PEER, {"unclean": "true"}, (), 110134),
        (PEER, {"unclean": "true", "online": "false"}, (), 110134),
        (PEER, None, (), 110135),
        ("stranger", {}, (), 110135),
    ],
    ids=["not stopped there", "unclean", "not fenced yet", "no node", "unknown"],
)
def test_an_owner_that_may_still_write_keeps_the_group(
    server: Server,
    capfd: pytest.CaptureFixture[str],
    owner: str,
    peer: dict[str, str] | None,
    runs_on: tuple[str, ...],
    number: int,
) -> None:
    assert owning(server, owner, peer, runs_on) == FAILED
    assert reason(capfd) == number
    assert (server.owner, server.up) == (owner, {})
    assert "vgchange --systemid" not in server.commands


def test_an_owner_that_lvm_could_not_have_written_is_not_taken_over_from(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    server.own_id = 'x"y'
    assert owning(server, 'x"y') == FAILED
    assert reason(capfd) == 110135


@pytest.mark.parametrize(("owner", "peer"), [("", None), (PEER, {})])
def test_what_was_not_written_is_seen_by_reading_back(
    server: Server, capfd: pytest.CaptureFixture[str], owner: str, peer: dict[str, str] | None
) -> None:
    server.forgets_owner = True
    assert owning(server, owner, peer) == FAILED
    assert (reason(capfd), server.up) == (110137, {})


@pytest.mark.parametrize(("forgets", "code", "number"), [(False, OK, 0), (True, FAILED, 110137)])
def test_a_group_without_volumes_is_read_back_because_nothing_is_activated(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    forgets: bool,
    code: int,
    number: int,
) -> None:
    monkeypatch.setattr(ocf_server, "LVS", {})
    server.forgets_owner = forgets
    assert (owning(server, PEER, {}), reason(capfd)) == (code, number)
    assert server.commands == ["fullreport", "crm_mon", "cibadmin", "vgchange --systemid", "fullreport"]


@pytest.mark.parametrize("trouble", [{"exported": "exported"}, {"missing": "missing"}, {"uuid": OTHER_UUID}])
def test_nothing_is_written_to_what_could_not_be_activated(server: Server, trouble: dict[str, str]) -> None:
    vars(server).update(trouble)
    assert owning(server, "") != OK
    assert server.owner == ""


def test_a_node_name_that_lvm_would_change_is_refused(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    environment = {"OCF_RESKEY_vg": VG, "OCF_RESKEY_ownership": "system_id", "OCF_RESKEY_CRM_meta_on_node": "n:1"}
    assert main("/x/lvmvg", ["start"], server.paths, environment) == ARGUMENTS
    assert reason(capfd) == 110138
    assert server.commands == []


def test_a_stop_leaves_the_owner(server: Server) -> None:
    assert owning(server, "") == OK
    assert server.call("stop") == OK
    assert (server.owner, server.up) == (NODE, {})


def test_not_one_byte_is_written_to_a_disk_below_drbd(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(claims, "on", lambda *_, **__: (Claim("drbd0", True),))
    assert owning(server, PEER, {}) == FAILED
    assert (reason(capfd), server.owner, server.commands) == (110243, PEER, ["fullreport"])


# ---- other servers' kernels

HELD = ("my--vg-www",)


@pytest.mark.parametrize("owner", ["", PEER])
def test_what_another_server_holds_by_hand_is_refused_although_the_cluster_stopped_it(
    server: Server, capfd: pytest.CaptureFixture[str], owner: str
) -> None:
    server.held[PEER] = HELD
    assert owning(server, owner, {}) == FAILED
    assert reason(capfd) == 110217
    assert (server.owner, server.up) == (owner, {})


def test_a_server_that_is_off_but_was_not_fenced_is_asked(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    server.held[PEER] = HELD
    assert owning(server, PEER, {"online": "false"}) == FAILED
    assert reason(capfd) == 110217


def test_a_server_that_was_fenced_and_is_silent_is_no_reason(server: Server) -> None:
    server.fenced, server.silent = {PEER}, {PEER}
    assert owning(server, PEER, {"online": "false"}) == OK
    assert server.owner == NODE


def test_a_fencing_is_not_believed_where_the_server_says_that_it_holds_the_group(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    server.fenced = {PEER}
    server.held[PEER] = HELD
    assert owning(server, PEER, {"online": "false"}) == FAILED
    assert reason(capfd) == 110217
    assert (server.owner, server.up) == (PEER, {})


def test_the_owner_s_own_start_asks_nobody(server: Server) -> None:
    assert owning(server, NODE, {}) == OK
    assert server.asked == []


@pytest.mark.parametrize("owner", ["", PEER])
def test_silence_of_a_server_that_the_cluster_vouches_for_is_no_refusal_but_told(
    server: Server, logged: list[int], owner: str
) -> None:
    server.silent = {PEER}
    assert owning(server, owner, {}) == OK
    assert (server.owner, server.asked) == (NODE, [PEER])
    assert 110229 in logged


def test_silence_of_a_server_that_nobody_vouches_for_is_a_refusal_where_there_is_no_owner(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    server.silent, server.last = {PEER}, {PEER: ("start", "0")}
    assert owning(server, "", {"online": "false"}) == FAILED
    assert (reason(capfd), server.owner, server.up) == (110036, "", {})


# ---- what is said to LVM


@pytest.mark.parametrize("text", ["", "-n", "_n", "n:1", "n 1", "localhost", 'n"1', "n" * 128, "ä"])
def test_what_lvm_would_change_is_no_system_id(text: str) -> None:
    assert not lvm.is_system_id(text)
    assert lvm.is_system_id("n1.example.com")
    with pytest.raises(Failure) as caught:
        Lvm(1).speaking_as(text or " ")
    assert isinstance(caught.value.messages[0], InvalidName)


def test_every_command_speaks_as_the_node_that_was_given_and_no_other_does(server: Server) -> None:
    server.own_id = "by-lvm-conf"
    as_node = Lvm(1).speaking_as(NODE)
    assert as_node.own_system_id() == NODE
    as_node.activate(VG)
    assert Lvm(1).own_system_id() == "by-lvm-conf"
    assert [NODE in config for config in server.configs] == [True, False]

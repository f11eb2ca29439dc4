"""Whose a volume group is: what a start may take over, what it writes, and what it says to LVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.guards import OwnerNeedsDisks
from lvmkit.model.messages.ownership import OwnerChanged
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.storage import lvm
from lvmkit.storage.lvm import Lvm
from tests.unit.agent_server import (
    ARGUMENTS,
    FAILED,
    NODE,
    OK,
    OTHER_UUID,
    PEER,
    VG,
    Server,
    fence,
    member,
)
from tests.unit.machine import Machine, SharedDisk, make_group
from tests.unit.test_ocf_disks import record_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.machine import Answer
    from tests.unit.world.view import Member


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def start(server: Server, owner: str) -> Answer:
    """Start the group, which an owner has, under this node's name."""
    server.given["ownership"] = "system_id"
    server.write(system_id=owner)
    return server.call("start")


@pytest.mark.parametrize("own_id", ["", "some-other-id"])
def test_a_start_by_the_owner_changes_nothing_and_takes_two_commands(server: Server, own_id: str) -> None:
    server.machine.lvm.system_id = own_id
    assert start(server, NODE).code == OK
    assert server.commands == ["fullreport", "vgchange -ay"]
    assert f'local/system_id="{NODE}"' in " ".join(server.machine.ran[-1])


@pytest.mark.parametrize(
    ("owner", "peer", "asked", "read_back"),
    [
        ("", None, ["crm_mon"], ["fullreport"]),
        (PEER, member(), ["crm_mon", "cibadmin"], []),
        (PEER, member(online=False), ["crm_mon", "cibadmin"], []),
    ],
    ids=["unowned", "stopped there", "down and clean"],
)
def test_a_change_of_owner_is_written_once_and_read_back_by_a_report_or_by_the_activation(
    server: Server, owner: str, peer: Member | None, asked: list[str], read_back: list[str]
) -> None:
    if peer:
        server.add_peer(peer)
    answer = start(server, owner)
    assert answer.code == OK
    assert server.commands == ["fullreport", *asked, "vgchange --systemid", *read_back, "vgchange -ay"]
    assert server.owner == NODE
    assert 110136 in answer.logged


def test_a_group_under_lvms_own_name_for_this_host_gets_the_nodes_name(server: Server) -> None:
    server.machine.lvm.system_id = "machine-id"
    assert start(server, "machine-id").code == OK
    assert server.owner == NODE
    assert server.commands.count("systemid") == 1


@pytest.mark.parametrize(
    ("owner", "peer", "number"),
    [
        (PEER, member("start", active=True), 110134),
        (PEER, member(condemned=True), 110134),
        (PEER, member(online=False, expected=True), 110134),
        (PEER, None, 110135),
        ("stranger", member(), 110135),
    ],
    ids=["not stopped there", "unclean", "not fenced yet", "no node", "unknown"],
)
def test_an_owner_that_may_still_write_keeps_the_group(
    server: Server, owner: str, peer: Member | None, number: int
) -> None:
    if peer:
        server.add_peer(peer)
    answer = start(server, owner)
    assert (answer.code, answer.reason) == (FAILED, number)
    assert (server.owner, server.up) == (owner, [])
    assert "vgchange --systemid" not in server.commands


def test_an_owner_that_lvm_could_not_have_written_is_not_taken_over_from(server: Server) -> None:
    server.machine.lvm.system_id = 'x"y'
    answer = start(server, 'x"y')
    assert (answer.code, answer.reason) == (FAILED, 110135)


def start_where_nothing_is_written(server: Server, owner: str) -> Answer:
    server.write(system_id=owner)
    server.disk.drops_writes = True
    return start(server, owner)


@pytest.mark.parametrize("owner", ["", PEER])
def test_what_was_not_written_is_seen_by_reading_back(server: Server, owner: str) -> None:
    server.add_peer(member())
    answer = start_where_nothing_is_written(server, owner)
    assert (answer.code, answer.reason, server.up) == (FAILED, 110137, [])


@pytest.mark.parametrize(("how", "code", "number"), [(start, OK, 0), (start_where_nothing_is_written, FAILED, 110137)])
def test_a_group_without_volumes_is_read_back_because_nothing_is_activated(
    server: Server, how: Callable[[Server, str], Answer], code: int, number: int
) -> None:
    server.write(volumes=())
    server.add_peer(member())
    answer = how(server, PEER)
    assert (answer.code, answer.reason) == (code, number)
    assert server.commands == ["fullreport", "crm_mon", "cibadmin", "vgchange --systemid", "fullreport"]


def exported(server: Server) -> None:
    server.write(exported=True)


def without_a_disk(server: Server) -> None:
    server.write(disks=(*server.metadata.disks, OTHER_UUID))


def another_group_of_the_name(server: Server) -> None:
    server.write(uuid=OTHER_UUID)


@pytest.mark.parametrize("trouble", [exported, without_a_disk, another_group_of_the_name])
def test_nothing_is_written_to_what_could_not_be_activated(server: Server, trouble: Callable[[Server], None]) -> None:
    trouble(server)
    assert start(server, "").code != OK
    assert server.owner == ""


def test_a_node_name_that_lvm_would_change_is_refused(server: Server) -> None:
    node = {"OCF_RESKEY_CRM_meta_on_node": "n:1"}
    answer = server.machine.agent("lvmvg", "start", vg=VG, ownership="system_id", **node)
    assert (answer.code, answer.reason) == (ARGUMENTS, 110138)
    assert server.commands == []


def test_a_stop_leaves_the_owner(server: Server) -> None:
    assert start(server, "").code == OK
    assert server.call("stop").code == OK
    assert (server.owner, server.up) == (NODE, [])


@pytest.mark.parametrize(("claim", "number"), [(Machine.hold, 110243), (Machine.put_signature_of_drbd, 110244)])
def test_not_one_byte_is_written_to_a_disk_below_drbd(
    server: Server, claim: Callable[[Machine, SharedDisk], None], number: int
) -> None:
    claim(server.machine, server.disk)
    server.add_peer(member())
    answer = start(server, PEER)
    assert (answer.code, answer.reason) == (FAILED, number)
    assert (server.owner, server.commands) == (PEER, ["fullreport"])


# ---- other servers' kernels


def hold(peer: Machine) -> None:
    """Activate the group there by hand, which its owner, and before it has one anybody, may do."""
    assert peer.by_hand("vgchange", "-ay", VG) == 0


@pytest.mark.parametrize("owner", ["", PEER])
def test_what_another_server_holds_by_hand_is_refused_although_the_cluster_stopped_it(
    server: Server, owner: str
) -> None:
    hold(server.add_peer(member()))
    answer = start(server, owner)
    assert (answer.code, answer.reason) == (FAILED, 110217)
    assert (server.owner, server.up) == (owner, [])


def test_a_server_that_is_off_but_was_not_fenced_is_asked(server: Server) -> None:
    hold(server.add_peer(member(online=False)))
    answer = start(server, PEER)
    assert (answer.code, answer.reason) == (FAILED, 110217)


def test_a_server_that_was_fenced_and_is_silent_is_no_reason(server: Server) -> None:
    server.add_peer(member())
    fence(server)
    server.network.isolate(PEER)
    assert start(server, PEER).code == OK
    assert server.owner == NODE


def test_a_fencing_is_not_believed_where_the_server_says_that_it_holds_the_group(server: Server) -> None:
    hold(server.add_peer(member()))
    fence(server)
    answer = start(server, PEER)
    assert (answer.code, answer.reason) == (FAILED, 110217)
    assert (server.owner, server.up) == (PEER, [])


def test_the_owner_s_own_start_asks_nobody(server: Server) -> None:
    server.add_peer(member())
    assert start(server, NODE).code == OK
    assert server.asked == []


def test_the_other_servers_that_are_configured_are_asked_before_lvm_is_and_this_one_never(server: Server) -> None:
    server.add_peer(member())
    record_disk(server.paths.cib, VG, server.metadata.uuid, nodes=(NODE, PEER))
    assert start(server, PEER).code == OK
    assert server.asked == [PEER]
    assert server.machine.ran[0][0].endswith("/ssh")


@pytest.mark.parametrize("owner", ["", PEER])
def test_silence_of_a_server_that_the_cluster_vouches_for_is_no_refusal_but_told(server: Server, owner: str) -> None:
    server.add_peer(member())
    server.network.isolate(PEER)
    answer = start(server, owner)
    assert answer.code == OK
    assert (server.owner, server.asked) == (NODE, [PEER])
    assert 110229 in answer.logged


def test_silence_of_a_server_that_nobody_vouches_for_is_a_refusal_where_there_is_no_owner(server: Server) -> None:
    server.add_peer(member("start", online=False))
    server.network.isolate(PEER)
    answer = start(server, "")
    assert (answer.code, answer.reason) == (FAILED, 110036)
    assert (server.owner, server.up) == ("", [])


# ---- what is said to LVM


@pytest.mark.parametrize("text", ["", "-n", "_n", "n:1", "n 1", "localhost", 'n"1', "n" * 128, "ä"])
def test_what_lvm_would_change_is_no_system_id(text: str) -> None:
    assert not lvm.is_system_id(text)
    assert lvm.is_system_id("n1.example.com")
    with pytest.raises(Failure) as caught:
        Lvm(1).speaking_as(text or " ")
    assert isinstance(caught.value.messages[0], InvalidName)


def test_every_command_speaks_as_the_node_that_was_given_and_no_other_does(server: Server) -> None:
    server.machine.lvm.system_id = "by-lvm-conf"
    as_node = Lvm(1).speaking_as(NODE)
    with server.machine.running():
        assert as_node.own_system_id() == NODE
        as_node.activate(VG)
        assert Lvm(1).own_system_id() == "by-lvm-conf"
    named = [f'local/system_id="{NODE}"' in " ".join(argv) for argv in server.machine.ran]
    assert named == [True, False]


def lack_disks(server: Server, count: int, version: str) -> SharedDisk:
    """Let the group, which the other node has, have count disks, of which one is gone; returns the first one."""
    more = [SharedDisk(serial) for serial in "BCDE"[: count - 1]]
    make_group(VG, (server.disk, *more), "data-x www", kind="raid1")
    for disk in more[:-1]:
        server.machine.attach(disk)
    server.machine.lvm.version = version
    server.given["missing_pv"] = "degraded"
    server.add_peer(member())
    return server.disk


@pytest.mark.parametrize(
    ("count", "version", "code"), [(3, "2.03.31(2)", OK), (3, "2.03.16(2)", FAILED), (2, "2.03.31(2)", FAILED)]
)
def test_a_group_that_lacks_disks_is_taken_over_where_more_than_half_are_left_and_lvm_knows_how(
    server: Server, count: int, version: str, code: int
) -> None:
    lack_disks(server, count, version)
    answer = start(server, PEER)
    assert (answer.code, answer.reason) == (code, 0 if code == OK else OwnerNeedsDisks.number)
    assert server.owner == (NODE if code == OK else PEER)
    assert bool(server.up) == (code == OK)


def test_a_minority_of_the_disks_is_refused_before_anybody_is_asked(server: Server) -> None:
    lack_disks(server, 4, "2.03.31(2)")
    server.machine.detach(server.disk)
    assert start(server, PEER).reason == OwnerNeedsDisks.number
    assert server.commands == ["fullreport"]


def test_the_owner_itself_starts_a_group_that_lacks_disks(server: Server) -> None:
    lack_disks(server, 2, "2.03.16(2)")
    assert start(server, NODE).code == OK


@pytest.mark.parametrize("lacks_disks", [False, True])
def test_an_owner_that_lvm_does_not_write_is_told_in_lvm_s_words_and_nothing_is_activated(
    server: Server, lacks_disks: bool
) -> None:
    if lacks_disks:
        lack_disks(server, 3, "2.03.31(2)")
    else:
        server.add_peer(member())
    server.machine.lvm.is_full = True
    answer = start(server, PEER)
    assert (answer.code, answer.reason) == (FAILED, CommandFailed.number)
    assert OwnerChanged.number not in answer.logged
    assert server.commands[-1] == "vgchange --systemid"

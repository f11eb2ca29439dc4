"""A volume group that another server holds is not put under protection here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit import guards
from lvmkit.model.instance import OSU
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.extend import ActiveOutsideCluster, ActivityUnknown, LoginRefused
from lvmkit.model.messages.guide import EndFailedInService
from lvmkit.model.messages.service import MayBeActiveElsewhere
from lvmkit.model.servers import Server
from lvmkit.peer.kernels import LOOK, Kernels
from lvmkit.storage import dm
from lvmkit.workflow import service
from tests.unit.fakes import OTHER_UUID, VG_UUID, FakeCluster, FakePort, data_hierarchy, group, kit, on
from tests.unit.peer_fakes import Servers, devices, finished

if TYPE_CHECKING:
    from lvmkit.host import Devices

OURS = "LVM-" + group().uuid.replace("-", "")
SILENT = Failure(LoginRefused("n2", "Permission denied"))
ASK = Kernels.devices


class Others:
    """What the kernels of the other servers hold, or why they do not say."""

    def __init__(self) -> None:
        self.says: dict[str, tuple[str, ...] | Failure] = {}
        self.asked: list[str] = []

    def devices(self, servers: Sequence[str], *_: object, **__: object) -> dict[str, Devices | Failure]:
        self.asked += servers
        return {server: self._said(self.says.get(server, ())) for server in servers}

    def _said(self, names: tuple[str, ...] | Failure) -> Devices | Failure:
        return names if isinstance(names, Failure) else (*devices(OTHER_UUID, "vg9-x"), *devices(VG_UUID, *names))


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Others:
    made = Others()
    monkeypatch.setattr(Kernels, "devices", lambda _self, *words, **named: made.devices(*words, **named))
    return made


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def look(tmp_path: Path, told: list[Message]) -> Callable[..., tuple[Message, ...]]:
    """Why the group is refused; () where it is not."""

    def work(port: FakePort | None = None, *, is_up_here: bool = True) -> tuple[Message, ...]:
        try:
            guards.refuse_active_elsewhere(
                group(), kit(port or FakeCluster(), tmp_path, told.append).host, is_up_here=is_up_here
            )
        except Failure as failure:
            return failure.messages
        return ()

    return work


Look = Callable[..., tuple[Message, ...]]


@pytest.mark.parametrize("is_up_here", [True, False])
def test_one_that_is_active_nowhere_else(others: Others, look: Look, told: list[Message], is_up_here: bool) -> None:
    assert (look(is_up_here=is_up_here), told, others.asked) == ((), [], ["n2", "n3"])


@pytest.mark.parametrize("is_up_here", [True, False])
def test_one_that_another_server_has_active_is_refused(others: Others, look: Look, is_up_here: bool) -> None:
    others.says["n3"] = ("vg1-data", "vg1-www")
    assert look(is_up_here=is_up_here) == (ActiveOutsideCluster("vg1", "n3", ("vg1-data", "vg1-www")),)


def test_a_server_that_does_not_say_is_told_of_and_enough_where_the_group_is_up(
    others: Others, look: Look, told: list[Message]
) -> None:
    others.says["n2"] = SILENT
    assert look() == ()
    assert [type(message) for message in told] == [ActivityUnknown]


def test_it_is_not_enough_where_the_group_is_down(others: Others, look: Look) -> None:
    others.says["n2"] = SILENT
    assert look(is_up_here=False) == (MayBeActiveElsewhere("vg1", ("n2",)),)


def test_a_server_that_pacemaker_calls_offline_is_asked_as_well(others: Others, look: Look) -> None:
    port = FakeCluster()
    port.members["n2"] = Server("n2", False, "offline")
    others.says["n2"] = ("vg1-data",)
    assert look(port) == (ActiveOutsideCluster("vg1", "n2", ("vg1-data",)),)


def test_they_are_asked_for_their_kernels_devices_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, look: Look, told: list[Message]
) -> None:
    monkeypatch.setattr(Kernels, "devices", ASK)
    servers = Servers(monkeypatch)
    servers.dmsetup["n3"] = finished(f"vg1-data {OURS}a\nvg1-www {OURS}b\n")
    servers.dmsetup["n2"] = LoginRefused("n2", "Permission denied")
    assert look() == (ActiveOutsideCluster("vg1", "n3", ("vg1-data", "vg1-www")),)
    assert [type(message) for message in told] == [ActivityUnknown]
    assert (servers.commands, servers.asked) == ([("n2", LOOK[0]), ("n3", LOOK[0])], [])


def test_without_a_cluster_nobody_is_asked(others: Others, look: Look) -> None:
    assert (look(FakePort(), is_up_here=False), others.asked) == ((), [])


# ---- in service, by an administrator


def in_service(port: FakeCluster, folder: Path, told: list[Message], server: str = "") -> tuple[Message, ...]:
    """Why the hierarchy does not come in service; () where it does."""
    try:
        service.in_service("/data", kit(port, folder, told.append), server)
    except Failure as failure:
        return failure.messages
    return ()


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """n1, n2 and n3 have the hierarchy, and it is out of service; this server, n1, holds nothing."""
    monkeypatch.setattr(dm, "list_devices", lambda: ())
    return FakeCluster(data_hierarchy(OSU), n2=on("n2", data_hierarchy(OSU)), n3=on("n3", data_hierarchy(OSU)))


@pytest.mark.parametrize("online", [True, False])
def test_what_another_server_holds_by_hand_does_not_come_in_service_here(
    others: Others, idle: FakeCluster, tmp_path: Path, told: list[Message], online: bool
) -> None:
    idle.members["n2"] = Server("n2", online)
    others.says["n2"] = ("vg1-data",)
    refusal = in_service(idle, tmp_path, told)
    assert refusal == (ActiveOutsideCluster("vg1", "n2", ("vg1-data",)), EndFailedInService("/data", "n1"))
    assert idle.moves == []


def test_what_this_server_holds_by_hand_does_not_come_in_service_elsewhere(
    others: Others, idle: FakeCluster, tmp_path: Path, told: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dm, "list_devices", lambda: (dm.Device("vg1-data", OURS + "abc", "253:0"),))
    assert in_service(idle, tmp_path, told, "n2")[0] == ActiveOutsideCluster("vg1", "n1", ("vg1-data",))
    assert (idle.moves, others.asked) == ([], ["n3"])


def test_a_server_that_does_not_answer_is_told_of_and_its_start_decides(
    others: Others, idle: FakeCluster, tmp_path: Path, told: list[Message]
) -> None:
    others.says["n3"] = SILENT
    assert in_service(idle, tmp_path, told) == ()
    assert [type(message) for message in told] == [ActivityUnknown]
    assert idle.moves == [("restore", "/data", "")]


def test_the_server_where_the_cluster_has_it_is_not_asked(
    others: Others, idle: FakeCluster, tmp_path: Path, told: list[Message]
) -> None:
    idle.others["n2"] = on("n2", data_hierarchy())
    others.says["n2"] = ("vg1-data",)
    service.refuse_held("/data", "", idle.overview(), kit(idle, tmp_path, told.append))
    assert others.asked == ["n3"]

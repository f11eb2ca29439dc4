"""A volume group that another server holds is not put under protection here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.extend import ActiveOutsideCluster, ActivityUnknown, LoginRefused
from lvmkit.model.messages.service import MayBeActiveElsewhere
from lvmkit.model.servers import Server
from lvmkit.workflow.activity import refuse_active_elsewhere
from tests.unit.fakes import FakeCluster, FakePort, kit
from tests.unit.peer_fakes import Servers
from tests.unit.storage_fake import group


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return Servers(monkeypatch)


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def look(tmp_path: Path, told: list[Message]) -> Callable[..., tuple[Message, ...]]:
    """Why the group is refused; () where it is not."""

    def work(port: FakePort | None = None, *, is_up_here: bool = True) -> tuple[Message, ...]:
        try:
            refuse_active_elsewhere(group(), kit(port or FakeCluster(), tmp_path, told.append), is_up_here=is_up_here)
        except Failure as failure:
            return failure.messages
        return ()

    return work


Look = Callable[..., tuple[Message, ...]]


@pytest.mark.parametrize("is_up_here", [True, False])
def test_one_that_is_active_nowhere_else(servers: Servers, look: Look, told: list[Message], is_up_here: bool) -> None:
    assert (look(is_up_here=is_up_here), told) == ((), [])
    assert [(each.server, each.name, each.facts) for each in servers.asked] == [
        ("n2", "active", {"vg_uuid": group().uuid}),
        ("n3", "active", {"vg_uuid": group().uuid}),
    ]


@pytest.mark.parametrize("is_up_here", [True, False])
def test_one_that_another_server_has_active_is_refused(servers: Servers, look: Look, is_up_here: bool) -> None:
    servers.says("n3", devices=["vg1-data", "vg1-www"])
    assert look(is_up_here=is_up_here) == (ActiveOutsideCluster("vg1", "n3", ("vg1-data", "vg1-www")),)


def test_a_server_that_does_not_say_is_told_of_and_enough_where_the_group_is_up(
    servers: Servers, look: Look, told: list[Message]
) -> None:
    servers.silent("n2", LoginRefused("n2", "Permission denied"))
    assert look() == ()
    assert [type(message) for message in told] == [ActivityUnknown]


def test_it_is_not_enough_where_the_group_is_down(servers: Servers, look: Look) -> None:
    servers.silent("n2", LoginRefused("n2", "Permission denied"))
    assert look(is_up_here=False) == (MayBeActiveElsewhere("vg1", ("n2",)),)


def test_a_server_that_is_down_is_not_asked(servers: Servers, look: Look) -> None:
    port = FakeCluster()
    port.members["n2"] = Server("n2", False, "offline")
    assert (look(port), servers.requests) == ((), [("n3", "active")])


def test_without_a_cluster_nobody_is_asked(servers: Servers, look: Look) -> None:
    assert (look(FakePort(), is_up_here=False), servers.asked) == ((), [])

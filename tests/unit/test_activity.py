"""A volume group that another server holds is not put under protection here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lvmkit.cluster import transport
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.extend import ActiveOutsideCluster, ActivityUnknown, LoginRefused
from lvmkit.model.messages.service import MayBeActiveElsewhere
from lvmkit.model.servers import Server
from lvmkit.storage.run import Finished
from lvmkit.workflow.activity import refuse_active_elsewhere
from tests.unit.fakes import FakeCluster, FakePort, kit
from tests.unit.storage_fake import OTHER_UUID, group

OURS = "LVM-" + group().uuid.replace("-", "")
OTHERS = "LVM-" + OTHER_UUID.replace("-", "")


class Others:
    """What dmsetup says on the other servers, or why they do not answer."""

    def __init__(self) -> None:
        self.says: dict[str, str | Message] = {}
        self.asked: list[str] = []

    def run_on(self, server: str, argv: tuple[str, ...], *_: Any, **__: Any) -> Finished:
        self.asked.append(server)
        answer = self.says.get(server, "No devices found\n")
        if isinstance(answer, Message):
            raise Failure(answer)
        return Finished(argv, 1 if answer == "broken" else 0, answer, "", 0.1)


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Others:
    made = Others()
    monkeypatch.setattr(transport, "run_on", made.run_on)
    return made


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
def test_one_that_is_active_nowhere_else(others: Others, look: Look, told: list[Message], is_up_here: bool) -> None:
    others.says["n2"] = f"vg9-lv {OTHERS}abc\nmpatha mpath-1\n"
    assert (look(is_up_here=is_up_here), told, others.asked) == ((), [], ["n2", "n3"])


@pytest.mark.parametrize("is_up_here", [True, False])
def test_one_that_another_server_has_active_is_refused(others: Others, look: Look, is_up_here: bool) -> None:
    others.says["n3"] = f"vg1-data {OURS}abc\nvg1-www {OURS}def\n"
    assert look(is_up_here=is_up_here) == (ActiveOutsideCluster("vg1", "n3", ("vg1-data", "vg1-www")),)


@pytest.mark.parametrize("answer", [LoginRefused("n2", "Permission denied"), "broken"])
def test_a_server_that_does_not_say_is_told_of_and_enough_where_the_group_is_up(
    others: Others, look: Look, told: list[Message], answer: str | Message
) -> None:
    others.says["n2"] = answer
    assert look() == ()
    assert [type(message) for message in told] == [ActivityUnknown]


def test_it_is_not_enough_where_the_group_is_down(others: Others, look: Look) -> None:
    others.says["n2"] = LoginRefused("n2", "Permission denied")
    assert look(is_up_here=False) == (MayBeActiveElsewhere("vg1", ("n2",)),)


def test_a_server_that_is_down_is_not_asked(others: Others, look: Look) -> None:
    port = FakeCluster()
    port.members["n2"] = Server("n2", False, "offline")
    assert (look(port), others.asked) == ((), ["n3"])


def test_without_a_cluster_nobody_is_asked(others: Others, look: Look) -> None:
    assert (look(FakePort(), is_up_here=False), others.asked) == ((), [])

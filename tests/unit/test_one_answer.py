"""Whoever asks whether a volume group or a volume is well gets one answer: script, agent, check and recovery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.entry import action
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMLV, LVMVG, Dependency
from lvmkit.model.settings import Settings
from lvmkit.plan import Kit
from lvmkit.resources import dispatch
from lvmkit.workflow.look import check_tags
from tests.unit.agent_server import NODE, OK, VG, VG_UUID, WWW, Server
from tests.unit.fakes import FakePort, instance

if TYPE_CHECKING:
    from lvmkit.model.instance import Instance


GROUP = instance(LVMVG, "vg", f"lvmvg-{VG}", vg_uuid=VG_UUID)
VOLUME = instance(LVMLV, "lv", f"/dev/{VG}/www", vg_uuid=VG_UUID, lv_uuid=WWW)
NOW = Hierarchy((GROUP, VOLUME), (Dependency("lv", "vg"),))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr("lvmkit.entry.kit.engine", lambda *_: FakePort(NOW))
    return Server(tmp_path)


def well(_server: Server) -> None:
    """As the start left it."""


def a_volume_vanished(server: Server) -> None:
    server.take_away([WWW])


def all_vanished(server: Server) -> None:
    server.take_away()


def a_volume_is_suspended(server: Server) -> None:
    server.device(WWW).suspended = True


def a_table_was_wiped(server: Server) -> None:
    server.device(WWW).kind = "error"


def the_disk_is_gone(server: Server) -> None:
    server.machine.detach(server.disk)


def the_record_is_lost(server: Server) -> None:
    for path in Path(server.paths.run).rglob("lvmvg-*"):
        path.unlink()


def the_record_is_lost_and_a_table_was_wiped(server: Server) -> None:
    the_record_is_lost(server)
    a_table_was_wiped(server)


def the_record_is_lost_and_the_disk_is_gone(server: Server) -> None:
    the_record_is_lost(server)
    the_disk_is_gone(server)


BOTH = (LVMVG, LVMLV)
SITUATIONS: list[tuple[Callable[[Server], None], tuple[str, ...]]] = [
    (well, ()),
    (a_volume_vanished, BOTH),
    (all_vanished, BOTH),
    (a_volume_is_suspended, BOTH),
    (a_table_was_wiped, BOTH),
    (the_disk_is_gone, (LVMVG,)),  # the group, which brought the volume up, is asked about its disks
    (the_record_is_lost, ()),
    (the_record_is_lost_and_a_table_was_wiped, BOTH),
    (the_record_is_lost_and_the_disk_is_gone, BOTH),
]
"""what the server looks like, and whose fault that is"""


@pytest.mark.parametrize(("situation", "faulty"), SITUATIONS)
@pytest.mark.parametrize("kind", BOTH)
def test_script_agent_and_recovery_give_the_same_answer(
    server: Server, situation: Callable[[Server], None], faulty: tuple[str, ...], kind: str
) -> None:
    server.start()
    situation(server)
    server.given = {"vg": VG, "vg_uuid": VG_UUID}
    found = GROUP
    if kind == LVMLV:
        server.given |= {"lv": "www", "lv_uuid": WWW}
        found = VOLUME
    kit = Kit(FakePort(NOW), server.paths, Settings(), lambda _message: None)
    with server.machine.running():
        (finding,) = check_tags((found.tag,), NOW, kit)
    script = server.machine.action(kind, "quickCheck", found.tag)
    by_id = server.machine.action(kind, "quickCheck", "", found.id)
    agent = server.call("monitor", kind)
    answers = [finding.is_fault, script.code != 0, by_id.code != 0, agent.code != OK]
    assert answers == [kind in faulty] * 4
    assert server.commands == []


@pytest.mark.parametrize(
    ("script", "verb"),
    [("restore", "restore"), ("remove", "remove"), ("remoteremove", "give_up"), ("delete", "release")],
)
def test_every_action_script_does_its_own_verb_under_the_name_of_this_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, script: str, verb: str
) -> None:
    done: list[tuple[str, str, str]] = []
    for each in ("restore", "remove", "give_up", "release"):

        def note(found: Instance, *rest: Any, name: str = each) -> str:
            done.append((name, found.tag, rest[-1].server))
            return "done"

        monkeypatch.setattr(dispatch, each, note)
    tools = Kit(FakePort(NOW), server.paths, Settings(), lambda _message: None)
    monkeypatch.setattr("lvmkit.entry.kit.kit", lambda *_: tools)
    monkeypatch.setattr(action, "guarded", lambda work, *_, **__: work())
    assert server.machine.action("lvmvg", script, "vg").code == 0
    assert done == [(verb, "vg", NODE)]

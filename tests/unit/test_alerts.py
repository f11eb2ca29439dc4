"""Alerts of the embedded engine: what an agent of Pacemaker's is told, and that it keeps nothing from going on."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.model.instance import OSU, Dependency, Instance
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import ActionFailed, AlertNotSent
from lvmkit.model.settings import Paths, Settings
from lvmkit.resources import scripts

HERE = os.uname().nodename
CHAIN = (
    Instance(HERE, "scsi", "lvmlv", "lv", "/dev/vg1/lv", state=OSU),
    Instance(HERE, "scsi", "lvmvg", "vg", "x", state=OSU),
)
DEADLINE = 10.0


class Site:
    """An engine whose scripts do nothing or fail, and an agent that notes what it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = folder / "told"
        self.agent = folder / "agent"
        self.told: list[Message] = []
        self.failing = ""
        self.be_told('env | grep ^CRM_ | sort > "$CRM_alert_recipient/$CRM_alert_node_sequence"')
        self.log.mkdir()
        monkeypatch.setattr(scripts, "perform", self._perform)
        paths = Paths(lkroot=f"{folder}/lk", state=f"{folder}/state", run=f"{folder}/run")
        self.engine = Engine(paths, Settings(alert_agent=str(self.agent), alert_recipient=str(self.log)))
        self.engine.commit(Change(add=CHAIN, link=(Dependency("lv", "vg"),)))

    def be_told(self, body: str) -> None:
        self.agent.write_text(f"#!/bin/sh\n{body}\n")
        self.agent.chmod(0o755)

    def alerts(self, count: int) -> list[dict[str, str]]:
        """What the agent was told, in order; it is waited for, as nobody else does."""
        end = time.monotonic() + DEADLINE
        while len(os.listdir(self.log)) < count or not all(path.stat().st_size for path in self.log.iterdir()):
            assert time.monotonic() < end, os.listdir(self.log)
            time.sleep(0.01)
        texts = [path.read_text() for path in sorted(self.log.iterdir(), key=lambda path: int(path.name))]
        return [dict(line.removeprefix("CRM_alert_").split("=", 1) for line in text.splitlines()) for text in texts]

    def _perform(self, instance: Instance, action: str, *_: object, **__: object) -> None:
        if instance.tag == self.failing:
            raise Failure(ActionFailed(action, instance.tag, "exit status 1"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def _steps(alerts: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(each["task"], each["rsc"], each["rc"]) for each in alerts]


def test_starts_and_stops_are_told_in_their_order(site: Site) -> None:
    site.engine.bring_in_service("lv", site.told.append)
    site.engine.take_out_of_service("lv", site.told.append)
    alerts = site.alerts(3)
    assert _steps(alerts) == [("start", "vg", "0"), ("start", "lv", "0"), ("stop", "lv", "0")]
    first = alerts[0]
    assert (first["kind"], first["node"], first["status"], first["desc"]) == ("resource", HERE, "0", "ok")
    assert abs(int(first["timestamp_epoch"]) - time.time()) < DEADLINE


def test_what_fails_is_told_with_the_reason(site: Site) -> None:
    site.failing = "lv"
    with pytest.raises(Failure):
        site.engine.bring_in_service("lv", site.told.append)
    failed = site.alerts(2)[-1]
    assert (failed["task"], failed["rc"], failed["target_rc"], failed["status"]) == ("start", "1", "0", "4")
    assert "exit status 1" in failed["desc"]


def test_a_recovery_begins_with_the_monitor_that_failed(site: Site) -> None:
    site.engine.bring_in_service("lv", site.told.append)
    site.engine.recovery.take_down("vg", site.told.append)
    assert _steps(site.alerts(5))[2:] == [("monitor", "vg", "1"), ("stop", "lv", "0"), ("stop", "vg", "0")]


def test_no_agent_is_left_to_be_collected(site: Site) -> None:
    site.engine.bring_in_service("lv", site.told.append)
    with pytest.raises(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def test_nobody_waits_for_an_agent_that_hangs(site: Site) -> None:
    site.be_told("sleep 3")
    begin = time.monotonic()
    site.engine.bring_in_service("lv", site.told.append)
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("fault", ["open", "absent"])
def test_an_agent_that_others_could_change_or_that_is_not_there_is_named_and_the_move_goes_on(
    site: Site, fault: str
) -> None:
    if fault == "open":
        site.agent.chmod(0o777)
    else:
        site.agent.unlink()
    site.engine.bring_in_service("lv", site.told.append)
    assert [type(each) for each in site.told].count(AlertNotSent) == 2
    assert {instance.state for instance in site.engine.hierarchy().instances} == {"ISP"}
    assert not os.listdir(site.log)


def test_where_no_agent_is_configured_nothing_is_run(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lvmkit.cluster.embedded.alerts.launch", lambda *_: pytest.fail("run"))
    engine = Engine(Paths(state=site.engine._paths.state), Settings())
    engine.bring_in_service("lv", site.told.append)
    assert AlertNotSent not in map(type, site.told)

"""The table of resource types agrees with what is installed, and with itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvmkit.entry.ocf.description import AGENTS
from lvmkit.model.instance import DEVICE, DISK, FILESYS, LVMLV, LVMVG
from lvmkit.model.messages.faults import LvGone
from lvmkit.model.resource_types import (
    ACTION,
    RESOURCE_TYPES,
    agent_of,
    agents,
    application,
    has_agent,
    has_scripts,
    is_device,
    is_id_of,
    is_ours,
    timings,
)
from tests.unit.machine import Machine, SharedDisk, make_group

ROOT = Path(__file__).parents[2]


def test_a_type_is_either_a_device_or_has_scripts_and_an_agent() -> None:
    assert {name for name in RESOURCE_TYPES if is_device(name)} == {DEVICE, DISK}
    for name in RESOURCE_TYPES:
        assert has_scripts(name) == has_agent(name) == (not is_device(name))


def test_a_type_of_another_kit_is_nothing_of_ours() -> None:
    assert [ask("app") for ask in (is_device, has_scripts, is_ours)] == [False] * 3
    assert not is_id_of("app", "/x")


def test_one_agent_runs_the_scripts_of_all_types_of_other_kits() -> None:
    assert agent_of("app") == agent_of("pgsql") == ("lvmkit", ACTION)
    assert (ROOT / "lib/ocf/resource.d/lvmkit" / ACTION).exists()
    assert timings("app").start == timings(ACTION).start
    assert agent_of(DISK) is None


@pytest.mark.parametrize("kind", [LVMVG, LVMLV, FILESYS])
def test_scripts_and_agents_are_where_the_table_says(kind: str) -> None:
    actions = ROOT / f"opt/LifeKeeper/subsys/{application(kind)}/resources/{kind}/actions"
    assert (actions / "restore").exists()
    assert (ROOT / f"lkadm/subsys/{application(kind)}/{kind}/bin/create").exists()
    found = agent_of(kind)
    assert found is not None
    assert (ROOT / f"lib/ocf/resource.d/{found[0]}/{found[1]}").exists()


def test_a_volume_is_looked_at_by_its_group_s_monitor_and_by_its_own_more_rarely(tmp_path: Path) -> None:
    assert timings(LVMLV).interval == 6 * timings(LVMVG).interval
    machine, disk = Machine(tmp_path), SharedDisk("A")
    group = make_group("vg1", (disk,), "data www")
    machine.attach(disk)
    given = {"vg": "vg1", "vg_uuid": group.uuid}
    assert machine.agent("lvmvg", "start", "vg1", **given).code == 0
    machine.dm.discard(machine.dm.by_name("vg1-data"))
    assert machine.agent("lvmvg", "monitor", "vg1", **given).reason == LvGone.number


def test_every_agent_of_the_table_is_described_with_its_timings() -> None:
    assert [name for _, name in agents()] == list(AGENTS)
    for name, agent in AGENTS.items():
        limits = {(each.name, each.depth): each.timeout for each in agent.operations}
        assert limits[("start", "")] == timings(name).start
        assert limits.get(("monitor", "10"), 0) == timings(name).deep


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (LVMVG, "lvmvg-my-vg", "my-vg"),
        (LVMVG, "lvmvg-a", "lvmvg-../x"),
        (LVMLV, "/dev/vg1/data", "/dev/vg1"),
        (LVMLV, "/dev/vg1/data", "/dev/vg1/x_rimage_0"),
        (FILESYS, "/srv/db", "srv/db"),
        (FILESYS, "/srv/db", "/srv/\0"),
        (DISK, "/dev/disk/by-id/a", "/dev/\n"),
    ],
)
def test_an_id_has_the_form_of_its_type(kind: str, good: str, bad: str) -> None:
    assert is_id_of(kind, good)
    assert not is_id_of(kind, bad)

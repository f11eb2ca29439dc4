"""Action scripts by hand in a cluster: restore asks the guards as the cluster's own start does, and takes the owner.

Two servers with Pacemaker in memory. Whatever the owner's state is, the script and the agent answer alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.extend import ActiveOutsideCluster
from lvmkit.model.messages.guards import OwnerLeftRunning
from lvmkit.model.messages.ownership import OwnerActive, OwnerChanged
from lvmkit.model.messages.service import Begin, EndFailed, VgNotFound
from tests.unit.world.world import POINT, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RESOURCE = "lvmkit-vg1"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The file system is in service on n1 and extended to n2."""
    world = World(tmp_path)
    world.activate("n1")
    assert world.kit("n1", "create", POINT).code == 0
    assert world.kit("n1", "extend", POINT, "--to", "n2").code == 0
    world.write("n1")
    return world


def test_what_the_cluster_has_stopped_everywhere_comes_up_here_with_all_that_was_written(world: World) -> None:
    world.kit("n1", "out-of-service", "vg1")
    answer = world.action("n2", "lvmvg", "restore", "vg1")
    assert (answer.code, OwnerChanged.number in answer.said) == (0, True)
    assert world.owner() == "n2"
    assert world.action("n2", "lvmlv", "restore", "vg1/data").code == 0
    assert world.action("n2", "filesys", "restore", POINT).code == 0
    assert world.holders() == ["n2"]
    world.write("n2")
    world.check()


def running(_world: World) -> None:
    """As it is."""


def left_in_maintenance(world: World) -> None:
    world.tool("n2", "crm_attribute", "--name", "maintenance-mode", "--update", "true")
    world.stop_pacemaker("n1")


def out_of_sight(world: World) -> None:
    world.tool("n2", "crm_attribute", "--name", "stonith-enabled", "--update", "false")
    world.cut()


def started_elsewhere_by_hand(world: World) -> None:
    world.kit("n1", "out-of-service", "vg1")
    world.activate("n1")


def unreadable(world: World) -> None:
    world.kit("n1", "out-of-service", "vg1")
    world.machines["n2"].set_state(world.disk, "fails")


@pytest.mark.parametrize(
    ("state", "number"),
    [
        (running, OwnerActive.number),
        (left_in_maintenance, OwnerLeftRunning.number),
        (out_of_sight, OwnerLeftRunning.number),
        (started_elsewhere_by_hand, ActiveOutsideCluster.number),
        (unreadable, VgNotFound.number),
    ],
)
def test_what_the_agent_refuses_the_script_refuses_for_the_same_reason(
    world: World, state: Callable[[World], None], number: int
) -> None:
    state(world)
    owner, holders = world.owner(), world.holders()
    script = world.action("n2", "lvmvg", "restore", "vg1")
    agent = world.agent("n2", "lvmvg", "start", RESOURCE, vg="vg1", vg_uuid=world.group.uuid, ownership="system_id")
    assert (script.code, script.said) == (1, [Begin.number, number, EndFailed.number])
    assert (agent.code != 0, agent.reason) == (True, number)
    assert (world.owner(), world.holders()) == (owner, holders)


def test_what_was_fenced_the_script_takes_over_from(world: World) -> None:
    world.tool(
        "n1", "crm_resource", "--resource", RESOURCE, "--set-parameter", "is-managed", "--parameter-value", "false"
    )
    world.lose_power("n1")
    assert world.holders() == []
    answer = world.action("n2", "lvmvg", "restore", "vg1")
    assert (answer.code, OwnerChanged.number in answer.said) == (0, True)
    assert (world.owner(), world.holders()) == ("n2", ["n2"])


def test_a_failover_needs_no_visit_to_the_other_server_before(world: World) -> None:
    world.lose_power("n1")
    assert world.holders() == ["n2"]
    world.write("n2")
    world.check()

"""Stories of two servers: what was done, and that everything holds afterwards.

Most were thought of, from faults that were seen on real servers. Those that the search (test_property.py) found, in
code that had the fault, stand together and say so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.world.world import KILL, POINT, POWER, SIGNAL, VOLUME, Blow, World

if TYPE_CHECKING:
    from pytest_mock import MockerFixture


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Nothing is protected or active."""
    return World(tmp_path)


@pytest.fixture
def protected(world: World) -> World:
    """The file system is in service on n1 and extended to n2."""
    world.activate("n1")
    assert world.kit("n1", "create", POINT).code == 0
    assert world.kit("n1", "extend", POINT, "--to", "n2").code == 0
    world.write("n1")
    return world


def test_a_move_and_a_failover_take_all_along(protected: World) -> None:
    assert protected.kit("n1", "in-service", POINT, "--on", "n2").code == 0
    assert protected.holders() == ["n2"]
    protected.write("n2")
    protected.lose_power("n2")
    assert protected.holders() == ["n1"]
    protected.boot("n2")
    protected.start_pacemaker("n2")
    protected.write("n1")
    protected.check()
    assert len(protected.records) == 3


def test_a_lost_network_leaves_one_holder_where_the_cluster_can_fence(protected: World) -> None:
    protected.cut()
    protected.check()
    assert len(protected.holders()) == 1


def test_a_group_that_its_owner_has_active_by_hand_is_not_taken_over(protected: World) -> None:
    protected.kit("n1", "out-of-service", "vg1")
    protected.activate("n1")
    protected.kit("n1", "in-service", POINT, "--on", "n2")
    protected.check()


def test_without_fencing_an_owner_that_is_out_of_sight_is_not_taken_over_from(protected: World) -> None:
    protected.tool("n1", "crm_attribute", "--name", "stonith-enabled", "--update", "false")
    protected.cut()
    protected.check()


def test_an_owner_that_left_the_cluster_in_maintenance_is_fenced_or_not_taken_over_from(protected: World) -> None:
    protected.tool("n1", "crm_attribute", "--name", "maintenance-mode", "--update", "true")
    protected.stop_pacemaker("n1")
    assert protected.holders() == ["n1"]
    protected.can_fence(False)
    protected.tool("n2", "crm_attribute", "--name", "maintenance-mode", "--update", "false")
    assert protected.holders() == ["n1"]
    protected.tool("n2", "crm_attribute", "--name", "stonith-enabled", "--update", "false")
    assert protected.holders() == ["n1"]
    protected.can_fence(True)
    protected.tool("n2", "crm_attribute", "--name", "stonith-enabled", "--update", "true")
    assert not protected.is_up("n1")
    protected.kit("n2", "in-service", POINT)
    assert protected.holders() == ["n2"]
    protected.check()


def test_an_owner_that_left_the_cluster_in_good_order_is_taken_over_from(protected: World) -> None:
    protected.stop_pacemaker("n1")
    assert protected.holders() == ["n2"]
    protected.start_pacemaker("n1")
    protected.tool("n1", "crm_attribute", "--name", "stonith-enabled", "--update", "false")
    protected.stop_pacemaker("n2")
    assert protected.holders() == ["n1"]
    protected.check()


@pytest.mark.parametrize("attribute", ["is-managed", "maintenance"])
def test_a_group_that_its_owner_left_unmanaged_is_not_taken_over(protected: World, attribute: str) -> None:
    value = "true" if attribute == "maintenance" else "false"
    for resource in ("lvmkit-vg1", "lvmkit-vg1_2fdata", "lvmkit-_2fsrv_2fdata"):
        words = ("--meta", "--set-parameter", attribute, "--parameter-value", value)
        protected.tool("n1", "crm_resource", "--resource", resource, *words)
    protected.stop_pacemaker("n1")
    protected.kit("n2", "in-service", POINT)
    assert protected.holders() == ["n1"]
    protected.check()


def test_after_a_loss_of_all_power_a_server_that_returns_alone_has_the_other_one_fenced_first(protected: World) -> None:
    protected.lose_power("n1", "n2")
    protected.can_fence(False)
    protected.boot("n2")
    protected.start_pacemaker("n2")
    assert protected.holders() == []
    protected.can_fence(True)
    assert protected.holders() == ["n2"]
    protected.check()


def test_a_second_holder_that_was_made_by_hand_is_told_by_the_next_look(protected: World) -> None:
    assert protected.override("n2")
    protected.look()
    protected.deactivate("n2")
    protected.check()


def test_create_refuses_a_group_that_a_server_without_pacemaker_has_active(world: World) -> None:
    world.activate("n2")
    world.stop_pacemaker("n2")
    world.kit("n1", "create", VOLUME)
    world.check()


# -- found by the search in older code, shrunk


def test_create_asks_a_server_without_pacemaker_also_after_an_attempt_that_failed(world: World) -> None:
    """Found where create asked only the servers that are online in the cluster."""
    world.activate("n1")
    world.kit("n2", "create", VOLUME, blow=Blow(POWER, before="journal"))
    world.boot("n2")
    world.start_pacemaker("n2")
    world.stop_pacemaker("n1")
    world.kit("n2", "create", VOLUME)
    world.check()


def test_a_server_that_an_interrupted_delete_was_to_forget_can_be_taken_from_the_hierarchy(protected: World) -> None:
    """Found where an interrupted delete was taken back for its own server only."""
    protected.kit("n1", "in-service", POINT, "--on", "n2")
    protected.kit("n2", "delete", POINT, "--yes", blow=Blow(SIGNAL, before="lkvgs"))
    assert protected.kit("n2", "unextend", POINT, "--from", "n1").code == 0
    protected.check()


def test_a_delete_that_was_killed_is_not_taken_back_under_what_was_made_since(protected: World) -> None:
    """Found where the next command took back a killed one, whatever had been built since."""
    protected.kit("n2", "delete", POINT, "--yes", blow=Blow(KILL, before="lkvgs"))
    protected.kit("n2", "create", VOLUME)
    protected.kit("n1", "in-service", POINT, "--on", "n2")
    protected.check()


# -- thought of


@pytest.mark.parametrize("step", ["lkvgs", "--setautoactivation y"])
def test_a_delete_that_is_interrupted_forgets_no_server(protected: World, step: str) -> None:
    protected.kit("n1", "in-service", POINT, "--on", "n2")
    protected.kit("n1", "delete", POINT, blow=Blow(SIGNAL, before=step))
    protected.kit("n1", "in-service", POINT)
    protected.check()


def test_a_create_that_loses_power_at_its_end_takes_nothing_back_that_others_built_on(world: World) -> None:
    world.activate("n1")
    world.kit("n1", "create", POINT, blow=Blow(POWER, before="lvmvg-vg1"))
    assert world.kit("n2", "extend", POINT, "--to", "n2").code == 0
    world.boot("n1")
    world.start_pacemaker("n1")
    world.kit("n1", "out-of-service", "vg1")
    world.check()


def test_an_activation_whose_agent_was_killed_does_not_act_after_the_stop(protected: World) -> None:
    protected.kit("n1", "out-of-service", "vg1")
    protected.be_slow("n1")
    protected.kit("n1", "in-service", POINT, "--on", "n1")
    protected.kit("n1", "in-service", POINT, "--on", "n2")
    protected.end_orphans()
    protected.check()


def test_a_planned_move_runs_seven_programs_at_the_start_three_of_them_lvm_and_one_at_the_stop(
    protected: World, mocker: MockerFixture
) -> None:
    """The question to the other server is the first of them, so that it is answered when it matters."""
    ran: dict[tuple[str, str], list[str]] = {}
    operate = protected._operate

    def counted(server: str, agent: str, action: str, given: dict[str, str]) -> tuple[int, str]:
        machine = protected.machines[server]
        before = len(machine.ran)
        answer = operate(server, agent, action, given)
        programs = [Path(words[0]).name for words in machine.ran[before:]]
        ran.setdefault((server, action), []).extend(programs)
        return answer

    mocker.patch.object(protected.cluster, "_operate", counted)
    assert protected.kit("n1", "in-service", POINT, "--on", "n2").code == 0
    assert ran["n2", "start"] == ["ssh", "lvm", "crm_mon", "cibadmin", "lvm", "lvm", "mount"]
    assert ran["n1", "stop"] == ["umount"]
    assert ran.get(("n2", "monitor"), []) == []

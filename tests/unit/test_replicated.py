"""A volume group on two volumes of one DRBD resource: created, started, watched and refused, on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.host import Host
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import DEVICE
from lvmkit.model.messages import Failure
from lvmkit.model.messages.faults import PvHung
from lvmkit.model.messages.guards import PvHeldByOther
from lvmkit.model.messages.replication import (
    DualPrimary,
    LvBelowReplica,
    MixedReplicas,
    ReplicaAlone,
    ReplicaDown,
    ReplicaFrozen,
    ReplicaSecondary,
    ReplicaSwitchback,
    ReplicaUnknown,
    ReplicaUnmanaged,
    ReplicaWithoutName,
)
from lvmkit.model.settings import Settings
from lvmkit.model.volumes import Layer
from lvmkit.resources import lvmvg, replicated
from lvmkit.resources.replicated import NetworkMirror
from lvmkit.workflow.create import CreateRequest, create, draft_creation
from lvmkit.workflow.reconfigure import reconfigure
from lvmkit.workflow.replication import against_mixture
from tests.unit.fakes import SEVERAL_SERVERS
from tests.unit.local_storage import VG_UUID, pv_uuid
from tests.unit.test_create import World

if TYPE_CHECKING:
    from lvmkit.model.messages import Message
    from tests.unit.machine.drbd import Drbd

ZERO, ONE = "/dev/drbd/by-res/r0/0", "/dev/drbd/by-res/r0/1"


class Replicated(World):
    """vg1 on the volumes 0 and 1 of resource r0, whose backing disks LVM does not see."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, version: int = 8, second: str = "r0/1") -> None:
        """second: what the second disk is; '': not replicated."""
        super().__init__(folder, patch)
        self.machine = self.storage.machine
        self.storage.take_down()
        self.drbd = self.replicate("a", "r0", 0, version)
        if second:
            resource, _, volume = second.partition("/")
            self.replicate("b", resource, int(volume), version)
        self.storage.activate()
        self.storage.mount("/data", "vg1", "data")

    def replicate(self, letter: str, resource: str, volume: int, version: int = 8) -> Drbd:
        self.machine.lvm.hidden.add(f"sd{letter}")
        return self.machine.replicate(self.storage.disks[letter], resource, volume, version=version)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replicated:
    return Replicated(tmp_path, monkeypatch)


def refused(world: Replicated, request: CreateRequest | None = None) -> tuple[Message, ...]:
    before = world.left()
    with pytest.raises(Failure) as caught:
        draft_creation(request or CreateRequest("/data"), world.kit)
    assert world.left() == before
    return caught.value.messages


class TestCreate:
    def test_the_devices_are_known_by_the_names_that_every_server_has(self, world: Replicated) -> None:
        create(CreateRequest("/data"), world.kit)
        below = {tag: world.port.now.by_tag(tag) for tag in world.port.now.children("vg1")}
        assert {tag: each.id for tag, each in below.items() if each} == {
            "device-drbd-r0-0": ZERO,
            "device-drbd-r0-1": ONE,
        }
        assert [each.details["kind"] for each in below.values() if each] == ["drbd", "drbd"]
        assert world.port.now.children("device-drbd-r0-0") == ("disk-A",)

    def test_a_resource_that_the_cluster_does_not_run_is_refused_before_anything_is_done(
        self, world: Replicated
    ) -> None:
        world.port.clones = {"r1": "drbd-r1-clone"}
        assert refused(world) == (ReplicaUnmanaged("vg1", "r0"),)

    def test_one_that_it_runs_is_protected(self, world: Replicated) -> None:
        world.port.clones = {"r0": "drbd-r0-clone"}
        create(CreateRequest("/data"), world.kit)
        assert world.port.now.by_tag("vg1")

    def test_where_the_engine_promotes_nothing_nobody_has_to(self, world: Replicated) -> None:
        assert world.port.promoter_of("r0") is None
        create(CreateRequest("/data"), world.kit)

    def test_two_primaries_are_refused(self, world: Replicated) -> None:
        world.drbd.set(peer_role="Primary")
        assert refused(world) == (DualPrimary("vg1", "r0"),)

    def test_a_lost_replica_is_told_and_does_not_stop_it(self, world: Replicated) -> None:
        world.drbd.set(connection="WFConnection", peer_role="Unknown", peer_disk="Outdated")
        create(CreateRequest("/data"), world.kit)
        words = "WFConnection, disk here UpToDate, disk of the peer Outdated"
        told = [each for each in world.told if isinstance(each, ReplicaAlone)]
        assert told == [ReplicaAlone("vg1", ZERO, words), ReplicaAlone("vg1", ONE, words)]

    def test_what_drbd_does_not_say_is_not_taken_for_well(self, world: Replicated) -> None:
        del world.machine.drbd["r0"]
        assert [type(each) for each in refused(world)] == [ReplicaUnknown]

    def test_it_must_not_go_back_by_itself_to_old_data(self, world: Replicated) -> None:
        request = CreateRequest("/data", switchback="AUTOMATIC")
        assert refused(world, request) == (ReplicaSwitchback("vg1", ZERO),)

    def test_a_device_without_the_common_name_is_refused(self, world: Replicated) -> None:
        Path(world.machine.real(ZERO)).unlink()
        told = refused(world)
        assert ReplicaWithoutName("vg1", "/dev/drbd0") in told

    @pytest.mark.parametrize("other", ["r1/0", ""], ids=["another resource", "a plain disk"])
    def test_parts_that_fail_over_one_by_one_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
    ) -> None:
        world = Replicated(tmp_path, monkeypatch, second=other)
        draft_creation(CreateRequest("/data"), world.kit)  # one server alone has nowhere to go
        world.port.capabilities = SEVERAL_SERVERS
        (told,) = refused(world)
        assert isinstance(told, MixedReplicas)
        assert told.parts[0] == "DRBD resource r0"
        assert ("r1" if other else "/dev/sdb") in told.parts[1]

    def test_a_mirror_over_nbd_fails_over_apart_from_another_disk(self, world: Replicated) -> None:
        add_array(world, "9:0", "8:0", "43:0")
        mirror = Layer("/dev/md0", "raid1", "9:0", "/dev/md0")
        plain = Layer("/dev/sdc", "disk", "8:32", "/dev/sdc")
        world.port.capabilities = SEVERAL_SERVERS
        told = list(against_mixture("vg1", (("one", mirror), ("two", plain)), world.kit))
        assert told == [MixedReplicas("vg1", ("/dev/md0", "/dev/sdc, which is not replicated"))]

    def test_a_volume_that_is_itself_below_a_replica_is_refused(self, world: Replicated) -> None:
        number = world.machine.number_at("/dev/vg1/data")
        world.machine.sysfs.add_replica("drbd7", "147:7", 1 << 20, number, "r7/0")
        assert LvBelowReplica("vg1/data", "/dev/drbd7") in refused(world)

    def test_a_volume_that_is_a_leg_of_a_mirror_over_nbd_is_refused(self, world: Replicated) -> None:
        add_array(world, "9:7", world.machine.number_at("/dev/vg1/data"), "43:0")
        assert LvBelowReplica("vg1/data", "/dev/md7") in refused(world)

    def test_a_volume_that_nbd_exports_is_refused(self, world: Replicated) -> None:
        config = Path(world.machine.real("/etc/nbd-server/config"))
        config.parent.mkdir(parents=True)
        config.write_text("[generic]\n user = nbd\n[other]\n exportname = /dev/sda\n[leg]\n exportname=/dev/vg1/data\n")
        assert refused(world) == (LvBelowReplica("vg1/data", "the nbd export leg"),)

    def test_without_a_filter_the_line_to_write_is_named(self, world: Replicated) -> None:
        world.machine.lvm.hidden.clear()
        told = refused(world)
        assert [type(each) for each in told] == [PvHeldByOther, PvHeldByOther]
        assert 'global_filter = [ "r|^/dev/disk/by-id/wwn-A$|" ]' in told[0].advice


class TestReconfigure:
    @pytest.fixture
    def protected(self, world: Replicated) -> Replicated:
        world.port.capabilities = SEVERAL_SERVERS
        world.port.clones = {"r0": "drbd-r0-clone"}
        create(CreateRequest("/data"), world.kit)
        world.storage.reshape("abc")
        return world

    def test_a_new_volume_of_the_resource_is_taken(self, protected: Replicated) -> None:
        protected.replicate("c", "r0", 2)
        reconfigure("vg1", protected.kit, here=True)
        device = protected.port.now.by_id("/dev/drbd/by-res/r0/2", DEVICE)
        assert device
        assert device.details["pv_uuid"] == pv_uuid("c")

    def test_a_disk_that_is_not_replicated_is_refused(self, protected: Replicated) -> None:
        before = protected.port.now
        with pytest.raises(Failure) as caught:
            reconfigure("vg1", protected.kit, here=True)
        assert [type(each) for each in caught.value.messages] == [MixedReplicas]
        assert protected.port.now == before


class TestStart:
    def facts(self, world: Replicated) -> VgFacts:
        create(CreateRequest("/data"), world.kit)
        world.storage.take_down()
        group = world.port.now.by_tag("vg1")
        assert group is not None
        return VgFacts.unpack(group, world.port.now)

    def test_a_secondary_is_refused_by_its_own_message_and_lvm_is_not_even_asked(self, world: Replicated) -> None:
        facts, before = self.facts(world), world.storage.metadata()
        world.drbd.set(role="Secondary", peer_role="Primary")
        world.storage.forget()
        with pytest.raises(Failure) as caught:
            lvmvg.restore(facts, world.kit.host)
        assert caught.value.messages == (ReplicaSecondary("vg1", ZERO, "r0"), ReplicaSecondary("vg1", ONE, "r0"))
        assert world.machine.ran == []
        assert world.storage.metadata() == before

    def test_so_is_one_without_a_filter_which_would_write_below_the_replication(self, world: Replicated) -> None:
        facts, before = self.facts(world), world.storage.metadata()
        world.machine.lvm.hidden.clear()
        world.drbd.set(role="Secondary", peer_role="Primary")
        with pytest.raises(Failure):
            lvmvg.restore(facts, world.kit.host)
        assert world.storage.metadata() == before
        assert world.machine.active() == []

    def test_a_resource_that_is_not_up_is_named(self, world: Replicated) -> None:
        facts = self.facts(world)
        for path in (ZERO, ONE):
            Path(world.machine.real(path)).unlink()
        with pytest.raises(Failure) as caught:
            lvmvg.restore(facts, world.kit.host)
        assert caught.value.messages[0] == ReplicaDown("vg1", ZERO, "r0")

    def test_lvm_is_asked_through_the_replicated_device_alone(self, world: Replicated) -> None:
        facts = self.facts(world)
        world.machine.lvm.hidden.clear()
        world.storage.forget()
        lvmvg.restore(facts, world.kit.host)
        looked = [argv[argv.index("--devices") + 1] for argv in world.machine.ran if "--devices" in argv]
        assert len(looked) == len(world.machine.ran)
        assert set(looked) == {"/dev/drbd0,/dev/drbd1"}
        assert world.machine.active() == ["vg1-data", "vg1-www"]

    def test_what_would_be_refused_is_an_obstacle_to_a_recovery(self, world: Replicated) -> None:
        facts = self.facts(world)
        world.drbd.set(role="Secondary")
        assert {type(each) for each in lvmvg.obstacles(facts, world.kit.host)} == {ReplicaSecondary}


class TestCheck:
    @pytest.fixture(params=[8, 9])
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Replicated:
        world = Replicated(tmp_path, monkeypatch, request.param)
        world.storage.note_start()
        return world

    def quick(self, world: Replicated) -> list[type[Message]]:
        health = lvmvg.check(group(), host(world))
        assert world.machine.ran == []
        return [type(each) for each in health.messages]

    def deep(self, world: Replicated) -> list[Message]:
        return list(lvmvg.deep_check(group(), host(world)).messages)

    def test_a_whole_replica_is_well(self, world: Replicated) -> None:
        assert self.quick(world) == []
        assert self.deep(world) == []

    def test_a_lost_peer_is_a_warning_at_the_latest_in_the_deep_check(self, world: Replicated) -> None:
        world.drbd.set(connection="StandAlone", peer_role="Unknown", peer_disk="DUnknown")
        told = [*self.quick(world), *map(type, self.deep(world))]
        assert told == [ReplicaAlone, ReplicaAlone]
        assert ReplicaAlone.script_exit == 0

    def test_a_lost_disk_is_a_warning_because_the_peer_s_serves(self, world: Replicated) -> None:
        world.machine.set_state(world.storage.disks["a"], "offline")
        quick = self.quick(world)
        assert all(kind.script_exit == 0 for kind in quick)
        assert quick

    def test_a_plain_disk_beside_it_is_not_taken_for_a_replica_that_lost_its_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = Replicated(tmp_path, monkeypatch, second="")
        world.storage.note_start()
        assert self.quick(world) == []

    def test_a_device_that_was_made_secondary_below_what_is_up_is_an_error(self, world: Replicated) -> None:
        world.drbd.set(role="Secondary")
        assert self.quick(world) == [ReplicaSecondary, ReplicaSecondary]

    def test_reads_that_wait_for_the_fencing_of_the_peer_are_no_failure(self, world: Replicated) -> None:
        world.drbd.set(suspended="fencing", connection="WFConnection", peer_role="Unknown", peer_disk="DUnknown")
        for each in world.machine.replicas_on():
            each.state = "hangs"
        told = [*self.quick(world), *map(type, self.deep(world))]
        assert set(told) == {ReplicaFrozen}

    def test_a_read_that_hangs_otherwise_is_one(self, world: Replicated) -> None:
        for each in world.machine.replicas_on():
            each.state = "hangs"
        assert {type(each) for each in self.deep(world)} == {PvHung}

    def test_silence_of_the_tool_is_told_and_fails_nothing(self, world: Replicated) -> None:
        if world.drbd.version == 8:
            pytest.skip("8.4 shows its states without the tool")
        del world.machine.drbd["r0"]
        told = self.deep(world)
        assert {type(each) for each in told} == {ReplicaAlone}


def group() -> VgFacts:
    return VgFacts("vg1", "lvmvg-vg1", "vg1", VG_UUID)


def host(world: Replicated) -> Host:
    return Host(world.machine.paths, Settings(), lambda _message: None)


def add_array(world: Replicated, number: str, *legs: str) -> None:
    """An md mirror of devices, by their numbers."""
    name = f"md{number.partition(':')[2]}"
    world.machine.sysfs.add_layer(name, number, 1 << 30, *legs)
    md = Path(world.machine.real(f"/sys/dev/block/{number}/md"))
    md.mkdir()
    (md / "raid_disks").write_text(f"{len(legs)}\n")
    (md / "level").write_text("raid1\n")
    for slot, leg in enumerate(legs):
        (md / f"rd{slot}" / "block").mkdir(parents=True)
        (md / f"rd{slot}" / "state").write_text("in_sync\n")
        (md / f"rd{slot}" / "block" / "dev").write_text(f"{leg}\n")


def test_an_array_with_a_leg_on_the_network_is_a_replica_and_another_array_is_not(world: Replicated) -> None:
    add_array(world, "9:0", "8:0", "43:0")
    add_array(world, "9:1", "8:0", "8:16")
    assert isinstance(replicated.replica_at("9:0"), NetworkMirror)
    assert replicated.replica_at("9:1") is None
    assert replicated.replica_at("8:0") is None

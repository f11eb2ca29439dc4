"""A server on which the replica is Secondary: what canextend, extend, moves, reconfigure and doctor know of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, OSU, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import MovesAlong
from lvmkit.model.messages.guards import PvHeldByOther
from lvmkit.model.messages.guide import EndFailedInService
from lvmkit.model.messages.pacemaker import OwnerKept
from lvmkit.model.messages.replication import (
    ReplicaDown,
    ReplicaFenced,
    ReplicaNotReady,
    ReplicaUnknown,
    ReplicaUnmanaged,
    SplitBrain,
)
from lvmkit.model.messages.service import AutoactivationUnchanged, VgNotFound
from lvmkit.model.value import replace
from lvmkit.steps import SetAutoactivation
from lvmkit.storage import drbd
from lvmkit.workflow import admission, doctor_storage, service
from lvmkit.workflow.doctor_storage import Look
from lvmkit.workflow.owner import ChangeOwner
from lvmkit.workflow.reconfigure import difference, reconfigure
from tests.unit.extend_target import TEMPLATE, Target
from tests.unit.fakes import instance
from tests.unit.local_storage import VG_UUID, pv_uuid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.messages import Message

ZERO, ONE, TWO = (f"/dev/drbd/by-res/r0/{number}" for number in range(3))


def on_drbd(hierarchy: Hierarchy, letters: str = "ab") -> Hierarchy:
    """A hierarchy with the volumes of r0 in the place of its disks."""
    kept = tuple(each for each in hierarchy.instances if not each.tag.startswith("disk-"))
    links = [link for link in hierarchy.dependencies if not link.child.startswith("disk-")]
    made = []
    for number, letter in enumerate(letters):
        tag, path = f"device-drbd-r0-{number}", f"/dev/drbd/by-res/r0/{number}"
        facts = {"path": f"/dev/drbd{number}", "pv_uuid": pv_uuid(letter)}
        made.append(replace(instance(DEVICE, tag, path, kept[0].state, **facts), server=kept[0].server))
        links.append(Dependency("vg1", tag))
    return Hierarchy((*kept, *made), tuple(links))


class Secondary(Target):
    """n1, where r0 is Secondary and LVM does not see the disks below it; n2 has vg1 in service."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.port.others[TEMPLATE] = on_drbd(self.port.others[TEMPLATE])
        self.port.clones = {"r0": "drbd-r0-clone"}
        for number, letter in enumerate("ab"):
            self.drbd = self.machine.replicate(self.storage.disks[letter], "r0", number)
        self.hide("a", "b")
        self.drbd.set(role="Secondary", peer_role="Primary")

    def split(self) -> None:
        """What the kernel says of a split brain, in its log."""
        self.drbd.set(connection="StandAlone", peer_role="Unknown", peer_disk="DUnknown")
        self.log("6,1,1,-;block drbd0: Split-Brain detected but unresolved, dropping connection!")

    def log(self, *records: str) -> None:
        Path(self.machine.real("/dev/kmsg")).write_text("".join(f"{each}\n" for each in records))


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secondary:
    return Secondary(tmp_path, monkeypatch)


def refusals(target: Secondary) -> tuple[Message, ...]:
    return tuple(each for each in target.preview().readiness.messages if not isinstance(each, MovesAlong))


class TestExtend:
    def test_the_resource_is_asked_in_lvm_s_place_and_that_is_the_normal_state(self, target: Secondary) -> None:
        before = target.storage.groups()
        assert refusals(target) == ()
        target.extend()
        devices = target.port.now.of_tags(("device-drbd-r0-0", "device-drbd-r0-1"))
        assert [device.id for device in devices] == [ZERO, ONE]
        assert [device.details["pv_uuid"] for device in devices] == [pv_uuid("a"), pv_uuid("b")]
        assert target.storage.groups() == before

    def test_the_answer_names_the_devices_of_this_server(self, target: Secondary) -> None:
        assert target.preview().readiness.devices == ((pv_uuid("a"), "/dev/drbd0"), (pv_uuid("b"), "/dev/drbd1"))

    def test_the_disk_below_is_never_taken_and_the_line_to_write_is_named(self, target: Secondary) -> None:
        target.machine.lvm.hidden.clear()
        told = refusals(target)
        assert [type(each) for each in told] == [PvHeldByOther, PvHeldByOther]
        assert 'global_filter = [ "r|^/dev/disk/by-id/wwn-A$|" ]' in told[0].advice
        with pytest.raises(Failure):
            target.extend()
        assert target.port.now.by_tag("vg1") is None

    @pytest.mark.parametrize(
        ("states", "connection", "disk"),
        [
            ({"disk": "Inconsistent"}, "Connected", "Inconsistent"),
            ({"connection": "StandAlone", "peer_role": "Unknown"}, "StandAlone", "UpToDate"),
            ({"connection": "WFConnection", "disk": "Outdated"}, "WFConnection", "Outdated"),
        ],
    )
    def test_what_could_not_be_promoted_is_refused_by_its_states(
        self, target: Secondary, states: dict[str, str], connection: str, disk: str
    ) -> None:
        target.drbd.set(**states)
        assert refusals(target) == (ReplicaNotReady("n1", "vg1", "r0", connection, disk),)

    def test_a_volume_that_is_not_there_is_named(self, target: Secondary) -> None:
        Path(target.machine.real(ONE)).unlink()
        assert refusals(target) == (ReplicaDown("vg1", ONE, "r0"),)

    def test_a_resource_that_the_tool_does_not_know_is_unknown(self, target: Secondary) -> None:
        del target.machine.drbd["r0"]
        assert [type(each) for each in refusals(target)] == [ReplicaUnknown]

    def test_one_that_the_cluster_does_not_run_is_refused(self, target: Secondary) -> None:
        target.port.clones = {}
        assert refusals(target) == (ReplicaUnmanaged("vg1", "r0"),)

    def test_a_split_brain_has_its_own_number(self, target: Secondary) -> None:
        target.split()
        assert refusals(target) == (SplitBrain("vg1", "r0", "n1", "StandAlone"),)


class TestSplitBrain:
    VOLUME = drbd.Volume("r0", "0")

    @pytest.mark.parametrize(
        "line",
        [
            "1,7,9,-;block drbd0: Split-Brain detected but unresolved, dropping connection!",
            "1,7,9,-;drbd r0/0 drbd0 node2: Split-Brain detected but unresolved, dropping connection!",
        ],
    )
    def test_the_kernel_s_words_of_8_4_and_9_are_known(self, target: Secondary, line: str) -> None:
        target.log("6,1,1,-;drbd: initialized. Version: 8.4.11", line, " SUBSYSTEM=block")
        assert drbd.is_split(self.VOLUME)

    @pytest.mark.parametrize(
        "lines",
        [
            (),
            ("1,7,9,-;block drbd1: Split-Brain detected but unresolved, dropping connection!",),
            ("1,7,9,-;block drbd0: Split-Brain detected, 1 primaries, automatically solved. Sync from this node",),
            (
                "1,7,9,-;block drbd0: Split-Brain detected but unresolved, dropping connection!",
                "6,8,9,-;block drbd0: conn( SyncTarget -> Connected ) disk( Inconsistent -> UpToDate )",
            ),
            (
                "1,7,9,-;drbd r0/0 drbd0 node2: Split-Brain detected but unresolved, dropping connection!",
                "6,8,9,-;drbd r0 node2: conn( Connecting -> Connected ) peer( Unknown -> Secondary )",
            ),
        ],
        ids=["nothing", "another device", "solved", "met again, 8.4", "met again, 9"],
    )
    def test_what_is_over_or_another_s_does_not_count(self, target: Secondary, lines: Iterable[str]) -> None:
        target.log(*lines)
        assert not drbd.is_split(self.VOLUME)

    def test_a_log_that_cannot_be_read_says_nothing(self, target: Secondary) -> None:
        assert not drbd.is_split(self.VOLUME)


class TestMoves:
    @pytest.fixture
    def extended(self, target: Secondary) -> Secondary:
        target.extend()
        target.machine.ran.clear()
        return target

    def why_not(self, target: Secondary) -> list[Message]:
        before = len(target.port.moves)
        with pytest.raises(Failure) as caught:
            service.in_service("/data", target.kit)
        assert len(target.port.moves) == before
        assert isinstance(caught.value.messages[-1], EndFailedInService)
        return list(caught.value.messages[:-1])

    def test_a_replica_that_is_ready_may_come(self, extended: Secondary) -> None:
        service.in_service("/data", extended.kit)
        assert len(extended.port.moves) == 1

    @pytest.mark.parametrize("disk", ["Outdated", "Inconsistent", "Diskless"])
    def test_one_with_old_data_is_refused_before_the_cluster_is_asked(self, extended: Secondary, disk: str) -> None:
        extended.drbd.set(disk=disk)
        assert self.why_not(extended) == [ReplicaNotReady("n1", "vg1", "r0", "Connected", disk)]

    def test_a_constraint_of_drbd_s_fencing_is_named_because_the_cluster_would_do_nothing(
        self, extended: Secondary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(extended.port, "fences", {"n1": "drbd-fence-by-handler-r0-x"})
        assert self.why_not(extended) == [ReplicaFenced("n1", "vg1", "r0", "drbd-fence-by-handler-r0-x")]

    def test_two_sides_that_do_not_see_each_other_stay_where_they_are(self, extended: Secondary) -> None:
        extended.drbd.set(connection="StandAlone", peer_role="Unknown")
        assert self.why_not(extended) == [ReplicaNotReady("n1", "vg1", "r0", "StandAlone", "UpToDate")]

    def test_what_is_down_everywhere_comes_up_with_the_newest_data_alone(self, extended: Secondary) -> None:
        there = extended.port.others[TEMPLATE]
        down = tuple(replace(each, state=OSU) for each in there.instances)
        extended.port.others[TEMPLATE] = replace(there, instances=down)
        extended.drbd.set(connection="WFConnection", peer_role="Unknown", peer_disk="DUnknown")
        service.in_service("/data", extended.kit)
        extended.drbd.set(disk="Outdated")
        assert self.why_not(extended) == [ReplicaNotReady("n1", "vg1", "r0", "WFConnection", "Outdated")]

    def test_the_far_end_says_the_same_and_lvm_is_not_asked(self, extended: Secondary) -> None:
        extended.drbd.set(disk="Outdated")
        extended.machine.ran.clear()
        told = admission.reasons(("vg1",), extended.port.now, extended.kit)
        assert told == (ReplicaNotReady("n1", "vg1", "r0", "Connected", "Outdated"),)
        assert all("lvm" not in argv[0] for argv in extended.machine.ran)


class TestAfterwards:
    @pytest.fixture
    def extended(self, target: Secondary) -> Secondary:
        target.extend()
        return target

    def test_nothing_differs_as_long_as_the_server_that_has_it_has_recorded_the_same(self, extended: Secondary) -> None:
        found = difference("vg1", extended.kit)
        assert (found.added, found.removed, found.new_volumes, found.gone_volumes) == ((), (), (), ())
        assert not found.is_renamed

    def test_a_new_volume_of_the_resource_is_followed_without_reading_it(self, extended: Secondary) -> None:
        third = extended.storage.disk("c")
        extended.machine.replicate(third, "r0", 2)
        extended.hide("c")
        extended.drbd.set(role="Secondary")
        extended.port.others[TEMPLATE] = on_drbd(extended.port.others[TEMPLATE], "abc")
        before = extended.storage.groups()
        reconfigure("vg1", extended.kit, here=True)
        assert extended.port.now.by_id(TWO, DEVICE)
        assert extended.storage.groups() == before

    def test_a_volume_that_this_server_does_not_have_is_not_made_up(self, extended: Secondary) -> None:
        extended.port.others[TEMPLATE] = on_drbd(extended.port.others[TEMPLATE], "abc")
        reconfigure("vg1", extended.kit, here=True)
        assert set(extended.port.now.children("vg1")) == {"device-drbd-r0-0", "device-drbd-r0-1"}

    @pytest.mark.parametrize("filtered", [True, False])
    def test_no_delete_writes_to_the_disk_below(self, extended: Secondary, filtered: bool) -> None:
        extended.storage.change(system_id="n1")
        if not filtered:
            extended.machine.lvm.hidden.clear()
        ChangeOwner("vg1", VG_UUID, "n1", "", False).apply(extended.kit)
        assert extended.storage.metadata().system_id == "n1"
        extended.storage.change(system_id="")
        SetAutoactivation("vg1", True, False, VG_UUID).apply(extended.kit)
        assert extended.storage.metadata().autoactivation is False
        assert {type(each) for each in extended.told} >= {OwnerKept, AutoactivationUnchanged}

    def doctor(self, target: Secondary) -> list[Message]:
        look = Look(target.kit, target.port.overview())
        return [told for what, told in doctor_storage.storage_findings(look) if what == "vg1"]

    def test_doctor_knows_that_a_secondary_cannot_be_read(self, extended: Secondary) -> None:
        assert self.doctor(extended) == []

    def test_doctor_names_the_disk_below_where_lvm_sees_it(self, extended: Secondary) -> None:
        extended.machine.lvm.hidden.clear()
        assert [type(each) for each in self.doctor(extended)] == [PvHeldByOther, PvHeldByOther]

    def test_doctor_names_a_split_brain_and_a_resource_that_nobody_promotes(self, extended: Secondary) -> None:
        extended.split()
        extended.port.clones = {}
        assert self.doctor(extended) == [
            ReplicaUnmanaged("vg1", "r0"),
            SplitBrain("vg1", "r0", "n1", "StandAlone"),
        ]

    def test_doctor_still_misses_a_group_that_should_be_readable(self, extended: Secondary) -> None:
        extended.drbd.set(role="Primary", peer_role="Secondary")
        extended.storage.lose()
        assert VgNotFound("vg1", VG_UUID) in self.doctor(extended)

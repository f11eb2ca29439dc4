"""What the engine believes, held against what the kernel says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, ILLSTATE, ISP, LVMVG, OSF, OSU, Dependency
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import DeviceUnwell, UpThoughOutOfService
from lvmkit.model.messages.faults import KernelUnreadable, LvDegraded, LvGone, PvHung, RecordLost
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.messages.pacemaker import NoQuorum
from lvmkit.model.messages.service import MissingInformation
from lvmkit.model.messages.storage import FileUnreadable
from lvmkit.model.record import ExpectedPv, Record
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.storage import dm, mountinfo, probe, records, sysfs
from lvmkit.storage.mountinfo import Mount
from lvmkit.workflow.deep_check import deep_check
from lvmkit.workflow.status import entrances, examine, in_service, survey
from tests.unit.fakes import (
    LV_UUID,
    SERVER,
    VG_UUID,
    FakeCluster,
    FakeKernel,
    FakePort,
    data_hierarchy,
    instance,
    kit,
    on,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lvmkit.plan import Kit
    from lvmkit.workflow.status import Survey

LV_DEVICE = dm.Device("vg1-data", names.dm_uuid(VG_UUID, LV_UUID), "253:0")
MOUNT = Mount(1, "/data", "253:0", "/", "ext4", "/dev/mapper/vg1-data", ("rw",), ("rw",))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    monkeypatch.setattr(mountinfo, "mounts", tuple)
    return FakeKernel(monkeypatch)


def _kit(folder: Path, now: Hierarchy) -> Kit:
    return kit(FakePort(now), folder, lambda _message: None)


def _faults(found: Survey) -> dict[str, list[type[Message]]]:
    return {r.instance.tag: [type(fault) for fault in r.faults] for r in found.resources if r.faults}


def test_all_well_is_every_resource_with_its_place_and_no_fault(tmp_path: Path, kernel: FakeKernel) -> None:
    found = survey(_kit(tmp_path, data_hierarchy()))
    assert (found.server, found.roots, found.is_well) == (SERVER, ("/data",), True)
    assert [r.instance.tag for r in found.resources] == ["/data", "vg1/data", "vg1", "disk-A", "disk-B"]
    assert (found.resources[2].parents, found.resources[2].children) == (("vg1/data",), ("disk-A", "disk-B"))
    assert kernel.looks == 1


def test_a_resource_that_only_the_engine_holds_for_in_service_is_contradicted(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    kernel.faults = {"vg1": [LvGone("vg1/data")]}
    found = survey(_kit(tmp_path, data_hierarchy()))
    assert _faults(found) == {"vg1": [LvGone]}
    assert [r.instance.tag for r in found.resources if r.is_contradicted] == ["vg1"]
    assert not found.is_well


def test_a_warning_contradicts_nothing(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.faults = {"vg1": [LvDegraded("vg1/data", "raid1", "a leg is lost")]}
    found = survey(_kit(tmp_path, data_hierarchy()))
    assert _faults(found) == {"vg1": [LvDegraded]}
    assert found.is_well


def test_one_resource_that_cannot_be_asked_about_does_not_hide_the_others(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.refusing = {"vg1/data": MissingInformation("vg1/data", "lv_uuid")}
    kernel.faults = {"vg1": [LvGone("vg1/data")]}
    assert _faults(survey(_kit(tmp_path, data_hierarchy()))) == {"vg1/data": [MissingInformation], "vg1": [LvGone]}


def test_without_device_mapper_the_tree_is_still_there(
    tmp_path: Path, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise Failure(KernelUnreadable("no such device"))

    monkeypatch.setattr(dm, "list_devices", refuse)
    found = survey(_kit(tmp_path, data_hierarchy()))
    assert _faults(found) == {tag: [KernelUnreadable] for tag in ("/data", "vg1/data", "vg1")}
    assert survey(_kit(tmp_path, data_hierarchy(OSU))).is_well


def test_what_is_out_of_service_is_not_checked(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.faults = {"vg1": [LvGone("vg1/data")]}
    assert _faults(survey(_kit(tmp_path, data_hierarchy(OSU)))) == {}


@pytest.mark.parametrize("state", [OSU, OSF])
def test_what_a_hand_activated_is_named_although_it_is_out_of_service(
    tmp_path: Path, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    kernel.devices = (LV_DEVICE, dm.Device("other", "LVM-" + "x" * 64, "253:1"))
    monkeypatch.setattr(mountinfo, "mounts", lambda: (MOUNT,))
    monkeypatch.setattr(sysfs, "dm_uuid", lambda _number: LV_DEVICE.uuid)
    found = survey(_kit(tmp_path, data_hierarchy(state)))
    assert {r.instance.tag: r.faults for r in found.resources if r.faults} == {
        "/data": (UpThoughOutOfService("/data", ("/dev/mapper/vg1-data on /data",)),),
        "vg1/data": (UpThoughOutOfService("vg1/data", ("vg1-data",)),),
        "vg1": (UpThoughOutOfService("vg1", ("vg1-data",)),),
    }
    assert not found.is_well


def test_a_resource_out_of_service_that_this_kit_did_not_make_has_that_as_its_fault(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    alone = Hierarchy((instance(LVMVG, "vg1", "lvmvg-vg1", OSU),))
    assert _faults(survey(_kit(tmp_path, alone))) == {"vg1": [MissingInformation]}


@pytest.mark.parametrize("condition", ["gone", "offline"])
def test_a_disk_has_the_condition_of_its_block_device(tmp_path: Path, kernel: FakeKernel, condition: str) -> None:
    kernel.conditions = {"/dev/disk/by-id/B": condition}
    found = survey(_kit(tmp_path, data_hierarchy()))
    assert found.resources[-1].faults == (DeviceUnwell("/dev/disk/by-id/B", condition),)
    assert _faults(found) == {"disk-B": [DeviceUnwell]}


def test_a_failed_resource_needs_attention_without_any_fault(tmp_path: Path, kernel: FakeKernel) -> None:
    port = FakePort(data_hierarchy())
    port.set_state("/data", OSF, "it would not mount")
    found = survey(kit(port, tmp_path, lambda _message: None))
    assert (found.is_well, found.resources[0].is_contradicted) == (False, False)


def test_one_tag_is_that_hierarchy_only(tmp_path: Path, kernel: FakeKernel) -> None:
    found = survey(_kit(tmp_path, data_hierarchy()), "vg1")
    assert found.roots == ("vg1",)
    assert [r.instance.tag for r in found.resources] == ["vg1", "disk-A", "disk-B"]
    assert found.resources[0].parents == ("vg1/data",)
    with pytest.raises(Failure) as failure:
        survey(_kit(tmp_path, data_hierarchy()), "vg2")
    assert isinstance(failure.value.messages[0], ResourceNotFound)


def _cluster(here: str = ISP, there: str = OSU) -> FakeCluster:
    return FakeCluster(data_hierarchy(here), n2=on("n2", data_hierarchy(there)))


def test_in_a_cluster_every_resource_has_its_servers_in_their_order(tmp_path: Path, kernel: FakeKernel) -> None:
    port = _cluster()
    found = survey(kit(port, tmp_path, lambda _message: None))
    assert [r.instance.tag for r in found.resources] == ["/data", "vg1/data", "vg1", "disk-A", "disk-B"]
    assert [(p.instance.server, p.instance.state, p.priority) for p in found.resources[2].places] == [
        (SERVER, ISP, 1), ("n2", OSU, 11),
    ]  # fmt: skip
    assert [p.priority for p in found.resources[3].places] == [0, 0]
    assert (found.is_well, found.servers, port.overviews) == (True, port.servers(), 1)


@pytest.mark.parametrize(
    ("state", "online", "is_well"), [(OSF, True, False), (ILLSTATE, True, False), (ILLSTATE, False, True)]
)
def test_what_failed_or_is_in_doubt_on_a_member_needs_attention(
    tmp_path: Path, kernel: FakeKernel, state: str, online: bool, is_well: bool
) -> None:
    port = _cluster(there=state)
    port.members["n2"] = Server("n2", online)
    assert survey(kit(port, tmp_path, lambda _message: None)).is_well == is_well


def test_without_quorum_nothing_is_well(tmp_path: Path, kernel: FakeKernel) -> None:
    port = _cluster()
    port.trouble = (NoQuorum("stop"),)
    assert not survey(kit(port, tmp_path, lambda _message: None)).is_well


def test_a_volume_that_is_up_where_the_cluster_has_it_stopped_is_named_on_this_server_only(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    kernel.devices = (LV_DEVICE,)
    found = survey(kit(_cluster(OSU, ISP), tmp_path, lambda _message: None))
    assert _faults(found) == {"vg1/data": [UpThoughOutOfService], "vg1": [UpThoughOutOfService]}
    kernel.devices = ()
    assert _faults(survey(kit(_cluster(OSU, ISP), tmp_path, lambda _message: None))) == {}


def test_what_a_cluster_does_not_know_is_not_asked_about_one_by_one(
    tmp_path: Path, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = _cluster(ILLSTATE)
    monkeypatch.setattr(port, "wanted", lambda tag: pytest.fail(f"asked about {tag}"))
    kernel.faults = {"vg1": [LvGone("vg1/data")]}
    assert _faults(survey(kit(port, tmp_path, lambda _message: None))) == {}


def test_what_is_not_extended_here_is_in_the_survey_and_not_in_this_kernel(tmp_path: Path, kernel: FakeKernel) -> None:
    port = FakeCluster(Hierarchy(), n2=on("n2", data_hierarchy()), n3=on("n3", data_hierarchy(OSU)))
    kernel.faults = {"vg1": [LvGone("vg1/data")]}
    found = survey(kit(port, tmp_path, lambda _message: None), "vg1")
    assert [(r.instance.server, r.instance.state, r.faults) for r in found.resources] == [("n2", ISP, ())] * 3
    assert [r.on("n3") is not None and r.on(SERVER) is None for r in found.resources] == [True] * 3


def test_the_union_has_each_tag_once_with_the_links_of_all_servers() -> None:
    there = data_hierarchy(OSU)
    renamed = tuple(replace(i, tag="disk-Z") if i.tag == "disk-B" else i for i in there.instances)
    links = tuple(replace(d, child="disk-Z") if d.child == "disk-B" else d for d in there.dependencies)
    union = FakeCluster(data_hierarchy(), n2=on("n2", Hierarchy(renamed, links))).overview().union()
    assert union.tags == ("/data", "vg1/data", "vg1", "disk-A", "disk-B", "disk-Z")
    assert union.children("vg1") == ("disk-A", "disk-B", "disk-Z")
    assert [i.server for i in union.instances] == [SERVER] * 5 + ["n2"]


def test_damaged_data_that_loops_is_shown_as_well() -> None:
    a, b, c = (instance(FILESYS, tag, tag) for tag in ("/a", "/b", "/c"))
    assert entrances(Hierarchy((a, b, c), (Dependency("/b", "/c"), Dependency("/c", "/b")))) == ("/a", "/b")


def test_after_a_boot_only_what_is_wanted_should_be_up(tmp_path: Path, kernel: FakeKernel) -> None:
    port = FakePort(data_hierarchy(ILLSTATE))
    port.unwanted = {"/data"}
    assert in_service(port.now, kit(port, tmp_path, lambda _message: None)) == ("disk-A", "disk-B", "vg1", "vg1/data")


def test_findings_are_in_the_order_asked_for_and_leave_out_unknown_tags(tmp_path: Path, kernel: FakeKernel) -> None:
    found = examine(("vg1", "nothing", "/data"), data_hierarchy(), _kit(tmp_path, data_hierarchy()))
    assert [finding.tag for finding in found] == ["vg1", "/data"]


class TestDeepCheck:
    RECORD = Record("vg1", "vg1", VG_UUID, (), (ExpectedPv("A", "/dev/sda", "8:0", ""),))

    def test_every_disk_of_a_group_in_service_is_read_under_the_deadline(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[object, float]] = []

        def hang(physical: Iterable[ExpectedPv], *, deadline: float) -> list[Message]:
            asked.append((physical, deadline))
            return [PvHung("/dev/sda", "A", deadline)]

        monkeypatch.setattr(probe, "pv_read_faults", hang)
        tools = _kit(tmp_path, data_hierarchy())
        records.store(tools.paths, self.RECORD)
        results = deep_check(tools.port.hierarchy().tags, tools.port.hierarchy(), tools)
        found = {result.tag: [type(message) for message in result.messages] for result in results}
        assert (found["vg1"], set(found)) == ([PvHung], {"vg1", "/data"})
        assert asked[0][0] == self.RECORD.physical
        assert tools.settings.deep_deadline - 1 < asked[0][1] <= tools.settings.deep_deadline

    def test_a_lost_record_is_a_finding(self, tmp_path: Path) -> None:
        (found,) = deep_check(("vg1",), data_hierarchy(), _kit(tmp_path, data_hierarchy()))
        assert found.messages == (RecordLost("vg1"),)

    @pytest.mark.parametrize("state", [OSU, OSF, ILLSTATE])
    def test_groups_out_of_service_are_left_alone(self, tmp_path: Path, state: str) -> None:
        assert deep_check(("vg1", "/data"), data_hierarchy(state), _kit(tmp_path, data_hierarchy())) == ()

    def test_a_failure_of_the_reader_is_a_finding(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise Failure(FileUnreadable("/run/x", "no"))

        monkeypatch.setattr(records, "load", refuse)
        now = replace(data_hierarchy(ISP))
        (found,) = deep_check(("vg1",), now, _kit(tmp_path, now))
        assert [type(message) for message in found.messages] == [FileUnreadable]

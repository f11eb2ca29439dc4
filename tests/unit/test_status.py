"""What the engine believes, held against what the kernel says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, ILLSTATE, ISP, LVMLV, LVMVG, OSF, OSU, Dependency
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import DeviceUnwell, UpThoughOutOfService
from lvmkit.model.messages.faults import KernelUnreadable, PvGone, PvHung, PvNotRunning, RecordLost
from lvmkit.model.messages.filesystems import FilesystemHasErrors
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.messages.pacemaker import NoQuorum
from lvmkit.model.messages.service import MissingInformation
from lvmkit.model.servers import Server
from lvmkit.model.settings import Settings
from lvmkit.model.value import replace
from lvmkit.workflow.deep_check import deep_check
from lvmkit.workflow.status import entrances, examine, in_service, survey
from tests.unit.fakes import SERVER, FakeCluster, FakePort, data_hierarchy, instance, kit, on
from tests.unit.local_storage import BY_ID, Storage, protected

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.plan import Kit
    from lvmkit.workflow.status import Survey

LIST_DEVICES = 2
"""the command of device-mapper's ioctl"""


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    storage = Storage(tmp_path, monkeypatch)
    storage.note_start()
    return storage


def _kit(storage: Storage, port: FakePort | Hierarchy) -> Kit:
    port = FakePort(port) if isinstance(port, Hierarchy) else port
    return kit(port, storage.machine.folder, lambda _message: None)


def _faults(found: Survey) -> dict[str, list[type[Message]]]:
    return {r.instance.tag: [type(fault) for fault in r.faults] for r in found.resources if r.faults}


def test_all_well_is_every_resource_with_its_place_and_no_fault(storage: Storage) -> None:
    found = survey(_kit(storage, protected()))
    assert (found.server, found.roots, found.is_well) == (SERVER, ("/data",), True)
    assert [r.instance.tag for r in found.resources] == ["/data", "vg1/data", "vg1", "disk-A", "disk-B"]
    assert (found.resources[2].parents, found.resources[2].children) == (("vg1/data",), ("disk-A", "disk-B"))
    assert (storage.machine.asked[LIST_DEVICES], storage.machine.ran) == (1, [])


def test_a_resource_that_only_the_engine_holds_for_in_service_is_contradicted(storage: Storage) -> None:
    storage.exchange_disk()
    found = survey(_kit(storage, protected()))
    assert _faults(found) == {"vg1": [PvGone]}
    assert [r.instance.tag for r in found.resources if r.is_contradicted] == ["vg1"]
    assert not found.is_well


def test_a_warning_contradicts_nothing(storage: Storage) -> None:
    storage.machine.fail_filesystem("/data", errors=1)
    found = survey(_kit(storage, protected()))
    assert _faults(found) == {"/data": [FilesystemHasErrors]}
    assert found.is_well


def test_one_resource_that_cannot_be_asked_about_does_not_hide_the_others(storage: Storage) -> None:
    storage.exchange_disk()
    bare = instance(LVMLV, "vg1/data", "/dev/vg1/data")
    now = protected()
    damaged = replace(now, instances=tuple(bare if i.tag == bare.tag else i for i in now.instances))
    assert _faults(survey(_kit(storage, damaged))) == {"vg1/data": [MissingInformation], "vg1": [PvGone]}


def test_without_device_mapper_the_tree_is_still_there(storage: Storage) -> None:
    storage.machine.dm.listing = False
    found = survey(_kit(storage, protected()))
    assert _faults(found) == {tag: [KernelUnreadable] for tag in ("/data", "vg1/data", "vg1")}
    storage.machine.unmount("/data")
    assert survey(_kit(storage, protected(OSU))).is_well


def test_what_is_out_of_service_is_not_checked(storage: Storage) -> None:
    storage.take_down()
    assert _faults(survey(_kit(storage, protected(OSU)))) == {}


@pytest.mark.parametrize("state", [OSU, OSF])
def test_what_a_hand_activated_is_named_although_it_is_out_of_service(storage: Storage, state: str) -> None:
    storage.machine.dm.create("other", "LVM-" + "x" * 64, "linear", (), ())
    found = survey(_kit(storage, protected(state)))
    assert {r.instance.tag: r.faults for r in found.resources if r.faults} == {
        "/data": (UpThoughOutOfService("/data", ("/dev/mapper/vg1-data on /data",)),),
        "vg1/data": (UpThoughOutOfService("vg1/data", ("vg1-data",)),),
        "vg1": (UpThoughOutOfService("vg1", ("vg1-data", "vg1-www")),),
    }
    assert not found.is_well


def test_a_resource_out_of_service_that_this_kit_did_not_make_has_that_as_its_fault(storage: Storage) -> None:
    alone = Hierarchy((instance(LVMVG, "vg1", "lvmvg-vg1", OSU),))
    assert _faults(survey(_kit(storage, alone))) == {"vg1": [MissingInformation]}


@pytest.mark.parametrize(("condition", "of_group"), [("gone", PvGone), ("offline", PvNotRunning)])
def test_a_disk_has_the_condition_of_its_block_device(
    storage: Storage, condition: str, of_group: type[Message]
) -> None:
    if condition == "gone":
        storage.machine.detach(storage.disk("b"))
    else:
        storage.machine.set_state(storage.disk("b"), condition)
    found = survey(_kit(storage, protected()))
    assert found.resources[-1].faults == (DeviceUnwell(f"{BY_ID}B", condition),)
    assert _faults(found) == {"vg1": [of_group], "disk-B": [DeviceUnwell]}


def test_a_failed_resource_needs_attention_without_any_fault(storage: Storage) -> None:
    storage.machine.unmount("/data")
    port = FakePort(protected())
    port.set_state("/data", OSF, "it would not mount")
    found = survey(_kit(storage, port))
    assert (found.is_well, found.resources[0].is_contradicted) == (False, False)


def test_one_tag_is_that_hierarchy_only(storage: Storage) -> None:
    found = survey(_kit(storage, protected()), "vg1")
    assert found.roots == ("vg1",)
    assert [r.instance.tag for r in found.resources] == ["vg1", "disk-A", "disk-B"]
    assert found.resources[0].parents == ("vg1/data",)
    with pytest.raises(Failure) as failure:
        survey(_kit(storage, protected()), "vg2")
    assert isinstance(failure.value.messages[0], ResourceNotFound)


def _cluster(here: str = ISP, there: str = OSU) -> FakeCluster:
    return FakeCluster(protected(here), n2=on("n2", protected(there)))


def test_in_a_cluster_every_resource_has_its_servers_in_their_order(storage: Storage) -> None:
    port = _cluster()
    found = survey(_kit(storage, port))
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
    storage: Storage, state: str, online: bool, is_well: bool
) -> None:
    port = _cluster(there=state)
    port.members["n2"] = Server("n2", online)
    assert survey(_kit(storage, port)).is_well == is_well


def test_without_quorum_nothing_is_well(storage: Storage) -> None:
    port = _cluster()
    port.trouble = (NoQuorum("stop"),)
    assert not survey(_kit(storage, port)).is_well


def test_a_volume_that_is_up_where_the_cluster_has_it_stopped_is_named_on_this_server_only(storage: Storage) -> None:
    storage.machine.unmount("/data")
    found = survey(_kit(storage, _cluster(OSU, ISP)))
    assert _faults(found) == {"vg1/data": [UpThoughOutOfService], "vg1": [UpThoughOutOfService]}
    storage.take_down()
    assert _faults(survey(_kit(storage, _cluster(OSU, ISP)))) == {}


def test_what_a_cluster_does_not_know_is_not_asked_about_one_by_one(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = _cluster(ILLSTATE)
    monkeypatch.setattr(port, "wanted", lambda tag: pytest.fail(f"asked about {tag}"))
    storage.exchange_disk()
    assert _faults(survey(_kit(storage, port))) == {}


def test_what_is_not_extended_here_is_in_the_survey_and_not_in_this_kernel(storage: Storage) -> None:
    port = FakeCluster(Hierarchy(), n2=on("n2", protected()), n3=on("n3", protected(OSU)))
    storage.exchange_disk()
    found = survey(_kit(storage, port), "vg1")
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


def test_after_a_boot_only_what_is_wanted_should_be_up(tmp_path: Path) -> None:
    port = FakePort(data_hierarchy(ILLSTATE))
    port.unwanted = {"/data"}
    tools = kit(port, tmp_path, lambda _message: None)
    assert in_service(port.now, tools) == ("disk-A", "disk-B", "vg1", "vg1/data")


def test_findings_are_in_the_order_asked_for_and_leave_out_unknown_tags(storage: Storage) -> None:
    found = examine(("vg1", "nothing", "/data"), protected(), _kit(storage, protected()))
    assert [finding.tag for finding in found] == ["vg1", "/data"]


class TestDeepCheck:
    def test_every_disk_of_a_group_in_service_is_read_under_the_deadline(self, storage: Storage) -> None:
        storage.machine.set_state(storage.disk("a"), "hangs")
        before = storage.machine.slept
        (found,) = deep_check(("vg1", "disk-A"), protected(), _kit(storage, protected()))
        deadline = Settings().deep_deadline
        assert found.messages == (PvHung("/dev/sda", storage.disk("a").pv_uuid, deadline),)
        assert storage.machine.slept - before == deadline

    def test_a_lost_record_is_a_finding(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (found,) = deep_check(("vg1",), protected(), _kit(Storage(tmp_path, monkeypatch), protected()))
        assert found.messages == (RecordLost("vg1"),)

    @pytest.mark.parametrize("state", [OSU, OSF, ILLSTATE])
    def test_groups_out_of_service_are_left_alone(self, storage: Storage, state: str) -> None:
        assert deep_check(("vg1", "/data"), protected(state), _kit(storage, protected())) == ()

    def test_a_failure_of_the_reader_is_a_finding(self, storage: Storage) -> None:
        storage.machine.dm.listing = False
        (found,) = deep_check(("vg1",), protected(), _kit(storage, protected()))
        assert [type(message) for message in found.messages] == [KernelUnreadable]
        assert not found.is_known

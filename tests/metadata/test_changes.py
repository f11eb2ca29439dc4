"""Commands that change something, identity under renaming, and how many commands it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.guards import metadata
from lvmkit.model.facts import VgFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.service import VgImpostor, VgNotFound
from lvmkit.model.messages.storage import CommandFailed, VgNameAmbiguous
from lvmkit.model.settings import Settings
from lvmkit.resources import boot_settings
from lvmkit.storage import lvmconf, lvmsight, recorder, stack
from lvmkit.storage.lvm import UNKNOWN_OPTION, Lvm

from .conftest import DEADLINE, LOSETUP, PREFIX, detach_stale_loops

if TYPE_CHECKING:
    from .conftest import Host


@pytest.fixture(autouse=True)
def _recorded() -> None:
    recorder.clear()


def sequence(host: Host, vg: str) -> str:
    """The number of the metadata's version: every write raises it."""
    return host.lvm("vgs", "--noheadings", "-o", "vg_seqno", vg).strip()


def commands() -> int:
    return sum(" fullreport " in line for line in recorder.dump().splitlines())


def test_autoactivation_is_set_once_and_can_be_set_again(host: Host) -> None:
    host.vg("vg1")
    for on in (False, False, True, True):
        Lvm(DEADLINE).set_autoactivation("vg1", on, devices=host.disks)
        assert host.seen("vg1").autoactivation is on
    assert sequence(host, "vg1") == "3", "two writes after the creation"


def test_what_cannot_be_written_is_a_failure(host: Host) -> None:
    _, second = host.vg("vg1", 2)
    with pytest.raises(Failure) as failure:
        Lvm(DEADLINE).set_autoactivation("vg2", False)
    assert isinstance(failure.value.messages[0], CommandFailed)
    host.pull(second)
    with pytest.raises(Failure) as failure:
        Lvm(DEADLINE).set_autoactivation("vg1", False)
    assert isinstance(failure.value.messages[0], CommandFailed)
    assert host.seen("vg1").autoactivation


def test_activation_and_deactivation_write_no_metadata(host: Host) -> None:
    host.vg("my-vg.1+a", 2)
    host.lv("my-vg.1+a", "data--x")
    before = sequence(host, "my-vg.1+a")
    answers = [
        Lvm(DEADLINE).activate("my-vg.1+a", devices=host.disks),
        Lvm(DEADLINE).activate("my-vg.1+a", devices=host.disks, degraded=True),
        Lvm(DEADLINE).deactivate("my-vg.1+a", devices=host.disks),
        Lvm(DEADLINE).activate_lv("my-vg.1+a", "data--x", devices=host.disks),
        Lvm(DEADLINE).deactivate_lv("my-vg.1+a", "data--x", devices=host.disks),
    ]
    # LVM refuses the single volume for want of a kernel driver only: it understood every word of the command.
    assert [answer.status for answer in answers[:3]] == [0, 0, 0]
    assert not any("unrecognized" in answer.stderr or "not found" in answer.stderr for answer in answers)
    assert not any("rror during parsing" in answer.stderr for answer in answers)
    assert sequence(host, "my-vg.1+a") == before


def test_activating_what_is_not_there_is_an_answer_and_no_exception(host: Host) -> None:
    assert Lvm(DEADLINE).activate("nothing").status != 0
    assert Lvm(DEADLINE).deactivate_lv("nothing", "data").status != 0


@pytest.mark.parametrize("name", ["", "-an", "a b", "../vg", "vg1/lv", "v\n", "@tag"])
def test_no_bad_name_reaches_lvm(host: Host, name: str) -> None:
    for call in (
        lambda: Lvm(DEADLINE).report(name),
        lambda: Lvm(DEADLINE).activate(name),
        lambda: Lvm(DEADLINE).deactivate_lv("vg1", name),
        lambda: Lvm(DEADLINE).activate_lv(name, "data"),
        lambda: Lvm(DEADLINE).set_autoactivation(name, False),
    ):
        with pytest.raises(Failure) as failure:
            call()
        assert isinstance(failure.value.messages[0], InvalidName)
    assert recorder.dump() == ""
    assert host.disks == []


def test_a_renamed_group_is_found_by_its_uuid(host: Host) -> None:
    host.vg("vg1", 2)
    before = host.seen("vg1")
    host.lvm("vgrename", "vg1", "vg-2")
    recorder.clear()
    found = Lvm(DEADLINE).find(before.uuid, "vg1", host.disks)
    assert found is not None
    assert (found.name, found.uuid) == ("vg-2", before.uuid)
    assert commands() == 1


def test_a_group_that_moved_to_other_disks_is_found_with_a_second_command(host: Host) -> None:
    first, second = host.vg("vg1", 2)
    (unrelated,) = host.vg("vg2")
    vg = host.seen("vg1")
    for remembered in ((first,), (unrelated,), ()):
        recorder.clear()
        assert Lvm(DEADLINE).find(vg.uuid, "vg1", remembered) == vg
        assert commands() == (2 if remembered else 1)
    host.pull(second)
    recorder.clear()
    partial = Lvm(DEADLINE).find(vg.uuid, "vg1", (first, second))
    assert partial is not None
    assert [pv.uuid for pv in partial.missing] == [vg.physical[1].uuid]
    assert commands() == 2


def test_two_groups_of_one_name_are_told_apart_by_uuid(host: Host) -> None:
    first = host.vg("vg1")
    host.lv("vg1", "data")
    vg = host.seen("vg1")
    parked = host.disks.copy()
    host.disks.clear()
    second = host.vg("vg1")
    impostor = host.seen("vg1")
    host.disks += parked
    host.configure()
    assert {found.uuid for found in Lvm(DEADLINE).report("vg1")} == {vg.uuid, impostor.uuid}
    for devices in (first, second, ()):
        assert Lvm(DEADLINE).find(vg.uuid, "vg1", devices) == vg
    assert Lvm(DEADLINE).activate("vg1", devices=first).status == 0
    with pytest.raises(Failure) as failure:
        stack.stack_of("/dev/vg1/data", Lvm(DEADLINE))
    assert isinstance(failure.value.messages[0], VgNameAmbiguous)


def test_autoactivation_follows_the_uuid_and_leaves_another_group_of_the_name_alone(host: Host) -> None:
    parked = host.vg("vg1")
    ours = host.seen("vg1")
    host.disks.clear()
    host.vg("vg1")
    other = host.seen("vg1")
    host.disks += parked
    host.configure()
    for recorded in ("vg1", "an-older-name"):
        for on in (False, True):
            boot_settings.set_autoactivation(recorded, ours.uuid, on, Lvm(DEADLINE))
            seen = {vg.uuid: vg.autoactivation for vg in Lvm(DEADLINE).report("vg1")}
            assert seen == {ours.uuid: on, other.uuid: True}
    with pytest.raises(Failure) as failure:
        boot_settings.set_autoactivation("vg1", strange_uuid(ours.uuid), False, Lvm(DEADLINE))
    assert isinstance(failure.value.messages[0], VgNotFound)


def strange_uuid(uuid: str) -> str:
    """A UUID that no group has."""
    return "0" + uuid[1:] if uuid[0] != "0" else "1" + uuid[1:]


def test_a_renamed_volume_is_found_by_its_uuid(host: Host) -> None:
    host.vg("vg1")
    host.lv("vg1", "data")
    (before,) = host.seen("vg1").logical
    host.lvm("lvrename", "vg1", "data", "files")
    vg = host.seen("vg1")
    after = vg.lv(before.uuid)
    assert after is not None
    assert vg.lv_path(after) == "/dev/vg1/files"


def test_an_impostor_alone_is_handed_over_for_the_guard_to_refuse(host: Host) -> None:
    (disk,) = host.vg("vg1")
    protected = host.seen("vg1").uuid
    host.pull(disk)
    host.vg("vg1")
    found = Lvm(DEADLINE).find(protected, "vg1", host.disks)
    assert found is not None
    messages = metadata.against(found, VgFacts("vg1", "lvmvg-vg1", "vg1", protected), Settings())
    assert messages == (VgImpostor("vg1", found.uuid, protected),)


def test_loops_of_killed_runs_are_freed_and_those_of_this_run_are_not(host: Host) -> None:
    host.vg("vg1")
    image = host.folder / f"{PREFIX}{2**22 + 1}-0.img"
    image.write_bytes(bytes(4096))
    stale = host.lvm_free(LOSETUP, "--find", "--show", str(image)).strip()
    detach_stale_loops()
    assert stale not in host.lvm_free(LOSETUP, "--list", "--noheadings", "-O", "NAME").split()
    assert host.seen("vg1").missing == ()


def owners(host: Host) -> dict[str, str]:
    """The owner of each volume group by UUID."""
    return {vg.uuid: vg.system_id for vg in Lvm(DEADLINE).report()}


def test_what_is_written_to_a_group_leaves_another_one_of_its_name_alone(host: Host) -> None:
    host.configure(local='system_id="n1"')
    first = host.vg("vg1")
    vg = host.seen("vg1")
    parked = host.disks.copy()
    host.disks.clear()
    host.vg("vg1")
    other = host.seen("vg1")
    host.disks += parked
    host.configure()
    with pytest.raises(Failure) as failure:
        Lvm(DEADLINE).set_autoactivation("vg1", False)
    assert "Multiple VGs found with the same name" in str(failure.value)
    assert all(each.autoactivation for each in Lvm(DEADLINE).report())
    Lvm(DEADLINE).set_system_id("vg1", "n2", old="n1", devices=first)
    assert owners(host) == {vg.uuid: "n2", other.uuid: "n1"}


@pytest.mark.parametrize("count", [2, 3])
def test_the_owner_changes_without_a_disk_where_lvm_knows_how_and_more_than_half_are_left(
    host: Host, count: int
) -> None:
    host.configure(local='system_id="n1"')
    host.vg("vg1", count)
    uuid = host.seen("vg1").uuid
    host.pull(host.disks[0])
    knows_how = lvmconf.numbers(lvmconf.version(Lvm(DEADLINE))) >= lvmconf.numbers(lvmsight.OLDEST_BY_MAJORITY)
    if knows_how and count == 3:
        Lvm(DEADLINE).set_system_id("vg1", "n2", old="n1", lacks_disks=True)
        assert owners(host) == {uuid: "n2"}
        return
    with pytest.raises(Failure) as failure:
        Lvm(DEADLINE).set_system_id("vg1", "n2", old="n1", lacks_disks=True)
    assert (UNKNOWN_OPTION in str(failure.value)) != knows_how
    assert owners(host) == {uuid: "n1"}

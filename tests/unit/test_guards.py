"""What speaks against an activation: metadata, disks and the name of the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit import guards
from lvmkit.guards import metadata, system_id
from lvmkit.host import Host
from lvmkit.model import names
from lvmkit.model.facts import DeviceFacts, LvFacts, VgFacts
from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.guards import OwnerNeedsDisks, PvBelowReplication, PvHeldByOther, VgShared
from lvmkit.model.messages.ownership import NodeNameUnusable, OwnerNotWritten, OwnerUnknown
from lvmkit.model.messages.service import (
    DegradedActivation,
    DuplicatePv,
    PvsMissing,
    VgExported,
    VgForeign,
    VgImpostor,
)
from lvmkit.model.settings import COMPLETE, DEGRADED, SYSTEM_ID, Paths, Settings
from lvmkit.model.value import replace
from lvmkit.model.volumes import PhysicalVolume, VolumeGroup
from lvmkit.storage import claims, lvmconf, probe, sysfs
from lvmkit.storage.claims import Claim
from lvmkit.storage.lvm import Lvm
from lvmkit.storage.sysfs import Block

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.model.messages import Message

UUID, OTHER = "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK", "hM5iQv-X8Fw-K11I-W2V0-dhX2-h6lK-VdwxQg"
FIRST = PhysicalVolume("pv1", "/dev/sda", 100)
SECOND = PhysicalVolume("pv2", "/dev/sdb", 100)
WELL = VolumeGroup(UUID, "vg1", 200, False, "", False, (FIRST, SECOND), ())
LOST = replace(WELL, physical=(FIRST, replace(SECOND, device="", missing=True)))
WORST = replace(
    LOST,
    exported=True,
    system_id="n1",
    physical=(replace(FIRST, duplicates=("/dev/sdc", "/dev/sdd")), LOST.physical[1]),
)


@pytest.fixture(autouse=True)
def claimed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Claim]:
    """Device: what else it is used for."""
    found: dict[str, Claim] = {}
    monkeypatch.setattr(claims, "on", lambda devices, *_, **__: tuple(found.get(each, Claim()) for each in devices))
    return found


def refusals(
    vg: VolumeGroup, expected: str = UUID, policy: str = COMPLETE, known: dict[str, str] | None = None
) -> tuple[Message, ...]:
    devices = tuple(DeviceFacts(path, path, pv_uuid=uuid) for uuid, path in (known or {}).items())
    group = VgFacts("vg1", "lvmvg-vg1", "vg1", expected, devices=devices)
    return metadata.against(vg, group, Settings(missing_pv=policy))


def test_nothing_speaks_against_a_whole_group_of_ours() -> None:
    assert refusals(WELL) == ()


@pytest.mark.parametrize("own", ["", "n2"])
def test_a_group_of_another_host_is_foreign_also_where_this_host_has_no_system_id(
    monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    monkeypatch.setattr(Lvm, "own_system_id", lambda *_: own)
    foreign = replace(WELL, system_id="n1")
    assert system_id.against(foreign, Lvm(1)) == (VgForeign("vg1", "n1", own),)
    assert system_id.against_protection(foreign, "n3", Lvm(1)) == (VgForeign("vg1", "n1", own),)
    assert system_id.against_protection(foreign, "n1", Lvm(1)) == ()
    assert system_id.against(replace(WELL, system_id=own), Lvm(1)) == ()


def test_an_exported_group_is_refused() -> None:
    assert refusals(replace(WELL, exported=True)) == (VgExported("vg1"),)


@pytest.mark.parametrize("lock_type", ["sanlock", "dlm", "clvm"])
def test_a_group_that_a_lock_manager_shares_out_is_refused(lock_type: str) -> None:
    assert refusals(replace(WELL, lock_type=lock_type)) == (VgShared("vg1", lock_type),)


def test_an_impostor_is_refused_and_its_other_faults_do_not_matter() -> None:
    assert refusals(WORST, expected=OTHER) == (VgImpostor("vg1", UUID, OTHER),)


def test_a_disk_that_is_there_twice_is_refused_with_both_names() -> None:
    twice = replace(WELL, physical=(replace(FIRST, duplicates=("/dev/sdc", "/dev/sdd")), SECOND))
    assert refusals(twice) == (DuplicatePv("vg1", "pv1", ("/dev/sda", "/dev/sdc", "/dev/sdd")),)


def test_a_missing_disk_is_refused_by_its_last_known_device() -> None:
    assert refusals(LOST) == (PvsMissing("vg1", 1, ("pv2",)),)
    assert refusals(LOST, known={"pv2": "/dev/disk/by-id/wwn-1", "pv1": "x"}) == (
        PvsMissing("vg1", 1, ("pv2 (/dev/disk/by-id/wwn-1)",)),
    )


@pytest.mark.parametrize(("own", "server"), [(DEGRADED, COMPLETE), (COMPLETE, DEGRADED)])
def test_the_policy_of_the_resource_counts_before_the_server_s(own: str, server: str) -> None:
    for group in (VgFacts("vg1", "lvmvg-vg1", "vg1", UUID, missing_pv=own), volume_with(own).group):
        (told,) = metadata.against(LOST, group, Settings(missing_pv=server))
        assert isinstance(told, DegradedActivation if own == DEGRADED else PvsMissing)
        assert metadata.against_any(LOST, Settings(missing_pv=server), group) == (told,)


def volume_with(policy: str) -> LvFacts:
    return LvFacts("vg1/data", "/dev/vg1/data", "vg1", "data", UUID, "lv1", missing_pv=policy)


def test_a_missing_disk_is_a_warning_where_the_policy_is_degraded() -> None:
    (warning,) = refusals(LOST, policy=DEGRADED)
    assert warning == DegradedActivation("vg1", ("pv2",))
    assert warning.level != ERROR


def test_every_reason_is_told_at_once(claimed: dict[str, Claim]) -> None:
    claimed["/dev/sda"] = Claim("drbd0", True)
    kinds = [type(message) for message in refusals(WORST)]
    assert kinds == [VgExported, DuplicatePv, PvsMissing, PvHeldByOther]


def test_a_disk_that_something_else_holds_is_refused_by_the_name_of_the_holder(claimed: dict[str, Claim]) -> None:
    claimed["/dev/sdb"] = Claim("md127", False)
    refusal = (PvHeldByOther("vg1", "pv2", "/dev/sdb", "md127", "/dev/sdb"),)
    assert refusals(WELL) == metadata.against_any(WELL, Settings()) == refusal


def test_a_disk_that_carries_drbd_s_metadata_is_refused_also_when_drbd_is_not_loaded(
    claimed: dict[str, Claim],
) -> None:
    claimed["/dev/sda"] = Claim("", True)
    assert refusals(WELL) == (PvBelowReplication("vg1", "pv1", "/dev/sda", "/dev/sda"),)


# ---- what else a disk is used for


@pytest.mark.parametrize(
    ("mapped", "holder"),
    [
        (names.dm_uuid(UUID) + "a" * 32, ""),
        (names.dm_uuid(UUID) + "a" * 32 + "-real", ""),
        (names.dm_uuid(OTHER) + "a" * 32, "dm-0 (named)"),
        ("mpath-3600", "dm-0 (named)"),
        ("CRYPT-LUKS2-1", "dm-0 (named)"),
        ("", "dm-0 (named)"),
    ],
    ids=["its volume", "a layer of its volume", "another group's volume", "multipath", "dm-crypt", "by hand"],
)
def test_only_volumes_of_the_group_may_stand_on_its_disks(
    monkeypatch: pytest.MonkeyPatch, mapped: str, holder: str
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(sysfs, "number_of", lambda _: "8:0")
    monkeypatch.setattr(sysfs, "holders", lambda _: (Block("dm-0", "253:0"),))
    monkeypatch.setattr(sysfs, "dm_uuid", lambda _: mapped)
    monkeypatch.setattr(sysfs, "dm_name", lambda _: "named")
    assert claims.on(["/nowhere"], UUID, deadline=1) == (Claim(holder, False),)


def test_a_holder_that_is_not_device_mapper_s_is_named_by_its_kernel_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    block = tmp_path / "dev/block/8:0"
    (block / "holders/drbd0").mkdir(parents=True)
    (block / "holders/drbd0/dev").write_text("147:0\n")
    for name in ("holders", "dm_uuid", "dm_name"):
        real = getattr(sysfs, name)
        monkeypatch.setattr(sysfs, name, lambda number, real=real: real(number, str(tmp_path)))
    monkeypatch.setattr(sysfs, "number_of", lambda _: "8:0")
    assert claims.on(["/nowhere"], UUID, deadline=1) == (Claim("drbd0", False),)


@pytest.mark.parametrize("magic", [b"\x83\x74\x02\x6b", b"\x83\x74\x02\x6c", b"\x83\x74\x02\x6d"])
@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 512])
def test_drbd_s_metadata_is_found_in_the_last_whole_block(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, magic: bytes, size: int
) -> None:
    monkeypatch.undo()
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(size)
        file.seek((size & ~4095) - 4096 + 60)
        file.write(magic)
    empty = tmp_path / "empty"
    empty.write_bytes(bytes(8192))
    tiny = tmp_path / "tiny"
    tiny.write_bytes(b"x")
    found = claims.on([str(disk), str(empty), str(tiny), "/nowhere"], UUID, deadline=5)
    assert [claim.replicated for claim in found] == [True, False, False, False]


def test_a_disk_that_does_not_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(probe, "all_bounded", lambda works, deadline: [probe.Ending(hung=True) for _ in works])
    assert claims.on(["/dev/sda"], UUID, deadline=0.1) == (Claim(),)


# ---- which recorded names count


@pytest.mark.parametrize(
    ("devices", "trusted"),
    [
        (("/dev/disk/by-id/wwn-0x5000", "/dev/mapper/mpatha"), True),
        (("/dev/disk/by-id/scsi-0QEMU_DISK_1-part1",), True),
        ((), True),
        (("/dev/disk/by-id/wwn-0x5000", "/dev/sdb"), False),
        (("/dev/disk/by-id/lvm-pv-uuid-PC2RRa",), False),
        (("/dev/disk/by-id/md-uuid-1",), False),
        (("/dev/disk/by-path/pci-0000",), False),
        (("/dev/disk/by-uuid/1",), False),
        (("/dev/vda",), False),
    ],
)
def test_a_recorded_name_counts_only_where_no_clone_can_get_it(devices: tuple[str, ...], trusted: bool) -> None:
    assert metadata.trusted(devices) == (devices if trusted else ())


class Admitted:
    """A start on n2, where no cluster says who has let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, own: str, missing_pv: str = COMPLETE) -> None:
        """own: what LVM says who this host is."""
        monkeypatch.setattr(Lvm, "own_system_id", lambda *_: own)
        self.told: list[Message] = []
        self._host = Host(Paths(), Settings(missing_pv=missing_pv), self.told.append, "n2")

    def numbers(self, vg: VolumeGroup, ownership: str = "", *, is_volume: bool = False) -> list[int]:
        """The numbers of the refusals; none where it is admitted."""
        admit = guards.admit_volume if is_volume else guards.admit
        try:
            admit(vg, VgFacts("vg1", "lvmvg-vg1", "vg1", UUID, ownership=ownership), self._host)
        except Failure as failure:
            return [message.number for message in failure.messages]
        return []


@pytest.mark.parametrize("is_volume", [False, True])
@pytest.mark.parametrize(
    ("owner", "own", "ownership", "refused"),
    [
        ("n1", "n2", "", [VgForeign.number]),
        ("n1", "n1", "", []),
        ("n2", "", "", [VgForeign.number]),
        ("n2", "", SYSTEM_ID, []),
        ("n1", "", SYSTEM_ID, [VgForeign.number]),
        ("", "", "", []),
    ],
)
def test_where_the_owner_is_not_changed_only_this_host_s_own_group_is_admitted(
    monkeypatch: pytest.MonkeyPatch, is_volume: bool, owner: str, own: str, ownership: str, refused: list[int]
) -> None:
    start = Admitted(monkeypatch, own)
    assert start.numbers(replace(WELL, system_id=owner), ownership, is_volume=is_volume) == refused


@pytest.mark.parametrize("is_volume", [False, True])
def test_a_group_that_is_not_whole_is_admitted_by_policy_alone_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch, is_volume: bool
) -> None:
    assert Admitted(monkeypatch, "").numbers(LOST, is_volume=is_volume) == [PvsMissing.number]
    degraded = Admitted(monkeypatch, "", missing_pv=DEGRADED)
    assert degraded.numbers(LOST, is_volume=is_volume) == []
    assert [type(message) for message in degraded.told] == [DegradedActivation]


def test_what_speaks_against_a_start_as_the_owner_is_told_before_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lvm, "own_system_id", lambda *_: "machine-id")
    against = system_id.against_extension(replace(WELL, system_id="n9"), "n 2", ("n1", "n2"), Lvm(1))
    assert against == (NodeNameUnusable("n 2"), OwnerUnknown("vg1", "n9"))
    for owner in ("", "n1", "machine-id"):
        assert system_id.against_extension(replace(WELL, system_id=owner), "n2", ("n1", "n2"), Lvm(1)) == ()


@pytest.mark.parametrize(("ownership", "refused"), [("", (VgForeign("vg1", "n1", "n2"),)), (SYSTEM_ID, ())])
def test_another_host_s_group_is_a_reason_before_a_start_that_does_not_change_the_owner(
    monkeypatch: pytest.MonkeyPatch, ownership: str, refused: tuple[Message, ...]
) -> None:
    monkeypatch.setattr(Lvm, "own_system_id", lambda *_: "n2")
    group = VgFacts("vg1", "lvmvg-vg1", "vg1", UUID, ownership=ownership)
    host = Host(Paths(), Settings(), lambda _message: None, "n2")
    assert guards.against_start(replace(WELL, system_id="n1"), group, host) == refused


def test_a_server_whose_name_lvm_would_change_is_not_admitted_as_owner(mocker: MockerFixture) -> None:
    group = VgFacts("vg1", "lvmvg-vg1", "vg1", UUID, ownership=SYSTEM_ID)
    host = Host(Paths(), Settings(), lambda _message: None, "n:1", mocker.Mock(servers=lambda: ()))
    with pytest.raises(Failure) as caught:
        guards.admit(WELL, group, host)
    assert caught.value.messages == (NodeNameUnusable("n:1"),)


@pytest.mark.parametrize(("owner", "named"), [("n1", "n1"), ("", "nobody")])
def test_who_cannot_take_over_what_lacks_disks_is_told_from_whom(owner: str, named: str) -> None:
    (told,) = system_id.against_minority(replace(LOST, system_id=owner), "n2")
    assert told == OwnerNeedsDisks("vg1", named, "n2", 1, 2, "LVM asks for more than half of them")


@pytest.mark.parametrize(("version", "is_refused"), [("2.03.16(2)", True), ("2.03.17(2)", False)])
def test_a_third_of_the_disks_may_lack_where_lvm_does_not_ask_for_all_of_them(
    mocker: MockerFixture, version: str, is_refused: bool
) -> None:
    mocker.patch.object(lvmconf, "version", return_value=version)
    most_are_left = replace(LOST, physical=(*LOST.physical, PhysicalVolume("pv3", "/dev/sdc", 100)))
    assert bool(system_id.against_lack_of_disks(most_are_left, "n2", Lvm(1))) == is_refused


@pytest.mark.parametrize(("there", "found"), [(replace(WELL, system_id="n1"), "n1"), (None, "nothing")])
def test_an_owner_that_is_not_read_back_is_told_with_what_is_there(
    mocker: MockerFixture, there: VolumeGroup | None, found: str
) -> None:
    mocker.patch.object(Lvm, "find", return_value=there)
    with pytest.raises(Failure) as caught:
        system_id.confirm(WELL, "n2", Lvm(1))
    assert caught.value.messages == (OwnerNotWritten("vg1", "n2", found),)

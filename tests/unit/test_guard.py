"""Reasons against an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import ERROR
from lvmkit.model.messages.service import (
    DegradedActivation,
    DuplicatePv,
    PvsMissing,
    VgExported,
    VgForeign,
    VgImpostor,
)
from lvmkit.model.settings import COMPLETE, DEGRADED
from lvmkit.model.value import replace
from lvmkit.model.volumes import PhysicalVolume, VolumeGroup
from lvmkit.storage import guard

if TYPE_CHECKING:
    from lvmkit.model.messages import Message

UUID, OTHER = "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK", "hM5iQv-X8Fw-K11I-W2V0-dhX2-h6lK-VdwxQg"
FIRST = PhysicalVolume("pv1", "/dev/sda", 100)
SECOND = PhysicalVolume("pv2", "/dev/sdb", 100)
WELL = VolumeGroup(UUID, "vg1", 200, False, "", False, (FIRST, SECOND), ())
LOST = replace(WELL, physical=(FIRST, replace(SECOND, device="", missing=True)))
WORST = replace(
    LOST, exported=True, system_id="n1", physical=(replace(FIRST, duplicates=("/dev/sdc",)), LOST.physical[1])
)


def refusals(
    vg: VolumeGroup, expected: str = UUID, own: str = "", policy: str = COMPLETE, known: dict[str, str] | None = None
) -> tuple[Message, ...]:
    return guard.refusals(vg, expected_uuid=expected, own_system_id=own, policy=policy, last_known=known)


def test_nothing_speaks_against_a_whole_group_of_ours() -> None:
    assert refusals(WELL) == ()
    assert refusals(WELL, own="n1") == ()
    assert refusals(replace(WELL, system_id="n1"), own="n1") == ()
    assert refusals(WELL, expected="") == ()


@pytest.mark.parametrize("own", ["", "n2"])
def test_a_group_of_another_host_is_foreign_also_where_this_host_has_no_system_id(own: str) -> None:
    assert refusals(replace(WELL, system_id="n1"), own=own) == (VgForeign("vg1", "n1", own),)


def test_an_exported_group_is_refused() -> None:
    assert refusals(replace(WELL, exported=True)) == (VgExported("vg1"),)


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


def test_a_missing_disk_is_a_warning_where_the_policy_is_degraded() -> None:
    (warning,) = refusals(LOST, policy=DEGRADED)
    assert warning == DegradedActivation("vg1", ("pv2",))
    assert warning.level != ERROR


def test_every_reason_is_told_at_once() -> None:
    kinds = [type(message) for message in refusals(WORST)]
    assert kinds == [VgExported, VgForeign, DuplicatePv, PvsMissing]

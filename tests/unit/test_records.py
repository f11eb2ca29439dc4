"""Records of what restore brought up, as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.host import Host
from lvmkit.model.facts import LvFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.model.settings import Paths, Settings
from lvmkit.resources import kernel, lvmlv, notes
from lvmkit.storage import records
from tests.unit.local_storage import VG_UUID, Storage, lv_uuid
from tests.unit.outlived import at_work

if TYPE_CHECKING:
    from lvmkit.model.messages import Message

RECORD = Record(
    "the-tag",
    "my-vg",
    "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK",
    (ExpectedLv("UC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5", "data", ("linear",)),),
    (ExpectedPv("ltqxEX-MScm-HXAH-XiLT-JD2V-p3J3-rmvAZ7", "/dev/disk/by-id/a b", "8:0", ""),),
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(run=f"{tmp_path}/run/lvmkit")


def test_what_was_stored_is_loaded_again(paths: Paths) -> None:
    records.store(paths, RECORD)
    assert records.load(paths, "lvmvg-my-vg") == RECORD
    assert os.stat(paths.run).st_mode & 0o777 == 0o755
    assert os.stat(records.path_of(paths, "lvmvg-my-vg")).st_mode & 0o777 == 0o644


def test_no_record_is_none(paths: Paths) -> None:
    assert records.load(paths, "lvmvg-my-vg") is None
    records.store(paths, RECORD)
    assert records.load(paths, "lvmvg-other") is None


@pytest.mark.parametrize("content", [b"", b"vg the-tag my-vg\n", b"\xff\xfe\x00", b"vg a b c\nlv x\nend\n"])
def test_a_record_that_is_not_whole_is_none(paths: Paths, content: bytes) -> None:
    records.store(paths, RECORD)
    Path(records.path_of(paths, "lvmvg-my-vg")).write_bytes(content)
    assert records.load(paths, "lvmvg-my-vg") is None


def test_something_else_in_place_of_the_record_is_none_and_cannot_be_dropped(paths: Paths) -> None:
    os.makedirs(f"{paths.run}/lvmvg-my-vg")
    assert records.load(paths, "lvmvg-my-vg") is None
    with pytest.raises(Failure) as caught:
        records.drop(paths, "lvmvg-my-vg")
    assert isinstance(caught.value.messages[0], StateNotStored)


def test_a_dropped_record_is_gone_and_dropping_twice_is_fine(paths: Paths) -> None:
    records.store(paths, RECORD)
    records.drop(paths, "lvmvg-my-vg")
    records.drop(paths, "lvmvg-my-vg")
    assert records.load(paths, "lvmvg-my-vg") is None


@pytest.mark.parametrize("wrong", ["", "lvmvg-", "lvmvg-../../etc/passwd", "/dev/vg/lv", "lvmvg-a/b", "lvmvg-a\n"])
def test_only_ids_of_volume_groups_become_file_names(paths: Paths, wrong: str) -> None:
    for act in (records.path_of, records.load, records.drop):
        with pytest.raises(Failure) as caught:
            act(paths, wrong)
        assert caught.value.messages == (InvalidName(wrong, "ID of a volume group resource"),)


def test_a_run_folder_that_cannot_be_made_has_its_number(paths: Paths) -> None:
    Path(paths.run).parent.write_text("a file in the way")
    with pytest.raises(Failure) as caught:
        records.store(paths, RECORD)
    assert isinstance(caught.value.messages[0], StateNotStored)


def test_only_what_cannot_be_written_is_a_mere_warning(paths: Paths) -> None:
    told: list[Message] = []
    with pytest.raises(Failure) as caught:
        notes.drop(paths, "my-vg", Host(paths, Settings(), told.append))
    assert isinstance(caught.value.messages[0], InvalidName)
    assert told == []


def test_a_start_of_a_volume_waits_for_the_stop_that_its_own_record_tells_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(tmp_path, monkeypatch)
    storage.note_start()
    paths = storage.machine.paths
    facts = LvFacts("vg1/data", "/dev/vg1/data", "vg1", "data", VG_UUID, lv_uuid("data"))
    own = kernel.volume_paths(paths, facts)
    records.store(own, Record("vg1/data", "vg1", VG_UUID, (), ()))
    with at_work(paths, VG_UUID, storage.take_down):
        lvmlv.restore(facts, Host(paths, Settings(), lambda _message: None))
    assert storage.machine.active(VG_UUID) == ["vg1-data"]
    assert records.load(own, "lvmvg-vg1") is None

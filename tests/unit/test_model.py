"""Names, records, graph and value objects."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lvmkit.model import names, record
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import Dependency, Instance, pack_info, unpack_info
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.model.value import Value, replace

LIB = Path(__file__).resolve().parents[2] / "lib/lvmkit"

VG_UUID = "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
LV_UUID = "UC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5"


class Point(Value):
    x: int
    y: int = 0


def test_a_value_takes_positions_names_and_defaults() -> None:
    assert Point(1) == Point(x=1, y=0)
    assert replace(Point(1), y=2) == Point(1, 2)
    assert hash(Point(1)) == hash(Point(1, 0))
    assert Point(1) != Point(2)


@pytest.mark.parametrize(("args", "named"), [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})])
def test_a_value_refuses_wrong_fields(args: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Point(*args, **named)


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Point(1).x = 2  # type: ignore[misc]


def test_device_mapper_names_double_hyphens() -> None:
    assert names.dm_name("my-vg.1+a", "data--x") == "my--vg.1+a-data----x"
    assert names.split_dm_name("my--vg.1+a-data----x") == ("my-vg.1+a", "data--x", "")
    assert names.split_dm_name("vg-lv-tpool") == ("vg", "lv", "tpool")
    assert names.split_dm_name("nohyphen") is None


def test_device_mapper_uuids_carry_vg_and_lv() -> None:
    packed = names.dm_uuid(VG_UUID, LV_UUID)
    assert packed == "LVM-eZLYNF60RBHoX8hEsDz8RNRvTJgHkArKUC2RRaY6Dytsmuz4FvzSJcN9GgVNRuJ5"
    assert names.lvm_uuid(packed[4:36]) == VG_UUID
    assert names.is_lvm_uuid(VG_UUID)
    assert not names.is_lvm_uuid(VG_UUID[:-1])
    assert not names.is_lvm_uuid("../../../../../../etc")


@pytest.mark.parametrize("name", ["vg1", "my-vg.1+a", "_x", "a" * 127, "...", ".x"])
def test_lvm_names_that_work(name: str) -> None:
    assert names.is_vg_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "-rf", "../x", "a/b", "a" * 128, "a b", "a\n", "\udcff", "ü", "a;b"])
def test_lvm_names_that_are_refused(name: str) -> None:
    assert not names.is_vg_name(name)
    assert not names.is_lv_name(name)


@pytest.mark.parametrize("name", ["snapshot0", "pvmove1", "x_rimage_0", "pool_tdata", "lvol_mlog"])
def test_lv_names_that_lvm_keeps_for_itself_are_refused(name: str) -> None:
    assert not names.is_lv_name(name)


@pytest.mark.parametrize("tag", ["/lv1.1fs", "vg1", "a/b.c", "t" * 256])
def test_tags_that_work(tag: str) -> None:
    assert names.is_tag(tag)


@pytest.mark.parametrize("tag", ["", "-rf", "../x", "a/../b", "a b", "a+b", "t" * 257, "a\nb", "\udcff", "\x01"])
def test_tags_that_are_refused(tag: str) -> None:
    assert not names.is_tag(tag)


@pytest.mark.parametrize("name", ["my-vg.1+a", "-x", ".x", "a b\udcff", "/data"])
def test_a_tag_can_be_made_from_any_name(name: str) -> None:
    assert names.is_tag(names.tag_from(name))


def test_ids_of_our_types_give_the_names_back() -> None:
    assert names.vg_of_lvmvg_id(names.lvmvg_id("my-vg")) == "my-vg"
    assert names.vg_lv_of_lvmlv_id(names.lvmlv_id("my-vg", "data--x")) == ("my-vg", "data--x")


@pytest.mark.parametrize("wrong", ["", "lvmvg-", "lvmvg-../x", "vg1", "/dev/vg", "/dev/../x", "/dev/vg/lv/x", "/data"])
def test_ids_of_another_type_are_not_ours(wrong: str) -> None:
    assert names.vg_of_lvmvg_id(wrong) is None
    assert names.vg_lv_of_lvmlv_id(wrong) is None


def test_info_keeps_any_pair_that_it_takes() -> None:
    details = {"vg_uuid": VG_UUID, "options": "rw,relatime=x"}
    assert unpack_info(pack_info(details)) == details
    assert unpack_info("") == {}


@pytest.mark.parametrize("value", ["a\x01b", "a\x02b", "a\nb", "a\0b"])
def test_info_refuses_separators(value: str) -> None:
    with pytest.raises(ValueError, match="not storable"):
        pack_info({"key": value})


def _tree() -> Hierarchy:
    tags = ("vg", "lv1", "lv2", "/a", "/b", "sda", "sdb")
    links = (("lv1", "vg"), ("lv2", "vg"), ("/a", "lv1"), ("/b", "lv2"), ("vg", "sda"), ("vg", "sdb"))
    return Hierarchy(
        tuple(Instance("n1", "scsi", "x", tag, f"id-{tag}") for tag in tags),
        tuple(Dependency(parent, child) for parent, child in links),
    )


def test_restore_takes_children_first_and_remove_parents_first() -> None:
    tree = _tree()
    assert tree.below("/a") == ("sda", "sdb", "vg", "lv1", "/a")
    assert tree.above("vg") == ("/a", "lv1", "/b", "lv2", "vg")
    assert tree.roots() == ("/a", "/b")
    assert tree.restore_order(["/a", "vg", "lv1"]) == ("vg", "lv1", "/a")
    assert tree.remove_order(["lv1", "vg", "/a"]) == ("/a", "lv1", "vg")


def test_a_dependency_that_closes_a_circle_is_seen() -> None:
    assert _tree().would_loop(Dependency("vg", "/a"))
    assert not _tree().would_loop(Dependency("/a", "lv2"))


def test_a_damaged_hierarchy_with_a_circle_still_ends() -> None:
    tree = _tree()
    looped = replace(tree, dependencies=(*tree.dependencies, Dependency("sda", "/a")))
    assert set(looped.below("/a")) == {"/a", "lv1", "vg", "sda", "sdb"}


def test_a_record_survives_its_file_with_odd_names() -> None:
    whole = Record(
        "my tag\\", "my-vg.1+a", VG_UUID,
        (ExpectedLv(LV_UUID, "data--x", ("linear", "striped")),),
        (ExpectedPv("p-1", "/dev/disk by id/x\n", "8:16", ""), ExpectedPv("p-2", "/dev/sdb", "8:32", "7")),
    )  # fmt: skip
    assert record.parse(record.dump(whole)) == whole


@pytest.mark.parametrize("cut", [0, 1, 10, 60, -1, -4, -5])
def test_a_record_that_was_cut_short_is_not_believed(cut: int) -> None:
    text = record.dump(Record("t", "vg", VG_UUID, (ExpectedLv(LV_UUID, "lv", ("linear",)),), ()))
    assert record.parse(text[:cut]) is None or record.parse(text[:cut]) == record.parse(text)


@pytest.mark.parametrize("rubbish", ["end\n", "x\nend\n", "vg\nend\n", "vg a b c\nlv\nend\n", "vg a\\9 b c\nend\n"])
def test_rubbish_is_no_record(rubbish: str) -> None:
    assert record.parse(rubbish) is None


def test_no_two_classes_of_the_kit_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(LIB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path.name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}

"""The CIB that changes make: what is ours, what it holds, and that nothing else is touched. No tool runs here."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster.pacemaker import (
    cib,
    commit,
    dependency,
    elements,
    ids,
    location,
    patch,
    primitive,
    release,
    roles,
    template,
    tie,
)
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, RESOURCES
from lvmkit.cluster.pacemaker.primitive import meta_of
from lvmkit.cluster.pacemaker.record import escaped, plain
from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import (
    AUTOMATIC,
    DEVICE,
    DISK,
    FILESYS,
    INTELLIGENT,
    ISP,
    LVMLV,
    LVMVG,
    OSU,
    Dependency,
    Instance,
    pack_info,
)
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import HasDependents, NotStored
from lvmkit.model.messages.guide import DependencyNotCreated, IdInUse, ResourceExists
from lvmkit.model.messages.pacemaker import (
    LastServer,
    NoAgent,
    NotExtended,
    PriorityInvalid,
    ToolGarbled,
    UnknownServer,
    UsedByOthers,
)
from lvmkit.model.messages.service import MissingInformation
from lvmkit.model.servers import Equivalency
from lvmkit.model.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

SERVERS = ("n1", "n2", "n3")
ODD = ("/srv/db", "my-vg.1+a", "under_score", "_2f", "a__b", "x_then_y", "Ünïcode", "9lives", "a b", "-x", "a:b", "%41")

FOREIGN = """
      <!-- the administrator's -->
      <primitive id="fence" class="stonith" type="fence_null"/>
      <primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2">
        <instance_attributes id="ip-p"><nvpair id="ip-a" name="ip" value="&lt;192.0.2.1"/></instance_attributes>
      </primitive>
      <primitive id="lvmkit-nomark" class="ocf" provider="pacemaker" type="Dummy"/>
      <template id="theirs" class="ocf" provider="heartbeat" type="Dummy"/>"""
FOREIGN_CONSTRAINTS = '<rsc_location id="ip-n1" rsc="ip" node="n1" score="50"/>'


def sample(resources: str = FOREIGN, constraints: str = FOREIGN_CONSTRAINTS) -> Element:
    """A cluster of three servers that are up and clean, without anything of ours."""
    nodes = "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(SERVERS, 1))
    states = "".join(
        f'<node_state id="{n}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member">'
        f'<lrm id="{n}"><lrm_resources/></lrm></node_state>'
        for n, name in enumerate(SERVERS, 1)
    )
    return elements.parse(
        f"""<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="5" num_updates="3" admin_epoch="0"
     have-quorum="1" dc-uuid="1">
  <configuration>
    <crm_config><cluster_property_set id="cib-bootstrap-options">
      <nvpair id="o1" name="stonith-enabled" value="true"/></cluster_property_set></crm_config>
    <nodes>{nodes}</nodes>
    <resources>{resources}</resources>
    <constraints>{constraints}</constraints>
  </configuration>
  <status>{states}</status>
</cib>""",
        "sample",
    )


def instance(kind: str, tag: str, server: str = "n1", **facts: str) -> Instance:
    """An instance of any kind; its ID and info follow from the tag where they are not given."""
    info = {
        LVMVG: {"vg_uuid": "VG", "autoactivation": "y"},
        LVMLV: {"vg_uuid": "VG", "lv_uuid": f"LV{tag}"},
        FILESYS: {"device": f"/dev/vg/{tag}", "fstype": "ext4", "options": "rw,relatime"},
        DEVICE: {"path": "/dev/mapper/x"},
        DISK: {"path": "/dev/sda", "pv_uuid": "PV"},
    }[kind]
    part = "".join(c if c.isascii() and c.isalnum() else "_" for c in tag)
    named = {LVMVG: f"lvmvg-{part}", LVMLV: f"/dev/vg/v{part}", FILESYS: f"/srv/{part}"}
    given = {"id": named.get(kind, f"/dev/disk/by-id/{part}"), "info": pack_info(info), "state": ISP, **facts}
    return Instance(server, "scsi", kind, tag, **given)


def hierarchy(roots: int = 2, server: str = "n1", **facts: str) -> tuple[Instance, ...]:
    """vg on a disk, and on it lv1..lvN, each with fs1..fsN."""
    upper = [instance(kind, f"{name}{n}", server, **facts) for n in range(1, roots + 1) for kind, name in UPPER]
    return (instance(LVMVG, "vg", server, **facts), instance(DISK, "disk", server, **facts), *upper)


UPPER = ((LVMLV, "lv"), (FILESYS, "fs"))


def links(roots: int = 2) -> tuple[Dependency, ...]:
    pairs = [d for n in range(1, roots + 1) for d in (Dependency(f"lv{n}", "vg"), Dependency(f"fs{n}", f"lv{n}"))]
    return (Dependency("vg", "disk"), *pairs)


def protected(roots: int = 2, servers: tuple[str, ...] = ("n1", "n2"), **facts: Any) -> Element:
    """The sample with a hierarchy, extended to these servers."""
    root = patch.apply(sample(), Change(add=hierarchy(roots, servers[0], **facts), link=links(roots)), servers[0])
    for server in servers[1:]:
        extension = Change(add=hierarchy(roots, server, **facts), link=(Dependency("vg", "disk"),))
        root = patch.apply(root, extension, servers[0])
    return root


def foreign(root: Element) -> list[str]:
    """Everything in the CIB that is not ours, byte for byte, in its order."""
    kept = copy.deepcopy(root)
    for path in (RESOURCES, CONSTRAINTS):
        own = commit_ids(root)
        elements.drop(kept, path, lambda element, own=own: element.get("id") in own)  # type: ignore[misc]
    return [elements.written(part) for section in kept for part in section]


def commit_ids(root: Element) -> set[str]:
    every = [e for path in (RESOURCES, CONSTRAINTS) for e in elements.children(root, path)]
    return {e.get("id", "") for e in every if e.get("id", "").startswith(ids.PREFIX)} - {"lvmkit-nomark"}


def refused(work: Callable[[], object]) -> tuple[type[Message], ...]:
    with pytest.raises(Failure) as failure:
        work()
    return tuple(type(message) for message in failure.value.messages)


def without_state(root: Element, server: str) -> Hierarchy:
    found = cib.hierarchy(root, server)
    ordered = sorted(found.instances, key=lambda i: i.tag)
    return Hierarchy(tuple(ordered), tuple(sorted(found.dependencies, key=repr)))


@pytest.mark.parametrize("tag", ODD)
def test_every_tag_has_an_xml_id_that_leads_back_to_it(tag: str) -> None:
    own = ids.resource_id(tag)
    assert ids.tag_of(own) == tag
    assert all(c.isascii() and (c.isalnum() or c in "._-") for c in own)
    assert ids.tag_of(ids.part_id(own, "on", "n1")) is None, "a part's ID is no primitive's"


def test_ids_of_different_things_differ() -> None:
    made = [ids.resource_id(tag) for tag in ODD]
    made += [ids.part_id(ids.resource_id(a), "on", b) for a in ODD for b in ODD]
    assert len(made) == len(set(made))


@pytest.mark.parametrize(
    "foreign_id", ["vg", "lvmkit-", "lvmkit-a_zz", "lvmkit-a_2", "lvmkit-a_2F", "lvmkit-a_41", "x"]
)
def test_an_id_that_is_not_spelled_as_ours_is_not_ours(foreign_id: str) -> None:
    assert ids.tag_of(foreign_id) is None


@pytest.mark.parametrize("text", ["a\x02b=c", "100%", "%02", "%", "ü%zz", ""])
def test_what_xml_cannot_carry_comes_back_whole(text: str) -> None:
    assert plain(escaped(text)) == text
    assert escaped(text).isprintable()


def test_what_was_stored_is_read_back_on_each_of_its_servers() -> None:
    root = elements.parse(elements.written(protected()), "written")
    for server in ("n1", "n2"):
        found = without_state(root, server)
        expected = [replace(i, state="ILLSTATE") for i in sorted(hierarchy(server=server), key=lambda i: i.tag)]
        assert found.instances == tuple(expected)
        assert set(found.dependencies) == set(links())
    assert cib.hierarchy(root, "n3") == Hierarchy()


def test_a_device_of_one_server_is_not_anothers() -> None:
    own = instance(DISK, "disk2", "n2")
    root = patch.apply(protected(), Change(add=(own,), link=(Dependency("vg", "disk2"),)), "n2")
    assert cib.hierarchy(root, "n1").by_tag("disk2") is None
    assert cib.hierarchy(root, "n2").children("vg") == ("disk", "disk2")


@pytest.mark.parametrize("tag", [tag for tag in ODD if "+" not in tag and ":" not in tag and tag not in ("-x", "a b")])
def test_odd_tags_are_stored_with_all_their_parts(tag: str) -> None:
    pair = (instance(LVMVG, tag), instance(LVMLV, "lv"))
    root = patch.apply(sample(), Change(add=pair, link=(Dependency("lv", tag),)), "n1")
    again = cib.hierarchy(elements.parse(elements.written(root), "again"), "n1")
    assert again.tags == (tag, "lv")
    assert again.dependencies == (Dependency("lv", tag),)


def test_names_with_plus_dot_and_hyphen_reach_the_agents_unchanged() -> None:
    info = pack_info({"vg_uuid": "V", "lv_uuid": "L"})
    odd = instance(LVMLV, "odd", id="/dev/my-vg.1+a/l-v.2+b", info=info)
    root = patch.apply(sample(), Change(add=(odd,)), "n1")
    given = elements.values(primitive.own(root)["odd"].find("instance_attributes"))
    assert given == {"vg": "my-vg.1+a", "lv": "l-v.2+b", "vg_uuid": "V", "lv_uuid": "L"}


def changes_of(root: Element) -> list[Element]:
    """Every kind of edit, made to a protected hierarchy."""
    everything = cib.hierarchy(root, "n1")
    removal = Change(remove=everything.tags, unlink=everything.dependencies)
    return [
        patch.apply(root, removal, "n1"),
        patch.apply(root, Change(update=(instance(LVMVG, "vg", switchback=AUTOMATIC),)), "n1"),
        patch.apply(root, Change(add=(instance(LVMVG, "other"),)), "n1"),
        roles.stopped(root, everything.tags),
        roles.started(root, everything.tags),
        location.draw(root, "vg", "n2", "2036-01-01 00:00:00Z"),
        location.settle(location.draw(root, "vg", "n2", "2036-01-01 00:00:00Z")),
        patch.unextend(root, ("vg", "lv1", "fs1"), "n2"),
        patch.set_priorities(root, "vg", {"n2": 5}),
        release.let_go(root, ("vg", "lv1", "fs1")),
        release.held_again(release.let_go(root, ("vg", "lv1", "fs1"))),
    ]


def test_what_is_not_ours_is_the_same_to_the_byte_after_any_change() -> None:
    root = protected()
    assert foreign(root) == foreign(sample())
    before = elements.written(root)
    for changed in changes_of(root):
        assert foreign(changed) == foreign(sample())
    assert elements.written(root) == before, "an edit makes a new CIB"


def test_a_primitive_without_our_mark_is_foreign_whatever_its_name() -> None:
    assert cib.hierarchy(sample(), "n1") == Hierarchy()
    mine = patch.apply(sample(), Change(add=(instance(LVMVG, "vg"),)), "n1")
    assert list(primitive.own(mine)) == ["vg"]


def test_creation_is_undone_by_its_removal() -> None:
    change = Change(add=hierarchy(), link=links())
    made = patch.apply(sample(), change, "n1")
    back = patch.apply(made, Change(remove=tuple(i.tag for i in change.add), unlink=links()), "n1")
    assert commit.ours(back) == commit.ours(sample())


def test_removal_is_undone_by_a_creation() -> None:
    made = protected(servers=("n1",))
    now = cib.hierarchy(made, "n1")
    gone = patch.apply(made, Change(remove=now.tags, unlink=now.dependencies), "n1")
    back = Change(add=tuple(replace(i, state=ISP) for i in now.instances), link=now.dependencies)
    assert commit.ours(patch.apply(gone, back, "n1")) == commit.ours(made)


def test_an_update_is_undone_by_the_update_back() -> None:
    made = protected(servers=("n1",))
    for kind, tag in ((LVMVG, "vg"), (LVMLV, "lv1"), (DISK, "disk")):
        before = next(i for i in cib.hierarchy(made, "n1").instances if i.tag == tag)
        changed = replace(before, info=before.info + "\x02more=1", switchback=AUTOMATIC)
        there = patch.apply(made, Change(update=(changed,)), "n1")
        assert cib.hierarchy(there, "n1").by_tag(tag) == changed, kind
        assert commit.ours(there) != commit.ours(made)
        assert commit.ours(patch.apply(there, Change(update=(before,)), "n1")) == commit.ours(made)


def test_an_update_keeps_what_the_administrator_set() -> None:
    made = protected()
    group = primitive.own(made)["vg"]
    parameters = group.find("instance_attributes")
    assert parameters is not None
    parameters.append(elements.new("nvpair", id="theirs-1", name="missing_pv", value="degraded"))
    stopped = roles.stopped(made, ("vg",))
    changed = patch.apply(stopped, Change(update=(instance(LVMVG, "vg", info="vg_uuid=NEW"),)), "n1")
    after = primitive.own(changed)["vg"]
    assert elements.values(after.find("instance_attributes"))["missing_pv"] == "degraded"
    assert elements.values(after.find("instance_attributes"))["vg_uuid"] == "NEW"
    assert meta_of(after)["target-role"] == "Stopped"


def test_a_removal_takes_the_devices_of_all_servers_that_only_it_required() -> None:
    root = patch.apply(protected(), Change(add=(instance(DISK, "other", "n2"),)), "n2")
    now = cib.hierarchy(root, "n1")
    gone = patch.apply(root, Change(remove=now.tags, unlink=now.dependencies), "n1")
    assert list(template.devices(gone)) == [("other", "n2")]


def test_a_disk_that_another_group_requires_stays() -> None:
    second = Change(add=(instance(LVMVG, "vg2"),), link=(Dependency("vg2", "disk"),))
    root = patch.apply(protected(0, ("n1",)), second, "n1")
    gone = patch.apply(root, Change(remove=("vg",), unlink=(Dependency("vg", "disk"),)), "n1")
    assert cib.hierarchy(gone, "n1").dependencies == (Dependency("vg2", "disk"),)


def test_changes_that_do_not_fit_have_their_numbers() -> None:
    root = protected()

    def of(**parts: Any) -> tuple[type[Message], ...]:
        return refused(lambda: patch.apply(root, Change(**parts), "n1"))

    assert of(add=(instance(LVMVG, "vg"),)) == (ResourceExists,)
    assert of(add=(instance(DISK, "disk"),)) == (ResourceExists,)
    assert of(add=(instance(LVMVG, "vg", "n3", id="lvmvg-else"),)) == (ResourceExists,)
    assert of(add=(instance(LVMVG, "new", id="lvmvg-vg"),)) == (IdInUse,)
    assert of(add=(instance(LVMVG, "new", "n9"),)) == (UnknownServer,)
    assert of(add=(replace(instance(LVMVG, "new"), type="../oracle"),)) == (InvalidName,)
    assert of(add=(instance(LVMVG, "new", info=""),)) == (MissingInformation,)
    assert of(add=(instance(LVMVG, "a;b"),)) == (InvalidName,)
    assert of(add=(instance(LVMVG, "new", id="a\ufffe"),)) == (InvalidName,)
    assert of(update=(instance(LVMVG, "new"),)) == (NotStored,)
    assert of(remove=("vg",)) == (HasDependents,)
    assert of(remove=("nothing",)) == (NotStored,)
    assert of(unlink=(Dependency("fs1", "vg"),)) == (NotStored,)
    assert of(link=(Dependency("lv1", "vg"),)) == (DependencyNotCreated, NotStored)
    assert of(link=(Dependency("vg", "disk"),)) == (DependencyNotCreated, NotStored)
    assert of(link=(Dependency("vg", "fs1"),)) == (DependencyNotCreated, NotStored)
    assert of(link=(Dependency("vg", "nothing"),)) == (DependencyNotCreated, NotStored)
    assert of(link=(Dependency("disk", "vg"),)) == (DependencyNotCreated, NoAgent)
    assert of(remove=("disk",), unlink=()) == (HasDependents,)


def test_what_a_foreign_constraint_names_is_not_removed() -> None:
    root = protected(1)
    elements.at(root, CONSTRAINTS).append(
        elements.new("rsc_colocation", id="theirs-too", rsc="ip", with_rsc="lvmkit-fs1", score="INFINITY")
    )
    with pytest.raises(Failure) as failure:
        patch.apply(root, Change(remove=("fs1",), unlink=(Dependency("fs1", "lv1"),)), "n1")
    assert failure.value.messages == (UsedByOthers("fs1", ("theirs-too",)),)


@pytest.mark.parametrize(
    ("constraint", "required"),
    [
        ({"id": "o", "first": "lvmkit-lv1", "then": "db"}, {"lv1"}),
        ({"id": "o", "first": "lvmkit-lv1_then_lvmkit-fs1", "then": "lvmkit-fs1"}, set()),
        ({"id": "o", "first": "target", "then": "lvmkit-vg"}, set()),
        ({"id": "o", "rsc": "db", "with_rsc": "lvmkit-lv1"}, {"lv1"}),
        ({"id": "o", "rsc": "lvmkit-lv1", "with_rsc": "target"}, set()),
    ],
)
def test_what_is_not_ours_and_stands_on_a_tag_is_known(constraint: dict[str, str], required: set[str]) -> None:
    root = protected(1)
    kind = "rsc_order" if "first" in constraint else "rsc_colocation"
    elements.at(root, CONSTRAINTS).append(elements.new(kind, **constraint))
    assert cib.required_by_others(root) == required


def test_a_set_of_ours_and_others_ties_all_of_them() -> None:
    root = protected(1)
    text = (
        '<rsc_order id="s"><resource_set id="s1"><resource_ref id="lvmkit-lv1"/><resource_ref id="db"/></resource_set>'
        "</rsc_order>"
    )
    elements.at(root, CONSTRAINTS).append(elements.parse(text, "sample"))
    assert cib.required_by_others(root) == {"lv1"}


def test_an_extension_gives_the_next_lower_priority() -> None:
    root = protected(1, ("n2", "n1", "n3"))
    found = {(e.tag, e.server): e.priority for e in cib.equivalencies(root)}
    assert {key: found[key] for key in found if key[0] in ("vg", "fs1")} == {
        ("vg", "n2"): 1, ("vg", "n1"): 11, ("vg", "n3"): 21, ("fs1", "n2"): 1, ("fs1", "n1"): 11, ("fs1", "n3"): 21,
    }  # fmt: skip


def test_an_unextension_takes_the_server_and_its_devices() -> None:
    root = patch.unextend(protected(1), ("vg", "lv1", "fs1"), "n2")
    assert cib.hierarchy(root, "n2") == Hierarchy()
    assert commit.ours(root) == commit.ours(protected(1, ("n1",)))
    assert refused(lambda: patch.unextend(root, ("vg",), "n1")) == (LastServer,)
    assert refused(lambda: patch.unextend(root, ("vg",), "n3")) == (NotExtended,)


def test_priorities_are_changed_as_one_and_stay_distinct() -> None:
    root = patch.set_priorities(protected(1), "vg", {"n1": 11, "n2": 1})
    assert Equivalency("vg", "n1", 11) in cib.equivalencies(root)
    assert refused(lambda: patch.set_priorities(root, "vg", {"n1": 1})) == (PriorityInvalid,) * 1
    assert refused(lambda: patch.set_priorities(root, "vg", {"n1": 1000})) == (PriorityInvalid,)
    assert refused(lambda: patch.set_priorities(root, "vg", {"n3": 1})) == (NotExtended,)


@pytest.mark.parametrize("tag", ODD)
def test_what_makes_an_element_recognises_it_and_takes_no_other_for_it(tag: str) -> None:
    link = Dependency(tag, f"{tag}_then_x")
    parent, child = ids.resource_id(link.parent), ids.resource_id(link.child)
    made = (
        dependency.order(link),
        dependency.colocation(link),
        location.place(tag, "n1", 0),
        location.no_place(tag, "n2"),
    )
    assert [dependency.ends(each) for each in made] == [(parent, child), (parent, child), None, None]
    assert [location.tag_of_place(each) for each in made] == [None, None, tag, tag]
    for each in made:
        each.set("id", f"{each.get('id')}x")
        assert (dependency.ends(each), location.tag_of_place(each)) == (None, None)


def test_an_unlink_takes_the_order_and_the_colocation_of_that_link_alone() -> None:
    before = protected(2)
    after = patch.apply(before, Change(unlink=(Dependency("lv1", "vg"),)), "n1")
    gone = {each.get("id") for each in elements.children(before, CONSTRAINTS)}
    gone -= {each.get("id") for each in elements.children(after, CONSTRAINTS)}
    assert gone == {"lvmkit-vg_then_lvmkit-lv1", "lvmkit-lv1_with_lvmkit-vg"}


def test_only_the_group_is_sticky_and_only_when_intelligent() -> None:
    def stickiness(switchback: str) -> dict[str, int]:
        own = primitive.own(protected(1, switchback=switchback))
        return {tag: int(meta_of(each)["resource-stickiness"]) for tag, each in own.items()}

    sticky = stickiness(INTELLIGENT)
    assert 998 < sticky["vg"] < 1_000_000
    assert sticky["lv1"] == sticky["fs1"] == 0
    assert set(stickiness(AUTOMATIC).values()) == {0}


def test_a_resource_is_restarted_once_in_place_and_its_second_failure_within_an_hour_moves_it() -> None:
    for each in primitive.own(protected(1)).values():
        meta = meta_of(each)
        assert (meta["migration-threshold"], meta["failure-timeout"]) == ("2", "3600s")


def test_what_is_new_and_not_in_service_is_not_managed_until_it_is_asked_for() -> None:
    fresh = protected(1, ("n1",), state=OSU)
    assert not any(primitive.is_wanted(each) for each in primitive.own(fresh).values())
    begun = roles.started(fresh, ("vg", "lv1"))
    wanted = {tag: primitive.is_wanted(each) for tag, each in primitive.own(begun).items()}
    assert wanted == {"vg": True, "lv1": True, "fs1": False}
    ended = roles.stopped(begun, ("lv1",))
    assert not primitive.is_wanted(primitive.own(ended)["lv1"])


def test_what_another_tool_set_counts_and_gives_way_to_our_own() -> None:
    root = protected(1)
    theirs = elements.pairs(
        "meta_attributes", "lvmkit-fs1-meta_attributes", {"target-role": "Stopped", "critical": "0"}
    )
    primitive.own(root)["fs1"].append(theirs)
    assert not primitive.is_wanted(primitive.own(root)["fs1"])
    begun = roles.started(root, ("fs1",))
    assert primitive.is_wanted(primitive.own(begun)["fs1"])
    assert meta_of(primitive.own(begun)["fs1"])["critical"] == "0"


def test_letting_go_loses_nothing() -> None:
    root = protected(1)
    released = release.let_go(root, ("lv1", "fs1"))
    assert meta_of(primitive.own(released)["fs1"])["maintenance"] == "true"
    assert cib.equivalencies(released) == cib.equivalencies(root)
    assert commit.ours(release.held_again(released)) == commit.ours(root)
    assert commit.ours(release.held_again(root)) == commit.ours(root)


def test_a_move_leaves_nothing_behind() -> None:
    root = protected(1)
    moving = location.draw(root, "vg", "n2", "2036-01-01 00:00:00Z")
    assert commit.ours(moving) != commit.ours(root)
    assert commit.ours(location.draw(moving, "vg", "n1", "2036-01-01 00:00:00Z")) != commit.ours(moving)
    assert commit.ours(location.settle(moving)) == commit.ours(root)


def test_many_volumes_are_one_change() -> None:
    root = protected(64)
    assert len(primitive.own(root)) == 129
    assert len(cib.links(root)) == 128


def test_scores_that_an_administrator_wrote_are_read() -> None:
    for text, score in (("INFINITY", 1_000_000), ("+INFINITY", 1_000_000), ("-INFINITY", -1_000_000), ("-7", -7)):
        assert location.score(elements.new("rsc_location", score=text)) == score
    assert location.score(elements.new("rsc_location", score="rubbish")) == 0


def test_what_is_no_xml_has_its_own_message() -> None:
    assert refused(lambda: elements.parse("<cib", "cibadmin --query")) == (ToolGarbled,)


def second_group() -> Change:
    """fs3 on a group of its own, wg, within fs1."""
    upper = (instance(LVMVG, "wg"), instance(LVMLV, "lv3"), instance(FILESYS, "fs3"))
    return Change(add=upper, link=(Dependency("lv3", "wg"), Dependency("fs3", "lv3"), Dependency("fs3", "fs1")))


def ties(root: Element) -> list[tuple[str, str]]:
    found = [e for e in root.iter("rsc_colocation") if e.get("score") == str(tie.SCORE)]
    return [(e.get("rsc", ""), e.get("with-rsc", "")) for e in found]


def test_groups_on_which_one_file_system_stands_are_tied_until_it_does_no_more() -> None:
    root = patch.apply(protected(2), second_group(), "n1")
    assert ties(protected(2)) == []
    assert ties(root) == [("lvmkit-wg", "lvmkit-vg")]
    nested = Dependency("fs3", "fs1")
    untied = patch.apply(root, Change(unlink=(nested,)), "n1")
    assert ties(untied) == []
    assert ties(patch.apply(untied, Change(link=(nested,)), "n1")) == ties(root)
    upper = Change(remove=("fs3", "lv3", "wg"), unlink=second_group().link)
    assert foreign(patch.apply(root, upper, "n1")) == foreign(root)
    assert ties(patch.apply(root, upper, "n1")) == []


def test_a_tie_is_no_dependency_and_nobody_elses() -> None:
    root = patch.apply(protected(2), second_group(), "n1")
    assert Dependency("wg", "vg") not in cib.links(root)
    assert cib.required_by_others(root) == frozenset()


def test_a_type_of_another_kit_is_run_by_the_agent_for_those_and_read_back() -> None:
    database = Instance("n1", "database", "pgsql", "db", "/srv/db", "port=5432\x02user=x", state=OSU)
    root = patch.apply(protected(1), Change(add=(database,), link=(Dependency("db", "fs1"),)), "n1")
    made = primitive.own(root)["db"]
    assert (made.get("provider"), made.get("type")) == ("lvmkit", "action")
    given = {"app": "database", "type": "pgsql", "tag": "db", "id": "/srv/db"}
    assert primitive.parameters(database) == given
    assert primitive.monitored_every(made) == 60
    stored = cib.hierarchy(root, "n1").by_tag("db")
    assert stored is not None
    assert replace(stored, state=OSU) == database
    further = patch.apply(root, Change(add=(replace(database, server="n2"),)), "n1")
    assert Equivalency("db", "n2", 11) in cib.equivalencies(further)
    gone = patch.apply(further, Change(remove=("db",), unlink=(Dependency("db", "fs1"),)), "n1")
    assert commit.ours(gone) == commit.ours(protected(1))

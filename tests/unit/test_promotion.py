"""The order and the colocation that tie a volume group to the DRBD resource below it. No tool runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster.pacemaker import cib, commit, elements, kept, patch, promotion, release
from lvmkit.cluster.pacemaker.elements import CONSTRAINTS, RESOURCES
from lvmkit.cluster.port import Change
from lvmkit.model.instance import AUTOMATIC, DEVICE, FILESYS, INTELLIGENT, LVMLV, LVMVG, Dependency, pack_info
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import UsedByOthers
from lvmkit.model.messages.replication import ReplicaSwitchback
from tests.unit.test_pacemaker import FOREIGN, FOREIGN_CONSTRAINTS, foreign, instance, sample

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ORDER, COLOCATION = "lvmkit-vg_promoted-first_drbd-r0-clone", "lvmkit-vg_with-promoted_drbd-r0-clone"
DRBD = """<primitive id="drbd-{0}" class="ocf" provider="linbit" type="drbd"><instance_attributes id="drbd-{0}-p">
  <nvpair id="drbd-{0}-p-r" name="drbd_resource" value="{0}"/></instance_attributes></primitive>"""
META = '<meta_attributes id="{0}-m"><nvpair id="{0}-m-p" name="promotable" value="{1}"/></meta_attributes>'


def clone(resource: str = "r0", promotable: str = "true") -> str:
    own = f"drbd-{resource}-clone"
    return f'<clone id="{own}">{DRBD.format(resource)}{META.format(own, promotable)}</clone>'


TEMPLATED = f"""<template id="of-linbit" class="ocf" provider="linbit" type="drbd"/>
<clone id="drbd-r0-clone"><primitive id="drbd-r0" template="of-linbit"><instance_attributes id="a">
<nvpair id="b" name="drbd_resource" value="r0"/></instance_attributes></primitive>
{META.format("drbd-r0-clone", "true")}</clone>"""
GROUPED = f"""<clone id="drbd-r0-clone"><group id="g">{DRBD.format("r0")}</group>
{META.format("drbd-r0-clone", "true")}</clone>"""
OLD = f'<master id="drbd-r0-clone">{DRBD.format("r0")}</master>'


def device(volume: int, resource: str = "r0", server: str = "n1") -> Any:
    own = f"/dev/drbd/by-res/{resource}/{volume}"
    info = pack_info({"path": f"/dev/drbd{volume}", "kind": "drbd", "pv_uuid": f"PV{volume}"})
    return instance(DEVICE, f"device-drbd-{resource}-{volume}", server, id=own, info=info)


def creation(*volumes: Any, group: str = "vg") -> Change:
    """vg on volumes of a resource, with a volume and a file system on it."""
    above = (instance(LVMVG, group), instance(LVMLV, f"lv-{group}"), instance(FILESYS, f"fs-{group}"))
    links = [Dependency(f"lv-{group}", group), Dependency(f"fs-{group}", f"lv-{group}")]
    links += [Dependency(group, each.tag) for each in volumes]
    return Change(add=(*above, *volumes), link=tuple(links))


def base(resources: str | None = None, constraints: str = "", schema: str = "pacemaker-3.9") -> Element:
    root = sample(FOREIGN + (clone() if resources is None else resources), FOREIGN_CONSTRAINTS + constraints)
    root.set("validate-with", schema)
    return root


def protected(*volumes: Any, **how: Any) -> Element:
    return patch.apply(base(**how), creation(*(volumes or (device(0), device(1)))), "n1")


def pair(root: Element) -> dict[str, dict[str, str]]:
    """What ties groups to roles, by ID."""
    found = [*elements.children(root, CONSTRAINTS, "rsc_order"), *elements.children(root, CONSTRAINTS)]
    return {e.get("id", ""): dict(e.attrib) for e in found if {"first-action", "with-rsc-role"} & e.attrib.keys()}


def removal(root: Element) -> Change:
    now = cib.hierarchy(root, "n1")
    return Change(remove=now.tags, unlink=now.dependencies)


@pytest.mark.parametrize("resources", [None, TEMPLATED, GROUPED, OLD], ids=["clone", "template", "group", "master"])
def test_a_group_above_drbd_starts_after_the_promotion_and_where_that_is(resources: str | None) -> None:
    assert pair(protected(resources=resources)) == {
        ORDER: {
            "id": ORDER, "first": "drbd-r0-clone", "first-action": "promote", "then": "lvmkit-vg",
            "then-action": "start", "kind": "Mandatory",
        },
        COLOCATION: {
            "id": COLOCATION, "rsc": "lvmkit-vg", "with-rsc": "drbd-r0-clone", "with-rsc-role": "Promoted",
            "score": "INFINITY",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "role"),
    [("pacemaker-3.2", "Master"), ("pacemaker-3.6", "Master"), ("pacemaker-3.7", "Promoted"),
     ("pacemaker-3.10", "Promoted"), ("pacemaker-4.0", "Promoted"), ("none", "Master"), ("", "Master")],
)  # fmt: skip
def test_the_role_is_spelled_as_the_schema_has_it(schema: str, role: str) -> None:
    assert pair(protected(schema=schema))[COLOCATION]["with-rsc-role"] == role


@pytest.mark.parametrize(
    "resources",
    ["", clone("r1"), clone(promotable="false"), DRBD.format("r0"), f'<group id="g">{DRBD.format("r0")}</group>',
     clone().replace('provider="linbit"', 'provider="other"')],
    ids=["nothing", "another resource", "a plain clone", "no clone", "a group", "another agent"],
)  # fmt: skip
def test_what_promotes_nothing_gets_no_constraints(resources: str) -> None:
    assert pair(protected(resources=resources)) == {}
    assert promotion.clone_of(base(resources), "r0") == ""


def test_only_the_group_itself_is_tied_and_nothing_that_is_not_ours_is_changed() -> None:
    root = protected()
    assert {each.get("then") or each.get("rsc") for each in pair(root).values()} == {"lvmkit-vg"}
    assert foreign(root) == foreign(base())


def test_a_device_below_another_layer_counts() -> None:
    crypt = instance(DEVICE, "device-crypt", id="/dev/mapper/crypt")
    change = creation(crypt)
    change = Change(add=(*change.add, device(0)), link=(*change.link, Dependency("device-crypt", "device-drbd-r0-0")))
    assert set(pair(patch.apply(base(), change, "n1"))) == {ORDER, COLOCATION}


def test_two_groups_on_one_resource_have_a_pair_each() -> None:
    root = patch.apply(protected(device(0)), creation(device(1), group="wg"), "n1")
    assert {each.get("then") or each.get("rsc") for each in pair(root).values()} == {"lvmkit-vg", "lvmkit-wg"}


def test_a_group_on_plain_disks_has_none() -> None:
    plain = instance(DEVICE, "device-x", id="/dev/mapper/x")
    assert pair(patch.apply(base(), creation(plain), "n1")) == {}


def test_a_removal_takes_the_pair_and_leaves_all_else() -> None:
    root = protected()
    gone = patch.apply(root, removal(root), "n1")
    assert commit.ours(gone) == commit.ours(base())
    assert foreign(gone) == foreign(base())


def test_a_removal_that_is_put_back_has_the_pair_as_it_was() -> None:
    root = protected()
    after = patch.apply(root, removal(root), "n1")
    assert commit.ours(kept.put_back(after, kept.remember(root, after))) == commit.ours(root)


def test_the_pair_stays_while_the_cluster_lets_go_of_the_group() -> None:
    root = protected()
    freed = release.let_go(root, ("vg",))
    assert pair(freed) == pair(root)
    assert commit.ours(release.held_again(freed)) == commit.ours(root)


def test_it_goes_with_the_last_volume_of_the_resource() -> None:
    root = protected()
    one = Change(unlink=(Dependency("vg", "device-drbd-r0-0"),), remove=("device-drbd-r0-0",))
    two = Change(unlink=(Dependency("vg", "device-drbd-r0-1"),), remove=("device-drbd-r0-1",))
    root = patch.apply(root, one, "n1")
    assert set(pair(root)) == {ORDER, COLOCATION}
    assert pair(patch.apply(root, two, "n1")) == {}


def test_an_extension_and_a_new_volume_make_no_further_pair() -> None:
    root = protected(device(0))
    change = creation(device(0))
    extended = Change(add=tuple(_on(each, "n2") for each in change.add), link=(Dependency("vg", device(0).tag),))
    root = patch.apply(root, extended, "n1")
    third = Change(add=(device(2),), link=(Dependency("vg", device(2).tag),))
    assert set(pair(patch.apply(root, third, "n1"))) == {ORDER, COLOCATION}


def _on(each: Any, server: str) -> Any:
    return type(each)(**{**each.as_dict(), "server": server})


THEIRS = """<rsc_order id="theirs-o" first="drbd-r0-clone" first-action="promote" then="lvmkit-vg" then-action="start"/>
<rsc_colocation id="theirs-c" rsc="lvmkit-vg" with-rsc="drbd-r0-clone" with-rsc-role="Master" score="INFINITY"/>"""


def test_where_an_administrator_has_said_the_same_there_is_none_of_ours_and_theirs_stays() -> None:
    root = protected(constraints=THEIRS)
    assert set(pair(root)) == {"theirs-o", "theirs-c"}
    assert foreign(root) == foreign(base(constraints=THEIRS))


def test_a_removal_names_what_an_administrator_has_written() -> None:
    root = protected(constraints=THEIRS)
    with pytest.raises(Failure) as caught:
        patch.apply(root, removal(root), "n1")
    (told,) = caught.value.messages
    assert isinstance(told, UsedByOthers)
    assert {"theirs-o", "theirs-c"} <= set(told.text.replace(",", "").rstrip(".").split())


@pytest.mark.parametrize(
    "constraints",
    [THEIRS.replace(' first-action="promote"', "").replace(' with-rsc-role="Master"', ""),
     THEIRS.replace('score="INFINITY"', 'score="100"').replace("<rsc_order", '<rsc_order kind="Optional"')],
    ids=["without roles", "only wishes"],
)  # fmt: skip
def test_less_than_that_does_not_count(constraints: str) -> None:
    assert {ORDER, COLOCATION} <= set(pair(protected(constraints=constraints)))


def test_the_pair_is_no_dependency_and_nobody_elses_requirement() -> None:
    root = protected()
    assert all("drbd" not in link.child for link in cib.links(root))
    assert cib.required_by_others(root) == frozenset()


def test_what_stands_on_a_replica_is_never_made_to_go_back_by_itself() -> None:
    root = protected()
    for tag in ("vg", "fs-vg"):
        with pytest.raises(Failure) as caught:
            patch.amendment(root, tag, {"switchback": AUTOMATIC}, "n1")
        assert caught.value.messages == (ReplicaSwitchback(tag, "/dev/drbd/by-res/r0/0"),)
    (changed,) = patch.amendment(root, "vg", {"switchback": INTELLIGENT}, "n1").update
    assert changed.switchback == INTELLIGENT


FENCE = """<rsc_location rsc="drbd-r0-clone" id="drbd-fence-by-handler-r0-drbd-r0-clone">
<rule role="Master" score="-INFINITY" id="f-rule"><expression attribute="#uname" operation="ne" value="n1" id="f-e"/>
</rule></rsc_location>"""


@pytest.mark.parametrize(
    ("resource", "server", "is_fenced"), [("r0", "n2", True), ("r0", "n1", False), ("r", "n2", False)]
)
def test_a_constraint_of_drbd_s_fencing_is_known_by_the_server_that_it_leaves(
    resource: str, server: str, is_fenced: bool
) -> None:
    root = base(constraints=FENCE)
    assert promotion.fence_of(root, resource, server) == ("drbd-fence-by-handler-r0-drbd-r0-clone" if is_fenced else "")
    assert promotion.fence_of(base(), resource, server) == ""


def test_the_clone_is_never_touched() -> None:
    root = protected()
    gone = patch.apply(root, removal(root), "n1")
    for each in (root, gone):
        found = elements.with_id(each, RESOURCES, "drbd-r0-clone")
        assert found is not None
        original = elements.with_id(base(), RESOURCES, "drbd-r0-clone")
        assert original is not None
        assert elements.written(found) == elements.written(original)

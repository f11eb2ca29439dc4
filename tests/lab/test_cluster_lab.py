"""The cluster of the lab keeps its promises, and so do the audit and the writer that other tests rely on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from lab import audit, writer
from lab.audit import Audit, Cluster, Sample, Writing, check_records
from lab.guests import crm, image
from lab.guests.errors import LabError
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab

BOOT_DEADLINE = 300.0
VG = "vg"
FILE = "/mnt/records"
CREATE = f"""
vgcreate -qq --setautoactivation n {VG} {BY_ID}SHARED1
lvcreate -qq -L 32M -n lv {VG}
mkfs.ext4 -q /dev/{VG}/lv
mount /dev/{VG}/lv /mnt
"""
TAKE_OVER = f"vgchange -qq -ay {VG}; mount /dev/{VG}/lv /mnt"
NODES = ("node1", "node2")

pytestmark = pytest.mark.cluster


# ---- the cluster


def test_a_reset_gives_a_formed_cluster_that_can_fence(bare_cluster: Cluster) -> None:
    status = bare_cluster.lab.cluster_status()
    assert (status.formed(*NODES), status.fencing_enabled) == (True, True)
    assert (status.running("fencing") != (), status.fenced) == (True, set())


def test_a_saved_cluster_with_the_project_in_it_comes_back_formed(cluster: Cluster) -> None:
    for node in (1, 2):
        cluster.guest(node).run("lvmkit", "--version")
    assert cluster.lab.cluster_status().formed(*NODES)


def test_the_shared_disks_are_the_same_and_free(bare_cluster: Cluster) -> None:
    bare_cluster.guest(1).run("pvcreate", "-q", bare_cluster.guest(1).disk("SHARED4"))
    assert bare_cluster.guest(2).disk("SHARED4") in bare_cluster.guest(2).run("pvs", "--noheadings").stdout


@pytest.mark.slow
def test_a_killed_node_is_fenced_and_loses_no_acknowledged_record(bare_cluster: Cluster) -> None:
    group = _create(bare_cluster.guest(1))
    first = Writing(bare_cluster.lab, 1, FILE).start().more(20)
    bare_cluster.lab.kill(1)
    first.stop()
    bare_cluster.wait(lambda it: it.fenced == {"node1"} and it.formed("node2"), node=2)
    bare_cluster.guest(2).sh(TAKE_OVER)
    second = Writing(bare_cluster.lab, 2, FILE).start().more(20)
    second.stop()
    check_records(bare_cluster.lab, 2, FILE, first.acknowledged + second.acknowledged)
    assert all(bare_cluster.audit.seen(group).values())
    bare_cluster.lab.start(1)
    bare_cluster.wait(lambda it: it.formed(*NODES), node=2)


@pytest.mark.slow
def test_of_two_nodes_that_lose_sight_of_each_other_one_survives(bare_cluster: Cluster) -> None:
    before = [_boot(bare_cluster.guest(node)) for node in (1, 2)]
    bare_cluster.lab.cut(1)
    bare_cluster.wait(lambda it: it.fenced == {"node1"} and it.formed("node2"), node=2)
    _wait(lambda: _boot(bare_cluster.guest(1)) != before[0])
    assert _boot(bare_cluster.guest(2)) == before[1]


@pytest.mark.slow
def test_a_node_that_hung_is_fenced_and_boots_when_it_goes_on(bare_cluster: Cluster) -> None:
    before = _boot(bare_cluster.guest(1))
    bare_cluster.lab.pause(1)
    bare_cluster.wait(lambda it: it.fenced == {"node1"} and it.formed("node2"), node=2)
    bare_cluster.lab.resume(1)
    _wait(lambda: _boot(bare_cluster.guest(1)) != before)
    bare_cluster.wait(lambda it: it.formed(*NODES), node=2)


@pytest.mark.slow
def test_a_cluster_forms_again_after_both_nodes_have_booted(bare_cluster: Cluster) -> None:
    before = [_boot(bare_cluster.guest(node)) for node in (1, 2)]
    for node in (1, 2):
        bare_cluster.lab.reboot(node)
    _wait(lambda: not {_boot(bare_cluster.guest(node)) for node in (1, 2)} & set(before))
    status = bare_cluster.wait(lambda it: it.formed(*NODES))
    assert status.fenced == set()


def _create(guest: Guest) -> str:
    """Make a mounted file system on a shared disk; return its group's UUID."""
    guest.sh(CREATE)
    return guest.run("vgs", "--noheadings", "-o", "vg_uuid", VG).stdout.strip()


def _boot(guest: Guest) -> str:
    """Which boot of the guest this is."""
    return guest.run("cat", "/proc/sys/kernel/random/boot_id", timeout=5.0).stdout


def _wait(accept: Callable[[], bool]) -> None:
    """Wait until `accept` says yes; a guest that boots does not answer."""
    end = time.monotonic() + BOOT_DEADLINE
    while True:
        try:
            if accept():
                return
        except LabError:
            time.sleep(1)
        assert time.monotonic() < end, "not so in time"


# ---- the audit


def test_the_audit_sees_a_group_that_both_nodes_have_activated(cluster_lab: Lab) -> None:
    cluster_lab.reset()
    with Audit(cluster_lab) as watching:
        group = _create(Guest(cluster_lab, 1))
        Guest(cluster_lab, 2).run("vgchange", "-qq", "-ay", VG)
        time.sleep(2 * audit.GAP)
    assert [(found.group, found.nodes) for found in watching.overlaps()] == [(group.replace("-", ""), (1, 2))]
    with pytest.raises(AssertionError, match="active on two nodes"):
        watching.check()


def test_the_audit_does_not_mind_a_group_that_moves(bare_cluster: Cluster) -> None:
    group = _create(bare_cluster.guest(1))
    bare_cluster.guest(1).sh(f"umount /mnt; vgchange -qq -an {VG}")
    bare_cluster.guest(2).sh(TAKE_OVER)
    time.sleep(1)
    assert all(bare_cluster.audit.seen(group).values())


def test_the_audit_samples_again_what_was_paused(bare_cluster: Cluster) -> None:
    bare_cluster.lab.pause(2)
    time.sleep(2 * audit.GAP)
    bare_cluster.lab.resume(2)
    before = time.monotonic()
    _wait(lambda: bare_cluster.audit.samples[2][-1].asked > before)


A, B = (frozenset({f"LVM-{letter * 32}{'l' * 32}"}) for letter in "ab")
NONE: frozenset[str] = frozenset()


def samples(*taken: tuple[float, frozenset[str]], width: float = 0.1) -> list[Sample]:
    """Samples asked for at these times, each answered `width` seconds later."""
    return [Sample(asked, asked + width, uuids) for asked, uuids in taken]


def test_active_at_one_moment_is_an_overlap() -> None:
    one, two = samples((0, A), (1, A), (2, A)), samples((0.5, NONE), (1.5, A), (2.5, A))
    (found,) = audit.overlaps({1: one, 2: two})
    assert (found.group, found.nodes, round(found.start, 3), round(found.seconds, 3)) == ("a" * 32, (1, 2), 1.6, 0.4)


def test_one_sample_between_two_of_the_other_node_is_an_overlap() -> None:
    assert audit.overlaps({1: samples((0, A), (1, A)), 2: samples((0.4, A), (0.8, NONE))})


def test_one_after_the_other_is_none() -> None:
    assert not audit.overlaps({1: samples((0, A), (1, A), (2, NONE)), 2: samples((1.2, NONE), (1.5, A), (2.5, A))})


def test_two_groups_are_none() -> None:
    assert not audit.overlaps({1: samples((0, A), (1, A)), 2: samples((0, B), (1, B))})


def test_nothing_is_known_of_the_time_between_samples_far_apart() -> None:
    paused = [Sample(0, 0.1, A), Sample(1, 50, A)]
    assert not audit.overlaps({1: paused, 2: samples((20, A), (21, A), (22, NONE))})


def test_what_goes_on_after_a_pause_counts_again() -> None:
    paused = [Sample(0, 0.1, A), Sample(1, 50, A), Sample(50.2, 50.3, A)]
    assert audit.overlaps({1: paused, 2: samples((49, A), (50, A), (51, A))})


def test_a_device_that_is_not_of_lvm_is_no_group() -> None:
    other = frozenset({"mpath-" + "a" * 32, "CRYPT-" + "a" * 32})
    assert not audit.overlaps({1: samples((0, other), (1, other)), 2: samples((0, other), (1, other))})


def test_an_audit_that_nobody_keeps_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="broken off"):
        Audit(Lab("never up")).check()


# ---- the writer's records


def records(count: int, author: bytes = b"a" * 16) -> bytes:
    """The file that a writer makes."""
    return b"".join(writer.record(number, author) for number in range(count))


def test_a_whole_file_is_right() -> None:
    assert writer.examine(records(5), range(5)) == []


def test_an_unfinished_record_at_the_end_is_right() -> None:
    assert writer.examine(records(5)[:-1], range(4)) == []


def test_an_acknowledged_record_that_is_cut_off_is_lost() -> None:
    assert writer.examine(records(5)[:-1], range(5)) == ["record 4: acknowledged and lost"]


def test_a_file_that_is_not_there_any_more_has_lost_all() -> None:
    assert len(writer.examine(b"", range(5))) == 5


def test_a_changed_bit_is_damage() -> None:
    data = bytearray(records(3))
    data[writer.RECORD_BYTES + 20] ^= 1
    assert writer.examine(bytes(data), ()) == ["record 1: damaged"]


def test_zeros_are_damage() -> None:
    assert writer.examine(bytes(writer.RECORD_BYTES), ()) == ["record 0: damaged"]


def test_a_record_that_two_writers_wrote_is_in_the_wrong_place() -> None:
    data = records(3) + writer.record(2, b"b" * 16)
    assert writer.examine(data, range(3)) == ["record 3: is record 2"]


# ---- what pacemaker says

STATUS = """
<pacemaker-result>
 <summary>
  <current_dc present="true" name="node2" with_quorum="true"/>
  <cluster_options stonith-enabled="true"/>
 </summary>
 <nodes>
  <node name="node1" online="true" standby="false" pending="{pending}" unclean="{unclean}"/>
  <node name="node2" online="true" standby="false" pending="false" unclean="false"/>
 </nodes>
 <resources>
  <group id="g"><resource id="r" role="Started" failed="false"><node name="node2"/></resource></group>
 </resources>
 <fence_history><fence_event target="node1" action="reboot" status="{fenced}"/></fence_history>
</pacemaker-result>
"""


def _status(pending: str = "false", unclean: str = "false", fenced: str = "success") -> crm.ClusterStatus:
    return crm.parse(STATUS.format(pending=pending, unclean=unclean, fenced=fenced))


def test_members_resources_and_fencing_are_read() -> None:
    status = _status()
    assert (status.formed(*NODES), status.fencing_enabled, status.coordinator) == (True, True, "node2")
    assert (status.running("r"), status.running("none"), status.fenced) == (("node2",), (), {"node1"})


@pytest.mark.parametrize("doubt", ["pending", "unclean"])
def test_a_node_in_doubt_is_not_online(doubt: str) -> None:
    status = _status(**{doubt: "true"})
    assert (status.online, status.formed(*NODES)) == ({"node2"}, False)


def test_a_fencing_that_failed_has_fenced_nobody() -> None:
    assert _status(fenced="failed").fenced == set()


@pytest.mark.parametrize("text", ["", "crm_mon: Connection refused", "<pacemaker-result/>"])
def test_something_else_is_no_status(text: str) -> None:
    with pytest.raises(crm.ClusterError):
        crm.parse(text)


def test_the_plain_image_does_not_depend_on_the_variant() -> None:
    plain, cluster = (image.Recipe(kind, image.BOOKWORM) for kind in (image.PLAIN, image.CLUSTER))
    assert set(cluster.packages()) - set(plain.packages()) >= {"pacemaker", "corosync", "sbd"}
    assert not [path for path in plain.ingredients() if image.CLUSTER in path.parent.parts]

"""A volume group on a replicated device: what the kit must never do is to write below the replication."""

from __future__ import annotations

import re

import pytest

from lab.audit import Cluster
from lab.guests.guest import Guest
from lab.guests.lab import Result
from lab.helpers_owner import is_refused
from lab.helpers_protected import PATIENCE
from lab.helpers_replica import MAKE, MOUNT, VG, connect, fingerprint, hide_backing_disk

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

AGENT = "/usr/lib/ocf/resource.d/lvmkit/lvmvg"
GROUP = f"lvmkit-{VG}"


@pytest.fixture
def replicated(cluster: Cluster) -> Cluster:
    """A protected file system on a replicated device, in service on the first server, which has the filter."""
    connect(cluster)
    hide_backing_disk(cluster.guest(1))
    cluster.guest(1).sh(MAKE)
    cluster.guest(1).run("lvmkit", "create", MOUNT, timeout=PATIENCE)
    cluster.guest(1).run("sync")
    return cluster


def test_create_refuses_a_group_that_lvm_sees_above_and_below_the_replication(cluster: Cluster) -> None:
    connect(cluster)
    one = cluster.guest(1)
    one.sh(
        MAKE.replace("vgcreate", "vgcreate --devices /dev/drbd0").replace("lvcreate", "lvcreate --devices /dev/drbd0")
    )
    is_refused(one.run("lvmkit", "create", MOUNT, check=False, timeout=PATIENCE), "drbd0")


@pytest.mark.parametrize("filtered", [False, True], ids=["without a filter", "with a filter"])
def test_extend_refuses_the_backing_disk_of_a_secondary(replicated: Cluster, filtered: bool) -> None:
    two = replicated.guest(2)
    if filtered:
        hide_backing_disk(two)
    before = fingerprint(two)
    done = replicated.guest(1).run("lvmkit", "extend", MOUNT, "--to", "node2", check=False, timeout=PATIENCE)
    is_refused(done, "node2")
    if not filtered:
        assert "drbd" in done.stderr, "it does not say that a replicated device is above the disk"
    assert fingerprint(two) == before
    assert _same_on_both(replicated)


@pytest.mark.parametrize("filtered", [False, True], ids=["without a filter", "with a filter"])
def test_a_start_on_a_secondary_refuses_and_writes_not_one_byte(replicated: Cluster, filtered: bool) -> None:
    two = replicated.guest(2)
    if filtered:
        hide_backing_disk(two)
    replicated.guest(1).run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    before = fingerprint(two)
    done = _start(two, _parameters(replicated.guest(1)))
    assert done.returncode != 0, done
    assert fingerprint(two) == before
    assert VG not in two.run("dmsetup", "ls").stdout
    assert _same_on_both(replicated)
    replicated.guest(1).run("lvmkit", "in-service", MOUNT, timeout=PATIENCE)


def _parameters(guest: Guest) -> dict[str, str]:
    """Return what the cluster gives to the group's agent, as its environment has it."""
    text = guest.run("cibadmin", "--query", "--xpath", f"//primitive[@id='{GROUP}']/instance_attributes").stdout
    given = re.findall(r'<nvpair [^>]*name="([^"]*)" value="([^"]*)"', text)
    return {f"OCF_RESKEY_{name}": value for name, value in given}


def _start(guest: Guest, parameters: dict[str, str]) -> Result:
    env = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": GROUP, "OCF_RESKEY_CRM_meta_timeout": "90000"}
    return guest.run(AGENT, "start", env={**env, **parameters}, timeout=120, check=False)


def _same_on_both(cluster: Cluster) -> bool:
    """Return whether both backing disks have the same labels and metadata, which DRBD itself would not check."""
    cluster.guest(1).run("sync")
    return fingerprint(cluster.guest(1)) == fingerprint(cluster.guest(2))

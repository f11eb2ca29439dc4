"""The OCF agents under the testers that come with resource-agents, on a node of a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.audit import Cluster
from lab.guests.guest import BY_ID, Guest
from lab.helpers_ocf import AGENTS, VG, make
from lab.helpers_service import held

OCF_TESTER, OCFT = "/usr/sbin/ocf-tester", "/usr/sbin/ocft"
CASES = Path(__file__).parents[2] / "share" / "ocft"

pytestmark = pytest.mark.cluster


@pytest.fixture
def made(cluster: Cluster) -> Guest:
    """The first node, with two volume groups of which nothing is active."""
    guest = cluster.guest(1)
    make(guest)
    guest.run("mkfs.ext4", "-q", f"{BY_ID}PRIVATE1")
    return guest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "given"),
    [
        ("lvmvg", (f"vg={VG}",)),
        ("lvmlv", (f"vg={VG}", "lv=data--x")),
        ("lvmvg", (f"vg={VG}", "ownership=system_id")),
        ("filesys", (f"device={BY_ID}PRIVATE1", "directory=/srv/plain", "fstype=ext4")),
    ],
)
def test_ocf_tester_finds_nothing_to_complain_about(made: Guest, agent: str, given: tuple[str, ...]) -> None:
    words = [word for each in given for word in ("-o", each)]
    tested = made.run(OCF_TESTER, "-n", "res", *words, f"{AGENTS}/{agent}", timeout=600, check=False)
    assert "passed all tests" in tested.stdout, tested
    assert (tested.returncode, [line for line in tested.stdout.splitlines() if line.startswith("* rc=")]) == (0, [])
    assert held(made, VG) == []


def test_the_metadata_is_valid_for_nobody_too(cluster: Cluster) -> None:
    for agent in ("lvmvg", "lvmlv", "filesys"):
        check = "cd /usr/share/resource-agents; xmllint --noout --nonet --valid -"
        cluster.guest(1).sh(f"su nobody -s /bin/sh -c '{AGENTS}/{agent} meta-data' | ({check})")


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["lvmvg", "lvmlv", "filesys"])
def test_ocft_passes_all_our_cases(cluster: Cluster, agent: str) -> None:
    cluster.guest(1).run(OCFT, "make", agent, timeout=120)
    tested = cluster.guest(1).run(OCFT, "test", agent, timeout=900, check=False)
    begun = [line for line in tested.stdout.splitlines() if line.startswith(f"{agent}: ")]
    assert (tested.returncode, len(begun)) == (0, (CASES / agent).read_text().count('\nCASE "'))
    assert "FAILED" not in tested.stdout, tested.stdout

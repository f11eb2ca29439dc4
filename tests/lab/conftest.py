"""Fixtures of the lab: every pytest-xdist worker has an instance of its own, which dies with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from lab import helpers_protected
from lab.audit import Audit, Cluster
from lab.guests import image
from lab.guests.errors import NotInstalledError
from lab.guests.guest import Guest
from lab.guests.lab import CLUSTER, GOLDEN, PLAIN, Lab, default_name

PUSHED, CREATED, PROTECTED = "pushed", "created", "protected"
MARKERS = (
    "cluster: needs two guests that are a cluster",
    "slow: runs in make cluster-lab, so that the default run stays short",
    "three: needs a cluster of three",
    "both: runs in guests of each release of Debian, unless $LVMKIT_LAB_RELEASE names one",
)
SHARING = {
    "test_bad_input": "made",
    "test_changes": "made",
    "test_crashes": "made",
    "test_budgets": "served",
    "test_filesystem_truth": "served",
    "test_service": "served",
    "test_watch": "served",
}
"""modules whose tests begin with the same saved states, which one worker makes for all of them"""
LONGEST_FIRST = ("made", "served", "test_boot", "test_ocf", "test_storage_kinds", "test_kernel", "test_lab_itself")
"""the order in which workers take what belongs together, so that they end at about the same time"""


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of this folder."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares saved states (pytest-xdist's --dist loadgroup), and put the longest first."""
    groups = {}
    for item in items:
        module = item.path.stem
        groups[item] = SHARING.get(module, module) + _other_release(item)
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    places = {group: place for place, group in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(groups[item], len(places)))


def _other_release(item: pytest.Item) -> str:
    """Return the release of the guests of a test that wants others than the usual ones, else ""."""
    callspec = getattr(item, "callspec", None)
    release = callspec.params.get("release", "") if callspec else ""
    return "" if release == image.BOOKWORM else str(release)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `both` in guests of each release, where nobody has chosen one."""
    chosen = os.environ.get(image.RELEASE_VARIABLE)
    if metafunc.definition.get_closest_marker("both") and not chosen:
        metafunc.parametrize("release", image.RELEASES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def release(request: pytest.FixtureRequest) -> str:
    """The release of Debian in the guests."""
    return str(getattr(request, "param", image.default_release()))


def _instance(suffix: str, kind: str, release: str, nodes: int | None = None) -> Iterator[Lab]:
    """An instance that is up. Without the programs it takes: failed where CI is set, skipped elsewhere."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    instance = Lab(f"{default_name()} pytest {worker}{suffix}", owned=True, progress=print)
    try:
        instance.down()
        instance.up(nodes, kind, release)
    except NotInstalledError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    yield instance
    instance.down()


@pytest.fixture(scope="session")
def lab(release: str) -> Iterator[Lab]:
    """One guest, up."""
    yield from _instance("", PLAIN, release)


@pytest.fixture(scope="session")
def cluster_lab(release: str) -> Iterator[Lab]:
    """Two guests that are a cluster, up."""
    yield from _instance(" cluster", CLUSTER, release)


@pytest.fixture(scope="session")
def three_lab(release: str) -> Iterator[Lab]:
    """Three guests that are a cluster, with two file systems on node1 that may run on node3 and node2, in that order.

    Saved as `protected`.
    """
    for instance in _instance(" three", CLUSTER, release, nodes=3):
        _saved(PUSHED, instance, GOLDEN, Lab.push)
        yield _saved(PROTECTED, instance, PUSHED, lambda lab: helpers_protected.protect_on_three(Guest(lab, 1)))


@pytest.fixture
def three(three_lab: Lab) -> Iterator[Cluster]:
    """The hierarchies, on three servers, with the audit beside them."""
    yield from _audited(three_lab, PROTECTED)


@pytest.fixture(scope="session")
def pushed_lab(lab: Lab) -> Lab:
    """The lab with the working tree installed, saved as `pushed`."""
    return _saved(PUSHED, lab, GOLDEN, Lab.push)


@pytest.fixture
def bare_guest(lab: Lab) -> Guest:
    """A pristine guest without the project."""
    lab.reset()
    return Guest(lab)


@pytest.fixture
def guest(pushed_lab: Lab) -> Guest:
    """A pristine guest with the working tree installed."""
    pushed_lab.reset(PUSHED)
    return Guest(pushed_lab)


@pytest.fixture(scope="session")
def pushed_cluster_lab(cluster_lab: Lab) -> Lab:
    """The cluster with the working tree installed on both nodes, saved as `pushed`."""
    return _saved(PUSHED, cluster_lab, GOLDEN, Lab.push)


@pytest.fixture
def bare_cluster(cluster_lab: Lab) -> Iterator[Cluster]:
    """A pristine cluster without the project. The test fails if a volume group was ever active on both nodes."""
    yield from _audited(cluster_lab, GOLDEN)


@pytest.fixture
def cluster(pushed_cluster_lab: Lab) -> Iterator[Cluster]:
    """A pristine cluster with the working tree installed. The test fails if a group was ever active on both nodes."""
    yield from _audited(pushed_cluster_lab, PUSHED)


@pytest.fixture(scope="session")
def created_lab(pushed_cluster_lab: Lab) -> Lab:
    """Two file systems on one volume group, in service on node1 and nowhere else; saved as `created`."""
    return _saved(CREATED, pushed_cluster_lab, PUSHED, lambda lab: helpers_protected.create(Guest(lab, 1)))


@pytest.fixture
def created(created_lab: Lab) -> Iterator[Cluster]:
    """The hierarchies on node1, with the audit beside them."""
    yield from _audited(created_lab, CREATED)


@pytest.fixture(scope="session")
def protected_lab(created_lab: Lab) -> Lab:
    """The hierarchies extended to node2; saved as `protected`."""
    return _saved(PROTECTED, created_lab, CREATED, lambda lab: helpers_protected.extend(Guest(lab, 1)))


@pytest.fixture
def protected(protected_lab: Lab) -> Iterator[Cluster]:
    """The hierarchies, on two servers, with the audit beside them."""
    yield from _audited(protected_lab, PROTECTED)


def _saved(label: str, instance: Lab, base: str, work: Callable[[Lab], object]) -> Lab:
    """The instance in the state that `work` makes of the state `base`; it is saved under the label."""
    instance.reset(base)
    work(instance)
    instance.save(label)
    return instance


def _audited(instance: Lab, state: str) -> Iterator[Cluster]:
    """The cluster in a saved state, with the audit beside it; it fails at the end where the audit found something."""
    instance.reset(state)
    with Audit(instance) as audit:
        yield Cluster(instance, audit)
    audit.check()

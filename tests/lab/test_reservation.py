"""Persistent reservations on a disk that two servers share: a server that was fenced and goes on cannot write any more.

The disk is one of tgtd, plugged in after the reset. tgtd does not keep reservations over its restart.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.audit import Cluster, Writing, check_records
from lab.guests.errors import NotInstalledError
from lab.guests.luns import shared
from lab.helpers_protected import NODES, PATIENCE
from lab.helpers_reserved import FILE, VG, Reserved, find

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

MONITOR_LIMIT = 150
"""seconds within which the deep monitor, every 60 s, has noticed something and the cluster has answered"""


@pytest.fixture
def reserved(cluster: Cluster, tmp_path: Path) -> Iterator[Reserved]:
    """The file system, reserved for node1. Without a target: failed where CI is set, skipped elsewhere."""
    try:
        with shared(cluster.lab, tmp_path) as lun:
            yield Reserved(cluster, lun, find(cluster))
    except NotInstalledError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def test_create_reserves_a_move_takes_it_and_a_stop_releases(reserved: Reserved) -> None:
    assert reserved.holder(1) == "node1"
    reserved.move(2)
    assert reserved.holder(1) == "node2"
    reserved.cluster.guest(2).run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    assert reserved.holder(1) == "nobody"


def test_ten_takeovers_in_a_row_lose_no_record(reserved: Reserved) -> None:
    acknowledged: list[int] = []
    for takeover in range(10):
        here = 1 + takeover % 2
        writing = Writing(reserved.cluster.lab, here, FILE, only_mounted=True).start().more(3)
        writing.stop()
        acknowledged += writing.acknowledged
        reserved.move(3 - here)
        assert reserved.holder(here) == f"node{3 - here}"
    check_records(reserved.cluster.lab, 1, FILE, acknowledged)


def test_a_paused_server_that_goes_on_after_the_takeover_cannot_write(reserved: Reserved) -> None:
    lab = reserved.cluster.lab
    writing = Writing(lab, 1, FILE).start().more(5)
    lab.pause(1)
    reserved.wait_until_mounted(2)
    assert reserved.holder(2) == "node2"
    before = len(writing.acknowledged)
    lab.resume(1)
    time.sleep(10)  # its watchdog may end it at any moment of these
    assert len(writing.acknowledged) == before
    assert "reservation conflict" in lab.console(1) or not reserved.is_mounted(1)
    writing.stop()
    check_records(lab, 2, FILE, writing.acknowledged)


def test_a_target_that_forgot_is_noticed_within_a_monitor_and_reserved_again(reserved: Reserved) -> None:
    reserved.lun.restart()
    end = time.monotonic() + MONITOR_LIMIT
    while "node" not in reserved.holder(2):
        assert time.monotonic() < end, "nobody has noticed that nothing is reserved"
        time.sleep(5)
    journal = reserved.cluster.guest(1).sh("journalctl -o cat | grep -c 110475 || true").stdout.strip()
    assert int(journal) > 0 or reserved.holder(2) == "node2"


def test_a_server_that_boots_registers_nothing(reserved: Reserved) -> None:
    reserved.cluster.lab.kill(1)
    reserved.wait_until_mounted(2)
    assert reserved.holder(2) == "node2"
    reserved.cluster.lab.start(1)
    reserved.cluster.wait(lambda it: it.formed(*NODES), node=2)
    reserved.lun.attach(reserved.cluster.lab, 1)
    assert reserved.holder(2) == "node2"


def test_a_killed_server_s_registration_goes_with_the_takeover(reserved: Reserved) -> None:
    writing = Writing(reserved.cluster.lab, 1, FILE).start().more(5)
    reserved.cluster.lab.kill(1)
    reserved.wait_until_mounted(2)
    check_records(reserved.cluster.lab, 2, FILE, writing.acknowledged)
    shown = reserved.cluster.guest(2).sh("lvmkit doctor --here 2>&1 | grep 'registered:'").stdout
    assert "node1" not in shown

"""A logical volume that is used without a file system: who has it open is named, and what it was told survives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab import writer
from lab.audit import Cluster, Writing
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_protected import PATIENCE
from lab.helpers_service import action, held, numbers, states

pytestmark = pytest.mark.slow

VG, VOLUME, TAG = "rawvg", "/dev/rawvg/log", "rawvg/log"
KIT, WRITER, SAFE = (
    "/opt/LifeKeeper/subsys/records/resources/rawlog/actions",
    "/usr/local/lib/rawlog",
    "/run/rawlog.safe",
)
PREPARE = f"""
systemctl stop lvmkit-check.timer
vgcreate -qq {VG} {BY_ID}SHARED1
lvcreate -qq -L 64M -n log {VG}
dd if=/dev/zero of={VOLUME} bs=1M count=64 oflag=direct status=none
"""
OPEN = (
    "setsid python3 -ISc 'import os, time; os.open(\"/dev/rawvg/log\", os.O_RDWR | os.O_DIRECT); time.sleep(10000)'"
    " </dev/null >/dev/null 2>&1 & echo $! > /run/opener; sleep 1"
)
CONSUMER = f"""
mkdir -p {KIT}
cat > {KIT}/restore <<'END'
#!/bin/sh
kill -0 "$(cat /run/rawlog.pid 2>/dev/null)" 2>/dev/null && exit 0
setsid python3 -IS {WRITER} "$4" 0.05 </dev/null >>{SAFE} 2>/run/rawlog.error &
echo $! > /run/rawlog.pid
END
cat > {KIT}/remove <<'END'
#!/bin/sh
pid=$(cat /run/rawlog.pid 2>/dev/null) || exit 0
kill "$pid" 2>/dev/null
while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
rm -f /run/rawlog.pid
END
cat > {KIT}/quickCheck <<'END'
#!/bin/sh
kill -0 "$(cat /run/rawlog.pid)"
END
chmod 755 {KIT}/*
"""
"""a kit whose service is a process that writes records to the volume"""


class Told(Writing):
    """What the consumer's process, wherever it was started, has said to be safe."""

    def _argv(self) -> list[bytes]:
        return [b"tail", b"-n", b"+1", b"-F", SAFE.encode()]


def lost(lab: Lab, node: int, acknowledged: list[int]) -> list[str]:
    """Return what is wrong with the records on the volume."""
    code = Path(writer.__file__).read_text(encoding="utf-8")
    words = ("python3", "-IS", "-c", code, VOLUME, "0", writer.RECORDS)
    return writer.examine(os.fsencode(lab.run(node, words, check=True).stdout), acknowledged)


def install_consumer(guest: Guest) -> None:
    guest.sh(CONSUMER)
    guest.run("tee", WRITER, stdin=Path(writer.__file__).read_bytes())


def test_on_one_server_who_has_it_open_is_named_and_nothing_is_taken_from_it(guest: Guest) -> None:
    guest.sh(PREPARE)
    guest.sh(OPEN)
    pid = guest.run("cat", "/run/opener").stdout.strip()
    guest.run("lvmkit", "-q", "create", VOLUME)
    assert states(guest, TAG)[TAG] == ("ISP", "")
    for refused in (
        guest.run("lvmkit", "out-of-service", VG, check=False),
        action(guest, "lvmlv", "remove", TAG),
        action(guest, "lvmvg", "remove", VG),
    ):
        assert refused.returncode != 0
        assert "110021" in numbers(refused)
        assert f"process {pid} (python3)" in refused.stderr
    assert held(guest, VG) == ["rawvg-log"]
    guest.run("kill", pid)
    guest.run("lvmkit", "-q", "out-of-service", VG)
    assert held(guest, VG) == []
    guest.run("lvmkit", "-q", "in-service", TAG)
    assert held(guest, VG) == ["rawvg-log"]


def test_of_a_raw_device_it_is_said_that_its_driver_is_gone(guest: Guest) -> None:
    refused = guest.run("lvmkit", "create", "/dev/raw/raw1", check=False)
    assert refused.returncode != 0
    assert "110423" in numbers(refused)


@pytest.mark.cluster
def test_in_a_cluster_a_raw_consumer_fails_over_with_every_record(cluster: Cluster) -> None:
    node1, node2 = cluster.guest(1), cluster.guest(2)
    for node in (node1, node2):
        install_consumer(node)
    node1.sh(PREPARE)
    node1.run("lvmkit", "create", VOLUME, timeout=PATIENCE)
    for words in (
        ("ins_create", "-a", "records", "-r", "rawlog", "-t", "log", "-i", VOLUME),
        ("dep_create", "-p", "log", "-c", TAG),
        ("perform_action", "-t", "log", "-a", "restore"),
    ):
        node1.run(f"/opt/LifeKeeper/bin/{words[0]}", *words[1:], timeout=PATIENCE)
    node1.run("lvmkit", "extend", "log", "--to", "node2", timeout=PATIENCE)
    first = Told(cluster.lab, 1, SAFE).start().more(20)
    node1.run("lvmkit", "in-service", "log", "--on", "node2", timeout=PATIENCE)
    second = Told(cluster.lab, 2, SAFE).start().more(20)
    first.stop()
    assert lost(cluster.lab, 2, first.acknowledged + second.acknowledged) == []
    cluster.lab.kill(2)
    cluster.wait(lambda it: it.running("lvmkit-log") == ("node1",), node=1, deadline=400.0)
    second.stop()
    third = Told(cluster.lab, 1, SAFE).start().more(20)
    third.stop()
    assert lost(cluster.lab, 1, first.acknowledged + second.acknowledged + third.acknowledged) == []
    assert cluster.lab.cluster_status(1).fenced == {"node2"}


@pytest.mark.cluster
def test_in_a_cluster_who_has_it_open_by_hand_is_named_before_anything_is_stopped(cluster: Cluster) -> None:
    node1 = cluster.guest(1)
    node1.sh(PREPARE)
    node1.run("lvmkit", "create", VOLUME, timeout=PATIENCE)
    node1.run("lvmkit", "extend", TAG, "--to", "node2", timeout=PATIENCE)
    node1.sh(OPEN)
    pid = node1.run("cat", "/run/opener").stdout.strip()
    for words in (("out-of-service", TAG), ("in-service", TAG, "--on", "node2")):
        refused = node1.run("lvmkit", *words, check=False, timeout=PATIENCE)
        assert "110021" in numbers(refused)
        assert f"process {pid} (python3)" in refused.stderr
    assert cluster.lab.cluster_status(1).running("lvmkit-rawvg_2flog") == ("node1",)
    assert cluster.lab.cluster_status(1).fenced == set()

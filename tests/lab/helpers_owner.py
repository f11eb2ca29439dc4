"""What the tests share in which an administrator, or a failure, has left a volume group up where nobody expects it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from lab.audit import Cluster
from lab.guests.errors import LabError
from lab.guests.lab import Result
from lab.helpers_protected import MOUNT, NODES, VG

GROUP, ROOT = "lvmkit-my-vg.1", "lvmkit-_2fsrv_2fdb"
"""what Pacemaker calls the volume group and the first file system"""
AS_OWNER = ("--config", "global/system_id_source=uname")
"""without a system ID of its own, which Debian's lvm.conf gives to no host, LVM hides a group that has an owner"""
UP_BY_HAND = f"vgchange -qq -ay {VG} {' '.join(AS_OWNER)}; mount /dev/{VG}/db {MOUNT}"
DOWN_BY_HAND = f"umount {MOUNT}; vgchange -qq -an {VG} {' '.join(AS_OWNER)}"
SLOW_LVM = """
[ -e /usr/sbin/lvm.real ] || mv /usr/sbin/lvm /usr/sbin/lvm.real
cat > /usr/sbin/lvm <<'END'
#!/bin/bash
case " $* " in *" -ay "*|*" --activate y "*)
    exec 9<> <(:)
    read -r -t @SECONDS@ -u 9
    exec 9>&-
esac
exec -a "${0##*/}" /usr/sbin/lvm.real "$@"
END
chmod 755 /usr/sbin/lvm
"""
"""an LVM that needs so many seconds before it activates; one process all the time, as a slow LVM is"""
_ERROR = re.compile(r"ERROR\b.*?\b(\d{6})\b")


def mapped(cluster: Cluster, node: int) -> bool:
    """Return whether a server's kernel has a device of the volume group."""
    return VG in cluster.guest(node).run("dmsetup", "ls").stdout.replace("--", "-")


def is_refused(done: Result, *words: str) -> None:
    """Assert that a command has failed with a numbered message which has these words in it."""
    assert done.returncode != 0, done
    assert _ERROR.search(done.stderr), done.stderr
    assert [word for word in words if word not in done.stderr] == [], done.stderr


def errors_logged(cluster: Cluster, node: int) -> str:
    """Return the lines with a numbered error that the kit's agents have left in a server's journal."""
    log = cluster.guest(node).run("journalctl", "--no-pager", "-o", "cat", "-b", timeout=120.0).stdout
    return "\n".join(line for line in log.splitlines() if _ERROR.search(line))


def never(cluster: Cluster, node: int, *, seconds: float) -> None:
    """Assert that a server's kernel has nothing of the group, and goes on having nothing for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not mapped(cluster, node), f"node{node} has activated what another server holds"
        time.sleep(1)


def wait_for_failed_start(cluster: Cluster, node: int, *, deadline: float = 240.0) -> None:
    """Wait until Pacemaker has tried to start the group on a server and failed; succeeding fails the test."""
    name = NODES[node - 1]

    def failed() -> bool:
        assert not mapped(cluster, node), f"{name} has activated what another server holds"
        status = cluster.guest(node).run("crm_mon", "-1", "--inactive", "-f", timeout=60.0).stdout
        return re.search(rf"{re.escape(GROUP)}(_start_0| start) on {name}\b", status) is not None

    wait_until(failed, deadline=deadline)


def wait_until(accept: Callable[[], bool], *, deadline: float) -> None:
    """Wait until `accept` says yes; a guest that does not answer says no."""
    end = time.monotonic() + deadline
    while True:
        try:
            if accept():
                return
        except LabError:
            pass
        assert time.monotonic() < end, f"not so in {deadline:.0f} s"
        time.sleep(1)


def is_up_on(cluster: Cluster, node: int, *, deadline: float = 300.0) -> None:
    """Wait until the group and the file system are in service on a server, as that server's Pacemaker says."""
    name = NODES[node - 1]
    cluster.wait(lambda it: all(it.running(r) == (name,) for r in (GROUP, ROOT)), node=node, deadline=deadline)

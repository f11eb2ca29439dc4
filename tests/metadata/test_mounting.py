"""File systems that are really mounted, on loop devices, in a mount namespace of the test's own."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.storage.run import run
from tests.metadata.conftest import DEADLINE

if TYPE_CHECKING:
    from tests.metadata.conftest import Host

LIBRARY = Path(__file__).parents[2] / "lib"
BLKID, MKFS, PYTHON, UNSHARE = "/usr/sbin/blkid", "/usr/sbin/mkfs.ext4", "/usr/bin/python3", "/usr/bin/unshare"
PRELUDE = f"""
import json, os, subprocess, sys
sys.path.insert(0, {str(LIBRARY)!r})
from lvmkit.host import Host
from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.messages import Failure
from lvmkit.model.settings import Paths, Settings
from lvmkit.resources import filesys
from lvmkit.storage import mountinfo
folder, device, uuid = sys.argv[1:]
told = []
host = Host(Paths(run=folder + "/run"), Settings(), lambda message: told.append(message.number))
os.makedirs(folder + "/srv/real")
os.symlink("real", folder + "/srv/link")
real, link, copy = folder + "/srv/real/db", folder + "/srv/link/db", folder + "/srv/copy"
def facts(point=real, options="rw,noatime", uuid=uuid):
    return FilesystemFacts("fs", point, device, "ext4", options, uuid)
def done(verb, *given, **more):
    try:
        return verb(*given, host, **more).partition(",")[0]
    except Failure as failure:
        return [message.number for message in failure.messages]
def check(given):
    return [message.number for message in filesys.check(given, host).messages]
def mounted():
    return [(m.mount_point[len(folder) + 4:], m.type) for m in mountinfo.mounts() if m.mount_point.startswith(folder)]
def sh(*words):
    subprocess.run(words, check=True)
"""


@pytest.fixture
def disk(host: Host) -> tuple[str, str]:
    """A device with a file system, and its UUID."""
    (device,) = host.add_disks(1)
    host.lvm_free(MKFS, "-q", device)
    return device, host.lvm_free(BLKID, "-p", "-o", "value", "-s", "UUID", device).strip()


def said(disk: tuple[str, str], folder: Path, code: str) -> Any:
    """What Python with the kit assigns to `answer` in a mount namespace of its own."""
    program = PRELUDE + textwrap.dedent(code) + "\nprint(json.dumps(answer))\n"
    argv = (UNSHARE, "-m", "--propagation", "private", PYTHON, "-IS", "-c", program, str(folder), *disk)
    answer = run(argv, deadline=DEADLINE)
    assert answer.status == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_link_on_the_way_is_followed_by_all(disk: tuple[str, str], tmp_path: Path) -> None:
    assert said(disk, tmp_path, """
        answer = [check(facts(link)), done(filesys.restore, facts(link)), mounted(), check(facts(link))]
        answer += [done(filesys.restore, facts(link)), done(filesys.remove, facts(link)), mounted()]
        """) == [[110049], "mounted", [["/real/db", "ext4"]], [], "already mounted", "unmounted", []]  # fmt: skip


@pytest.mark.parametrize("where", ["real", "folder + '/srv/real'"])
def test_what_lies_over_it_is_seen_and_left_alone(disk: tuple[str, str], tmp_path: Path, where: str) -> None:
    assert said(disk, tmp_path, f"""
        first = done(filesys.restore, facts())
        sh("mount", "-t", "tmpfs", "none", {where})
        answer = [first, check(facts()), done(filesys.restore, facts()), done(filesys.remove, facts()), len(mounted())]
        """) == ["mounted", [110311], [110311], [110311], 2]  # fmt: skip


def test_a_stop_for_a_cluster_unmounts_what_is_over_it_and_its_other_places(
    disk: tuple[str, str], tmp_path: Path
) -> None:
    assert said(disk, tmp_path, """
        done(filesys.restore, facts())
        os.mkdir(copy)
        sh("mount", "--bind", real, copy)
        sh("mount", "-t", "tmpfs", "none", real)
        answer = [len(mounted()), done(filesys.remove, facts(), with_all_below=True), mounted(), told.count(110035)]
        """) == [3, "unmounted", [], 2]  # fmt: skip


def test_another_place_is_named_by_a_script(disk: tuple[str, str], tmp_path: Path) -> None:
    assert said(disk, tmp_path, """
        done(filesys.restore, facts())
        os.mkdir(copy)
        sh("mount", "--bind", real, copy)
        answer = [check(facts()), done(filesys.remove, facts()), mounted(), done(filesys.restore, facts()), mounted()]
        """) == [[], [110030], [["/copy", "ext4"]], "mounted", [["/copy", "ext4"], ["/real/db", "ext4"]]]  # fmt: skip


def test_a_write_protected_device_is_mounted_only_where_it_is_to_be_read(disk: tuple[str, str], tmp_path: Path) -> None:
    assert said(disk, tmp_path, """
        sh("/usr/sbin/blockdev", "--setro", device)
        answer = [done(filesys.restore, facts()), mounted(), done(filesys.restore, facts(options="ro"))]
        answer += [check(facts(options="ro")), check(facts()), done(filesys.remove, facts())]
        sh("/usr/sbin/blockdev", "--setrw", device)
        answer += [done(filesys.restore, facts())]
        """) == [[110313], [], "mounted", [], [110313], "unmounted", "mounted"]  # fmt: skip


def test_another_file_system_on_the_device_is_not_mounted(disk: tuple[str, str], tmp_path: Path) -> None:
    assert said(disk, tmp_path, """
        other = "0" + uuid[1:] if uuid[0] != "0" else "1" + uuid[1:]
        answer = [done(filesys.restore, facts(uuid=other)), mounted(), done(filesys.restore, facts())]
        """) == [[110314], [], "mounted"]  # fmt: skip


def test_an_error_counts_for_its_own_mount_also_where_nobody_noted_the_start(
    disk: tuple[str, str], tmp_path: Path
) -> None:
    assert said(disk, tmp_path, """
        import time
        trigger = "/sys/fs/ext4/" + os.path.basename(device) + "/trigger_fs_error"
        def mount_by_hand():
            sh("mount", "-o", "errors=continue", device, real)
            return check(facts())
        os.makedirs(real)
        answer = [mount_by_hand()]
        with open(trigger, "w") as file:
            file.write("1")
        time.sleep(0.5)  # the kernel counts it in a work of its own
        answer += [check(facts())]
        sh("umount", real)
        time.sleep(2.1)
        answer += [mount_by_hand()]
        sh("umount", real)
        """) == [[], [110316], []]  # fmt: skip


LOOK = """
        from lvmkit.model.value import replace
        from lvmkit.resources import reading
        def look(kind="ext4", deadline=1.0):
            (mount,) = [m for m in mountinfo.mounts() if m.mount_point == real]
            asked = replace(mount, type=kind)
            question = reading.Questions(filesystems=(asked,), written_to=(asked,))
            faults = reading.filesystem_faults(asked, reading.Answers([question], folder + "/run", deadline))
            return [message.number for message in faults]
        """
FROZEN_OR_NOT = (
    LOOK
    + """
        import threading, time
        def freeze():
            sh("/usr/sbin/fsfreeze", "--freeze", real)
        def thaw():
            sh("/usr/sbin/fsfreeze", "--unfreeze", real)
        done(filesys.restore, facts())
        """
)


@pytest.mark.parametrize("kind", ["ext4", "any other"])
def test_a_freeze_is_seen_and_keeps_no_unmount_from_its_work(disk: tuple[str, str], tmp_path: Path, kind: str) -> None:
    assert said(disk, tmp_path, FROZEN_OR_NOT + f"""
        answer = [look({kind!r})]
        freeze()
        answer += [look({kind!r}), look({kind!r})]
        thaw()
        answer += [look({kind!r}, 5.0)]
        freeze()
        answer += [look({kind!r}), done(filesys.remove, facts()), told.count(110318), mounted()]
        """) == [[], [110353], [110353], [], [110353], "unmounted", 1, []]  # fmt: skip


@pytest.mark.parametrize("kind", ["ext4", "any other"])
def test_a_short_freeze_is_no_fault(disk: tuple[str, str], tmp_path: Path, kind: str) -> None:
    assert said(disk, tmp_path, FROZEN_OR_NOT + f"""
        freeze()
        later = threading.Timer(1.0, thaw)
        later.start()
        answer = look({kind!r}, 10.0)
        """) == []  # fmt: skip


def test_who_waits_to_write_to_a_frozen_file_system_does_not_keep_it_mounted(
    disk: tuple[str, str], tmp_path: Path
) -> None:
    assert said(disk, tmp_path, FROZEN_OR_NOT + """
        with open(real + "/file", "w"):
            pass
        freeze()
        appended, made = f"date >> {real}/file", f"date > {real}/new"
        writers = [subprocess.Popen(["/bin/sh", "-c", line]) for line in (appended, made)]
        time.sleep(0.5)
        answer = [done(filesys.remove, facts()), told.count(110318), mounted()]
        for writer in writers:
            writer.wait()
        """) == ["unmounted", 1, []]  # fmt: skip


def test_a_disk_that_takes_no_writes_shows_at_a_deep_check_though_reads_succeed(
    disk: tuple[str, str], tmp_path: Path
) -> None:
    assert said(disk, tmp_path, LOOK + """
        below = folder + "/below"
        os.mkdir(below)
        sh("mount", "-t", "tmpfs", "-o", "size=16m", "none", below)
        with open(below + "/image", "wb") as image:
            image.truncate(64 << 20)
        sh("/usr/sbin/mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", image.name)
        os.makedirs(real)
        sh("mount", "-o", "loop,errors=continue", image.name, real)
        answer = [look()]
        subprocess.run(("/bin/sh", "-c", f"cat /dev/zero > {below}/rest 2> /dev/null"))
        with open(real + "/more", "wb") as more:
            more.write(os.urandom(1 << 20))
        os.sync()
        answer += [look()]
        """) == [[], [110315]]  # fmt: skip


def test_a_deep_check_leaves_no_attribute_and_no_change(disk: tuple[str, str], tmp_path: Path) -> None:
    assert said(disk, tmp_path, LOOK + """
        done(filesys.restore, facts())
        before = os.stat(real)
        answer = [look(), os.listxattr(real), os.stat(real) == before]
        """) == [[], [], True]  # fmt: skip


def test_a_deep_check_of_a_frozen_ext4_without_a_journal_keeps_no_unmount_from_its_work(
    disk: tuple[str, str], tmp_path: Path
) -> None:
    assert said(disk, tmp_path, FROZEN_OR_NOT + """
        sh("umount", real)
        sh("/usr/sbin/mkfs.ext4", "-q", "-F", "-O", "^has_journal", device)
        sh("mount", device, real)
        freeze()
        answer = [look(), subprocess.run(("umount", real)).returncode]
        if answer[1] == 0:
            sh("mount", device, real)  # it stays frozen until it is thawed
        thaw()
        """) == [[], 0]  # fmt: skip

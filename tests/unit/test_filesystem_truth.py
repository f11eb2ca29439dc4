"""Where a file system is mounted, and on which device, is what the kernel says now: by script and agent alike."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.host import Host
from lvmkit.model import names
from lvmkit.model.messages import OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS
from lvmkit.model.messages.faults import MountedReadOnly, NotMounted
from lvmkit.model.messages.mounts import (
    AutomountInTheWay,
    BecameWriteProtected,
    MountCovered,
    NotTheVolume,
    OtherFilesystem,
    WriteProtected,
)
from lvmkit.model.messages.service import (
    Begin,
    EndFailed,
    MountFailed,
    MountPointTaken,
    UnmountedBelow,
    UnmountFailed,
)
from lvmkit.model.settings import Settings
from lvmkit.resources import dispatch
from lvmkit.storage import mountinfo
from lvmkit.workflow.bystanders import bystanders
from tests.unit.one_server import DONE, POINT, Server

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

    from lvmkit.model.messages import Message
    from tests.unit.machine import Answer, Mapped

COPY, WWW = "/srv/copy", "/dev/vg1/www"
OURS, THEIRS = "f218ec6f-481a-4814-963b-fb110e2b1719", "00000000-481a-4814-963b-fb110e2b1719"


class Mounting(Server):
    """The same server, with a closer look at what is mounted."""

    def agent(self, action: str, **more: str) -> Answer:
        volume = next(lv for lv in self.group.volumes if lv.name == "data")
        given = {"device": "/dev/vg1/data", "directory": POINT, "fstype": "ext4", "options": "rw,noatime"}
        identity = {"vg_uuid": self.group.uuid, "lv_uuid": volume.uuid}
        return self.machine.agent("filesys", action, "fs", **{**given, **identity, **more})

    def volume(self, name: str = "data") -> Mapped:
        return next(device for device in self.machine.dm.devices.values() if device.name == f"vg1-{name}")

    def points(self) -> list[tuple[str, str]]:
        """(mount point, type) of everything that is mounted."""
        return [(mount.point, mount.kind) for mount in self.machine.mounts]

    def programs(self) -> list[str]:
        return [argv[0].rpartition("/")[2] for argv in self.machine.ran]

    def copy(self, point: str = COPY, root: str = "/") -> None:
        """Mount the same file system at another place."""
        self.machine.add_mount(point, self.volume().number, "ext4", "/dev/mapper/vg1-data", root=root)

    def is_refused(self, answer: Answer, message: type[Message]) -> bool:
        """Whether a script failed for this reason and no other."""
        return (answer.code, answer.said) == (1, [Begin.number, message.number, EndFailed.number])

    def become_a_link(self) -> None:
        """The folder of the mount point moves, and a link takes its place."""
        os.rename(self.machine.real(POINT), self.machine.real("/srv/moved"))
        os.symlink("moved", self.machine.real(POINT))

    def swap_node_at_mount(self, event: str) -> None:
        """For machine.watch: the volume's node becomes another volume's while mount(8) begins."""
        if event.startswith("/usr/bin/mount "):
            self.machine.put_node("/dev/mapper/vg1-data", self.volume("www").number)


@pytest.fixture
def server(tmp_path: Path) -> Mounting:
    server = Mounting(tmp_path)
    server.forget()
    return server


@pytest.fixture
def unmounted(server: Mounting) -> Mounting:
    server.unmount()
    return server


class TestLink:
    def test_a_mount_point_that_is_a_link_is_mounted_checked_and_unmounted(self, unmounted: Mounting) -> None:
        unmounted.become_a_link()
        assert unmounted("quickCheck", "filesys", "/data").said == [NotMounted.number]
        assert unmounted("restore", "filesys", "/data").said == DONE
        assert unmounted.points() == [("/srv/moved", "ext4")]
        assert unmounted("quickCheck", "filesys", "/data").code == 0
        assert unmounted.agent("monitor").code == OCF_SUCCESS
        assert "already mounted" in unmounted("restore", "filesys", "/data").err
        assert unmounted("remove", "filesys", "/data").said == DONE
        assert unmounted.points() == []
        assert unmounted.programs() == ["mount", "umount"]
        assert unmounted.agent("monitor").code == OCF_NOT_RUNNING

    def test_a_folder_above_it_may_be_a_link(self, unmounted: Mounting) -> None:
        os.makedirs(unmounted.machine.real("/srv/real/db"))
        os.symlink("real", unmounted.machine.real("/srv/link"))
        for action, mounted in (("start", ["/srv/real/db"]), ("monitor", ["/srv/real/db"]), ("stop", [])):
            assert unmounted.agent(action, directory="/srv/link/db").code == OCF_SUCCESS
            assert [point for point, _ in unmounted.points()] == mounted

    def test_its_mount_is_no_bystander_of_its_own_move(self, unmounted: Mounting) -> None:
        unmounted.become_a_link()
        assert unmounted("restore", "filesys", "/data").code == 0
        with unmounted.machine.running():
            protected = Engine(unmounted.machine.paths, Settings()).hierarchy()
            assert bystanders(protected.tags, protected, frozenset) == ()
            unmounted.copy()
            named = [message.as_dict()["holders"] for message in bystanders(protected.tags, protected, frozenset)]
            assert named == [(f"mount {COPY}",)]

    def test_what_is_at_the_end_of_the_link_already_is_not_touched(self, unmounted: Mounting) -> None:
        unmounted.become_a_link()
        unmounted.machine.add_mount("/srv/moved", "0:50", "tmpfs", "none")
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), MountPointTaken)
        assert unmounted("remove", "filesys", "/data").code == 0
        assert unmounted.points() == [("/srv/moved", "tmpfs")]

    def test_what_is_at_the_end_of_the_link_is_why_a_recovery_would_not_help(self, unmounted: Mounting) -> None:
        unmounted.become_a_link()
        unmounted.machine.add_mount("/srv/moved", "0:50", "tmpfs", "none")
        with unmounted.machine.running():
            hierarchy = Engine(unmounted.machine.paths, Settings()).hierarchy()
            host = Host(unmounted.machine.paths, Settings(), lambda _message: None)
            (filesystem,) = hierarchy.of_tags(("/data",))
            (obstacle,) = dispatch.obstacles(filesystem, hierarchy, host)
        assert obstacle == MountPointTaken(POINT, "tmpfs", "/dev/vg1/data")


class TestCovered:
    @pytest.mark.parametrize("where", [POINT, "/srv"])
    def test_what_hides_it_is_seen_and_the_script_touches_neither(self, server: Mounting, where: str) -> None:
        server.machine.add_mount(where, "0:50", "tmpfs", "none")
        before = server.points()
        check = server("quickCheck", "filesys", "/data")
        assert (check.code, check.said) == (1, [MountCovered.number])
        assert f"tmpfs was mounted over it on {where}" in check.err
        monitor = server.agent("monitor")
        assert (monitor.code, monitor.reason) == (OCF_ERR_GENERIC, MountCovered.number)
        assert server.is_refused(server("restore", "filesys", "/data"), MountCovered)
        assert server.is_refused(server("remove", "filesys", "/data"), MountCovered)
        assert (server.points(), server.programs()) == (before, [])

    def test_who_uses_what_hides_it_is_not_signalled_by_a_script_that_is_refused(self, server: Mounting) -> None:
        server.machine.add_mount(POINT, "0:50", "tmpfs", "none")
        server.machine.start_process(77, "builder", POINT)
        assert server.is_refused(server("remove", "filesys", "/data"), MountCovered)
        assert server.machine.killed == []

    def test_the_agent_s_stop_unmounts_what_is_on_it_because_the_server_would_be_fenced(self, server: Mounting) -> None:
        for number in ("0:50", "0:51"):
            server.machine.add_mount(POINT, number, "tmpfs", "none")
        stopped = server.agent("stop")
        assert (stopped.code, server.points()) == (OCF_SUCCESS, [])
        assert stopped.said.count(UnmountedBelow.number) == 2

    def test_the_agent_s_stop_never_unmounts_what_is_not_on_it(self, server: Mounting) -> None:
        server.machine.add_mount("/srv", "0:50", "tmpfs", "none")
        server.machine.add_mount(POINT, "0:51", "tmpfs", "none")
        before = server.points()
        stopped = server.agent("stop")
        assert (stopped.code, stopped.reason) == (OCF_ERR_GENERIC, MountCovered.number)
        assert (server.points(), server.programs()) == (before, [])

    def test_nor_what_comes_to_lie_over_it_meanwhile(self, server: Mounting) -> None:
        server.machine.add_mount(POINT, "0:50", "tmpfs", "none")
        others: list[tuple[str, str]] = []

        def hide(event: str) -> None:
            if event == f"umount {POINT}" and not others:
                others.extend((("/srv", "tmpfs"), (POINT, "tmpfs")))
                for number, (point, kind) in enumerate(others, 51):
                    server.machine.add_mount(point, f"0:{number}", kind, "none")

        server.machine.watch = hide
        stopped = server.agent("stop")
        assert (stopped.code, stopped.reason) == (OCF_ERR_GENERIC, MountCovered.number)
        assert server.points() == [(POINT, "ext4"), *others]


class TestSeveralMounts:
    def test_another_place_is_no_fault(self, server: Mounting) -> None:
        server.copy()
        server.copy("/srv/part", root="/part")
        assert server("quickCheck", "filesys", "/data").code == 0
        assert "already mounted" in server("restore", "filesys", "/data").err

    def test_a_script_says_where_it_is_mounted_still(self, server: Mounting) -> None:
        server.copy()
        removed = server("remove", "filesys", "/data")
        assert server.is_refused(removed, UnmountFailed)
        assert f"still mounted on {COPY}" in removed.err
        assert server.points() == [(COPY, "ext4")]

    def test_the_agent_s_stop_unmounts_all_places(self, server: Mounting) -> None:
        server.copy()
        server.copy("/srv/part", root="/part")
        server.machine.start_process(77, "exporter", COPY)
        stopped = server.agent("stop")
        assert (stopped.code, server.points()) == (OCF_SUCCESS, [])
        assert stopped.said.count(UnmountedBelow.number) == 2

    def test_what_covers_another_place_is_not_unmounted(self, server: Mounting) -> None:
        server.copy()
        server.machine.add_mount(COPY, "0:50", "tmpfs", "none")
        stopped = server.agent("stop")
        assert (stopped.code, stopped.reason) == (OCF_ERR_GENERIC, UnmountFailed.number)
        assert server.points() == [(COPY, "ext4"), (COPY, "tmpfs")]

    def test_what_is_mounted_elsewhere_only_is_mounted_at_its_place_again(self, unmounted: Mounting) -> None:
        unmounted.copy()
        assert unmounted("quickCheck", "filesys", "/data").said == [NotMounted.number]
        assert unmounted("remove", "filesys", "/data").said == DONE
        assert unmounted("restore", "filesys", "/data").said == DONE
        assert unmounted.points() == [(COPY, "ext4"), (POINT, "ext4")]

    def test_a_stop_takes_all_that_are_over_each_other(self, server: Mounting) -> None:
        server.copy(POINT)
        assert server("quickCheck", "filesys", "/data").code == 0
        assert server("remove", "filesys", "/data").said == DONE
        assert server.points() == []

    def test_of_those_that_are_over_each_other_the_one_that_is_met_counts(self, server: Mounting) -> None:
        """One that was mounted later may lie beneath (mount(8), --beneath)."""
        server.copy(POINT)
        upper, lower = server.machine.mounts
        upper.parent, lower.parent = lower.id, 1
        lower.options = "ro"
        server.machine.fail_filesystem(POINT)
        assert server("quickCheck", "filesys", "/data").code == 0

    def test_links_are_followed_only_where_the_table_does_not_say_it_all(
        self, server: Mounting, mocker: MockerFixture
    ) -> None:
        followed = mocker.spy(mountinfo, "real")
        assert server("quickCheck", "filesys", "/data").code == 0
        server.unmount()
        assert server("quickCheck", "filesys", "/data").said == [NotMounted.number]
        followed.assert_not_called()

    def test_a_folder_of_it_at_the_mount_point_is_something_else(self, unmounted: Mounting) -> None:
        unmounted.copy(POINT, root="/part")
        assert unmounted("quickCheck", "filesys", "/data").said == [NotMounted.number]
        refused = unmounted("restore", "filesys", "/data")
        assert unmounted.is_refused(refused, MountPointTaken)
        assert "vg1-data[/part] (ext4)" in refused.err


class TestAutomount:
    def test_an_automount_of_systemd_is_named_with_its_unit(self, unmounted: Mounting) -> None:
        unmounted.machine.add_mount(POINT, "0:50", "autofs", "systemd-1")
        refused = unmounted("restore", "filesys", "/data")
        assert unmounted.is_refused(refused, AutomountInTheWay)
        assert "(srv-data.automount)" in refused.err
        assert unmounted.agent("start").reason == AutomountInTheWay.number
        assert unmounted.programs() == []

    @pytest.mark.parametrize(("kind", "source"), [("autofs", "/etc/auto.misc"), ("tmpfs", "systemd-1")])
    def test_what_only_looks_like_one_has_the_mount_point(self, unmounted: Mounting, kind: str, source: str) -> None:
        unmounted.machine.add_mount(POINT, "0:50", kind, source)
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), MountPointTaken)

    def test_what_was_mounted_over_an_automount_is_checked_and_stopped(self, unmounted: Mounting) -> None:
        unmounted.machine.add_mount(POINT, "0:50", "autofs", "systemd-1")
        unmounted.copy(POINT)
        assert unmounted("quickCheck", "filesys", "/data").code == 0
        assert unmounted("remove", "filesys", "/data").said == DONE
        assert unmounted.points() == [(POINT, "autofs")]
        assert unmounted("remove", "filesys", "/data").said == DONE


class TestWriteProtected:
    def test_it_is_not_mounted_read_only_in_silence(self, unmounted: Mounting) -> None:
        unmounted.machine.set_write_protected("vg1/data")
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), WriteProtected)
        assert unmounted.agent("start").reason == WriteProtected.number
        assert (unmounted.points(), unmounted.programs()) == ([], [])

    def test_what_the_kernel_makes_read_only_while_it_is_mounted_is_no_success(self, unmounted: Mounting) -> None:
        def mount(*_: object) -> tuple[int, str, str]:
            unmounted.machine.mount_at(POINT, "vg1/data")
            unmounted.machine.set_read_only(POINT)
            return 0, "", ""

        unmounted.machine.programs["/usr/bin/mount"] = mount
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), MountedReadOnly)

    def test_what_is_recorded_as_read_only_is_mounted(self, unmounted: Mounting) -> None:
        unmounted.machine.set_write_protected("vg1/data")
        for action in ("start", "monitor"):
            assert unmounted.agent(action, options="ro,noatime").code == OCF_SUCCESS

    def test_a_volume_that_becomes_so_is_warned_of_and_does_not_come_back_as_if_well(self, server: Mounting) -> None:
        server.machine.set_write_protected("vg1/data")
        check = server("quickCheck", "filesys", "/data")
        assert (check.code, check.said) == (0, [BecameWriteProtected.number])
        assert server("remove", "filesys", "/data").code == 0
        assert server.is_refused(server("restore", "filesys", "/data"), WriteProtected)
        server.machine.set_write_protected("vg1/data", False)
        assert server("restore", "filesys", "/data").code == 0

    def test_a_mount_that_became_read_only_because_of_it_is_a_fault(self, server: Mounting) -> None:
        server.machine.set_write_protected("vg1/data")
        server.machine.set_read_only(POINT)
        check = server("quickCheck", "filesys", "/data")
        assert (check.code, check.said) == (1, [WriteProtected.number])

    def test_a_disk_that_is_write_protected_is_the_reason_why_the_mount_fails(self, unmounted: Mounting) -> None:
        unmounted.machine.programs["/usr/bin/mount"] = lambda *_: (32, "", "mount: can't read superblock.\n")
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), MountFailed)
        (number, *_) = unmounted.volume().below
        with open(unmounted.machine.real(f"/sys/dev/block/{number}/ro"), "w", encoding="ascii") as attribute:
            attribute.write("1\n")
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), WriteProtected)


class TestDevice:
    @pytest.mark.parametrize("paths", [["/dev/vg1/data"], ["/dev/vg1/data", "/dev/mapper/vg1-data"]])
    def test_another_node_in_its_place_is_not_mounted_but_the_volume_is(
        self, unmounted: Mounting, paths: list[str]
    ) -> None:
        for path in paths:
            unmounted.machine.put_node(path, unmounted.volume("www").number)
        assert unmounted("restore", "filesys", "/data").said == DONE
        assert [mount.number for mount in unmounted.machine.mounts] == [unmounted.volume().number]
        assert unmounted("quickCheck", "filesys", "/data").code == 0
        assert unmounted("remove", "filesys", "/data").said == DONE
        assert unmounted.points() == []

    def test_a_volume_without_any_node_is_not_taken_for_one_that_is_down(self, unmounted: Mounting) -> None:
        number = unmounted.volume().number
        for path in [path for path, each in unmounted.machine.nodes.items() if each == number]:
            unmounted.machine.put_node(path, unmounted.volume("www").number)
        refused = unmounted("restore", "filesys", "/data")
        assert unmounted.is_refused(refused, MountFailed)
        assert f"no node below /dev is its device {number}" in refused.err

    def test_nothing_is_mounted_where_only_another_device_is_there(self, unmounted: Mounting) -> None:
        unmounted.machine.by_hand("lvchange", "-an", "vg1/data")
        down = unmounted("restore", "filesys", "/data")
        assert unmounted.is_refused(down, MountFailed)
        assert "its logical volume is not up" in down.err
        unmounted.machine.put_node("/dev/vg1/data", unmounted.volume("www").number)
        refused = unmounted("restore", "filesys", "/data")
        assert unmounted.is_refused(refused, NotTheVolume)
        assert "(vg1-www)" in refused.err
        without_uuids = unmounted.agent("start", vg_uuid="", lv_uuid="")
        assert without_uuids.reason == NotTheVolume.number
        unmounted.record.unlink()
        assert unmounted.agent("start", vg_uuid="", lv_uuid="").reason == NotTheVolume.number
        assert (unmounted.points(), unmounted.programs()) == ([], [])

    def test_a_node_that_changes_just_before_the_mount_is_no_success(self, unmounted: Mounting) -> None:
        unmounted.machine.watch = unmounted.swap_node_at_mount
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), NotTheVolume)
        assert (unmounted.points(), unmounted.programs()) == ([], ["mount", "umount"])

    def test_it_is_taken_back_also_where_the_mount_point_is_a_link(self, unmounted: Mounting) -> None:
        unmounted.become_a_link()
        unmounted.machine.watch = unmounted.swap_node_at_mount
        assert unmounted.is_refused(unmounted("restore", "filesys", "/data"), NotTheVolume)
        assert unmounted.points() == []

    def test_another_file_system_on_the_volume_is_not_mounted(self, unmounted: Mounting) -> None:
        for content in unmounted.machine.content_of(unmounted.volume()):
            content.uuid = THEIRS
        refused = unmounted.agent("start", uuid=OURS)
        assert (refused.code, refused.reason) == (OCF_ERR_GENERIC, OtherFilesystem.number)
        assert (unmounted.points(), unmounted.programs()) == ([], [])
        assert unmounted.agent("start", uuid=THEIRS).code == OCF_SUCCESS

    def test_a_disk_that_does_not_answer_holds_up_no_start(self, unmounted: Mounting) -> None:
        for disk in unmounted.disks:
            unmounted.machine.set_state(disk, "hangs")
        refused = unmounted.agent("start", uuid=OURS)
        assert refused.reason == MountFailed.number
        assert "did not answer a read" in refused.err
        assert unmounted.programs() == []

    def test_a_tmpfs_that_bears_the_name_of_the_device_is_not_the_file_system(self, unmounted: Mounting) -> None:
        unmounted.machine.add_mount(POINT, "0:50", "tmpfs", "/dev/vg1/data")
        assert unmounted("quickCheck", "filesys", "/data").said == [NotMounted.number]
        assert unmounted("remove", "filesys", "/data").code == 0
        assert unmounted.points() == [(POINT, "tmpfs")]


def test_what_has_the_mount_point_is_named_by_its_type_where_its_source_says_nothing(unmounted: Mounting) -> None:
    unmounted.machine.add_mount(POINT, "0:50", "tmpfs", "none")
    refused = unmounted("restore", "filesys", "/data")
    assert unmounted.is_refused(refused, MountPointTaken)
    assert f"{POINT} carries tmpfs, not /dev/vg1/data." in refused.err


@pytest.mark.parametrize(
    ("path", "unit"),
    [("/srv/db", "srv-db"), ("/srv/my-db x", r"srv-my\x2ddb\x20x"), ("/", "-"), ("/.a/.b", r"\x2ea-.b")],
)
def test_systemd_s_name_of_an_automount(path: str, unit: str) -> None:
    assert names.automount_unit(path) == f"{unit}.automount"

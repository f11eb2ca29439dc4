"""What an engine may rely on when it runs an action script: the exit code, what the kernel holds afterwards, what is
said, and which notes are kept. On a whole machine; nothing is known of how the scripts come to it.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.model import names
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.faults import (
    LvGone,
    LvSuspended,
    MountedReadOnly,
    NotMounted,
    PvGone,
    RecordLost,
)
from lvmkit.model.messages.guide import InvalidConstructorArgument, ResourceNotFound, TagAndIdMissing, UsageError
from lvmkit.model.messages.service import (
    AutoactivationUnchanged,
    Begin,
    EndFailed,
    EndSuccessful,
    LvBusy,
    LvsNotUp,
    LvsStillUp,
    MountPointTaken,
    PvsMissing,
    SignalledHolder,
    TakenDownWithoutLvm,
    VgExported,
    VgForeign,
    VgImpostor,
    VgNotFound,
)
from lvmkit.model.messages.storage import FileUnreadable
from lvmkit.storage import lkvgs
from tests.unit.machine import Machine, SharedDisk, make_group, uuid_of
from tests.unit.one_server import BOTH, DONE, POINT, Bare, Server

if TYPE_CHECKING:
    from tests.unit.machine import Metadata

RESOURCES = [
    ("lvmvg", "vg1", "lvmvg-vg1"), ("lvmlv", "vg1/data", "/dev/vg1/data"), ("filesys", "/data", POINT),
]  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


class TestQuickCheck:
    @pytest.mark.parametrize(("kind", "tag", "resource_id"), RESOURCES)
    def test_what_is_well_is_0_and_quiet_and_costs_no_process(
        self, server: Server, kind: str, tag: str, resource_id: str
    ) -> None:
        before = server.all_that_is()
        for given in ((tag, resource_id), (tag, ""), ("", resource_id)):
            answer = server("quickCheck", kind, *given)
            assert (answer.code, answer.out, answer.err, answer.logged) == (0, [], "", [])
        assert (server.machine.ran, server.machine.forked) == ([], 0)
        assert server.all_that_is() == before

    @pytest.mark.parametrize("given", [("vg1", "lvmvg-vg1"), ("", "lvmvg-vg1")])
    def test_a_group_with_a_record_is_well_whatever_became_of_the_database(
        self, server: Server, given: tuple[str, str]
    ) -> None:
        Path(server.machine.paths.database).write_text("garbage")
        answer = server("quickCheck", "lvmvg", *given)
        assert (answer.code, answer.err) == (0, "")

    @pytest.mark.parametrize("given", [("vg1", "lvmvg-vg1"), ("vg1", ""), ("", "lvmvg-vg1")])
    def test_a_volume_of_the_group_that_went_is_not_0_and_is_said(self, server: Server, given: tuple[str, str]) -> None:
        server.unmount()
        server.machine.dm.discard(next(d for d in server.machine.dm.devices.values() if d.name == "vg1-data"))
        answer = server("quickCheck", "lvmvg", *given)
        assert (answer.code, answer.said) == (1, [LvGone.number])
        assert "vg1/data" in answer.err

    @pytest.mark.parametrize("given", [("vg1/data", "/dev/vg1/data"), ("vg1/data", ""), ("", "/dev/vg1/data")])
    def test_the_check_of_a_volume_is_about_that_volume(self, server: Server, given: tuple[str, str]) -> None:
        server.unmount()
        server.machine.by_hand("lvchange", "-an", "vg1/www")
        assert server("quickCheck", "lvmlv", *given).code == 0
        server.machine.by_hand("lvchange", "-an", "vg1/data")
        answer = server("quickCheck", "lvmlv", *given)
        assert (answer.code, answer.said) == (1, [LvGone.number])

    @pytest.mark.parametrize("given", [("/data", POINT), ("/data", ""), ("", POINT)])
    def test_a_file_system_that_is_not_mounted_is_not_0(self, server: Server, given: tuple[str, str]) -> None:
        server.unmount()
        answer = server("quickCheck", "filesys", *given)
        assert (answer.code, answer.said) == (1, [NotMounted.number])

    def test_a_file_system_that_the_kernel_made_read_only_is_not_0(self, server: Server) -> None:
        server.machine.set_read_only(POINT)
        answer = server("quickCheck", "filesys", "/data")
        assert (answer.code, answer.said) == (1, [MountedReadOnly.number])

    def test_another_file_system_at_the_mount_point_is_not_ours(self, server: Server) -> None:
        server.unmount()
        server.machine.add_mount(POINT, "259:1", "tmpfs", "tmpfs")
        answer = server("quickCheck", "filesys", "/data")
        assert (answer.code, answer.said) == (1, [NotMounted.number])

    @pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
    def test_what_is_suspended_or_unreadable_is_not_in_service(self, server: Server, kind: str, tag: str) -> None:
        data = next(d for d in server.machine.dm.devices.values() if d.name == "vg1-data")
        data.suspended = True
        answer = server("quickCheck", kind, tag)
        assert (answer.code, answer.said) == (1, [LvSuspended.number])
        data.suspended, data.kind = False, "error"
        assert server("quickCheck", kind, tag).code == 1

    def test_a_disk_that_went_is_not_0(self, server: Server) -> None:
        server.machine.detach(server.disks[1])
        answer = server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1")
        assert (answer.code, answer.said) == (1, [PvGone.number])

    def test_another_disk_under_the_same_number_is_not_ours(self, server: Server) -> None:
        server.machine.detach(server.disks[1])
        server.machine.attach(SharedDisk("C"), "sdb")
        answer = server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1")
        assert (answer.code, answer.said) == (1, [PvGone.number])

    @pytest.mark.parametrize("broken", ["", "vg garbage\n", None])
    def test_without_a_record_the_protected_volumes_are_judged_all_the_same(
        self, server: Server, broken: str | None
    ) -> None:
        server.record.unlink()
        if broken is not None:
            server.record.write_text(broken)
        answer = server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1")
        assert (answer.code, answer.said) == (0, [RecordLost.number])
        server.unmount()
        server.machine.by_hand("lvchange", "-an", "vg1/data")
        answer = server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1")
        assert (answer.code, answer.said) == (1, [RecordLost.number, LvGone.number])

    @pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
    def test_a_record_of_another_group_says_nothing_of_ours(self, server: Server, kind: str, tag: str) -> None:
        other = SharedDisk("C")
        server.machine.attach(other)
        foreign = make_group("vg2", (other,), "data www")
        server.machine.by_hand("vgchange", "-ay", "vg2")
        text = server.record.read_text().replace(server.group.uuid, foreign.uuid)
        for ours, theirs in zip(server.group.volumes, foreign.volumes):
            text = text.replace(ours.uuid, theirs.uuid)
        server.record.write_text(text)
        assert server("quickCheck", kind, tag).code == 0
        server.unmount()
        server.machine.by_hand("vgchange", "-an", "vg1")
        answer = server("quickCheck", kind, tag)
        assert answer.code == 1
        assert LvGone.number in answer.said

    def test_the_group_s_own_record_counts_for_no_other_tag(self, server: Server) -> None:
        answer = server("quickCheck", "lvmvg", "other", "lvmvg-vg1")
        assert (answer.code, answer.said) == (1, [ResourceNotFound.number])

    def test_a_kernel_that_does_not_answer_is_never_well(self, server: Server) -> None:
        server.machine.dm.listing = False
        assert server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1").code == 1


class TestEveryAction:
    @pytest.mark.parametrize("action", ["restore", "remove", "remoteremove", "quickCheck", "delete"])
    @pytest.mark.parametrize(
        ("script", "tag", "resource_id"),
        [
            ("lvmvg", "vg1/data", ""), ("lvmvg", "/data", ""), ("lvmlv", "vg1", ""), ("lvmlv", "/data", ""),
            ("filesys", "vg1", ""), ("filesys", "vg1/data", ""), ("lvmvg", "", "/dev/vg1/data"),
            ("filesys", "", "/dev/vg1/data"), ("filesys", "disk-A", ""),
        ],
    )  # fmt: skip
    def test_a_resource_of_another_type_is_refused_and_nothing_changes(
        self, server: Server, action: str, script: str, tag: str, resource_id: str
    ) -> None:
        before = server.all_that_is()
        answer = server(action, script, tag, resource_id)
        assert (answer.code, answer.said) in (
            (1, [InvalidConstructorArgument.number]), (1, [ResourceNotFound.number]),
        )  # fmt: skip
        assert (server.all_that_is(), server.machine.ran) == (before, [])

    @pytest.mark.parametrize("action", ["restore", "remove", "remoteremove", "quickCheck", "delete"])
    @pytest.mark.parametrize(
        ("words", "number"),
        [
            ((), TagAndIdMissing.number),
            (("-t",), UsageError.number),
            (("-t", "vg1", "more"), UsageError.number),
            (("-x", "vg1"), UsageError.number),
            (("-t", "../x"), InvalidName.number),
            (("-t", "nothing"), ResourceNotFound.number),
            (("-i", "lvmvg-"), InvalidConstructorArgument.number),
            (("-t", "vg1", "-i", "lvmvg-vg2"), ResourceNotFound.number),
        ],
    )
    def test_wrong_words_are_refused_and_nothing_changes(
        self, server: Server, action: str, words: tuple[str, ...], number: int
    ) -> None:
        before = server.all_that_is()
        answer = server.machine.action("lvmvg", action, "", "", *words)
        assert (answer.code, answer.said, answer.out) == (1, [number], [])
        assert (server.all_that_is(), server.machine.ran) == (before, [])

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("-t", "../x"), ":../x is not a valid tag"),
            (("-t", ""), ":'' is not a valid tag"),
            (("-i", "lvmvg-"), "a valid argument: lvmvg-"),
            (("-i", ""), "a valid argument: ''"),
        ],
    )
    def test_a_wrong_word_is_repeated_and_one_without_letters_is_seen(
        self, server: Server, words: tuple[str, ...], said: str
    ) -> None:
        assert said in server.machine.action("lvmvg", "restore", "", "", *words).err


class TestRestore:
    def test_the_group_comes_up_whole_with_two_commands_and_a_record(self, server: Server) -> None:
        server.take_down()
        assert not server.record.exists()
        answer = server("restore", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (0, DONE)
        assert (server.machine.active(), server.record.exists()) == (BOTH, True)
        assert server.machine.lvm_commands() == ["fullreport", "vgchange -ay"]
        assert server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1").code == 0

    def test_the_file_system_comes_up_on_its_own_device_with_its_options(self, server: Server) -> None:
        server.take_down()
        server("restore", "lvmvg", "vg1")
        server("restore", "lvmlv", "vg1/data")
        answer = server("restore", "filesys", "/data")
        assert (answer.code, answer.said) == (0, DONE)
        (mount,) = server.machine.mounts
        assert (mount.point, mount.source, mount.kind, mount.options) == (POINT, "/dev/mapper/vg1-data", "ext4", "rw")
        assert server("quickCheck", "filesys", "/data").code == 0

    @pytest.mark.parametrize(("kind", "tag", "resource_id"), RESOURCES)
    def test_what_is_up_is_success_at_once(self, server: Server, kind: str, tag: str, resource_id: str) -> None:
        before = server.all_that_is()
        answer = server("restore", kind, tag, resource_id)
        assert (answer.code, answer.said, server.machine.ran) == (0, DONE, [])
        assert server.all_that_is() == before

    def test_one_volume_that_is_down_comes_up_by_itself(self, server: Server) -> None:
        server.unmount()
        server("remove", "lvmlv", "vg1/data")
        server.forget()
        assert server.machine.active() == ["vg1-www"]
        answer = server("restore", "lvmlv", "vg1/data")
        assert (answer.code, answer.said) == (0, DONE)
        assert (server.machine.active(), server.machine.lvm_commands()) == (BOTH, ["fullreport", "lvchange -ay"])
        assert server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1").code == 0

    def test_a_group_that_was_renamed_follows_its_uuid(self, server: Server) -> None:
        server.take_down()
        server.machine.by_hand("vgrename", "vg1", "vg-2")
        assert server("restore", "lvmvg", "vg1").code == 0
        assert server.machine.active() == ["vg--2-data", "vg--2-www"]

    def test_a_group_that_an_older_version_listed_by_its_name_is_listed_with_its_uuid(self, server: Server) -> None:
        server.take_down()
        Path(server.machine.paths.lkvgs).write_text("vg1\n")
        assert server("restore", "lvmvg", "vg1").said == DONE
        assert lkvgs.entries(server.machine.paths.lkvgs) == (("vg1", server.group.uuid),)

    def test_a_list_that_cannot_be_read_is_told_of_and_holds_nothing_up(self, server: Server) -> None:
        server.take_down()
        Path(server.machine.paths.lkvgs).unlink()
        Path(server.machine.paths.lkvgs).mkdir()
        answer = server("restore", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (0, [Begin.number, FileUnreadable.number, EndSuccessful.number])

    def refused(self, server: Server, *numbers: int) -> None:
        before = server.all_that_is()
        answer = server("restore", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (1, [Begin.number, *numbers, EndFailed.number])
        assert server.all_that_is() == before
        assert server.machine.active() == []
        assert not server.record.exists()

    def test_a_group_that_is_not_there_is_refused(self, server: Server) -> None:
        server.take_down()
        for disk in server.disks:
            server.machine.detach(disk)
        self.refused(server, VgNotFound.number)

    def test_a_group_that_lacks_a_disk_is_refused(self, server: Server) -> None:
        server.take_down()
        server.machine.detach(server.disks[1])
        self.refused(server, PvsMissing.number)

    def test_another_host_s_group_is_refused(self, server: Server) -> None:
        server.take_down()
        server.machine.by_hand(
            "vgchange",
            "-y",
            "--config",
            'global/system_id_source="lvmlocal" local/system_id="n2"',
            "--systemid",
            "n2",
            "vg1",
        )
        self.refused(server, VgForeign.number)

    def test_an_exported_group_is_refused(self, server: Server) -> None:
        server.take_down()
        server.machine.by_hand("vgexport", "vg1")
        self.refused(server, VgExported.number)

    def test_another_group_of_the_same_name_is_refused(self, server: Server) -> None:
        server.take_down()
        for disk in server.disks:
            disk.wipe()
        make_group("vg1", server.disks, uuid=uuid_of("impostor"))
        self.refused(server, VgImpostor.number)

    def test_a_volume_that_does_not_come_up_fails_whatever_lvm_says(self, server: Server) -> None:
        server.take_down()
        server.machine.dm.create("vg1-data", "other", "linear", (), ())
        answer = server("restore", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (1, [Begin.number, LvsNotUp.number, EndFailed.number])
        assert "LVM said: device-mapper: create ioctl on vg1-data failed" in answer.err
        assert not server.record.exists()

    def test_a_mount_point_that_another_one_has_is_left_alone(self, server: Server) -> None:
        server.unmount()
        mount = server.machine.add_mount(POINT, "259:1", "tmpfs", "tmpfs")
        answer = server("restore", "filesys", "/data")
        assert (answer.code, answer.said) == (1, [Begin.number, MountPointTaken.number, EndFailed.number])
        assert server.machine.mounts == [mount]


class TestRemove:
    def test_nothing_of_the_group_is_left_in_the_kernel_and_metadata_stay(self, server: Server) -> None:
        server.unmount()
        before = server.metadata()
        answer = server("remove", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (0, DONE)
        assert (server.machine.active(), server.record.exists()) == ([], False)
        assert (server.machine.ran, server.metadata()) == ([], before)

    def test_the_others_volumes_stay(self, server: Server) -> None:
        other = SharedDisk("C")
        server.machine.attach(other)
        make_group("vg2", (other,))
        server.machine.by_hand("vgchange", "-ay", "vg2")
        server.unmount()
        assert server("remove", "lvmvg", "vg1").code == 0
        assert server.machine.active() == ["vg2-data", "vg2-www"]

    def test_a_volume_goes_alone_and_its_group_does_not_miss_it(self, server: Server) -> None:
        server.unmount()
        assert server("remove", "lvmlv", "vg1/data").code == 0
        assert server.machine.active() == ["vg1-www"]
        assert server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1").code == 0
        assert server("quickCheck", "lvmlv", "vg1/data").code == 1

    @pytest.mark.parametrize(("kind", "tag", "resource_id"), RESOURCES)
    @pytest.mark.parametrize("action", ["remove", "remoteremove"])
    def test_what_is_down_is_success(self, server: Server, action: str, kind: str, tag: str, resource_id: str) -> None:
        server.take_down()
        answer = server(action, kind, tag, resource_id)
        assert (answer.code, answer.said, server.machine.ran) == (0, DONE, [])

    @pytest.mark.parametrize("action", ["remove", "remoteremove"])
    @pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
    def test_what_is_in_use_stays_and_its_user_is_named(self, server: Server, action: str, kind: str, tag: str) -> None:
        before = server.all_that_is()
        answer = server(action, kind, tag)
        assert (answer.code, answer.said) == (1, [Begin.number, LvBusy.number, EndFailed.number])
        assert f"mount {POINT}" in answer.err
        assert server.all_that_is() == before

    @pytest.mark.parametrize("action", ["remove", "remoteremove"])
    @pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
    def test_what_the_kernel_does_not_let_go_of_is_not_called_down(
        self, server: Server, action: str, kind: str, tag: str
    ) -> None:
        def refuse(event: str) -> None:
            if event == "dm remove vg1-data":
                raise OSError(errno.EBUSY, "opened in this very moment")

        server.unmount()
        server.machine.watch = refuse
        answer = server(action, kind, tag)
        assert (answer.code, answer.said) == (1, [Begin.number, LvsStillUp.number, EndFailed.number])
        assert "vg1-data" in server.machine.active()
        assert server.record.exists()

    def test_without_patience_a_stop_is_refused_at_once(self, server: Server) -> None:
        begun = server.machine.slept
        assert LvBusy.number in server("remove", "lvmvg", "vg1").said
        server.unmount()
        self.keep(server, "dm remove vg1-data", 99)
        assert LvsStillUp.number in server("remove", "lvmlv", "vg1/data").said
        assert server.machine.slept == begun

    def test_who_has_a_volume_open_for_a_moment_is_waited_for(self, server: Server) -> None:
        Path(server.machine.paths.defaults).write_text("LVMKIT_BUSY_PATIENCE=5\n")
        server.unmount()
        device, sleep, begun = server.machine.dm.by_name("vg1-data"), server.machine.sleep, server.machine.slept
        device.opens = 1

        def close_soon(seconds: float) -> None:
            sleep(seconds)
            device.opens = int(server.machine.slept - begun < 1)

        server.machine.sleep = close_soon  # type: ignore[method-assign]
        assert server("remove", "lvmvg", "vg1").said == DONE
        assert (server.machine.active(), server.machine.slept - begun < 2) == ([], True)

    def test_and_who_opens_it_while_it_is_removed(self, server: Server) -> None:
        Path(server.machine.paths.defaults).write_text("LVMKIT_BUSY_PATIENCE=5\n")
        server.unmount()
        self.keep(server, "dm remove vg1-data", 1)
        assert server("remove", "lvmvg", "vg1").said == DONE
        assert (server.machine.active(), server.record.exists()) == ([], False)

    @staticmethod
    def keep(server: Server, event: str, seconds: float) -> None:
        """Refuse a change of device-mapper for a while."""
        end = server.machine.slept + seconds

        def refuse(happens: str) -> None:
            if happens == event and server.machine.slept < end:
                raise OSError(errno.EBUSY, "opened in this very moment")

        server.machine.watch = refuse

    def test_who_uses_what_another_volume_stands_on_is_seen(self, server: Server) -> None:
        server.unmount()
        dm, below = server.machine.dm, names.dm_uuid(server.group.uuid, uuid_of("pool")) + "-tdata"
        part = dm.create("vg1-pool_tdata", below, "linear", dm.by_name("vg1-data").below, server.disks)
        dm.by_name("vg1-data").below = (part.number,)
        server.machine.start_process(77, "dd", opens=("/dev/mapper/vg1-pool_tdata",))
        answer = server("remove", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (1, [Begin.number, LvBusy.number, EndFailed.number])
        assert "vg1-pool_tdata is in use: process 77 (dd)" in answer.err
        server.machine.end_process(77)
        assert (server("remove", "lvmvg", "vg1").code, server.machine.active()) == (0, [])

    def test_users_of_a_file_system_are_told_to_go(self, server: Server) -> None:
        server.machine.start_process(77, "postgres", f"{POINT}/base")
        answer = server("remove", "filesys", "/data")
        assert (answer.code, answer.said) == (0, [Begin.number, SignalledHolder.number, EndSuccessful.number])
        assert (server.machine.mounts, [pid for pid, _ in server.machine.killed]) == ([], [77])

    def test_lvm_takes_down_what_it_must_know_of(self, tmp_path: Path) -> None:
        server = Server(tmp_path, "raid1")
        server.unmount()
        assert server("remove", "lvmvg", "vg1").said == DONE
        assert (server.machine.active(), server.machine.lvm_commands()) == ([], ["vgchange -an"])

    def test_a_group_of_one_such_volume_is_taken_down_by_lvm_too(self, tmp_path: Path) -> None:
        server = Bare(tmp_path, "AB", volumes="data", kind="raid1")
        server.activate()
        answer = server.machine.agent("lvmvg", "stop", vg="vg1", vg_uuid=server.group.uuid)
        assert (answer.code, answer.said, server.machine.active()) == (0, [EndSuccessful.number], [])
        assert server.machine.lvm_commands()[-1] == "vgchange -an"

    def test_dead_disks_are_not_waited_for(self, tmp_path: Path) -> None:
        server = Server(tmp_path, "raid1")
        server.unmount()
        for disk in server.disks:
            server.machine.set_state(disk, "hangs")
        for device in server.machine.dm.devices.values():
            device.stuck = True
        answer = server("remove", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (0, [Begin.number, TakenDownWithoutLvm.number, EndSuccessful.number])
        assert (server.machine.active(), server.machine.lvm_commands()) == ([], [])

    def test_only_what_hangs_is_cut_off_from_its_disk(self, tmp_path: Path) -> None:
        machine, group = with_volumes(tmp_path, 100)
        changed = record_changes(machine)
        machine.dm.by_name("vg1-lv7").stuck = True
        answer = machine.action("lvmvg", "remove", "vg1")
        assert (answer.code, machine.active(group.uuid)) == (0, [])
        assert [event for event in changed if "remove" not in event] == ["dm suspend vg1-lv7", "dm resume vg1-lv7"]

    def test_many_slow_removals_are_progress_and_no_hang(self, tmp_path: Path) -> None:
        machine, group = with_volumes(tmp_path, 320)
        changed = record_changes(machine)
        machine.removal = 0.05
        answer = machine.action("lvmvg", "remove", "vg1")
        assert (answer.code, answer.said, machine.active(group.uuid)) == (0, DONE, [])
        assert [event for event in changed if "remove" not in event] == []

    def test_a_stop_says_what_stays_when_its_time_is_over(self, tmp_path: Path) -> None:
        machine, group = with_volumes(tmp_path, 20)
        machine.removal = 1.5
        answer = machine.agent("lvmvg", "stop", vg="vg1", vg_uuid=group.uuid)
        assert (answer.code, answer.reason) == (1, LvsStillUp.number)
        assert 0 < len(machine.active(group.uuid)) < 20
        assert machine.slept <= 20


def with_volumes(folder: Path, count: int) -> tuple[Machine, Metadata]:
    """A machine on which a volume group of many plain volumes is protected and in service."""
    machine = Machine(folder)
    disk = SharedDisk("A")
    group = make_group("vg1", (disk,), " ".join(f"lv{number}" for number in range(count)))
    machine.attach(disk)
    machine.by_hand("vgchange", "-ay", "vg1")
    created = machine.admin("lvmlv/create", "-t", "vg1/lv0", "-s", "INTELLIGENT", "-p", "/dev/vg1/lv0")
    assert created.code == 0, created.err
    return machine, group


def record_changes(machine: Machine) -> list[str]:
    """What happens to devices from now on."""
    changed: list[str] = []
    machine.watch = changed.append
    return changed


class TestRemoteremove:
    """Another server takes the resource, so nothing is asked of disks or of LVM: the kernel lets go at once."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Server:
        server = Server(tmp_path, "raid1")
        server.unmount()
        return server

    def test_the_kernel_lets_go_of_a_group_without_lvm(self, server: Server) -> None:
        answer = server("remoteremove", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (0, [Begin.number, TakenDownWithoutLvm.number, EndSuccessful.number])
        assert (server.machine.active(), server.machine.ran, server.record.exists()) == ([], [], False)

    def test_and_of_a_volume(self, server: Server) -> None:
        answer = server("remoteremove", "lvmlv", "vg1/data")
        assert (answer.code, answer.said) == (0, [Begin.number, TakenDownWithoutLvm.number, EndSuccessful.number])
        assert (server.machine.active(), server.machine.ran) == (["vg1-www"], [])

    def test_a_file_system_is_unmounted(self, tmp_path: Path) -> None:
        server = Server(tmp_path / "other")
        assert server("remoteremove", "filesys", "/data").code == 0
        assert server.machine.mounts == []


class TestDelete:
    def test_what_create_did_outside_of_the_engine_is_undone(self, server: Server) -> None:
        assert (server.metadata().autoactivation, server.listed(), server.record.exists()) == (False, True, True)
        answer = server("delete", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (0, DONE)
        assert (server.metadata().autoactivation, server.listed(), server.record.exists()) == (True, False, False)
        assert (server.machine.active(), len(server.machine.mounts)) == (BOTH, 1)

    def test_an_autoactivation_that_was_off_before_stays_off(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path)
        disk = SharedDisk("A")
        make_group("vg1", (disk,))
        machine.attach(disk)
        machine.by_hand("vgchange", "-ay", "vg1")
        machine.by_hand("vgchange", "--setautoactivation", "n", "vg1")
        assert machine.admin("lvmvg/create", "-t", "vg1", "-s", "INTELLIGENT", "-p", "/dev/vg1/data").code == 0
        assert machine.action("lvmvg", "delete", "vg1").code == 0
        assert disk.metadata is not None
        assert not disk.metadata.autoactivation

    @pytest.mark.parametrize(
        ("kind", "tag", "words"),
        [("lvmlv", "vg1/data", "(vg1/data released)"), ("filesys", "/data", "(nothing to undo)")],
    )
    def test_what_is_on_the_group_has_nothing_to_undo(self, server: Server, kind: str, tag: str, words: str) -> None:
        before = server.all_that_is()
        answer = server("delete", kind, tag)
        assert words in answer.err
        assert (answer.code, answer.said, server.all_that_is()) == (0, DONE, before)

    def test_disks_that_take_no_metadata_are_told_of_and_hold_nothing_up(self, server: Server) -> None:
        server.machine.detach(server.disks[1])
        answer = server("delete", "lvmvg", "vg1")
        assert (answer.code, answer.said) == (0, [Begin.number, AutoactivationUnchanged.number, EndSuccessful.number])
        assert (server.metadata().autoactivation, server.listed(), server.record.exists()) == (False, False, False)

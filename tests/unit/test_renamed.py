"""Names change hands: what is protected is followed by its UUIDs, and what has got its old name is left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lvmkit.entry.kit import kit as installed_kit
from lvmkit.model.instance import ISP
from lvmkit.model.messages import ERROR, Message
from lvmkit.model.messages.faults import LvGone, NotMounted
from lvmkit.model.messages.mounts import NotTheVolume
from lvmkit.model.messages.service import Begin, EndFailed, LvRenamed, VgRenamed
from lvmkit.model.record import Record
from lvmkit.model.value import replace
from lvmkit.plan import Kit
from lvmkit.storage import lkvgs, records
from lvmkit.workflow.delete import delete
from lvmkit.workflow.doctor import diagnose
from lvmkit.workflow.look import CheckResult, check_all
from lvmkit.workflow.reconfigure import NameChange, difference, reconfigure
from lvmkit.workflow.renew import RenewRecord
from tests.unit.machine import SharedDisk, make_group, uuid_of
from tests.unit.one_server import DONE, POINT, Server
from tests.unit.outlived import at_work

ORDER = (("lvmvg", "vg1"), ("lvmlv", "vg1/data"), ("filesys", "/data"))


def look(kit: Kit) -> tuple[CheckResult, ...]:
    return check_all(kit.port.hierarchy(), kit)


class Renamed(Server):
    """The same server; its group, and the volume in it, can get other names."""

    def rename(self, group: str = "vg2", volume: str = "files") -> None:
        assert self.machine.by_hand("vgrename", "vg1", group) == 0
        assert self.machine.by_hand("lvrename", group, "data", volume) == 0

    def take_the_name(self) -> None:
        """Another group, with a volume and a file system, gets the old names and comes up."""
        self.other = SharedDisk("C")
        make_group("vg1", (self.other,), uuid=uuid_of("stranger"))
        self.machine.attach(self.other)
        assert self.machine.by_hand("vgchange", "-ay", "vg1") == 0

    def bring_up(self) -> None:
        for kind, tag in ORDER:
            answer = self("restore", kind, tag)
            assert answer.code == 0, answer.err

    def take_down_all(self) -> None:
        for kind, tag in reversed(ORDER):
            assert self("remove", kind, tag).code == 0

    def kit(self, told: list[Message]) -> Kit:
        """The kit of this server; only for use within machine.running()."""
        return installed_kit(self.machine.paths, told.append)

    def autoactivation(self) -> bool:
        return self.metadata().autoactivation

    def entries(self) -> tuple[tuple[str, str], ...]:
        return lkvgs.entries(self.machine.paths.lkvgs)

    @property
    def mounted_from(self) -> list[str]:
        return [mount.source for mount in self.machine.mounts]


@pytest.fixture
def server(tmp_path: Path) -> Renamed:
    return Renamed(tmp_path)


class TestService:
    @pytest.mark.parametrize("is_name_taken", [False, True])
    def test_it_comes_up_under_its_new_names_and_goes_down_again(self, server: Renamed, is_name_taken: bool) -> None:
        server.take_down()
        server.rename()
        if is_name_taken:
            server.take_the_name()
        server.bring_up()
        assert server.mounted_from == ["/dev/mapper/vg2-files"]
        for kind, tag in ORDER:
            assert server("quickCheck", kind, tag).code == 0
        server.take_down_all()
        assert server.mounted_from == []
        assert server.machine.active(server.group.uuid) == []
        assert bool(server.machine.active(uuid_of("stranger"))) == is_name_taken

    @pytest.mark.parametrize("is_name_taken", [False, True])
    def test_what_is_renamed_while_it_is_mounted_stays_well(self, server: Renamed, is_name_taken: bool) -> None:
        server.rename()
        if is_name_taken:
            server.take_the_name()
        for kind, tag in ORDER:
            assert server("quickCheck", kind, tag).code == 0
            assert server("restore", kind, tag).said[-2:] == DONE
        server.take_down_all()
        assert (server.mounted_from, server.machine.active(server.group.uuid)) == ([], [])

    def test_lvm_takes_down_a_renamed_volume_by_its_new_name(self, tmp_path: Path) -> None:
        server = Renamed(tmp_path, "raid1")
        server.unmount()
        server.rename()
        assert server("remove", "lvmlv", "vg1/data").said == DONE
        assert server.machine.active() == ["vg2-www"]

    def test_another_group_s_file_system_of_the_old_name_is_never_mounted(self, server: Renamed) -> None:
        server.take_down()
        server.rename()
        server.take_the_name()
        answer = server("restore", "filesys", "/data")
        assert (answer.code, answer.said) == (1, [Begin.number, NotTheVolume.number, EndFailed.number])
        assert server.mounted_from == []

    def test_another_group_s_file_system_at_the_mount_point_is_not_ours(self, server: Renamed) -> None:
        server.take_down()
        server.rename()
        server.take_the_name()
        server.machine.mount_at(POINT, "vg1/data")
        answer = server("quickCheck", "filesys", "/data")
        assert (answer.code, answer.said) == (1, [NotMounted.number])

    @pytest.mark.parametrize(("kind", "tag"), [("lvmvg", "vg1"), ("lvmlv", "vg1/data")])
    def test_a_start_says_what_the_group_is_named_now(self, server: Renamed, kind: str, tag: str) -> None:
        server.take_down()
        server.rename()
        assert VgRenamed.number in server("restore", kind, tag).said

    def test_a_start_does_not_take_what_is_listed_under_its_new_name_for_itself(self, server: Renamed) -> None:
        server.take_down()
        server.rename()
        Path(server.machine.paths.lkvgs).write_text("vg2\n")
        assert server("restore", "lvmvg", "vg1").code == 0
        assert server.entries() == (("vg2", ""),)


class TestExchanged:
    """Two groups that are both protected exchange their names."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Renamed:
        server = Renamed(tmp_path)
        server.other = SharedDisk("C")
        make_group("vg2", (server.other,), uuid=uuid_of("other"))
        server.machine.attach(server.other)
        assert server.machine.by_hand("vgchange", "-ay", "vg2") == 0
        server.machine.mount_at("/srv/www", "vg2/data")
        created = server.machine.admin("filesys/create", "-t", "/www", "-s", "INTELLIGENT", "-p", "/srv/www")
        assert created.code == 0, created.err
        return server

    def exchange(self, server: Renamed) -> None:
        for old, new in (("vg1", "x"), ("vg2", "vg1"), ("x", "vg2")):
            assert server.machine.by_hand("vgrename", old, new) == 0

    @pytest.mark.parametrize("is_up", [True, False])
    def test_each_goes_on_with_its_own(self, server: Renamed, is_up: bool) -> None:
        machine = server.machine
        if not is_up:
            for tag in ("vg1", "vg2"):
                assert machine.command("out-of-service", tag).code == 0
        self.exchange(server)
        for tag in ("vg1", "vg2"):
            assert machine.command("out-of-service", tag).code == 0
        assert (machine.active(), machine.mounts) == ([], [])
        for tag in ("/data", "/www"):
            assert machine.command("in-service", tag).code == 0
        assert [(mount.point, mount.source) for mount in machine.mounts] == [
            (POINT, "/dev/mapper/vg2-data"), ("/srv/www", "/dev/mapper/vg1-data"),
        ]  # fmt: skip
        assert machine.command("check").code == 0

    def test_all_get_their_new_names_at_once(self, server: Renamed) -> None:
        self.exchange(server)
        with server.machine.running():
            kit = server.kit([])
            reconfigure("vg1", kit)
            now = kit.port.hierarchy()
            assert [difference(tag, kit).is_empty for tag in ("vg1", "vg2")] == [True, True]
        ids = {tag: now.by_tag(tag).id for tag in ("vg1", "vg1/data", "vg2", "vg2/data")}  # type: ignore[union-attr]
        assert ids == {
            "vg1": "lvmvg-vg2", "vg1/data": "/dev/vg2/data", "vg2": "lvmvg-vg1", "vg2/data": "/dev/vg1/data",
        }  # fmt: skip
        assert sorted(server.entries()) == [("vg1", uuid_of("other")), ("vg2", server.group.uuid)]
        assert server.machine.command("check", "--quiet").out == []


def test_the_record_that_a_start_writes_for_a_volume_alone_gets_its_new_name(
    server: Renamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that goes on after everything else of the group was renewed."""
    monkeypatch.setattr(RenewRecord, "apply", lambda *_: None)
    server.rename()
    record, paths = Record("vg1/data", "vg1", server.group.uuid, (), ()), server.machine.paths
    own = replace(paths, run=f"{paths.run}/lvmlv-data")
    with server.machine.running(), at_work(paths, server.group.uuid, lambda: records.store(own, record)):
        reconfigure("vg1", server.kit([]))
    assert not Path(f"{paths.run}/lvmlv-data/lvmvg-vg1").exists()
    moved = records.load(replace(paths, run=f"{paths.run}/lvmlv-files"), "lvmvg-vg2")
    assert moved == replace(record, vg="vg2")


class TestOlderRecords:
    """An older version noted the path of a file system's device and nothing else of its volume."""

    def forget_the_volume(self, server: Renamed) -> None:
        info = "device=/dev/vg1/data\x02fstype=ext4\x02options=rw\x02uuid=uuid-of-data"
        with closing(sqlite3.connect(server.machine.paths.database)) as database, database:
            database.execute("UPDATE instances SET info = ? WHERE tag = '/data'", (info,))

    def test_the_hierarchy_tells_which_volume_is_meant(self, server: Renamed) -> None:
        self.forget_the_volume(server)
        server.rename()
        server.take_the_name()
        assert server("quickCheck", "filesys", "/data").code == 0
        server.take_down_all()
        assert server.mounted_from == []
        server.bring_up()
        assert server.mounted_from == ["/dev/mapper/vg2-files"]


class TestAgents:
    def start_group(self, server: Renamed) -> None:
        given = {"vg": "vg1", "vg_uuid": server.group.uuid}
        assert server.machine.agent("lvmvg", "start", **given).code == 0

    def given(self, server: Renamed, *, with_uuids: bool) -> dict[str, str]:
        given = {"device": "/dev/vg1/data", "directory": POINT, "fstype": "ext4"}
        if with_uuids:
            given.update(vg_uuid=server.group.uuid, lv_uuid=server.group.volumes[0].uuid, uuid="uuid-of-data")
        return given

    @pytest.mark.parametrize("with_uuids", [False, True])
    def test_a_file_system_follows_its_group(self, server: Renamed, with_uuids: bool) -> None:
        server.take_down()
        server.machine.by_hand("vgrename", "vg1", "vg2")
        server.take_the_name()
        self.start_group(server)
        given = self.given(server, with_uuids=with_uuids)
        assert server.machine.agent("filesys", "start", **given).code == 0
        assert server.mounted_from == ["/dev/mapper/vg2-data"]
        assert server.machine.agent("filesys", "monitor", **given).code == 0
        assert server.machine.agent("filesys", "stop", **given).code == 0
        assert server.mounted_from == []

    def test_a_renamed_volume_is_followed_too(self, server: Renamed) -> None:
        server.take_down()
        server.rename()
        self.start_group(server)
        assert server.machine.agent("filesys", "start", **self.given(server, with_uuids=True)).code == 0
        assert server.mounted_from == ["/dev/mapper/vg2-files"]


class TestDelete:
    @pytest.mark.parametrize("is_name_taken", [False, True])
    def test_it_gives_our_group_back_to_the_boot_and_leaves_the_other_alone(
        self, server: Renamed, is_name_taken: bool
    ) -> None:
        server.rename()
        if is_name_taken:
            server.take_the_name()
            server.machine.by_hand("vgchange", "--setautoactivation", "n", "vg1")
        assert (server.autoactivation(), server.entries()) == (False, (("vg1", server.group.uuid),))
        told: list[Message] = []
        with server.machine.running():
            delete("/data", server.kit(told))
        assert (server.autoactivation(), server.entries()) == (True, ())
        if is_name_taken:
            assert server.other.metadata is not None
            assert not server.other.metadata.autoactivation
        assert not any(message.level == ERROR for message in told)

    def test_so_does_the_delete_script(self, server: Renamed) -> None:
        server.rename()
        server.take_the_name()
        assert server("delete", "lvmvg", "vg1").code == 0
        assert (server.autoactivation(), server.entries()) == (True, ())


NEW_NAMES = (
    NameChange("vg1", "lvmvg-vg1", "lvmvg-vg2"),
    NameChange("vg1/data", "/dev/vg1/data", "/dev/vg2/files"),
    NameChange("/data", "/dev/vg1/data", "/dev/vg2/files"),
)


class TestReconfigure:
    def test_the_new_names_are_shown_and_nothing_is_changed(self, server: Renamed) -> None:
        server.rename()
        before = server.all_that_is()
        with server.machine.running():
            shown = difference("vg1", server.kit([]))
        assert (shown.renamed, shown.vg, shown.added, shown.removed) == (NEW_NAMES, "vg2", (), ())
        assert server.all_that_is() == before

    @pytest.mark.parametrize("is_up", [True, False])
    def test_ids_paths_and_list_follow(self, server: Renamed, is_up: bool) -> None:
        if not is_up:
            server.take_down()
        server.rename()
        server.take_the_name()
        with server.machine.running():
            kit = server.kit([])
            if not is_up:
                kit.port.take_out_of_service("vg1", lambda _message: None)
            reconfigure("vg1", kit)
            assert difference("vg1", kit).is_empty
            now = kit.port.hierarchy()
        assert [now.by_tag(tag).id for tag in ("vg1", "vg1/data", "/data")] == [  # type: ignore[union-attr]
            "lvmvg-vg2", "/dev/vg2/files", POINT,
        ]  # fmt: skip
        assert now.by_tag("/data").details["device"] == "/dev/vg2/files"  # type: ignore[union-attr]
        assert server.entries() == (("vg2", server.group.uuid),)
        assert not server.record.exists()
        for kind, tag, resource_id in (("lvmvg", "vg1", "lvmvg-vg2"), ("lvmlv", "vg1/data", "/dev/vg2/files")):
            answer = server("restore", kind, tag, resource_id)
            assert (answer.code, answer.said[0]) == (0, Begin.number), answer.err
            assert server("quickCheck", kind, tag, resource_id).logged == []

    def test_names_that_two_volumes_exchange_are_followed(self, server: Renamed) -> None:
        created = server.machine.admin("lvmlv/create", "-t", "www", "-s", "INTELLIGENT", "-p", "/dev/vg1/www")
        assert created.code == 0, created.err
        for old, new in (("data", "x"), ("www", "data"), ("x", "www")):
            assert server.machine.by_hand("lvrename", "vg1", old, new) == 0
        with server.machine.running():
            kit = server.kit([])
            reconfigure("vg1", kit)
            now = kit.port.hierarchy()
        assert [now.by_tag(tag).id for tag in ("vg1/data", "www")] == ["/dev/vg1/www", "/dev/vg1/data"]  # type: ignore[union-attr]
        assert now.by_tag("/data").details["device"] == "/dev/vg1/www"  # type: ignore[union-attr]

    def test_a_file_system_of_an_older_version_gets_its_volume_noted(self, server: Renamed) -> None:
        TestOlderRecords().forget_the_volume(server)
        with server.machine.running():
            kit = server.kit([])
            reconfigure("vg1", kit)
            noted = kit.port.hierarchy().by_tag("/data")
        assert noted is not None
        assert noted.details["lv_uuid"] == server.group.volumes[0].uuid
        assert noted.state == ISP


class TestWhatIsSaid:
    RENAMED = (VgRenamed("vg1", "vg2"), LvRenamed("vg2", "data", "files"))

    def test_check_and_status_say_it_once(self, server: Renamed) -> None:
        server.rename()
        with server.machine.running():
            told = [message for result in look(server.kit([])) for message in result.messages]
        assert tuple(told) == self.RENAMED

    def test_a_monitor_says_nothing(self, server: Renamed) -> None:
        server.rename()
        answer = server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1")
        assert (answer.code, answer.logged) == (0, [])

    def test_doctor_says_it_also_of_what_is_down(self, server: Renamed) -> None:
        server.take_down()
        server.rename()
        with server.machine.running():
            found = [finding.text for finding in diagnose(server.kit([]), here=True).findings]
        assert [text for text in found if "renamed" in text or "now named" in text] == [m.text for m in self.RENAMED]


class TestRecord:
    """A record that is another group's: forged, or left by whoever had the name before."""

    @pytest.mark.parametrize("given", [("vg1", "lvmvg-vg1"), ("", "lvmvg-vg1"), ("vg1", "")])
    def test_the_record_of_another_group_is_not_believed(self, server: Renamed, given: tuple[str, str]) -> None:
        server.rename()
        server.take_the_name()
        answer = server.machine.agent("lvmvg", "start", "vg1", vg="vg1", vg_uuid=uuid_of("stranger"))
        assert answer.code == 0
        assert uuid_of("stranger") in server.record.read_text()
        server.machine.unmount(POINT)
        server.machine.by_hand("vgchange", "-an", "vg2")
        answer = server("quickCheck", "lvmvg", *given)
        assert (answer.code, LvGone.number in answer.said) == (1, True)

    def test_without_the_list_the_engine_is_asked(self, server: Renamed) -> None:
        Path(server.machine.paths.lkvgs).unlink()
        assert server("quickCheck", "lvmvg", "vg1", "lvmvg-vg1").code == 0


class TestHost:
    def test_everything_goes_on_after_the_host_got_another_name(self, server: Renamed) -> None:
        server.machine.name = "n9"
        for kind, tag in ORDER:
            assert server("quickCheck", kind, tag).code == 0
        server.take_down_all()
        server.bring_up()
        told: list[Message] = []
        with server.machine.running():
            kit = server.kit(told)
            assert kit.port.local_server() == "n9"
            assert {instance.server for instance in kit.port.hierarchy().instances} == {"n9"}
            assert not any(result.messages for result in look(kit))
            kit.port.bring_in_service("/data", told.append)
            delete("/data", kit)
        assert not any(message.level == ERROR for message in told)

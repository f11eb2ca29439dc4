"""canextend: each thing that speaks against an extension has its number, and all are told at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lvmkit import VERSION
from lvmkit.guards import system_id
from lvmkit.model.facts import VgFacts
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, ISP, OSU, Dependency, Instance
from lvmkit.model.messages import ERROR, WARN, Failure, Message
from lvmkit.model.messages.boot import AgentMissing, GuardNotEnabled, LvmTooOld
from lvmkit.model.messages.command import FstabWillMount
from lvmkit.model.messages.extend import (
    ActiveOutsideCluster,
    DevicesNotAllowed,
    FilesystemUnknown,
    MountPointNotEmpty,
    MountPointUnusable,
    MovesAlong,
    ServerSetAside,
    VgNameTaken,
    VgUuidTwice,
)
from lvmkit.model.messages.guards import VgShared
from lvmkit.model.messages.guide import (
    DepstoextendNotAccessible,
    ExtendNotAccessible,
    TemplateAlreadyExtended,
    TemplateDoesNotExist,
    TypeNotInstalled,
)
from lvmkit.model.messages.mounts import AutomountInTheWay
from lvmkit.model.messages.ownership import NodeNameUnusable, OwnerUnknown
from lvmkit.model.messages.pacemaker import FencingOff, NoQuorum, ServerUnfit
from lvmkit.model.messages.reservation import ReservationForeign
from lvmkit.model.messages.service import DuplicatePv, PvsMissing, VgExported, VgForeign
from lvmkit.model.messages.storage import CommandHung, CommandMissing, MountedTwice, MountsNested
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.peer.answers import Preview, Readiness, preview_facts, read_preview
from lvmkit.peer.kernels import Kernels
from lvmkit.storage import installed
from lvmkit.workflow.canextend import canextend
from tests.unit.extend_target import TEMPLATE, Target, tree
from tests.unit.fakes import SERVER, on
from tests.unit.local_storage import BY_ID, OTHER_UUID, VG_UUID, pv_uuid
from tests.unit.machine import Machine, make_group
from tests.unit.peer_fakes import devices

ALONG = {MovesAlong}


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    return Target(tmp_path, monkeypatch)


def asked(target: Target, tag: str = "/data") -> Readiness:
    return canextend(tag, TEMPLATE, target.kit)


def only(target: Target, kind: type[Message]) -> dict[str, Any]:
    """The facts of the one message of a kind, which is the only one besides that of the other file system."""
    told = [message for message in asked(target).messages if type(message) is not MovesAlong]
    assert [type(message) for message in told] == [kind]
    return told[0].as_dict()


class TestReady:
    def test_a_server_that_has_all_is_ready(self, target: Target) -> None:
        found = asked(target)
        assert found.is_ready
        assert (found.server, found.kit_version, found.lvm_version) == (SERVER, VERSION, "2.03.16(2)")
        assert found.devices == ((pv_uuid("a"), "/dev/sda"), (pv_uuid("b"), "/dev/sdb"))
        assert found.time > 1_600_000_000

    def test_nothing_is_changed(self, target: Target) -> None:
        before = target.left()
        asked(target)
        assert target.left() == before
        assert (target.port.calls, target.storage.written) == ([], [])

    def test_what_stands_on_the_same_group_is_said_to_come_along(self, target: Target) -> None:
        assert [m.as_dict() for m in asked(target).messages] == [{"tag": "/data", "others": ("/www",)}]
        assert asked(target, "vg1").messages == ()

    def test_the_answer_survives_its_way_to_another_server(self, target: Target) -> None:
        target.port.trouble = (FencingOff(), NoQuorum("stop"))
        target.lose("a")
        found = asked(target)
        whole = Preview(found, ("vg1",), ("a step",), ("a move",))
        facts = json.loads(json.dumps(preview_facts(whole)))
        assert read_preview(facts, SERVER) == whole
        assert facts["ready"] is False
        assert read_preview(facts, "n9").readiness.server == "n9"

    @pytest.mark.parametrize(
        ("field", "value"),
        [("messages", [1]), ("messages", [{}]), ("messages", {}), ("devices", [["x"]]), ("devices", [["x", 1]]),
         ("time", "1"), ("time", float("nan")), ("time", float("inf")), ("time", -1), ("time", True), ("steps", "ab"),
         ("extended", [1]), ("foreseen", None), ("kit_version", 1), ("lvm_version", None)],
    )  # fmt: skip
    def test_what_is_no_answer_is_refused(self, target: Target, field: str, value: object) -> None:
        facts = json.loads(json.dumps(preview_facts(Preview(asked(target)))))
        for broken in ({**facts, field: value}, {name: fact for name, fact in facts.items() if name != field}):
            with pytest.raises((ValueError, LookupError, TypeError)):
                read_preview(broken, "n2")


class TestSubject:
    def test_a_tag_that_the_template_does_not_have(self, target: Target) -> None:
        with pytest.raises(Failure) as failure:
            canextend("/none", TEMPLATE, target.kit)
        assert failure.value.messages == (TemplateDoesNotExist("/none", TEMPLATE),)

    def test_one_that_is_here_already_is_not_looked_at_any_further(self, target: Target) -> None:
        target.port.now = on(SERVER, tree(target.mounts), state=OSU)
        target.machine.uninstall("lvm")
        assert asked(target).messages == (TemplateAlreadyExtended("/data", SERVER),)

    def test_a_root_that_came_later_can_follow(self, target: Target) -> None:
        target.port.now = on(SERVER, tree(target.mounts, "data"), state=OSU)
        assert asked(target, "/www").is_ready


class TestCluster:
    def test_its_warnings_are_told_and_its_errors_forbid(self, target: Target) -> None:
        target.port.trouble = (FencingOff(), NoQuorum("stop"))
        found = asked(target)
        assert {FencingOff, NoQuorum} <= {type(message) for message in found.messages}
        assert not found.is_ready

    @pytest.mark.parametrize("unfit", ["standby", "in maintenance", "standby, in maintenance"])
    def test_a_server_that_is_set_aside_is_only_warned_of(self, target: Target, unfit: str) -> None:
        target.port.members[SERVER] = Server(SERVER, True, unfit)
        assert only(target, ServerSetAside)["why"] == unfit
        assert asked(target).is_ready

    @pytest.mark.parametrize("unfit", ["unclean, standby", "offline", "joining"])
    def test_one_that_is_no_whole_member_is_refused(self, target: Target, unfit: str) -> None:
        target.port.members[SERVER] = Server(SERVER, True, unfit)
        assert only(target, ServerUnfit)["why"] == unfit

    def test_a_type_without_its_scripts_is_not_installed_and_nothing_else_is_said_of_it(self, target: Target) -> None:
        root = Path(target.kit.paths.lkroot)
        (root / "subsys/scsi/resources/lvmvg/actions/restore").unlink()
        (root / "lkadm/subsys/scsi/lvmvg/bin/extend").unlink()
        (root / "lkadm/subsys/gen/filesys/bin/depstoextend").chmod(0o600)
        told = target.against()
        assert told >= {TypeNotInstalled, DepstoextendNotAccessible}
        assert ExtendNotAccessible not in told

    def test_what_the_cluster_needs_here(self, target: Target) -> None:
        target.machine.remove_agent("lvmvg")
        target.machine.unit = "LoadState=loaded\nWantedBy=\n"
        assert target.against() - ALONG == {AgentMissing, GuardNotEnabled}
        target.port.capabilities = replace(target.port.capabilities, needs_agents=False)
        assert target.against() - ALONG == {GuardNotEnabled}


def without_lvm(machine: Machine) -> None:
    machine.uninstall("lvm")


def with_lvm_hung(machine: Machine) -> None:
    machine.slow["/lvm fullreport"] = float("inf")


class TestStorage:
    def test_disks_that_are_not_there_are_named_with_where_they_were(self, target: Target) -> None:
        target.lose("b")
        facts = only(target, PvsMissing)
        assert facts["missing"] == (f"{pv_uuid('b')} ({BY_ID}B)",)

    def test_so_they_are_where_none_is_there(self, target: Target) -> None:
        target.lose("a", "b")
        assert only(target, PvsMissing)["count"] == 2

    @pytest.mark.parametrize("letters", ["a", "ab"])
    def test_disks_that_lvm_is_told_not_to_look_at_are_told_apart(self, target: Target, letters: str) -> None:
        target.hide(*letters)
        facts = only(target, DevicesNotAllowed)
        assert facts["devices"] == tuple(f"/dev/sd{letter}" for letter in letters)
        assert "filter" in facts["setting"]

    def test_a_devices_file_is_named(self, target: Target) -> None:
        target.hide("a")
        target.machine.lvm.devices_file = "system.devices"
        assert "/etc/lvm/devices/system.devices" in only(target, DevicesNotAllowed)["setting"]

    def test_one_hidden_and_one_gone_are_both_told(self, target: Target) -> None:
        target.hide("a")
        target.lose("b")
        assert target.against() - ALONG == {DevicesNotAllowed, PvsMissing}

    def test_another_group_with_its_name(self, target: Target) -> None:
        make_group("vg1", (target.storage.disk("c"),), uuid=OTHER_UUID)
        assert only(target, VgNameTaken)["uuid"] == OTHER_UUID

    def test_a_copy_with_its_uuid(self, target: Target) -> None:
        make_group("copy", (target.storage.disk("c"),), uuid=VG_UUID)
        assert set(only(target, VgUuidTwice)["found"]) == {"vg1", "copy"}

    def test_a_disk_that_is_seen_twice(self, target: Target) -> None:
        target.machine.attach(target.storage.disks["a"].clone("Z"), "sdz")
        assert only(target, DuplicatePv)["devices"] == ("/dev/sda", "/dev/sdz")

    def test_an_exported_group(self, target: Target) -> None:
        target.storage.change(exported=True)
        only(target, VgExported)

    def test_a_group_that_a_lock_manager_shares_out(self, target: Target) -> None:
        target.storage.change(lock_type="dlm")
        assert only(target, VgShared)["lock_type"] == "dlm"

    def test_disks_that_cannot_be_reserved_where_that_is_wanted(self, target: Target) -> None:
        there = target.port.others[TEMPLATE]
        (group,) = (each for each in there.instances if each.tag == "vg1")
        facts = replace(VgFacts.unpack(group), reservation="scsi")
        others = tuple(each for each in there.instances if each.tag != "vg1")
        changed = replace(group, info=facts.pack())
        target.port.others[TEMPLATE] = Hierarchy((*others, changed), there.dependencies)
        target.storage.disks["b"].target.keys = {"x": 0x77}
        assert only(target, ReservationForeign)["device"] == "/dev/sdb"
        assert target.storage.disks["b"].target.keys == {"x": 0x77}

    def test_one_that_is_up_here_is_a_danger(self, target: Target) -> None:
        target.storage.activate()
        assert set(only(target, ActiveOutsideCluster)["volumes"]) == {"vg1-data", "vg1-www"}

    def test_one_that_is_up_on_a_third_server_is_a_danger(
        self, target: Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = {"n3": devices(VG_UUID, "vg1-data")}
        monkeypatch.setattr(
            Kernels, "devices", lambda _, servers, *__, **___: {each: answers[each] for each in servers}
        )
        assert only(target, ActiveOutsideCluster)["server"] == "n3"

    def test_unless_the_cluster_has_started_it_here(self, target: Target) -> None:
        target.storage.activate()
        target.port.now = on(SERVER, tree(target.mounts, "data"))
        assert ActiveOutsideCluster not in target.against("/www")

    @pytest.mark.parametrize("owner", ["", TEMPLATE, SERVER, "n3"])
    def test_an_owner_that_the_cluster_knows_is_no_obstacle(self, target: Target, owner: str) -> None:
        target.storage.change(system_id=owner)
        assert asked(target).is_ready

    def test_one_that_it_does_not_know_is(self, target: Target) -> None:
        target.storage.change(system_id="stranger")
        assert only(target, OwnerUnknown)["owner"] == "stranger"

    def test_without_ownership_any_other_host_is_foreign(self, target: Target) -> None:
        there = target.port.others[TEMPLATE]
        plain = tuple(replace(i, info=i.info.replace("ownership=system_id", "x=y")) for i in there.instances)
        target.port.others[TEMPLATE] = replace(there, instances=plain)
        only(target, VgForeign)

    def test_a_server_whose_name_cannot_be_an_owner(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(system_id, "is_system_id", lambda _name: False)
        only(target, NodeNameUnusable)

    @pytest.mark.parametrize(("trouble", "why"), [(without_lvm, CommandMissing), (with_lvm_hung, CommandHung)])
    def test_an_lvm_that_does_not_answer_hides_nothing_else(
        self, target: Target, trouble: Callable[[Machine], None], why: type[Message]
    ) -> None:
        trouble(target.machine)
        target.machine.remove_agent("filesys")
        assert target.against() - ALONG == {why, AgentMissing}

    def test_one_that_is_too_old(self, target: Target) -> None:
        target.machine.lvm.version = "2.02.187(2)"
        assert only(target, LvmTooOld)["found"] == "2.02.187(2)"


class TestMountPoint:
    def test_one_that_is_absent_is_fine(self, target: Target) -> None:
        assert not list(target.mounts.iterdir())
        assert asked(target).is_ready

    @pytest.mark.parametrize("kind", ["file", "link", "below a file"])
    def test_what_is_no_folder(self, target: Target, kind: str) -> None:
        path = target.mounts / "data"
        if kind == "below a file":
            target.mounts.rmdir()
            target.mounts.touch()
        elif kind == "file":
            path.touch()
        else:
            path.symlink_to("/tmp")
        found = [m.as_dict()["path"] for m in asked(target).messages if isinstance(m, MountPointUnusable)]
        assert str(path) in found

    def test_one_that_something_else_is_mounted_on(self, target: Target) -> None:
        path = f"{target.mounts}/data"
        target.machine.add_mount(path, "8:1", "ext4", "/dev/sdq1")
        assert "/dev/sdq1" in only(target, MountPointUnusable)["why"]

    def test_one_with_an_automount_of_systemd(self, target: Target) -> None:
        path = f"{target.mounts}/data"
        target.machine.add_mount(path, "0:50", "autofs", "systemd-1")
        assert only(target, AutomountInTheWay)["mount_point"] == path

    def test_one_with_something_in_it_is_warned_of(self, target: Target) -> None:
        (target.mounts / "data" / "old").mkdir(parents=True)
        only(target, MountPointNotEmpty)
        assert asked(target).is_ready

    @pytest.mark.parametrize("device", ["/dev/vg1/data", "/dev/mapper/vg1-data", "UUID=uuid-of-data"])
    def test_one_that_the_boot_would_mount(self, target: Target, device: str) -> None:
        Path(target.kit.paths.fstab).write_text(f"{device} /elsewhere ext4 defaults 0 0\n")
        only(target, FstabWillMount)

    def test_one_around_a_file_system_that_is_protected_here(self, target: Target) -> None:
        target.port.now = Hierarchy((Instance(SERVER, "gen", FILESYS, "inner", f"{target.mounts}/data/x", state=ISP),))
        assert only(target, MountsNested)["outer"] == f"{target.mounts}/data"

    def test_two_of_one_file_system(self, target: Target) -> None:
        there = target.port.others[TEMPLATE]
        again = replace(there.of_tags(("/data",))[0], tag="/again", id=f"{target.mounts}/again")
        links = (*there.dependencies, Dependency("/again", "vg1/data"))
        target.port.others[TEMPLATE] = Hierarchy((*there.instances, again), links)
        told = only(target, MountedTwice)
        assert (told["first"], told["second"]) == (f"{target.mounts}/again", f"{target.mounts}/data")
        assert not asked(target).is_ready

    def test_a_file_system_that_the_kernel_does_not_know(self, target: Target) -> None:
        target.machine.set_filesystems()
        told = [m for m in asked(target).messages if isinstance(m, FilesystemUnknown)]
        assert len(told) == 2
        assert {m.level for m in told} == {WARN}


def test_all_problems_are_told_at_once(target: Target) -> None:
    target.storage.activate()
    target.lose("b")
    target.machine.remove_agent("lvmvg")
    (target.mounts / "data").touch()
    make_group("vg1", (target.storage.disk("c"),), uuid=OTHER_UUID)
    target.port.trouble = (NoQuorum("stop"),)
    errors = [message for message in asked(target).messages if message.level == ERROR]
    assert {type(message) for message in errors} == {
        PvsMissing, AgentMissing, MountPointUnusable, VgNameTaken, ActiveOutsideCluster, NoQuorum,
    }  # fmt: skip
    assert all(message.number and message.advice for message in errors)


class TestInstalled:
    def test_agents_that_are_missing_or_not_executable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(installed, "AGENTS", str(tmp_path))
        (tmp_path / "lvmkit").mkdir()
        (tmp_path / "lvmkit/lvmvg").touch(0o755)
        (tmp_path / "lvmkit/lvmlv").touch(0o644)
        assert installed.missing_agents() == tuple(
            f"{tmp_path}/lvmkit/{name}" for name in ("lvmlv", "filesys", "action")
        )

    @pytest.mark.parametrize(
        ("says", "state"),
        [
            ("LoadState=loaded\\nWantedBy=multi-user.target other.target", ""),
            ("LoadState=loaded\\nWantedBy=", "not enabled"),
            ("LoadState=masked\\nWantedBy=", "masked"),
            ("LoadState=not-found\\nWantedBy=", "not-found"),
            ("", "not known to systemd"),
        ],
    )
    def test_the_boot_guard(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, state: str) -> None:
        tool = tmp_path / "systemctl"
        tool.write_text(f"#!/bin/sh\nprintf '{says}\\n'\n")
        tool.chmod(0o755)
        monkeypatch.setattr(installed, "SYSTEMCTL", (str(tool),))
        assert installed.guard_state() == state

    def test_file_systems_of_the_kernel_and_of_its_modules(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loaded, folder = tmp_path / "filesystems", tmp_path / os.uname().release
        loaded.write_text("nodev\tsysfs\n\text4\n")
        folder.mkdir()
        (folder / "modules.alias").write_text("# Aliases\nalias fs-xfs xfs\n")
        monkeypatch.setattr(installed, "FILESYSTEMS", str(loaded))
        monkeypatch.setattr(installed, "MODULES", str(tmp_path))
        known = [kind for kind in ("ext4", "sysfs", "xfs", "ext", "btrfs") if installed.knows_filesystem(kind)]
        assert known == ["ext4", "sysfs", "xfs"]


class TestNested:
    """/www lies within /data on the template, and is not on this server yet."""

    @pytest.fixture(autouse=True)
    def _nested(self, target: Target) -> None:
        there = target.port.others[TEMPLATE]
        inner = replace(there.of_tags(("/www",))[0], id=f"{target.mounts}/data/www")
        kept = tuple(each for each in there.instances if each.tag != "/www")
        links = (*there.dependencies, Dependency("/www", "/data"))
        target.port.others[TEMPLATE] = Hierarchy((*kept, inner), links)

    def test_what_is_ordered_is_not_refused_and_its_folder_is_not_looked_for(self, target: Target) -> None:
        (target.mounts / "data" / "www").mkdir(parents=True)
        (target.mounts / "data" / "www" / "old").touch()
        told = [m for m in asked(target).messages if isinstance(m, (MountsNested, MountedTwice, MountPointNotEmpty))]
        assert [m.as_dict()["path"] for m in told] == [f"{target.mounts}/data"], "only of what is outside"

    def test_the_folder_of_the_inner_one_is_not_made(self, target: Target) -> None:
        target.extend("/www")
        assert [path.name for path in target.mounts.iterdir()] == ["data"]
        assert list((target.mounts / "data").iterdir()) == []
        assert Dependency("/www", "/data") in target.port.now.dependencies

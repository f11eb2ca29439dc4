"""Every message of the guide of 2006, provoked through the programs that the guide's users call.

One case for each number: what brings it about, its whole text, and how the program ends. The machines, their LVM and
their disks are in memory, and so is the cluster where there are two; everything above is real, from the scripts down.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.model.instance import DISK, INTELLIGENT, ISP, Dependency, Instance
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import catalogue
from lvmkit.model.settings import Settings
from tests.unit.machine import SharedDisk, uuid_of
from tests.unit.machine.disks import write
from tests.unit.one_server import POINT, Bare, Server
from tests.unit.world.world import POINT as SHARED_POINT
from tests.unit.world.world import World

if TYPE_CHECKING:
    from tests.unit.machine import Answer, Machine

NUMBERS = (*range(1, 16), 18, 19, *range(21, 31), *range(110000, 110010))
"""of the guide's tables, which lack 16, 17 and 20"""
ANY = " ..."
"""a reason in words that are not the kit's own"""
CREATE = ("-s", "INTELLIGENT", "-p")

Case = Callable[[Path], "Answer"]
CASES: dict[int, tuple[Case, str, int]] = {}
"""number: what provokes it, its text, the exit code of the program"""


def case(number: int, text: str, code: int = 1) -> Callable[[Case], Case]:
    """Enter a case into the table."""

    def enter(provoke: Case) -> Case:
        assert number not in CASES
        CASES[number] = provoke, text, code
        return provoke

    return enter


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{number:06d}")
def test_a_program_of_the_guide_says_it(number: int, tmp_path: Path) -> None:
    provoke, text, code = CASES[number]
    text = text.replace("PATH", str(tmp_path))
    answer = provoke(tmp_path)
    assert number in answer.said, answer.err
    assert (_text(number, answer, text), answer.code) == (text, code)
    assert "Traceback" not in answer.err


def _text(number: int, answer: Answer, expected: str) -> str:
    """The text that was said under a number, the expected one where there are several; a reason may be left open."""
    found = re.findall(rf"^\S+: [A-Z]+(?:[^\n]*?:| ){number:06d}: ?(.*)$", answer.err, re.MULTILINE)
    found = [text[: len(expected) - len(ANY)] + ANY for text in found] if expected.endswith(ANY) else found
    return expected if expected in found else found[0]


def test_all_37_messages_have_a_case_and_no_other_number_has_one() -> None:
    assert len(NUMBERS) == 37
    assert sorted(CASES) == sorted(NUMBERS) == [number for number in catalogue() if number < 110010]


# -- places


def shared(folder: Path) -> World:
    """A file system in service on n1; n2 sees its disk and has nothing of it yet."""
    world = World(folder)
    world.activate("n1")
    assert world.kit("n1", "create", SHARED_POINT).code == 0
    return world


def extended(folder: Path) -> World:
    """The same, extended to n2."""
    world = shared(folder)
    assert world.kit("n1", "extend", SHARED_POINT, "--to", "n2").code == 0
    return world


def with_parent(folder: Path) -> Bare:
    """Nothing is protected; a file system is mounted, and another kit has a resource of its own, db."""
    server = Bare(folder)
    server.activate()
    server.machine.mount_at(POINT, "vg1/data")
    store(server.machine, Instance("n1", "database", "db", "db", "db", "", ISP, switchback=INTELLIGENT))
    return server


def store(machine: Machine, instance: Instance, *links: Dependency) -> None:
    """What another kit does by ins_create and dep_create, which take no admin lock."""
    with machine.running():
        Engine(machine.paths, Settings()).commit(Change(add=(instance,), link=links))


def of_another_machine(folder: Path) -> Server:
    """The database on this machine is a copy of another one's."""
    server = Server(folder)
    Path(server.machine.real("/etc/machine-id")).write_text("f" * 32)
    return server


def ends_at(machine: Machine, event: str) -> None:
    """A signal ends what runs when it comes to an event."""

    def watch(happening: str) -> None:
        if event in happening:
            machine.watch = lambda _event: None
            raise Interruption("SIGTERM")

    machine.watch = watch


def script(machine: Machine, path: str) -> Path:
    """A script as it is installed on a machine."""
    return Path(machine.paths.lkroot, path)


# -- common messages


@case(1, "Calling sendevent for resource /data on server n1", 0)
def a_check_finds_what_can_be_recovered(folder: Path) -> Answer:
    server = Server(folder)
    server.unmount()
    return server.machine.command("check", "--all")


@case(2, "Usage error: restore -t TAG -i ID")
def an_action_gets_an_option_that_it_does_not_have(folder: Path) -> Answer:
    return Bare(folder).machine.action("lvmvg", "restore", "vg1", "", "-x", "y")


@case(10, "Error getting resource information: PATH/n1/state/engine.sqlite: ...")
def the_engine_s_database_cannot_be_opened(folder: Path) -> Answer:
    machine = Server(folder).machine
    os.unlink(machine.paths.database)
    os.mkdir(machine.paths.database)
    return machine.action("lvmvg", "restore", "vg1")


@case(11, "Both Tag and ID name not specified")
def an_action_gets_neither_tag_nor_id(folder: Path) -> Answer:
    return Bare(folder).machine.action("lvmvg", "restore")


@case(19, "Resource not found on local server: none")
def an_action_gets_a_tag_that_nobody_has(folder: Path) -> Answer:
    return Server(folder).machine.action("lvmvg", "restore", "none")


@case(22, "END failed hierarchy /data in service on server n1")
def a_hierarchy_does_not_come_in_service(folder: Path) -> Answer:
    server = Server(folder)
    server.machine.command("out-of-service", "vg1")
    server.machine.detach(server.disks[1])
    return server.machine.command("in-service", "/data")


@case(26, "END failed restore for vg1 on server n1 due to SIGTERM signal")
def a_signal_ends_an_action(folder: Path) -> Answer:
    server = Server(folder)
    server.take_down()
    ends_at(server.machine, "vgchange -ay")
    return server.machine.action("lvmvg", "restore", "vg1")


# -- hierarchy creation


@case(12, "Switchback type not specified")
def create_gets_no_switchback(folder: Path) -> Answer:
    return Bare(folder).machine.admin("lvmlv/create", "-t", "x", "-p", "/dev/vg1/data")


@case(13, "Usage error: create -t TAG -s INTELLIGENT|AUTOMATIC -p MOUNTPOINT|DEVICE")
def create_gets_nothing(folder: Path) -> Answer:
    return Bare(folder).machine.admin("lvmlv/create")


@case(14, "Resource with either matching tag /data or ID exists")
def create_gets_a_tag_that_is_taken(folder: Path) -> Answer:
    machine = Server(folder).machine
    machine.mount_at("/srv/www", "vg1/www")
    return machine.admin("filesys/create", "-t", "/data", *CREATE, "/srv/www")


@case(15, "ins_create failed on server n1: Resource with either matching tag vg1 or ID exists")
def somebody_makes_an_instance_of_the_tag_meanwhile(folder: Path) -> Answer:
    machine = Bare(folder).machine

    def watch(event: str) -> None:
        if "--setautoactivation" in event:
            machine.watch = lambda _event: None
            store(machine, Instance("n1", "database", "db", "vg1", "db", "", ISP))

    machine.watch = watch
    return machine.admin("lvmvg/create", "-t", "vg1", *CREATE, "/dev/vg1/data")


@case(18, "Error creating resource www on server n1")
def a_step_of_a_creation_fails(folder: Path) -> Answer:
    return of_another_machine(folder).machine.admin("lvmlv/create", "-t", "www", *CREATE, "/dev/vg1/www")


def foreign_table(folder: Path) -> Answer:
    """Create a resource whose volume does not come up, as somebody else has a device of its name."""
    machine = Bare(folder).machine
    machine.dm.create("vg1-www", "other", "linear", (), ())
    return machine.admin("lvmvg/create", "-t", "vg1", *CREATE, "/dev/vg1/data")


case(21, "Removing resource instance vg1 from server n1 due to an error during creation")(foreign_table)
case(23, "Error bringing resource vg1 in service on server n1")(foreign_table)
case(24, "Failed resource creation of resource vg1 on server n1")(foreign_table)


def parent_without_file_system(folder: Path) -> Answer:
    """A parent kit asks for its file system, and storage breaks before that is in service."""
    server = with_parent(folder)
    machine = server.machine

    def watch(event: str) -> None:
        if "lvmvg/actions/restore" in event:
            machine.dm.listing = False

    machine.watch = watch
    return machine.admin("filesys/filesyshier", "-t", "db", "-p", f"{POINT}/data")


case(27, "Removing file system dependency from db to /srv/data on server n1 due to an error during creation")(
    parent_without_file_system
)
case(28, "Removing file system hierarchy /srv/data created by db on server n1 due to an error during creation")(
    parent_without_file_system
)


@case(29, "Switchback type mismatch between parent www and child vg1 on server n1", 0)
def parent_and_child_come_back_under_different_rules(folder: Path) -> Answer:
    return Server(folder).machine.admin("lvmlv/create", "-t", "www", "-s", "AUTOMATIC", "-p", "/dev/vg1/www")


@case(30, "create: tag name not specified")
def create_gets_no_tag(folder: Path) -> Answer:
    return Bare(folder).machine.admin("lvmlv/create", *CREATE, "/dev/vg1/data")


# -- hierarchy extension


@case(3, "Template resource none on server n1 does not exist")
def a_template_is_not_there(folder: Path) -> Answer:
    return shared(folder).admin("n2", "lvmlv/canextend", "n1", "none")


@case(4, "Template resource vg1/data cannot be extended to server n2 because it already exists there")
def the_target_has_it_already(folder: Path) -> Answer:
    return extended(folder).admin("n2", "lvmlv/extend", "n1", "vg1/data", "-t", "vg1/data")


def without_script(folder: Path, name: str) -> Answer:
    """Extend to a server whose kit lacks a script."""
    world = shared(folder)
    script(world.machines["n2"], f"lkadm/subsys/scsi/lvmvg/bin/{name}").unlink()
    return world.admin("n2", "lvmlv/extend", "n1", "vg1/data", "-t", "vg1/data")


@case(5, "Cannot access canextend script on server n2")
def the_target_lacks_canextend(folder: Path) -> Answer:
    return without_script(folder, "canextend")


@case(6, "Cannot access extend script PATH/n2/lk/lkadm/subsys/scsi/lvmvg/bin/extend on server n2")
def the_target_lacks_extend(folder: Path) -> Answer:
    return without_script(folder, "extend")


@case(7, "Cannot access depstoextend script PATH/n2/lk/lkadm/subsys/scsi/lvmvg/bin/depstoextend on server n2")
def the_target_lacks_depstoextend(folder: Path) -> Answer:
    return without_script(folder, "depstoextend")


@case(8, "Cannot extend resource vg1/data to server n2")
def the_target_lacks_a_disk(folder: Path) -> Answer:
    world = shared(folder)
    world.machines["n2"].detach(world.disk)
    return world.admin("n2", "lvmlv/canextend", "n1", "vg1/data")


@case(9, "Either <templatesys> or <templatetag> argument missing")
def canextend_gets_no_template(folder: Path) -> Answer:
    return Bare(folder).machine.admin("lvmlv/canextend", "n1")


@case(
    25,
    'END failed resource extension of vg1/data on server n2 due to a "SIGTERM" signal'
    " - backing out changes made to server",
)
def a_signal_ends_an_extension(folder: Path) -> Answer:
    world = shared(folder)
    ends_at(world.machines["n2"], "cibadmin --patch")
    return world.admin("n2", "lvmlv/extend", "n1", "vg1/data", "-t", "vg1/data")


# -- the LVM kit's own


@case(110000, "lvmvg resource type is not installed on n1.")
def the_type_has_no_scripts_here(folder: Path) -> Answer:
    machine = Bare(folder).machine
    script(machine, "subsys/scsi/resources/lvmvg/actions/restore").unlink()
    return machine.admin("lvmvg/create", "-t", "vg1", *CREATE, "/dev/vg1/data")


@case(110001, "This script must be executed on n1.", 5)
def another_server_has_the_volume_group(folder: Path) -> Answer:
    return shared(folder).adddelpv("n2", "vg1")


@case(110002, "Failed to create /dev/vg9/data hierarchy.")
def a_volume_that_is_not_there_is_to_be_protected(folder: Path) -> Answer:
    return Bare(folder).machine.admin("lvmlv/devicehier", "-p", "/dev/vg9/data")


@case(110003, "Failed to create dependency vg1-/data on machine n1.")
def a_volume_group_cannot_require_what_stands_on_it(folder: Path) -> Answer:
    return Server(folder).machine.admin("filesys/filesyshier", "-t", "vg1", "-p", POINT)


@case(110004, "LifeKeeper internal ID /dev/vg1/data already in use.")
def a_volume_that_is_protected_gets_another_tag(folder: Path) -> Answer:
    return Server(folder).machine.admin("lvmlv/create", "-t", "other", *CREATE, "/dev/vg1/data")


@case(110005, "lvmlv constructor requires a valid argument: vg1/data")
def a_device_is_named_by_no_path(folder: Path) -> Answer:
    return Bare(folder).machine.admin("lvmlv/create", "-t", "x", *CREATE, "vg1/data")


@case(110006, "Usage: adddelpv <VG tag> [addlist dellist]", 2)
def adddelpv_gets_one_list(folder: Path) -> Answer:
    return Server(folder).machine.adddelpv("vg1", "/dev/sdc")


@case(110007, "WARNING: Failure in updating list of LifeKeeper-controlled volume groups (/etc/lkvgs). ...", 0)
def the_list_cannot_be_written(folder: Path) -> Answer:
    machine = Bare(folder).machine
    os.mkdir(machine.paths.lkvgs)
    return machine.admin("lvmvg/create", "-t", "vg1", *CREATE, "/dev/vg1/data")


@case(
    110008,
    "WARNING: The device hierarchy for /dev/disk/by-id/wwn-B, with tag disk-B, cannot be extended automatically."
    " n2 does not have it.",
    0,
)
def a_group_grows_onto_a_disk_that_the_other_server_lacks(folder: Path) -> Answer:
    world, disk = extended(folder), SharedDisk("B")
    world.machines["n1"].attach(disk)
    grow((world.disk,), disk)
    return world.adddelpv("n1", "vg1", "--yes")


def grow(disks: tuple[SharedDisk, ...], new: SharedDisk) -> None:
    """vgextend."""
    new.pv_uuid = uuid_of(f"pv{new.serial}")
    before = disks[0].metadata
    assert before is not None
    write(replace(before, disks=(*before.disks, new.pv_uuid)), (*disks, new))


@case(
    110009,
    "Failed to create a dependency between volume group resource vg1 and device resource /dev/disk/by-id/wwn-C.",
)
def a_group_grows_onto_what_stands_on_it(folder: Path) -> Answer:
    server, disk = Server(folder), SharedDisk("C")
    server.machine.attach(disk)
    grow(server.disks, disk)
    place = "/dev/disk/by-id/wwn-C"
    store(server.machine, Instance("n1", "scsi", DISK, "disk-C", place, "", ISP), Dependency("disk-C", "vg1"))
    return server.machine.adddelpv("vg1", "--yes")

"""The engine's SQLite file and the changes that it takes: whole or not at all, and never an sqlite3 exception."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lvmkit.cluster.embedded import changes, database, flags, rows, schema
from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ILLSTATE as ILL
from lvmkit.model.instance import INIT_OSU, ISP, ISU, OSF, OSU, Dependency, Instance
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import (
    DatabaseDamaged,
    DatabaseOfAnotherName,
    DatabaseOfAnotherServer,
    DatabaseTooNew,
    HasDependents,
    NotStored,
    StateNotStored,
    Unexpected,
)
from lvmkit.model.messages.guide import (
    DependencyNotCreated,
    IdInUse,
    ResourceExists,
    ResourceInformationUnreadable,
    ResourceNotFound,
    TagAndIdMissing,
    WrongServer,
)
from lvmkit.model.value import replace
from lvmkit.storage import boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = os.uname().nodename
LIB = str(Path(__file__).parents[2] / "lib")


def instance(tag: str, kind: str = "device", **named: str) -> Instance:
    return Instance(HERE, "scsi", kind, tag, named.pop("id", f"id-{tag}"), **named)


VG, LV, FS = instance("vg", "lvmvg"), instance("lv", "lvmlv"), instance("/data", "filesys")
TREE = Change(add=(VG, LV, FS), link=(Dependency("lv", "vg"), Dependency("/data", "lv")))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return f"{tmp_path}/state/100%?#/engine.sqlite"


def commit(path: str, change: Change) -> None:
    with database.writing(path) as connection:
        changes.apply(connection, change)


def set_state(path: str, tag: str, state: str, reason: str = "") -> None:
    with database.writing(path) as connection:
        changes.set_state(connection, tag, state, reason)


def stored(path: str) -> Hierarchy:
    with database.reading(path) as connection:
        return rows.hierarchy(connection)


def one(path: str, tag: str | None, resource_id: str | None = None) -> Instance:
    with database.reading(path) as connection:
        return rows.find(connection, tag, resource_id)


def wanted(path: str, tag: str) -> bool:
    with database.reading(path) as connection:
        return tag in rows.wanted(connection)


def refused(work: Callable[[], object]) -> tuple[Message, ...]:
    with pytest.raises(Failure) as caught:
        work()
    return caught.value.messages


def in_child(work: Callable[[], object]) -> int:
    """Start a process that does the work; its number."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> int:
    """The exit status of a child; -N when signal N ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_nothing_stored_reads_as_an_empty_engine_and_makes_no_files(path: str, tmp_path: Path) -> None:
    assert stored(path) == Hierarchy()
    with database.reading(path) as connection:
        assert rows.server(connection) is None
        assert flags.names(connection) == ()
    assert list(tmp_path.iterdir()) == []


def test_what_is_committed_is_read_again_in_the_order_of_creation(path: str) -> None:
    full = replace(VG, info="a=1\x02b=ü", state=OSF, reason="why", initialisation=INIT_OSU, switchback="AUTOMATIC")
    commit(path, replace(TREE, add=(FS, LV, full)))
    assert stored(path) == Hierarchy((FS, LV, full), TREE.link)


def test_only_root_can_look_into_the_database(path: str) -> None:
    commit(path, TREE)
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(os.path.dirname(path)) == ["engine.sqlite"]


def test_it_is_kept_as_durably_as_promised(path: str) -> None:
    with database.writing(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for many refusals."""
    path = f"{tmp_path_factory.mktemp('kept')}/engine.sqlite"
    commit(path, TREE)
    return path


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        (Change(add=(instance("new"), instance("vg"))), [ResourceExists]),
        (Change(add=(instance("new"), instance("new", id="x"))), [ResourceExists]),
        (Change(add=(instance("new", "lvmvg", id="id-vg"),)), [IdInUse]),
        (Change(update=(replace(FS, type="lvmvg", id="id-vg"),)), [IdInUse]),
        (Change(update=(instance("new"),)), [NotStored]),
        (Change(remove=("new",)), [NotStored]),
        (Change(remove=("vg",)), [HasDependents]),
        (Change(remove=("vg", "lv")), [HasDependents]),
        (Change(unlink=(Dependency("/data", "vg"),)), [NotStored]),
        (Change(link=(Dependency("/data", "new"),)), [DependencyNotCreated, NotStored]),
        (Change(link=(Dependency("new", "vg"),)), [DependencyNotCreated, NotStored]),
        (Change(link=(Dependency("lv", "vg"),)), [DependencyNotCreated, NotStored]),
        (Change(link=(Dependency("vg", "/data"),)), [DependencyNotCreated, NotStored]),
        (Change(link=(Dependency("vg", "vg"),)), [DependencyNotCreated, NotStored]),
        (
            Change(add=(instance("new"),), link=(Dependency("vg", "new"), Dependency("new", "lv"))),
            [DependencyNotCreated, NotStored],
        ),
        (Change(add=(replace(VG, tag="new", id="x", server="elsewhere"),)), [NotStored]),
        (Change(add=(instance("../new"),)), [InvalidName]),
        (Change(add=(instance("new", id=""),)), [InvalidName]),
        (Change(add=(instance("new", id="a\x01b"),)), [InvalidName]),
        (Change(add=(instance("new", id="/mnt/\udcff"),)), [InvalidName]),
        (Change(add=(instance("new", info="a\nb"),)), [InvalidName]),
        (Change(add=(instance("new", "../../tmp"),)), [InvalidName]),
        (Change(add=(instance("new", state="UP"),)), [InvalidName]),
        (Change(add=(instance("new", initialisation="X"),)), [InvalidName]),
        (Change(add=(instance("new", switchback="X"),)), [InvalidName]),
    ],
)
def test_a_change_that_does_not_fit_is_refused_and_leaves_nothing(
    kept: str, change: Change, numbers: list[type[Message]]
) -> None:
    more = replace(change, add=(instance("first"), *change.add))
    assert [type(message) for message in refused(lambda: commit(kept, more))] == numbers
    assert stored(kept) == Hierarchy(TREE.add, TREE.link)


def test_the_refused_removal_names_who_requires_it(path: str) -> None:
    commit(path, TREE)
    assert refused(lambda: commit(path, Change(remove=("vg",)))) == (HasDependents("vg", ("lv",)),)


def test_removing_takes_the_dependencies_with_it(path: str) -> None:
    commit(path, TREE)
    commit(path, Change(remove=("/data", "lv")))
    assert stored(path) == Hierarchy((VG,), ())
    commit(path, Change(remove=("vg",), add=(LV, VG), link=(Dependency("lv", "vg"),)))
    assert stored(path).dependencies == (Dependency("lv", "vg"),)


def test_an_update_replaces_all_but_the_tag(path: str) -> None:
    commit(path, TREE)
    changed = replace(LV, id="id-2", info="x=1", switchback="AUTOMATIC", state=ISP)
    commit(path, Change(update=(changed,), unlink=(Dependency("/data", "lv"),)))
    assert stored(path) == Hierarchy((VG, changed, FS), (Dependency("lv", "vg"),))


def test_states_are_stored_with_a_harmless_reason(path: str) -> None:
    commit(path, TREE)
    set_state(path, "vg", OSF, "one\ntwo\x01three" + "." * 1000)
    assert one(path, "vg").reason.startswith("one two three...")
    assert len(one(path, "vg").reason) == 500
    assert isinstance(refused(lambda: set_state(path, "no", ISP))[0], ResourceNotFound)
    assert refused(lambda: set_state(path, "vg", "UP")) == (InvalidName("UP", "state"),)


def test_one_instance_is_found_by_tag_by_id_or_by_both(path: str) -> None:
    commit(path, TREE)
    assert one(path, "vg") == one(path, None, "id-vg") == one(path, "vg", "id-vg") == one(path, "", "id-vg") == VG
    assert isinstance(refused(lambda: one(path, "vg", "id-lv"))[0], ResourceNotFound)
    assert isinstance(refused(lambda: one(path, "none"))[0], ResourceNotFound)
    assert isinstance(refused(lambda: one(path, None, ""))[0], TagAndIdMissing)
    assert isinstance(refused(lambda: one(path, "\udcff"))[0], InvalidName)


def test_an_id_of_two_types_does_not_say_which_is_meant(path: str) -> None:
    commit(path, Change(add=(instance("a", "device", id="/dev/x"), instance("b", "disk", id="/dev/x"))))
    assert isinstance(refused(lambda: one(path, None, "/dev/x"))[0], ResourceNotFound)
    assert one(path, "b", "/dev/x").type == "disk"


@pytest.fixture
def reboot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    def forget() -> None:
        (tmp_path / "boot_id").write_text(f"boot-{random.random()}\n")  # noqa: S311
        monkeypatch.setattr(boot, "_BOOT_ID", str(tmp_path / "boot_id"))

    return forget


@pytest.mark.parametrize(
    ("before", "after", "should_be_up"), [(ISP, ILL, True), (ISU, ILL, True), (OSU, OSU, False), (OSF, OSF, False)]
)
def test_a_reboot_makes_in_service_unknown_but_still_wanted(
    path: str, reboot: Callable[[], None], before: str, after: str, should_be_up: bool
) -> None:
    commit(path, TREE)
    set_state(path, "vg", before)
    assert one(path, "vg").state == before
    reboot()
    assert one(path, "vg").state == after
    assert one(path, "vg").reason == (rows.NOT_CHECKED if should_be_up else "")
    assert wanted(path, "vg") is should_be_up


def test_an_update_after_the_reboot_does_not_forget_what_is_wanted(path: str, reboot: Callable[[], None]) -> None:
    commit(path, replace(TREE, add=(replace(VG, state=ISP), LV, FS)))
    reboot()
    commit(path, Change(update=(replace(one(path, "vg"), info="x=2"),)))
    assert (one(path, "vg").state, wanted(path, "vg")) == (ILL, True)
    set_state(path, "vg", OSU)
    assert not wanted(path, "vg")


def test_only_what_is_to_be_restored_automatically_is_wanted(path: str) -> None:
    commit(path, Change(add=(instance("a", state=ISP), instance("b", state=ISP, initialisation=INIT_OSU))))
    assert wanted(path, "a")
    assert not wanted(path, "b")
    assert not wanted(path, "none")


THIS, OTHER = "0" * 31 + "1", "0" * 31 + "2"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Gives this host another name and machine ID; '' for none."""
    uname = os.uname()
    monkeypatch.setattr(boot, "_MACHINE_ID", f"{tmp_path}/machine-id")

    def become(name: str, machine: str) -> None:
        monkeypatch.setattr(os, "uname", lambda: os.uname_result((uname[0], name, *uname[2:])))
        (tmp_path / "machine-id").write_text(f"{machine}\n")

    become(HERE, THIS)
    return become


def test_a_host_that_was_renamed_goes_on_under_its_new_name(path: str, host: Callable[..., None]) -> None:
    commit(path, TREE)
    host("renamed", THIS)
    assert {each.server for each in stored(path).instances} == {"renamed"}
    set_state(path, "vg", ISP)
    commit(path, Change(add=(replace(instance("new"), server="renamed"),)))
    with database.reading(path) as connection:
        assert rows.server(connection) == "renamed"
    host(HERE, THIS)
    assert {each.server for each in stored(path).instances} == {HERE}


@pytest.mark.parametrize("name", [HERE, "elsewhere"])
def test_another_machine_may_read_but_not_write(path: str, host: Callable[..., None], name: str) -> None:
    commit(path, TREE)
    host(name, OTHER)
    messages = refused(lambda: set_state(path, "vg", ISP))
    assert messages == (DatabaseOfAnotherServer(path, HERE, THIS, name, OTHER), WrongServer(HERE))
    assert stored(path).tags == ("vg", "lv", "/data")
    assert {each.server for each in stored(path).instances} == {HERE}


@pytest.mark.parametrize("machine", ["", "uninitialized", "x" * 32])
def test_without_a_machine_id_the_name_decides(path: str, host: Callable[..., None], machine: str) -> None:
    host(HERE, machine)
    commit(path, TREE)
    host("renamed", machine)
    assert refused(lambda: set_state(path, "vg", ISP))[0] == DatabaseOfAnotherName(path, HERE, "renamed")
    host("renamed", THIS)
    assert refused(lambda: set_state(path, "vg", ISP))[0] == DatabaseOfAnotherName(path, HERE, "renamed")
    host(HERE, THIS)
    set_state(path, "vg", ISP)
    host("renamed", THIS)
    set_state(path, "vg", ISP)


def test_a_machine_id_that_is_lost_is_not_forgotten(path: str, host: Callable[..., None]) -> None:
    commit(path, TREE)
    host(HERE, "")
    set_state(path, "vg", ISP)
    host("renamed", THIS)
    set_state(path, "vg", ISP)


def damages() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    yield "random", lambda whole: random.Random(1).randbytes(len(whole))  # noqa: S311
    yield "random pages", lambda whole: whole[:100] + random.Random(1).randbytes(len(whole) - 100)  # noqa: S311
    yield "empty", lambda whole: b""
    for size in (1, 50, 100, 4095, 4096, 8192):
        yield f"truncated to {size}", lambda whole, size=size: whole[:size]  # type: ignore[misc]
    yield "last page lost", lambda whole: whole[:-4096]


@pytest.mark.parametrize("damage", [pytest.param(work, id=name) for name, work in damages()])
def test_a_damaged_file_is_told_as_such_and_left_alone(path: str, damage: Callable[[bytes], bytes]) -> None:
    commit(path, TREE)
    broken = damage(Path(path).read_bytes())
    Path(path).write_bytes(broken)
    assert isinstance(refused(lambda: commit(path, Change(remove=("/data",))))[0], DatabaseDamaged)
    assert Path(path).read_bytes() == broken


def test_a_database_without_our_tables_is_damaged(path: str) -> None:
    os.makedirs(os.path.dirname(path))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert isinstance(refused(lambda: stored(path))[0], DatabaseDamaged)


def test_a_newer_database_is_left_to_the_newer_kit(path: str) -> None:
    commit(path, TREE)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert refused(lambda: stored(path)) == (DatabaseTooNew(path, 99, len(schema.MIGRATIONS)),)
    assert refused(lambda: commit(path, TREE)) == (DatabaseTooNew(path, 99, len(schema.MIGRATIONS)),)


def test_an_older_database_is_read_as_it_is_and_migrated_by_the_next_change(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(path, TREE)
    old = Path(path).read_bytes()
    step = ("ALTER TABLE identity ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",)
    monkeypatch.setattr(database, "MIGRATIONS", (*schema.MIGRATIONS, step))
    query = "SELECT colour FROM identity"
    with database.reading(path) as connection:
        assert connection.execute(query).fetchone() == ("blue",)
    assert Path(path).read_bytes() == old
    set_state(path, "vg", ISP)
    direct = sqlite3.connect(path)
    assert direct.execute(query).fetchone() == ("blue",)
    assert direct.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS) + 1,)
    direct.close()


def test_something_else_in_place_of_file_or_folder_has_its_number(path: str, tmp_path: Path) -> None:
    os.makedirs(path)
    assert isinstance(refused(lambda: stored(path))[0], ResourceInformationUnreadable)
    assert isinstance(refused(lambda: commit(path, TREE))[0], StateNotStored)
    (tmp_path / "file").write_text("")
    below_a_file = f"{tmp_path}/file/engine.sqlite"
    assert isinstance(refused(lambda: stored(below_a_file))[0], ResourceInformationUnreadable)
    assert isinstance(refused(lambda: commit(below_a_file, TREE))[0], StateNotStored)


def test_a_fault_of_our_own_is_no_damage(path: str) -> None:
    def misuse() -> None:
        with database.writing(path) as connection:
            connection.execute("INSERT INTO identity (only, server) VALUES (2, 'x')")

    assert isinstance(refused(misuse)[0], Unexpected)


def test_a_full_disk_leaves_the_old_records(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(path, TREE)
    connect = database._connect

    def connect_to_full_disk(path: str, options: str) -> sqlite3.Connection:
        connection = connect(path, options)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite then answers as for ENOSPC: SQLITE_FULL
        return connection

    monkeypatch.setattr(database, "_connect", connect_to_full_disk)
    many = Change(add=tuple(instance(f"more{n}", info="x=" + "x" * 500) for n in range(50)))
    messages = refused(lambda: commit(path, many))
    assert isinstance(messages[0], StateNotStored)
    assert "full" in messages[0].why
    assert stored(path).tags == ("vg", "lv", "/data")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[str]:
    folder = str(tmp_path / "disk")
    os.mkdir(folder)
    made = subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", "size=128k", "none", folder], capture_output=True)
    if made.returncode:
        pytest.skip(f"no right to mount: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["/usr/bin/umount", folder], check=True)


def test_a_really_full_disk_leaves_the_old_records(small_disk: str) -> None:
    path = f"{small_disk}/engine.sqlite"
    commit(path, TREE)
    many = Change(add=tuple(instance(f"more{n}", info="x=" + "x" * 900) for n in range(200)))
    assert isinstance(refused(lambda: commit(path, many))[0], StateNotStored)
    assert stored(path).tags == ("vg", "lv", "/data")
    set_state(path, "vg", ISP)
    assert one(path, "vg").state == ISP


def test_a_disk_full_from_the_start_leaves_no_half_made_database(small_disk: str) -> None:
    path = f"{small_disk}/engine.sqlite"
    Path(small_disk, "ballast").write_bytes(b"x" * 100 * 1024)
    assert isinstance(refused(lambda: commit(path, TREE))[0], StateNotStored)
    assert os.listdir(small_disk) == ["ballast"]
    assert stored(path) == Hierarchy()


def test_what_is_stored_can_be_read_where_there_is_no_room_for_sqlite_s_own_files(path: str) -> None:
    with database.writing(path) as connection:
        changes.apply(connection, TREE)
    code = """import resource, sys
sys.path.insert(0, sys.argv[1])
from lvmkit.cluster.embedded import database, rows
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
with database.reading(sys.argv[2]) as connection:
    print(*rows.hierarchy(connection).tags)"""
    words = (sys.executable, "-IS", "-c", code, LIB, path)
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (told.stdout.split(), told.stderr) == (["vg", "lv", "/data"], "")


def test_a_file_system_that_turned_read_only_can_still_be_read(small_disk: str) -> None:
    path = f"{small_disk}/engine.sqlite"
    commit(path, TREE)
    subprocess.run(["/usr/bin/mount", "-o", "remount,ro", small_disk], check=True)
    assert stored(path).tags == ("vg", "lv", "/data")
    assert isinstance(refused(lambda: set_state(path, "vg", ISP))[0], StateNotStored)


def test_a_busy_database_is_waited_for_and_then_told(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(path, TREE)
    monkeypatch.setattr(database, "BUSY_PATIENCE", 0.02)
    with database.writing(path):
        assert stored(path).tags == ("vg", "lv", "/data")
        assert isinstance(refused(lambda: set_state(path, "vg", ISP))[0], StateNotStored)
    set_state(path, "vg", ISP)


def test_processes_that_commit_at_once_all_succeed(path: str) -> None:
    def add(name: str) -> None:
        for number in range(5):
            commit(path, Change(add=(instance(f"{name}{number}a"), instance(f"{name}{number}b"))))

    children = [in_child(lambda name=name: add(name)) for name in "xyz"]  # type: ignore[misc]
    assert [ended(child) for child in children] == [0, 0, 0]
    assert len(stored(path).tags) == 30
    assert not [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".new")]


def test_two_that_want_the_same_tag_at_once_cannot_both_have_it(path: str) -> None:
    children = [in_child(lambda: commit(path, TREE)) for _ in range(3)]
    assert sorted(ended(child) for child in children) == [0, 1, 1]
    assert stored(path) == Hierarchy(TREE.add, TREE.link)


def test_a_kill_at_any_statement_leaves_all_or_nothing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, seen, stage = database._connect, [0], 1

    def connect_and_die(path: str, options: str) -> sqlite3.Connection:
        connection = connect(path, options)
        connection.set_trace_callback(die_in_time)
        return connection

    def die_in_time(_statement: str) -> None:
        seen[0] += 1
        if seen[0] == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    def commit_in_danger() -> None:
        monkeypatch.setattr(database, "_connect", connect_and_die)
        commit(path, TREE)

    while ended(in_child(commit_in_danger)) != 0:
        assert stored(path) == Hierarchy()
        stage += 1
    assert stage > 12
    assert stored(path) == Hierarchy(TREE.add, TREE.link)


def test_hundreds_of_instances_stay_quick(path: str) -> None:
    lvs = tuple(instance(f"lv{n}", "lvmlv") for n in range(256))
    pvs = tuple(instance(f"pv{n}") for n in range(255))
    links = (*(Dependency(lv.tag, "vg") for lv in lvs), *(Dependency("vg", pv.tag) for pv in pvs))
    start = time.process_time()
    commit(path, Change(add=(VG, *lvs, *pvs), link=links))
    assert len(stored(path).instances) == 512
    assert one(path, "lv200").id == "id-lv200"
    assert time.process_time() - start < 0.5


def test_looking_up_one_instance_imports_nothing_heavy() -> None:
    heavy = ["subprocess", "logging", "dataclasses", "re", "json", "argparse", "pathlib", "typing", "enum", "threading"]
    code = f"""
import sys
sys.path.insert(0, {LIB!r})
from lvmkit.cluster.embedded import Engine
from lvmkit.model.messages import Failure
from lvmkit.model.settings import Paths, Settings
from lvmkit.storage import records
try:
    Engine(Paths(state="/nonexistent"), Settings()).find("x", None)
except Failure as failure:
    print(failure.messages[0].number)
print([name for name in {heavy} if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "19\n[]\n"


def test_a_python_that_has_no_cache_in_c_gets_sqlite_with_the_real_functools() -> None:
    code = """
import _functools
del _functools._lru_cache_wrapper
import sys
sys.path.insert(0, "lib")
from lvmkit.cluster.embedded.sqlite import sqlite3
assert sqlite3.connect(":memory:").execute("select 7").fetchone() == (7,)
assert sys.modules["functools"].reduce
"""
    subprocess.run((sys.executable, "-IS", "-c", code), cwd=Path(__file__).parents[2], check=True)


def test_sqlite_works_without_functools_and_leaves_none_behind() -> None:
    """In a process of its own, for the tests have loaded functools."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(database.__file__).parents[3])!r})
from lvmkit.cluster.embedded.sqlite import sqlite3
assert not {{"functools", "collections"}} & set(sys.modules)
connection = sqlite3.connect(":memory:", cached_statements=2)
for number in (1, 2, 3, 1, 2, 3):
    assert connection.execute(f"SELECT {{number}} + ?", (1,)).fetchall() == [(number + 1,)]
connection.close()
import functools
assert functools.reduce
"""
    done = subprocess.run(["/usr/bin/python3", "-IS", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")

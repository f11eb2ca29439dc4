"""The PostgreSQL kit's own files with a real PostgreSQL, LifeKeeper's commands, and the embedded engine.

Only the file system below is none: the kit gets one of a type that does nothing. Root is needed, as the server runs as
another user.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ISP, OSU, Dependency
from lvmkit.model.messages import Message
from lvmkit.model.messages.engine import Recovered
from lvmkit.model.settings import Paths, Settings
from lvmkit.plan import Kit
from lvmkit.workflow import recover

ROOT = Path(__file__).parents[2]
KIT = ROOT / "share/kits/postgres"
VERSIONS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
TAG, MADE = "pgsql-main", "mount"
LCDI = """#!{python} -IS
import sys
sys.path.insert(0, {lib!r})
from lvmkit.entry.lcdi.program import main
from lvmkit.model.settings import Paths
sys.exit(main({name!r}, sys.argv[1:], Paths(**{paths!r})))
"""
FILESYSTEM = """#!/bin/sh
case ${0##*/} in
create) "$LKROOT/bin/ins_create" -a gen -r fakefs -t mount -i "$6" &&
    "$LKROOT/bin/perform_action" -t mount -a restore &&
    echo mount ;;
delete) "$LKROOT/bin/ins_remove" -t "$2" && echo "$2" ;;
esac
"""
NAMES = ("ins_create", "ins_list", "ins_gettag", "ins_remove", "dep_create", "dep_list", "eqv_list", "perform_action")


class Server:
    """A server with PostgreSQL, the kit and an engine; one database directory, whose server runs when asked to."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.folder, self.data = folder, folder / "data"
        given = {"lkroot": f"{folder}/lk", "state": f"{folder}/state", "run": f"{folder}/run"}
        given.update(lkvgs=f"{folder}/lkvgs", defaults=f"{folder}/defaults", cib=f"{folder}/cib")
        self.paths = Paths(**given)
        self.lkroot = Path(self.paths.lkroot)
        for part in ("subsys", "lkadm"):
            shutil.copytree(KIT / part, self.lkroot / part)
        for name in NAMES:
            text = LCDI.format(python=sys.executable, lib=f"{ROOT}/lib", name=name, paths=given)
            self._program(f"bin/{name}", text)
        for name in ("create", "delete"):
            self._program(f"lkadm/subsys/gen/filesys/bin/{name}", FILESYSTEM)
        for name in ("restore", "remove"):
            self._program(f"subsys/gen/resources/fakefs/actions/{name}", "#!/bin/sh\n")
        self.told: list[Message] = []
        self.engine = Engine(self.paths, Settings())
        self.kit = Kit(self.engine, self.paths, Settings(), self.told.append)
        self._make_database()

    def _program(self, name: str, text: str) -> None:
        path = self.lkroot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def _make_database(self) -> None:
        self.data.mkdir()
        shutil.chown(self.data, "postgres", "postgres")
        how = ("--no-sync", "--auth=trust", "--username=postgres", f"--pgdata={self.data}")
        subprocess.run(["runuser", "-u", "postgres", "--", str(VERSIONS[-1]), *how], check=True, capture_output=True)
        conf = f"unix_socket_directories = '{self.data}'\nlisten_addresses = ''\nshared_buffers = 2MB\n"
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(conf)

    def admin(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self._run(self.lkroot / f"lkadm/subsys/database/pgsql/bin/{name}", *words)

    def action(self, name: str) -> subprocess.CompletedProcess[str]:
        script = self.lkroot / f"subsys/database/resources/pgsql/actions/{name}"
        return self._run(script, "-t", TAG, "-i", str(self.data))

    def lcdi(self, name: str, *words: str) -> str:
        return self._run(self.lkroot / f"bin/{name}", *words).stdout

    def _run(self, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LKROOT": str(self.lkroot)}
        return subprocess.run([program, *words], env=environment, text=True, capture_output=True, check=False)

    def create(self) -> subprocess.CompletedProcess[str]:
        return self.admin("create", "-t", TAG, "-p", str(self.data), "-s", "intelligent")

    def sql(self, command: str) -> str:
        words = ["/usr/bin/psql", "-h", str(self.data), "-U", "postgres", "-Atqc", command]
        return subprocess.run(words, text=True, capture_output=True, check=True, cwd="/").stdout.strip()

    @property
    def pid(self) -> int:
        """The server's process; 0 where none says so."""
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except FileNotFoundError:
            return 0

    def kill(self) -> None:
        """The server dies, and its children with it."""
        process = Path(f"/proc/{self.pid}")
        os.kill(self.pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while (process.exists() or self.action("quickCheck").returncode == 0) and time.monotonic() < end:
            time.sleep(0.1)

    @property
    def graph(self) -> Hierarchy:
        return self.engine.hierarchy()

    def state(self) -> str:
        instance = self.graph.by_tag(TAG)
        return instance.state if instance else ""


@pytest.fixture
def server() -> Iterator[Server]:
    missing = "root is needed" if os.geteuid() else "" if VERSIONS else "PostgreSQL is not installed (make kits)"
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    with tempfile.TemporaryDirectory() as folder:
        made = Server(Path(folder))
        yield made
        made.action("remove")


def test_create_protects_the_server_with_its_file_system_and_brings_it_in_service(server: Server) -> None:
    made = server.create()
    assert (made.returncode, made.stdout) == (0, f"{TAG}\n"), made.stderr
    assert server.graph.dependencies == (Dependency(TAG, MADE),)
    assert (server.state(), server.sql("select 1")) == (ISP, "1")
    instance = server.graph.by_tag(TAG)
    assert instance is not None
    assert (instance.app, instance.type, instance.id) == ("database", "pgsql", str(server.data))


def test_out_and_in_keep_every_row(server: Server) -> None:
    server.create()
    server.sql("create table t as select generate_series(1, 1000) as n")
    server.lcdi("perform_action", "-t", MADE, "-a", "remove")
    assert (server.state(), server.pid) == (OSU, 0)
    server.lcdi("perform_action", "-t", TAG, "-a", "restore")
    assert (server.state(), server.sql("select count(*) from t")) == (ISP, "1000")


def test_a_killed_server_is_noticed_and_recovered(server: Server) -> None:
    server.create()
    server.sql("create table t as select 42 as n")
    before = server.pid
    server.kill()
    recover.watch(server.kit)
    assert Recovered(TAG) in server.told
    assert server.pid not in (0, before)
    assert server.sql("select n from t") == "42"
    assert server.action("quickCheck").returncode == 0


def test_actions_may_be_repeated(server: Server) -> None:
    server.create()
    before = server.pid
    assert [server.action("restore").returncode for _ in range(2)] == [0, 0]
    assert server.pid == before
    assert [server.action("remove").returncode for _ in range(2)] == [0, 0]
    assert server.action("quickCheck").returncode == 1


@pytest.fixture
def stranger() -> Iterator[int]:
    """A process of the same user that has nothing to do with the database."""
    words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "sleep", "600"]
    with subprocess.Popen(words, cwd="/") as process:
        yield process.pid
        process.kill()


def test_where_another_process_has_the_number_of_a_server_that_died_elsewhere_it_starts(
    server: Server, stranger: int
) -> None:
    server.create()
    server.kill()
    left = (server.data / "postmaster.pid").read_text().split("\n")
    (server.data / "postmaster.pid").write_text("\n".join([str(stranger), *left[1:]]))
    assert server.action("quickCheck").returncode == 1
    restored = server.action("restore")
    assert restored.returncode == 0, restored.stderr
    assert server.sql("select 1") == "1"
    assert server.pid != stranger


def test_remove_ends_no_other_process_that_has_the_number_of_a_server_that_died(server: Server, stranger: int) -> None:
    server.create()
    server.kill()
    (server.data / "postmaster.pid").write_text(f"{stranger}\n{server.data}\n")
    assert server.action("remove").returncode == 0
    assert Path(f"/proc/{stranger}/comm").read_text() == "sleep\n"


def test_a_session_that_does_not_end_does_not_keep_it_from_going(server: Server) -> None:
    server.create()
    words = ["/usr/bin/psql", "-h", str(server.data), "-U", "postgres", "-c", "select pg_sleep(600)"]
    with subprocess.Popen(words, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as session:
        time.sleep(0.5)
        assert server.action("remove").returncode == 0
        assert session.wait(10) != 0


def test_without_its_file_system_there_is_nothing_to_remove_and_nothing_to_start(server: Server) -> None:
    server.data.rename(server.folder / "elsewhere")
    assert server.action("remove").returncode == 0
    assert server.action("restore").returncode == 1
    (server.folder / "elsewhere").rename(server.data)


def test_a_create_that_fails_leaves_nothing(server: Server) -> None:
    (server.data / "postgresql.conf").write_text("nonsense\n")
    made = server.create()
    assert made.returncode == 1
    assert "900003" in made.stderr
    assert server.graph == Hierarchy()


def test_delete_leaves_the_server_running_and_nothing_protected(server: Server) -> None:
    server.create()
    deleted = server.admin("delete", "-t", TAG)
    assert (deleted.returncode, deleted.stdout) == (0, f"{MADE}\n"), deleted.stderr
    assert server.graph == Hierarchy()
    assert server.sql("select 1") == "1"


def test_what_extends_it_says_what_must_come_along_and_what_is_missing(server: Server) -> None:
    server.create()
    own = server.engine.local_server()
    assert server.admin("depstoextend", own, TAG).stdout == f"{MADE}\n"
    assert server.admin("canextend", own, TAG).returncode == 0
    assert server.admin("canextend", own, "other").returncode == 1
    server.lcdi("perform_action", "-t", TAG, "-a", "remove")
    record = server.lcdi("ins_list", "-f|", "-t", TAG).strip().split("|")
    assert record[5] == f"version={VERSIONS[-1].parts[-3]} user=postgres"

"""The scripts as an engine calls them, with no storage behind them: a few as real processes, what they share in one."""

from __future__ import annotations

import ast
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.entry import action, admin, report
from lvmkit.model.messages import Failure, catalogue
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.settings import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mock import MockerFixture

ROOT = Path(__file__).parents[2]
ACTIONS = sorted((ROOT / "opt").rglob("actions/*"))
RECOVERIES = sorted((ROOT / "opt").rglob("recovery/*/*"))
ADMIN = sorted((ROOT / "lkadm").rglob("bin/*"))
LIB = ROOT / "lib" / "lvmkit"


def _numbers_in_packages() -> set[int]:
    """Numbers that the packages' scripts print, which run where the kit is not there yet."""
    texts = "".join(path.read_text() for path in sorted((ROOT / "debian").glob("*.preinst")))
    return {int(number) for number in re.findall(r":(11\d{4}):", texts)}


def _numbers(stderr: str) -> list[int]:
    return [int(number) for number in re.findall(r"^\S+\[\d+\]: [A-Z]+:[^:]*:[^:]*:[^\n]*?:(\d{6}):", stderr, re.M)]


class Call:
    """Runs a script's main function in this process, with no engine and no log behind it."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._paths = Paths(
            state=f"{folder}/state", run=f"{folder}/run", defaults="/nowhere", own_defaults="/nowhere", cib="/nowhere"
        )
        self._capfd = capfd

    def __call__(
        self, main: Callable[[str, list[str], Paths], int], script: Path, *arguments: str
    ) -> tuple[int, list[int], str]:
        """(exit code, numbers on stderr, stdout)."""
        code = main(str(script), list(arguments), self._paths)
        out, err = self._capfd.readouterr()
        return code, _numbers(err), out


@pytest.fixture
def call(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    monkeypatch.setattr(report, "_send", lambda *_: True)
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in signals}
    yield Call(tmp_path, capfd)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("scripts", [ACTIONS + RECOVERIES, ADMIN])
def test_all_scripts_of_a_kind_are_the_same_few_lines(scripts: list[Path]) -> None:
    assert len({script.read_bytes() for script in scripts}) == 1
    assert len(scripts[0].read_text().splitlines()) <= 20
    assert all(script.stat().st_mode & 0o777 == 0o755 for script in scripts)


def test_every_type_has_the_scripts_that_an_engine_looks_for() -> None:
    places = {(script.parts[-3], script.name) for script in (*ACTIONS, *ADMIN)}
    for kind in ("lvmvg", "lvmlv", "filesys"):
        for name in ("restore", "remove", "remoteremove", "quickCheck", "delete"):
            assert (kind, name) in places
        for name in ("create", "extend", "canextend", "depstoextend", "delete", "unextend"):
            assert (kind, name) in places
    assert {("lvmlv", "devicehier"), ("lvmvg", "devicehier"), ("filesys", "filesyshier")} <= places


def test_every_type_has_a_recovery_for_the_event_that_is_sent() -> None:
    """LifeKeeper looks for recovery/<class>/<event>; the class that is sent is the resource type."""
    assert [script.parts[-4:] for script in RECOVERIES] == [
        (kind, "recovery", kind, "failed") for kind in ("filesys", "lvmlv", "lvmvg")
    ]


@pytest.mark.parametrize(
    ("script", "arguments", "number"),
    [
        ("opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions/restore", (), 11),
        ("opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions/quickCheck", ("-t", b"\xff\xfe"), 110100),
        ("opt/LifeKeeper/subsys/gen/resources/filesys/actions/delete", ("-t", "a\nb"), 110100),
        ("lkadm/subsys/scsi/lvmlv/bin/create", ("-p", b"vg\xff", "-t", "x"), 12),
    ],
)
def test_a_script_is_a_program_that_needs_nothing(script: str, arguments: tuple[str | bytes, ...], number: int) -> None:
    done = subprocess.run(
        [ROOT / script, *arguments], capture_output=True, text=True, errors="replace", timeout=20, env={}
    )
    assert (done.returncode, _numbers(done.stderr), done.stdout) == (1, [number], "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("script", ACTIONS, ids=lambda p: f"{p.parts[-3]}/{p.name}")
def test_an_action_without_tag_and_id_says_000011(call: Call, script: Path) -> None:
    assert call(action.main, script) == (1, [11], "")


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (("-x",), 2),
        (("-t",), 2),
        (("-t", "a", "b"), 2),
        (("-t", ""), 110100),
        (("-t", "-rf"), 110100),
        (("-t", "../x"), 110100),
        (("-t", "a" * 300), 110100),
        (("-t", "\udcff\udcfe"), 110100),
        (("-t", "a\nb"), 110100),
        (("-i", ""), 110005),
        (("-i", "/dev/vg/lv"), 110005),
        (("-i", "lvmvg-../x"), 110005),
        (("-i", "lvmvg-\udcff"), 110005),
        (("-t", "vg", "-i", "vg"), 110005),
    ],
)
@pytest.mark.parametrize("name", ["restore", "quickCheck"])
def test_absurd_arguments_get_a_number(call: Call, name: str, arguments: tuple[str, ...], number: int) -> None:
    script = ROOT / "opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions" / name
    assert call(action.main, script, *arguments) == (1, [number], "")


@pytest.mark.parametrize("name", ["quickCheck", "restore", "remove"])
def test_a_signal_ends_a_check_at_once_and_an_action_after_it_has_backed_out(call: Call, name: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    call(action.main, ROOT / "opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions" / name)
    ends_it = {signal.getsignal(number) is signal.SIG_DFL for number in (signal.SIGTERM, signal.SIGINT)}
    assert ends_it == {name == "quickCheck"}


@pytest.mark.parametrize(
    ("script", "root"),
    [
        ("/srv/lk/subsys/scsi/resources/lvmvg/actions/restore", "/srv/lk"),
        ("/srv/lk/subsys/scsi/resources/lvmvg/recovery/lvmvg/failed", "/srv/lk"),
        ("/else/scsi/resources/lvmvg/actions/restore", Paths().lkroot),
    ],
)
def test_the_tree_that_an_action_stands_in_is_lkroot(mocker: MockerFixture, call: Call, script: str, root: str) -> None:
    given: list[str] = []

    def kit(paths: Paths, _tell: object) -> None:
        given.append(paths.lkroot)
        raise Failure(StateNotStored("/x", "no"))

    mocker.patch("lvmkit.entry.kit.kit", kit)
    assert call(lambda script, words, _paths: action.main(script, words), Path(script), "-t", "vg1")[0] == 1
    assert given == [root]


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("create", (), 13),
        ("create", ("-p", "vg", "-s", "INTELLIGENT"), 30),
        ("create", ("-p", "vg", "-t", "x"), 12),
        ("create", ("-p", "vg", "-t", "x", "-s", "SOMETIMES"), 13),
        ("create", ("-p", "", "-t", "x", "-s", "AUTOMATIC"), 110005),
        ("devicehier", (), 13),
        ("delete", (), 11),
        ("extend", (), 9),
        ("canextend", ("server",), 9),
        ("depstoextend", (), 9),
        ("unextend", (), 9),
        ("canextend", ("no-such-server", "vg"), 3),
        ("extend", ("no-such-server", "vg"), 3),
        ("delete", ("-t",), 2),
    ],
)
def test_administration_scripts_name_what_is_missing(
    call: Call, name: str, arguments: tuple[str, ...], number: int
) -> None:
    status, numbers, _ = call(admin.main, ROOT / "lkadm/subsys/scsi/lvmvg/bin" / name, *arguments)
    assert (status, number in numbers) == (1, True)


def test_every_message_is_used() -> None:
    used = {
        node.func.id
        for path in LIB.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    # Classes that are chosen first and called through a name: admin.py picks the usage error of its script,
    # transport.py the reason of a failed login, wire.py the class by the level of what it does not know, and
    # reservation.py that of what a child says of a disk.
    used |= {"UsageError", "CreateUsageError", "LoginRefused", "RelayedWarning", "RelayedError"}
    used |= {kind.__name__ for number, kind in catalogue().items() if 110401 <= number <= 110408}  # by exit code
    used |= {"ReservationForeign", "ReservationContested", "ReservationRefused", "ReservationTaken"}
    unused = {number for number, kind in catalogue().items() if kind.__name__ not in used}
    assert unused == _numbers_in_packages()

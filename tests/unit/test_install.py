"""Installing over a kit that is in use: programs start and end all the time, and none of them may notice.

The installed tree is made by the Makefile; what takes the place of the old one is under test (share/install).
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lvmkit.model.messages.engine import ModuleUnloadable

ROOT = Path(__file__).parents[2]
CALLS: tuple[tuple[str, ...], ...] = (
    ("subsys/scsi/resources/lvmvg/actions/quickCheck", "-t", "no-such-tag"),
    ("subsys/gen/resources/filesys/actions/quickCheck", "-i", "/no/such/place"),
    ("lib/ocf/resource.d/lvmkit/lvmvg", "monitor"),
    ("lib/ocf/resource.d/lvmkit/filesys", "meta-data"),
    ("lkadm/subsys/scsi/lvmlv/bin/create",),
    ("bin/lvmkit-peer", "nonsense"),
)
REINSTALLATIONS = 10


def exchange() -> Any:
    spec = importlib.util.spec_from_file_location("exchange", ROOT / "share/install/exchange.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stage(place: Path) -> Path:
    """What `make stage` makes, without waiting for the compiler."""
    shutil.copytree(ROOT / "lib/lvmkit", place / "lib/lvmkit")
    shutil.copytree(ROOT / "lib/ocf", place / "lib/ocf")
    shutil.copytree(ROOT / "opt/LifeKeeper/subsys", place / "subsys")
    shutil.copytree(ROOT / "lkadm", place / "lkadm")
    shutil.copytree(ROOT / "bin", place / "bin")
    return place


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """An installed kit."""
    exchange().main(str(stage(tmp_path / "kit.new")), str(tmp_path / "kit"))
    return tmp_path / "kit"


def outcome(kit: Path, script: str, *words: str) -> tuple[int, str]:
    given = {"OCF_RESKEY_vg": "no-such-group", "OCF_RESOURCE_INSTANCE": "res"}
    done = subprocess.run([kit / script, *words], capture_output=True, text=True, env=given, timeout=60)
    return done.returncode, re.sub(r"\[\d+\]", "", done.stderr)


class Callers:
    """Programs of the kit that are called without a pause, each in a loop of its own."""

    def __init__(self, kit: Path) -> None:
        self._kit = kit
        self._expected = {call: outcome(kit, *call) for call in CALLS}
        self._over = threading.Event()
        self.wrong: list[object] = []
        self.calls = 0
        self._threads = [threading.Thread(target=self._repeat, args=(call,)) for call in CALLS]

    def _repeat(self, call: tuple[str, ...]) -> None:
        while not self._over.is_set():
            found = outcome(self._kit, *call)
            self.calls += 1
            if found != self._expected[call]:
                self.wrong.append((call, found))

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_no_check_notices_ten_installations_over_it(kit: Path, tmp_path: Path) -> None:
    with Callers(kit) as callers:
        for number in range(REINSTALLATIONS):
            exchange().main(str(stage(tmp_path / f"new-{number}")), str(kit))
            seen = callers.calls
            while callers.calls < seen + len(CALLS):
                assert not callers.wrong
                time.sleep(0.01)
    assert callers.wrong == []


def test_a_kit_of_an_older_version_has_a_folder_in_the_place_of_the_link(tmp_path: Path) -> None:
    kit = stage(tmp_path / "kit")
    with Callers(kit) as callers:
        exchange().main(str(stage(tmp_path / "new")), str(kit))
    assert callers.wrong == []
    assert (kit / "lib/lvmkit").is_symlink()


def test_a_program_that_has_begun_goes_on_with_the_library_that_it_found(kit: Path, tmp_path: Path) -> None:
    begun = os.path.realpath(kit / "lib/lvmkit")
    new = stage(tmp_path / "new")
    (new / "lib/lvmkit/__init__.py").write_text("VERSION = 'next'\n")
    exchange().main(str(new), str(kit))
    assert Path(begun, "resources/lvmvg.py").exists()
    assert "next" in (kit / "lib/lvmkit/__init__.py").read_text()
    long_ago = time.time() - 2 * 86400
    os.utime(Path(begun).parent, (long_ago, long_ago))
    os.utime(Path(os.path.realpath(kit / "lib/lvmkit")).parent, (long_ago, long_ago))
    exchange().main(str(stage(tmp_path / "newer")), str(kit))
    assert not Path(begun).exists()
    assert len([name for name in os.listdir(kit / "lib") if name.startswith(".lvmkit-")]) == 2


def test_what_was_staged_is_gone_and_all_of_it_is_there(kit: Path) -> None:
    assert not (kit.parent / "kit.new").exists()
    sources = {"subsys": ROOT / "opt/LifeKeeper/subsys", "lkadm": ROOT / "lkadm", "bin": ROOT / "bin"}
    for folder, source in sources.items():
        for path in source.rglob("*"):
            assert (kit / folder / path.relative_to(source)).stat().st_mode == path.stat().st_mode


@pytest.fixture(params=["nothing", "a part"])
def damaged(kit: Path, request: pytest.FixtureRequest) -> Path:
    """A kit whose library is not there, or lacks what is imported late."""
    library = Path(os.path.realpath(kit / "lib/lvmkit"))
    if request.param == "nothing":
        shutil.rmtree(library)
    else:
        for name in ("resources", "workflow"):
            shutil.rmtree(library / name)
    return kit


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (("subsys/scsi/resources/lvmvg/actions/quickCheck", "-t", "vg1"), 1),
        (("lib/ocf/resource.d/lvmkit/lvmvg", "monitor"), 5),
        (("lib/ocf/resource.d/lvmkit/lvmvg", "stop"), 5),
        (("lkadm/subsys/scsi/lvmlv/bin/create", "-p", "/dev/vg1/x"), 1),
    ],
)
def test_a_library_that_cannot_be_loaded_is_said_with_a_number(damaged: Path, call: tuple[str, ...], code: int) -> None:
    found, said = outcome(damaged, *call)
    assert (found, "Traceback" in said, str(ModuleUnloadable.number) in said) == (code, False, True)


CORES = ("bin/ins_list", "subsys/gen/resources/filesys/actions/restore", "lkadm/subsys/gen/filesys/bin/create")


def made(target: str, server: Path) -> None:
    """Run a target of the Makefile for a server that is a folder."""
    words = ("make", "-s", "-C", str(ROOT), target, f"DESTDIR={server}", "LKROOT=/lk")
    subprocess.run(words, check=True, capture_output=True, timeout=120)


def test_what_is_lifekeepers_own_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    for name in CORES:
        (tmp_path / "lk" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lk" / name).write_text("the core's")
    made("stage", tmp_path)
    staged = tmp_path / "lk/.new"
    assert [name for name in CORES if os.path.lexists(staged / name)] == []
    assert (staged / "subsys/scsi/resources/lvmvg/actions/restore").exists()
    made("uninstall", tmp_path)
    assert {(tmp_path / "lk" / name).read_text() for name in CORES} == {"the core's"}


def test_without_a_core_its_commands_and_file_systems_are_the_kits(tmp_path: Path) -> None:
    made("stage", tmp_path)
    assert [name for name in CORES if not (tmp_path / "lk/.new" / name).exists()] == []

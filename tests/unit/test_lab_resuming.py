"""A long run of lab tests that was broken off goes on with what has not passed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lab import kept, resuming
from lab.kept import Kept, files_of, state_of

pytest_plugins = ["pytester"]

TESTS = """
import os, pytest
def test_good(): pass
def test_bad(): assert os.environ.get("MENDED")
def test_skipped(): pytest.skip("no")
@pytest.fixture
def broken():
    yield
    assert os.environ.get("MENDED")
def test_that_ends_badly(broken): pass
"""


RESUMING = ("-p", "lab.resuming", "--resume", "kept/it.json", "-p", "no:cacheprovider")


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, state: str = "one") -> pytest.RunResult:
    monkeypatch.setattr(kept, "state_of", lambda root, names: state)
    return pytester.runpytest_inprocess(*RESUMING)


def test_what_has_passed_is_not_run_again_and_all_else_is(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(TESTS)
    first = run(pytester, monkeypatch)
    first.assert_outcomes(passed=2, failed=1, skipped=1, errors=1)
    passed = json.loads((pytester.path / "kept/it.json").read_text())
    assert [name.rpartition("::")[2] for name in passed] == ["test_good"]
    monkeypatch.setenv("MENDED", "yes")
    second = run(pytester, monkeypatch)
    second.assert_outcomes(passed=2, skipped=1, deselected=1)
    assert "1 tests have passed before" in second.stdout.str()
    run(pytester, monkeypatch, state="another").assert_outcomes(passed=3, skipped=1)


def test_a_changed_file_of_tests_is_run_again_and_the_others_are_not(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {"test_one.py": "as it was", "test_two.py": "as it was"}
    monkeypatch.setattr(kept, "files_of", lambda root, names: list(states))
    monkeypatch.setattr(kept, "state_of", lambda root, names: states.get(names[0], "all"))
    pytester.makepyfile(test_one="def test_good(): pass", test_two="def test_good(): pass")
    pytester.runpytest_inprocess(*RESUMING).assert_outcomes(passed=2)
    states["test_two.py"] = "changed"
    pytester.runpytest_inprocess(*RESUMING).assert_outcomes(passed=1, deselected=1)
    assert pytester.runpytest_inprocess(*RESUMING).ret == 0


def test_a_run_with_nothing_left_succeeds(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile("def test_good(): pass")
    assert [run(pytester, monkeypatch).ret, run(pytester, monkeypatch).ret] == [0, 0]


def test_workers_pass_over_the_same_tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.xdist_group("group")
        @pytest.mark.parametrize("text", ["plain", "with@sign"])
        def test_good(text): pass
    """)
    monkeypatch.setenv("PYTHONPATH", str(Path(resuming.__file__).parents[1]))
    spread = (*RESUMING, "-n", "2", "--dist", "loadgroup")
    pytester.runpytest_subprocess(*spread).assert_outcomes(passed=2)
    again = pytester.runpytest_subprocess(*spread)
    assert (again.ret, again.parseoutcomes().get("passed", 0)) == (0, 0)


def test_the_state_is_what_git_knows_of_as_it_is_now(tmp_path: Path) -> None:
    subprocess.run(("git", "init", "-q", tmp_path), check=True)
    files = [tmp_path / name for name in ("lib/a.py", "tests/lab/helpers.py", "tests/lab/test_a.py", "README.md")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1")
    subprocess.run(("git", "add", "."), cwd=tmp_path, check=True)
    before = state_of(tmp_path, resuming.WHAT_ALL_USE)
    files[3].write_text("not tested in guests")
    files[2].write_text("counts for itself")
    (tmp_path / "lib/unknown").write_text("not of the project")
    assert state_of(tmp_path, resuming.WHAT_ALL_USE) == before
    for file in files[:2]:
        file.write_text("2")
        changed = state_of(tmp_path, resuming.WHAT_ALL_USE)
        file.unlink()
        assert len({before, changed, state_of(tmp_path, resuming.WHAT_ALL_USE)}) == 3
        file.write_text("1")
    assert files_of(tmp_path, resuming.TEST_FILES) == ["tests/lab/test_a.py"]


def test_what_is_kept_counts_for_its_own_state_only_and_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "build/it.json"
    Kept(path).keep("one", "as it was", {"seconds": 1})
    again = Kept(path)
    assert (again.result("one", "as it was"), again.result("one", "changed")) == ({"seconds": 1}, None)
    again.keep("two", "changed", None)
    assert Kept(path).result("one", "as it was") == {"seconds": 1}
    assert [file.name for file in path.parent.iterdir()] == ["it.json"]

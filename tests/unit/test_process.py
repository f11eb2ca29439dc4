"""How a program of the kit ends."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.entry.process import end

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

ROOT = Path(__file__).parents[2]
LIB = str(ROOT / "lib")
OFTEN = [
    *ROOT.glob("opt/LifeKeeper/subsys/*/resources/*/actions/*"),
    *ROOT.glob("lib/ocf/resource.d/lvmkit/*"),
    ROOT / "bin/lvmkit",
]
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from lvmkit.entry.process import end
print("said", end="")
print("complained", end="", file=sys.stderr)
end(int(sys.argv[2]))
"""


@pytest.mark.parametrize("code", [0, 5])
def test_what_was_written_goes_out_before_the_end(code: int) -> None:
    done = subprocess.run([sys.executable, "-IS", "-c", PROGRAM, LIB, str(code)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, "said", "complained")


@pytest.mark.parametrize(("code", "told"), [(0, 1), (5, 5)])
def test_output_that_cannot_be_written_is_no_success(code: int, told: int) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-IS", "-c", PROGRAM, LIB, str(code)], stdout=full, timeout=20)
    assert done.returncode == told


def test_a_program_whose_output_was_closed_by_its_caller_ends_as_any() -> None:
    closing = ["/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh", sys.executable, "-IS", "-c"]
    assert subprocess.run([*closing, PROGRAM, LIB, "3"], timeout=20).returncode == 3


@pytest.mark.parametrize(
    ("stream", "code", "told"),
    [("/dev/null", 0, 0), ("/dev/null", 5, 5), (None, 3, 3), ("/dev/full", 0, 1), ("/dev/full", 5, 5)],
)
def test_the_exit_code_is_that_of_the_work_unless_output_is_lost(
    mocker: MockerFixture, stream: str | None, code: int, told: int
) -> None:
    """The same within this process."""
    ended = mocker.patch("os._exit")
    with ExitStack() as stack:
        stack.enter_context(suppress(OSError))  # what is full cannot be closed
        out = stack.enter_context(open(stream, "w")) if stream else None
        stack.enter_context(redirect_stdout(out))
        if out:
            out.write("said")
        end(code)
    ended.assert_called_once_with(told)


@pytest.mark.parametrize("program", OFTEN, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_what_is_called_often_collects_no_garbage_and_ends_at_once(program: Path) -> None:
    lines = program.read_text().splitlines()
    assert lines.index("import sys") < lines.index("gc.disable()  # it ends before there is anything to collect")
    assert lines[-1] == "end(main(here, sys.argv[1:]))"

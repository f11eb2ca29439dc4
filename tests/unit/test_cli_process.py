"""The programs as real processes: reached through a link, with odd words, odd streams, and what they load."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lvmkit.cli.program import COMMANDS, Program, program

ROOT = Path(__file__).parents[2]
COMPLETION = ROOT / "share/bash-completion/lvmkit"


def _run(*words: str | bytes, program: str = "lvmkit", **options: object) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-I", str(ROOT / "bin" / program), *words]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(argv, timeout=20, env={}, **streams)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("program", ["lvmkit", "adddelpv"])
def test_the_programs_are_thin_and_executable(program: str) -> None:
    path = ROOT / "bin" / program
    assert path.stat().st_mode & 0o777 == 0o755
    assert path.read_text().startswith("#!/usr/bin/python3 -I\n")
    assert len(path.read_text().splitlines()) <= 23


def test_a_link_elsewhere_finds_the_library(tmp_path: Path) -> None:
    link = tmp_path / "lvmkit"
    link.symlink_to(ROOT / "bin/lvmkit")
    done = subprocess.run([sys.executable, "-I", str(link), "explain", "3"], capture_output=True, timeout=20, cwd="/")
    assert (done.returncode, done.stderr, done.stdout[:6]) == (0, b"", b"000003")


@pytest.mark.parametrize("program", ["lvmkit", "adddelpv"])
def test_an_interrupt_before_a_program_has_begun_ends_it_without_a_word(program: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    shutil.copytree(ROOT / "lib/lvmkit", tmp_path / "lib/lvmkit")
    module = tmp_path / "lib/lvmkit/cli" / ("program.py" if program == "lvmkit" else "adddelpv.py")
    module.write_text("import os, signal\n\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run([sys.executable, "-I", str(tmp_path / "bin" / program)], capture_output=True, timeout=20)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_an_interrupt_ends_a_check_without_a_word() -> None:
    script = """if True:
        import os, signal, sys
        sys.path.insert(0, sys.argv[1])
        from lvmkit.entry.boundary import guarded
        from lvmkit.entry.report import Voice
        work = lambda: os.kill(os.getpid(), signal.SIGINT)
        guarded(work, Voice("quickCheck", "lvmvg", "quickCheck", "vg1"), "here", str, interruptible=False)
    """
    argv = [sys.executable, "-I", "-c", script, str(ROOT / "lib")]
    done = subprocess.run(argv, capture_output=True, timeout=20)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    script = """if True:
        import os, signal, sys
        sys.path.insert(0, sys.argv[1])
        from lvmkit.entry.process import let_interrupts_end_it
        let_interrupts_end_it()
        os.kill(os.getpid(), signal.SIGINT)
    """
    argv = [sys.executable, "-I", "-c", script, str(ROOT / "lib")]
    ignoring = subprocess.run(["sh", "-c", 'trap "" INT; exec "$@"', "sh", *argv], timeout=20)
    assert ignoring.returncode == 0


def test_bytes_that_are_no_text_are_a_numbered_message() -> None:
    done = _run("create", b"/caf\xe9")
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.startswith(b"lvmkit: ERROR 110100: ")


def test_a_full_disk_behind_stdout_is_a_numbered_message() -> None:
    for words in (("explain", "3"), ("--help",)):
        with open("/dev/full", "wb") as full:
            done = _run(*words, stdout=full)
        assert done.returncode == 1
        assert done.stderr.startswith(b"lvmkit: ERROR 110111: ")
        assert done.stderr.count(b"\n") == 2


@pytest.mark.parametrize("words", [("explain", "--all"), ("--help",)])
def test_a_closed_pipe_behind_stdout_is_silent(words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = _run(*words, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    script = """if True:
        import os, sys
        sys.path.insert(0, sys.argv[1])
        from lvmkit.cli.program import main
        main("/x", ["--version"])
        with open(sys.argv[2], "w") as found:
            found.write(" ".join(os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)))
    """
    argv = [sys.executable, "-I", "-c", script, str(ROOT / "lib"), str(tmp_path / "found")]
    subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *argv], timeout=20, check=True)
    assert (tmp_path / "found").read_text().split() == ["/dev/null"] * 3


def test_explain_loads_neither_engine_nor_processes() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from lvmkit.cli.program import main; main('/x', ['explain',"
        " '3']); main('/x', ['--help']); print(*sys.modules, file=sys.stderr)"
    )
    argv = [sys.executable, "-I", "-c", script, str(ROOT / "lib")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    loaded = set(done.stderr.split())
    assert done.returncode == 0
    assert "lvmkit.cli.commands.explain" in loaded
    unwanted = {"sqlite3", "subprocess", "logging", "json", "lvmkit.plan", "lvmkit.storage", "lvmkit.cluster"}
    assert not loaded & unwanted


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
class TestCompletion:
    TAGS = ("/data", "vg1/data", "vg1", "a`touch oops`b", "it's")

    def _complete(self, *words: str, function: str = "_lvmkit", folder: Path | None = None) -> list[str]:
        script = """
            source "$1"; shift; function=$1; shift
            lvmkit() {
                [ "$1" = schema ] && printf '%s\\n' create status && return
                [ "$1" = servers ] && printf '%s\\n' node1 node2 && return
                [ "$2" = --type ] && echo vg1 || printf '%s\\n' "${TAGS[@]}"
            }
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            TAGS=(/data vg1/data vg1 'a`touch oops`b' "it's")
            "$function"; printf '%s\\n' "${COMPREPLY[@]}"
        """
        argv = ["bash", "--norc", "-c", script, "bash", str(COMPLETION), function, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, cwd=folder)
        assert done.stderr == ""
        return [line for line in done.stdout.splitlines() if line]

    def test_commands(self) -> None:
        assert self._complete("lvmkit", "") == [
            "unprotected", "create", "extend", "status", "show", "in-service", "out-of-service", "check", "doctor",
            "reconfigure", "apply", "unextend", "delete", "forget", "journal", "timeline", "metrics",
            "report", "explain", "schema",
            "--help", "--quiet", "--version",
        ]  # fmt: skip
        assert self._complete("lvmkit", "--quiet", "st") == ["status"]

    @pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"tags", "servers", "removable"}))
    def test_options_are_those_that_the_command_has(self, command: str) -> None:
        shown = Program().get_command(click.Context(program), command)
        assert shown is not None
        parameters = [each for each in shown.params if not getattr(each, "hidden", False)]
        known = {name for parameter in parameters for name in parameter.opts if name[:2] == "--"}
        assert set(self._complete("lvmkit", command, "-")) == known | {"--help"}

    def test_tags_are_quoted_and_never_run(self, tmp_path: Path) -> None:
        assert self._complete("lvmkit", "status", "v", folder=tmp_path) == ["vg1/data", "vg1"]
        found = self._complete("lvmkit", "in-service", "", folder=tmp_path)
        assert found[-2:] == ["a\\`touch\\ oops\\`b", "it\\'s"]
        assert not list(tmp_path.iterdir())

    def test_values_of_options(self) -> None:
        assert self._complete("lvmkit", "status", "--format", "") == ["text", "json", "jsonl"]
        assert self._complete("lvmkit", "create", "-s", "a") == ["automatic"]
        assert self._complete("lvmkit", "status", "--by", "i") == ["id"]
        assert self._complete("lvmkit", "show", "vg1", "--output-format", "") == ["text", "json", "cmd"]

    @pytest.mark.parametrize("words", [("in-service", "--on"), ("extend", "vg1", "--to")])
    def test_servers_of_the_cluster(self, words: tuple[str, ...]) -> None:
        assert self._complete("lvmkit", *words, "") == ["node1", "node2"]

    def test_schema_takes_what_answers_in_json(self) -> None:
        assert self._complete("lvmkit", "schema", "s") == ["status"]

    def test_paths_for_create(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        assert self._complete("lvmkit", "create", f"{tmp_path}/d") == [f"{tmp_path}/data"]

    def test_adddelpv_takes_volume_groups(self) -> None:
        assert self._complete("adddelpv", "", function="_adddelpv") == ["vg1"]
        assert self._complete("lvmkit", "reconfigure", "") == ["vg1"]
        assert "--yes" in self._complete("adddelpv", "-", function="_adddelpv")
        assert self._complete("adddelpv", "vg1", "", function="_adddelpv") == []

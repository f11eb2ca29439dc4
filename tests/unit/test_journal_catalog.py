"""The journal's catalog: each message has an entry, which journalctl takes, with the fields that its facts are in."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from lvmkit.cli.journal_catalog import catalog
from lvmkit.entry import report
from lvmkit.entry.report import Voice
from lvmkit.model.messages import catalogue
from lvmkit.model.messages.service import PvsMissing

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.model.messages import Message

ID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")
"""a random UUID, as sd_id128(3) wants it"""
JOURNALCTL = shutil.which("journalctl")


def _fields(monkeypatch: pytest.MonkeyPatch, message: Message) -> dict[str, str]:
    """What the journal gets of a message."""
    logged: list[dict[str, str]] = []
    monkeypatch.setattr(report, "_log", logged.append)
    Voice("lvmkit", "cli", "in-service", "vg1").log(message)
    return logged[0]


def test_every_message_has_one_entry_under_an_id_of_its_own() -> None:
    ids = re.findall(r"^-- (\S+)$", catalog(), re.M)
    assert ids == [kind.journal_id() for kind in catalogue().values()]
    assert len(set(ids)) == len(ids)
    assert all(ID.fullmatch(each) for each in ids)


def test_no_line_of_an_entry_is_taken_for_a_head() -> None:
    bodies = re.split(r"^-- [0-9a-f]{32}$", catalog(), flags=re.M)[1:]
    assert all(re.match(r"\nSubject: .+\nDefined-By: lvmkit\nDocumentation: \S+\n\n\S", body) for body in bodies)
    assert not [body for body in bodies if re.search(r"^(-- |#)", body, re.M)]


def test_an_entry_of_the_log_has_the_id_and_every_field_that_the_catalog_fills_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fields = _fields(monkeypatch, PvsMissing("vg1", 2, ("A", "B\nMESSAGE_ID=x")))
    entry = next(body for body in catalog().split("\n-- ") if body.startswith(fields["MESSAGE_ID"]))
    assert set(re.findall(r"@(\w+)@", entry)) <= set(fields)
    facts = {name: value for name, value in fields.items() if name.startswith("LVMKIT_FACT_")}
    assert facts["LVMKIT_FACT_VG"] == "vg1"
    assert not [value for value in facts.values() if "\n" in value]


@pytest.mark.skipif(JOURNALCTL is None, reason="journalctl is not installed")
def test_journalctl_takes_the_whole_file(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    (folder / "lvmkit.catalog").write_text(catalog())
    done = subprocess.run(
        [str(JOURNALCTL), f"--root={tmp_path}", "--update-catalog"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    listed = subprocess.run(
        [str(JOURNALCTL), f"--root={tmp_path}", "--list-catalog"], capture_output=True, text=True, timeout=60
    )
    assert len(listed.stdout.splitlines()) == len(catalogue())
    shown = subprocess.run(
        [str(JOURNALCTL), f"--root={tmp_path}", "--dump-catalog", PvsMissing.journal_id()],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Subject: 110014 " in shown.stdout

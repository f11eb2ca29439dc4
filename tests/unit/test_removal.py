"""Removing the package: refused while this server needs the kit, and what is not known is not gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import DatabaseDamaged
from lvmkit.model.messages.packages import (
    ChangeUnfinished,
    InstalledByHand,
    KitStillNeeded,
    NoCoreInstalled,
    ProtectionUnknown,
)
from lvmkit.workflow.removal import refuse_removal

from . import fakes

DEBIAN = Path(__file__).parents[2] / "debian"


def refused(port: fakes.FakePort, folder: Path) -> list[object]:
    """What speaks against a removal."""
    try:
        refuse_removal(fakes.kit(port, folder, lambda _: None))
    except Failure as failure:
        return list(failure.messages)
    return []


def test_nothing_speaks_against_it_where_nothing_is_protected(tmp_path: Path) -> None:
    assert refused(fakes.FakePort(), tmp_path) == []


def test_what_may_run_here_does_also_where_it_is_out_of_service(tmp_path: Path) -> None:
    here = fakes.data_hierarchy("OSU")
    (message,) = refused(fakes.FakePort(here), tmp_path)
    assert message == KitStillNeeded("n1", tuple(here.tags))


def test_what_runs_on_other_servers_only_does_not(tmp_path: Path) -> None:
    elsewhere = fakes.on("n2", fakes.data_hierarchy())
    assert refused(fakes.FakeCluster(Hierarchy(), n2=elsewhere), tmp_path) == []
    here = fakes.data_hierarchy()
    assert refused(fakes.FakeCluster(here, n2=elsewhere), tmp_path) == [KitStillNeeded("n1", tuple(here.tags))]


def test_a_change_that_was_interrupted_does(tmp_path: Path) -> None:
    (tmp_path / "state/journal").mkdir(parents=True)
    (tmp_path / "state/journal/7.json").write_text("rubbish")
    assert refused(fakes.FakePort(), tmp_path) == [ChangeUnfinished("7", "?")]


def test_an_engine_that_does_not_answer_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, silence = fakes.FakePort(), DatabaseDamaged("/x", "broken")

    def fail() -> None:
        raise Failure(silence)

    monkeypatch.setattr(port, "overview", fail)
    first, second = refused(port, tmp_path)
    assert (first, type(second)) == (silence, ProtectionUnknown)


@pytest.mark.parametrize(
    ("script", "message"), [("lvmkit.preinst", InstalledByHand()), ("lvmkit-lifekeeper.preinst", NoCoreInstalled())]
)
def test_scripts_that_have_no_kit_yet_say_its_words(script: str, message: InstalledByHand | NoCoreInstalled) -> None:
    head, advice = re.findall(r'echo "(.*)" >&2', (DEBIAN / script).read_text())
    assert head == f"lvmkit: ERROR:kit:install::{message.number}:{message.text}"
    assert advice.strip() == message.advice

"""The commands of both cores as programs that are really started, each at least once; elsewhere they are forks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lvmkit.cluster.lifekeeper import LifeKeeper
from lvmkit.cluster.port import Change
from lvmkit.model.instance import AUTOMATIC, INIT_OSU, ISP, LVMLV, LVMVG, OSU, Dependency, Instance
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import replace
from lvmkit.storage import birth
from tests.contract.core import SYSTEMS, Core, own

TAGS = ("lv", "vg")
LINK = Dependency("lv", "vg")
BETWEEN = {"eqv_create", "hry_setpri", "lcdremexec"}
"""commands that only several servers need"""


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the programs that are started."""
    names: set[str] = set()

    def begin(program: birth.Birth) -> int:
        names.add(os.path.basename(os.fsdecode(program.argv[0])))
        return really(program)

    really = birth.begin
    monkeypatch.setattr(birth, "begin", begin)
    return names


def engine(root: str, folder: Path) -> LifeKeeper:
    """The adapter over the commands below an LKROOT."""
    place = f"{folder}/{os.path.basename(root)}"
    return LifeKeeper(Paths(state=f"{place}.state", run=f"{place}.run"), Settings(lkroot=root, lock_patience=60.0))


def both(server: str) -> tuple[Instance, ...]:
    """A volume on its group, on a server."""
    return (
        Instance(server, "scsi", LVMVG, "vg", "lvmvg-vg", "vg_uuid=VG", OSU),
        Instance(server, "scsi", LVMLV, "lv", "/dev/vg/lv", "vg_uuid=VG\x02lv_uuid=LV", OSU),
    )


def unheard(_message: object) -> None:
    """What is said on the way."""


def live(port: LifeKeeper) -> None:
    """Protect it, change each of its facts, move it, report it, and end its protection."""
    port.commit(Change(add=both(port.local_server()), link=(LINK,)))
    port.amend("lv", {"info": "vg_uuid=VG\x02lv_uuid=OTHER", "switchback": AUTOMATIC, "initialisation": INIT_OSU})
    port.bring_in_service("lv", unheard)
    assert port.overview().in_service_on("lv") == (port.local_server(),)
    assert port.create_flag("a")
    assert (port.flags(), port.remove_flag("a")) == (("a",), True)
    port.report_failure("lv")
    port.take_out_of_service("vg", unheard)
    port.commit(Change(unlink=(LINK,)))
    assert (set(port.hierarchy().tags), port.hierarchy().dependencies) == (set(TAGS), ())


def test_the_kits_own_commands_are_programs_for_the_adapter(tmp_path: Path, begun: set[str]) -> None:
    root = own.root(tmp_path)
    recovery = Path(root) / "subsys/scsi/resources/lvmlv/recovery/lvmlv/failed"
    recovery.parent.mkdir(parents=True)
    recovery.symlink_to("/bin/true")
    port = engine(root, tmp_path)
    live(port)
    port.commit(Change(remove=TAGS))
    assert port.hierarchy().tags == ()
    assert begun >= set(own.NEEDED) - BETWEEN


def test_the_second_cores_commands_are_programs_on_both_systems(tmp_path: Path, begun: set[str]) -> None:
    here, there = SYSTEMS
    core = Core(tmp_path / "core")
    port, other = (engine(core.root(system), tmp_path) for system in SYSTEMS)
    live(port)
    port.commit(Change(link=(LINK,)))
    fresh = tuple(replace(each, server=there) for each in both(here))
    other.commit(Change(add=fresh, link=(LINK,), template=here))
    port.set_priorities("vg", {there: 7})
    port.bring_in_service("lv", unheard, there)
    assert {each.state for each in other.hierarchy().instances} == {ISP}
    port.take_out_of_service("vg", unheard)
    port.commit(Change(remove=TAGS))
    assert other.hierarchy().tags == ()
    assert begun >= {*own.NEEDED, *BETWEEN}

"""LVM as administrators configure it: every setting of lvm.conf, one at a time, must leave our answers as they are."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.storage import lvmconf
from lvmkit.storage.lvm import Lvm

from .conftest import DEADLINE
from .test_kinds import MIXED, RAID

if TYPE_CHECKING:
    from lvmkit.model.volumes import VolumeGroup

    from .conftest import Host

SECTIONS = ("config", "devices", "log", "backup", "global", "activation", "metadata", "report", "tags", "local")
OTHER = {
    "activation/activation_mode": '"partial"',
    "activation/missing_stripe_filler": '"zero"',
    "activation/readahead": '"none"',
    "devices/external_device_info_source": '"udev"',
    "devices/hints": '"all"',
    "devices/md_component_checks": '"full"',
    "devices/search_for_devnames": '"all"',
    "global/units": '"s"',
    "local/extra_system_ids": '["n1", "n2"]',
    "log/debug_classes": '["memory", "io"]',
    "log/journal": '["command", "output", "debug"]',
    "log/prefix": '"LVM: "',
    "report/lvs_sort_full": '"-lv_name"',
    "report/output_format": '"json"',
    "report/pvs_sort_full": '"-pv_name"',
    "report/pvsegs_sort_full": '"-pvseg_start"',
    "report/segs_sort_full": '"-seg_start"',
    "report/vgs_sort_full": '"-vg_name"',
}
"""values for settings that take only some words"""
DECIDING = {
    "devices/dir", "devices/scan", "devices/filter", "devices/global_filter", "devices/devicesfile",
    "devices/use_devicesfile", "global/system_id_source", "local/system_id", "global/locking_dir", "global/proc",
    "global/test", "global/activation",
}  # fmt: skip
"""those that say which disks there are, who the host is and whether anything is done, and where the test's files are"""


def settings(host: Host, section: str) -> dict[str, str]:
    """Every setting of a section that LVM knows, with a value that is not the one in force."""
    listed = host.lvm_free("/usr/sbin/lvm", "lvmconfig", "--type", "full", section)
    other: dict[str, str] = {}
    for name, value in re.findall(r"^\t(\w+)=(.*)$", listed, re.MULTILINE):
        key = f"{section}/{name}"
        if key not in DECIDING:
            other[name] = OTHER.get(key) or unlike(value)
    return other


def unlike(value: str) -> str:
    if value.startswith("["):
        return '["other"]'
    if value.startswith('"'):
        return '"other"'
    return "0" if value == "1" else str(int(value) + 1)


@pytest.fixture
def varied(host: Host) -> Host:
    """A host with volume groups of many kinds."""
    host.configure(local='system_id="n1"')
    host.vg("whole", 2)
    host.write_volumes("whole", RAID)
    host.vg("exported")
    host.lvm("vgexport", "exported")
    host.vg("partial", 2)
    host.write_volumes("partial", MIXED)
    host.configure(local='system_id="n2"')
    host.vg("foreign")
    host.pull(host.disks[4])
    return host


def answers() -> tuple[tuple[VolumeGroup, ...], str]:
    lvm = Lvm(3 * DEADLINE)
    return lvm.report(), lvm.own_system_id()


@pytest.mark.parametrize("section", SECTIONS)
def test_no_setting_of_output_changes_an_answer(varied: Host, section: str) -> None:
    expected = answers()
    kept = varied.given.get(section, "")
    known = settings(varied, section)
    wrong = []
    for name, value in known.items():
        varied.configure(**{section: f"{kept} {name}={value}"})
        if answers() != expected:
            wrong.append(f"{section}/{name}={value}")
    assert wrong == []
    assert known or section in ("tags", "local")
    varied.configure(**{section: f"{kept} {' '.join(f'{name}={value}' for name, value in known.items())}"})
    assert answers() == expected, "all of them at once"


CHANGING = ("log", "report", "backup")


@pytest.mark.parametrize("section", CHANGING)
def test_no_setting_of_output_disturbs_a_change(host: Host, section: str) -> None:
    host.configure(local='system_id="n1"')
    host.vg("vg1")
    lvm = Lvm(DEADLINE)
    host.configure(**{section: " ".join(f"{name}={value}" for name, value in settings(host, section).items())})
    for on in (False, False, True):
        lvm.set_autoactivation("vg1", on)
        assert host.seen("vg1").autoactivation is on
    lvm.set_system_id("vg1", "n2", old="n1")
    assert host.seen("vg1").system_id == "n2"
    assert lvm.report("vg2") == ()
    assert lvmconf.version(lvm)
    assert lvmconf.load(lvm).system_id_source == "lvmlocal"


def test_advice_about_an_archive_is_not_printed_into_a_report(host: Host) -> None:
    host.vg("vg1")
    copies, archive = host.folder / "copies", host.folder / "archive"
    archive.mkdir()
    host.configure(backup=f'backup=1 archive=1 backup_dir="{copies}" archive_dir="{archive}"')
    host.lvm("vgchange", "--addtag", "a", "vg1")
    stale = (copies / "vg1").read_text()
    host.lvm("vgchange", "--addtag", "b", "vg1")
    (copies / "vg1").write_text(stale)
    for number in range(8200):
        (archive / f"vg1_{number:05d}-{number}.vg").touch()
    assert "Consider pruning" in host.lvm("vgs", "--reportformat", "json"), "else this test shows nothing"
    (copies / "vg1").write_text(stale)
    assert host.seen("vg1").name == "vg1"
    assert (copies / "vg1").read_text() == stale, "who only looks writes nothing"
    Lvm(DEADLINE).set_autoactivation("vg1", False, devices=host.disks)
    assert (copies / "vg1").read_text() != stale, "a change is kept as lvm.conf wants it"


def test_a_lock_of_another_command_is_waited_for(host: Host) -> None:
    host.vg("vg1")
    host.configure(**{"global": "wait_for_locks=0"})
    with subprocess.Popen(["/usr/bin/flock", f"{host.folder}/V_vg1", "/usr/bin/sleep", "1"]):
        Lvm(DEADLINE).set_autoactivation("vg1", False)
    assert not host.seen("vg1").autoactivation


def test_test_mode_is_respected_and_not_taken_for_a_success(host: Host) -> None:
    host.vg("vg1")
    host.configure(**{"global": "test=1"})
    with pytest.raises(Failure) as failure:
        Lvm(DEADLINE).set_autoactivation("vg1", False)
    assert isinstance(failure.value.messages[0], CommandFailed)
    assert host.seen("vg1").autoactivation


def test_what_decides_about_disks_is_left_to_the_administrator(host: Host) -> None:
    (hidden,) = host.vg("vg1")
    (shown,) = host.vg("vg2")
    host.configure(devices=f'filter=["a|^{shown}$|", "r|.*|"]')
    assert [vg.name for vg in Lvm(DEADLINE).report()] == ["vg2"]
    listed = host.folder / "devices"
    listed.mkdir()
    (listed / "our.devices").write_text(f"VERSION=1.1.1\nIDTYPE=devname IDNAME={hidden} DEVNAME={hidden} PVID=.\n")
    host.configure(devices='use_devicesfile=1 devicesfile="our.devices"')
    assert "vg2" not in [vg.name for vg in Lvm(DEADLINE).report()]

"""Messages of the guide where they come from real LVM: from the scripts down, on the metadata of loop devices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.entry import admin
from lvmkit.model.messages.storage import Lvm1Metadata
from lvmkit.model.settings import Paths, Settings
from lvmkit.storage import lvm1

from .conftest import DEADLINE

if TYPE_CHECKING:
    from .conftest import Host

ROOT = Path(__file__).parents[2]
CREATE = ("-t", "x", "-s", "INTELLIGENT", "-p")


class Scripts:
    """The administration scripts of a server with a database of its own."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.paths = Paths(
            str(ROOT / "opt/LifeKeeper"),
            f"{folder}/state",
            f"{folder}/run",
            f"{folder}/lkvgs",
            "/nowhere",
            cib="/nowhere",
        )
        self._capfd = capfd

    def __call__(self, script: str, *words: str) -> tuple[int, list[int], str]:
        """(exit code, numbers on stderr, stderr)."""
        code = admin.main(f"{ROOT}/lkadm/subsys/scsi/{script}", list(words), self.paths)
        err = self._capfd.readouterr().err
        return code, [int(number) for number in re.findall(r":(\d{6}):", err)], err

    def tags(self) -> tuple[str, ...]:
        return Engine(self.paths, Settings()).hierarchy().tags


@pytest.fixture
def scripts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Scripts:
    return Scripts(tmp_path, capfd)


def test_a_volume_that_no_disk_has_is_refused(host: Host, scripts: Scripts) -> None:
    host.vg("vg1")
    host.lv("vg1", "data")
    for path, reason in (("/dev/vg1/other", 110028), ("/dev/vg9/data", 110013)):
        code, numbers, err = scripts("lvmlv/bin/create", *CREATE, path)
        assert (code, numbers) == (1, [reason, 18, 24, 110002]), err
    assert scripts.tags() == ()


def test_a_disk_of_lvm1_is_what_libblkid_takes_for_one_and_lvm_does_not_see(host: Host, scripts: Scripts) -> None:
    old, fresh = host.add_disks(2)
    names = (b"pv", b"old", b"host")
    header = b"HM\x01\x00".ljust(44, b"\0") + b"".join(name.ljust(128, b"\0") for name in names)
    Path(old).write_bytes(header.ljust(4096, b"\0"))
    assert host.lvm_free("/usr/sbin/blkid", "-p", "-o", "value", "-s", "TYPE", old).strip() == "LVM1_member"
    assert host.lvm("pvs", "--noheadings", "-o", "name").split() == []
    found = lvm1.groups(deadline=DEADLINE)
    assert old in found["old"]
    assert all(fresh not in disks for disks in found.values())
    code, numbers, err = scripts("lvmlv/bin/create", *CREATE, "/dev/old/data")
    assert (code, numbers[0]) == (1, Lvm1Metadata.number), err
    assert old in err

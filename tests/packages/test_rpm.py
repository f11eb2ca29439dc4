"""The rpm packages, as far as Debian's rpm goes: what they bring, what they leave, and when they will not go."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from lab.guests.image import BOOKWORM

from . import roots
from .building import ROOT, once
from .conftest import depends
from .server import KIT, PACKAGES, Server
from .test_upgrade import CALLS, Callers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEXT = "9.0"
SPEC = ROOT / "rpm/lvmkit.spec"


PLACE = "RPMS/noarch"


def _built(folder: Path) -> Path:
    """Build the packages into a folder; where they are."""
    done = subprocess.run(
        ("make", "-s", "-C", ROOT, "rpms", f"RPM={folder}"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / PLACE


@pytest.fixture(scope="session")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the working tree, and the same as a later version."""
    return once(tmp_path_factory, "rpms", _build_two_versions) / PLACE


def _build_two_versions(top: Path) -> None:
    _built(top)
    (source,) = (top / "SOURCES").glob("*.tar.gz")
    subprocess.run(("tar", "-xzf", source, "-C", top), check=True)
    (folder,) = top.glob("lvmkit-*")
    folder.rename(top / f"lvmkit-{NEXT}")
    subprocess.run(("tar", "-czf", top / f"SOURCES/lvmkit-{NEXT}.tar.gz", "-C", top, f"lvmkit-{NEXT}"), check=True)
    command = ("rpmbuild", "-bb", "--quiet", "--nodeps", "-D", f"_topdir {top}", "-D", f"kit_version {NEXT}", SPEC)
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def server(rpms: Path) -> Iterator[Server]:
    """A server with rpm and what the kit needs, without the kit."""
    server = Server(roots.ensure(BOOKWORM, f"{depends()},rpm"), rpms)
    yield server
    server.close()


def _rpm(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """Debian's packages are not in rpm's sight, so what they need is not asked for; nor does Debian want it used."""
    return server.run("rpm", "--force-debian", "--nodeps", *words)


def _file(server: Server, name: str, version: str = "0*") -> str:
    return server.must("sh", "-c", f"ls {PACKAGES}/{name}-{version}-*.rpm").strip()


@pytest.fixture
def installed(server: Server) -> Server:
    done = _rpm(server, "-i", _file(server, "lvmkit"))
    assert (done.returncode, done.stderr) == (0, "")
    return server


def test_it_installs_and_works_and_goes(installed: Server) -> None:
    assert json.loads(installed.must("lvmkit", "status", "--format", "json"))
    installed.must("sh", "-e", "-c", (ROOT / "debian/tests/smoke").read_text())
    assert installed.must("rpm", "-V", "--nodeps", "--noscripts", "lvmkit") == ""
    done = _rpm(installed, "-e", "lvmkit")
    assert (done.returncode, done.stderr) == (0, "")
    left = installed.run("sh", "-c", "find / -xdev -path '*lvmkit*' -not -path '/var/*' -not -path '/srv/*'").stdout
    assert [path for path in left.split() if not path.startswith(("/proc", "/run"))] == []


def test_the_boot_starts_the_guard_and_the_timer(server: Server) -> None:
    server.has_systemd()
    assert _rpm(server, "-i", _file(server, "lvmkit")).returncode == 0
    asked = server.asked_of_systemd()
    assert "--no-reload preset lvmkit-check.timer lvmkit-boot-guard.service" in asked
    assert "start lvmkit-check.timer" in asked
    preset = server.must("cat", "/usr/lib/systemd/system-preset/50-lvmkit.preset")
    assert {"enable lvmkit-check.timer", "enable lvmkit-boot-guard.service"} <= set(preset.splitlines())
    assert _rpm(server, "-U", _file(server, "lvmkit", NEXT)).returncode == 0
    again = server.asked_of_systemd()
    assert "try-restart lvmkit-check.timer" in again
    assert not [words for words in again if "guard" in words or "preset" in words or words.startswith("stop")]


def test_a_server_that_protects_something_keeps_the_package(installed: Server) -> None:
    installed.protect()
    refused = _rpm(installed, "-e", "lvmkit")
    assert (refused.returncode != 0, "110450" in refused.stderr, installed.has(KIT)) == (True, True, True)
    installed.must("touch", "/run/lvmkit-remove-anyway")
    assert _rpm(installed, "-e", "lvmkit").returncode == 0
    assert installed.has("/var/lib/lvmkit/engine.sqlite")


def test_no_monitor_notices_an_upgrade_and_settings_outlive_it(installed: Server) -> None:
    installed.protect()
    installed.write("/etc/default/lvmkit", "LKCHECKINTERVAL=77\n")
    with Callers(installed) as callers:
        assert _rpm(installed, "-U", _file(installed, "lvmkit", NEXT)).returncode == 0
        time.sleep(0.5)
    assert callers.wrong == []
    assert callers.calls >= len(CALLS)
    assert installed.must("rpm", "-q", "lvmkit") == f"lvmkit-{NEXT}-1.noarch\n"
    assert installed.must("cat", "/etc/default/lvmkit") == "LKCHECKINTERVAL=77\n"


def test_a_kit_that_was_installed_by_make_is_not_joined_by_a_second_one(server: Server) -> None:
    server.must("mkdir", "-p", "/opt/LifeKeeper/lib/lvmkit")
    refused = _rpm(server, "-i", _file(server, "lvmkit"))
    assert (refused.returncode != 0, "110453" in refused.stderr, server.has(KIT)) == (True, True, False)


@pytest.mark.parametrize("version", ["2.02.98", "2.03.2", ""])
def test_an_lvm_that_is_too_old_or_says_nothing_is_refused(server: Server, version: str) -> None:
    server.write("/usr/sbin/lvm", f"#!/bin/sh\necho '  LVM version:     {version}(2) (2012-10-15)'\n")
    refused = _rpm(server, "-i", _file(server, "lvmkit"))
    assert (refused.returncode != 0, "110194" in refused.stderr, server.has(KIT)) == (True, True, False)


def test_the_page_comes_with_a_package_of_its_own(installed: Server) -> None:
    done = _rpm(installed, "-i", _file(installed, "cockpit-lvmkit"))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(installed.must("cat", "/usr/share/cockpit/lvmkit/manifest.json"))["menu"]
    assert _rpm(installed, "-e", "cockpit-lvmkit").returncode == 0
    assert not installed.has("/usr/share/cockpit/lvmkit")


def test_lifekeepers_core_finds_the_kit_where_it_is_installed(installed: Server) -> None:
    refused = _rpm(installed, "-i", _file(installed, "lvmkit-lifekeeper"))
    assert (refused.returncode != 0, "110454" in refused.stderr) == (True, True)
    installed.write("/opt/LifeKeeper/bin/lcdstatus", "#!/bin/sh\n")
    assert _rpm(installed, "-i", _file(installed, "lvmkit-lifekeeper")).returncode == 0
    assert installed.has("/opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions/quickCheck")


def test_another_python_finds_the_library_compiled(installed: Server) -> None:
    installed.must("sh", "-c", f"rm -r {KIT}/lib/lvmkit/model/__pycache__")
    trigger = installed.must("rpm", "-q", "--filetriggers", "lvmkit")
    script = trigger.partition("/usr/bin/python3\n")[2]
    installed.must("sh", "-ec", script)
    assert installed.has(f"{KIT}/lib/lvmkit/model/__pycache__")


def test_rpmlint_finds_nothing_wrong(rpms: Path) -> None:
    command = ("rpmlint", "--strict", "-c", ROOT / "rpm/rpmlint.toml", *rpms.glob("*-0*.rpm"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_sources_make_the_same_packages(rpms: Path, tmp_path: Path) -> None:
    again = _built(tmp_path / "again")
    for path in again.glob("*.rpm"):
        assert (rpms / path.name).read_bytes() == path.read_bytes()

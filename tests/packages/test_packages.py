"""The packages in clean roots: what they bring, what they leave, and when they will not go."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from lab.guests.image import TRIXIE

from . import roots
from .building import ROOT, built
from .conftest import NEXT, depends
from .server import KIT, PACKAGES, Server

if TYPE_CHECKING:
    from pathlib import Path

DATABASE, LIST = "/var/lib/lvmkit/engine.sqlite", "/etc/lkvgs"
ANYWAY = "/run/lvmkit-remove-anyway"
CORE = "/opt/LifeKeeper"
KIT_NEEDED, UNKNOWN, BY_HAND, NO_CORE = "110450", "110452", "110453", "110454"


@pytest.mark.parametrize("release", roots.RELEASES)
def test_one_command_installs_the_kit_and_another_removes_it(release: str, packages: Path, package: str) -> None:
    server = Server(roots.ensure(release, depends()), packages)
    try:
        before = set(server.must("find", "/", "-xdev", "-not", "-path", "/var/*").split("\n"))
        server.must("apt-get", "install", "-qy", "--no-install-recommends", f"{PACKAGES}/{package}")
        assert json.loads(server.must("lvmkit", "status", "--format", "json"))
        verified = server.must("dpkg", "--verify", "lvmkit").splitlines()
        assert [line for line in verified if " /usr/share/" not in line] == []  # the roots do without documentation
        assert server.must("dpkg", "--audit") == ""
        wants = server.must("find", "/etc/systemd/system", "-name", "lvmkit*").split()
        assert sorted(map(os.path.basename, wants)) == ["lvmkit-boot-guard.service", "lvmkit-check.timer"]
        server.must("sh", "-e", "-c", (ROOT / "debian/tests/smoke").read_text())
        server.must("apt-get", "purge", "-qy", "lvmkit")
        after = set(server.must("find", "/", "-xdev", "-not", "-path", "/var/*").split("\n"))
        assert {path for path in after - before if "lvmkit" in path} == set()
    finally:
        server.close()


def test_the_page_comes_with_a_package_of_its_own(installed: Server, packages: Path) -> None:
    """dpkg is told to do without Cockpit, which the roots do not have."""
    (page,) = packages.glob("cockpit-lvmkit_*_all.deb")
    installed.must("dpkg", "--ignore-depends=cockpit-bridge", "--install", f"{PACKAGES}/{page.name}")
    place = "/usr/share/cockpit/lvmkit"
    assert json.loads(installed.must("cat", f"{place}/manifest.json"))["menu"]
    assert "/usr/sbin/lvmkit" in installed.must("cat", f"{place}/kit.js")
    installed.must("dpkg", "--purge", "cockpit-lvmkit")
    assert not installed.has(place)


def test_scripts_start_and_stop_the_timer_and_never_the_boot_guard(server: Server, package: str, later: str) -> None:
    server.has_systemd()
    server.install(package)
    assert _changes(server) == ["start lvmkit-check.timer"]
    server.install(later)
    assert _changes(server) == ["try-restart lvmkit-check.timer"]
    assert server.dpkg("--remove", "lvmkit").returncode == 0
    assert _changes(server) == ["stop lvmkit-check.timer lvmkit-metrics.timer"]
    server.install(package)
    assert _changes(server) == ["start lvmkit-check.timer"]


def _changes(server: Server) -> list[str]:
    """What was started or stopped."""
    verbs = ("start", "stop", "restart", "try-restart", "reload")
    commands = (line.replace("--quiet ", "").replace("--system ", "") for line in server.asked_of_systemd())
    return [line for line in commands if line.split()[:1] in [[verb] for verb in verbs]]


def test_a_server_that_protects_something_keeps_the_package(installed: Server, later: str) -> None:
    installed.has_systemd()
    installed.protect()
    installed.install(later)
    assert installed.must("lvmkit", "tags").split() == ["vg1/data", "vg1"]
    installed.asked_of_systemd()
    refused = installed.dpkg("--remove", "lvmkit")
    assert (refused.returncode, KIT_NEEDED in refused.stderr, ANYWAY in refused.stderr) == (1, True, True)
    assert installed.state("lvmkit") == "ri"  # to be removed, and installed
    assert _changes(installed) == []
    installed.unprotect()
    assert installed.dpkg("--remove", "lvmkit").returncode == 0


def test_what_is_not_known_keeps_the_package_too_until_it_is_to_go_anyway(installed: Server) -> None:
    installed.protect()
    installed.write(DATABASE, "no database")
    refused = installed.dpkg("--purge", "lvmkit")
    assert (refused.returncode, UNKNOWN in refused.stderr) == (1, True)
    installed.must("touch", ANYWAY)
    assert installed.dpkg("--remove", "lvmkit").returncode == 0
    assert installed.has(DATABASE)
    assert not installed.has(ANYWAY)


@pytest.mark.parametrize(("text", "stays"), [("# none\n\n", False), ("# one\nvg1 # UUID\n", True), ("vg1", True)])
def test_a_purge_keeps_a_list_on_which_there_is_a_volume_group(installed: Server, text: str, stays: bool) -> None:
    installed.protect()
    installed.unprotect()
    installed.write(LIST, text)
    assert installed.dpkg("--purge", "lvmkit").returncode == 0
    assert installed.has(LIST) == stays
    assert [path for path in ("/var/lib/lvmkit", KIT, "/etc/default/lvmkit") if installed.has(path)] == []


def test_settings_that_were_changed_outlive_an_upgrade(installed: Server, later: str) -> None:
    installed.write("/etc/default/lvmkit", "LKCHECKINTERVAL=77\n")
    installed.install(later)
    assert installed.must("cat", "/etc/default/lvmkit") == "LKCHECKINTERVAL=77\n"
    assert installed.must("dpkg-query", "-W", "-f", "${Version}", "lvmkit") == NEXT


def test_a_kit_that_was_installed_by_make_is_not_joined_by_a_second_one(server: Server, package: str) -> None:
    server.must("mkdir", "-p", f"{CORE}/lib/lvmkit")
    refused = server.dpkg("--install", package)
    assert (refused.returncode, BY_HAND in refused.stderr, server.has(KIT)) == (1, True, False)


def test_lifekeepers_core_finds_the_kit_where_it_is_installed(installed: Server, packages: Path) -> None:
    (links,) = (path.name for path in packages.glob("lvmkit-lifekeeper_*.deb"))
    refused = installed.dpkg("--install", links)
    assert (refused.returncode, NO_CORE in refused.stderr, installed.has(f"{CORE}/subsys")) == (1, True, False)
    installed.write(f"{CORE}/bin/lcdstatus", "#!/bin/sh\n")
    installed.install(links)
    for kind in ("lvmvg", "lvmlv"):
        script = f"subsys/scsi/resources/{kind}/actions/quickCheck"
        ours, theirs = (installed.run(f"{place}/{script}", "-t", "none") for place in (KIT, CORE))
        assert theirs.returncode == ours.returncode == 1
        assert theirs.stderr.partition(":")[2] == ours.stderr.partition(":")[2] != ""
        assert installed.run(f"{CORE}/lkadm/subsys/scsi/{kind}/bin/canextend").returncode == 1


def test_the_same_sources_make_the_same_packages(packages: Path, tmp_path: Path) -> None:
    elsewhere = ("env", "TZ=Asia/Tokyo", "LC_ALL=C", "HOME=/nonexistent", "sh", "-c", 'umask 077; exec "$@"', "sh")
    again = built(tmp_path / "elsewhere", *elsewhere)
    for path in packages.glob("*_all.deb"):
        assert path.name.startswith("lvmkit_9") or (again / path.name).read_bytes() == path.read_bytes()


LINTIAN = ("lintian", "--fail-on", "error,warning", "--allow-root")


def test_lintian_finds_nothing_wrong(packages: Path) -> None:
    (changes,) = packages.glob("*.changes")
    done = subprocess.run((*LINTIAN, changes), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lintian_of_debian_13_does_not_either(packages: Path) -> None:
    (changes,) = packages.glob("*.changes")
    server = Server(roots.ensure(TRIXIE, "lintian"), packages)
    try:
        done = server.run(*LINTIAN, f"{PACKAGES}/{changes.name}")
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.close()

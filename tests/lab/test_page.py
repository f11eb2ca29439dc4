"""The page in Cockpit with real LVM: the bridge is in the guest, the browser and cockpit-ws are here.

The guest gets Debian's cockpit-bridge from this machine, with the libraries that it needs: it needs no network then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from lab.guests.guest import BY_ID, Guest
from lab.guests.image import BOOKWORM, default_release
from tests.web.conftest import BRIDGE, CHROMIUM, COCKPIT, answers, free_port

ROOT = Path(__file__).parents[2]
VG, POINT = "vg1", "/srv/db"
MAKE = f"""
vgcreate -qq {VG} {BY_ID}SHARED1
lvcreate -qq -L 64M -n db {VG}
mkfs.ext4 -q /dev/{VG}/db
mkdir -p {POINT}
mount /dev/{VG}/db {POINT}
lvmkit -q create {POINT}
vgextend -qq {VG} {BY_ID}SHARED2
"""
PATIENCE = 120_000
"""milliseconds for a command of the kit"""

pytestmark = pytest.mark.slow


def bridge_files() -> str:
    """The files of cockpit-bridge and the libraries that it is linked with, one a line, without the leading slash."""
    listed = subprocess.run(("dpkg", "-L", "cockpit-bridge"), capture_output=True, text=True, check=True).stdout
    linked = subprocess.run(("ldd", BRIDGE), capture_output=True, text=True, check=True).stdout
    libraries = [word for line in linked.splitlines() for word in line.split() if word.startswith("/")]
    files = [path for path in listed.splitlines() if os.path.isfile(path) and "/doc/" not in path]
    return "".join(f"{path[1:]}\n" for path in [*files, *libraries])


@pytest.fixture
def page(guest: Guest, tmp_path: Path) -> Iterator[Page]:
    """The page of a guest that protects a file system whose volume group has just got a second disk."""
    if default_release() != BOOKWORM or not all(map(os.path.exists, (CHROMIUM, COCKPIT, BRIDGE))):
        pytest.skip(
            "needs cockpit-ws, cockpit-bridge and chromium here, of the guest's release (make web installs them)"
        )
    packed = ("tar", "--create", "--dereference", "--directory=/", "--files-from=-")
    archive = subprocess.run(packed, input=bridge_files().encode(), capture_output=True, check=True).stdout
    guest.run("tar", "--extract", "--skip-old-files", "--directory=/", stdin=archive)
    guest.sh(MAKE, timeout=300)
    session = tmp_path / "session"
    lab = f"{sys.executable} tests/lab/lab --name '{guest.lab.name}'"
    session.write_text(f"#!/bin/sh\ncd {ROOT} && exec {lab} run 1 -- cockpit-bridge\n")
    session.chmod(0o755)
    port = free_port()
    ws = (COCKPIT, "--no-tls", "-a", "127.0.0.1", "-p", str(port), f"--local-session={session}")
    with subprocess.Popen(ws, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 20
        while not answers(port):
            assert time.monotonic() < end
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            opened = browser.new_page(locale="en-US")
            opened.goto(f"http://127.0.0.1:{port}/cockpit/@localhost/lvmkit/index.html")
            expect(opened.locator(f'tr[data-tag="{VG}"]')).to_be_visible(timeout=PATIENCE)
            yield opened
            browser.close()
        process.terminate()


def resource_configuration(page: Page) -> Locator:
    """The dialog with the detected change."""
    page.locator(f'tr[data-tag="{VG}"]').get_by_role("button", name=VG, exact=True).click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_role("button", name="Resource configuration").click()
    expect(dialog).to_contain_text("was added", timeout=PATIENCE)
    return dialog


def known_disks(guest: Guest) -> int:
    """How many disks the hierarchy has; the record of what the checks expect must agree with the kernel."""
    tags = guest.run("lvmkit", "tags", "--type", "disk", timeout=120).stdout.split()
    guest.run("lvmkit", "check", timeout=120)
    return len(tags)


def test_a_disk_that_vgextend_added_is_followed(guest: Guest, page: Page) -> None:
    dialog = resource_configuration(page)
    assert known_disks(guest) == 1
    dialog.get_by_role("button", name="Reconfigure").click()
    expect(dialog.get_by_text("Done.", exact=True)).to_be_visible(timeout=PATIENCE)
    dialog.get_by_role("button", name="Done", exact=True).click()
    expect(page.locator("tr[data-tag]")).to_have_count(5, timeout=PATIENCE)
    assert known_disks(guest) == 2


def test_a_tab_that_is_closed_in_the_middle_leaves_nothing_half_done(guest: Guest, page: Page) -> None:
    resource_configuration(page).get_by_role("button", name="Reconfigure").click()
    page.close(run_before_unload=False)
    guest.sh("while pgrep -f 'lvmkit reconfigure'; do sleep 0.5; done", timeout=120)
    assert guest.run("lvmkit", "journal", timeout=120).stdout == ""
    assert known_disks(guest) in (1, 2)

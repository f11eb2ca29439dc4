"""The page in Cockpit with real LVM: the bridge is in the guest, the browser and cockpit-ws are here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from lab.guests import cockpit
from lab.guests.guest import BY_ID, Guest
from tests.web.conftest import CHROMIUM, free_port

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


@pytest.fixture
def page(guest: Guest, tmp_path: Path) -> Iterator[Page]:
    """The page of a guest that protects a file system whose volume group has just got a second disk."""
    if cockpit.why_not() or not os.path.exists(CHROMIUM):
        pytest.skip(f"{cockpit.why_not() or 'needs chromium'}")
    guest.sh(MAKE, timeout=300)
    with cockpit.served(guest.lab, guest.node, tmp_path, free_port()) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(locale="en-US")
        opened.goto(address)
        expect(opened.locator(f'tr[data-tag="{VG}"]')).to_be_visible(timeout=PATIENCE)
        yield opened
        browser.close()


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
    guest.sh("while pgrep -f '[l]vmkit reconfigure'; do sleep 0.5; done", timeout=120)
    assert guest.run("lvmkit", "journal", timeout=120).stdout == ""
    assert known_disks(guest) in (1, 2)

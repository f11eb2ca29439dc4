"""The page's main jobs, in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.web.conftest import Visit, Visits

TAG = "/srv/data"


def row(page: Page, tag: str) -> Locator:
    """The row of a resource."""
    return page.locator(f'tr[data-tag="{tag}"]')


def states(page: Page, tag: str) -> Locator:
    """The states of a resource, in the order of the servers."""
    return row(page, tag).locator(".pf-v6-c-label__text")


def choose(page: Page, tag: str, action: str) -> Locator:
    """Choose from the menu of a resource; the dialog that opens."""
    row(page, tag).get_by_role("button", name=f"Actions for {tag}").click()
    page.get_by_role("menuitem", name=action).click()
    return page.locator("dialog[open]")


def carry_out(dialog: Locator, name: str) -> None:
    """Do what the dialog shows, to its end."""
    dialog.get_by_role("button", name=name, exact=True).click()
    expect(dialog.get_by_text("Done.", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Done", exact=True).click()
    expect(dialog).to_have_count(0)


def test_the_tree_has_every_resource_with_its_state_on_each_server(visit: Visit) -> None:
    expect(visit.page.locator("tr[data-tag]")).to_have_count(4)
    for tag in (TAG, "vg1/data", "vg1", "disk-A"):
        expect(states(visit.page, tag)).to_have_text(["ISP", "OSU"])
    assert {url.split("/")[2] for url in visit.requests} == {f"127.0.0.1:{visit.cockpit.port}"}


def test_resources_are_shown_by_their_ids_too(visit: Visit) -> None:
    visit.page.get_by_role("button", name="ID", exact=True).click()
    expect(row(visit.page, "vg1")).to_contain_text("lvmvg-vg1")


def test_where_a_resource_is_not_extended_to_its_cell_is_blank(visit: Visit) -> None:
    assert visit.cockpit.kit("unextend", TAG, "--from", "n2") == 0
    expect(states(visit.page, TAG)).to_have_text(["ISP"])
    dialog = choose(visit.page, TAG, "Extend…")
    expect(dialog).to_contain_text("extend vg1, vg1/data, /srv/data to n2")
    carry_out(dialog, "Extend")
    expect(states(visit.page, TAG)).to_have_text(["ISP", "OSU"])


def test_a_move_shows_first_what_it_would_do_and_the_tree_follows(visit: Visit) -> None:
    dialog = choose(visit.page, TAG, "In service…")
    expect(dialog.locator("li")).to_have_text(
        [f"take {tag} out of service on n1" for tag in (TAG, "vg1/data", "vg1")]
        + [f"bring {tag} in service on n2" for tag in ("vg1", "vg1/data", TAG)]
    )
    expect(states(visit.page, TAG)).to_have_text(["ISP", "OSU"])
    carry_out(dialog, "In service")
    expect(states(visit.page, TAG)).to_have_text(["OSU", "ISP"])


def test_cancel_changes_nothing(visit: Visit) -> None:
    dialog = choose(visit.page, "vg1", "Out of service…")
    expect(dialog).to_contain_text("take vg1 out of service")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(states(visit.page, TAG)).to_have_text(["ISP", "OSU"])


def test_out_of_service_takes_what_is_above_along(visit: Visit) -> None:
    dialog = choose(visit.page, "vg1/data", "Out of service…")
    carry_out(dialog, "Out of service")
    expect(states(visit.page, TAG)).to_have_text(["OSU", "OSU"])


def test_unextend_and_delete_leave_the_data_and_the_page_with_first_steps(visit: Visit) -> None:
    carry_out(choose(visit.page, TAG, "Unextend…"), "Unextend")
    expect(states(visit.page, TAG)).to_have_text(["ISP"])
    dialog = choose(visit.page, TAG, "Delete…")
    expect(dialog).to_contain_text("Data, volumes and mounts stay as they are.")
    carry_out(dialog, "Delete")
    expect(visit.page.get_by_role("heading", name="Nothing is protected yet")).to_be_visible()


class TestResourceConfiguration:
    def test_a_detected_change_is_shown_then_applied_step_by_step(self, visit: Visit) -> None:
        visit.cockpit.order("grow", "slow")
        row(visit.page, "vg1").get_by_role("button", name="vg1", exact=True).click()
        dialog = visit.page.locator("dialog[open]")
        dialog.get_by_role("button", name="Resource configuration").click()
        expect(dialog).to_contain_text("disk /dev/disk/by-id/wwn-B was added")
        dialog.get_by_role("button", name="Reconfigure").click()
        done = dialog.get_by_role("button", name="Done", exact=True)
        expect(dialog.locator(".lk-steps li").first).to_be_visible()
        expect(done).to_be_disabled()
        for _ in range(3):
            visit.page.keyboard.press("Escape")
        expect(dialog).to_be_visible()
        expect(dialog.get_by_text("Done.", exact=True)).to_be_visible(timeout=15_000)
        expect(dialog.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
        done.click()
        expect(states(visit.page, "disk-B")).to_have_text(["ISP", "OSU"])
        expect(row(visit.page, "vg1")).to_be_focused()

    def test_without_a_change_there_is_nothing_to_apply(self, visit: Visit) -> None:
        row(visit.page, "vg1").get_by_role("button", name="vg1", exact=True).click()
        dialog = visit.page.locator("dialog[open]")
        dialog.get_by_role("button", name="Resource configuration").click()
        expect(dialog).to_contain_text("No change was detected.")
        expect(dialog.get_by_role("button", name="Reconfigure")).to_have_count(0)

    def test_what_changed_since_it_was_shown_is_not_applied(self, visit: Visit) -> None:
        visit.cockpit.order("grow")
        row(visit.page, "vg1").get_by_role("button", name="vg1", exact=True).click()
        dialog = visit.page.locator("dialog[open]")
        dialog.get_by_role("button", name="Resource configuration").click()
        expect(dialog).to_contain_text("was added")
        visit.cockpit.order("grow_again")
        dialog.get_by_role("button", name="Reconfigure").click()
        expect(dialog.locator(".pf-m-danger")).to_contain_text(re.compile("changed|differs|another"))
        dialog.get_by_role("button", name="Done", exact=True).click()
        expect(row(visit.page, "disk-B")).to_have_count(0)

    def test_a_page_that_is_closed_in_the_middle_leaves_nothing_half_done(self, visit: Visit) -> None:
        visit.cockpit.order("grow", "slow")
        row(visit.page, "vg1").get_by_role("button", name="vg1", exact=True).click()
        dialog = visit.page.locator("dialog[open]")
        dialog.get_by_role("button", name="Resource configuration").click()
        dialog.get_by_role("button", name="Reconfigure").click()
        expect(dialog.locator(".lk-steps li").first).to_be_visible()
        visit.page.close(run_before_unload=False)
        visit.cockpit.order("fast", "assert_nothing_half_done")


def test_an_engine_that_does_not_answer_is_said_and_asked_again(visit: Visit) -> None:
    expect(states(visit.page, TAG)).to_have_text(["ISP", "OSU"])
    visit.cockpit.order("stop_cluster")
    expect(visit.page.locator(".lk-notices .pf-m-danger")).to_contain_text("Pacemaker")
    expect(visit.page.get_by_role("button", name="Doctor")).to_have_count(0)
    visit.cockpit.order("start_cluster")
    expect(states(visit.page, TAG)).to_have_text(["OSU", "ISP"], timeout=15_000)
    expect(visit.page.locator(".lk-notices .pf-m-danger")).to_have_count(0)


def test_an_open_menu_outlives_a_new_look(visit: Visit) -> None:
    row(visit.page, TAG).get_by_role("button", name=f"Actions for {TAG}").click()
    visit.cockpit.order("fail")
    expect(visit.page.locator(".lk-notices .pf-v6-c-alert").first).to_be_visible()
    expect(visit.page.get_by_role("menuitem").first).to_be_focused()


def test_a_fault_is_shown_with_its_number_and_what_to_do(visit: Visit) -> None:
    expect(states(visit.page, TAG).first).to_be_visible()
    visit.cockpit.order("fail")
    fault = visit.page.locator(".lk-notices .pf-v6-c-alert").first
    expect(fault).to_be_visible()
    expect(fault.locator(".lk-number")).to_have_text(re.compile(r"^\d{6}$"))
    expect(fault).to_contain_text("Check the disk")
    expect(row(visit.page, "vg1")).to_contain_text("the kernel disagrees")


def test_where_nothing_is_protected_the_first_steps_lead_to_a_protected_mount_point(visits: Visits) -> None:
    page = visits().page
    page.get_by_role("button", name="Protect a file system…").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_label("Mount point")).to_have_text("/srv/data (/dev/vg1/data)")
    expect(dialog).to_contain_text("make n1 the owner of volume group vg1")
    carry_out(dialog, "Create")
    expect(states(page, TAG)).to_have_text(["ISP"])
    page.get_by_role("button", name="Protect…").click()
    expect(dialog).to_contain_text("No mounted file system on a logical volume is without protection.")


def test_what_the_kit_refuses_is_shown_with_its_number_and_cannot_be_done(visit: Visit) -> None:
    visit.cockpit.order("lose")
    dialog = choose(visit.page, TAG, "In service…")
    expect(dialog.locator(".lk-number").first).to_have_text(re.compile(r"^\d{6}$"))
    expect(dialog.get_by_role("button", name="In service", exact=True)).to_have_count(0)


def test_doctor_shows_what_it_finds_on_each_server(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Doctor").click()
    dialog = visit.page.locator("dialog[open]")
    expect(dialog.get_by_text("110376")).to_have_count(2)
    expect(dialog).to_contain_text("n2: lvmkit-watch.service")


def test_the_last_move_is_shown_with_what_each_step_took_on_every_server(visit: Visit) -> None:
    visit.cockpit.order("log_a_move")
    visit.page.get_by_role("button", name="Last move").click()
    rows = visit.page.locator("dialog[open] tbody tr")
    steps = ("stop /srv/data.*n1.*1.0 s", "stop vg1.*n1.*1.5 s", "start vg1.*n2.*2.0 s", "start /srv/data.*n2.*1.0 s")
    expect(rows).to_have_text(list(map(re.compile, steps)))


def test_a_server_whose_part_of_the_last_move_is_missing_is_named(visit: Visit) -> None:
    visit.cockpit.order("log_a_move", "lose_log")
    visit.page.get_by_role("button", name="Last move").click()
    dialog = visit.page.locator("dialog[open]")
    expect(dialog).to_contain_text("What n2 did is not known")
    expect(dialog.locator("tbody tr")).to_have_count(2)

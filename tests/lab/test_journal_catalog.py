"""In a real journal, each message is explained below it."""

from __future__ import annotations

from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_changes import made
from lab.helpers_service import guest_in


def test_journalctl_explains_a_message_with_its_facts(pushed_lab: Lab) -> None:
    served: Guest = guest_in(pushed_lab, "made", made)
    served.sh("journalctl --update-catalog; lvmkit create /no/such/place || true; journalctl --sync")
    shown = served.run("journalctl", "-x", "-t", "lvmkit", "-o", "short").stdout
    assert "Subject: " in shown
    assert "lvmkit-messages(7)" in shown
    assert "/no/such/place" in shown.partition("Subject: ")[2]

"""apply on a real server: a hierarchy is deleted and made again out of what show had printed, and then all agrees."""

from __future__ import annotations

import json

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_changes import made, protected
from lab.helpers_service import guest_in, numbers

pytestmark = pytest.mark.slow

SAVED = "/root/saved.json"


def _apply(guest: Guest, *words: str) -> dict[str, object]:
    return dict(json.loads(guest.run("lvmkit", "apply", SAVED, "--format", "json", *words, timeout=120).stdout))


def test_what_show_printed_is_made_again(pushed_lab: Lab) -> None:
    guest = guest_in(pushed_lab, "protected", protected, base=("made", made))
    guest.sh(f"lvmkit show --output-format json > {SAVED}")
    before = json.loads(guest.run("cat", SAVED).stdout)
    assert _apply(guest)["nothing_to_do"] is True
    for root in before["roots"]:
        guest.run("lvmkit", "delete", "--yes", root)
    shown = _apply(guest)
    assert (shown["applied"], guest.run("lvmkit", "tags").stdout) == (False, "")
    assert _apply(guest, "--expect", str(shown["digest"]))["applied"] is True
    after = json.loads(guest.run("lvmkit", "show", "--output-format", "json").stdout)
    kept = ("tag", "type", "id", "switchback", "initialisation", "children", "state")
    assert [{key: each[key] for key in kept} for each in after["resources"]] == [
        {key: each[key] for key in kept} for each in before["resources"]
    ]
    again = guest.run("lvmkit", "apply", SAVED, "--yes")
    assert numbers(again, "INFO") == ["110102"]

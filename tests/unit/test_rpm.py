"""What stands about the kit in the spec of its rpm packages is what stands elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lvmkit import VERSION
from lvmkit.model.messages import Message
from lvmkit.model.messages.boot import LvmTooOld
from lvmkit.model.messages.packages import InstalledByHand, NoCoreInstalled
from lvmkit.storage import lvmsight

ROOT = Path(__file__).parents[2]
SPEC = (ROOT / "rpm/lvmkit.spec").read_text()


def test_it_has_the_version_of_the_kit() -> None:
    assert f"kit_version:{VERSION}}}" in SPEC
    assert f"maintainers@lvmkit.invalid> - {VERSION}-1\n" in SPEC


def test_it_needs_what_the_kit_needs() -> None:
    setup = (ROOT / "setup.cfg").read_text()
    (python,), (click,) = re.findall(r"python_requires = >=(.*)", setup), re.findall(r"click>=(.*)", setup)
    for name, version in (("lvm2", lvmsight.OLDEST), ("python3", python), ("python3-click", click)):
        assert re.search(rf"^Requires: +{name} >= {re.escape(version)}$", SPEC, re.MULTILINE)


TOO_OLD = LvmTooOld("${version:-none}", lvmsight.OLDEST)


@pytest.mark.parametrize("message", [InstalledByHand(), TOO_OLD, NoCoreInstalled()], ids=lambda each: each.number)
def test_scripts_that_have_no_kit_yet_say_its_words(message: Message) -> None:
    assert f'echo "lvmkit: ERROR:kit:install::{message.number}:{message.text}" >&2' in SPEC
    assert f'echo "  {message.advice}" >&2' in SPEC


def test_the_boot_starts_what_the_debian_package_enables() -> None:
    preset = (ROOT / "rpm/50-lvmkit.preset").read_text()
    rules = (ROOT / "debian/rules").read_text()
    (enabled,) = re.findall(r"dh_installsystemd -plvmkit --no-start --no-stop-on-upgrade (.*)", rules)
    assert set(re.findall(r"^enable (\S+)", preset, re.MULTILINE)) == set(enabled.split())

"""The files of the page in Cockpit: what can be seen of them without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "share/cockpit/lvmkit"
MODULES = sorted(path for path in PAGE.glob("*.js") if not path.name.startswith("po."))
WORDS = sorted(PAGE.glob("po.*.js"))
LIMIT = 40_000
"""bytes of all modules"""
EXPORT = r"\bexport (?:async )?(?:const|function|class) (\w+)"


def _used() -> set[str]:
    """The texts that the modules have translated."""
    return {json.loads(text) for path in MODULES for text in re.findall(r'\b_\(("(?:[^"\\]|\\.)*")', path.read_text())}


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.name)
def test_every_text_of_the_page_is_translated_and_nothing_else_is(path: Path) -> None:
    lines = dict(re.findall(r'^  ("(?:[^"\\]|\\.)*"): \[null, ("(?:[^"\\]|\\.)*")\],$', path.read_text(), re.MULTILINE))
    words = {json.loads(text): json.loads(translated) for text, translated in lines.items()}
    assert set(words) == _used()
    for text, translated in words.items():
        assert sorted(re.findall(r"\$\d", text)) == sorted(re.findall(r"\$\d", translated)), text


def test_german_and_japanese_are_there() -> None:
    assert [path.name for path in WORDS] == ["po.de.js", "po.ja.js"]


def test_the_modules_stay_small() -> None:
    assert sum(path.stat().st_size for path in MODULES) < LIMIT


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_a_module_offers_another_one_uses(path: Path) -> None:
    """Names within a module are the linter's matter (make lint)."""
    others = "".join(other.read_text() for other in MODULES if other != path)
    unused = [name for name in re.findall(EXPORT, path.read_text()) if not re.search(rf"\b{name}\b", others)]
    assert unused == []


def test_the_page_needs_nothing_that_cockpits_content_policy_forbids_and_asks_nobody_else() -> None:
    assert re.findall(r"<(?:script|style)>| style=| on\w+=", (PAGE / "index.html").read_text()) == []
    assert "content-security-policy" not in json.loads((PAGE / "manifest.json").read_text())
    for path in (*MODULES, PAGE / "index.html", PAGE / "lvmkit.css"):
        text = path.read_text()
        assert re.findall(r"https?://|innerHTML|insertAdjacentHTML|\beval\(|new Function", text) == [], path.name


def test_the_page_starts_programs_by_their_paths_only() -> None:
    kit = (PAGE / "kit.js").read_text()
    assert set(re.findall(r'"(/[^"]+)"', kit)) == {"/usr/sbin/lvmkit"}
    assert [path.name for path in MODULES if "cockpit.spawn" in path.read_text()] == ["kit.js"]
    assert kit.count("cockpit.spawn([LVMKIT") == kit.count("cockpit.spawn(")

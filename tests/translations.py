"""The catalogues of messages in other languages (share/locale) and the table of messages that they translate.

`python -m tests.translations` brings each catalogue up to the table: in its order, with the number of the message above
each sentence, without those that nobody says any more, and with '' for those that have no translation yet.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from lvmkit.model.messages import catalogue

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "share/locale"
_BUILDER = ROOT / "share/install/catalogues.py"


def builder() -> Any:
    """The program that makes what gettext reads."""
    spec = importlib.util.spec_from_file_location("catalogues", _BUILDER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def languages() -> tuple[str, ...]:
    """Those that there are catalogues for."""
    return tuple(sorted(path.stem for path in LOCALE.glob("*.po")))


def read(language: str) -> dict[str, str]:
    """The sentences of a catalogue with their translations; '' is its head."""
    pairs: dict[str, str] = builder().sentences((LOCALE / f"{language}.po").read_text())
    return pairs


def sentences() -> dict[str, int]:
    """Every sentence of the table, with the number of the first message that has it."""
    numbers: dict[str, int] = {}
    for number, kind in catalogue().items():
        for sentence in (kind.template, kind.action):
            if sentence:
                numbers.setdefault(sentence, number)
    return numbers


def written(pairs: dict[str, str]) -> str:
    """A catalogue with these translations."""
    lines = ['msgid ""', f"msgstr {_quoted(pairs[''])}"]
    for sentence, number in sentences().items():
        lines += ["", f"#. {number:06d}", f"msgid {_quoted(sentence)}", f"msgstr {_quoted(pairs.get(sentence, ''))}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def main() -> None:
    """Write all of them anew."""
    for language in languages():
        pairs = read(language)
        (LOCALE / f"{language}.po").write_text(written(pairs))


if __name__ == "__main__":
    main()

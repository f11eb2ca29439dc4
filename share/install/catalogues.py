"""Make gettext's catalogues: `catalogues.py FOLDER LOCALE`.

LOCALE/<language>/LC_MESSAGES/lvmkit.mo is made of each FOLDER/<language>.po.

Written here, as msgfmt is not installed everywhere where `make install` runs. The forms are in the manual of gettext
("The Format of PO Files", "The Format of GNU MO Files"); of them only what our files use: no plurals, no contexts.
"""

from __future__ import annotations

import ast
import os
import struct
import sys

_MAGIC, _REVISION, _HEAD = 0x950412DE, 0, struct.Struct("<7I")


def sentences(content: str) -> dict[str, str]:
    """The sentences of a .po file and what they are in its language; '' is its head. Untranslated ones are left out."""
    pairs: dict[str, str] = {}
    sentence = ""
    for line in content.splitlines():
        if line.startswith("msgid "):
            sentence = ast.literal_eval(line[len("msgid ") :])
        elif line.startswith("msgstr "):
            pairs[sentence] = ast.literal_eval(line[len("msgstr ") :])
        elif line and not line.startswith("#"):
            raise ValueError(f"no line of a catalogue here: {line}")
    return {sentence: translation for sentence, translation in pairs.items() if translation}


def packed(pairs: dict[str, str]) -> bytes:
    """The sentences as a .mo file."""
    texts = sorted((sentence.encode(), translation.encode()) for sentence, translation in pairs.items())
    count = len(texts)
    tables = _HEAD.size, _HEAD.size + 8 * count
    place = _HEAD.size + 16 * count
    index, content = b"", b""
    for column in (0, 1):
        for text in texts:
            index += struct.pack("<2I", len(text[column]), place + len(content))
            content += text[column] + b"\0"
    return _HEAD.pack(_MAGIC, _REVISION, count, *tables, 0, place) + index + content


def main(folder: str, locale: str) -> None:
    """Make all of them."""
    for name in sorted(os.listdir(folder)):
        with open(f"{folder}/{name}", encoding="utf-8") as source:
            content = packed(sentences(source.read()))
        place = f"{locale}/{os.path.splitext(name)[0]}/LC_MESSAGES"
        os.makedirs(place, exist_ok=True)
        with open(f"{place}/lvmkit.mo", "wb") as made:
            made.write(content)


if __name__ == "__main__":
    main(*sys.argv[1:])

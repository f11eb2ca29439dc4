"""What the engine accepts as a word of its records."""

from __future__ import annotations

from lvmkit.model import names


def is_component(word: str) -> bool:
    """Whether an application, a resource type or an action can have this name, which becomes part of a path."""
    # LVM's rule fits: letters, digits and '+_.-', and neither an option nor a way out of the folder.
    return names.is_vg_name(word)


def is_storable(text: str, allowed: str = "") -> bool:
    """Whether text is UTF-8 and holds no control character, which could separate fields or lines.

    allowed: control characters that may occur.
    """
    return not any((c < " " and c not in allowed) or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in text)

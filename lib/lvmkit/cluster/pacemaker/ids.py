"""Identifiers of our elements in the CIB.

An XML ID is an NCName: no '/', '+', ':', blank, and no digit first (Namespaces in XML 1.0, section 3; XSD 'ID').
Ours are 'lvmkit-' and the tag, in which every byte but ASCII letters, digits, '.' and '-' is '_' and two hexadecimal
digits, and '_' itself is '__'. So a tag can be read back, and '_' before any other letter begins a word of ours.
"""

from __future__ import annotations

PREFIX = "lvmkit-"

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
_HEX = frozenset("0123456789abcdef")
_UNDERSCORE = ord("_")


def encoded(text: str) -> str:
    """Any text as part of an ID: encoded("/srv/db") is "_2fsrv_2fdb"."""
    return "".join(map(_written, text.encode("utf-8", "surrogateescape")))


def decoded(part: str) -> str | None:
    """What was encoded; None when this is not the one spelling of any text."""
    data = bytearray()
    position = 0
    while position < len(part):
        byte, length = _read(part[position : position + 3])
        if byte is None:
            return None
        data.append(byte)
        position += length
    text = data.decode("utf-8", "surrogateescape")
    return text if encoded(text) == part else None


def resource_id(tag: str) -> str:
    """The ID of the primitive of a tag."""
    return PREFIX + encoded(tag)


def tag_of(element_id: str) -> str | None:
    """The tag of a primitive's ID; None when it is not one of ours."""
    return decoded(element_id[len(PREFIX) :]) or None if element_id.startswith(PREFIX) else None


def part_id(owner: str, word: str, *others: str) -> str:
    """The ID of something that belongs to an element: part_id("lvmkit-a", "on", "n1") is "lvmkit-a_on_n1".

    word: must not begin with a hexadecimal digit or '_'.  others: any text, encoded here.
    """
    return "_".join((owner, word, *map(encoded, others)))


def _written(byte: int) -> str:
    if byte in _PLAIN:
        return chr(byte)
    return "__" if byte == _UNDERSCORE else f"_{byte:02x}"


def _read(start: str) -> tuple[int | None, int]:
    """(byte, how many characters it takes) at the start of an encoded text; None where none begins."""
    if start[0] != "_":
        return (ord(start[0]), 1) if start[0].isascii() and ord(start[0]) in _PLAIN else (None, 1)
    if start[1:2] == "_":
        return _UNDERSCORE, 2
    digits = start[1:]
    return (int(digits, 16), 3) if len(digits) == 2 and set(digits) <= _HEX else (None, 1)

"""What restore brought up: the record that quickCheck compares the kernel with.

One file for each volume group, /run/lvmkit/<lvmvg ID>: lines of space-separated words, because quickCheck may not spend
the time that importing `json` costs. Paths are stored in the octal escapes of /proc/self/mountinfo.
"""

from __future__ import annotations

from lvmkit.model.value import Value, once

_ESCAPES = str.maketrans({" ": "\\040", "\n": "\\012", "\t": "\\011", "\\": "\\134"})


class ExpectedLv(Value):
    """A logical volume that restore saw in the kernel."""

    uuid: str
    name: str
    kinds: tuple[str, ...]
    """the target types of its live table, in order, each once; () for whatever LVM makes"""


class ExpectedPv(Value):
    """A physical volume's block device at the time of restore."""

    uuid: str
    device: str
    number: str
    """major:minor"""
    sequence: str
    """the kernel's disk sequence number (sysfs diskseq) of the whole disk; '' where the kernel has none"""


class Record(Value):
    """What was brought up for one volume group."""

    tag: str
    vg: str
    vg_uuid: str
    logical: tuple[ExpectedLv, ...]
    physical: tuple[ExpectedPv, ...]

    @once
    def by_uuid(self) -> dict[str, ExpectedLv]:
        """The volumes by UUID."""
        return {lv.uuid: lv for lv in self.logical}


def dump(record: Record) -> str:
    """The record as the text of its file."""
    text = _line("vg", record.tag, record.vg, record.vg_uuid)
    for lv in record.logical:
        text += _line("lv", lv.uuid, lv.name, ",".join(lv.kinds))
    for pv in record.physical:
        text += _line("pv", pv.uuid, pv.device, pv.number, pv.sequence or "-")
    return text + "end\n"


def parse(text: str) -> Record | None:
    """The record of a file's text; None when it is not whole (the last line must be 'end')."""
    try:
        first, *rest, last, nothing = map(_words, text.split("\n"))
        if first[0] != "vg" or last != ["end"] or nothing != [""]:
            return None
        _, tag, vg, vg_uuid = first
        logical = tuple(_logical(words) for words in rest if words[0] == "lv")
        physical = tuple(_physical(words) for words in rest if words[0] == "pv")
    except (ValueError, IndexError):
        return None
    return Record(tag, vg, vg_uuid, logical, physical)


def _logical(words: list[str]) -> ExpectedLv:
    return ExpectedLv(words[1], words[2], tuple(filter(None, words[3].split(","))))


def _physical(words: list[str]) -> ExpectedPv:
    return ExpectedPv(words[1], words[2], words[3], "" if words[4] == "-" else words[4])


def _line(*words: str) -> str:
    return " ".join(word.translate(_ESCAPES) for word in words) + "\n"


def _words(line: str) -> list[str]:
    return [_plain(word) for word in line.split(" ")]


def _plain(word: str) -> str:
    """The word without its octal escapes."""
    head, *parts = word.split("\\")
    for part in parts:
        head += chr(int(part[:3], 8)) + part[3:]
    return head

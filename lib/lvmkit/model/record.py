"""What restore brought up: the record that quickCheck compares the kernel with.

One file for each volume group, /run/lvmkit/<lvmvg ID>: lines of space-separated words, because quickCheck may not spend
the time that importing `json` costs. Paths are stored in the octal escapes of /proc/self/mountinfo.
"""

from __future__ import annotations

from lvmkit.model.value import Value


class ExpectedLv(Value):
    """A logical volume that restore saw in the kernel."""

    uuid: str
    name: str
    kinds: tuple[str, ...]
    """the target types of its live table, in order, each once"""


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


def dump(record: Record) -> str:
    """The record as the text of its file."""
    lines: list[tuple[str, ...]] = [("vg", record.tag, record.vg, record.vg_uuid)]
    lines += [("lv", lv.uuid, lv.name, ",".join(lv.kinds)) for lv in record.logical]
    lines += [("pv", pv.uuid, pv.device, pv.number, pv.sequence or "-") for pv in record.physical]
    return "".join(" ".join(map(_escaped, line)) + "\n" for line in lines) + "end\n"


def parse(text: str) -> Record | None:
    """The record of a file's text; None when it is not whole (the last line must be 'end')."""
    try:
        first, *rest, last, nothing = [[_plain(word) for word in line.split(" ")] for line in text.split("\n")]
        if first[0] != "vg" or last != ["end"] or nothing != [""]:
            return None
        _, tag, vg, vg_uuid = first
        logical = tuple(ExpectedLv(w[1], w[2], tuple(w[3].split(","))) for w in rest if w[0] == "lv")
        physical = tuple(ExpectedPv(w[1], w[2], w[3], "" if w[4] == "-" else w[4]) for w in rest if w[0] == "pv")
    except (ValueError, IndexError):
        return None
    return Record(tag, vg, vg_uuid, logical, physical)


def _escaped(word: str) -> str:
    return "".join(f"\\{ord(c):03o}" if c in " \n\t\\" else c for c in word)


def _plain(word: str) -> str:
    """The word without its octal escapes."""
    head, *parts = word.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts)

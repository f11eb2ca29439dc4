"""/etc/fstab and /etc/crypttab: what the boot is told to mount, to swap on and to unlock. Text in, entries out.

Sources: fstab(5), crypttab(5), systemd.mount(5), systemd-cryptsetup-generator(8).
"""

from __future__ import annotations

import re

from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_AUTOMOUNTS = ("x-systemd.automount", "comment=systemd.automount")
_NOT_NOW = ("noauto", *_AUTOMOUNTS)
_DROPPED = ("auto", "noauto", "nofail", "none", "-", *_AUTOMOUNTS)
_MOUNT_DEFAULTS, _CRYPT_DEFAULTS = ("auto", "defaults"), ("none", "none")
"""the fields after the first two, where a line leaves them out"""
_QUOTES = "\"'"
_WORD = re.compile(r"""(?:[A-Z]+=)?"[^"]*"(?!\S)|(?:[A-Z]+=)?'[^']*'(?!\S)|\S+""")
"""a field; blanks within quotes around it, or around the value of a tag, belong to it"""


class BootEntry(Value):
    """Something that the boot may do."""

    place: str
    """where it is written: the file, with the line where there are several in one"""
    source: str
    """what it needs: a path, or LABEL=... and the like"""
    target: str
    """what it makes usable: a mount point, a device; what is none of both for swap"""
    options: tuple[str, ...] = ()
    text: str = ""
    """how it is written"""
    remedy: str = ""
    """what to do so that the boot does without it"""
    is_enabled: bool = True
    """whether the boot comes to it at all"""

    @property
    def acts_at_boot(self) -> bool:
        """Whether the boot acts on it: the last option that decides this, if there is one, lets it.

        An automount waits for its first use. With nofail the boot goes on without it, but tries.
        """
        for option in reversed(self.options):
            if option == "auto" or option in _NOT_NOW:
                return self.is_enabled and option == "auto"
        return self.is_enabled

    @property
    def is_automount(self) -> bool:
        """Whether systemd lies in wait at its mount point, to mount it at the first use."""
        return self.is_enabled and not set(_AUTOMOUNTS).isdisjoint(self.options)

    @property
    def may_fail(self) -> bool:
        """Whether the boot goes on without it."""
        return "nofail" in self.options


def mounts(text: str, path: str) -> tuple[BootEntry, ...]:
    """The entries of an fstab; lines that mount(8) would not take are skipped. path: of the file."""
    entries = []
    for number, line in _lines(text):
        source, target, *rest = _WORD.findall(line)
        kind, options = [*rest, *_MOUNT_DEFAULTS[len(rest) :]][:2]
        better = (source, target, kind, _not_at_boot(options), *rest[2:])
        entries.append(_entry(f"line {number} of {path}", _tag(source), _plain(target), options, line, better))
    return tuple(entries)


def unlocked(text: str, path: str) -> tuple[BootEntry, ...]:
    """The entries of a crypttab, each of which makes a device below /dev/mapper."""
    entries = []
    for number, line in _lines(text):
        name, source, *rest = _WORD.findall(line)
        key, options = [*rest, *_CRYPT_DEFAULTS[len(rest) :]][:2]
        better = (name, source, key, _not_at_boot(options))
        entries.append(_entry(f"line {number} of {path}", _tag(source), f"/dev/mapper/{name}", options, line, better))
    return tuple(entries)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) of every line that is no comment and says of something what to do with it."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#") and len(_WORD.findall(line)) > 1:
            yield number, line


def _entry(place: str, source: str, target: str, options: str, line: str, better: tuple[str, ...]) -> BootEntry:
    remedy = f"Write in its place: {' '.join(better)}"
    return BootEntry(place, source, target, tuple(options.split(",")), " ".join(line.split()), remedy)


def _not_at_boot(options: str) -> str:
    """The options with which the boot leaves it alone."""
    kept = [option for option in options.split(",") if option not in _DROPPED]
    return ",".join((*kept, "noauto", "nofail"))


def _tag(word: str) -> str:
    """A source without the quotes around it, or around the value of its tag."""
    key, equals, value = _plain(word).strip(_QUOTES).partition("=")
    return key + equals + value.strip(_QUOTES)


def _plain(word: str) -> str:
    """The word without quotes and without the octal escapes that stand for blanks: \\040 is a space."""
    head, *parts = word.split("\\")
    return head + "".join(map(_plain_part, parts))


def _plain_part(part: str) -> str:
    """What follows a backslash."""
    digits = part[:3]
    is_octal = len(digits) == 3 and set(digits) <= set("01234567")
    return chr(int(digits, 8)) + part[3:] if is_octal else "\\" + part

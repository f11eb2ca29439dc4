"""/etc/fstab: would the boot mount what the kit protects? Text in, answer out."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NOT_AT_BOOT = ("noauto", "x-systemd.automount", "comment=systemd.automount")
_QUOTES = "\"'"


def mounts_at_boot(fstab_text: str, mount_point: str, devices: Iterable[str] = ()) -> bool:
    """Whether an entry for the mount point or for one of the devices is acted on during boot.

    fstab_text: the file's content.  mount_point: a path.
    devices: every spelling of the device that counts: /dev/vg/lv, /dev/mapper/vg-lv, UUID=..., LABEL=...
    Swap on the device counts. noauto counts where no auto follows it; an automount waits for its first use, so it does
    not. nofail makes the boot go on, but it still mounts. Source: fstab(5), systemd.mount(5).
    """
    wanted = frozenset(devices)
    for line in fstab_text.splitlines():
        device, target, options = _fields(line)
        is_meant = device in wanted or _same_folder(target, mount_point)
        if target and is_meant and _acts_at_boot(options):
            return True
    return False


def _fields(line: str) -> tuple[str, str, tuple[str, ...]]:
    """(device, mount point, options) of a line; all empty for a comment or a line that mount would not take."""
    words = line.split()
    if len(words) < 2 or words[0].startswith("#"):
        return "", "", ()
    options = words[3].split(",") if len(words) > 3 else ()
    tag, equals, value = _plain(words[0]).partition("=")
    return tag + equals + value.strip(_QUOTES), _plain(words[1]), tuple(options)


def _acts_at_boot(options: tuple[str, ...]) -> bool:
    """Whether the last option that decides this, if there is one, lets the boot mount it."""
    for option in reversed(options):
        if option in ("auto", *_NOT_AT_BOOT):
            return option == "auto"
    return True


def _same_folder(one: str, other: str) -> bool:
    return one.startswith("/") and (one.rstrip("/") or "/") == (other.rstrip("/") or "/")


def _plain(word: str) -> str:
    """The word without the octal escapes that stand for blanks: \\040 is a space."""
    head, *parts = word.split("\\")
    return head + "".join(map(_plain_part, parts))


def _plain_part(part: str) -> str:
    """What follows a backslash."""
    digits = part[:3]
    is_octal = len(digits) == 3 and set(digits) <= set("01234567")
    return chr(int(digits, 8)) + part[3:] if is_octal else "\\" + part

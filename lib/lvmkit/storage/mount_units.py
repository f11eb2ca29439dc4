"""Mount and swap units of systemd that somebody wrote: read as text, from where systemd reads them (systemd.unit(5)).

What a generator made of /etc/fstab is left out: that file speaks for itself.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.storage import files, sysfs
from lvmkit.storage.fstab import BootEntry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""where units are, those that count first; the administrator's, then what was made for this boot, then packages'"""

_KINDS = (".mount", ".swap")
_PULLING = (".wants", ".requires", ".upholds")
"""ends of the folders that hold links to units which are started with the one that the folder is named after"""
_FROM_FSTAB = "/etc/fstab"


def mount_units() -> tuple[BootEntry, ...]:
    """Every mount and swap unit; those that something starts are enabled. One that cannot be read is left out."""
    started = set(_started())
    entries = []
    for name, path in _units().items():
        settings = _settings(name, path)
        if settings.get("What") and settings.get("SourcePath") != _FROM_FSTAB:
            entries.append(_entry(name, path, settings, is_enabled=name in started))
    return tuple(entries)


def _entry(name: str, path: str, settings: dict[str, str], *, is_enabled: bool) -> BootEntry:
    source, target = _plain(settings["What"]), _plain(settings.get("Where", "none"))
    return BootEntry(
        place=path,
        source=source,
        target=target,
        options=tuple(_plain(settings.get("Options", "")).split(",")),
        text=f"What={source} Where={target}" if "Where" in settings else f"What={source}",
        remedy=f"Run 'systemctl disable {name}', or mask it where another unit starts it",
        is_enabled=is_enabled,
    )


def _units() -> dict[str, str]:
    """The path of each unit: a file in a folder that counts more hides one of its name in another."""
    units: dict[str, str] = {}
    for folder in FOLDERS:
        for name in sysfs.entries(folder):
            if name.endswith(_KINDS):
                units.setdefault(name, f"{folder}/{name}")
    return units


def _started() -> Iterator[str]:
    """The names of units that are started with another one."""
    for folder in FOLDERS:
        for name in sysfs.entries(folder):
            if name.endswith(_PULLING):
                yield from sysfs.entries(f"{folder}/{name}")


def _settings(name: str, path: str) -> dict[str, str]:
    """The settings of a unit with its drop-ins, of several the last; empty where it is masked or cannot be read.

    Their sections are not looked at: no two of them have settings of one name that matter here.
    """
    parts = [path]
    for folder in reversed(FOLDERS):
        for part in sysfs.entries(f"{folder}/{name}.d"):
            parts.append(f"{folder}/{name}.d/{part}")
    texts = [_text(part) for part in parts]
    settings: dict[str, str] = {}
    for line in "\n".join(texts if texts[0] else ()).replace("\\\n", " ").splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key[:1] not in ("", "#", ";"):
            settings[key.rstrip()] = value.strip()
    return settings


def _text(path: str) -> str:
    """A masked unit is a link to /dev/null, which is no regular file."""
    try:
        return files.read(path) or ""
    except Failure:
        return ""


def _plain(value: str) -> str:
    """A value without the escape of its percent signs; other specifiers stay, and match nothing."""
    return value.replace("%%", "%")

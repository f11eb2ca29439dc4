"""/etc/default/LifeKeeper and /etc/default/lvmkit: the tunables, read as data. They look like shell; none sees them.

On the quickCheck path, so nothing heavy is imported here.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.settings import ENGINES, MISSING_PV_POLICIES, NO, OWNERSHIPS, RESERVATIONS, WATCHES, YES, Settings
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.model.messages import Message

LONGEST = 86400
"""seconds: no time in this file is longer than a day"""
MOST_RETRIES = 1000


def load_settings(*paths: str) -> tuple[Settings, tuple[Message, ...]]:
    """The settings of several files, as if they were one, and messages about the lines that were ignored.

    A key that is missing or has an invalid value keeps its default. Keys of other programs are skipped. Where a key is
    there twice, the last line counts.
    Raises nothing: a file that cannot be read gives nothing but the message that says so.
    """
    given: dict[str, object] = {}
    ignored: dict[str, Message] = {}
    unreadable: tuple[Message, ...] = ()
    for path in paths:
        try:
            text = files.read(path)
        except Failure as failure:
            unreadable += failure.messages
            continue
        _take(text or "", path, given, ignored)
    return Settings(**given), (*unreadable, *ignored.values())  # type: ignore[arg-type]


def _take(text: str, path: str, given: dict[str, object], ignored: dict[str, Message]) -> None:
    """Let the lines of a file go before what was given or ignored so far."""
    for key, value in map(_pair, text.splitlines()):
        if key in _KEYS:
            field, convert = _KEYS[key]
            given.pop(field, None)
            ignored.pop(key, None)
            try:
                given[field] = convert(value)
            except ValueError:
                from lvmkit.model.messages.storage import SettingIgnored  # few files need it

                ignored[key] = SettingIgnored(path, key, value, str(getattr(Settings, field)))


def _pair(line: str) -> tuple[str, str]:
    """(key, value) of a line; ('', '') when it is no assignment."""
    words = line.strip()
    if words.startswith("export "):
        words = words[len("export ") :].lstrip()
    key, equals, value = words.partition("=")
    return (key, _unquoted(value)) if equals and key.isidentifier() else ("", "")


def _unquoted(value: str) -> str:
    """A value without its quotes, or up to the first blank, as a shell would take it."""
    if value[:1] in ("'", '"'):
        return value[1:].partition(value[0])[0]
    return (value.split() or [""])[0] if value[:1].strip() else ""


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 < seconds <= LONGEST:
        raise ValueError(value)
    return seconds


def _patience(value: str) -> float:
    return 0.0 if float(value) == 0 else _seconds(value)


def _between(least: int, most: int) -> Callable[[str], int]:
    def convert(value: str) -> int:
        if not least <= int(value) <= most:
            raise ValueError(value)
        return int(value)

    return convert


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def convert(value: str) -> str:
        if value not in words:
            raise ValueError(value)
        return value

    return convert


def _absolute(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(value)
    return value


def _none_or_absolute(value: str) -> str:
    return _absolute(value) if value else ""


_KEYS: dict[str, tuple[str, Callable[[str], object]]] = {
    "LKCHECKINTERVAL": ("check_interval", _between(1, LONGEST)),
    "LVMKIT_MISSING_PV": ("missing_pv", _one_of(MISSING_PV_POLICIES)),
    "LVMKIT_COMMAND_DEADLINE": ("command_deadline", _seconds),
    "LVMKIT_ACTION_DEADLINE": ("action_deadline", _seconds),
    "LVMKIT_PROBE_DEADLINE": ("probe_deadline", _seconds),
    "LVMKIT_DEEP_DEADLINE": ("deep_deadline", _seconds),
    "LVMKIT_PEER_PATIENCE": ("peer_patience", _seconds),
    "LVMKIT_BUSY_PATIENCE": ("busy_patience", _patience),
    "LVMKIT_LOCK_PATIENCE": ("lock_patience", _patience),
    "FS_UMOUNT_RETRIES": ("umount_retries", _between(0, MOST_RETRIES)),
    "LVMKIT_KILL_RETRIES": ("kernel_retries", _between(0, MOST_RETRIES)),
    "REMOTETIMEOUT": ("remote_timeout", _between(1, LONGEST)),
    "LVMKIT_RECOVERIES": ("recoveries", _between(0, MOST_RETRIES)),
    "LVMKIT_ENGINE": ("engine", _one_of(ENGINES)),
    "LVMKIT_OWNERSHIP": ("ownership", _one_of(OWNERSHIPS)),
    "LVMKIT_RESERVATION": ("reservation", _one_of(RESERVATIONS)),
    "LVMKIT_SSH": ("ssh", _absolute),
    "LKROOT": ("lkroot", _absolute),
    "LVMKIT_CORE_FENCES": ("core_fences", _one_of((YES, NO))),
    "LVMKIT_WATCH": ("watch", _one_of(WATCHES)),
    "LVMKIT_WATCH_INTERVAL": ("watch_interval", _between(1, LONGEST)),
    "LVMKIT_ALERT_AGENT": ("alert_agent", _none_or_absolute),
    "LVMKIT_ALERT_RECIPIENT": ("alert_recipient", str),
    "LVMKIT_METRICS": ("metrics", _none_or_absolute),
}

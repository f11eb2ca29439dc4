"""Which machine this is, and which boot of its kernel."""

from __future__ import annotations

from lvmkit.model.messages import Failure

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_MACHINE_ID = "/etc/machine-id"
_HEXADECIMAL = frozenset("0123456789abcdef")


def boot_id() -> str:
    """The kernel's random ID of this boot (source: random(4)). Raises Failure (000010) where /proc does not have it."""
    try:
        with open(_BOOT_ID, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        from lvmkit.model.messages.guide import ResourceInformationUnreadable  # it is always there

        raise Failure(ResourceInformationUnreadable(f"{_BOOT_ID}: {error.strerror}")) from error


def machine_id() -> str:
    """The ID that an installation gets once and keeps, whatever its name (machine-id(5)); '' where it has none."""
    try:
        with open(_MACHINE_ID, encoding="utf-8", errors="replace") as file:
            text = file.read(64).strip()
    except OSError:
        return ""
    return text if len(text) == 32 and set(text) <= _HEXADECIMAL else ""

"""Which boot of which kernel this is."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ResourceInformationUnreadable

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_id() -> str:
    """The kernel's random ID of this boot (source: random(4)). Raises Failure (000010) where /proc does not have it."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError as error:
        raise Failure(ResourceInformationUnreadable(f"{_BOOT_ID}: {error.strerror}")) from error

"""What nbd-server offers to other servers, by its configuration (nbd-server(5)): a section for each export."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.storage import files, sysfs

_CONFIG, _MORE = "/etc/nbd-server/config", "/etc/nbd-server/conf.d"


def of_device(number: str) -> str:
    """The name of the export of a device (major:minor), '' where there is none. What cannot be read exports nothing."""
    for path in (_CONFIG, *(f"{_MORE}/{name}" for name in sysfs.entries(_MORE) if name.endswith(".conf"))):
        name = ""
        for line in _lines(path):
            key, _, value = line.partition("=")
            if line.startswith("[") and line.endswith("]"):
                name = line[1:-1]
            elif key.strip() == "exportname" and sysfs.number_of(value.strip()) == number:
                return name
    return ""


def _lines(path: str) -> list[str]:
    try:
        return [line.strip() for line in (files.read(path) or "").splitlines()]
    except Failure:
        return []

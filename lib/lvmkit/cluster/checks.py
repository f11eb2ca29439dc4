"""What every engine demands of the fields of an instance before it stores one."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import INFO_SEPARATOR, INITIALISATIONS, SWITCHBACKS
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.instance import Instance


def refuse_unstorable(instance: Instance, forbidden: str = "") -> None:
    """Raise Failure (InvalidName, 110100) for a field that scripts and records cannot carry. forbidden: see below."""
    info = instance.info.replace(INFO_SEPARATOR, "")
    require(names.is_tag(instance.tag), instance.tag, "tag")
    require(bool(instance.id) and is_storable(instance.id, forbidden), instance.id, "ID")
    require(is_storable(info, forbidden), instance.info, "info field")
    require(instance.initialisation in INITIALISATIONS, instance.initialisation, "initialisation")
    require(instance.switchback in SWITCHBACKS, instance.switchback, "switchback")


def require_flag(flag: str) -> None:
    """Raise Failure (InvalidName, 110100) for what a list of flags, one a line, cannot carry."""
    require(bool(flag) and is_storable(flag), flag, "flag")


def require(good: bool, given: str, what: str) -> None:
    """Raise Failure (InvalidName, 110100) unless it is good."""
    if not good:
        raise Failure(InvalidName(given, what))


def is_storable(text: str, forbidden: str = "") -> bool:
    """Whether text is UTF-8 and holds no control character, which could separate fields or lines.

    forbidden: further characters for which the engine's records have no form.
    """
    return not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" or c in forbidden for c in text)

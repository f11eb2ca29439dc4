"""The answer of a check."""

from __future__ import annotations

from lvmkit.model.messages import ERROR
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message


class Health(Value):
    """What the kernel says of a resource; who asked for it decides what that means to the caller."""

    messages: tuple[Message, ...]
    """what is wrong, or may become so"""
    is_up: bool
    """whether the kernel holds anything of it"""
    is_recorded: bool = True
    """whether a start of it is on record, so that it is known what should be up"""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; a warning is not."""
        return not any(message.level == ERROR for message in self.messages)

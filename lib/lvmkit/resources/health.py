"""The answer of a check."""

from __future__ import annotations

from lvmkit.model.messages import ERROR
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message


class Health(Value):
    """What the kernel says about a resource; the entry that asked decides what that means for its caller."""

    messages: tuple[Message, ...]
    """what is wrong, or may become so"""
    is_up: bool
    """whether the kernel holds anything of it"""
    is_recorded: bool = True
    """whether a start of it is on record, which says what should be up"""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; warnings don't count."""
        return not any(message.level == ERROR for message in self.messages)
